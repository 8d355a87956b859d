#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Turn a run of the benchmarks into the plots and tables of docs/benchmarks.md.

    plot.py                     redraw from docs/benchmarks/run.json
    plot.py --run BUILDDIR      run `meson test --benchmark` there first, and keep its JSON
    plot.py --PART-json FILE    take this run of a part instead; PARTS has their names

Needs nothing but Python 3.8's standard library.
"""

import argparse
import json
import math
import os
import re
import shutil
import subprocess
import sys

from call_table import table_of_calls
import lua_table
import node_table
import python_table
from host_table import measured_rows, plot_hosts, table_of_hosts
from svg_charts import PLOTS, ROOT, bars, colour, lines

PAGE = os.path.join(ROOT, "docs", "benchmarks.md")

ENOUGH = 1000
WAYS = [
    ("fire-perf", "perf event, counting"),
    ("fire-perf-bpf", "perf event, BPF program"),
    ("fire-multi", "uprobe-multi link, BPF program"),
]
TRACES = [  # of the questions of trace.py: the metric, its title and its unit
    ("trace-first", "first_ms", "from the command to the first event", "milliseconds"),
    ("trace-first", "memory_kib", "peak memory meanwhile", "KiB"),
    ("trace-some", "attach_ms", "500 probes: until they are watched", "milliseconds"),
    ("trace-some", "leave_ms", "500 probes: from Ctrl-C to the end", "milliseconds"),
    ("trace-many", "attach_ms", "1,000 probes: until they are watched", "milliseconds"),
    ("trace-many", "leave_ms", "1,000 probes: from Ctrl-C to the end", "milliseconds"),
    ("trace-flood", "fire_ns", "a flood, each event shown: the program's time a fire", "nanoseconds"),
    ("trace-flood", "lost", "a flood, each event shown: lost", "events"),
    ("trace-count", "fire_ns", "a flood, counted: the program's time a fire", "nanoseconds"),
]
PARTS = {  # each measured by itself: where a build's JSON is. It is kept as docs/benchmarks/PART.json
    "run": "tests/benchmarks/benchmarks.json",
    "load": "tests/benchmarks/load.json",
    "ruby": "bindings/ruby/benchmarks.json",
    "trace": "tests/benchmarks/trace.json",
    "hosts": "tests/benchmarks/hosts.json",
    "lua": "bindings/lua/benchmarks.json",
    "node": "bindings/node/benchmarks.json",
    "python": "bindings/python/benchmarks.json",
    "compat": "tests/benchmarks/compat.json",
}
RUBYS = [("", "Ruby as it is"), ("-yjit", "with YJIT")]


# ---------------------------------------------------------------- what was measured


class Run:
    def __init__(self, path):
        with open(path, encoding="utf-8") as file:
            self.data = json.load(file)
        self.machine = self.data["machine"]
        self.questions = {question["id"]: question for question in self.data["questions"]}

    def contenders(self, question):
        """The measured contenders, and those that were not measured."""
        return self.questions.get(question, {}).get("contenders", [])

    def measured(self, question):
        return [one for one in self.contenders(question) if one["metrics"]]

    def net(self, question, contender):
        """The median, minus the cost of the loop."""
        empty = self.questions[question].get("empty")
        loop = [one for one in self.measured(question) if one["id"] == empty]
        taken_off = loop[0]["metrics"]["ns"]["median"] if loop else 0
        return contender["metrics"]["ns"]["median"] - taken_off

    def is_empty(self, question, contender):
        return contender["id"] == self.questions[question].get("empty")

    def series(self, question):
        """The measured contenders of each line, sorted by size."""
        lines = {}
        for one in self.measured(question):
            lines.setdefault(one["series"], []).append(one)
        return {name: sorted(line, key=lambda one: one["size"]) for name, line in lines.items()}


def median(contender, metric):
    return contender["metrics"][metric]["median"]


def number(value):
    """A number with three significant digits, without an exponent."""
    if value == 0:
        return "0"
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    return f"{value:,.{min(digits, 3)}f}"


# ------------------------------------------------------------------------ the plots


def spread(run, question, contender):
    metric = contender["metrics"]["ns"]
    taken_off = metric["median"] - run.net(question, contender)
    ratio = f"  {contender['ratio']:.2f}×" if "ratio" in contender else ""
    note = f"{number(run.net(question, contender))} ns{ratio}"
    return (
        contender["label"],
        max(0, metric["low"] - taken_off),
        run.net(question, contender),
        max(0, metric["high"] - taken_off),
        note,
    )


def plot_bars(run, name, title, subtitle, questions, axis):
    groups = []
    for question, heading in questions:
        rows = [one for one in run.measured(question) if not run.is_empty(question, one)]
        if rows:
            groups.append((heading, [spread(run, question, one) for one in rows]))
    if groups:
        bars(name, title, subtitle, groups, axis)


def each(line, metric, unit):
    """A line of a plot: the cost of one of many."""
    return [(one["size"], median(one, metric) / unit / one["size"]) for one in line]


def plot_loads(run):
    load, many = run.series("load"), run.series("providers")
    time, memory = [], []
    for label, line in load.items():
        dash = "2 4" if "no arguments" in label else None
        time.append((f"{label}: load", colour(label), dash, each(line, "load_ns", 1e3)))
        memory.append((label, colour(label), dash, each(line, "image_contents", 1)))
    if "librst" in load:
        time.append(("librst: add", "#6ca6e8", None, each(load["librst"], "add_ns", 1e3)))
    if load:
        lines(
            "load-time.svg",
            "Declaring and loading one provider",
            "median time, divided by the number of probes",
            time,
            ("probes in the provider", "microseconds a probe"),
            (1, "aim: 1 µs"),
        )
        lines(
            "load-memory.svg",
            "The image of one provider",
            "bytes of headers and sections, divided by the number of probes",
            memory,
            ("probes in the provider", "bytes a probe"),
            (192, "aim: 192 bytes"),
        )
    if many:
        lines(
            "providers.svg",
            "Loading many providers of one probe",
            "median time, divided by the number of providers",
            [
                (label, colour(label), None, each(line, "load_ns", 1e3))
                for label, line in many.items()
            ],
            ("providers", "microseconds a provider"),
        )


def plot_all(run):
    middle = "the thin line is the middle half of the rounds"
    taken_off = f"median, the empty loop taken off; {middle}"
    for name, title, subtitle, groups, axis in (
        ("guard.svg", "A guard nobody passes", taken_off, [("guard", None)],
         "nanoseconds a guard, 16 back to back"),
        ("call.svg", "A probe called though nobody watches", taken_off, [("call", None)],
         "nanoseconds a call"),
        ("fire.svg", "A traced fire", f"median; {middle}", WAYS, "nanoseconds a fire"),
    ):
        plot_bars(run, name, title, subtitle, groups, axis)


def plot_ruby(run):
    for name, title in (
        ("ruby-unwatched", "Ruby: nobody watches"),
        ("ruby-auto", "Ruby: a method in mode AUTO, which nobody watches"),
        ("ruby-watched", "Ruby: bpftrace counts, or a TracePoint sees"),
        ("ruby-beside", "Ruby: a method while something else is watched"),
        ("ruby-before", "Ruby: beside an older build of the gem"),
    ):
        plot_bars(
            run,
            f"{name}.svg",
            title,
            "median, the empty loop taken off; the thin line is the middle half of the rounds",
            [(name + mode, heading) for mode, heading in RUBYS],
            "nanoseconds",
        )


def plot_traces(run):
    for name, title, wanted in (
        ("trace-first.svg", "From the command to the first event", "trace-first"),
        ("trace-flood.svg", "A fire in a flood, each event shown", "trace-flood"),
    ):
        metric, _, unit = next(one[1:] for one in TRACES if one[0] == wanted)
        rows = []
        for one in run.contenders(wanted):
            found = one["metrics"][metric]
            rows.append((one["label"], found["low"], found["median"], found["high"], number(found["median"])))
        middle = "median; the thin line is the middle half of the rounds"
        bars(name, title, middle, [(None, rows)], unit)


# ----------------------------------------------------------------------- the tables


def table(head, rows, words=1):
    """The first `words` columns have text, the others numbers."""
    align = [":---" if i < words else "---:" for i in range(len(head))]
    return "\n".join("| " + " | ".join(row) + " |" for row in [head, align] + rows)


def not_measured(contender):
    return contender.get("skipped") or contender.get("failed")


def table_of_times(run, question):
    has_empty = "empty" in run.questions[question]
    head = ["", "ratio", "median, ns", "middle half"] + (["less the loop"] if has_empty else [])
    rows = []
    for one in run.contenders(question):
        if not_measured(one):
            rows.append([one["label"], f"not measured: {not_measured(one)}"] + [""] * (len(head) - 2))
            continue
        metric = one["metrics"]["ns"]
        row = [
            one["label"],
            f"{one['ratio']:.2f}×" if "ratio" in one else "",
            f"{metric['median']:.3f}",
            f"{metric['low']:.3f}–{metric['high']:.3f}",
        ]
        if has_empty:
            row.append("" if run.is_empty(question, one) else f"{run.net(question, one):.3f}")
        rows.append(row)
    return table(head, rows)


def table_of_ruby(run, question):
    """Results of Ruby without and with YJIT, side by side."""
    rows = []
    for one in run.contenders(question):
        row = [one["label"]]
        for mode, _ in RUBYS:
            row += ruby_cells(run, question + mode, one["id"])
        rows.append(row)
    head = [""]
    for _, heading in RUBYS:
        head += [heading + ", ns", "ratio", "allocated"]
    return table(head, rows)


def ruby_cells(run, question, contender):
    found = [one for one in run.contenders(question) if one["id"] == contender]
    if not found or not_measured(found[0]):
        return ["not measured", "", ""]
    metrics = found[0]["metrics"]
    if run.is_empty(question, found[0]):
        return [f"{metrics['ns']['median']:.1f}", "", f"{metrics['allocations']['median']:g}"]
    return [
        f"{run.net(question, found[0]):.1f}",
        f"{found[0]['ratio']:.2f}×",
        f"{metrics['allocations']['median']:g}",
    ]


def table_of_fires(run):
    rows = []
    for question, heading in WAYS:
        for one in run.contenders(question):
            if not_measured(one):
                why = f"not measured: {not_measured(one)}"
                rows.append([heading, one["label"], why, "", "", ""])
                continue
            metric = one["metrics"]["ns"]
            rows.append([
                heading,
                one["label"],
                one.get("note", ""),
                f"{one['ratio']:.2f}×",
                f"{metric['median']:.0f}",
                f"{metric['low']:.0f}–{metric['high']:.0f}",
            ])
    return table(["attached by", "", "the site", "ratio", "median, ns", "middle half"], rows, 3)


def table_of_traces(run):
    """A row for each metric, a column for each tracer, and how rst compares."""
    ids = {one["id"]: one["label"] for question in run.questions for one in run.contenders(question)}
    rows = []
    for question, metric, title, unit in TRACES:
        medians = {one["id"]: median(one, metric) for one in run.contenders(question)}
        row = [f"{title}, {unit}"]
        for tracer in ids:
            value = medians.get(tracer)
            row.append("" if value is None else f"{value:,.0f}")
            if tracer != "rst":
                row.append(f"{medians['rst'] / value:.3f}×" if value else "")
        rows.append(row)
    head = [""]
    for tracer, label in ids.items():
        head += [label] if tracer == "rst" else [label, "rst beside it"]
    return table(head, rows)


def beyond_first(line, one, metric):
    """The cost of each probe after the first. For a few probes, the noise of the first would hide
    it."""
    if one["size"] < ENOUGH or line[0]["size"] != 1:
        return None
    return (median(one, metric) - median(line[0], metric)) / (one["size"] - 1)


def table_of_loads(run, question, what):
    rows = []
    for label, line in run.series(question).items():
        for one in line:
            more_time = beyond_first(line, one, "load_ns")
            more_image = beyond_first(line, one, "image_contents")
            more_memory = beyond_first(line, one, "rss")
            rows.append([
                label,
                f"{one['size']:,}",
                number(median(one, "add_ns") / 1e3),
                number(median(one, "load_ns") / 1e3),
                "" if more_time is None else number(more_time / 1e3),
                number(median(one, "cycle_ns") / 1e3),
                f"{median(one, 'image_contents'):,.0f}",
                f"{median(one, 'image_allocated'):,.0f}",
                "" if more_image is None else f"{more_image:.0f}",
                "" if more_memory is None else f"{more_memory:.0f}",
            ])
    head = [
        "",
        what,
        "add, µs",
        "load, µs",
        "load, µs each beyond the first",
        "unload and load again, µs",
        "image, bytes",
        "allocated, bytes",
        "image, bytes each beyond the first",
        "RSS, bytes each beyond the first",
    ]
    return table(head, rows)


def table_of_machine(run):
    machine = run.machine
    rows = [
        ["kernel", machine["kernel"]],
        ["CPU", f"{machine['cpu']}, family {machine['cpu_family']}"],
        ["system", machine["system"]],
    ]
    if "compiler" in machine:
        rows.append(["compiler", f"{machine['compiler']} ({machine['flags']})"])
    hosts = ("ruby", "lua", "node", "python", "bpftrace")
    rows += [[key, machine[key]] for key in hosts if key in machine]
    rows += [["date", machine["date"]], ["rounds", str(run.data["rounds"])]]
    return "\n".join(["| | |", "|---|---|"] + [f"| {key} | {value} |" for key, value in rows])


def write_page(runs, hosts):
    run, load, ruby, trace, compat = (
        runs[name] for name in ("run", "load", "ruby", "trace", "compat")
    )
    tables = {
        "hosts": table_of_hosts(hosts, table),
        "machine": table_of_machine(run),
        "guard": table_of_times(run, "guard"),
        "loop": table_of_times(run, "loop"),
        "call": table_of_times(run, "call"),
        "fire": table_of_fires(run),
        "load-machine": table_of_machine(load),
        "add": table_of_times(load, "add"),
        "load": table_of_loads(load, "load", "probes"),
        "providers": table_of_loads(load, "providers", "providers"),
        "trace-machine": table_of_machine(trace),
        "trace": table_of_traces(trace),
        "compat-machine": table_of_machine(compat),
        "compat": table_of_calls(compat, table, median, number),
        "ruby-machine": table_of_machine(ruby),
        "ruby-unwatched": table_of_ruby(ruby, "ruby-unwatched"),
        "ruby-auto": table_of_ruby(ruby, "ruby-auto"),
        "ruby-watched": table_of_ruby(ruby, "ruby-watched"),
        "ruby-beside": table_of_ruby(ruby, "ruby-beside"),
        "ruby-before": table_of_ruby(ruby, "ruby-before"),
        "lua-machine": table_of_machine(runs["lua"]),
        **lua_table.tables(runs["lua"], table),
        "node-machine": table_of_machine(runs["node"]),
        **node_table.tables(runs["node"], table),
        "python-machine": table_of_machine(runs["python"]),
        **python_table.tables(runs["python"], table),
    }
    with open(PAGE, encoding="utf-8") as file:
        page = file.read()

    def fill(match):
        return f"<!-- table {match[1]} -->\n\n{tables[match[1]]}\n\n<!-- end -->"

    page, count = re.subn(r"<!-- table ([\w-]+) -->.*?<!-- end -->", fill, page, flags=re.DOTALL)
    if count != len(tables):
        sys.exit(f"{PAGE}: {count} tables to fill, not {len(tables)}")
    with open(PAGE, "w", encoding="utf-8") as file:
        file.write(page)


def run_benchmarks(build):
    """Run the benchmarks. Gives the JSON of each part."""
    subprocess.run(["meson", "test", "-C", build, "--benchmark", "--verbose"], check=True)
    made = {name: os.path.join(build, *path.split("/")) for name, path in PARTS.items()}
    made["run"] = os.environ.get("RST_BENCH_JSON", made["run"])
    return made


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--run", metavar="BUILDDIR", help="run the benchmarks there first")
    for name in PARTS:
        parser.add_argument(f"--{name}-json", metavar="FILE")
    args = vars(parser.parse_args())
    if args["run"]:
        made = run_benchmarks(args["run"])
    else:
        made = {name: args[f"{name}_json"] for name in PARTS}
    os.makedirs(PLOTS, exist_ok=True)
    kept = {name: os.path.join(PLOTS, f"{name}.json") for name in PARTS}
    for name, source in made.items():
        if source and os.path.exists(source):
            shutil.copyfile(source, kept[name])
    hosts = list(measured_rows(Run, PLOTS))
    runs = {name: Run(path) for name, path in kept.items()}
    plot_all(runs["run"])
    plot_loads(runs["load"])
    plot_ruby(runs["ruby"])
    lua_table.plot(runs["lua"], plot_bars)
    node_table.plot(runs["node"], plot_bars)
    python_table.plot(runs["python"], spread)
    plot_traces(runs["trace"])
    plot_hosts(hosts, spread)
    write_page(runs, hosts)


if __name__ == "__main__":
    main()
