#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What the Python package costs, in one run, in turns.

usage: run.py --build DIRECTORY [--json FILE] [--rounds N] [--only QUESTION]

It measures the Python that runs it and, besides, those that RST_PYTHONS names. For each, it builds the
package and the module baseline in the directory. It prints a table for each question, and writes the
JSON that docs/benchmarks.md is made of. A benchmark fails when what it counts isn't what the kernel
counted, and never because of a time.
"""

import argparse
import datetime
import json
import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
sys.path[:0] = [str(HERE), str(HERE.parent / "test"), str(ROOT / "tests/support")]

import harness  # noqa: E402
from contenders import ALL, QUESTIONS  # noqa: E402

# How often the processes are restarted: where in memory things lie makes a difference.
SITTINGS = 3


class Python:
    """A Python, with the package and the module baseline built for it."""

    def __init__(self, command, build):
        self.command = command
        version = self.say("import sys; print('.'.join(map(str, sys.version_info[:3])))")
        self.version = version.strip()
        home = Path(build, self.version)
        subprocess.run([HERE.parent / "build.sh", command, home], check=True)
        self.say_by(
            "-W", "ignore", "baseline_setup.py", "--quiet", "build_ext", "--build-lib", home / "lib",
            "--build-temp", home / "base",
        )
        self.paths = [home / "lib", HERE, HERE.parent / "test", ROOT / "tests/support"]

    def say(self, program):
        return self.say_by("-c", program)

    def say_by(self, *arguments):
        command = [self.command, *map(str, arguments)]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, cwd=HERE)
        return done.stdout


class Worker:
    """A worker process. `lacking` is why it can't measure, or None."""

    def __init__(self, python, contender):
        self.contender = contender
        self.process = subprocess.Popen(
            [python.command, HERE / "worker.py", contender.id],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={
                **os.environ,
                "PYTHONPATH": ":".join(map(str, python.paths)),
                "PYTHONDONTWRITEBYTECODE": "1",
                "RST_BACKING": "memfd",
            },
            preexec_fn=harness.die_with_parent,
        )
        word, _, rest = self.hear().partition(" ")
        self.lacking = rest if word == "lacking" else None

    def hear(self):
        line = self.process.stdout.readline().rstrip("\n")
        if not line:
            raise RuntimeError(f"{self.contender.id}: it ended with {self.process.wait()}")
        return line

    def round(self):
        print("round", file=self.process.stdin, flush=True)
        return json.loads(self.hear())

    def finish(self):
        """End it. Gives what it says at its end."""
        self.process.stdin.close()
        said = self.process.stdout.read()
        if self.process.wait() != 0:
            raise RuntimeError(f"{self.contender.id}: it ended with {self.process.returncode}")
        self.process.stdout.close()
        return json.loads(said) if said else {}


def spread(values):
    ordered = sorted(values)

    def at(part):
        return round(ordered[round((len(ordered) - 1) * part)], 4)

    rounds = [round(value, 4) for value in values]
    return {"median": at(0.5), "low": at(0.25), "high": at(0.75), "rounds": rounds}


def ask(question, python, rounds):
    """Rounds of one question's contenders, in turns."""
    results = {name: [] for name in question.contenders}
    lacking, ends = {}, {}
    for sitting in range(SITTINGS):
        count = (rounds + sitting) // SITTINGS
        workers = {
            name: Worker(python, ALL[name]) for name in results if count and name not in lacking
        }
        lacking.update({name: one.lacking for name, one in workers.items() if one.lacking})
        for _ in range(count):
            for name, worker in workers.items():
                if name not in lacking:
                    results[name].append(worker.round())
        for name, worker in workers.items():
            ends[name] = worker.finish()
    return report(question, results, lacking, ends)


def report(question, results, lacking, ends):
    measured = {name: rounds for name, rounds in results.items() if name not in lacking}
    times = {name: spread([one["ns"] for one in rounds]) for name, rounds in measured.items()}
    loop = times["empty"]["median"]
    found = []
    for name in question.contenders:
        one = {"id": name, "label": ALL[name].label, "metrics": None}
        found.append(one)
        if name in lacking:
            one["skipped"] = lacking[name]
            continue
        if ends[name].get("hits") == 0 and "dtrace" in name:
            one["skipped"] = "its probe for function calls is never hit"
            continue
        kept = spread([round_["kept"] for round_ in measured[name]])
        one["metrics"] = {"ns": times[name], "kept": kept}
        if name != "empty":
            base = times[question.baseline]["median"] - loop
            one["ratio"] = round((times[name]["median"] - loop) / base, 3)
    return {"empty": "empty", "baseline": question.baseline, "contenders": found}


def describe(python):
    """The machine, by which a figure can be judged."""

    def cpu(field):
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            return next((line.split(":", 1)[1].strip() for line in file if line.startswith(field)), "")

    with open("/etc/os-release", encoding="utf-8") as file:
        system = next(line.split('"')[1] for line in file if line.startswith("PRETTY_NAME="))
    uname = os.uname()
    return {
        "kernel": f"{uname.sysname} {uname.release} {uname.machine}",
        "cpu": cpu("model name"),
        "cpu_family": cpu("cpu family"),
        "system": system,
        "python": python.version,
        "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d"),
    }


def show(question):
    print(f"\n{question['title']}")
    loop = question["contenders"][0]["metrics"]["ns"]["median"]
    for one in question["contenders"]:
        if not one["metrics"]:
            print(f"  {one['label']:64} not measured: {one['skipped']}")
            continue
        ns = one["metrics"]["ns"]["median"]
        ratio = f"{one['ratio']:.2f}x" if "ratio" in one else ""
        kept = one["metrics"]["kept"]["median"]
        print(f"  {one['label']:64} {ns:8.1f} ns  {ns - loop:8.1f} less the loop  {ratio:8} {kept:g} kept")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--build", required=True, metavar="DIRECTORY")
    parser.add_argument("--json", metavar="FILE")
    parser.add_argument("--rounds", type=int, default=int(os.environ.get("RST_BENCH_ROUNDS", "30")))
    parser.add_argument("--only", choices=[question.id for question in QUESTIONS])
    args = parser.parse_args()
    refusal = harness.uprobe_refusal()
    if refusal and os.environ.get("RST_REQUIRE_TRACERS") == "1":
        sys.exit(f"RST_REQUIRE_TRACERS=1, but {refusal}")
    pythons = [sys.executable, *os.environ.get("RST_PYTHONS", "").split()]
    pythons = [Python(command, args.build) for command in pythons]
    asked = []
    for number, python in enumerate(pythons):
        short = python.version.rpartition(".")[0]
        for question in QUESTIONS:
            if args.only not in (None, question.id):
                continue
            title = f"{question.title} (Python {short})"
            if refusal and any(ALL[name].watch for name in question.contenders):
                print(f"\n{title}: not measured: {refusal}")
                continue
            name = question.id + (f"-{short}" if number else "")
            found = {"id": name, "title": title, **ask(question, python, args.rounds)}
            asked.append(found)
            show(found)
    if args.json:
        data = {"machine": describe(pythons[0]), "rounds": args.rounds, "questions": asked}
        data["machine"]["python"] = ", ".join(python.version for python in pythons)
        Path(args.json).write_text(json.dumps(data, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
