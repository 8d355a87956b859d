# SPDX-License-Identifier: MIT
"""Other bpftraces see the same: those that RST_BPFTRACES names, separated by blanks.

Unlike the other tracers they are not asked for by RST_REQUIRE_TRACERS: no distribution has two.
"""

import os
import sys

from bpftrace import BpftraceCase, BpftraceTests
from harness import SKIPPED, main, mount_tracefs

tracefs = mount_tracefs()


def case_for(command):
    """A test case of its own for each command, so that a failure names it."""

    def set_up(self):
        super(case, self).setUp()
        self.refuse(tracefs)
        self.use([command])

    case = type(f"Bpftrace {command}", (BpftraceTests, BpftraceCase), {"setUp": set_up})
    return case


for number, path in enumerate(os.environ.get("RST_BPFTRACES", "").split()):
    globals()[f"Bpftrace{number}"] = case_for(path)

if __name__ == "__main__":
    if not os.environ.get("RST_BPFTRACES", "").split():
        print("skipped: RST_BPFTRACES names no bpftrace")
        sys.exit(SKIPPED)
    main()
