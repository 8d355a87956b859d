# SPDX-License-Identifier: MIT
"""The table of what libstapsdt's calls cost, for plot.py."""

CALLS = [  # of the questions of compat.py: the metric, its title, and what a unit of it is
    ("compat-static", "fire", "`probeFire()`, linked statically, ns", 1),
    ("compat-static", "enabled", "`probeIsEnabled()`, linked statically, ns", 1),
    ("compat-shared", "fire", "`probeFire()` of a shared library, ns", 1),
    ("compat-shared", "enabled", "`probeIsEnabled()` of a shared library, ns", 1),
    ("compat-load-1000", "add", "1,000 probes: add, µs", 1e3),
    ("compat-load-1000", "load", "1,000 probes: load, µs", 1e3),
    ("compat-load-1000", "again", "1,000 probes: unload and load again, µs", 1e3),
    ("compat-load-10000", "add", "10,000 probes: add, µs", 1e3),
    ("compat-load-10000", "load", "10,000 probes: load, µs", 1e3),
    ("compat-load-10000", "again", "10,000 probes: unload and load again, µs", 1e3),
]


def table_of_calls(run, table, median, number):
    """A row for each call, a column for each library, and how the drop-in compares."""
    ids = ["drop-in", "libstapsdt", "nothing"]
    rows = []
    for question, metric, title, unit in CALLS:
        medians = {one["id"]: median(one, metric) / unit for one in run.contenders(question)}
        cells = [number(medians[key]) if key in medians else "" for key in ids]
        ratio = f"{medians['drop-in'] / medians['libstapsdt']:.2f}×" if cells[1] else ""
        rows.append([title, *cells[:2], ratio, cells[2]])
    return table(["", "drop-in", "libstapsdt", "ratio", "a function that does nothing"], rows)
