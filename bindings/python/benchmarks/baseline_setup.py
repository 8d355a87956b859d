# SPDX-License-Identifier: MIT
"""Builds the module baseline, with the options of rst's own extension. Run in this directory."""

from setuptools import Extension, setup

setup(
    name="baseline",
    ext_modules=[
        Extension(
            "baseline",
            ["baseline.c"],
            extra_compile_args=["-fno-omit-frame-pointer", "-momit-leaf-frame-pointer"],
        )
    ],
)
