#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Write what a test machine's run proved of each tracer, as tab-separated lines.

usage: table.py CPU KERNEL RESULTS [TRACER=VERSION]...

A line has tracer, version, CPU, kernel, backing, the test and its result, which is read from what the
tests printed (meson's JSON). A test of Python's unittest says in its name where the probe was: "in a
file", "by its file" and "in a memfd"; those that name neither use a memfd, or both.
"""

import json
import re
import sys
from pathlib import Path

# The tests of each tracer, by their names in meson.
TRACERS = {
    "bcc": "bcc",
    "bpftrace": "bpftrace",
    "dtrace": "dtrace",
    "gdb": "gdb",
    "libbpf": "libbpf",
    "perf": "perf",
    "systemtap": "systemtap",
    "tracefs": "kernel",
    "cli-trace": "rst trace",
    "cli-trace_dtrace": "dtrace",
    "cli-trace_witness": "rst trace",
    "compat-tracers": "bpftrace",
    "nop_long": "kernel",
}
LINE = re.compile(r"^(test_\w+) \(.*?\)(?:\n[^\n]*?)? \.\.\. (\w+)", re.MULTILINE)


def backing(name):
    return "file" if "_file" in name else "memfd" if "memfd" in name else "-"


def cases(run):
    """(case, result) of each test case, or of the program as a whole."""
    text = run.get("stderr", "") + run.get("stdout", "")
    found = [(name, result) for name, result in LINE.findall(text) if result in ("ok", "FAIL", "ERROR", "skipped")]
    return found or [("-", run["result"])]


def main():
    cpu, kernel, results, *versions = sys.argv[1:]
    versions = dict(word.split("=", 1) for word in versions)
    print("tracer", "version", "cpu", "kernel", "backing", "test", "case", "result", sep="\t")
    for path in sorted(Path(results).glob("*.json")):
        for line in path.read_text(encoding="utf-8").splitlines():
            run = json.loads(line)
            test = run["name"].rpartition(" / ")[2].rpartition(":")[2].strip()
            tracer = TRACERS.get(test)
            for case, result in cases(run) if tracer else ():
                version = versions.get(tracer.split()[0], kernel)
                print(tracer, version, cpu, kernel, backing(case), test, case, result.lower(), sep="\t")


main()
