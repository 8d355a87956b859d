# SPDX-License-Identifier: MIT
"""python-stapsdt's module by its own name, for programs that are not to be changed: rst.stapsdt."""

from rst.stapsdt import ArgTypes, Probe, Provider

__all__ = ["ArgTypes", "Probe", "Provider"]
