# SPDX-License-Identifier: MIT
"""The table and the plot of docs/benchmarks.md that compare the hosts and languages.

A row takes its numbers from the JSON of one benchmark. Where docs/benchmarks/ has no such JSON, the
row is left out; where the JSON has no such contender, that is said, too.
"""

import os
import sys
from collections import namedtuple

from svg_charts import bars

# `beside`, `unwatched` and `watched` are question/contender.
Row = namedtuple("Row", "label json beside unwatched watched")


def host(label, question, beside, unwatched, watched):
    """A row of the benchmark `hosts`."""
    return Row(label, "hosts", *(f"{question}/{id}" for id in (beside, unwatched, watched)))


def binding(label, json, prefix, beside, suffix=""):
    """A row of a binding, whose questions are PREFIX-unwatched and PREFIX-watched."""
    unwatched, watched = f"{prefix}-unwatched{suffix}", f"{prefix}-watched{suffix}"
    return Row(
        f"{label}: fire(1, TWO)", json,
        f"{unwatched}/{beside}", f"{unwatched}/fire-values", f"{watched}/fire-values-watched",
    )


ROWS = [
    host("C: RST_FIRE()", "host-c", "call", "fire", "fire-watched"),
    host("C: by pointers, as an FFI or a JIT", "host-c", "call", "pointers", "pointers-watched"),
    host("a Lua host: a call", "host-lua", "call", "call-probe", "call-watched"),
    host("a Lua host: an allocation", "host-lua", "allocate", "allocate-probe", "allocate-watched"),
    host("an mruby host: a call", "host-mruby", "call", "call-probe", "call-watched"),
    host("an mruby host: an allocation", "host-mruby", "allocate", "allocate-probe", "allocate-watched"),
    binding("Ruby", "ruby", "ruby", "method"),
    binding("Ruby with YJIT", "ruby", "ruby", "method", "-yjit"),
    binding("Python", "python", "python", "call"),
    binding("Lua 5.4", "lua", "lua", "lua-call", "-5.4"),
    binding("LuaJIT", "lua", "lua", "lua-call", "-jit"),
    binding("Node", "node", "node", "call"),
]


def found(run, place):
    """A contender and its median without the loop's; None if it was not measured."""
    question, _, contender = place.partition("/")
    for one in run.measured(question):
        if one["id"] == contender:
            return one, run.net(question, one)
    return None


def measured_rows(read, directory):
    """Each row that was measured, as (row, run, [(contender, net median)] for its three places)."""
    runs = {}
    for row in ROWS:
        path = os.path.join(directory, f"{row.json}.json")
        if not os.path.exists(path):
            continue
        if path not in runs:
            runs[path] = read(path)
        run = runs[path]
        places = row.beside, row.unwatched, row.watched
        numbers = [found(run, place) for place in places]
        lacking = [place for place, number in zip(places, numbers) if not number]
        if lacking:
            print(f"{row.label}: left out, because {path} has no {', '.join(lacking)}", file=sys.stderr)
        else:
            yield row, run, numbers


def table_of_hosts(rows, table):
    lines = []
    for row, run, numbers in rows:
        machine = run.machine
        lines.append([
            row.label,
            numbers[0][0]["label"],
            f"{machine['cpu']}, family {machine['cpu_family']}, {machine['kernel'].rpartition(' ')[0]}",
            *(f"{max(0, net):.1f}" if net < 100 else f"{net:.0f}" for _, net in numbers),
        ])
    head = ["", "beside it", "machine", "beside it, ns", "unwatched, ns", "watched, ns"]
    return table(head, lines, 3)


def plot_hosts(rows, spread):
    """`spread` gives a bar of a contender."""
    for at, what in (1, "unwatched"), (2, "watched"):
        drawn = []
        for row, run, numbers in rows:
            question = getattr(row, what).partition("/")[0]
            *bar, note = spread(run, question, numbers[at][0])
            drawn.append((row.label, *bar[1:], note.partition("  ")[0]))  # without the ratio
        bars(
            f"hosts-{what}.svg",
            f"A probe in each host, {what}",
            "median, the empty loop taken off; the thin line is the middle half of the rounds",
            [(None, drawn)],
            "nanoseconds",
        )
