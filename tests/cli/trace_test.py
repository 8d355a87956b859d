# SPDX-License-Identifier: MIT
"""`rst trace` with the installed bpftrace; how it ends and what it refuses; other tracers' commands."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time

import command
import harness
import tracing
import tracing_tests
from bcc_headers import kernel_headers
from screen import Screen
from tracing import RST

tracefs = harness.mount_tracefs()


class Trace(tracing_tests.TraceTests, tracing.TraceCase):
    def setUp(self):
        super().setUp()
        self.refuse(tracefs)


class Ends(tracing.TraceCase):
    def test_ctrl_c_in_a_terminal(self):
        target = self.target()
        screen = Screen(self, "/bin/sh")
        screen.wait_for(r"[#$] *$")  # what is typed before the prompt stands before the output
        screen.type(f"PS1='$ '; {RST} trace -p {target.pid} 'shop:*'; echo status $?", "Enter")
        screen.wait_for("^rst: watching 2 probes; Ctrl-C ends it")
        target.fire("shop:order", 2)
        screen.wait_for('customer="Grace"')
        self.assertIn("\x1b[1mshop:order\x1b[0m", screen.shown("-e"))
        screen.type("C-c")
        shown = screen.wait_for("^status 0")
        self.assertRegex(shown, r"(?m)^\^?C?rst: 2 events: shop:order 2$")
        screen.type(f"NO_COLOR=1 {RST} trace -p {target.pid} --hist cents shop:order; echo status $?", "Enter")
        screen.wait_for("^rst: watching shop:order")
        target.fire("shop:order", 2)
        screen.type("C-c")
        shown = screen.wait_for(r"status 0\s+\$ *\s*$")
        self.assertRegex(shown, r"(?m)^ +\[1K, 2K\)  1  █+$")
        self.assertEqual(target.semaphore("shop:order"), 0)

    def test_a_reader_that_has_read_enough(self):
        target = self.target()
        tool = self.tool("/bin/sh", "-c", f"{RST} trace -p {target.pid} shop:order | head -n 1")
        tool.wait_for("^rst: watching")
        target.fire("shop:order", 1)
        lines = tool.finish()  # by itself: no further event has to tell it
        self.assertEqual(sum("id=" in line for line in lines), 1, tool)
        self.detached(target, "shop:order")

    def test_a_reader_that_has_gone_before_anything_came(self):
        target = self.target()
        tool = self.tool("/bin/sh", "-c", f"{RST} trace -p {target.pid} shop:order | true")
        lines = tool.finish()
        self.assertEqual([line for line in lines if "watching" not in line], [])
        self.detached(target, "shop:order")

    def test_a_full_disk(self):
        target = self.target()
        with open("/dev/full", "w", encoding="ascii") as full:
            process = subprocess.Popen(
                [RST, "trace", "-p", str(target.pid), "shop:order"], stdout=full, stderr=subprocess.PIPE
            )
            self.await_semaphore(target, "shop:order", 1)
            while process.poll() is None:
                target.fire("shop:order", 1)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(0.05)
        words = process.stderr.read().decode()
        process.stderr.close()
        self.assertEqual(process.returncode, command.FAILED, words)
        self.assertIn("rst: standard output: No space left on device", words)

    def test_a_kernel_that_can_not_tell_when_processes_end(self):
        """Before Linux 5.3 there is no pidfd_open(): a filter of system calls makes it so."""
        script = self.write("wrapper.py", """
