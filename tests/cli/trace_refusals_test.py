# SPDX-License-Identifier: MIT
"""What `rst trace` refuses, and how it adapts to versions of bpftrace."""

import os
import shutil
import subprocess

import command
import harness
import tracing

harness.mount_tracefs()  # bpftrace needs it


class Refusals(tracing.FakeCase):
    def test_command_lines_that_make_no_sense(self):
        target = self.target()
        for words, said in (
            ([], "name what to watch: a probe"),
            (["-p", "x"], "not a process id"),
            (["-n", "0", "a:b"], "not a number of hits"),
            (["--seconds", "nan", "a:b"], "not a number of seconds"),
            (["--for", "pref", "a:b"], "did you mean perf"),
            (["--count", "-n", "3", "a:b"], "end a count with --seconds"),
            (["--count", "--hist", "x", "a:b"], "--hist includes the counts"),
            (["--hist", "customer", "-p", target.pid, "shop:order"], "it is a string"),
            (["--by", "custmer", "-p", target.pid, "shop:order"], "no such argument, only id, customer, cents, weight"),
            (["--by", "cents", "-p", target.pid, "counts:args0"], "counts:args0 has no arguments\n"),
            (["--string", "cents", "-p", target.pid, "shop:order"], "shop:order declares it as int32, not as an address"),
        ):
            with self.subTest(words=words):
                outcome = self.rst("trace", *words, status=command.USAGE)
                self.assertIn(said, outcome.err)
                self.assertEqual(outcome.out, "")

    def test_filters_that_make_no_sense_are_pointed_at(self):
        target = self.target()
        for text, at, said in (
            ("cents <", 7, "write an argument, a number or a \"text\" here"),
            ("cents < 0 &", 10, "write && or || here"),
            ("cent < 0", 0, "no such argument"),
            ("id > 1 && (cents < 0", 20, 'write ")", && or || here'),
            ("customer < 'x'", 11, "only be compared by == and !="),
            ("customer == 5", 12, "is a string"),
            ("cents == 'x'", 9, "is not a string"),
            ("cents == 0x", 9, "is not a number"),
            ("cents == 1 1", 11, "&& or ||"),
            ("customer == 'grün \\q", 18, "the only escapes are"),
            ("customer == 'x", 12, "is not closed"),
            ("customer == '" + "x" * 2000 + "'", 12, "bpftrace reads"),
            ("1 == 1", 0, "has no argument"),
            ("(" * 60, 50, "are nested"),
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
        """The process is found by the search, and has exited before it can be watched."""
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

    def test_a_skipped_probe_is_named_with_the_argument_that_it_lacks(self):
        target = self.target()
        outcome = self.rst("trace", "-p", target.pid, "shop:order", "counts:args0", "--by", "cents", "--print")
        self.assertEqual(outcome.err, 'rst: skipped, because it has no argument "cents": counts:args0\n')
        outcome = self.rst("trace", "-p", target.pid, "shop:order", "counts:args[01]", "--by", "arg0", "-f", "id > 0 && cents < 0", "--print")
        lines = [f'rst: skipped, because it has no argument "{name}": counts:{probe}' for name, probe in (("arg0", "args0"), ("id", "args1"))]
        self.assertEqual(outcome.err.splitlines(), lines)
        outcome = self.rst("trace", "-p", target.pid, "shop:order", "counts:*", "--by", "cents", "--print")
        self.assertRegex(outcome.err, r'^rst: skipped, because they have no argument "cents": counts:\w+(, counts:\w+){3} and \d+ more\n$')

    def test_more_probes_than_bpftrace_can_attach_to(self):
        """If each probe were compared with all others, this would exceed every deadline."""
        count = 50_000 if command.SANITIZED else 400_000
        program = self.program(command.MANY_PROGRAM, count)
        outcome = self.rst("trace", "-p", program.pid, "many:*", status=command.USAGE)
        self.assertIn("more than 500 probes", outcome.err)

    def test_a_number_is_not_a_string(self):
        target = self.target()
        outcome = self.rst("trace", "-p", target.pid, "shop:order", "--string", "id", status=command.USAGE)
        self.assertIn("--string id: shop:order declares it as uint64, not as an address", outcome.err)

    def test_a_comparison_that_decides_nothing_is_said(self):
        target = self.target()
        for condition, words in (
            ("id == -1", r"id of shop:order is uint64: -1 is out of range \(0 to 18446744073709551615\), so that is never true"),
            ("id > -1", r"id of shop:order is uint64: -1 is out of range \(0 to 18446744073709551615\), so that is always true"),
            ("cents < 99999999999", r"cents of shop:order is int32: 99999999999 is out of range \(-2147483648 to 2147483647\), so that is always true"),
            ("id < 1e30", r"id of shop:order is uint64: 1e\+30 is out of range \(0 to 18446744073709551615\), so that is always true"),
        ):
            with self.subTest(condition=condition):
                outcome = self.rst("trace", "-p", target.pid, "shop:order", "-f", condition, "--print")
                self.assertRegex(outcome.err, words)
        outcome = self.rst("trace", "-p", target.pid, "shop:order", "-f", "id == 1 && cents >= -1", "--print")
        self.assertEqual(outcome.err, "")

    def test_what_the_script_does_not_do_is_said(self):
        target = self.target()
        outcome = self.rst("trace", "-p", target.pid, "shop:order", "-n", "2", "--print")
        self.assertIn("only rst counts hits and seconds", outcome.err)

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
        self.assertIn("rst: 1 hit; 41 records lost", outcome.err)

    def test_no_string_is_shown_with_another_hit(self):
        """Of the first hit, the string is lost; of the second, everything but the string."""
        target = self.target()
        records = ("E 0 1 0 1 500 1 7ff 1 1 x", "S 0 1 600 1 other", "E 0 1 0 1 700 3 7ff 3 3 x", "S 0 1 700 1 own", "S 0 1 700 1 twice")
        lines = "".join(f"echo '{{\"type\": \"printf\", \"data\": \"{record}\"}}'\n" for record in records)
        outcome = self.rst("trace", "-p", target.pid, "shop:order", "-n", "2", environment=self.fake(self.ATTACHED + lines + "trap exit INT\n" + self.TICKS))
        self.assertEqual([line.partition("shop:order ")[2].partition(" weight")[0] for line in outcome.out.splitlines()],
                         ["id=1 customer=? cents=1", 'id=3 customer="own" cents=3'])


class Versions(tracing.FakeCase):
    """The scripts for versions of bpftrace that are not installed."""

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
        self.assertIn("rst: skipped traced:floating: bpftrace from 0.25 on can't watch a probe with floating point", new.err)
        for probe in "symbol", "thread":
            self.assertIn(f"rst: skipped traced:{probe}: bpftrace from 0.25 on can't watch a probe with a symbol", new.err)
        self.assertNotIn("traced:floating", new.out)
        self.assertIn("traced:mixed", new.out)
        self.printed("0.25.0", traced, "traced:symbol", status=command.FAILED)


if __name__ == "__main__":
    harness.main()
