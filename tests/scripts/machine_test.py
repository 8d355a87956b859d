# SPDX-License-Identifier: MIT
"""tests/vm/job.sh and .ci/test.py run once more what failed, and miss what did not run.

By a meson that writes logs of tests that it does not run.
"""

import os
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

SOURCE = Path(os.environ["SOURCE_ROOT"])
# FAILS names tests that fail, and FAILS_AGAIN those that do so the second time, too; LACKS those that are not there.
# SAYS is what a test that fails writes, and STATUS its status.
MESON = r"""#!/usr/bin/env python3
import json, os, sys
words = sys.argv[1:]
build, log = words[words.index("-C") + 1], words[words.index("--logbase") + 1]
names = words[words.index("--logbase") + 2:]
if names[0] == "--suite":
    names = ["of-" + names[1]]
fails = os.environ["FAILS_AGAIN" if log.endswith("-again") else "FAILS"].split()
names = [name for name in names if name not in os.environ["LACKS"].split()]
os.makedirs(build + "/meson-logs", exist_ok=True)
open(f"{build}/meson-logs/{log}.txt", "w").close()
if names:
    with open(f"{build}/meson-logs/{log}.json", "w") as file:
        for name in names:
            test = {"name": "librst:ruby+yjit / " + name, "result": "OK", "returncode": 0, "stdout": "ok"}
            if name in fails:
                test.update(result="FAIL", returncode=int(os.environ["STATUS"]), stderr=os.environ["SAYS"])
            print(json.dumps(test), file=file)
print("ran", *names)
sys.exit(any(name in fails for name in names))
"""


class Job(unittest.TestCase):
    def job(self, fails="", fails_again="", lacks="", says="", returned=1):
        """Gives its status and what it said."""
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        root = Path(directory.name)
        shutil.copytree(SOURCE / "tests/vm", root / "source/tests/vm")
        shutil.copytree(SOURCE / ".ci", root / "source/.ci")
        (root / "commands").mkdir()
        (root / "commands/meson").write_text(MESON)
        (root / "commands/meson").chmod(0o755)
        (root / "build").mkdir()
        done = subprocess.run(
            ["bash", "tests/vm/job.sh", "bookworm", "../build", "../results"],
            cwd=root / "source",
            env={
                "PATH": f"{root}/commands:{os.environ['PATH']}",
                "FAILS": fails, "FAILS_AGAIN": fails_again, "LACKS": lacks,
                "SAYS": says, "STATUS": str(returned),
            },
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, check=False,
        )
        self.assertTrue((root / "results/table.tsv").exists(), done.stdout)
        return done.returncode, done.stdout

    def test_what_passes_runs_once(self):
        status, said = self.job()
        self.assertEqual(status, 0, said)
        self.assertEqual(said.count("attach"), 1, said)
        self.assertNotIn("second time", said)

    def test_what_fails_once_is_named(self):
        status, said = self.job(fails="ruby-fork of-tracers")
        self.assertEqual(status, 0, said)
        self.assertIn("\nran ruby-fork\npassed the second time: ruby-fork\n", said)
        self.assertIn("passed the second time: of-tracers\n", said)

    def test_what_fails_twice_fails(self):
        status, said = self.job(fails="ruby-fork attach", fails_again="ruby-fork")
        self.assertEqual(status, 1, said)
        self.assertIn("passed the second time: attach\n", said)
        self.assertNotIn("passed the second time: ruby", said)

    def test_a_fault_fails_the_first_time(self):
        faults = (
            ("==7==ERROR: AddressSanitizer: heap-use-after-free", 1),
            ("==7==ERROR: LeakSanitizer: detected memory leaks", 1),
            ("WARNING: ThreadSanitizer: data race", 66),
            ("fuzz.c:7:3: runtime error: shift exponent 64 is too large", 1),
            ("SUMMARY: libFuzzer: deadly signal", 1),
            ("it fails\n==7== Invalid read of size 1\n==7==    at 0x1: main", 99),
            ("", -11),
        )
        for says, returned in faults:
            with self.subTest(says=says, returned=returned):
                status, said = self.job(fails="ruby-fork", says=says, returned=returned)
                self.assertEqual(status, 1, said)
                self.assertIn("not run again, for a fault was found: ruby-fork\n", said)
                self.assertNotIn("second time", said)
        status, said = self.job(fails="ruby-fork", says="a == 7, and 7 ==7== b")
        self.assertEqual(status, 0, said)

    def test_what_does_not_run_fails(self):
        for lacks in "ruby-fork", "of-tracers":
            with self.subTest(lacks=lacks):
                status, said = self.job(lacks=lacks)
                self.assertEqual(status, 1, said)
                self.assertIn(f"no test has run for: {lacks.replace('of-', '--suite ')}\n", said)


if __name__ == "__main__":
    unittest.main(verbosity=2)
