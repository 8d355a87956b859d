# SPDX-License-Identifier: MIT
"""Measures one contender, a round for each line `round` on standard input.

usage: worker.py CONTENDER

Answers `ready`, or `lacking` and why; then each `round` with a line of JSON; and the end of its input,
if what it fires is counted, with the hits. Nothing is printed in between.
"""

import json
import os
import sys
import time

import contenders

# Operations in a row, between which the loop's own cost is shared out.
ROW = 20

# How long a round is, in nanoseconds of this thread's CPU time.
ROUND = 10_000_000


def compile_loop(operation, names):
    """A function which runs the operation ROW times as often as it is told."""
    lines = ["def run(rows):", "    for _ in range(rows):", *[f"        {operation}"] * ROW]
    scope = dict(names)
    exec("\n".join(lines), scope)
    return scope["run"]


def calibrate(run):
    """How many rows take about a round; on the way there, Python has specialised them."""
    rows = 16
    while True:
        start = time.thread_time_ns()
        run(rows)
        took = time.thread_time_ns() - start
        if took > ROUND:
            return max(rows * ROUND // took, 1)
        rows *= 2


def measure(run, rows):
    allocated = sys.getallocatedblocks()
    start = time.thread_time_ns()
    run(rows)
    took = time.thread_time_ns() - start
    allocated = sys.getallocatedblocks() - allocated
    operations = rows * ROW
    return {"ns": took / operations, "kept": round(allocated / operations, 3), "operations": operations}


def attach(place):
    """A uprobe that counts this thread's hits."""
    import harness

    path, site, semaphore = place
    return harness.open_uprobe(path, site, semaphore, pid=0, cpu=-1)


def main(contender):
    why = contender.lacking and contender.lacking()
    if why:
        print("lacking", why, flush=True)
        return
    names = contenders.setup()
    if contender.prepare:
        contender.prepare(names)
    watch = attach(contender.watch(names)) if contender.watch else None
    run = compile_loop(contender.operation, names)
    rows = calibrate(run)
    before = hits(watch)
    operations = 0
    print("ready", flush=True)
    for _ in sys.stdin:
        result = measure(run, rows)
        operations += result["operations"]
        print(json.dumps(result), flush=True)
    if contender.counted and hits(watch) - before != operations:
        sys.exit(f"{contender.id}: {hits(watch) - before} hits of {operations} fires")
    if contender.watch and not contender.counted and contender.operation == "function()":
        # Whether Python's own probe is hit at all is Python's affair; the report has it.
        print(json.dumps({"hits": (hits(watch) - before) / max(operations, 1)}), flush=True)


def hits(watch):
    return int.from_bytes(os.read(watch, 8), sys.byteorder) if watch is not None else 0


main(contenders.ALL[sys.argv[1]])
