# SPDX-License-Identifier: MIT
"""`rst list` on a process with a million probes. It runs alone, as every search of all processes
would find that process, too."""

import json
import time

import command
import harness
from command import MANY_PROGRAM, NONE, SANITIZED


class Many(command.CommandTest):
    def test_a_million_probes(self):
        count = 100_000 if SANITIZED else 1_000_000
        program = self.program(MANY_PROGRAM, count)
        pid = program.pid
        names = self.rst("list", "-p", pid, "many:*", "--names").out.splitlines()
        self.assertEqual(len(names), count)
        self.assertEqual(set(names), {f"many:p{i}" for i in range(count)})
        rows = self.rst("list", "-p", pid, "many:*").out.splitlines()
        self.assertEqual(len(rows), 1 + count)
        self.assertRegex(rows[-1], rf"^many:p9+ +uint64 number +0 +memfd +/proc/{pid}/fd/\d+$")
        said = self.rst("list", "-p", pid, "many:*", "--json").out
        self.assertEqual(said.count('"watched":0}'), count)
        self.assertEqual(json.loads(said.splitlines()[-2])["arguments"][0]["name"], "number")
        self.assertEqual(self.site("-p", pid, f"many:p{count - 1}")["probe"], f"p{count - 1}")
        near = self.rst("list", "-p", pid, "many:q77", status=NONE).err
        self.assertIn("did you mean many:p77", near)
        begun = time.monotonic()
        self.rst("list", "-p", pid, "many:p1??", "many:p2??", "many:p3??", "many:p4??", "--names")
        to_find = time.monotonic() - begun
        for tool in "gdb", "bcc", "tracefs":  # which prints something for each site
            with self.subTest(tool=tool):
                begun = time.monotonic()
                self.rst("trace", "-p", pid, "many:p1??", "many:p2??", "many:p3??", "many:p4??", "--for", tool)
                self.assertLess(time.monotonic() - begun, 2 * to_find + 1)


if __name__ == "__main__":
    harness.main()