import ctypes, os, struct, sys
libc = ctypes.CDLL(None)
load, pidfd_open, no_such_call, all_others = (0x20, 0, 0, 0), (0x15, 0, 1, 434), (6, 0, 0, 0x50026), (6, 0, 0, 0x7FFF0000)
code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *line) for line in (load, pidfd_open, no_such_call, all_others)))
program = ctypes.create_string_buffer(struct.pack("HxxxxxxQ", 4, ctypes.addressof(code)))
assert libc.prctl(38, 1, 0, 0, 0) == 0 and libc.prctl(22, 2, program, 0, 0) == 0
os.execv(sys.argv[1], sys.argv[1:])
""")
        targets = [self.target() for _ in range(2)]
        pids = [word for target in targets for word in ("-p", target.pid)]
        tool = self.tool(sys.executable, script, RST, "trace", *pids, "shop:order")
        tool.wait_for("^rst: watching")
        tool.read_for(0.5)  # several ticks
        targets[1].fire("shop:order", 1)
        tool.wait_for("id=1000")
        self.assertEqual(self.ended(tool, signal.SIGINT)[-1], "rst: 1 event")

    def test_when_killed_leaves_nothing(self):
        target = self.target()
        tool = self.trace("-p", target.pid, "shop:order")
        self.attach(target, tool, "shop:order")
        tool.process.kill()
        self.detached(target, "shop:order")

    def test_colours_are_for_terminals(self):
        target = self.target()
        tool = self.trace("-p", target.pid, "shop:order", "-n", "1")
        target.fire("shop:order", 1)
        self.assertNotIn("\x1b", "".join(self.ended(tool)))


class FakeCase(tracing.TraceCase):
    """Runs rst with a bpftrace that is a shell's script."""

    ATTACHED = """echo '{"type": "attached_probes", "data": {"probes": 1}}'\n"""
    TICK = """echo '{"type": "printf", "data": "T"}'\n"""
    TICKS = f"while :; do {TICK.strip()}; read -t 0.05 x </dev/zero 2>/dev/null; done\n"

    def fake(self, script, version="0.17.0"):
        """A PATH with such a bpftrace."""
        path = self.write("bpftrace", f"#!/bin/bash\n[ \"$1\" = --version ] && echo bpftrace v{version} && exit\n" + script)
        os.chmod(path, 0o755)
        return {"PATH": os.path.dirname(path) + ":" + os.environ["PATH"]}


class Totals(FakeCase):
    """Counts are right, or said to be lost: never zeros for what was not seen."""

    COUNT = """echo '{"type": "map", "data": {"@c0": 7}}'\n"""

    def fakely(self, script, *words):
        target = self.target()
        return self.trace("-p", target.pid, "--count", "shop:order", *words, **self.fake(self.ATTACHED + script + self.TICKS))

    def check_lost(self, lines):
        self.assertIn("rst: the totals are lost: bpftrace ended before it gave them", lines)
        self.assertFalse([line for line in lines if "COUNT" in line or "shop:order" in line], lines)

    def test_detaching_may_take_long(self):
        tool = self.fakely(f"end() {{ sleep 10.5; {self.COUNT} exit; }}; trap end INT\n")
        self.assertIn("7      shop:order", self.ended(tool, signal.SIGINT))

    def test_a_ctrl_c_that_comes_twice(self):
        tool = self.fakely(f"end() {{ sleep 0.5; {self.COUNT} exit; }}; trap end INT\n")
        tool.process.send_signal(signal.SIGINT)
        time.sleep(0.05)
        self.assertIn("7      shop:order", self.ended(tool, signal.SIGINT))

    def test_a_second_ctrl_c_gives_up(self):
        tool = self.fakely("trap '' INT\n")
        tool.process.send_signal(signal.SIGINT)
        tool.read_for(1.2)
        self.check_lost(self.ended(tool, signal.SIGINT, command.FAILED))

    def test_bpftrace_is_killed(self):
        for words in (), ("--json",), ("--hist", "cents"):
            target = self.target()
            tool = self.trace("-p", target.pid, *(words if "--hist" in words else ("--count", *words)), "shop:order")
            target.fire("shop:order", 3)
            os.kill(self.bpftrace_of(tool), signal.SIGKILL)
            lines = self.ended(tool, status=command.FAILED)
            self.check_lost(lines)
            self.assertIn("rst: bpftrace was killed by signal 9 (Killed)", lines)

    def test_bpftrace_is_ended_by_somebody_else(self):
        target = self.target()
        tool = self.trace("-p", target.pid, "--count", "shop:order")
        target.fire("shop:order", 3)
        os.kill(self.bpftrace_of(tool), signal.SIGTERM)
        self.assertEqual(self.ended(tool), ["COUNT  PROBE", "3      shop:order", "rst: somebody else has ended bpftrace"])

    @staticmethod
    def bpftrace_of(tool):
        with open(f"/proc/{tool.process.pid}/task/{tool.process.pid}/children", encoding="ascii") as children:
            return int(children.read())

    def test_signals_that_end_it(self):
        for number in signal.SIGTERM, signal.SIGHUP:
            with self.subTest(number=number):
                target = self.target()
                tool = self.trace("-p", target.pid, "--count", "shop:order")
                target.fire("shop:order", 3)
                self.assertEqual(self.ended(tool, number), ["COUNT  PROBE", "3      shop:order"])
                self.detached(target, "shop:order")


