# SPDX-License-Identifier: MIT
"""The bpftraces that RST_BPFTRACES names, separated by blanks, see what the installed one sees.

RST_REQUIRE_TRACERS does not require them, because no distribution has two versions.
"""

import os
import sys

from bpftrace import BpftraceCase, BpftraceTests
from harness import SKIPPED, main, mount_tracefs

tracefs = mount_tracefs()


def case_for(command):
    """A test case for one command, so that a failure names the command."""

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
