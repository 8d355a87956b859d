# SPDX-License-Identifier: MIT
""".ci/again.py runs a command once more if it fails, unless it has met a fault."""

import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

AGAIN = Path(os.environ["SOURCE_ROOT"], ".ci/again.py")


class Again(unittest.TestCase):
    def again(self, *scripts):
        """The first script is what the command does the first time, and so on. Gives the status, what was
        said, and how often the command ran."""
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        runs = Path(directory.name, "runs")
        runs.write_text("")
        for number, script in enumerate(scripts):
            Path(directory.name, str(number)).write_text(script)
        command = 'number=$(wc -l <runs); echo >>runs; exec sh "$number"'
        done = subprocess.run(
            [sys.executable, AGAIN, "node_sanitize", "sh", "-c", command],
            cwd=directory.name, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, check=False,
        )
        return done.returncode, done.stdout, len(runs.read_text())

    def test_what_passes_runs_once(self):
        self.assertEqual(self.again("echo AddressSanitizer"), (0, "AddressSanitizer\n", 1))

    def test_what_fails_runs_once_more(self):
        status, said, runs = self.again("echo one; exit 3", "echo two >&2")
        self.assertEqual((status, runs), (0, 2), said)
        self.assertRegex(said, "one\n.*node_sanitize\ntwo\npassed the second time: node_sanitize\n$")

    def test_what_fails_twice_fails(self):
        status, said, runs = self.again("exit 3", "exit 4")
        self.assertEqual((status, runs), (4, 2), said)
        self.assertNotIn("second time", said)

    def test_a_fault_fails_the_first_time(self):
        for script in (
            "echo '==7==ERROR: AddressSanitizer: heap-use-after-free'; exit 1",
            "echo 'native.c:7:3: runtime error: signed integer overflow'; exit 1",
            "echo 'a.rb:1: [BUG] Segmentation fault at 0x0'; exit 1",
            "echo 'Fatal Python error: Segmentation fault'; exit 1",
            "echo 'failed: tracers, pid 7 SIGABRT (signal 6) (core dumped)'; exit 1",
            "kill -ABRT $$",
            "exit 139",
        ):
            with self.subTest(script=script):
                status, said, runs = self.again(script, "")
                self.assertEqual((status != 0, runs), (True, 1), said)
                self.assertIn("not run again, for a fault was found: node_sanitize\n", said)

    def test_a_signal_that_tests_send_is_no_fault(self):
        self.assertEqual(self.again("echo 'pid 7 SIGKILL (signal 9)'; exit 1", "")[::2], (0, 2))

    def test_it_needs_a_command(self):
        done = subprocess.run([sys.executable, AGAIN, "name"], stderr=subprocess.PIPE, text=True, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("usage: again.py NAME COMMAND...", done.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