class Refusals(FakeCase):
    def test_command_lines_that_make_no_sense(self):
        target = self.target()
        for words, said in (
            ([], "what is to be watched?"),
            (["-p", "x"], "not a process id"),
            (["-n", "0", "a:b"], "not a number of events"),
            (["--seconds", "nan", "a:b"], "not a number of seconds"),
            (["--for", "pref", "a:b"], "did you mean perf"),
            (["--count", "-n", "3", "a:b"], "end a count by --seconds"),
            (["--count", "--hist", "x", "a:b"], "--hist has the counts"),
            (["--hist", "customer", "-p", target.pid, "shop:order"], "it is a string"),
            (["--by", "custmer", "-p", target.pid, "shop:order"], "no such argument, but id, customer, cents, weight"),
            (["--string", "cents", "-p", target.pid, "shop:order"], "too few for an address"),
        ):
            with self.subTest(words=words):
                outcome = self.rst("trace", *words, status=command.USAGE)
                self.assertIn(said, outcome.err)
                self.assertEqual(outcome.out, "")

    def test_filters_that_make_no_sense_are_pointed_at(self):
        target = self.target()
        for text, at, said in (
            ("cents <", 7, "is wanted here"),
            ("cents < 0 &", 10, "&& or || is wanted"),
            ("cent < 0", 0, "no such argument"),
            ("id > 1 && (cents < 0", 20, '")", && or || is wanted'),
            ("customer < 'x'", 11, "== and != alone"),
            ("customer == 5", 12, "is a string"),
            ("cents == 'x'", 9, "is no string"),
            ("cents == 0x", 9, "no number"),
            ("cents == 1 1", 11, "&& or ||"),
            ("customer == 'grün \\q", 18, "the escapes that there are"),
            ("customer == 'x", 12, "has no end"),
            ("customer == '" + "x" * 2000 + "'", 12, "bpftrace reads"),
            ("1 == 1", 0, "there is no argument"),
            ("(" * 60, 50, "within each other"),
        ):
            with self.subTest(filter=text):
                outcome = self.rst("trace", "-p", target.pid, "shop:order", "-f", text, status=command.USAGE, environment={"LC_ALL": "C.UTF-8"})
                lines = outcome.err.splitlines()
                self.assertIn(said, lines[0])
                self.assertEqual(lines[2], " " * (4 + at) + "^")

    def test_what_is_not_there(self):
        target = self.target()
        self.rst("trace", "-p", "4194304", "a:b", status=command.GONE)
        outcome = self.rst("trace", "-p", target.pid, "shop:odrer", status=command.NONE)
        self.assertIn("did you mean shop:order", outcome.err)

    def test_a_file_that_is_not_there_is_not_everything(self):
        target = self.target()
        for word, status in ("shop", command.GONE), (self.write("text", "no ELF"), command.BAD_FILE):
            outcome = self.rst("trace", "-p", target.pid, word, "--print", status=status)
            self.assertEqual(outcome.out, "")

    def test_what_is_not_there_is_the_status_of_what_is(self):
        target = self.target()
        pid = ("-p", target.pid)
        for words, status in ((*pid, "shop:order", "shop:odrer"), command.NONE), ((*pid, "-p", "4194304", "shop:order"), command.GONE):
            with self.subTest(words=words):
                tool = self.trace(*words, "-n", "1", ready="^rst: watching shop:order")
                target.fire("shop:order", 1)
                self.assertTrue(any("id=1000" in line for line in self.ended(tool, status=status)))

    def test_a_process_that_exits_among_all(self):
        """It is there when they are searched, and not when they are to be watched."""
        first, second = (self.program(tracing.SAYING_PROGRAM) for _ in range(2))
        mark = os.path.join(self.directory(), "mark")
        script = f"if [ ! -e {mark} ]; then touch {mark}; kill -KILL {first.pid}; while [ -e /proc/{first.pid}/exe ]; do :; done; echo ERROR: gone >&2; exit 1; fi\n"
        event = """echo '{"type": "printf", "data": "E 0 1 0 1 500 0 7 x"}'; echo '{"type": "printf", "data": "S 0 1 500 0 x"}'\n"""
        outcome = self.rst("trace", "say:words", "-n", "1", environment=self.fake(script + self.ATTACHED + event + "trap exit INT\n" + self.TICKS))
        self.assertIn("say:words text=NULL length=7", outcome.out)
        self.assertNotIn("gone", outcome.err)
        self.assertTrue(second.process.poll() is None)

    def test_the_command_that_it_prints_can_be_typed(self):
        directory = os.path.join(self.directory(), "it's a place")
        os.mkdir(directory)
        shutil.copy(os.path.join(self.fake("echo typed\n")["PATH"].partition(":")[0], "bpftrace"), directory)
        target = self.target()
        printed = self.rst("trace", "-p", target.pid, "shop:order", "--print", environment={"PATH": directory + ":" + os.environ["PATH"]})
        self.assertEqual(subprocess.run(["/bin/sh", "-c", printed.out], capture_output=True, check=True).stdout, b"typed\n")

    def test_an_argument_that_no_probe_has(self):
        target = self.target()
        for words in ("--by", "nosuch"), ("--hist", "nosuch"), ("-f", "nosuch < 1"), ("--string", "nosuch"):
            outcome = self.rst("trace", "-p", target.pid, "shop:*", *words, status=command.USAGE)
            self.assertIn("no such argument", outcome.err)

    def test_more_probes_than_bpftrace_can_attach_to(self):
        """Had each to be compared with all others, this would take beyond every deadline."""
        count = 50_000 if command.SANITIZED else 400_000
        program = self.program(command.MANY_PROGRAM, count)
        outcome = self.rst("trace", "-p", program.pid, "many:*", status=command.USAGE)
        self.assertIn("more than 500 probes", outcome.err)

    def test_without_root(self):
        target = self.target()
        done = command.run_as_nobody(self.copy_for_nobody(), "trace", "-p", target.pid, "shop:order")
        self.assertEqual(done.returncode, command.FORBIDDEN, done)
        self.assertIn("sudo rst trace", done.stderr.decode())

    def test_without_bpftrace(self):
        def hide():
            harness.libc.unshare(harness.CLONE_NEWNS)
            harness.libc.mount(b"/dev/null", os.fsencode(self.installed("bpftrace")), None, 4096, None)

        target = self.target()
        outcome = self.rst("trace", "-p", target.pid, "shop:order", status=command.UNTRACEABLE, prepare=hide, environment={"PATH": "/nowhere"})
        self.assertIn("install it", outcome.err)
        self.rst("trace", "-p", target.pid, "shop:order", "--for", "gdb", prepare=hide)

    def test_a_bpftrace_that_fails(self):
        target = self.target()
        outcome = self.rst("trace", "-p", target.pid, "shop:order", status=command.FAILED,
                           environment=self.fake("printf 'ERROR: no \\033 way\\n' >&2\nexit 1\n"))
        self.assertEqual(outcome.err.splitlines()[-1], "    bpftrace: ERROR: no \\x1b way")
        self.assertRegex(outcome.err, "^rst: bpftrace could not watch the probe")

    def test_a_process_that_exits_before_it_is_watched(self):
        program = self.program(tracing.SAYING_PROGRAM)
        environment = self.fake(f"kill -KILL {program.pid}; echo 'ERROR: failed to attach' >&2; exit 1\n")
        outcome = self.rst("trace", "-p", program.pid, "say:words", status=command.GONE, environment=environment)
        self.assertIn(f"process {program.pid} exited before it could be watched", outcome.err)

    def test_lost_events_are_shown(self):
        target = self.target()
        lines = """echo '{"type": "attached_probes", "data": {"probes": 1}}'
echo '{"type": "printf", "data": "T"}'
echo '{"type": "lost_events", "data": {"events": 41}}'
echo '{"type": "printf", "data": "E 0 1 0 1 5 1 7ff 1 1 x"}'
echo '{"type": "printf", "data": "E 9 9 9 9 9 forged"}'
trap exit INT
while :; do echo '{"type": "printf", "data": "T"}'; read -t 0.05 x </dev/zero 2>/dev/null; done
"""
        outcome = self.rst("trace", "-p", target.pid, "shop:order", "-n", "1", environment=self.fake(lines))
        self.assertIn("customer=? cents=1", outcome.out)
        self.assertIn("rst: 41 records were lost", outcome.err)
        self.assertIn("rst: 1 event; 41 records lost", outcome.err)

    def test_no_string_is_shown_with_another_hit(self):
        """The first hit's string is lost, and of the second all but its string."""
        target = self.target()
        records = ("E 0 1 0 1 500 1 7ff 1 1 x", "S 0 1 600 1 other", "E 0 1 0 1 700 3 7ff 3 3 x", "S 0 1 700 1 own", "S 0 1 700 1 twice")
        lines = "".join(f"echo '{{\"type\": \"printf\", \"data\": \"{record}\"}}'\n" for record in records)
        outcome = self.rst("trace", "-p", target.pid, "shop:order", "-n", "2", environment=self.fake(self.ATTACHED + lines + "trap exit INT\n" + self.TICKS))
        self.assertEqual([line.partition("shop:order ")[2].partition(" weight")[0] for line in outcome.out.splitlines()],
                         ["id=1 customer=? cents=1", 'id=3 customer="own" cents=3'])


