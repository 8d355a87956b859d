# SPDX-License-Identifier: MIT
"""Each tracer tries to watch a program in a container or a service, from outside and from inside.

By default only the quick ones; with RST_CONFINE_ALL=1 all of them. The second table of "Containers
and services" in docs/tracing.md has the same rows.
"""

import os
import shutil
import subprocess

from harness import events_lock, main, mount_tracefs, version_in
from settings import check_confined, table
from target import TracerTest
from watching import WATCHERS, Confined, Place

PRIVATE_TMP, OUTSIDE, INSIDE, INSIDE_USER = "PrivateTmp=", "outside", "inside", "inside, user"
COLUMNS = [(place, backing) for place in (PRIVATE_TMP, OUTSIDE, INSIDE) for backing in ("memfd", "file")]
YES, NO = "yes", "no"

# Whether the tracer shows a fire: outside of PrivateTmp=, outside and inside of a container; each
# with a memfd and a file. A container has a user namespace, too, if a tracer is outside.
ROWS = {
    "rst list -p": (YES,) * 6,
    "rst trace -p": (YES,) * 6,
    "rst trace FILE": (YES,) * 6,
    "bpftrace -p, *": (YES,) * 6,
    "bpftrace -p, FILE": (NO, YES, NO, YES, YES, YES),
    "bpftrace FILE": (YES,) * 6,
    "gdb": (YES,) * 6,
    "bcc -p": (YES,) * 6,
    "bcc FILE": (YES,) * 6,
    "perf": (NO, YES, NO, NO, NO, YES),
    "tracefs": (YES,) * 6,
    "libbpf": (YES,) * 6,
}
QUICK = ("rst list -p", "rst trace -p", "rst trace FILE", "tracefs", "libbpf")
PROGRAMS = {"bpftrace": "bpftrace", "gdb": "gdb", "perf": "perf"}
# What a tracer says that can't.
SAYS = {
    "bpftrace -p, FILE": "couldn't get argument 0 for /proc/|does not exist or is not executable",
    "perf": "Failed to add events",
}

ALL = os.environ.get("RST_CONFINE_ALL") == "1"
tracefs = mount_tracefs()


class Watch(TracerTest):
    def setUp(self):
        super().setUp()
        self.refuse(tracefs)
        self.tools_running = []
        check_confined(self)

    def need_watcher(self, name):
        tool = name.split()[0]
        if tool in PROGRAMS:
            self.need_commands(PROGRAMS[tool])
        if tool == "bcc":
            found = subprocess.run(
                ["/usr/bin/python3", "-c", "import bcc"], capture_output=True, check=False
            )
            self.need(found.returncode == 0 and shutil.which("trace-bpfcc"), "bcc is not installed")
        if tool == "libbpf":
            self.need("RST_BPF_OBJECT" in os.environ, "there was no libbpf 1.0 or no clang for BPF")

    def attempt(self, name, place, backing):
        """What the tracer shows or says."""
        scratch, tmp, settings, enter = self.directory(), None, [], []
        environment = {"RST_BACKING": backing, "XDG_RUNTIME_DIR": ""}
        if place == PRIVATE_TMP:
            tmp = self.directory()
            settings = [f"PrivateTmp={tmp}"]
        else:
            settings = ["Container=yes", *(f"BindPaths={path}" for path in self.shared(scratch))]
            environment["TMPDIR"] = "/opt"
            if place != INSIDE:
                settings.append("PrivateUsers=yes")
        target = Confined(settings, **environment)
        try:
            inside = place in (INSIDE, INSIDE_USER)
            if inside:
                users = ["--user"] if place == INSIDE_USER else []
                enter = ["nsenter", "--target", target.pid, "--mount", "--pid", *users, "--"]
            where = Place(self, target, scratch, enter, inside=inside, private_tmp=tmp)
            return WATCHERS[name](where)
        finally:
            for tool in self.tools_running:
                tool.close()
            target.close()

    def tool(self, *command, **options):
        """A tool that must end before the program: what is in its PID namespace holds it up."""
        tool = super().tool(*command, **options)
        self.tools_running.append(tool)
        return tool

    def shared(self, scratch):
        """What the container must have of this machine that isn't in the root's file system."""
        needed = [os.environ["RST_SOURCE_ROOT"], os.environ["RST_BUILD_ROOT"]]
        root = os.stat("/").st_dev
        return [scratch, *(path for path in needed if os.stat(path).st_dev != root)]

    def check(self, name, column, want):
        place, backing = column
        said = self.attempt(name, place, backing)
        if want == YES:
            self.assertEqual(said, YES)
        else:
            self.assertRegex(said, SAYS[name])

    def check_row(self, name):
        self.need_watcher(name)
        if name == "bpftrace -p, FILE":
            version = version_in("\n".join(self.run_tool("bpftrace", "--version")))
            self.need(version < (0, 25), "this is about old versions of bpftrace")
        if name in ("perf", "tracefs"):
            self.addCleanup(events_lock().close)
        for column, want in zip(COLUMNS, ROWS[name], strict=True):
            with self.subTest(place=column[0], backing=column[1]):
                self.check(name, column, want)

    def test_inside_a_user_namespace_nobody_may_trace(self):
        """Capabilities of a user namespace don't count in the kernel; and the tracer says so."""
        tries = {"rst trace -p": "user namespace", "libbpf": "Operation not permitted"}
        if ALL:
            tries |= {
                "bpftrace FILE": "bpf: Operation not permitted|permitted|Permission denied",
                "bcc -p": "permitted",
            }
        for name, words in tries.items():
            with self.subTest(name=name):
                self.need_watcher(name)
                self.assertRegex(self.attempt(name, INSIDE_USER, "memfd"), words)
        for name in ("rst list -p", "gdb") if ALL else ("rst list -p",):
            with self.subTest(name=name):
                self.need_watcher(name)
                self.assertEqual(self.attempt(name, INSIDE_USER, "memfd"), YES)

    def test_the_document_says_the_same(self):
        seen = {row.replace("`", ""): tuple(cells) for row, *cells in table("tracer, by")}
        self.assertEqual(seen, ROWS)


def test_of(name):
    return lambda self: self.check_row(name)


for row in ROWS:
    if ALL or row in QUICK:
        words = "".join(c if c.isalnum() else "_" for c in row.replace("*", "all")).strip("_")
        setattr(Watch, f"test_{words}", test_of(row))

if __name__ == "__main__":
    main()
