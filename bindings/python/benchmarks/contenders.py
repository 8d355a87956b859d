# SPDX-License-Identifier: MIT
"""What is measured: the contenders, and the questions that they answer.

Each contender is a process of its own (worker.py), for a profiler and an attached tracer change what
everything else in their process costs.
"""

import os
import re
import subprocess
import sys
from typing import Callable, NamedTuple, Optional

TWO = "two"


class Contender(NamedTuple):
    """`operation` is Python that is run many times in a row; `prepare` is called once, before it.
    `watch` gives what a uprobe is attached to, as (path, site, semaphore); hits are then compared with
    operations if `counted`. `lacking` gives why it can't be measured here."""

    id: str
    label: str
    operation: str
    prepare: Optional[Callable] = None
    watch: Optional[Callable] = None
    counted: bool = False
    lacking: Optional[Callable] = None


class Question(NamedTuple):
    id: str
    title: str
    baseline: str
    contenders: list


# --------------------------------------------------------- what the operations are done to --


def setup():
    """The names that operations use."""
    import baseline
    import rst

    shop = rst.Provider("bench")
    point = shop.probe("point", one=int, two=str)

    def function():
        pass

    def other():
        pass

    @rst.trace(provider=shop)
    def traced():
        pass

    shop.load()
    return {
        "NOTHING": baseline.Baseline(),
        "POINT": point,
        "TWO": TWO,
        "VALUES": lambda: (1, TWO),
        "function": function,
        "other": other,
        "traced": traced,
        "probes": {probe.name: probe for probe in shop.probes},
    }


def nothing(*_):
    """A profiler that does nothing."""


def profile(names):
    sys.setprofile(nothing)


def monitor_function(names):
    monitor(lambda tool, event: sys.monitoring.set_local_events(tool, names["function"].__code__, event))


def monitor_other(names):
    monitor(lambda tool, event: sys.monitoring.set_local_events(tool, names["other"].__code__, event))


def monitor_all(names):
    monitor(sys.monitoring.set_events)


def monitor(choose):
    tool, event = sys.monitoring.PROFILER_ID, sys.monitoring.events.PY_START
    sys.monitoring.use_tool_id(tool, "bench")
    sys.monitoring.register_callback(tool, event, nothing)
    choose(tool, event)


def lacks_monitoring():
    return None if hasattr(sys, "monitoring") else "sys.monitoring came with Python 3.12"


def probe_of(name):
    def watch(names):
        from support.watching import note_of

        probe = names["probes"][name]
        return probe.path, *note_of(probe)

    return watch


# --------------------------------------------------------------------- Python's own probes --


def program():
    """Where this Python's own probes are: in its library, or in the program if it has none."""
    with open("/proc/self/maps", encoding="utf-8") as maps:
        for line in maps:
            if re.search(r"/libpython\S*$", line):
                return line.split()[-1]
    return os.path.realpath(sys.executable)


def readelf(option):
    environment = {**os.environ, "LC_ALL": "C"}
    command = ["readelf", "-W", option, program()]
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=environment).stdout


def own_probe(name):
    """The site and the semaphore of the probe python:name, as file offsets; None if there is none."""
    found = re.search(
        rf"Provider: python\s+Name: {name}\s+Location: (\S+), Base: \S+, Semaphore: (\S+)", readelf("-n")
    )
    if not found:
        return None
    segments = [
        [int(number, 16) for number in row]
        for row in re.findall(r"LOAD +(0x\w+) (0x\w+) 0x\w+ 0x\w+ (0x\w+)", readelf("-l"))
    ]

    def offset(address):
        return next(
            address - start + file for file, start, size in segments if start <= address < start + size
        )

    return [offset(int(address, 16)) for address in found.groups()]


# Not function__entry: in Python 3.11 no call comes to it.
def lacks_own_probes():
    return None if own_probe("function__return") else "this Python is built without its own probes"


def watch_own(names):
    return program(), *own_probe("function__return")


# ----------------------------------------------------------------------------- the contenders --

ALL = {
    one.id: one
    for one in (
        Contender("empty", "nothing (what the loop costs)", "pass"),
        Contender("call", "a method in C that does nothing (METH_FASTCALL): nothing(1, TWO)",
                  "NOTHING.fire(1, TWO)"),
        Contender("call-one", "the same: nothing(VALUES)", "NOTHING.fire(VALUES)"),
        Contender("attribute", "an attribute of a type in C", "NOTHING.enabled"),
        Contender("function", "an empty function", "function()"),
        Contender("fire-values", "rst: fire(1, TWO)", "POINT.fire(1, TWO)"),
        Contender("fire-function", "rst: fire(VALUES), a function", "POINT.fire(VALUES)"),
        Contender("fire-lambda", "rst: fire(lambda: (1, TWO))", "POINT.fire(lambda: (1, TWO))"),
        Contender("enabled", "rst: enabled", "POINT.enabled"),
        Contender("traced", "rst: an empty function with @trace", "traced()"),
        Contender("fire-values-watched", "rst: fire(1, TWO)", "POINT.fire(1, TWO)",
                  watch=probe_of("point"), counted=True),
        Contender("fire-function-watched", "rst: fire(VALUES), a function", "POINT.fire(VALUES)",
                  watch=probe_of("point"), counted=True),
        Contender("traced-watched", "rst: an empty function with @trace", "traced()",
                  watch=probe_of("traced"), counted=True),
        Contender("dtrace-watched", "Python's own probes: an empty function", "function()",
                  watch=watch_own, lacking=lacks_own_probes),
        Contender("profile-watched", "sys.setprofile: an empty function", "function()", profile),
        Contender("monitoring-watched", "sys.monitoring of an empty function", "function()",
                  monitor_function, lacking=lacks_monitoring),
        Contender("beside-rst", "rst: another function with @trace is watched", "function()",
                  watch=probe_of("traced")),
        Contender("beside-dtrace", "Python's own probes are watched", "function()",
                  watch=watch_own, lacking=lacks_own_probes),
        Contender("beside-profile", "sys.setprofile", "function()", profile),
        Contender("beside-monitoring", "sys.monitoring of another function", "function()",
                  monitor_other, lacking=lacks_monitoring),
        Contender("beside-monitoring-all", "sys.monitoring of all functions", "function()",
                  monitor_all, lacking=lacks_monitoring),
    )
}

QUESTIONS = [
    Question("python-unwatched", "Nobody watches", "call",
             ["empty", "call", "call-one", "attribute", "function", "fire-values", "fire-function",
              "fire-lambda", "enabled", "traced"]),
    Question("python-watched", "A uprobe counts it, or a function of Python's sees it",
             "fire-values-watched",
             ["empty", "fire-values-watched", "fire-function-watched", "traced-watched",
              "dtrace-watched", "profile-watched", "monitoring-watched"]),
    Question("python-beside", "An empty function while something else is watched", "function",
             ["empty", "function", "beside-rst", "beside-dtrace", "beside-profile",
              "beside-monitoring", "beside-monitoring-all"]),
]
