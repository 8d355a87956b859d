# SPDX-License-Identifier: MIT
"""In the place of rst._rst where that isn't built: everything is there, and nothing is ever watched.

Names, signatures and values are checked as rst._rst checks them, so that a program's tests find the
same mistakes on every system.
"""

import operator
import os
import re
import weakref
from typing import Any, Dict, List, Optional, Set, Tuple


class Error(Exception):
    """What rst raises is one of these. `kind` says in a word what is wrong."""

    kind = "error"


class InvalidError(Error, ValueError):
    """A name, a signature or a setting that can't be, or a closed provider."""

    kind = "invalid"


class ExistsError(Error, ValueError):
    """The process has a probe of that name already."""

    kind = "exists"


class ArityError(Error, TypeError):
    """Too many or too few values for a probe."""

    kind = "arity"


class ValueTypeError(Error, TypeError):
    """A value of another type than the probe was declared with."""

    kind = "type"


class RangeError(Error, OverflowError):
    """A number that the argument's type can't hold."""

    kind = "range"


class LoadError(Error, OSError):
    """A provider can't be loaded or unloaded. `errno` and the message say why."""

    kind = "load"


for _class in (Error, InvalidError, ExistsError, ArityError, ValueTypeError, RangeError, LoadError):
    _class.__module__ = "rst"

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_MAX_ARGS = 12
_MAX_PROVIDER_NAME = 58
_MAX_PROBE_NAME = 127
_SIZES = {f"{sign}int{bits}": bits for sign in ("", "u") for bits in (8, 16, 32, 64)}
_TYPES = {"bool", "float", "double", "pointer", "string", *_SIZES}
_PYTHONS = {int: "int64", float: "double", str: "string", bytes: "string", bool: "bool"}
_NOT_GIVEN = str(b" ", "ascii")  # a str of its own, which is no argument
_declared: Set[Tuple[str, str]] = set()  # a provider's and a probe's name


def _check_name(name: Any, what: str, longest: int) -> None:
    if not isinstance(name, str):
        raise TypeError(f"the {what} must be a str, not {type(name).__name__}")
    if not _NAME.match(name):
        raise InvalidError(
            f'{what} "{name}" is not a name: a letter or _ first, then letters, digits and _'
        )
    if len(name) > longest:
        raise InvalidError(f"{what} {name} has {len(name)} bytes; at most {longest} are allowed")


def _parse(signature: Any) -> List[Tuple[str, str]]:
    """The types and names of a signature."""
    if not isinstance(signature, str):
        raise TypeError(f"the signature must be a str, not {type(signature).__name__}")
    found: List[Tuple[str, str]] = []
    for part in signature.split(",") if signature.strip(" \t") else []:
        kind, *rest = part.split() or [""]
        if kind not in _TYPES or len(rest) > 1 or (rest and not _NAME.match(rest[0])):
            raise InvalidError(f'"{part.strip()}" in the signature is not a type and a name')
        name = rest[0] if rest else ""
        if name and name in [other for _, other in found]:
            raise InvalidError(f'the signature "{signature}" has {name} twice')
        found.append((kind, name))
    if len(found) > _MAX_ARGS:
        raise InvalidError(f"{len(found)} arguments; at most {_MAX_ARGS} are allowed")
    return found


def _python_type(name: str, given: Any) -> str:
    if isinstance(given, str):
        return given
    if isinstance(given, type) and given in _PYTHONS:
        return _PYTHONS[given]
    raise InvalidError(
        f"{name}={given!r}: the type must be int, float, str, bytes, bool, or the name of one of "
        f"librst's, as 'uint8'"
    )


def _wanted(kind: str) -> str:
    if kind == "bool":
        return "True or False"
    if kind == "string":
        return "a str, bytes or None"
    if kind in ("float", "double"):
        return "a float or an int"
    least, most = _limits(kind)
    return f"{'None or ' if kind == 'pointer' else ''}an int from {least} to {most}"


def _limits(kind: str) -> Tuple[int, int]:
    bits = _SIZES.get(kind, 64)
    return (-(1 << bits - 1), (1 << bits - 1) - 1) if kind[0] == "i" else (0, (1 << bits) - 1)


def _check_value(kind: str, value: Any) -> Optional[type]:
    """The class of what is wrong with a value, or None."""
    if kind == "bool":
        return None if isinstance(value, bool) else ValueTypeError
    if kind == "string":
        return None if isinstance(value, (str, bytes, type(None))) else ValueTypeError
    if kind in ("float", "double"):
        if isinstance(value, complex) or not (
            hasattr(type(value), "__float__") or hasattr(type(value), "__index__")
        ):
            return ValueTypeError
        try:
            float(value)
        except OverflowError:
            return RangeError
        return None
    if kind == "pointer" and value is None:
        return None
    if not hasattr(type(value), "__index__"):
        return ValueTypeError
    least, most = _limits(kind)
    return None if least <= operator.index(value) <= most else RangeError


