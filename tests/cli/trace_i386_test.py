# SPDX-License-Identifier: MIT
"""`rst trace` watches programs for i386 that an x86_64 kernel runs: one with probes of librst, which
is compiled here for i386, and one with those of sys/sdt.h."""

import json
import os
import platform
import shutil
import subprocess
import tempfile
from pathlib import Path

import command
import harness
import target
import tracing
from probes import ROUND

SOURCE = Path(__file__).resolve().parents[2]
COMPILER = "i686-linux-gnu-gcc"
LIBRARIES = "/usr/i686-linux-gnu/lib"  # the dynamic linker and the libraries of its package
LIBRST = [SOURCE / "src/error.c", *(file for part in ("arch", "backing", "image", "runtime") for file in sorted((SOURCE / "src" / part).glob("*.c")))]


class I386(tracing.TraceCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        if platform.machine() != "x86_64" or not shutil.which(COMPILER):
            return
        cls.built = cls.enterClassContext(tempfile.TemporaryDirectory(prefix="rst-test-"))
        cls.addClassCleanup(setattr, target, "TARGET", target.TARGET)
        target.TARGET = cls.build("target", SOURCE / "tests/tracers/target.c", *LIBRST)
        # sys/sdt.h is the same for every CPU, so it need not be installed for this one.
        os.mkdir(f"{cls.built}/sys")
        for header in ("sdt.h", "sdt-config.h"):
            for place in ("/usr/include/x86_64-linux-gnu/sys", "/usr/include/sys"):
                if os.path.exists(f"{place}/{header}"):
                    shutil.copy(f"{place}/{header}", f"{cls.built}/sys")
        cls.traced = cls.build("traced_program", SOURCE / "tests/cli/traced_program.c", "-O2")

    @classmethod
    def build(cls, name, *words):
        path = f"{cls.built}/{name}"
        flags = ["-O1", "-std=gnu11", "-D_GNU_SOURCE", "-D_FILE_OFFSET_BITS=64", "-pthread", "-fno-omit-frame-pointer"]
        flags += [f"-I{SOURCE}/{part}" for part in ("include", "src", "tests")] + [f"-I{cls.built}", "-rdynamic"]
        flags += [f"-Wl,-dynamic-linker,{LIBRARIES}/ld-linux.so.2", f"-Wl,-rpath,{LIBRARIES}"]
        subprocess.run([COMPILER, *flags, *map(str, words), "-o", path], check=True)
        return path

    def setUp(self):
        super().setUp()
        if platform.machine() != "x86_64":
            self.skipTest("the kernel runs no programs for i386")
        self.need_commands(COMPILER)
        try:
            subprocess.run([self.traced], stdin=subprocess.DEVNULL, capture_output=True, check=True)
        except OSError as error:
            self.skipTest(f"the kernel runs no programs for i386: {error}")

    def check_librst(self, backing):
        program = self.target(backing)
        tool = self.trace("-p", program.pid, "--json", "types:*", "shop:mixed", "shop:order")
        self.attach(program, tool, "shop:order")
        fires = [(probe, values) for probe in tracing.KINDS for values in program.fire(probe, ROUND)]
        events = self.events(tool, len(fires))
        self.detached(program, "shop:order")
        self.assertEqual(len(events), len(fires), tool)
        for event, (probe, values) in zip(events, fires):
            self.check_event(event, probe, values)

    def test_shows_every_value_of_every_type(self):
        self.check_librst("memfd")

    def test_shows_them_of_a_file(self):
        self.check_librst("file")

    def test_filters_and_stacks(self):
        program = self.target()
        filtered = self.trace("-p", program.pid, "shop:order", "-f", 'customer == "Grace"', "--json", "--stack")
        fires = program.fire("shop:order", ROUND)
        wanted = [int(values[0]) for values in fires if values[1].text == b"Grace"]
        events = self.events(filtered, len(wanted))
        self.assertEqual([event["args"]["id"] for event in events], wanted)
        functions = [frame["function"] for frame in events[0]["stack"][:3]]
        self.assertEqual(functions, ["shop__order", "rst_probe_fire", "checkout"])

    def fire_traced(self, probe, count, *words):
        program = self.program(self.traced)
        tool = self.trace("-p", program.pid, "--json", probe, *words)
        program.tell("")
        return [list(event["args"].values()) for event in self.events(tool, count)]

    # A number of 8 bytes in two registers has an operand of one of them, so it can't be read.
    def test_reads_the_operands_of_a_compiler(self):
        self.assertEqual(
            self.fire_traced("traced:mixed", 5), [[-3, 1], [None, 2], [-7, 3], [-5, 4], [200, 5]]
        )
        self.assertEqual(self.fire_traced("traced:halves", 2), [[2**32 - 1], [-1]])
        self.assertEqual(self.fire_traced("traced:floating", 1), [[9, -2.5, 0.1, 10]])
        self.assertEqual(self.fire_traced("traced:thread", 1, "-f", "arg1 == 77"), [[None, 77]])

    def test_rst_list_shows_it(self):
        (site,) = [site for site in self.sites(self.traced) if site["probe"] == "halves" and site["arguments"][0]["signed"]]
        self.assertEqual((site["arguments"][0]["size"], site["arguments"][0]["kind"]), (4, "register"))
        program = self.target()
        listed = {site["probe"]: site for site in self.sites("-p", program.pid, "shop:*")}
        self.assertEqual([a["type"] for a in listed["order"]["arguments"]], ["uint64", "string", "int32", "double"])
        self.assertRegex(listed["order"]["arguments"][0]["operand"], r"^\d+\(%ebp\)$")
        self.assertEqual(listed["order"]["watched"], 0)


if __name__ == "__main__":
    harness.main()
