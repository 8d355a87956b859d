# SPDX-License-Identifier: MIT
"""Probes (USDT) that a program declares while it runs, for bpftrace, gdb, perf and other tracers.

    import rst

    shop = rst.Provider("shop")
    checkout = shop.probe("checkout", order=int, customer=str)
    shop.load()
    ...
    checkout.fire(1, "Ada")
    checkout.fire(lambda: (1, slow()))   # called only while somebody watches

While nobody watches, a fire costs about as much as a call of an empty method in C. To watch:

    RST_BACKING=file python3 shop.py
    bpftrace -p PID -e 'usdt:*:shop:checkout { printf("%ld %s\\n", arg0, str(arg1)); }'

`trace` is a decorator that measures calls, `rst.logging` has a handler that fires log records, and
`rst.stapsdt` has the interface of python-stapsdt.

Threads: everything may be called from any thread. The GIL is held all the time, and a free-threaded
Python gets a GIL when it imports this. Forks: in the child everything goes on to work. Each
subinterpreter has providers of its own; names of probes are the whole process's.

Environment, read at each load: RST_DISABLE=1 makes every load do nothing; RST_BACKING=memfd, file
or file:DIRECTORY says where the probes are.

On systems that librst is not made for, everything is there and does nothing.
"""

try:
    from ._rst import (
        ArityError,
        Error,
        ExistsError,
        InvalidError,
        LoadError,
        Probe,
        Provider,
        RangeError,
        ValueTypeError,
    )
except ModuleNotFoundError:  # not built: setup.py says where
    from ._nothing import (  # type: ignore[assignment]
        ArityError,
        Error,
        ExistsError,
        InvalidError,
        LoadError,
        Probe,
        Provider,
        RangeError,
        ValueTypeError,
    )
from ._shared import load, provider
from ._trace import trace

__version__ = "0.1.0"

__all__ = [
    "ArityError",
    "Error",
    "ExistsError",
    "InvalidError",
    "LoadError",
    "Probe",
    "Provider",
    "RangeError",
    "ValueTypeError",
    "load",
    "provider",
    "trace",
]
