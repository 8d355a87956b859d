# SPDX-License-Identifier: MIT
"""Shared by the tests of confinement: the program that confines, and the tables of the document."""

import os

from harness import ROOT

CONFINED = os.environ.get("RST_CONFINED", "")
TARGET = os.environ.get("RST_TARGET", "")
PAGE = ROOT / "docs" / "tracing.md"


def check_confined(case):
    """Skip the test if programs can't be confined here."""
    case.need_root()
    status, said = case_run(case, "Container=yes", "PrivateUsers=yes", "/bin/true")
    case.need(status == 0, f"there are no containers here: {said}")


def case_run(case, *words):
    tool = case.tool(CONFINED, *words)
    lines = tool.finish()
    return tool.process.returncode, " ".join(lines)


def table(first):
    """The rows of the document's table whose first column is called that."""
    rows = None
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("| ").split("|")]
        if line.startswith(f"| {first} |"):
            rows = []
        elif rows is not None and not line.startswith("|"):
            return rows
        elif rows is not None and not line.startswith("|---"):
            rows.append(cells)
    raise AssertionError(f"{PAGE} has no table that begins with {first!r}")
