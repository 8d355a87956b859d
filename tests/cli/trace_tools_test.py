# SPDX-License-Identifier: MIT
"""`rst trace --for`: what it prints for other tracers, run with them."""

import os
import platform
import re
import shutil
import signal
import subprocess
import time

import command
import harness
import tracing
from bcc_headers import kernel_headers

tracefs = harness.mount_tracefs()

# The probe at a thread's own variable: x86_64's operand names its symbol.
THREAD = "thread arg0=? arg1=?" if platform.machine() == "x86_64" else "thread arg0=99 arg1=77"
ODD = ("floating", "symbol", "thread") if "?" in THREAD else ("floating", "symbol")


class OtherTools(tracing.TraceCase):
    def printed(self, target, tool, *words):
        return self.rst("trace", "-p", target.pid, "shop:order", *words, "--for", tool).out

    def test_gdb(self):
        gdb = self.installed("gdb")
        target = self.target()
        tool = self.tool(gdb, "-nx", "-q", "-p", target.pid, "-x", self.write("commands", self.printed(target, "gdb")))
        self.attach(target, tool, "shop:order")
        target.fire("shop:order", 2)
        tool.wait_for('^shop:order id=1000 customer="Ada" cents=1999 weight=0.5$')
        tool.wait_for('^shop:order id=1001 customer="Grace" cents=-250 weight=1$')
        tool.process.send_signal(signal.SIGINT)
        tool.end_input()
        tool.finish()
        self.detached(target, "shop:order")

    def test_tracefs(self):
        self.refuse(tracefs)
        lock = harness.events_lock()
        self.addCleanup(lock.close)
        target = self.target()
        printed = self.printed(target, "tracefs").replace("instances/rst", f"instances/rst-{os.getpid()}").replace("shop/", f"shop{os.getpid()}/")
        for shell in "/bin/sh", "/bin/bash":
            with self.subTest(shell=shell):
                tool = self.tool(shell, self.write("commands", printed), group=True)
                self.attach(target, tool, "shop:order")
                target.fire("shop:order", 2)
                tool.wait_for('id=1001 customer="Grace" cents=-250 weight=4607182418800017408')
                tool.interrupt()
                tool.finish()
                self.detached(target, "shop:order")
                with open("/sys/kernel/tracing/uprobe_events", encoding="ascii") as events:
                    self.assertNotIn(f"shop{os.getpid()}/", events.read())
                self.assertFalse(os.path.exists(f"/sys/kernel/tracing/instances/rst-{os.getpid()}"))

    def test_tracefs_and_one_probe_in_two_files(self):
        self.refuse(tracefs)
        lock = harness.events_lock()
        self.addCleanup(lock.close)
        targets = [self.target() for _ in range(2)]  # each has a memfd of its own
        pids = [word for target in targets for word in ("-p", target.pid)]
        printed = self.rst("trace", *pids, "shop:order", "--for", "tracefs").out
        printed = printed.replace("instances/rst", f"instances/rst-{os.getpid()}").replace("shop/", f"shop{os.getpid()}/")
        tool = self.tool("/bin/sh", self.write("commands", printed), group=True)
        for target, event in zip(targets, ("order", "order_2")):
            self.attach(target, tool, "shop:order")
            target.fire("shop:order", 1)
            tool.wait_for(f" {event}: ")
        tool.interrupt()
        hits = [line for line in tool.finish() if " order: " in line or " order_2: " in line]
        self.assertEqual(len(hits), 2, hits)
        with open("/sys/kernel/tracing/uprobe_events", encoding="ascii") as events:
            self.assertNotIn(f"shop{os.getpid()}/", events.read())

    def test_the_kernel_takes_the_names(self):
        """At most 63 letters of a probe, and 31 of an argument; each name once."""
        self.refuse(tracefs)
        lock = harness.events_lock()
        self.addCleanup(lock.close)
        path = os.path.join(self.directory(), "long.so")
        provider = f"p{os.getpid()}" + 50 * "x"
        arguments = "int32 arg1, int64 milliseconds_since_the_last_request"
        probes = ["order", *(70 * "y" + end for end in ("", "1", "2"))]
        self.rst("emit", provider, *(f"{probe}({arguments})" for probe in probes), "-o", path)
        printed = self.rst("trace", path, provider + ":*", "--for", "tracefs").out.splitlines()
        adding, removing = ([line for line in printed if f"'{kind}:" in line] for kind in "p-")
        self.assertEqual((len(adding), len(removing)), (len(probes), len(probes)), printed)
        try:
            for line in adding:
                done = subprocess.run(["sh", "-c", line], capture_output=True, text=True, check=False)
                self.assertEqual((done.returncode, done.stderr), (0, ""), line)
            with open("/sys/kernel/tracing/uprobe_events", encoding="ascii") as file:
                events = [line for line in file if path in line]
        finally:
            for line in removing:
                subprocess.run(["sh", "-c", line], capture_output=True, check=False)
        self.assertEqual(len({line.split()[0] for line in events}), len(probes), events)
        for line in events:
            self.assertRegex(line, r" arg1=\S+:s32 arg1_=\S+:s64$")
        with open("/sys/kernel/tracing/uprobe_events", encoding="ascii") as file:
            self.assertNotIn(path, file.read())

    def printed_for_sites(self, tool):
        """The output for the traced program, whose probes have several sites and every kind of
        operand. A copy, since two tracers can't have one site if they differ on its semaphore, and
        bcc asks for one where there is none."""
        program = self.program(shutil.copy(tracing.TRACED_PROGRAM, self.directory()))
        return program, self.rst("trace", "-p", program.pid, "traced:*", "--for", tool).out

    def test_tracefs_and_sites_that_differ(self):
        self.refuse(tracefs)
        lock = harness.events_lock()
        self.addCleanup(lock.close)
        program, printed = self.printed_for_sites("tracefs")
        printed = printed.replace("instances/rst", f"instances/rst-{os.getpid()}").replace("traced/", f"traced{os.getpid()}/")
        tool = self.tool("/bin/sh", self.write("commands", printed), group=True)
        self.fire_until_shown(tool, lambda: program.tell(""), (" arg0=-3 arg1=1", " arg0=-4000000000 arg1=2", " arg0=-7 arg1=3", " arg0=-5 arg1=4", " arg0=200 arg1=5", "arg1=77"))
        tool.interrupt()
        tool.finish()
        self.assertFalse(os.path.exists(f"/sys/kernel/tracing/instances/rst-{os.getpid()}"))

    def test_gdb_and_sites_that_differ(self):
        gdb = self.installed("gdb")
        program, printed = self.printed_for_sites("gdb")
        tool = self.tool(gdb, "-nx", "-q", "-p", program.pid, "-x", self.write("commands", printed))
        tool.wait_for("^Breakpoint 5 ")
        program.tell("")
        for line in ("mixed arg0=-4000000000 arg1=2", "mixed arg0=200 arg1=5", "halves arg0=4294967295", "halves arg0=-1", "unclear arg0=? arg1=2", "symbol arg0=? arg1=?", THREAD, "floating arg0=? arg1=? arg2=? arg3=?"):
            self.assertTrue(any(f"traced:{line}" == seen for seen in tool.lines.seen) or tool.wait_for(f"^traced:{re.escape(line)}$"))
        tool.process.send_signal(signal.SIGINT)
        tool.end_input()
        tool.finish()

    def test_bcc(self):
        self.installed("trace-bpfcc")
        self.refuse(tracefs)
        program, printed = self.printed_for_sites("bcc")
        headers = {**kernel_headers(self.directory()), "PYTHONUNBUFFERED": "1"}
        tool = self.tool("/bin/sh", "-c", "exec " + printed, **headers)
        self.fire_until_shown(tool, lambda: program.tell(""), ("traced:mixed arg0=-4000000000 arg1=2", "traced:mixed arg0=200 arg1=5", "traced:unclear arg0=? arg1=2"))
        tool.finish(signal.SIGINT)
        target = self.target()
        tool = self.tool("/bin/sh", "-c", "exec " + self.printed(target, "bcc"), **headers)
        self.attach(target, tool, "shop:order")
        while not any("Grace" in line for line in tool.lines.seen):  # the semaphore rises before bcc reads hits
            target.fire("shop:order", 2)
            tool.read_for(0.2)
        said = "\n".join(tool.finish(signal.SIGINT))
        self.assertIn("shop:order id=1000 customer=Ada cents=1999 weight=0x3fe0000000000000", said)
        self.assertIn("shop:order id=1001 customer=Grace cents=-250 weight=0x3ff0000000000000", said)
        self.detached(target, "shop:order")

    def test_perf(self):
        self.installed("perf")
        self.refuse(tracefs)
        lock = harness.events_lock()
        self.addCleanup(lock.close)
        target = self.target()  # a memfd, which perf itself does not see
        home = self.directory()
        printed = self.printed(target, "perf")
        tool = self.tool("/bin/sh", self.write("commands", printed), group=True, HOME=home, cwd=home)
        self.attach(target, tool, "shop:order")
        for _ in range(40):  # perf does not tell when its events are enabled
            target.fire("shop:order", 2)
            tool.read_for(0.02)
        tool.interrupt()
        lines = tool.finish()
        self.assertTrue(any('shop:order: ' in line and 'id=1001 customer="Grace" cents=-250' in line for line in lines), tool)
        self.detached(target, "shop:order")
        with open("/sys/kernel/tracing/uprobe_events", encoding="ascii") as events:
            self.assertNotIn("shop/order", events.read())

    def hits(self, event):
        """The kernel's count of hits of an enabled event."""
        with open("/sys/kernel/tracing/uprobe_profile", encoding="ascii") as profile:
            counts = {fields[-2]: int(fields[-1]) for fields in map(str.split, profile) if len(fields) > 2}
        return counts.get(event, 0)

    def test_perf_and_sites_that_differ(self):
        self.installed("perf")
        self.refuse(tracefs)
        lock = harness.events_lock()
        self.addCleanup(lock.close)
        program, printed = self.printed_for_sites("perf")
        home = self.directory()
        tool = self.tool("/bin/sh", self.write("commands", printed), group=True, HOME=home, cwd=home)
        end = time.monotonic() + harness.DEADLINE
        while self.hits("unclear_2") < 2:  # perf does not tell when it enables this, its last event
            self.assertLess(time.monotonic(), end, tool)
            program.tell("")
            tool.read_for(0.05)
        for _ in range(40):  # the kernel counts hits of events that perf has not enabled yet
            program.tell("")
            tool.read_for(0.02)
        tool.interrupt()
        lines = tool.finish()
        for wanted in " traced:mixed_2: .* arg0=-4000000000 arg1=2", " traced:mixed_4: .* arg0=-5 arg1=4", " traced:symbol: ":
            self.assertTrue(any(re.search(wanted, line) for line in lines), lines)
        with open("/sys/kernel/tracing/uprobe_events", encoding="ascii") as events:
            self.assertNotIn("traced/", events.read())

    def test_a_path_that_a_shell_would_not_take_as_it_is(self):
        place = os.path.join(self.directory(), "it's $(touch here)")
        os.mkdir(place)
        self.rst("emit", "shop", "a(uint64 b)", "-o", os.path.join(place, "x.so"))
        for tool in "tracefs", "perf", "bpftrace", "bcc":
            with self.subTest(tool=tool):
                outcome = self.rst("trace", "x.so", "--for", tool, status=command.FAILED, prepare=lambda: os.chdir(place))
                self.assertRegex(outcome.err, "skipped shop:a: rst writes no commands with a path like ")
                self.assertEqual(outcome.out, "")

    def test_bpftrace_and_a_path_with_signs(self):
        """Every site of a probe, in a file whose name bpftrace takes only in quotes. It can't read
        arguments beside floating point, and newer ones then leave out the probe."""
        version = harness.version_in("\n".join(self.run_tool(self.installed("bpftrace"), "--version")))
        self.refuse(tracefs)
        directory = os.path.join(self.directory(), "c++@2-a.b")
        os.mkdir(directory)
        program = self.program(shutil.copy(tracing.TRACED_PROGRAM, directory))
        outcome = self.rst("trace", "-p", program.pid, "traced:[!t]*", "--for", "bpftrace")
        skipped = re.findall(r"^rst: bpftrace 0\.25 and newer will skip traced:(\w+):", outcome.err, re.MULTILINE)
        printed = outcome.out
        words = "exec env " + printed.replace(" bpftrace ", " stdbuf -oL bpftrace ", 1)
        tool = self.tool("/bin/sh", "-c", words)
        wanted = ["mixed arg0=-3 arg1=1", "mixed arg0=-4000000000 arg1=2", "mixed arg0=-7 arg1=3", "mixed arg0=-5 arg1=4", "mixed arg0=200 arg1=5", "halves arg0=-1", "unclear arg1=2", "floating"]
        if version >= (0, 25):
            wanted = [line for line in wanted if line.split()[0] not in skipped]
        self.assertEqual(skipped, ["floating", "symbol"])
        self.fire_until_shown(tool, lambda: program.tell(""), [f"traced:{words}" for words in wanted])
        self.end_bpftrace(tool)

    def test_dtrace(self):
        target = self.target()
        self.assertEqual(
            self.printed(target, "dtrace"),
            f"dtrace -q -n '\nshop{target.pid}:::order\n{{\n"
            '    printf("shop:order");\n'
            '    printf(" id=%u", arg0);\n'
            '    printf(" customer=\\"%s\\"", arg1 ? copyinstr(arg1) : "");\n'
            '    printf(" cents=%d", arg2);\n'
            '    printf(" weight=0x%x", arg3);\n'
            '    printf("\\n");\n'
            "}\n'\n",
        )

    def test_dtrace_and_arguments_that_it_does_not_read(self):
        target = self.target()
        outcome = self.rst("trace", "-p", target.pid, "shop:mixed", "--for", "dtrace")
        self.assertIn("rst: shop:mixed has 12 arguments, of which DTrace reads the first 10\n", outcome.err)
        self.assertIn(", arg9);", outcome.out)
        self.assertNotIn("arg10", outcome.out)

    def test_probes_that_a_tool_can_t_watch(self):
        program = self.program(tracing.TRACED_PROGRAM)
        for tool, name in ("dtrace", "DTrace"), ("bcc", "bcc"):
            with self.subTest(tool=tool):
                outcome = self.rst("trace", "-p", program.pid, "traced:*", "--for", tool)
                for probe in ODD:
                    self.assertIn(f"rst: skipped traced:{probe}: {name} can't watch a probe with floating point, a symbol or", outcome.err)
                    self.assertNotIn(probe, outcome.out)
                self.assertIn("mixed", outcome.out)
                outcome = self.rst("trace", "-p", program.pid, "traced:symbol", "--for", tool, status=command.FAILED)
                self.assertEqual(outcome.out, "")

    def test_a_process_and_a_file(self):
        target = self.target()
        path = os.environ["RST_SDT_LIBRARY"]
        for tool in "perf", "tracefs", "bcc", "gdb":
            with self.subTest(tool=tool):
                said = self.rst("trace", "-p", target.pid, path, "--for", tool)
                self.assertIn("watches the files of the processes of -p in every process", said.err)
                self.assertNotIn(f"-p {target.pid}", said.out)
        said = self.rst("trace", "-p", target.pid, path, "--for", "bpftrace")
        self.assertNotIn("in every process", said.err)
        self.assertIn(f"/pid == {target.pid}/", said.out)

    def test_options_that_only_rst_has(self):
        outcome = self.rst("trace", tracing.TRACED_PROGRAM, "traced:mixed", "--filter", "arg0 > 1", "--count", "--for", "gdb")
        self.assertIn("these commands show every hit until Ctrl-C: only rst has --filter,", outcome.err)

    def test_dtrace_and_a_program_that_is_deleted(self):
        path = shutil.copy(tracing.TRACED_PROGRAM, self.directory())
        program = self.program(path)
        os.unlink(path)
        outcome = self.rst("trace", "-p", program.pid, "traced:mixed", "--for", "dtrace", status=command.FAILED)
        self.assertIn("rst: skipped traced:mixed: DTrace opens files by name, and its file was deleted", outcome.err)

    def test_dtrace_wants_one_process(self):
        path = os.path.join(self.directory(), "shop.so")
        self.rst("emit", "shop", "order(uint64 id)", "-o", path)
        target, other = self.target(), self.target()
        for words in (path,), ("-p", target.pid, path), ("-p", target.pid, "-p", other.pid), ("shop:order",):
            with self.subTest(words=words):
                outcome = self.rst("trace", *words, "--for", "dtrace", status=command.USAGE)
                self.assertIn("name one process with -p", outcome.err)
                self.assertNotIn("skipped", outcome.err)
                self.assertEqual(outcome.out, "")


class HostilePaths(tracing.TraceCase):
    def test_a_path_that_a_terminal_would_obey(self):
        # a next line, marks that change the direction of writing, and a byte that is not UTF-8
        path = os.path.join(self.directory(), "a\x85b\u202ec\u061cd\udcffe", "x.so")
        os.mkdir(os.path.dirname(path))
        self.rst("emit", "shop", "a(uint64 b)", "-o", path)
        obeyed = r"[\x00-\x09\x0b-\x1f\x7f-\xff\u061c\u200e-\u202e\udc80-\udcff]"
        printed = self.rst("trace", path, "shop:a", "--print", environment={"LC_ALL": "C.UTF-8"}).out
        self.assertNotRegex(printed, obeyed)
        outcome = self.rst("trace", path, "--for", "bcc", status=command.FAILED, environment={"LC_ALL": "C.UTF-8"})
        said = r'rst writes no commands with a path like ".*/a\\xc2\\x85b\\xe2\\x80\\xaec\\xd8\\x9cd\\xffe/x.so"'
        self.assertRegex(outcome.err, said)
        self.assertEqual(outcome.out, "")


if __name__ == "__main__":
    harness.main()
