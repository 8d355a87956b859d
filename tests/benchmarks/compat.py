#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What libstapsdt's calls cost with the drop-in and with libstapsdt itself, in turns, in one run.

usage: compat.py SHARED STATIC NOTHING NOTHING-DIR SOURCE INCLUDE [--json FILE]

SHARED, STATIC and NOTHING are the worker, linked with the drop-in's shared and static library and
with a library that does nothing, which is in NOTHING-DIR, too. RST_STAPSDT names the directory in
which libstapsdt has been built, the `out` of its sources: its worker is made of SOURCE with CC, or
finds the shared library there. Without it, libstapsdt is not measured. RST_BENCH_ROUNDS is the
number of rounds. It fails if a library fails, and never because of a time.
"""

import argparse
import json
import os
import shlex
import subprocess
import sys
import tempfile

from trace import machine, spread

ROUNDS = int(os.environ.get("RST_BENCH_ROUNDS", "15"))
ORIGINAL = os.environ.get("RST_STAPSDT")
DEADLINE = 600
LABELS = {
    "drop-in": "the drop-in", "libstapsdt": "libstapsdt", "nothing": "functions that do nothing",
}
# Each question: its title, how the worker is linked, what it is asked, and what it answers.
QUESTIONS = {
    "compat-static": ("Nobody watches, linked statically", "static", ["fire"], ["fire", "enabled"]),
    "compat-shared": ("Nobody watches, a shared library", "shared", ["fire"], ["fire", "enabled"]),
    "compat-load-1000": ("A provider of 1,000 probes", "shared", ["load", "1000"],
                         ["add", "load", "again"]),
    "compat-load-10000": ("A provider of 10,000 probes", "shared", ["load", "10000"],
                          ["add", "load", "again"]),
}


def build_static(args, directory):
    """The worker with libstapsdt's static library, as libstapsdt's Makefile links its demo."""
    path = os.path.join(directory, "worker")
    subprocess.run([*shlex.split(os.environ.get("CC", "cc")), "-O2", "-falign-loops=64", "-w",
                    "-I", args.include, args.source, os.path.join(ORIGINAL, "libstapsdt.a"),
                    "-Wl,-z,noexecstack", "-lelf", "-ldl", "-o", path], check=True)
    return path


def contenders(args, directory):
    """For each way to link: the worker and the directory of its library, if that is not its own."""
    found = {
        "static": {"drop-in": (args.static, None)},
        "shared": {"drop-in": (args.shared, None)},
    }
    if ORIGINAL:
        found["static"]["libstapsdt"] = (build_static(args, directory), None)
        found["shared"]["libstapsdt"] = (args.shared, ORIGINAL)
    else:
        print("libstapsdt is not measured: RST_STAPSDT does not name where it was built")
    found["static"]["nothing"] = (args.nothing, None)
    found["shared"]["nothing"] = (args.shared, args.nothing_dir)
    return found


def measure(worker, library_path, words):
    cpu = max(os.sched_getaffinity(0))  # one for all, whatever else the machine does
    environment = {key: value for key, value in os.environ.items() if key != "LD_LIBRARY_PATH"}
    if library_path:
        environment["LD_LIBRARY_PATH"] = library_path
    done = subprocess.run(
        [worker, *words], check=True, text=True, stdout=subprocess.PIPE, timeout=DEADLINE,
        env=environment, preexec_fn=lambda: os.sched_setaffinity(0, {cpu}),
    )
    return {name: float(value) for name, value in map(str.split, done.stdout.splitlines())}


def ask(question, ways):
    title, way, words, metrics = QUESTIONS[question]
    asked = {key: how for key, how in ways[way].items() if words[0] == "fire" or key != "nothing"}
    rounds = {key: [] for key in asked}
    for _ in range(ROUNDS):
        for key, how in asked.items():
            rounds[key].append(measure(*how, words))
    found = [
        {"id": key, "label": LABELS[key],
         "metrics": {name: spread([one[name] for one in rounds[key]]) for name in metrics}}
        for key in asked
    ]
    print(f"\n{title}, medians of {ROUNDS} rounds, nanoseconds")
    for one in found:
        words = [f"{name} {one['metrics'][name]['median']:,.2f}" for name in metrics]
        print(f"  {one['label']:<28} {'; '.join(words)}")
    sys.stdout.flush()
    return {"id": question, "title": title, "contenders": found}


def main():
    parser = argparse.ArgumentParser()
    for name in "shared", "static", "nothing", "nothing_dir", "source", "include":
        parser.add_argument(name)
    parser.add_argument("--json")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="rst-bench-") as directory:
        ways = contenders(args, directory)
        questions = [ask(question, ways) for question in QUESTIONS]
    if args.json:
        report = {"machine": machine(), "rounds": ROUNDS, "questions": questions}
        with open(args.json, "w", encoding="utf-8") as file:
            json.dump(report, file, indent=2)
            file.write("\n")


main()
