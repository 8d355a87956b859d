# SPDX-License-Identifier: MIT
"""What probes cost in Node, for plot.py: the tables and plots of docs/benchmarks.md."""


def plot(run, plot_bars):
    middle = "median, the empty loop taken off; the thin line is the middle half of the rounds"
    for name, title in (
        ("node-unwatched", "Node: nobody watches"),
        ("node-watched", "Node: bpftrace counts, or a subscriber does nothing"),
    ):
        plot_bars(run, f"{name}.svg", title, middle, [(name, None)], "nanoseconds")


def tables(run, table):
    return {name: table_of(run, name, table) for name in ("node-unwatched", "node-watched")}


def table_of(run, question, table):
    rows = [[one["label"], *cells(run, question, one)] for one in run.contenders(question)]
    return table(["", "ns", "ratio", "allocated, bytes"], rows)


def cells(run, question, one):
    if not one["metrics"]:
        return [f"not measured: {one['skipped']}", "", ""]
    ratio = f"{one['ratio']:.2f}×" if "ratio" in one else ""
    median = one["metrics"]["ns"]["median"]
    ns = median if run.is_empty(question, one) else run.net(question, one)
    return [f"{ns:.1f}", ratio, f"{one['metrics']['bytes']['median']:.0f}"]
