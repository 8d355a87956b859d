# SPDX-License-Identifier: MIT
"""`rst trace` with the bpftraces that RST_BPFTRACES names, separated by blanks."""

import os
import sys

import harness
import tracing
import tracing_tests

tracefs = harness.mount_tracefs()
paths = os.environ.get("RST_BPFTRACES", "").split()


def set_up(self):
    super(type(self), self).setUp()
    self.refuse(tracefs)


for index, name in enumerate(paths):
    globals()[f"Trace{index}"] = type(
        f"Trace {name}", (tracing_tests.TraceTests, tracing.TraceCase), {"bpftrace": name, "setUp": set_up}
    )

if __name__ == "__main__":
    if not paths:
        print("skipped: RST_BPFTRACES names no bpftrace")
        sys.exit(harness.SKIPPED)
    harness.main()
