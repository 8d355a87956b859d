# SPDX-License-Identifier: MIT
"""Providers that parts of a program share by name."""

import re
from typing import Dict, Union

from . import ExistsError, Probe, Provider

_providers: Dict[str, Provider] = {}


def tracer_name(name: str, longest: int) -> str:
    """A name that tracers take, for any of Python's. Of a long one, its end tells most."""
    name = re.sub(r"\W", "_", name, flags=re.ASCII)[-longest:]
    return f"_{name[1 - longest:]}" if name[:1].isdigit() else name


def provider(name: str) -> Provider:
    """Give the provider of that name that this interpreter's modules share.

    It is made when it is first asked for, and again if it was closed. What isn't a letter, digit or _
    in the name becomes a _, so that `rst.provider(__name__)` is always possible: "shop.cart" is
    shop_cart, "2024.cart" is _2024_cart, and of more than 58 characters the last 58 count. `trace` and
    `rst.logging.Handler` use such providers; rst.load() loads all of them.
    """
    name = tracer_name(name, 58)
    found = _providers.get(name)
    if found is None or found.closed:
        found = _providers.setdefault(name, Provider(name))
        if found.closed:
            found = _providers[name] = Provider(name)
    return found


def load() -> bool:
    """Load every provider that provider() has given. Gives whether all can be seen now.

    Call it when the program has declared its probes and imported its modules, and again for what it
    has declared since. If some can't be loaded, the others are loaded before the first one's
    LoadError is raised.
    """
    error = None
    loaded = True
    for one in list(_providers.values()):
        if one.closed:
            continue
        try:
            loaded = one.load() and loaded
        except OSError as failure:
            error = error or failure
    if error:
        raise error
    return loaded


def probe_of(owner: Union[Provider, str], name: str, signature: str) -> Probe:
    """Give a probe that may have been declared before, with the same arguments.

    Closures that are made again and modules that are reloaded declare theirs again.
    """
    if isinstance(owner, str):
        owner = provider(owner)
    try:
        return owner.probe(name, signature)
    except ExistsError:
        for probe in owner.probes:
            if probe.name == name and probe.signature == signature:
                return probe
        raise
