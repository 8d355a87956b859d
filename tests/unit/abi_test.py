#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""By libabigail's abidiff, the shared library has the ABI that the file ABI describes.

usage: abi_test.py LIBRST.SO INCLUDE-DIR ABI

With RST_ABI_WRITE=1 it writes ABI again, for you to read the diff: an ABI that compiled programs
rely on must not change under the same soname.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile

SKIP = 77

# The description must not depend on where and by which compiler the library was built.
DESCRIBE = ["--no-show-locs", "--no-corpus-path", "--no-comp-dir-path", "--no-elf-needed",
            "--type-id-style", "hash", "--drop-private-types", "--exported-interfaces-only"]

# Changes that abidiff must see, made to the written description: another size of the one public
# structure, and another type behind its pointer.
CHANGES = [
    (r"(<class-decl name='rst_probe' size-in-bits=)'64'", r"\1'128'"),
    (r"(<typedef-decl name='uint32_t' type-id=)'\w+'", r"\1'8910171f'"),  # __uint64_t
]


def compare(written, library):
    """abidiff's status, which is 0 where the two agree, and its words."""
    compared = subprocess.run(["abidiff", "--exported-interfaces-only", written, library], text=True,
                              capture_output=True)
    return compared.returncode, compared.stdout + compared.stderr


def overlooked(written, library):
    """The changes that abidiff does not see."""
    with open(written, encoding="utf-8") as file:
        text = file.read()
    for pattern, change in CHANGES:
        changed, count = re.subn(pattern, change, text)
        with tempfile.NamedTemporaryFile("w", suffix=".abi", encoding="utf-8") as file:
            file.write(changed)
            file.flush()
            if count != 1 or compare(file.name, library)[0] == 0:
                yield pattern


def main():
    library, headers, written = sys.argv[1:]

    for tool in ("abidw", "abidiff"):
        if not shutil.which(tool):
            print(f"there is no {tool} (Debian: abigail-tools)")
            return 1 if os.environ.get("RST_REQUIRE_TRACERS") == "1" else SKIP
    sections = subprocess.run(["readelf", "-SW", library], check=True, text=True, capture_output=True)
    if ".debug_info" not in sections.stdout:
        print(f"{library} has no debugging information, so its types can't be compared")
        return 1
    if os.environ.get("RST_ABI_WRITE") == "1":
        subprocess.run(["abidw", *DESCRIBE, "--headers-dir", headers, "--out-file", written, library],
                       check=True)
        print(f"{written} is written; unset RST_ABI_WRITE and look at its diff")
        return 1
    status, words = compare(written, library)
    print(words)
    missed = list(overlooked(written, library))
    for pattern in missed:
        print(f"abidiff overlooks a change of {pattern}")
    return status or len(missed)


sys.exit(main())
