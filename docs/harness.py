# SPDX-License-Identifier: MIT
"""What the tests of the documents have in common. Python's standard library only."""

import os
import re
import subprocess
import sys
import time
import unittest
from pathlib import Path

ROOT = Path(os.environ["SOURCE_ROOT"])
SKIPPED = 77  # what meson takes for a skipped test


def lacking(what):
    """Skip for want of something; but fail where everything is wanted."""
    if os.environ.get("RST_REQUIRE_TRACERS") == "1":
        raise AssertionError(f"RST_REQUIRE_TRACERS=1, and {what}")
    raise unittest.SkipTest(what)


def wait_for(condition, what, seconds=20):
    """Look until `condition` gives something true; give that."""
    deadline = time.monotonic() + seconds
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"no {what} within {seconds} seconds")
        time.sleep(0.01)


def run(*command, **options):
    """Run a command to its end. Gives its status and output, standard error included."""
    options.setdefault("timeout", 100)
    done = subprocess.run(
        [str(word) for word in command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        **options,
    )
    return done.returncode, done.stdout


def readme_example():
    """The C program in README.md."""
    found = re.search(r"<!-- test: shop.c -->\n```c\n(.*?)```", (ROOT / "README.md").read_text(), re.S)
    if not found:
        raise AssertionError("README.md has no C program behind <!-- test: shop.c -->")
    return found.group(1)


def main():
    """Run the caller's tests. A skipped test is no success: the whole counts as skipped."""
    result = unittest.main(exit=False, verbosity=2).result
    if not result.wasSuccessful():
        sys.exit(1)
    sys.exit(SKIPPED if result.skipped else 0)
