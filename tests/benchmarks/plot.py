#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Turn a run of the benchmarks into the plots and tables of docs/benchmarks.md.

    plot.py                     redraw from docs/benchmarks/run.json
    plot.py --run BUILDDIR      run `meson test --benchmark` there first, and keep its JSON
    plot.py --json FILE         take this run instead

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
from html import escape

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PAGE = os.path.join(ROOT, "docs", "benchmarks.md")
PLOTS = os.path.join(ROOT, "docs", "benchmarks")

INK, SOFT, GRID, PAPER, AIM = "#1f2328", "#59636e", "#d8dee4", "#ffffff", "#b3261e"
COLOURS = {  # by the library that a label begins with
    "librst": "#0b62c4",
    "sys/sdt.h": "#57606a",
    "lttng-ust": "#2a7f3e",
    "libstapsdt": "#c2570c",
}
ENOUGH = 100
WAYS = [
    ("fire-perf", "perf event, counting"),
    ("fire-perf-bpf", "perf event, BPF program"),
    ("fire-multi", "uprobe-multi link, BPF program"),
]


# ---------------------------------------------------------------- what was measured


class Run:
    def __init__(self, path):
        with open(path, encoding="utf-8") as file:
            self.data = json.load(file)
        self.machine = self.data["machine"]
        self.questions = {question["id"]: question for question in self.data["questions"]}

    def contenders(self, question):
        """Those that were measured, and those that were not."""
        return self.questions.get(question, {}).get("contenders", [])

    def measured(self, question):
        return [one for one in self.contenders(question) if one["metrics"]]

    def net(self, question, contender):
        """The median, less what the loop costs."""
        empty = self.questions[question].get("empty")
        loop = [one for one in self.measured(question) if one["id"] == empty]
        taken_off = loop[0]["metrics"]["ns"]["median"] if loop else 0
        return contender["metrics"]["ns"]["median"] - taken_off

    def is_empty(self, question, contender):
        return contender["id"] == self.questions[question].get("empty")

    def series(self, question):
        """The measured contenders by the line they are on, each sorted by size."""
        lines = {}
        for one in self.measured(question):
            lines.setdefault(one["series"], []).append(one)
        return {name: sorted(line, key=lambda one: one["size"]) for name, line in lines.items()}


def median(contender, metric):
    return contender["metrics"][metric]["median"]


def colour(label):
    for library, value in COLOURS.items():
        if label.startswith(library):
            return value
    return "#8c959f"


def number(value):
    """Three significant digits, never in powers of ten."""
    if value == 0:
        return "0"
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    return f"{value:,.{min(digits, 3)}f}"


# ---------------------------------------------------------------------- drawing


class Drawing:
    def __init__(self, width, height, title, subtitle):
        self.size = (width, height)
        self.parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
            f'width="{width}" height="{height}" role="img" aria-label="{escape(title)}" '
            'font-family="DejaVu Sans, Verdana, sans-serif">',
            f'<rect width="{width}" height="{height}" rx="8" fill="{PAPER}" stroke="{GRID}"/>',
        ]
        self.text(24, 34, title, size=17, weight="bold")
        self.text(24, 55, subtitle, size=12, fill=SOFT)

    def text(self, x, y, words, size=12, fill=INK, anchor="start", weight="normal", turn=None):
        turned = f' transform="rotate({turn} {x:.1f} {y:.1f})"' if turn is not None else ""
        self.parts.append(
            f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" fill="{fill}" '
            f'text-anchor="{anchor}" font-weight="{weight}"{turned}>{escape(words)}</text>'
        )

    def line(self, x1, y1, x2, y2, stroke=GRID, width=1, dash=None):
        dashed = f' stroke-dasharray="{dash}"' if dash else ""
        self.parts.append(
            f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" '
            f'stroke="{stroke}" stroke-width="{width}"{dashed}/>'
        )

    def bar(self, x, y, width, height, fill):
        self.parts.append(
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(width, 1):.1f}" height="{height:.1f}" '
            f'rx="2" fill="{fill}"/>'
        )

    def path(self, points, stroke, dash=None):
        dashed = f' stroke-dasharray="{dash}"' if dash else ""
        steps = " L".join(f"{x:.1f},{y:.1f}" for x, y in points)
        self.parts.append(
            f'<path d="M{steps}" fill="none" stroke="{stroke}" stroke-width="2.2"{dashed}/>'
        )
        for x, y in points:
            self.parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.4" fill="{stroke}"/>')

    def save(self, name):
        with open(os.path.join(PLOTS, name), "w", encoding="utf-8") as file:
            file.write("\n".join(self.parts + ["</svg>", ""]))


def round_step(most, steps):
    """A step of 1, 2 or 5 that divides 0..most into about so many."""
    rough = most / steps
    unit = 10 ** math.floor(math.log10(rough))
    return next(factor * unit for factor in (1, 2, 5, 10) if factor * unit >= rough)


