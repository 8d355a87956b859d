# SPDX-License-Identifier: MIT
"""`rst trace` with the installed bpftrace."""

import harness
import tracing
import tracing_tests

tracefs = harness.mount_tracefs()


class Trace(tracing_tests.TraceTests, tracing.TraceCase):
    def setUp(self):
        super().setUp()
        self.refuse(tracefs)


if __name__ == "__main__":
    harness.main()