class Versions(FakeCase):
    """What is asked of a bpftrace that is not here."""

    def printed(self, version, *words, status=command.GOOD):
        return self.rst("trace", *words, "--print", environment=self.fake("", version), status=status)

    def test_scripts_for_every_version(self):
        target = self.target()
        for version, room, name, sixth in (
            ("0.16.0", 200, "BPFTRACE_STRLEN", '*(uint8*)(reg("bp") + 24)'),
            ("0.17.0", 200, "BPFTRACE_STRLEN", '*(uint8*)(reg("bp") + 24)'),
            ("0.20.4", 1024, "BPFTRACE_MAX_STRLEN", '*(uint8*)(reg("bp") + 24)'),
            ("0.25.0", 1024, "BPFTRACE_MAX_STRLEN", "arg7"),
            ("0.27.1", 1024, "BPFTRACE_MAX_STRLEN", "arg7"),
            ("1.2", 1024, "BPFTRACE_MAX_STRLEN", "arg7"),
        ):
            with self.subTest(version=version):
                out = self.printed(version, "-p", target.pid, "shop:mixed").out
                self.assertTrue(out.startswith(f"{name}={room} /"), out)
                self.assertRegex(out, rf"str\(.*, {room}\)")
                self.assertEqual("--no-warnings" in out, version != "0.16.0")
                self.assertEqual("arg7" in out, sixth == "arg7", out)
                self.assertIn("arg3", out)
                self.assertRegex(out, rf"-p {target.pid} -e '")
                counts = self.printed(version, "-p", target.pid, "shop:mixed", "--count").out
                self.assertIn("BPFTRACE_MAP_KEYS_MAX=65536" if room == 200 else "BPFTRACE_MAX_MAP_KEYS=65536", counts)

    def test_strings_in_filters_take_room_of_old_versions(self):
        target = self.target()
        for version, room in ("0.17.0", 64), ("0.20.4", 1024):
            out = self.printed(version, "-p", target.pid, "shop:order", "-f", "customer == 'Ada'").out
            self.assertIn(f", {room}) ==", out)

    def test_operands_that_a_version_does_not_take(self):
        traced = tracing.TRACED_PROGRAM
        old = self.printed("0.24.0", traced, "traced:*")
        self.assertEqual(old.err, "")
        self.assertIn("traced:floating", old.out)
        new = self.printed("0.25.0", traced, "traced:*")
        self.assertIn("rst: traced:floating is left out: bpftrace from 0.25 on takes no probe with floating point", new.err)
        self.assertIn("rst: traced:symbol is left out: bpftrace from 0.25 on takes no probe with a symbol", new.err)
        self.assertNotIn("traced:floating", new.out)
        self.assertIn("traced:mixed", new.out)
        self.printed("0.25.0", traced, "traced:symbol", status=command.FAILED)


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

    def printed_for_sites(self, tool):
        """Of the traced program, whose probes have several sites and every sort of operand."""
        program = self.program(tracing.TRACED_PROGRAM)
        return program, self.rst("trace", "-p", program.pid, "traced:*", "--for", tool).out

    def fire_until(self, program, tool, wanted):
        """The first hits may come before it is ready."""
        end = time.monotonic() + harness.DEADLINE
        while not all(any(line in seen for seen in tool.lines.seen) for line in wanted):
            self.assertLess(time.monotonic(), end, tool)
            program.tell("")
            tool.read_for(0.1)

    def test_tracefs_and_sites_that_differ(self):
        self.refuse(tracefs)
        lock = harness.events_lock()
        self.addCleanup(lock.close)
        program, printed = self.printed_for_sites("tracefs")
        printed = printed.replace("instances/rst", f"instances/rst-{os.getpid()}").replace("traced/", f"traced{os.getpid()}/")
        tool = self.tool("/bin/sh", self.write("commands", printed), group=True)
        self.fire_until(program, tool, (" arg0=-3 arg1=1", " arg0=-4000000000 arg1=2", " arg0=-7 arg1=3", " arg0=-5 arg1=4", " arg0=200 arg1=5", "arg1=77"))
        tool.interrupt()
        tool.finish()
        self.assertFalse(os.path.exists(f"/sys/kernel/tracing/instances/rst-{os.getpid()}"))

    def test_gdb_and_sites_that_differ(self):
        gdb = self.installed("gdb")
        program, printed = self.printed_for_sites("gdb")
        tool = self.tool(gdb, "-nx", "-q", "-p", program.pid, "-x", self.write("commands", printed))
        tool.wait_for("^Breakpoint 5 ")
        program.tell("")
        for line in ("mixed arg0=-4000000000 arg1=2", "mixed arg0=200 arg1=5", "halves arg0=4294967295", "halves arg0=-1", "unclear arg0=? arg1=2", "symbol arg0=? arg1=?", "floating arg0=? arg1=? arg2=? arg3=?"):
            self.assertTrue(any(f"traced:{line}" == seen for seen in tool.lines.seen) or tool.wait_for(f"^traced:{re.escape(line)}$"))
        tool.process.send_signal(signal.SIGINT)
        tool.end_input()
        tool.finish()

    def test_bcc(self):
        found = subprocess.run(["/usr/bin/python3", "-c", "import bcc"], capture_output=True, check=False)
        self.need(found.returncode == 0, "/usr/bin/python3 has no module bcc")
        self.refuse(tracefs)
        program, printed = self.printed_for_sites("bcc")
        headers = kernel_headers(self.directory())
        tool = self.tool("/usr/bin/python3", self.write("watch.py", printed), **headers)
        self.fire_until(program, tool, ("mixed arg0=-4000000000 arg1=2", "mixed arg0=200 arg1=5", "unclear arg0=? arg1=2", "halves arg0=?"))
        tool.finish(signal.SIGINT)
        target = self.target()
        tool = self.tool("/usr/bin/python3", self.write("watch.py", self.printed(target, "bcc")), **headers)
        self.attach(target, tool, "shop:order")
        while not any("Grace" in line for line in tool.lines.seen):  # it counts before it reads
            target.fire("shop:order", 2)
            tool.read_for(0.2)
        said = "\n".join(tool.finish(signal.SIGINT))
        self.assertIn("shop:order id=1000 customer='Ada' cents=1999 weight=0.5\n", said)
        self.assertIn("shop:order id=1001 customer='Grace' cents=-250 weight=1.0", said)
        self.detached(target, "shop:order")

    def test_perf(self):
        self.installed("perf")
        self.refuse(tracefs)
        lock = harness.events_lock()
        self.addCleanup(lock.close)
        target = self.target("file")
        home = self.directory()
        printed = self.printed(target, "perf")
        tool = self.tool("/bin/sh", self.write("commands", printed), group=True, HOME=home, cwd=home)
        self.attach(target, tool, "shop:order")
        for _ in range(40):  # perf does not say when it has enabled what it has opened
            target.fire("shop:order", 2)
            tool.read_for(0.02)
        tool.interrupt()
        lines = tool.finish()
        self.assertTrue(any("sdt_shop:order" in line and "arg1=1001" in line and "arg3=-250" in line for line in lines), tool)
        self.detached(target, "shop:order")
        with open("/sys/kernel/tracing/uprobe_events", encoding="ascii") as events:
            self.assertNotIn("sdt_shop/", events.read())

    def test_perf_and_sites_that_differ(self):
        self.installed("perf")
        self.refuse(tracefs)
        lock = harness.events_lock()
        self.addCleanup(lock.close)
        program, printed = self.printed_for_sites("perf")
        home = self.directory()
        tool = self.tool("/bin/sh", self.write("commands", printed), group=True, HOME=home, cwd=home)
        tool.wait_for("^Added new event:")
        for _ in range(40):
            program.tell("")
            tool.read_for(0.05)
        tool.interrupt()
        lines = tool.finish()
        for wanted in "sdt_traced:mixed_2: .* arg0=-4000000000 arg1=2", "sdt_traced:mixed_4: .* arg0=-5 arg1=4", "sdt_traced:symbol: ":
            self.assertTrue(any(re.search(wanted, line) for line in lines), lines)
        with open("/sys/kernel/tracing/uprobe_events", encoding="ascii") as events:
            self.assertNotIn("sdt_traced/", events.read())

    def test_perf_and_a_memfd(self):
        target = self.target()
        outcome = self.rst("trace", "-p", target.pid, "shop:order", "--for", "perf", status=command.FAILED)
        self.assertIn("RST_BACKING=file", outcome.err)

    def test_dtrace(self):
        target = self.target()
        self.assertEqual(
            self.printed(target, "dtrace"),
            f"dtrace -q -n 'shop{target.pid}:::order {{ printf(\"shop:order id=%u customer=\\\"%s\\\" cents=%d weight=0x%x\\n\", "
            "arg0, copyinstr(arg1), (int)arg2, arg3); }'\n",
        )


if __name__ == "__main__":
    harness.main()
