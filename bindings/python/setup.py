# SPDX-License-Identifier: MIT
"""Builds rst._rst: librst itself and what Python needs of it, in one extension.

pyproject.toml says everything else. On systems that librst is not made for, and for Pythons that aren't
CPython, nothing is built; the module is there, and its probes do nothing.
"""

import glob
import platform
import sys

from setuptools import Extension, setup

LIBRST = "ext/librst/src"


def extension():
    sources = glob.glob("ext/*.c") + [
        source
        for part in ("", "arch/", "image/", "backing/", "runtime/")
        for source in glob.glob(f"{LIBRST}/{part}*.c")
    ]
    return Extension(
        "rst._rst",
        sources=sorted(sources),
        depends=sorted(glob.glob("ext/*.h") + glob.glob(f"{LIBRST}/**/*.h", recursive=True)),
        include_dirs=["ext/librst/include", LIBRST],
        define_macros=[("_GNU_SOURCE", "1")],
        extra_compile_args=["-std=gnu11", "-fvisibility=hidden", "-fno-omit-frame-pointer", "-momit-leaf-frame-pointer"],
        # nodelete, as in librst's own build: its fork and exit handlers stay registered.
        extra_link_args=["-Wl,--version-script=ext/rst.map", "-Wl,-z,nodelete"],
        libraries=["dl", "pthread"],
        optional=platform.libc_ver()[0] != "glibc",
    )


is_known = sys.platform == "linux" and platform.python_implementation() == "CPython"
setup(ext_modules=[extension()] if is_known else [])
