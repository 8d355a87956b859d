#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What the loader that loads nothing is compiled from needs C11 and POSIX.1-2008, and no more.

Its sources compile as strict C11 with POSIX's names only; the headers that they name are C's and
POSIX's; the functions that its objects call are, too. Where clang is, it compiles them for macOS,
FreeBSD and illumos, with musl's headers, which hardly have more than POSIX: that shows that what
librst uses of the compiler exists for those object formats. It can't show what those systems' own
headers and linkers say.

usage: posix_test.py SOURCE COMPILER... --objects LIBRARY [--clang CLANG]
"""

import os
import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

HEADERS = set(
    "dlfcn.h errno.h fcntl.h limits.h pthread.h signal.h stdarg.h stdbool.h stddef.h stdint.h stdio.h "
    "stdlib.h string.h sys/stat.h sys/types.h time.h unistd.h".split()
)
FUNCTIONS = set(
    "calloc clock_gettime free getenv memcmp memcpy memset nanosleep pthread_atfork pthread_cond_broadcast "
    "pthread_cond_wait pthread_mutex_lock pthread_mutex_trylock pthread_mutex_unlock "
    "pthread_setcancelstate pthread_sigmask sigdelset sigfillset snprintf sprintf strcmp strdup strlen strncmp "
    "strspn strcspn strchr strerror_r vsnprintf".split()
)
# The compiler's, this C library's own name for errno and strerror_r, and glibc's way to wait.
IMPLEMENTATION = re.compile(r"__errno_location|__xpg_strerror_r|__\w+_chk|__stack_chk_fail|__tls_get_addr|"
                            r"pthread_cond_clockwait|_GLOBAL_OFFSET_TABLE_|__\w*san_\w+|__gcov_\w+|__llvm_\w+")
MUSL = f"/usr/include/{os.uname().machine}-linux-musl"
TARGETS = ["arm64-apple-macos11", "x86_64-apple-macos11", "x86_64-unknown-freebsd13", "x86_64-pc-solaris2.11"]
POSIX = ["-std=c11", "-D_POSIX_C_SOURCE=200809L"]
WARNINGS = ["-Wall", "-Wextra", "-Werror", "-Werror=implicit-function-declaration"]


class Posix(unittest.TestCase):
    def sources(self):
        return [SOURCE / "src" / name for name in (SOURCE / "src/none/sources").read_text().split()]

    def compile(self, compiler, arguments):
        includes = ["-I", SOURCE / "include", "-I", SOURCE / "src"]
        with tempfile.TemporaryDirectory() as directory:
            for source in self.sources():
                done = subprocess.run(
                    [*compiler, *POSIX, *WARNINGS, *arguments, *includes, "-c", source, "-o", Path(directory, "o")],
                    capture_output=True, text=True)
                self.assertEqual(done.returncode, 0, f"{source}:\n{done.stderr}")

    def test_the_sources_are_strict_c11_with_posix(self):
        self.compile(COMPILER, [])

    def test_only_headers_of_c_and_posix_are_included(self):
        seen, todo = set(), self.sources()
        while todo:
            file = todo.pop()
            if file in seen:
                continue
            seen.add(file)
            for quoted, name in re.findall(r'^\s*#\s*include\s*(["<])([^">]+)', file.read_text(), re.M):
                near = [top / name for top in (SOURCE / "src", SOURCE / "include", file.parent)]
                ours = [path for path in near if path.exists()]
                if ours:
                    todo.append(ours[0])
                else:
                    self.assertIn(name, HEADERS, f"{file} includes it")
                    self.assertEqual(quoted, "<", file)
        self.assertGreater(len(seen), 15)

    def test_only_functions_of_c_and_posix_are_called(self):
        def names(option):
            out = subprocess.run(["nm", "-j", option, OBJECTS], check=True, capture_output=True, text=True).stdout
            return set(out.split())

        called = names("-u") - names("--defined-only")
        called = {name for name in called if not name.endswith(":")}
        self.assertGreater(len(called), 15)
        self.assertEqual({n for n in called - FUNCTIONS if not IMPLEMENTATION.fullmatch(n)}, set())

    def test_clang_compiles_them_for_other_systems(self):
        if not CLANG or not Path(MUSL).exists():
            self.skipTest("there is no clang, or no musl-dev")
        for target in TARGETS:
            with self.subTest(target=target):
                self.compile([CLANG, "--target=" + target, "-nostdlibinc", "-isystem", MUSL], [])


if __name__ == "__main__":
    SOURCE = Path(sys.argv[1])
    objects = sys.argv.index("--objects")
    COMPILER, OBJECTS = sys.argv[2:objects], sys.argv[objects + 1]
    CLANG = sys.argv[objects + 3] if len(sys.argv) > objects + 3 else None
    unittest.main(argv=sys.argv[:1])
