#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Run tests by meson, and what failed once more by itself.

usage: test.py BUILD [OPTION]... -- SELECTION...

The options and the selection (names, or --suite and a name) are those of `meson test`. A test that passes
the second time is named in the last line: it may have met what no test can avoid, such as a uprobe that the
kernel has kept at the address of another file (DEVELOPMENT.md), or it has a fault that shows now and then.

The status is meson's, of the second run if there is one. A name that no test has is a failure here; to meson
it is none.
"""

import json
import os
import re
import subprocess
import sys


def after(options, name, default):
    """The word after an option."""
    return options[options.index(name) + 1] if name in options else default


def run(build, options, logbase, selection):
    """Gives the status, and the result of each test that ran, by its name."""
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
                results[re.split(r" / |:", test["name"])[-1].strip()] = test["result"]
    return status, results


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
    failed = [name for name, result in results.items() if result in ("FAIL", "TIMEOUT", "ERROR", "INTERRUPT")]
    if status and failed:
        status, _ = run(build, options, logbase + "-again", failed)
        if status == 0:
            print("passed the second time:", *failed)
    named = [] if "--suite" in selection or any("--suite=" in word for word in selection) else selection
    missing = [name for name in named if name not in results]
    if missing or not results:
        print("no test has run for:", *(missing or selection))
        status = status or 1
    sys.exit(status)


main()
