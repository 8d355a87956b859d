#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Run a command, and if it fails once more: what .ci/test.py does for meson's tests, for others.

usage: again.py NAME COMMAND...
"""

import subprocess
import sys

from faults import is_fault


def run(command):
    """Gives the status, and what it said, which is passed on as it comes."""
    said = []
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8", errors="replace"
    ) as process:
        for line in process.stdout:
            said.append(line)
            print(line, end="", flush=True)
    return process.returncode, "".join(said)


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    name, *command = sys.argv[1:]
    status, said = run(command)
    if status and is_fault(status, said):
        print("not run again, for a fault was found:", name)
    elif status:
        print("it failed, and is run once more:", name, flush=True)
        status, _ = run(command)
        if status == 0:
            print("passed the second time:", name)
    sys.exit(status if 0 <= status < 256 else 1)


main()
