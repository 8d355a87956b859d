#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The shared library exports the functions that rst.h declares and librst.map lists, and nothing
else. rst.h tells since which version each function exists. The static library defines no name that
could collide with a program's own.

usage: exports_test.py LIBRST.SO LIBRST.A RST.H LIBRST.MAP
"""

import re
import subprocess
import sys

# Names that sanitizers add to a program.
SANITIZERS = ("__asan", "__odr_asan", "__ubsan", "__tsan", "__sanitizer")


def nm(*args):
    """The (name, type) of each symbol."""
    out = subprocess.run(["nm", "--format=posix", "--defined-only", *args], check=True, text=True,
                         capture_output=True).stdout
    fields = [line.split() for line in out.splitlines()]
    return [(f[0], f[1]) for f in fields if len(f) >= 2]


def exported(library):
    """The names that the shared library exports, with their versions."""
    names = {}
    for name, kind in nm("--dynamic", "--extern-only", "--with-symbol-versions", library):
        name, _, version = name.partition("@")
        if kind == "A" or name.startswith(SANITIZERS):  # a version's own symbol
            continue
        names[name] = version.lstrip("@")
    return names


def declared(header):
    text = re.sub(r"/\*.*?\*/", "", open(header).read(), flags=re.S)
    return set(re.findall(r"^RST_EXPORT\b[^;(]*?\b(\w+)\s*\(", text, flags=re.M))


def undated(header):
    """The functions whose comment does not say "@since" and a version."""
    found = re.findall(r"/\*\*((?:(?!\*/).)*)\*/\s*RST_EXPORT\b[^;(]*?\b(\w+)\s*\(", open(header).read(),
                       flags=re.S)
    return declared(header) - {name for comment, name in found
                               if re.search(r"@since \d+\.\d+$", comment, flags=re.M)}


def listed(symbol_map):
    """The names that the map lists, with their versions."""
    names = {}
    for version, body in re.findall(r"(\w+)\s*\{(.*?)\}", open(symbol_map).read(), flags=re.S):
        body = re.sub(r"/\*.*?\*/", "", body, flags=re.S)
        body = body.partition("local:")[0].replace("global:", "")
        names.update((name.strip(), version) for name in body.split(";") if name.strip())
    return names


def main():
    shared, static, header, symbol_map = sys.argv[1:]
    in_library, in_header, in_map = exported(shared), declared(header), listed(symbol_map)
    faults = []

    if len(in_header) < 10:
        faults.append(f"only {len(in_header)} functions found in {header}")
    for name in sorted(set(in_library) | in_header | set(in_map)):
        places = [place for place, names in (("the library", in_library), ("the header", in_header),
                                             ("the map", in_map)) if name not in names]
        if places:
            faults.append(f"{name} is missing from {' and '.join(places)}")
        elif in_library[name] != in_map[name]:
            faults.append(f"{name} has version {in_library[name]}, in the map {in_map[name]}")
    for name in sorted(undated(header)):
        faults.append(f"{name}: its comment in {header} has no @since")
    for name, kind in nm("--extern-only", static):
        if not name.startswith("rst_") and not name.startswith(SANITIZERS):
            faults.append(f"the static library defines {name} ({kind})")
    print(f"{len(in_library)} exported, {len(in_header)} declared, {len(in_map)} listed")
    for fault in faults:
        print(fault)
    return 1 if faults else 0


sys.exit(main())
