# SPDX-License-Identifier: MIT
"""`./check coverage` fails for a line that no test runs, unless there is a reason for it.

By a library of one file, compiled and run for this.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

REPORT = Path(os.environ["SOURCE_ROOT"], "tests/coverage/report.py")
LIBRARY = """\
int half(int number)
{
    if (number % 2) {
        number--;
        return -1;
    }
    return number / 2;
}

int unused(void)
{
    return -1;
}
"""
PROGRAM = """\
int half(int);
int main(int count, char **words)
{
    (void)words;
    return half(4) != 2 || (count > 1 && half(3) != -1);
}
"""
ODD = ["src/core/half.c, half: number--;", "src/core/half.c, half: return -1;"]
UNUSED = ["src/core/half.c, unused: int unused(void)", "src/core/half.c, unused: return -1;"]


class Report(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.source = Path(directory.name)
        self.build = self.source / "build"
        for path in (self.source / "src/core", self.source / "src/cli", self.build / "src/a.p"):
            path.mkdir(parents=True)
        (self.source / "src/core/half.c").write_text(LIBRARY)
        (self.source / "main.c").write_text(PROGRAM)
        # As meson does: in the build directory, of which the names of the sources are seen.
        self.run_in_build("gcc", "--coverage", "-c", "../src/core/half.c", "-o", "src/a.p/half.c.o")
        self.run_in_build("gcc", "--coverage", "src/a.p/half.c.o", "../main.c", "-o", "program")

    def run_in_build(self, *command):
        subprocess.run(command, cwd=self.build, check=True)

    def report(self, *reasons, least=10, options=()):
        text = self.source / "reasons"
        text.write_text("\n".join(reasons) + "\n")
        done = subprocess.run(
            [sys.executable, REPORT, "--least", str(least), *options, self.source, self.build, text],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout

    def test_each_line_that_is_not_run_is_named(self):
        self.run_in_build("./program")
        status, said = self.report()
        self.assertEqual(status, 1, said)
        for heading in (*ODD, *UNUSED):
            self.assertIn(f"without a reason:\n{heading}\n", said)
        self.assertIn("src/core/half.c:4: not run", said)
        self.assertNotIn("number / 2", said)

    def test_a_reason_is_for_the_line_of_that_text_in_that_function(self):
        self.run_in_build("./program")
        status, said = self.report(*ODD, "    Nobody halves an odd number.", "    Or so it is said.")
        self.assertEqual(status, 1, said)
        for heading in ODD:
            self.assertNotIn(heading, said)
        for heading in UNUSED:
            self.assertIn(heading, said)
        status, said = self.report(*ODD, "    Even.", "", *UNUSED, "    Nobody wants it.")
        self.assertEqual(status, 0, said)

    def test_a_line_that_has_run_may_have_a_reason_for_the_times_it_has_not(self):
        self.run_in_build("./program", "with an odd number")
        status, said = self.report(*ODD, "    Even.", "", *UNUSED, "    Nobody wants it.")
        self.assertEqual(status, 0, said)

    def test_a_reason_for_a_line_that_is_gone_is_refused(self):
        self.run_in_build("./program")
        gone = "src/core/half.c, half: return -2;"
        status, said = self.report(*ODD, gone, "    Even.", "", *UNUSED, "    Nobody wants it.")
        self.assertEqual(status, 1, said)
        self.assertIn(f"there is no such line to give a reason for: {gone}\n", said)

    def test_a_heading_without_a_reason_is_refused(self):
        self.run_in_build("./program")
        status, said = self.report(*ODD, "    Even.", "", *UNUSED)
        self.assertEqual(status, 1, said)
        self.assertIn(f"no reason follows: {UNUSED[1]}\n", said)
        self.assertNotIn("no reason follows: " + ODD[0], said)

    def test_what_is_neither_is_refused(self):
        self.run_in_build("./program")
        status, said = self.report("half is tested enough")
        self.assertEqual(status, 1, said)
        self.assertIn("reasons:1: neither", said)

    def test_too_few_lines_are_refused_whatever_the_reasons(self):
        self.run_in_build("./program")
        reasons = (*ODD, "    Even.", "", *UNUSED, "    Nobody wants it.")
        status, said = self.report(*reasons, least=50)
        self.assertEqual(status, 1, said)
        self.assertIn("of 7 lines 3 have run, which is less than 50 %", said)

    def test_lines_and_branches_are_counted_in_tables(self):
        self.run_in_build("./program")
        _, said = self.report()
        self.assertIn("\n| `src/core/` | 7 | 42.8 % | 2 | 50.0 % |\n", said)
        self.assertIn("\n| all | 7 | 42.8 % | 2 | 50.0 % |\n", said)

    def test_what_several_runs_and_objects_ran_is_added(self):
        self.run_in_build("./program")
        other = self.build / "src/b.p"
        other.mkdir()
        self.run_in_build("gcc", "--coverage", "-c", "../src/core/half.c", "-o", "src/b.p/half.c.o")
        self.run_in_build("gcc", "--coverage", "src/b.p/half.c.o", "../main.c", "-o", "other")
        self.run_in_build("./other", "with an odd number")
        _, said = self.report()
        self.assertIn("\n| all | 7 | 71.4 % | 2 | 100.0 % |\n", said)

    def test_what_tests_counted_each_in_a_place_of_its_own_is_added(self):
        counts = self.source / "counts"
        counts.mkdir()
        for words in ([], ["with an odd number"]):
            subprocess.run(
                [REPORT.with_name("apart.sh"), "./program", *words],
                cwd=self.build,
                env={**os.environ, "RST_COVERAGE": str(counts)},
                check=True,
            )
        self.assertEqual(len(list(counts.iterdir())), 2)
        self.assertEqual(list(self.build.glob("**/*.gcda")), [])
        _, said = self.report(options=["--counts", os.path.relpath(counts)])
        self.assertIn("\n| all | 7 | 71.4 % | 2 | 100.0 % |\n", said)

    def test_what_is_never_run_counts_and_the_command_does_not(self):
        (self.source / "src/cli/main.c").write_text(LIBRARY)
        (self.build / "src/cli").mkdir()
        self.run_in_build("gcc", "--coverage", "-c", "../src/cli/main.c", "-o", "src/cli/main.c.o")
        _, said = self.report()
        self.assertIn("\n| all | 7 | 0.0 % | 2 | 0.0 % |\n", said)

    def test_a_build_without_gcov_is_refused(self):
        shutil.rmtree(self.build / "src")
        status, said = self.report()
        self.assertEqual(status, 1, said)
        self.assertIn("-Db_coverage=true", said)


if __name__ == "__main__":
    if not (shutil.which("gcc") and shutil.which("gcov")):
        print("skipped: there is no gcc, or no gcov")
        sys.exit(77)
    unittest.main(verbosity=2)
