# SPDX-License-Identifier: MIT
"""What `rst list` prints when there is nothing that it can list."""

import os
import re
import resource
import shutil
import struct
import time

import command
import harness
from command import BAD_FILE, FAILED, GONE, NONE, SANITIZED, SDT_PROGRAM, USAGE

SOON = 20  # seconds; the holder of a lease has 45


class Refusals(command.CommandTest):
    def check(self, status, words, *arguments):
        outcome = self.rst("list", *arguments, status=status)
        self.assertEqual(outcome.out, "")
        self.assertRegex(outcome.err, words)

    def test_there_is_no_such_process(self):
        program = self.program(SDT_PROGRAM)
        program.close()
        words = rf"^rst: there is no process {program.pid} \(any more\)\n$"
        self.check(GONE, words, "-p", program.pid)

    def test_a_process_without_probes(self):
        program = self.program("/bin/sh", "-c", "echo ready; read line")
        words = rf"^rst: process {program.pid} \(\"sh\"\) has no probes\n$"
        self.check(NONE, words, "-p", program.pid)

    def test_a_process_of_the_kernel(self):
        try:
            with open("/proc/2/comm", encoding="utf-8") as file:
                is_kernel = file.read() == "kthreadd\n"
        except FileNotFoundError:
            is_kernel = False
        if not is_kernel:
            self.skipTest("no kernel thread is visible here, perhaps because this is a container")
        self.check(NONE, "has no program: it is a kernel thread", "-p", 2)

    def test_a_process_whose_main_thread_has_ended(self):
        script = (
            "import ctypes, sys, threading\n"
            "threading.Thread(target=sys.stdin.read).start()\n"
            "print('ready', flush=True)\n"
            "ctypes.CDLL(None).pthread_exit(None)"
        )
        program = self.program("/usr/bin/python3", "-c", script)
        harness.wait_for(lambda: not os.path.exists(f"/proc/{program.pid}/exe"), "the main thread's end")
        words = r'^rst: process \d+ \("python3"\) has no program that rst can see, as its main thread has ended; name its FILE instead of -p\n$'
        self.check(NONE, words, "-p", program.pid)

    def test_a_glob_that_matches_none_has_near_names(self):
        target = self.target()
        self.check(
            NONE,
            r'^rst: no probe matches "shop:oder"; did you mean shop:order\?\n$',
            "-p", target.pid, "shop:oder",
        )  # fmt: skip
        for glob in "nothing:*", "shop:*zzz", "*zzz:order":  # the word is right in the last two
            self.check(NONE, rf'^rst: no probe matches "{re.escape(glob)}"\n$', "-p", target.pid, glob)
        for glob, near in ("*:ordr", "'*:order'"), ("shpo:*", "'shop:*'"), ("s*p:odrer", "'s*p:order'"):
            with self.subTest(glob=glob):
                words = rf"did you mean {re.escape(near)}[?,]"
                self.check(NONE, words, "-p", target.pid, glob)
        outcome = self.rst("list", "-p", target.pid, "shop:order", "shop:odrer", status=NONE)
        self.assertIn("shop:order  ", outcome.out)  # the probes that exist are listed

    def test_a_suggestion_has_nothing_that_a_terminal_obeys(self):
        outcome = self.rst("list", SDT_PROGRAM, "\033[2J*:bred", status=NONE)
        self.assertRegex(outcome.err, r"did you mean '\\x1b\[2J\*:bread'\?")
        self.assertNotIn("\033", outcome.err)

    def test_one_of_two_processes_is_gone(self):
        target, gone = self.target(), self.program(SDT_PROGRAM)
        gone.close()
        outcome = self.rst("list", "-p", gone.pid, "-p", target.pid, "shop:order", status=GONE)
        self.assertIn("shop:order  ", outcome.out)

    def test_paths_without_an_elf_file(self):
        text = self.write("text", "#!/bin/sh\n")
        directory = self.directory()
        self.check(GONE, "nosuch.*No such file or directory", "/nosuch")
        self.check(GONE, r"^rst: \"nosuch\": there is no such file; to name probes, write 'nosuch:\*' or '\*:nosuch'\n$", "nosuch")
        self.check(GONE, r"\"no\$uch\": .* write 'shop:\*' or ", "no$uch")
        self.check(GONE, r"to name a process, write -p 4711\n$", "4711")
        self.check(BAD_FILE, "not an ELF file", text)
        self.check(BAD_FILE, "a directory", directory)
        self.check(BAD_FILE, "not a regular file", "/dev/null")
        self.check(NONE, "has no probes", "/bin/sh")

    def test_each_of_several_files_is_told_of(self):
        outcome = self.rst("list", "/nosuch", "/bin/true", "/bin/sh", "/bin/sh/file", status=GONE)
        for words in (
            '"/nosuch": No such file',
            '"/bin/true" has no probes',
            '"/bin/sh" has no probes',
            '"/bin/sh/file": Not a directory',
        ):
            self.assertIn(words, outcome.err)

    def test_a_header_that_claims_more_than_any_file_has(self):
        wide = struct.pack("<16sHHIQQQIHHHHHH", b"\x7fELF\x02\x01\x01", 3, 62, 1, 0, 64, 64, 0, 64, 56, 0, 64, 0, 1)
        first = struct.pack("<IIQQQQIIQQ", 0, 0, 0, 0, 0, 50_000_000, 0, 0, 0, 0)
        narrow = struct.pack(">16sHHIIIIIHHHHHH", b"\x7fELF\x01\x02\x01", 3, 62, 1, 0, 52, 52, 0, 52, 32, 0, 40, 0, 1)
        second = struct.pack(">IIIIIIIIII", 0, 0, 0, 0, 0, 50_000_000, 0, 0, 0, 0)
        segments = wide[:56] + struct.pack("<H", 0xFFFF) + wide[58:]
        few = struct.pack("<IIQQQQIIQQ", 0, 0, 0, 0, 0, 1, 0, 50_000_000, 0, 0)  # sections, many segments
        some = wide[:56] + struct.pack("<HHH", 300, 64, 0) + wide[62:]
        for image, size, words in (
            (wide + first, 64 * 50_000_000, "too many sections"),
            (narrow + second, 2_000_000_000, "too many sections"),
            (segments + few, 64 * 50_000_000, "too many segments"),
            (some, 1 << 20, "too many segments"),
            (b"\x7fELF", 4, "a broken ELF file: "),
        ):
            with self.subTest(words=words):
                path = os.path.join(self.directory(), "claims.so")
                with open(path, "wb") as file:
                    file.write(image)
                    file.truncate(size)
                limit = lambda: resource.setrlimit(resource.RLIMIT_DATA, (1 << 28, 1 << 28))
                outcome = self.rst("list", path, status=BAD_FILE, prepare=None if SANITIZED else limit)
                self.assertIn(words, outcome.err)
                self.assertNotIn("no error", outcome.err)

    def test_a_mapped_file_s_name_reaches_the_terminal_escaped(self):
        path = os.path.join(self.directory(), "cut\x1b]0;owned\x07\n.so")
        with open(SDT_PROGRAM, "rb") as whole, open(path, "wb") as part:
            part.write(whole.read()[:-1000])
        script = (
            "import mmap, sys\n"
            "file = open(sys.argv[1], 'rb')\n"
            "view = mmap.mmap(file.fileno(), 0, mmap.MAP_PRIVATE, mmap.PROT_READ | mmap.PROT_EXEC)\n"
            "print('ready', flush=True)\n"
            "sys.stdin.read()"
        )
        program = self.program("/usr/bin/python3", "-c", script, path)
        outcome = self.rst("list", "-p", program.pid, "plain:*", status=BAD_FILE)
        self.assertRegex(outcome.err, r'(?m)^rst: "/.*/cut\\x1b\]0;owned\\x07\\x0a\.so": a broken ELF file: .+$')
        self.assertNotRegex(outcome.err, r"[\x00-\x09\x0b-\x1f\x7f]")
        self.assertNotIn("has no probes", outcome.err)

    def test_a_long_path_is_cut_at_its_start(self):
        directory = os.path.join(self.directory(), *["d" * 200] * 3)
        os.makedirs(directory)
        path = os.path.join(directory, "text")
        with open(path, "w", encoding="ascii") as file:
            file.write("text")
        self.check(BAD_FILE, r'^rst: "\.\.\..*d/text": not an ELF file: ', path)

    def test_a_fifo_is_not_waited_for(self):
        path = os.path.join(self.directory(), "fifo")
        os.mkfifo(path)
        self.check(BAD_FILE, "not a regular file", path)

    def test_a_file_that_another_process_holds_a_lease_on_is_not_waited_for(self):
        path = shutil.copy(SDT_PROGRAM, self.directory())
        with open("/proc/sys/fs/lease-break-time", encoding="ascii") as file:
            self.assertGreater(int(file.read()), 2 * SOON)  # or a wait for the lease would not be noticed
        script = (
            "import fcntl, mmap, signal, sys\n"
            "signal.signal(signal.SIGIO, signal.SIG_IGN)\n"  # the kernel's request to give the lease up
            "file = open(sys.argv[1], 'r+b')\n"
            "view = mmap.mmap(file.fileno(), 0, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_EXEC)\n"
            "fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_WRLCK)\n"
            "print('ready', flush=True)\n"
            "sys.stdin.read()"
        )
        program = self.program("/usr/bin/python3", "-c", script, path)
        for words in ("list", path), ("list", "-p", program.pid, "plain:*"), ("trace", path, "--for", "gdb"):
            with self.subTest(words=words):
                begun = time.monotonic()
                outcome = self.rst(*words, status=FAILED)
                self.assertLess(time.monotonic() - begun, SOON)
                self.assertRegex(outcome.err, rf'"{path}": another process holds a lease on it, ')

    def test_a_truncated_program(self):
        path = os.path.join(self.directory(), "program")
        with open(SDT_PROGRAM, "rb") as whole, open(path, "wb") as part:
            part.write(whole.read()[:-1000])
        self.check(BAD_FILE, "a broken ELF file", path)

    def test_nothing_in_a_note_reaches_the_terminal_as_it_is(self):
        path = os.path.join(self.directory(), "program")
        with open(SDT_PROGRAM, "rb") as file:
            image = file.read()
        hostile = image.replace(b"bakery\0bread\0", b"\033[2J\"\\\0\x07\xff\xfea\n\0")
        self.assertNotEqual(image, hostile)
        with open(path, "wb") as file:
            file.write(hostile)
        for form in "--names", None:
            out = self.rst("list", path, *filter(None, [form])).out
            self.assertNotRegex(out, r"[\x00-\x09\x0b-\x1f\x7f-\xff\udc80-\udcff]")
            self.assertIn(r"\x1b[2J", out)
        names = {(site["provider"], site["probe"]) for site in self.sites(path)}
        self.assertIn(("\033[2J\"\\", "\x07\ufffd\ufffda\n"), names)

    def test_the_command_line_is_checked(self):
        pids = [["-p", pid] for pid in ("x", "-1", "0", "99999999999", "1 ")]
        for words in [["--nothing"], ["-p"], *pids]:
            with self.subTest(words=words):
                self.check(USAGE, r"\nTry 'rst list --help'\.\n$", *words)
        cases = (
            ("--noth\033ing", r'"--noth\x1bing" is not an option'),
            ("--json=1", '"--json=1" is not an option'),
            ("-wx", '"-x" is not an option'),
            ("--pid", '"--pid" needs a value'),
        )
        for command_name in "list", "trace", "emit":
            for word, words in cases if command_name == "list" else cases[:1]:
                with self.subTest(command=command_name, word=word):
                    outcome = self.rst(command_name, word, status=USAGE)
                    self.assertEqual(outcome.err, f"rst: {words}\nTry 'rst {command_name} --help'.\n")


if __name__ == "__main__":
    harness.main()