def bars(name, title, subtitle, groups, axis):
    """Horizontal bars: groups of (heading, [(label, low, median, high, note)])."""
    left, right, row, top = 330, 110, 26, 76
    rows = sum(len(group) + (1 if heading else 0) for heading, group in groups)
    width, height = 860, top + rows * row + 62
    most = max(bar[3] for _, group in groups for bar in group) * 1.04
    step = round_step(most, 6)
    drawing = Drawing(width, height, title, subtitle)

    def place(value):
        return left + value / most * (width - left - right)

    bottom = top + rows * row
    for i in range(int(most / step) + 1):
        x = place(i * step)
        drawing.line(x, top - 4, x, bottom + 4)
        drawing.text(x, bottom + 20, f"{i * step:g}", fill=SOFT, anchor="middle")
    drawing.text((left + width - right) / 2, bottom + 42, axis, anchor="middle")

    y = top
    for heading, group in groups:
        if heading:
            drawing.text(24, y + 18, heading, weight="bold")
            y += row
        for label, low, middle, high, note in group:
            drawing.text(left - 10, y + 17, label, anchor="end")
            drawing.bar(left, y + 4, place(middle) - left, row - 9, colour(label))
            drawing.line(place(low), y + row / 2, place(high), y + row / 2, stroke=INK)
            drawing.text(max(place(middle), place(high)) + 7, y + 17, note, fill=INK)
            y += row
    drawing.save(name)


def powers(low, high):
    return [10.0**i for i in range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)]


def lines(name, title, subtitle, series, axes, aim=None):
    """Lines on two logarithmic axes: series of (label, colour, dash, [(x, y)])."""
    left, right, top, bottom = 84, 210, 80, 70
    width, height = 860, 430
    drawing = Drawing(width, height, title, subtitle)
    values = [y for line in series for _, y in line[3]] + ([aim[0]] if aim else [])
    across = powers(*(f(x for line in series for x, _ in line[3]) for f in (min, max)))
    up = powers(min(values), max(values))

    def place(x, y):
        part_x = math.log10(x / across[0]) / math.log10(across[-1] / across[0])
        part_y = math.log10(y / up[0]) / math.log10(up[-1] / up[0])
        return (
            left + part_x * (width - left - right),
            height - bottom - part_y * (height - top - bottom),
        )

    for x in across:
        drawing.line(*place(x, up[0]), *place(x, up[-1]))
        drawing.text(place(x, up[0])[0], height - bottom + 20, f"{x:,.0f}", fill=SOFT,
                     anchor="middle")
    for y in up:
        drawing.line(*place(across[0], y), *place(across[-1], y))
        drawing.text(left - 10, place(across[0], y)[1] + 4, f"{y:,g}", fill=SOFT, anchor="end")
    drawing.text((left + width - right) / 2, height - 22, axes[0], anchor="middle")
    drawing.text(24, (top + height - bottom) / 2, axes[1], anchor="middle", turn=-90)
    labels = []
    for label, stroke, dash, points in series:
        placed = [place(x, y) for x, y in points]
        drawing.path(placed, stroke, dash)
        labels.append((*placed[-1], label, stroke))
    if aim:
        drawing.line(*place(across[0], aim[0]), *place(across[-1], aim[0]), stroke=AIM, dash="7 5")
        labels.append((*place(across[-1], aim[0]), aim[1], AIM))
    last = -math.inf
    for x, y, label, stroke in sorted(labels, key=lambda one: one[1]):
        last = max(y, last + 15)  # labels that would run into each other move apart
        drawing.text(x + 8, last + 4, label, fill=stroke)
    drawing.save(name)


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
    """A line of a plot: what one of so many takes."""
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
            (256, "aim: 256 bytes"),
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
    plot_loads(run)


# ----------------------------------------------------------------------- the tables


def table(head, rows, words=1):
    """The first `words` columns are words, the rest numbers."""
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


def beyond_first(line, one, metric):
    """What each probe after the first adds; of a few, the noise of the first would be all."""
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
        ["compiler", f"{machine['compiler']} ({machine['flags']})"],
        ["date", machine["date"]],
        ["rounds", str(run.data["rounds"])],
    ]
    return "\n".join(["| | |", "|---|---|"] + [f"| {key} | {value} |" for key, value in rows])


def write_page(run):
    tables = {
        "machine": table_of_machine(run),
        "guard": table_of_times(run, "guard"),
        "loop": table_of_times(run, "loop"),
        "call": table_of_times(run, "call"),
        "fire": table_of_fires(run),
        "load": table_of_loads(run, "load", "probes"),
        "providers": table_of_loads(run, "providers", "providers"),
    }
    with open(PAGE, encoding="utf-8") as file:
        page = file.read()

    def fill(match):
        return f"<!-- table {match[1]} -->\n\n{tables[match[1]]}\n\n<!-- end -->"

    page, count = re.subn(r"<!-- table (\w+) -->.*?<!-- end -->", fill, page, flags=re.DOTALL)
    if count != len(tables):
        sys.exit(f"{PAGE}: {count} tables to fill, not {len(tables)}")
    with open(PAGE, "w", encoding="utf-8") as file:
        file.write(page)


def run_benchmarks(build):
    subprocess.run(["meson", "test", "-C", build, "--benchmark", "--verbose"], check=True)
    written = os.path.join(build, "tests", "benchmarks", "benchmarks.json")
    return os.environ.get("RST_BENCH_JSON", written)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--run", metavar="BUILDDIR", help="run the benchmarks there first")
    parser.add_argument("--json", metavar="FILE", help="take this run")
    args = parser.parse_args()
    kept = os.path.join(PLOTS, "run.json")
    source = run_benchmarks(args.run) if args.run else args.json
    os.makedirs(PLOTS, exist_ok=True)
    if source:
        shutil.copyfile(source, kept)
    run = Run(kept)
    plot_all(run)
    write_page(run)


if __name__ == "__main__":
    main()
