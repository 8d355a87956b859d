# SPDX-License-Identifier: MIT
"""What `rst trace` refuses, and what it says."""

import os
import platform
import signal
import subprocess
import unittest

import command
import harness
import tracing

# Operands, as regular expressions: of librst's first two arguments, and in traced_program.
FIRST, SECOND, HALF, OF_A_THREAD = {
    "x86_64": ("%rdi", "%rsi", "%edi", "%fs:traced_own@tpoff: rst can't read it"),
    "aarch64": ("x0", "x1", "x0", r"\[x1\]"),
}.get(platform.machine(), ("unknown",) * 4)


class Refusals(tracing.TraceCase):
    def test_command_lines_that_make_no_sense(self):
        target = self.target()
        for words, said in (
            ([], "name what to watch: a probe"),
            (["-p", "x"], "not a process id"),
            (["-n", "0", "a:b"], '-n "0": not a whole number of hits, 1 or more\n'),
            (["--seconds", "nan", "a:b"], '--seconds "nan": not a number of seconds from 0.001 to 1000000000\n'),
            (["--seconds", "0.0009", "a:b"], "from 0.001 to 1000000000"),
            (["--for", "pref", "a:b"], "did you mean perf"),
            (["--every", "x", "a:b"], '--every "x": not a number of seconds from 0.001 to 1000000000\n'),
            (["--every", "1000000001", "a:b"], "from 0.001 to 1000000000"),
            (["--every", "1", "a:b"], "--every is for counts"),
            (["--top", "--json", "a:b"], "--top is for people"),
            (["--top", "--hist", "x", "a:b"], "--top is a table of counts"),
            (["--top", "a:b"], "--top needs a terminal"),
            (["--count", "--stack", "a:b"], "--stack is for hits"),
            (["--print", "--for", "gdb", "a:b"], "give --print or --for, not both"),
            (["--string-bytes", "0", "a:b"], "not a whole number of bytes from 1 to 4096"),
            (["--string-bytes", "4097", "a:b"], "not a whole number of bytes from 1 to 4096"),
            (["--count", "-n", "3", "a:b"], "end a count with --seconds"),
            (["--count", "--hist", "x", "a:b"], "--hist includes the counts"),
            (["--hist", "customer", "-p", target.pid, "shop:order"], "it is a string"),
            (["--by", "custmer", "-p", target.pid, "shop:order"], "no such argument, only id, customer, cents, weight"),
            (["--by", "cents", "-p", target.pid, "counts:args0"], "counts:args0 has no arguments\n"),
            (["--string", "cents", "-p", target.pid, "shop:order"], "in shop:order it is a number (int32), not an address"),
        ):
            with self.subTest(words=words):
                outcome = self.rst("trace", *words, status=command.USAGE)
                self.assertIn(said, outcome.err)
                self.assertEqual(outcome.out, "")

    def test_a_probe_that_another_watches_without_its_semaphore(self):
        """As bcc does: the kernel then refuses all who name the semaphore."""
        target = self.target()
        site = self.site("-p", target.pid, "shop:order")
        event = harness.open_uprobe(site["path"], site["site"], pid=target.pid, cpu=-1)
        try:
            refused = self.rst("trace", "-p", target.pid, "shop:order", status=command.FAILED)
        finally:
            os.close(event)
        self.assertIn("another tracer (bcc?) may be watching it without its semaphore", refused.err)
        tool = self.trace("-p", target.pid, "shop:order", "-n", "1", "--json")
        target.fire("shop:order", 1)
        self.assertIn('"probe":"order"', self.ended(tool)[0])

    def test_files_of_another_cpu(self):
        images = self.directory()
        for cpu in ("ppc64le", "s390x"):  # of which this machine is at most one
            self.rst("emit", "shop", "order(uint64 id)", "--arch", cpu, "-o", f"{images}/{cpu}")
            listed = self.site(f"{images}/{cpu}")
            self.assertEqual(listed["arguments"][0]["kind"], "register")
        other = next(cpu for cpu in ("ppc64le", "s390x") if cpu != platform.machine())
        outcome = self.rst("trace", f"{images}/{other}", status=command.BAD_FILE)
        self.assertEqual(
            outcome.err,
            f'rst: skipped 1 probe: "{images}/{other}" is for {other}, and the kernel here is for '
            f"{platform.machine()}\n",
        )
        target = self.target()
        tool = self.trace("-p", target.pid, f"{images}/{other}", "shop:order", "-n", "1", "--json")
        target.fire("shop:order", 1)
        self.assertEqual([line[:9] for line in self.ended(tool)], ["rst: skip", '{"time":1', "rst: 1 hi"])

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
            ("customer == '" + "x" * 2000 + "'", 12, "rst reads only 256 of a string (--string-bytes)"),
            ("customer == '" + "x" * 5000 + "'", 12, "rst reads only 256 of a string"),
            ("1 == 1", 0, "has no argument"),
            ("(" * 60, 50, "are nested"),
        ):
            with self.subTest(filter=text):
                outcome = self.rst("trace", "-p", target.pid, "shop:order", "-f", text, status=command.USAGE, environment={"LC_ALL": "C.UTF-8"})
                lines = outcome.err.splitlines()
                self.assertIn(said, lines[0])
                self.assertEqual(lines[2], " " * (4 + at) + "^")

    def test_a_filter_that_is_too_long_for_the_kernel(self):
        target = self.target()
        words = "trace", "-p", target.pid, "shop:order", "-f", "&&".join(["id"] * 9000)
        outcome = self.rst(*words, status=command.FAILED)
        self.assertEqual(outcome.err, 'rst: "shop:order" needs a longer program than the kernel takes: shorten --filter\n')
        self.assertIn("    the program would be too long for the kernel: shorten --filter\n", self.rst(*words, "--print").out)

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

    def test_more_probes_than_can_be_watched(self):
        """If each probe were compared with all others, this would exceed every deadline."""
        count = 50_000 if command.SANITIZED else 400_000
        program = self.program(command.MANY_PROGRAM, count)
        outcome = self.rst("trace", "-p", program.pid, "many:*", status=command.USAGE)
        self.assertIn("more than 10000 sites of probes", outcome.err)

    def test_a_number_is_not_a_string(self):
        target = self.target()
        outcome = self.rst("trace", "-p", target.pid, "shop:order", "--string", "id", status=command.USAGE)
        self.assertIn("--string id: in shop:order it is a number (uint64), not an address", outcome.err)

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

    def test_what_would_be_watched(self):
        out = self.rst("trace", tracing.TRACED_PROGRAM, "traced:thread", "traced:halves", "--print").out
        for line in (
            r'traced:halves in ".*/traced_program"',
            "    processes    all that have the file",
            r"    1 site at 0x[0-9a-f]+",
            f"    arg0         uint32   {HALF}",
            f"    arg0         int32    {HALF}",
            f"    arg0         int32    {OF_A_THREAD}",
            r"    \d+ instructions",
        ):
            self.assertRegex(out, f"(?m)^{line}$")
        target = self.target()
        out = self.rst("trace", "-p", target.pid, "shop:order", "--print").out
        self.assertRegex(out, rf"(?m)^    processes    {target.pid}\n    1 site at 0x[0-9a-f]+\(0x[0-9a-f]+\)\n    id +uint64 +{FIRST}\n    customer +string +{SECOND}$")

    def renamed(self, names):
        """A program in which bakery:bread has other names, of the same length in all."""
        path = os.path.join(self.directory(), "program")
        with open(command.SDT_PROGRAM, "rb") as file, open(path, "wb") as renamed:
            renamed.write(file.read().replace(b"bakery\0bread\0", names))
        os.chmod(path, 0o755)
        return path

    def test_names_that_other_tools_can_t_use(self):
        for names, title, odd in (
            (b"bak\033[J\0bread\0", r"bak\x1b[J:bread", r"bak\x1b[J"),
            (b"bakery\0bre d\0", "bakery:bre d", "bre d"),
        ):
            outcome = self.rst("trace", self.renamed(names), "ba*:bre*", "--for", "bcc", status=command.FAILED)
            self.assertEqual(outcome.err, f'rst: skipped {title}: bcc can\'t use a name like "{odd}"\n')
            self.assertEqual(outcome.out, "")

    def test_nothing_in_a_probe_s_name_reaches_the_terminal_as_it_is(self):
        program = self.program(self.renamed(b"bak\033[J\0brea\n\0"))
        shown = r"bak\x1b[J:brea\x0a"
        tools = [self.trace("-p", program.pid, *words) for words in (["bak*:brea*"], ["*:*"])]
        program.tell("")
        for tool, ends in zip(tools, ("1 hit", f"2 hits: {shown} 1, bakery:cake 1")):
            tool.wait_until(lambda lines: any(f" {shown} " in line for line in lines))
            self.assertEqual(self.ended(tool, signal.SIGINT)[-1], f"rst: {ends}")
            self.assertNotRegex("".join(tool.lines.seen), r"[\x00-\x09\x0b-\x1f\x7f]")
        self.assertIn(f"rst: watching {shown}; Ctrl-C ends it", tools[0].lines.seen)

    @unittest.skipIf(platform.machine() != "x86_64", "only there an operand may be at a thread's own symbol")
    def test_an_argument_that_can_t_be_read(self):
        words = (tracing.TRACED_PROGRAM, "traced:thread", "--print")
        for option in "--by", "--hist":
            outcome = self.rst("trace", *words, option, "arg0", status=command.FAILED)
            self.assertIn(f'{option} "arg0": rst can\'t read that argument of traced:thread ("%fs:traced_own@tpoff")', outcome.err)
        outcome = self.rst("trace", *words, "-f", "arg0 > 1 || arg1 == 1")
        self.assertEqual(outcome.err, "rst: --filter: rst can't read arg0 of traced:thread, so no comparison with it is true\n")

    def test_without_root(self):
        target = self.target()
        rst = self.copy_for_nobody()
        path = os.path.join(os.path.dirname(rst), "shop.so")
        self.rst("emit", "shop", "order(uint64 id)", "-o", path)
        os.chmod(path, 0o644)
        for words, said in (("-p", target.pid, "shop:order"), "be root, or have CAP_SYS_PTRACE"), ((path,), "sudo rst trace"):
            with self.subTest(words=words):
                done = command.run_as_nobody(rst, "trace", *words)
                self.assertEqual(done.returncode, command.FORBIDDEN, done)
                self.assertIn(said, done.stderr.decode())
        capabilities = "+bpf,+perfmon"
        nobody = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", f"--inh-caps={capabilities}", f"--ambient-caps={capabilities}")
        done = subprocess.run([*nobody, rst, "trace", path, "--seconds", "0.01"], capture_output=True, check=False)
        with open("/proc/sys/kernel/perf_event_paranoid", encoding="ascii") as file:
            for_root = int(file.read()) > 2  # Debian's kernels can be set so
        if for_root and "uprobe-multi" not in self.rst("check").out:
            self.assertEqual(done.returncode, command.FORBIDDEN, done)
            self.assertIn(b"tracing needs root", done.stderr)
            return
        self.assertEqual((done.returncode, done.stderr), (command.GOOD, b"rst: watching shop:order; Ctrl-C ends it\nrst: 0 hits\n"))


if __name__ == "__main__":
    harness.main()
