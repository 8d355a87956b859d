# SPDX-License-Identifier: MIT
"""`rst check`: a line for each fact, as the machine is and as a test makes it."""

import ctypes
import os
import re
import resource
import shutil

import command
import harness
from command import GOOD, UNLOADABLE, UNTRACEABLE, USAGE

KERNEL = ["kernel", "nop", "uprobes", "privileges", "attaching", "memfd", "file", "watching", "trace"]
TRACERS = ["bpftrace", "bcc", "perf", "gdb", "stap", "dtrace"]
LINE = re.compile(r"^(yes|no|-) +(\w+) +(.+)$")


def limit_files():
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))


def mount_noexec(path):
    """Mount an empty file system there, only for this process and its children."""
    libc = harness.libc
    if libc.unshare(harness.CLONE_NEWNS) or libc.mount(
        b"none", b"/", None, harness.MS_REC | harness.MS_PRIVATE, None
    ):
        raise OSError(ctypes.get_errno(), "unshare")
    if libc.mount(b"tmpfs", os.fsencode(path), b"tmpfs", 8, None):  # MS_NOEXEC
        raise OSError(ctypes.get_errno(), "mount")


def become_root_of_nothing():
    """Enter a user namespace: it gives every privilege in the namespace, and none over the kernel."""
    if harness.libc.unshare(0x10000000):  # CLONE_NEWUSER
        raise OSError(ctypes.get_errno(), "unshare")
    with open("/proc/self/uid_map", "w", encoding="ascii") as file:
        file.write("0 0 1")


def may_have_a_user_namespace():
    child = os.fork()
    if child == 0:
        os._exit(harness.libc.unshare(0x10000000) != 0)
    return os.waitpid(child, 0)[1] == 0


