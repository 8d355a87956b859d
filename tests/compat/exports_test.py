#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A drop-in has the original's soname, and exports what its header declares and its map lists.
Its symbols have no version, as the original's have none: a program runs with either. The static
library has all of librst, and no name that could collide with a program's own.

usage: exports_test.py SONAME LIBRARY.SO LIBRARY.A HEADER MAP
"""

import re
import subprocess
import sys

SANITIZERS = ("__asan", "__odr_asan", "__ubsan", "__tsan", "__sanitizer")  # names that they add


def lines(*command):
    return subprocess.run(command, check=True, text=True, capture_output=True).stdout.splitlines()


def names(*command):
    """The names in the first column of nm's output."""
    found = {line.split()[0] for line in lines("nm", "--format=posix", *command) if " " in line}
    return {name for name in found if not name.startswith(SANITIZERS)}


def declared(header):
    with open(header, encoding="utf-8") as file:
        text = re.sub(r"/\*.*?\*/", "", file.read(), flags=re.S)
    return set(re.findall(r"^[a-zA-Z_ ]+[ *](\w+)\([^()]*\);", text, flags=re.M))


def listed(symbol_map):
    with open(symbol_map, encoding="utf-8") as file:
        return set(re.findall(r"^ +(\w+);", file.read(), flags=re.M))


def main():
    soname, shared, static, header, symbol_map = sys.argv[1:]
    wanted = declared(header)
    exported = names("--dynamic", "--defined-only", "--extern-only", shared)
    dynamic = "\n".join(lines("readelf", "-dW", shared))
    needed = set(re.findall(r"\(NEEDED\).*\[(.*)\]", dynamic))
    faults = []

    if len(wanted) < 8:
        faults.append(f"only {wanted} are declared in {header}")
    for what, found in (("exports", exported), ("lists", listed(symbol_map))):
        if found != wanted:
            faults.append(f"{what} {sorted(found)}, and {header} declares {sorted(wanted)}")
    if f"[{soname}]" not in dynamic:
        faults.append(f"{shared} has not the soname {soname}:\n{dynamic}")
    if "librst.so.0" not in needed or "$ORIGIN/.." not in dynamic:
        faults.append(f"{shared} does not find librst beside its directory:\n{dynamic}")
    own = ("rst_", "compat_")
    defined = names("--defined-only", "--extern-only", static)
    strange = {name for name in defined - wanted if not name.startswith(own)}
    if strange:
        faults.append(f"{static} defines {strange}")
    undefined = names("--undefined-only", static) - defined
    if missing := {name for name in undefined if name.startswith(own)}:
        faults.append(f"{static} lacks {missing}")
    print(f"{len(exported)} exported, {len(wanted)} declared")
    for fault in faults:
        print(fault)
    return 1 if faults else 0


sys.exit(main())
