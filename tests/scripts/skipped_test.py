# SPDX-License-Identifier: MIT
"""What ./check runs once more as root, and why it says that tests were skipped."""

import json
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

SKIPPED = Path(os.environ["SOURCE_ROOT"], ".ci/skipped.py")
ROOT = "a uprobe can't be attached: be root"
# What each kind of test prints: meson's result, standard output and error, and the reasons in it.
TESTS = {
    "cmocka": ("OK", f"[ RUN      ] a\nskipped: {ROOT}\n[  SKIPPED ] a\n", "", [ROOT]),
    "twice": ("OK", f"[ RUN      ] a\nskipped: {ROOT}\nskipped: there is no gdb\n", "", [ROOT, "there is no gdb"]),
    "unittest": ("OK", "", f"test_a (__main__.A.test_a) ... skipped '{ROOT}'\nok\n", [ROOT]),
    "quoted": ("OK", "", f'test_a (__main__.A.test_a) ... skipped "{ROOT}"\nok\n', [ROOT]),
    "tracers": ("SKIP", f"skipped: test_a (__main__.A.test_a): {ROOT}\n", "", [ROOT]),
    "minitest": ("OK", f"A#test_a = 0.00 s = S\n\n  1) Skipped:\nA#test_a [a.rb:1]:\n{ROOT}\n", "", [ROOT]),
    "silent": ("SKIP", "", "", ["it does not say why"]),
    "all": ("OK", "[       OK ] nothing_is_skipped\n", "test_a ... ok\n", []),
    "broken": ("FAIL", "not skipped: it failed\n", "", []),
}


class Skipped(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.log = Path(directory.name, "testlog.json")

    def say(self, what, names, *more, status=0):
        with open(self.log, "w", encoding="utf-8") as log:
            for name in names:
                result, out, err, _ = TESTS[name]
                told = {"name": f"librst:load+valgrind / {name}", "result": result}
                told.update(stdout=out) if out else None
                told.update(stderr=err) if err else None
                log.write(json.dumps(told) + "\n")
        command = [sys.executable, SKIPPED, what, self.log, *more]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
        self.assertEqual(done.returncode, status, done.stdout)
        return done.stdout

    def test_tests_that_skipped_anything_are_named(self):
        wanted = [name for name, (*_, reasons) in TESTS.items() if reasons]
        self.assertEqual(self.say("names", TESTS).split(), wanted)

    def test_each_kind_of_test_gives_its_reasons(self):
        for name, (*_, reasons) in TESTS.items():
            with self.subTest(name):
                self.assertEqual(
                    self.say("reasons", [name]), "".join(f"1 x {reason}\n" for reason in reasons)
                )

    def test_reasons_are_counted(self):
        said = self.say("reasons", ["cmocka", "twice", "all"])
        self.assertEqual(said, f"2 x {ROOT}\n1 x there is no gdb\n")

    def test_each_test_is_named_with_its_reason(self):
        known = self.log.with_name("known")
        known.write_text(f"# reasons\n{ROOT}\n")
        names = ["cmocka", "unittest", "tracers", "minitest", "all"]
        said = self.say("tests", names, known)
        wanted = ["cmocka: a", "unittest: test_a", "tracers: test_a", "minitest: A#test_a"]
        self.assertEqual(said.splitlines()[:-1], [f"{start}: {ROOT}" for start in wanted])
        self.assertEqual(said.splitlines()[-1], "skipped: 4, for different reasons: 1")

    def test_a_reason_that_is_not_known_is_a_failure(self):
        known = self.log.with_name("known")
        known.write_text(f"# there is no gdb\n{ROOT}\n")
        for name, word in {"twice": "twice: a: UNKNOWN: there is no gdb", "silent": "silent: UNKNOWN"}.items():
            self.assertIn(word, self.say("tests", [name], known, status=1))


if __name__ == "__main__":
    unittest.main(verbosity=2)