class Check(command.CommandTest):
    def facts(self, status, **options):
        """The facts that it prints, as a list of verdict, name and words."""
        out = self.rst("check", status=status, **options).out
        found = [LINE.match(line) for line in out.splitlines()]
        self.assertTrue(all(found), out)
        return [match.groups() for match in found]

    def one(self, facts, name):
        return next((verdict, words) for verdict, each, words in facts if each == name)

    def usual(self):
        """The exit status on this machine, if the test changes nothing."""
        return UNTRACEABLE if harness.uprobe_refusal() else GOOD

    def test_every_fact_is_a_line(self):
        facts = self.facts(self.usual())
        names = [name for _, name, _ in facts]
        for name in KERNEL + TRACERS:
            self.assertIn(name, names)
        self.assertIn(os.uname().release, self.one(facts, "kernel")[1])
        self.assertRegex(self.one(facts, "nop")[1], "^(1 byte|10 bytes|the CPU's nop is) at each site")
        paths = ["/sys/kernel/tracing/uprobe_events", "/sys/kernel/debug/tracing/uprobe_events"]
        tracefs = any(os.access(path, os.W_OK) for path in paths)
        self.assertEqual(self.one(facts, "tracefs")[0], "yes" if tracefs else "-")
        if self.usual() == GOOD:
            for name in "uprobes", "privileges", "attaching", "memfd", "file", "watching":
                self.assertEqual(self.one(facts, name)[0], "yes", name)
            words = "^rst trace works, by BPF programs and (uprobe-multi links|perf events)$"
            self.assertRegex(self.one(facts, "trace")[1], words)

    def test_the_tracers_that_are_installed_are_there(self):
        facts = self.facts(self.usual())
        for name in "bpftrace", "perf", "gdb":
            with self.subTest(tracer=name):
                installed = shutil.which(name) is not None
                verdict, words = self.one(facts, name)
                self.assertEqual(verdict, "yes" if installed else "-", words)
                self.assertRegex(words, rf"^/\S*/{name} sees .*memfd" if installed else "^not installed: Debian has it as ")

    def test_without_privilege_it_says_what_grants_it(self):
        self.need_root()
        directory = self.directory()
        os.chmod(directory, 0o755)
        copy = shutil.copy(command.RST, directory)
        before, command.RST = command.RST, copy
        self.addCleanup(setattr, command, "RST", before)
        facts = self.facts(UNTRACEABLE, prepare=command.become_nobody)
        self.assertEqual(self.one(facts, "memfd")[0], "yes")
        for name in "privileges", "attaching", "watching":
            verdict, words = self.one(facts, name)
            self.assertEqual(verdict, "no", words)
            self.assertRegex(words, "be root|as root")
        self.assertEqual(self.one(facts, "trace")[0], "no")
        self.assertRegex(self.one(facts, "trace")[1], "needs root: sudo rst trace")

    def test_without_uprobes_nothing_is_said_to_be_attachable(self):
        self.need_root()
        facts = self.facts(
            UNTRACEABLE,
            prepare=lambda: mount_noexec("/sys"),
            environment={"RST_TRACE_ATTACH": "perf"},
        )
        self.assertEqual(self.one(facts, "uprobes")[0], "no")
        self.assertNotIn("attaching", [name for _, name, _ in facts])
        verdict, words = self.one(facts, "watching")
        self.assertEqual(verdict, "no")
        self.assertRegex(words, "can't be watched: .*: the lines above say")
        verdict, words = self.one(facts, "trace")
        self.assertEqual(verdict, "no")
        self.assertRegex(words, "by uprobes, which don't work here: the lines above say why")

    def test_root_of_a_user_namespace_is_not_root(self):
        self.need_root()
        if not may_have_a_user_namespace():
            self.skipTest("no user namespace can be made here, perhaps because this is a chroot")
        facts = self.facts(UNTRACEABLE, prepare=become_root_of_nothing)
        verdict, words = self.one(facts, "privileges")
        self.assertEqual(verdict, "no", words)
        self.assertRegex(words, "user namespace.*: run tracers as root outside")

    def test_a_directory_that_is_noexec(self):
        self.need_root()
        directory = self.directory()
        facts = self.facts(
            self.usual(), prepare=lambda: mount_noexec(directory), environment={"TMPDIR": directory}
        )
        self.assertIn(
            (
                "no",
                "file",
                f"{directory} is mounted noexec: librst skips it; name another with "
                "RST_BACKING=file:DIR",
            ),
            facts,
        )

    def test_every_directory_that_librst_tries_has_a_line(self):
        one, other = self.directory(), self.directory()
        os.chmod(one, 0o700)
        facts = self.facts(self.usual(), environment={"XDG_RUNTIME_DIR": one, "TMPDIR": other})
        for directory in one, other, "/tmp", "/dev/shm":
            self.assertIn(("yes", "file", f"a probe was loaded from a file in {directory}"), facts)
        self.assertEqual(os.listdir(one) + os.listdir(other), [])  # no file is left there

    def test_where_nothing_can_be_loaded(self):
        facts = self.facts(UNLOADABLE, prepare=limit_files)
        for name in "memfd", "file":
            verdict, words = self.one(facts, name)
            self.assertEqual(verdict, "no")
            self.assertIn("RLIMIT_FSIZE", words)

    def test_what_the_environment_says_to_librst(self):
        settings = {"RST_DISABLE": "1", "RST_TRACE_ATTACH": "perf"}
        facts = self.facts(self.usual(), environment=settings)
        self.assertRegex(self.one(facts, "setting")[1], "^RST_DISABLE=1: .*load no probes")
        if self.usual() == GOOD:
            self.assertRegex(self.one(facts, "trace")[1], "^rst trace works, .* and perf events$")
        facts = self.facts(self.usual(), environment={"RST_NOP": "fast"})
        self.assertRegex(self.one(facts, "nop")[1], "^(1 byte|5 bytes|10 bytes) at each site")
        facts = self.facts(UNLOADABLE, environment={"RST_NOP": "slow"})
        self.assertEqual(self.one(facts, "nop")[0], "no")
        self.assertIn("unset RST_NOP", self.one(facts, "nop")[1])

    def fake(self, name, script):
        directory = self.directory()
        path = os.path.join(directory, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write("#!/bin/sh\n" + script)
        os.chmod(path, 0o755)
        return {"PATH": directory + ":" + os.environ["PATH"]}

    def test_another_program_of_a_tracer_s_name_is_not_taken_for_it(self):
        path = self.fake("dtrace", "echo 'usage: dtrace FILE.d'; exit 1\n")
        facts = self.facts(self.usual(), environment=path)
        self.assertRegex(self.one(facts, "dtrace")[1], "is another program of that name")

    def test_it_takes_no_arguments(self):
        self.assertIn("takes no arguments", self.rst("check", "all", status=USAGE).err)


if __name__ == "__main__":
    harness.main()
