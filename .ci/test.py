#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Run tests by meson, and what failed once more by itself.

usage: test.py BUILD [OPTION]... -- SELECTION...

The options and the selection (names, or --suite and a name) are those of `meson test`. A test that passes
the second time is named in the last line: it may have met what no test can avoid, such as a uprobe that the
kernel has kept at the address of another file (DEVELOPMENT.md), or it has a fault that shows now and then.
What a fuzzer, a sanitizer or valgrind has found is a fault, and so is a signal: such a test does not run
again, for the second run may go another way.

The status is meson's, of the second run if there is one, and a failure if a fault was found or a name is one
that no test has; to meson that is none.
"""

import json
import os
import re
import subprocess
import sys

from faults import is_fault

FAILED = ("FAIL", "TIMEOUT", "ERROR", "INTERRUPT")


def after(options, name, default):
    """The word after an option."""
    return options[options.index(name) + 1] if name in options else default


def run(build, options, logbase, selection):
    """Gives the status, and what meson wrote of each test that ran, by its name."""
    wrapper = after(options, "--wrapper", "").split()
    log = f"{build}/meson-logs/{logbase}{'-' + os.path.basename(wrapper[0]) if wrapper else ''}.json"
    if os.path.exists(log):
        os.remove(log)  # so that no earlier run's is taken for this one's
    command = ["meson", "test", "-C", build, *options, "--logbase", logbase, *selection]
    status = subprocess.run(command, check=False).returncode
    results = {}
    if os.path.exists(log):
        with open(log, encoding="utf-8") as file:
            # meson writes "PROJECT:SUITE / NAME", or "SUITE - PROJECT:NAME" where it runs several suites.
            for line in filter(str.strip, file):
                try:
                    test = json.loads(line)
                except ValueError:
                    return status or 1, {}
                results[re.split(r" / |:", test["name"])[-1].strip()] = test
    return status, results


def has_fault(test):
    """Whether a failure is one that no second run takes back. Of a test that had to be stopped, meson gives
    the signal that it stopped it with."""
    status = test.get("returncode", 0) if test["result"] == "FAIL" else 0
    return is_fault(status, test.get("stdout", "") + test.get("stderr", ""))


def main():
    words = sys.argv[1:]
    if "--" not in words or words[0] == "--":
        sys.exit(__doc__)
    build, options, selection = words[0], words[1 : words.index("--")], words[words.index("--") + 1 :]
    logbase = after(options, "--logbase", "testlog")
    if "--logbase" in options:
        at = options.index("--logbase")
        del options[at : at + 2]
    status, results = run(build, options, logbase, selection)
    failed = [name for name, test in results.items() if test["result"] in FAILED]
    faults = [name for name in failed if has_fault(results[name])]
    again = [name for name in failed if name not in faults]
    if status and again:
        status, _ = run(build, options, logbase + "-again", again)
        if status == 0:
            print("passed the second time:", *again)
    if faults:
        print("not run again, for a fault was found:", *faults)
        status = status or 1
    named = [] if "--suite" in selection or any("--suite=" in word for word in selection) else selection
    missing = [name for name in named if name not in results]
    if missing or not results:
        print("no test has run for:", *(missing or selection))
        status = status or 1
    sys.exit(status)


main()
