#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""gdb, as the tracer of a program of another CPU that qemu-user runs: it lists the probes, breaks
on each, reads twelve arguments of every type, and finds the callers from every instruction of a
probe's function.

usage: gdb_test.py GDB QEMU ROOT PROGRAM [unittest's arguments]

ROOT is the directory that root.sh has made.
"""

import json
import os
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

DEADLINE = 120  # seconds for gdb; an emulator is slow
FORWARD = [
    ("bool", True), ("int8", -2), ("int16", -300), ("int32", -70000), ("int64", -5000000000),
    ("uint8", 200), ("uint16", 60000), ("uint32", 4000000000), ("uint64", 0xFEDCBA9876543210),
    ("float", struct.unpack("I", struct.pack("f", 1.5))[0]),
    ("double", struct.unpack("Q", struct.pack("d", -2.25))[0]),
]  # and a string
OUTERMOST = "main"


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Gdb(unittest.TestCase):
    def watch(self, backing):
        """Have gdb watch a run of the program; what inside_gdb.py has seen."""
        with tempfile.TemporaryDirectory(prefix="rst-test-") as directory:
            os.chmod(directory, 0o700)
            port = free_port()
            program = subprocess.Popen(
                [QEMU, "-L", ROOT, "-g", str(port), PROGRAM, backing, directory],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                text=True, start_new_session=True,
            )
            try:
                gdb = subprocess.run(
                    [
                        GDB, "-batch", "-nx", "-iex", "set auto-load off",
                        "-iex", "set debuginfod enabled off", "-iex", "set pagination off",
                        "-iex", "set demangle-style none",
                        "-ex", "set sysroot /",
                        "-ex", f"set solib-search-path {':'.join(LIBRARIES)}",
                        "-ex", f"target remote 127.0.0.1:{port}",
                        "-x", str(Path(__file__).with_name("inside_gdb.py")), PROGRAM,
                    ],
                    stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=DEADLINE,
                    check=False,
                )
                said = gdb.stdout + gdb.stderr
                status = program.wait(timeout=DEADLINE)
            finally:
                if program.poll() is None:
                    os.killpg(program.pid, signal.SIGKILL)
                output = program.communicate()[0]
        lines = [line[5:] for line in said.splitlines() if line.startswith("SEEN ")]
        self.assertEqual((status, output), (0, ""), said)
        return [json.loads(line) for line in lines], said

    def check(self, backing):
        seen, said = self.watch(backing)
        with self.subTest("lists"):
            probes = seen[0]["text"]
            self.assertRegex(probes, r"shop +forward +0x\w+ +0x\w+ ", said)
            self.assertRegex(probes, r"shop +backward +0x\w+ +0x\w+ ", said)
        hits = {hit["probe"]: hit for hit in seen if hit["what"] == "hit"}
        self.assertEqual(set(hits), {"forward", "backward"}, said)
        for name, hit in hits.items():
            values = [int(value) for _, value in FORWARD]
            arguments = hit["arguments"]
            if name == "backward":
                arguments = arguments[::-1]
            with self.subTest("arguments", probe=name):
                self.assertEqual(len(arguments), 12)
                self.assertEqual(dict(zip(FORWARD, arguments)), dict(zip(FORWARD, values)))
                self.assertEqual(hit["string"], "a string")
            with self.subTest("callers", probe=name):
                wanted = [f"shop__{name}", "rst_probe_fire", f"fire_{name}", OUTERMOST]
                self.assertEqual(hit["callers"][:4], wanted)
        steps = [step for step in seen if step["what"] == "step"]
        self.assertGreaterEqual(len(steps), 6, said)
        self.assertEqual(steps[0]["offset"], 0)
        for step in steps:
            with self.subTest("step", offset=step["offset"]):
                wanted = ["shop__forward", "call_function", "call_the_caller", OUTERMOST]
                self.assertEqual(step["callers"][:4], wanted)
        stepped = [step for step in seen if step["what"] == "stepped"]
        self.assertEqual(stepped[0]["callers"][:2], ["call_function", "call_the_caller"], said)

    def test_a_memfd_is_watched(self):
        self.check("memfd")

    def test_a_file_is_watched(self):
        self.check("file")


if __name__ == "__main__":
    if len(sys.argv) < 5:
        sys.exit(__doc__)
    GDB, QEMU, ROOT, PROGRAM = sys.argv[1:5]
    LIBRARIES = sorted({str(path.parent) for path in Path(ROOT).rglob("libc.so.6")})
    unittest.main(argv=[sys.argv[0], *sys.argv[5:]])
