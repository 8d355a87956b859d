#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""By libabigail's abidiff, the shared library has the ABI that the file ABI describes.

usage: abi_test.py LIBRST.SO INCLUDE-DIR ABI

With RST_ABI_WRITE=1 it writes ABI again, for you to read the diff: an ABI that compiled programs
rely on must not change under the same soname.
"""

import os
import shutil
import subprocess
import sys

SKIP = 77

# The description must not depend on where and by which compiler the library was built.
DESCRIBE = ["--no-show-locs", "--no-corpus-path", "--no-comp-dir-path", "--no-elf-needed",
            "--type-id-style", "hash", "--drop-private-types", "--exported-interfaces-only"]


def main():
    library, headers, written = sys.argv[1:]

    for tool in ("abidw", "abidiff"):
        if not shutil.which(tool):
            print(f"there is no {tool} (Debian: abigail-tools)")
            return 1 if os.environ.get("RST_REQUIRE_TRACERS") == "1" else SKIP
    if os.environ.get("RST_ABI_WRITE") == "1":
        subprocess.run(["abidw", *DESCRIBE, "--headers-dir", headers, "--out-file", written, library],
                       check=True)
        print(f"{written} is written; unset RST_ABI_WRITE and look at its diff")
        return 1
    compared = subprocess.run(["abidiff", "--headers-dir2", headers, "--drop-private-types",
                               "--exported-interfaces-only", written, library],
                              text=True, capture_output=True)
    print(compared.stdout, compared.stderr, sep="")
    return compared.returncode


sys.exit(main())
