# SPDX-License-Identifier: MIT
"""What probes cost in each Lua, for plot.py: the tables and plots of docs/benchmarks.md."""

LUAS = [(f"-{version}", f"Lua {version}") for version in ("5.1", "5.2", "5.3", "5.4")]
LUAS += [("-jit", "LuaJIT"), ("-joff", "LuaJIT, interpreted")]


def plot(run, plot_bars):
    middle = "median, the empty loop taken off; the thin line is the middle half of the rounds"
    for name, title, modes in (
        ("lua-unwatched", "Lua: nobody watches", ("-5.1", "-5.4", "-jit", "-joff")),
        ("lua-watched", "Lua: bpftrace counts, or a hook sees", ("-5.1", "-5.4", "-jit")),
    ):
        groups = [(name + mode, heading) for mode, heading in LUAS if mode in modes]
        plot_bars(run, f"{name}.svg", title, middle, groups, "nanoseconds")


def tables(run, table):
    return {name: table_of(run, name, table) for name in ("lua-unwatched", "lua-watched")}


def table_of(run, question, table):
    """Results of every Lua, side by side: what was measured, with the ratio."""
    modes = [(question + mode, heading) for mode, heading in LUAS if run.measured(question + mode)]
    labels = {one["id"]: one["label"] for mode, _ in modes for one in run.contenders(mode)}
    rows = []
    for contender, label in labels.items():
        row = [label]
        for mode, _ in modes:
            found = [one for one in run.measured(mode) if one["id"] == contender]
            row.append(cell(run, mode, found[0]) if found else "")
        rows.append(row)
    return table(["nanoseconds", *(heading for _, heading in modes)], rows)


def cell(run, question, one):
    if run.is_empty(question, one):
        return f"{one['metrics']['ns']['median']:.2f}"
    ratio = f" ({one['ratio']:.2f}×)" if "ratio" in one else ""
    return f"{max(0, run.net(question, one)):.2f}{ratio}"
