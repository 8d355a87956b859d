# SPDX-License-Identifier: MIT
"""The tables and plots of docs/benchmarks.md about the Python package.

The JSON has each question for the Python that ran it, and again for others, whose questions end in
their version: python-watched, python-watched-3.12.
"""

from svg_charts import bars

QUESTIONS = [
    ("python-unwatched", "Python: nobody watches"),
    ("python-watched", "Python: a uprobe counts, or a function of Python's sees"),
    ("python-beside", "Python: a function while something else is watched"),
]


def pythons(run, question):
    """The question's ids and the Python of each."""
    return [
        (id, found["title"].rpartition("(")[2].rstrip(")"))
        for id, found in run.questions.items()
        if id == question or id.startswith(question + "-")
    ]


def plot(run, spread):
    for question, title in QUESTIONS:
        groups = []
        for id, python in pythons(run, question):
            rows = [one for one in run.measured(id) if not run.is_empty(id, one)]
            groups.append((python, [spread(run, id, one) for one in rows]))
        bars(
            f"{question}.svg", title,
            "median, the empty loop taken off; the thin line is the middle half of the rounds",
            groups, "nanoseconds",
        )


def tables(run, table):
    return {question: one_table(run, question, table) for question, _ in QUESTIONS}


def one_table(run, question, table):
    """A row for each contender; two columns for each Python."""
    asked = pythons(run, question)
    rows = []
    for number, first in enumerate(run.contenders(question)):
        row = [first["label"]]
        for id, _ in asked:
            one = run.contenders(id)[number]
            if not one["metrics"]:
                row += ["not measured", ""]
                continue
            row += [
                f"{run.net(id, one) or one['metrics']['ns']['median']:.1f}",
                f"{one['ratio']:.2f}×" if "ratio" in one else "",
            ]
        rows.append(row)
    head = [""]
    for _, python in asked:
        head += [f"{python}, ns", "ratio"]
    return table(head, rows)
