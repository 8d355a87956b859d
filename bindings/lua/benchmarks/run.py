#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What the Lua module costs, beside what Lua has itself, in one run, in turns.

    run.py [--json FILE] [--rounds N] NAME=COMMAND=CPATH...

NAME is 5.1 to 5.4 or jit, COMMAND the interpreter, CPATH the directory with the module built for it.
Each contender is a process of its own (worker.lua). A benchmark fails if bpftrace has counted less
than was fired, and never because of a time.
"""

import argparse
import json
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

import harness
from harness import Tool, uprobe_refusal, wait_for

HERE = Path(__file__).resolve().parent
LUA = HERE.parent
SITTINGS = 3  # where in memory things lie makes a difference, so the processes are restarted
COUNT = "usdt:%s:bench:point { @hits = count(); } interval:ms:50 { print(@hits); }"

# id: label, operation, hook, flavour
CONTENDERS = {
    "empty": ("nothing (what the loop costs)", "", "", "own"),
    "lua-call": ("an empty Lua function", "lua_function()", "", "own"),
    "c-call": ("an empty C function", "c_function()", "", "own"),
    "c-method": ("an empty C method of a userdata", "object:nothing()", "", "own"),
    "hook": ("debug.sethook of calls: an empty Lua function", "lua_function()", "hook", "own"),
    "enabled": ("rst: enabled()", "probe:enabled()", "", "own"),
    "fire-values": ('rst: fire(1, "two")', 'probe:fire(1, "two")', "", "own"),
    "fire-function": ("rst: fire(function)", "probe:fire(values)", "", "own"),
    "enabled-c": ("rst in C: enabled()", "probe:enabled()", "", "c"),
    "fire-values-c": ('rst in C: fire(1, "two")', 'probe:fire(1, "two")', "", "c"),
    "fire-function-c": ("rst in C: fire(function)", "probe:fire(values)", "", "c"),
    "enabled-ffi": ("rst by the FFI: enabled()", "probe:enabled()", "", "ffi"),
    "fire-values-ffi": ('rst by the FFI: fire(1, "two")', 'probe:fire(1, "two")', "", "ffi"),
    "fire-function-ffi": ("rst by the FFI: fire(function)", "probe:fire(values)", "", "ffi"),
}
PLAIN = ["empty", "lua-call", "c-call", "c-method", "hook", "enabled", "fire-values", "fire-function"]
WATCHED = ["empty", "fire-values", "fire-function", "hook"]
IN_C = ["enabled-c", "fire-values-c", "fire-function-c"]
BY_FFI = ["enabled-ffi", "fire-values-ffi", "fire-function-ffi"]


def modes(interpreters):
    """An id, a title, the command, the directory, and the contenders that only this mode has."""
    for name, command, directory in interpreters:
        title = "LuaJIT" if name == "jit" else f"Lua {name}"
        yield name, title, [command], directory, IN_C if name == "jit" else []
        if name == "jit":
            yield "joff", "LuaJIT, interpreted", [command, "-joff"], directory, BY_FFI


class Worker:
    def __init__(self, command, directory, contender, watched):
        label, operation, hook, flavour = CONTENDERS[contender]
        if flavour == "ffi":
            command = command[:1]  # it is loaded with the compiler on
        self.watched = watched and label.startswith("rst")
        self.fired = 0
        words = [*command, str(HERE / "worker.lua"), operation, hook, flavour, "watched" * self.watched]
        self.tool = Tool(
            words,
            one_cpu=True,
            LUA_PATH=f"{LUA}/lua/?.lua;;",
            LUA_CPATH=f"{directory}/?.so;;",
        )
        path = self.tool.wait_for("^ready (.*)")[1]
        self.bpftrace = None
        if self.watched:
            program = COUNT % path
            self.bpftrace = Tool(["bpftrace", "-p", str(self.tool.process.pid), "-e", program])

    def tell(self, word):
        self.tool.process.stdin.write(f"{word}\n".encode())
        self.tool.process.stdin.flush()
        answer = self.tool.lines.next()
        if answer is None:
            raise RuntimeError(f"it ended: {self.tool}")
        return answer

    def counted(self):
        found = re.findall(r"^@hits: (\d+)", "\n".join(self.bpftrace.lines.seen), re.M)
        return int(found[-1]) if found else 0

    def is_counted(self):
        self.tell("fire")
        self.bpftrace.read_for(0.05)
        return self.counted() > 0

    def start(self):
        if self.watched:
            wait_for(self.is_counted, lambda: f"hit: {self.bpftrace}", pause=0)
        self.tell("measure")

    def round(self):
        nanoseconds, count, operations = self.tell("round").split()
        self.fired += int(operations)
        return float(nanoseconds), float(count)

    def finish(self):
        self.tool.end_input()
        self.tool.lines.rest()
        self.tool.process.wait(harness.DEADLINE)
        self.tool.process.stdout.close()
        if self.bpftrace:
            self.bpftrace.finish()
            if self.counted() < self.fired:
                raise RuntimeError(f"bpftrace counted {self.counted()} of {self.fired} or more")

    def close(self):
        self.tool.close()
        if self.bpftrace:
            self.bpftrace.close()


def spread(values):
    low, middle, high = statistics.quantiles(values, n=4) if len(values) > 1 else values * 3
    return {
        "median": round(middle, 3),
        "low": round(low, 3),
        "high": round(high, 3),
        "rounds": [round(value, 3) for value in values],
    }


def sit(mode, contenders, rounds, watched, results):
    _, _, command, directory, _ = mode
    workers = {}
    try:
        for one in contenders:
            workers[one] = Worker(command, directory, one, watched)
        for worker in workers.values():
            worker.start()
        for _ in range(rounds):
            for one, worker in workers.items():
                results[one].append(worker.round())
        for worker in workers.values():
            worker.finish()
    finally:
        for worker in workers.values():
            worker.close()


def ask(kind, mode, contenders, rounds, baseline):
    name, title, *_ = mode
    watched = kind == "watched"
    results = {one: [] for one in contenders}
    sittings = min(SITTINGS, max(1, rounds // 5))
    for sitting in range(sittings):
        sit(mode, contenders, (rounds + sitting) // sittings, watched, results)
    times = {one: statistics.median(value for value, _ in found) for one, found in results.items()}
    measured = []
    for one, found in results.items():
        row = {
            "id": f"{one}-watched" if watched and one.startswith("fire") else one,
            "label": CONTENDERS[one][0],
            "metrics": {
                "ns": spread([value for value, _ in found]),
                "bytes": spread([value for _, value in found]),
            },
        }
        if one != "empty" and times[baseline] > times["empty"]:
            ratio = (times[one] - times["empty"]) / (times[baseline] - times["empty"])
            row["ratio"] = round(ratio, 3)
        measured.append(row)
    question = {
        "id": f"lua-{kind}-{name}",
        "title": f"{title}: " + ("bpftrace counts, or a hook sees" if watched else "nobody watches"),
        "empty": "empty",
        "baseline": f"{baseline}-watched" if watched else baseline,
        "contenders": measured,
    }
    show(question)
    return question


def show(question):
    print(f"\n{question['title']}")
    loop = question["contenders"][0]["metrics"]["ns"]["median"]
    for one in question["contenders"]:
        median = one["metrics"]["ns"]["median"]
        ratio = f"{one['ratio']:.2f}x" if "ratio" in one else ""
        allocated = one["metrics"]["bytes"]["median"]
        print(
            f"  {one['label']:<48} {median:9.2f} ns  {median - loop:9.2f} less the loop"
            f"  {ratio:>8}  {allocated:g} bytes",
            flush=True,
        )


def machine(interpreters):
    def field(name):
        return re.search(rf"^{name}\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.M)[1]

    versions = []
    for _, command, _ in interpreters:
        done = subprocess.run([command, "-v"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=True)
        versions.append(done.stdout.split(" -- ")[0].split("  ")[0].strip())
    about = {
        "kernel": " ".join(os.uname()[i] for i in (0, 2, 4)),
        "cpu": field("model name"),
        "cpu_family": field("cpu family"),
        "system": platform.freedesktop_os_release()["PRETTY_NAME"],
        "lua": ", ".join(versions),
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
    }
    if shutil.which("bpftrace"):
        about["bpftrace"] = harness.run("bpftrace", "--version")[1].strip()
    return about


def refusal():
    """Why nothing can be watched here, or None."""
    if os.geteuid() != 0:
        return "it takes root"
    if not shutil.which("bpftrace"):
        return "bpftrace is not installed"
    return uprobe_refusal() or harness.mount_tracefs()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", metavar="FILE")
    parser.add_argument("--rounds", type=int, default=int(os.environ.get("RST_BENCH_ROUNDS", "30")))
    parser.add_argument("interpreters", nargs="+", metavar="NAME=COMMAND=CPATH")
    args = parser.parse_args()
    interpreters = [tuple(words.split("=", 2)) for words in args.interpreters]
    refused = refusal()
    if refused and os.environ.get("RST_REQUIRE_TRACERS") == "1":
        sys.exit(f"RST_REQUIRE_TRACERS=1, but {refused}")
    questions = []
    for mode in modes(interpreters):
        questions.append(ask("unwatched", mode, PLAIN + mode[4], args.rounds, "c-method"))
        if refused:
            print(f"watched: not measured: {refused}")
        elif mode[0] in ("5.1", "5.4", "jit"):
            questions.append(ask("watched", mode, WATCHED, args.rounds, "fire-values"))
    if args.json:
        report = {"machine": machine(interpreters), "rounds": args.rounds, "questions": questions}
        Path(args.json).write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
