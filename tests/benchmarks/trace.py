#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What `rst trace` costs, beside bpftrace and an older rst, in turns, in one run.

usage: trace.py RST PROGRAM [--json FILE]

RST_BENCH_BEFORE names an older `rst` to measure as well; RST_BENCH_ROUNDS the number of rounds. A
benchmark fails if a tracer reports another number of fires than there were (bpftrace and an older
rst lose some in a flood, which is then a figure), and never because of a time.
"""

import argparse
import datetime
import json
import os
import platform
import re
import shutil
import signal
import statistics
import subprocess
import sys
import time

ROUNDS = int(os.environ.get("RST_BENCH_ROUNDS", "5"))
FIRES = int(os.environ.get("RST_BENCH_FIRES", "500000"))  # by each of two threads
MANY = 1000
MANY_BEFORE = 500  # the most that rst took when it ran bpftrace
DEADLINE = 600


def fail(words):
    sys.exit(f"trace.py: {words}")


class Program:
    """The program that is watched."""

    def __init__(self, path, many=0):
        self.process = subprocess.Popen(
            [path, str(many)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.pid = self.process.pid
        self.path = self.line().split()[1]

    def line(self):
        return self.process.stdout.readline() or fail("the program ended")

    def tell(self, words):
        self.process.stdin.write(words + "\n")
        self.process.stdin.flush()
        return self.line()

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait(DEADLINE)


class Tracer:
    """A run of a tracer: its output goes to a file, which is read as it grows."""

    def __init__(self, words):
        self.start = time.monotonic()
        self.file = open(os.path.join(FOLDER, "output"), "w+", encoding="utf-8", errors="replace")
        self.process = subprocess.Popen(
            words, stdin=subprocess.DEVNULL, stdout=self.file, stderr=subprocess.STDOUT
        )

    def text(self):
        with open(self.file.name, encoding="utf-8", errors="replace") as file:
            return file.read()

    def wait_for(self, pattern):
        """Seconds from the start until the output matches."""
        seen = re.compile(pattern, re.MULTILINE)
        with open(self.file.name, encoding="utf-8", errors="replace") as file:
            text = ""
            while not seen.search(text):
                part = file.read()
                text = (text + part)[-100000:]
                if part:
                    continue
                if self.process.poll() is not None:
                    fail(f"a tracer ended: {self.process.args}\n{text}")
                if time.monotonic() - self.start > DEADLINE:
                    fail(f"{self.process.args}: no {pattern!r} in {DEADLINE} s\n{text}")
                time.sleep(0.001)
        return time.monotonic() - self.start

    def memory(self):
        """The peak memory in KiB: that of the largest process, the tracer's own or a child's."""
        folder = f"/proc/{self.process.pid}/task/{self.process.pid}"
        with open(f"{folder}/children", encoding="ascii") as file:
            processes = [str(self.process.pid), *file.read().split()]
        return max(int(field(f"/proc/{pid}/status", r"^VmHWM:\s*(\d+)")) for pid in processes)

    def finish(self):
        """Press Ctrl-C. Gives the seconds until the end, and the peak memory before that. (What
        wait4(2) says of it is at least that of this process, from which the tracer was made.)"""
        memory = self.memory()
        begin = time.monotonic()
        self.process.send_signal(signal.SIGINT)
        self.process.wait(DEADLINE)
        self.file.close()
        if self.process.returncode:
            fail(f"{self.process.args}: status {self.process.returncode}\n{self.text()[-2000:]}")
        return time.monotonic() - begin, memory


# ---------------------------------------------------------------------------- contenders


class Rst:
    most = MANY
    ready = r"^rst: watching "
    first = r"bench:fire number="

    def __init__(self, path):
        self.path = path

    def events(self, program):
        return [self.path, "trace", "-p", str(program.pid), "bench:fire"]

    def count(self, program):
        return [*self.events(program), "--count"]

    def many(self, program):
        return [self.path, "trace", "-p", str(program.pid), "--count", "many:*"]

    @staticmethod
    def counted(text):
        return int(re.search(r"^(\d+) +bench:fire", text, re.MULTILINE)[1])

    @staticmethod
    def shown(text):
        return text.count("bench:fire number=")


class OldRst(Rst):
    most = MANY_BEFORE


class Bpftrace:
    most = 0  # it does not tell when it has attached to all
    ready = r"^ready$"
    first = r"^\d+ a text"

    def words(self, program, action, site="bench:fire"):
        ready = 'interval:ms:100 { if (!@r) { @r = 1; printf("ready\\n"); } }'
        script = f"usdt:{program.path}:{site} {{ {action} }} {ready}"
        return ["bpftrace", "-p", str(program.pid), "-e", script]

    def events(self, program):
        return self.words(program, 'printf("%lu %s %d\\n", arg0, str(arg1), arg2);')

    def count(self, program):
        return self.words(program, "@c = count();")

    @staticmethod
    def counted(text):
        return int(re.search(r"^@c: (\d+)", text, re.MULTILINE)[1])

    @staticmethod
    def shown(text):
        return len(re.findall(r"^\d+ a text", text, re.MULTILINE))


def contenders(rst):
    found = {"rst": ("rst trace", Rst(rst))}
    if before := os.environ.get("RST_BENCH_BEFORE"):
        found["before"] = ("rst trace, the build before", OldRst(before))
    if shutil.which("bpftrace"):
        found["bpftrace"] = ("bpftrace", Bpftrace())
    return found


# ----------------------------------------------------------------------------- questions


def ask_first(contender, path):
    program = Program(path)
    program.tell("beat")
    tracer = Tracer(contender.events(program))
    seconds = tracer.wait_for(contender.first)
    _, memory = tracer.finish()
    program.close()
    return {"first_ms": seconds * 1e3, "memory_kib": memory}


def ask_many(contender, path, count):
    if count > contender.most:
        return None
    program = Program(path, count)
    tracer = Tracer(contender.many(program))
    attached = tracer.wait_for(contender.ready)
    left, _ = tracer.finish()
    program.close()
    return {"attach_ms": attached * 1e3, "leave_ms": left * 1e3}


def ask_flood(contender, path):
    program = Program(path)
    tracer = Tracer(contender.events(program))
    tracer.wait_for(contender.ready)
    cost = float(program.tell(f"fire 2 {FIRES}"))
    _, memory = tracer.finish()
    shown = contender.shown(tracer.text())
    program.close()
    if shown > 2 * FIRES or isinstance(contender, Bpftrace) and shown == 0:
        fail(f"{tracer.process.args}: {shown} events of {2 * FIRES} fires")
    return {"fire_ns": cost, "lost": 2 * FIRES - shown, "memory_kib": memory}


def ask_count(contender, path):
    program = Program(path)
    tracer = Tracer(contender.count(program))
    tracer.wait_for(contender.ready)
    cost = float(program.tell(f"fire 2 {FIRES}"))
    tracer.finish()
    counted = contender.counted(tracer.text())
    program.close()
    if counted != 2 * FIRES:
        fail(f"{tracer.process.args}: counted {counted} of {2 * FIRES} fires")
    return {"fire_ns": cost}


# Each with its metrics: what it is, and its unit.
QUESTIONS = {
    "trace-first": ("From the command to the first event", ask_first, {"first_ms": "ms", "memory_kib": "KiB"}),
    "trace-some": (f"{MANY_BEFORE:,} probes", lambda *what: ask_many(*what, MANY_BEFORE),
                   {"attach_ms": "ms", "leave_ms": "ms"}),
    "trace-many": (f"{MANY:,} probes", lambda *what: ask_many(*what, MANY),
                   {"attach_ms": "ms", "leave_ms": "ms"}),
    "trace-flood": (f"{2 * FIRES:,} fires from two threads, each shown", ask_flood,
                    {"fire_ns": "ns", "lost": "events", "memory_kib": "KiB"}),
    "trace-count": (f"{2 * FIRES:,} fires from two threads, counted", ask_count, {"fire_ns": "ns"}),
}


def spread(values):
    ordered = sorted(values)

    def at(part):
        return ordered[round((len(ordered) - 1) * part)]

    return {"median": statistics.median(values), "low": at(0.25), "high": at(0.75), "rounds": values}


def ask(question, all_contenders, path):
    title, asked, metrics = QUESTIONS[question]
    rounds = {key: [] for key in all_contenders}
    for number in range(1 if "leave_ms" in metrics else ROUNDS):
        for key, (_, contender) in all_contenders.items():
            if result := asked(contender, path):
                rounds[key].append(result)
    found = []
    for key, (label, _) in all_contenders.items():
        if rounds[key]:
            spreads = {name: spread([one[name] for one in rounds[key]]) for name in metrics}
            found.append({"id": key, "label": label, "metrics": spreads})
    first = {name: found[0]["metrics"][name]["median"] for name in metrics}
    print(f"\n{title}")
    for one in found:
        words = []
        for name, unit in metrics.items():
            median = one["metrics"][name]["median"]
            ratio = f" (rst: {first[name] / median:.3f}x)" if one is not found[0] and median else ""
            words.append(f"{name} {median:,.1f} {unit}{ratio}")
        print(f"  {one['label']:<28} {'; '.join(words)}")
    sys.stdout.flush()
    return {"id": question, "title": title, "contenders": found}


def field(file, pattern):
    with open(file, encoding="utf-8") as lines:
        return re.search(pattern, lines.read(), re.MULTILINE)[1].strip()


def machine():
    return {
        "kernel": f"{platform.system()} {platform.release()} {platform.machine()}",
        "cpu": field("/proc/cpuinfo", r"^model name\s*:(.*)"),
        "cpu_family": field("/proc/cpuinfo", r"^cpu family\s*:(.*)"),
        "system": field("/etc/os-release", r'^PRETTY_NAME="(.*)"'),
        "date": datetime.date.today().isoformat(),
    }


def refusal():
    if os.geteuid() != 0:
        return "this needs root"
    return None


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("rst")
    parser.add_argument("program")
    parser.add_argument("--json")
    args = parser.parse_args()
    if why := refusal():
        if os.environ.get("RST_REQUIRE_TRACERS") == "1":
            fail(f"RST_REQUIRE_TRACERS=1, but {why}")
        print(f"not measured: {why}")
        sys.exit(77)
    all_contenders = contenders(args.rst)
    questions = [ask(question, all_contenders, args.program) for question in QUESTIONS]
    if args.json:
        report = {"machine": machine(), "rounds": ROUNDS, "questions": questions}
        with open(args.json, "w", encoding="utf-8") as file:
            json.dump(report, file, indent=2)
            file.write("\n")


if __name__ == "__main__":
    import tempfile

    with tempfile.TemporaryDirectory(prefix="rst-bench-") as FOLDER:
        main()