class Provider:
    """A named group of probes, which nobody can watch on this system."""

    def __init__(self, name: str, *, backing: str = "auto", directory: Any = None) -> None:
        _check_name(name, "provider name", _MAX_PROVIDER_NAME)
        if backing not in ("auto", "memfd", "file"):
            raise InvalidError(f"the backing {backing!r} must be 'auto', 'memfd' or 'file'")
        if directory is not None and not os.path.isabs(os.fspath(directory)):
            raise InvalidError(f"the directory {directory} is not absolute")
        self._name = name
        self._closed = False
        self._probes: Dict[str, List[Tuple[str, str]]] = {}  # their arguments
        # Probes hold the provider, not the other way round: so it ends with the last reference.
        self._living: "weakref.WeakValueDictionary[str, Probe]" = weakref.WeakValueDictionary()

    def __repr__(self) -> str:
        return f"<rst.Provider {self._name}, {'closed' if self._closed else 'not loaded'}>"

    def __reduce__(self) -> Any:
        raise TypeError("cannot pickle 'rst.Provider' object")

    def __del__(self) -> None:
        if hasattr(self, "_probes"):
            self.close()

    def _check_open(self) -> None:
        if self._closed:
            raise InvalidError(f"the provider {self._name} is closed")

    def probe(self, name: str, signature: str = _NOT_GIVEN, /, **arguments: Any) -> "Probe":
        """Declare a probe."""
        self._check_open()
        if arguments and signature is not _NOT_GIVEN:
            raise TypeError("give the arguments by a signature or by keywords, not by both")
        if arguments:
            parts = [f"{_python_type(key, kind)} {key}" for key, kind in arguments.items()]
            signature = ", ".join(parts)
        _check_name(name, "probe name", _MAX_PROBE_NAME)
        parsed = _parse(signature)
        if (self._name, name) in _declared:
            raise ExistsError(f"the process has a probe {self._name}:{name} already")
        _declared.add((self._name, name))
        self._probes[name] = parsed
        return self._probe_of(name)

    def _probe_of(self, name: str) -> "Probe":
        probe = self._living.get(name)
        if probe is None:
            probe = self._living[name] = Probe._make(self, name, self._probes[name])
        return probe

    def load(self) -> bool:
        """Gives False: tracers can see nothing here."""
        self._check_open()
        return False

    def unload(self) -> None:
        """Does nothing."""

    def close(self) -> None:
        """Free the probes' names for others."""
        self._closed = True
        _declared.difference_update((self._name, name) for name in self._probes)
        self._probes = {}

    def __enter__(self) -> "Provider":
        self._check_open()
        return self

    def __exit__(self, *exception: object) -> None:
        pass

    @property
    def name(self) -> str:
        """The provider's name."""
        return self._name

    @property
    def loaded(self) -> bool:
        """False."""
        return False

    @property
    def closed(self) -> bool:
        """Whether the provider was closed."""
        return self._closed

    @property
    def probes(self) -> Tuple["Probe", ...]:
        """The provider's probes, in the order of their declaration."""
        return tuple(self._probe_of(name) for name in self._probes)


class Probe:
    """A probe, which nobody can watch on this system."""

    def __new__(cls, *args: Any, **kwargs: Any) -> "Probe":
        raise TypeError("a rst.Probe is made by Provider.probe()")

    @classmethod
    def _make(cls, provider: Provider, name: str, arguments: List[Tuple[str, str]]) -> "Probe":
        probe = object.__new__(cls)
        probe._provider = provider
        probe._name = name
        probe._arguments = arguments
        return probe

    _provider: Provider
    _name: str
    _arguments: List[Tuple[str, str]]

    def __repr__(self) -> str:
        return f"<rst.Probe {self._provider.name}:{self._name}({self.signature})>"

    def __reduce__(self) -> Any:
        raise TypeError("cannot pickle 'rst.Probe' object")

    def fire(self, *values: Any) -> bool:
        """Check the values, and give False: nobody watches."""
        if len(values) == 1 and callable(values[0]):
            return False
        where = f"{self._provider.name}:{self._name}"
        count = len(self._arguments)
        if len(values) != count:
            raise ArityError(
                f"{where}: got {len(values)} value{'' if len(values) == 1 else 's'}, expected "
                f"{count}{f' ({self.signature})' if count else ''}"
            )
        for index, ((kind, name), value) in enumerate(zip(self._arguments, values), 1):
            error = _check_value(kind, value)
            if error:
                argument = f"argument {index}{f' ({name})' if name else ''}"
                got = type(value).__name__
                raise error(f"{where}: {argument} must be {_wanted(kind)}, not {got}")
        return False

    @property
    def enabled(self) -> bool:
        """False."""
        return False

    @property
    def name(self) -> str:
        """The probe's name."""
        return self._name

    @property
    def signature(self) -> str:
        """Its arguments, as 'uint64 order, string customer'; '' if there are none."""
        return ", ".join(f"{kind} {name}".strip() for kind, name in self._arguments)

    @property
    def provider(self) -> Provider:
        """The provider that it belongs to."""
        return self._provider

    @property
    def path(self) -> None:
        """None: it is nowhere."""
        return None
