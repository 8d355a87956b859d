#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What was skipped, by what `meson test` wrote down.

usage: skipped.py names|reasons meson-logs/testlog.json
       skipped.py tests meson-logs/testlog.json KNOWN

names    the tests that skipped anything, one a line
reasons  why, and how often each was the reason
tests    each of a program's tests that was skipped, and why; fails for a reason that is not in
         the file KNOWN, whose lines are reasons, or comments that begin with #
"""

import collections
import json
import re
import sys

# A test of ours says so in one of these ways; in a program of several tests, meson calls it OK.
SAID = re.compile(
    r"^skipped: (?:(?P<tracer>test_\w+) \(\S+\): )?(?P<why>.*)"  # C, shell, and tests of tracers
    r"|^(?P<python>\w+) .*\.\.\. skipped (?P<quote>['\"])(?P<pythons>.*)(?P=quote)$"  # unittest
    r"|^ +\d+\) Skipped:\n(?P<ruby>\S+).*\n(?P<rubys>.*)",  # Minitest
    re.M,
)
RUNS = re.compile(r"^\[ RUN      \] (\w+)$", re.M)  # cmocka, before a test says anything


def skipped(test):
    """Of each skipped test of a program: its name, which may be unknown, and the reason."""
    said = test.get("stdout", "") + "\n" + test.get("stderr", "")
    found = []
    for match in SAID.finditer(said):
        runs = RUNS.findall(said[: match.start()])
        name = match["tracer"] or match["python"] or match["ruby"] or (runs[-1] if runs else "")
        found.append((name, match["why"] or match["pythons"] or match["rubys"] or ""))
    return found or ([("", "it does not say why")] if test["result"] == "SKIP" else [])


def say_tests(tests, known):
    """Gives whether each reason is known."""
    reasons, unknown = collections.Counter(), 0
    for test in tests:
        for name, why in skipped(test):
            reasons[why] += 1
            unknown += why not in known
            program = test["name"].rpartition(" / ")[2]
            print(": ".join(filter(None, [program, name, why if why in known else f"UNKNOWN: {why}"])))
    print(f"skipped: {reasons.total()}, for different reasons: {len(reasons)}")
    return unknown == 0


def main():
    what, path, *more = sys.argv[1:]
    with open(path, encoding="utf-8") as log:
        tests = [json.loads(line) for line in log if line.strip()]
    if what == "tests":
        with open(more[0], encoding="utf-8") as file:
            known = {line.strip() for line in file if not line.startswith("#")}
        sys.exit(0 if say_tests(tests, known) else 1)
    if what == "names":
        for test in tests:
            if skipped(test):
                print(re.split(r" / |:", test["name"])[-1])
    if what == "reasons":
        counts = collections.Counter(why for test in tests for _, why in skipped(test))
        for reason, count in counts.most_common():
            print(f"{count} x {reason}")


main()
