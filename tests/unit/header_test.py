#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Code that must compile with rst.h, and code that must not.

usage: header_test.py INCLUDE-DIR c|c++ COMPILER [ARG...]
"""

import subprocess
import sys

STRICT = ["-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wsign-conversion", "-Wshadow",
          "-Wundef", "-Werror", "-fsyntax-only"]
C_ONLY = ["-Wstrict-prototypes", "-Wmissing-prototypes", "-Wcast-qual", "-Wc++-compat"]
CPP_ONLY = ["-Wold-style-cast", "-Wcast-qual", "-Wzero-as-null-pointer-constant"]

STANDARDS = {
    "c": ["c11", "gnu11", "c17", "c2x"],
    "c++": ["c++11", "gnu++11", "c++14", "c++17", "c++20"],
}

TWELVE = ", ".join(str(i) for i in range(1, 13))

# (name, languages, statements, whether they compile)
SNIPPETS = [
    ("nothing but the header", "c c++", "(void)p;", True),
    ("12 arguments", "c c++", f"RST_FIRE(p, {TWELVE});", True),
    ("13 arguments", "c c++", f"RST_FIRE(p, {TWELVE}, 13);", False),
    ("14 arguments", "c c++", f"RST_FIRE(p, {TWELVE}, 13, 14);", False),
    ("no probe", "c c++", "RST_FIRE();", False),
    ("a probe that isn't one", "c c++", "RST_FIRE(&other);", False),
    ("a structure", "c c++", "RST_FIRE(p, other);", False),
    ("a long double", "c c++", "RST_FIRE(p, 1.0L);", False),
    ("as an if's branch", "c c++", "if (other.x) RST_FIRE(p); else RST_FIRE(p, 1);", True),
    ("in a fire's argument", "c c++", "RST_FIRE(p, RST_ENABLED(p));", True),
    ("RST_ENABLED is an int", "c",
     '_Static_assert(_Generic(RST_ENABLED(p), int: 1, default: 0), "");', True),
    ("a bit-field's value", "c c++", "struct { unsigned b : 3; int c : 3; } s = {1, 1};"
     " RST_FIRE(p, +s.b, +s.c);", True),
    ("RST_BITS of a constant", "c c++", "(void)p; uint64_t bits = RST_BITS(1.5f); (void)bits;", True),
    ("writing to a semaphore", "c c++", "*rst_probe_semaphore(p) = 1;", False),
    ("NULL", "c", "RST_FIRE(p, NULL);", True),
    ("a function, noexcept", "c++", "void (*f)() noexcept = nullptr; RST_FIRE(p, f);", True),
    ("nullptr", "c++", "RST_FIRE(p, nullptr);", True),
    ("a function", "c++", "RST_FIRE(p, function, &function);", True),
    ("a scoped enumeration", "c++", "enum class e { a }; RST_FIRE(p, e::a);", False),
    ("a member pointer", "c++", "RST_FIRE(p, &other_type::x);", False),
]

SOURCE = """#include <rst.h>
typedef struct {{ int x; }} other_type;
void function(int x);
void test(const rst_probe *p, other_type other);
void test(const rst_probe *p, other_type other)
{{
    (void)other;
    {statements}
}}
"""


def compile_snippet(command, source):
    return subprocess.run(command + ["-"], input=source, text=True, capture_output=True)


def main():
    include, language, *compiler = sys.argv[1:]
    warnings = STRICT + (C_ONLY if language == "c" else CPP_ONLY)
    base = compiler + ["-x", language, "-I", include] + warnings
    failures = count = 0
    for standard in STANDARDS[language]:
        command = base + [f"-std={standard}"]
        if compile_snippet(base[:-len(warnings)] + [f"-std={standard}", "-fsyntax-only"],
                           "").returncode != 0:
            print(f"{standard}: this compiler does not support it")
            continue
        for name, languages, statements, compiles in SNIPPETS:
            if language not in languages.split():
                continue
            result = compile_snippet(command, SOURCE.format(statements=statements))
            count += 1
            if (result.returncode == 0) != compiles:
                failures += 1
                print(f"{standard}: {name}: " +
                      ("does not compile:\n" + result.stderr if compiles else "compiles"))
    print(f"{count} snippets, {failures} failures")
    return 1 if failures or not count else 0


sys.exit(main())
