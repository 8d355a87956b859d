#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What was skipped, by what `meson test` wrote down.

usage: skipped.py names|reasons meson-logs/testlog.json

names    the tests that skipped anything, one a line
reasons  why, and how often each was the reason
"""

import collections
import json
import re
import sys

# A test of ours says so in one of these ways; in a program of several tests, meson calls it OK.
SAID = re.compile(
    r"^skipped: (?:test_\w+ \(\S+\): )?(.*)"  # C, shell, and tests of tracers
    r"|^.*\.\.\. skipped ['\"](.*)['\"]$"  # Python's unittest
    r"|^ +\d+\) Skipped:\n.*\n(.*)",  # Minitest
    re.M,
)


def reasons(test):
    said = test.get("stdout", "") + "\n" + test.get("stderr", "")
    found = ["".join(filter(None, match)) for match in SAID.findall(said)]
    return found or (["it does not say why"] if test["result"] == "SKIP" else [])


def main():
    what, path = sys.argv[1:]
    counts = collections.Counter()
    with open(path, encoding="utf-8") as log:
        for test in map(json.loads, filter(str.strip, log)):
            why = reasons(test)
            counts.update(why)
            if what == "names" and why:
                print(test["name"].rpartition(" / ")[2])
    if what == "reasons":
        for reason, count in counts.most_common():
            print(f"{count} x {reason}")


main()
