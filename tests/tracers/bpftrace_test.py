# SPDX-License-Identifier: MIT
"""The installed bpftrace sees every probe and every value."""

from bpftrace import BpftraceCase, BpftraceTests
from harness import main, mount_tracefs

tracefs = mount_tracefs()


class InstalledBpftrace(BpftraceTests, BpftraceCase):
    tools = ("bpftrace",)

    def setUp(self):
        super().setUp()
        self.refuse(tracefs)
        self.use(["bpftrace"])


if __name__ == "__main__":
    main()
