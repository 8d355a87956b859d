# SPDX-License-Identifier: MIT
"""A program of python-stapsdt's: fires for each line of stdin."""

import sys

import stapsdt

provider = stapsdt.Provider("python-app")
probe = provider.add_probe("first", stapsdt.ArgTypes.int64, stapsdt.ArgTypes.uint64)
assert not provider.load()  # the status: 0 is success
assert not probe.is_enabled
print("ready", flush=True)
for _ in sys.stdin:
    print("fired", probe.fire(-42, "Ada"), flush=True)
assert not provider.unload()
