# SPDX-License-Identifier: MIT
"""The interface of python-stapsdt, for programs that were written for it.

    from rst import stapsdt

    provider = stapsdt.Provider("pythonapp")
    probe = provider.add_probe("firstProbe", stapsdt.ArgTypes.uint64, stapsdt.ArgTypes.int32)
    provider.load()
    probe.fire("My little probe", 42)

It differs where python-stapsdt is unsafe: numbers are cut to their argument's type; missing values
are 0, and those too many are dropped; there may be 12 arguments; a probe that is fired after its
provider is gone does nothing. A character that can't be in a probe's name is a _. New programs should
use `rst` itself, which checks values and knows strings.
"""

import ctypes
from enum import IntEnum
from typing import Any, List, Tuple

import rst

from ._shared import tracer_name

__all__ = ["ArgTypes", "Probe", "Provider"]


class ArgTypes(IntEnum):
    """The types of arguments. The address of a string is passed as a uint64."""

    noarg = 0
    uint8 = 1
    int8 = -1
    uint16 = 2
    int16 = -2
    uint32 = 4
    int32 = -4
    uint64 = 8
    int64 = -8


_TAKEN = (int, str, bytes, type(None))


class Provider:
    """A provider. It is unloaded when it is no longer referred to."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._probes: List["Probe"] = []
        self._provider = rst.Provider(tracer_name(name, 58))

    @property
    def name(self) -> str:
        """The name that it was given."""
        return self._name

    def __str__(self) -> str:
        return self._name

    def add_probe(self, name: str, *args: int) -> "Probe":
        """Declare a probe with arguments of these ArgTypes."""
        probe = Probe(self, name, *args)
        self._probes.append(probe)
        return probe

    def load(self) -> bool:
        """Show the probes to tracers. Gives True if that fails, as python-stapsdt does."""
        try:
            self._provider.load()
        except rst.Error:
            return True
        return False

    def unload(self) -> bool:
        """Hide the probes from tracers. Gives True if that fails, as python-stapsdt does."""
        try:
            self._provider.unload()
        except rst.Error:
            return True
        return False

    def __del__(self) -> None:
        provider = getattr(self, "_provider", None)
        if provider is not None:
            provider.close()


class Probe:
    """A probe. Provider.add_probe() makes it."""

    def __init__(self, provider: Provider, name: str, *args: int) -> None:
        self._name = name
        self._types = [ArgTypes(kind) for kind in args if kind != ArgTypes.noarg]
        signature = ", ".join(kind.name for kind in self._types)
        self._probe = provider._provider.probe(tracer_name(name, 127), signature)

    def fire(self, *args: Any) -> bool:
        """Fire the probe. Gives whether somebody watches.

        A value is an int, a str or bytes, of which the address is passed, or None, which is 0. Others
        are a TypeError, whether or not somebody watches.
        """
        for value in args[: len(self._types)]:
            if not isinstance(value, _TAKEN):
                raise TypeError(f"{value!r} must be an int, a str, bytes or None")
        if not self._probe.enabled:
            return False
        args += (0,) * (len(self._types) - len(args))
        bits = [self._bits(kind, value) for kind, value in zip(self._types, args)]
        return self._probe.fire(*(number for number, _ in bits))

    @property
    def is_enabled(self) -> bool:
        """Whether somebody watches."""
        return self._probe.enabled

    @staticmethod
    def _bits(kind: ArgTypes, value: Any) -> Tuple[int, Any]:
        """A value as a number that the type can hold, and what must live until it is fired."""
        kept = value.encode("utf-8", "surrogateescape") if isinstance(value, str) else value
        if isinstance(kept, bytes):
            kept = ctypes.c_char_p(kept)
            value = ctypes.cast(kept, ctypes.c_void_p).value or 0
        elif value is None:
            value = 0
        size = 8 * abs(kind)
        value &= (1 << size) - 1
        return (value - (1 << size) if kind < 0 and value >> (size - 1) else value), kept
