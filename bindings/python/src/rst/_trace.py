# SPDX-License-Identifier: MIT
"""The decorator `trace`, which fires a probe at the end of each call."""

import contextlib
import functools
import inspect
import threading
import time
from types import TracebackType
from typing import Any, Callable, ContextManager, Dict, List, NamedTuple, Optional, Tuple, Type, TypeVar, Union, cast, overload

from . import InvalidError, Probe, Provider
from ._shared import probe_of, tracer_name

_Function = TypeVar("_Function", bound=Callable[..., Any])
_FIRED = "string function, int64 nanoseconds, string exception"


class _Busy(threading.local):
    """Whether this thread runs code of ours, as the repr() of an argument, which isn't traced."""

    busy = False


_thread = _Busy()


class _Arguments:
    """Which arguments of a function's calls are fired."""

    def __init__(self, function: Callable[..., Any], signature: str):
        self.wanted: List[Tuple[str, bool]] = []  # a parameter's name, and whether it is a string
        if not signature:
            return
        self.signature = inspect.signature(function)
        for part in signature.split(","):
            words = part.split()
            if len(words) != 2 or words[1] not in self.signature.parameters:
                raise InvalidError(
                    f"{part.strip()!r} must be a type and a parameter of "
                    f"{function.__qualname__}{self.signature}"
                )
            self.wanted.append((words[1], words[0] == "string"))

    def values(self, args: Tuple[Any, ...], kwargs: Dict[str, Any]) -> List[Any]:
        """The arguments that are fired. What is no string is shown as repr() shows it."""
        if not self.wanted:
            return []
        bound = self.signature.bind(*args, **kwargs)
        bound.apply_defaults()
        found = [(bound.arguments[name], is_string) for name, is_string in self.wanted]
        return [
            repr(value) if is_string and not isinstance(value, (str, bytes, type(None))) else value
            for value, is_string in found
        ]


class _Traced(NamedTuple):
    """A traced function."""

    name: str
    probe: Probe
    arguments: _Arguments


class _Call:
    """A call that somebody watches, from its beginning to its end."""

    __slots__ = ("traced", "args", "kwargs", "start")

    def __init__(self, traced: _Traced, args: Tuple[Any, ...], kwargs: Dict[str, Any]):
        self.traced = traced
        self.args = args
        self.kwargs = kwargs

    def __enter__(self) -> None:
        self.start = time.perf_counter_ns()

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        nanoseconds = time.perf_counter_ns() - self.start
        if _thread.busy:
            return
        _thread.busy = True
        try:
            self.traced.probe.fire(lambda: self._fired(nanoseconds, kind))
        finally:
            _thread.busy = False

    def _fired(self, nanoseconds: int, kind: Optional[Type[BaseException]]) -> List[Any]:
        exception = kind.__qualname__ if kind else ""
        values = self.traced.arguments.values(self.args, self.kwargs)
        return [self.traced.name, nanoseconds, exception, *values]


# A wrapper is of the same kind as its function, for frameworks look at that.


def _wrap_function(function: Callable[..., Any], traced: _Traced) -> Callable[..., Any]:
    probe = traced.probe

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        if not probe.enabled:
            return function(*args, **kwargs)
        with _Call(traced, args, kwargs):
            return function(*args, **kwargs)

    return wrapper


def _wrap_generator(function: Callable[..., Any], traced: _Traced) -> Callable[..., Any]:
    probe = traced.probe

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        if not probe.enabled:
            return (yield from function(*args, **kwargs))
        with _Call(traced, args, kwargs):
            return (yield from function(*args, **kwargs))

    return wrapper


def _wrap_coroutine(function: Callable[..., Any], traced: _Traced) -> Callable[..., Any]:
    probe = traced.probe

    @functools.wraps(function)
    async def wrapper(*args: Any, **kwargs: Any) -> Any:
        if not probe.enabled:
            return await function(*args, **kwargs)
        with _Call(traced, args, kwargs):
            return await function(*args, **kwargs)

    return wrapper


def _wrap_async_generator(function: Callable[..., Any], traced: _Traced) -> Callable[..., Any]:
    """There is no `yield from` for these, so what is sent and thrown is passed on by hand."""
    probe = traced.probe

    @functools.wraps(function)
    async def wrapper(*args: Any, **kwargs: Any) -> Any:
        watched: ContextManager[None] = contextlib.nullcontext()
        if probe.enabled:
            watched = _Call(traced, args, kwargs)
        with watched:
            generator = function(*args, **kwargs)
            try:
                value = await generator.__anext__()
                while True:
                    try:
                        sent = yield value
                    except GeneratorExit:
                        await generator.aclose()
                        raise
                    except BaseException as error:
                        value = await generator.athrow(error)
                    else:
                        value = await generator.asend(sent)
            except StopAsyncIteration:
                pass

    return wrapper


_Wrap = Callable[[Callable[..., Any], _Traced], Callable[..., Any]]
_WRAPS: List[Tuple[Callable[[object], bool], _Wrap]] = [
    (inspect.iscoroutinefunction, _wrap_coroutine),
    (inspect.isasyncgenfunction, _wrap_async_generator),
    (inspect.isgeneratorfunction, _wrap_generator),
    (inspect.isroutine, _wrap_function),
]


def _probe_name(function: Callable[..., Any]) -> str:
    """Of Cart.total it is Cart_total; of a function within a function, its own name."""
    return tracer_name(function.__qualname__.rpartition("<locals>.")[2], 127)


@overload
def trace(function: _Function, /) -> _Function: ...
@overload
def trace(
    *,
    provider: Union[Provider, str, None] = None,
    name: Optional[str] = None,
    arguments: str = "",
) -> Callable[[_Function], _Function]: ...
def trace(
    function: Optional[Callable[..., Any]] = None,
    /,
    *,
    provider: Union[Provider, str, None] = None,
    name: Optional[str] = None,
    arguments: str = "",
) -> Callable[..., Any]:
    """Fire a probe at the end of each call of a function, while somebody watches.

        @rst.trace
        def total(cart): ...

        @rst.trace(provider="shop", arguments="uint64 order, string customer")
        async def checkout(order, customer): ...

        rst.load()

    The probe's arguments are

        string function        the function's qualified name, as "Cart.total"
        int64 nanoseconds      from the beginning of the call to its end, waiting included
        string exception       the class of what the call ended with, as "ValueError"; "" if with none

    and then those of the call's arguments that `arguments` names, by their parameters' names and
    librst's types. As a string, an object that isn't one is shown as repr() shows it, as it is at
    the end of the call. A call is fired if somebody watched when it began.

    Coroutines, generators and asynchronous generators are measured from their first step to their
    end; one that is closed before ends with GeneratorExit. Above @classmethod or @staticmethod,
    `trace` does what it does below them. The function gets a wrapper of the same kind, with its name,
    its documentation and, for inspect, its parameters.

    `provider` is a Provider, or the name of one that modules share (see rst.provider()), which
    rst.load() loads; by default that of the function's module: shop_cart for shop.cart. `name` is the
    probe's, by default the function's: Cart_total.

    An error in firing, as one that a repr() raises, is logged once, and not raised. While it fires, a
    thread is not traced.
    """
    if function is None:
        return functools.partial(_trace, provider=provider, name=name, arguments=arguments)
    return _trace(function, provider=provider, name=name, arguments=arguments)


def _trace(
    function: Callable[..., Any],
    provider: Union[Provider, str, None],
    name: Optional[str],
    arguments: str,
) -> Callable[..., Any]:
    if isinstance(function, (classmethod, staticmethod)):
        wrapped = _trace(function.__func__, provider, name, arguments)
        return cast(Callable[..., Any], type(function)(wrapped))
    wrap = next((wrap for is_kind, wrap in _WRAPS if is_kind(function)), None)
    if wrap is None:
        raise TypeError(f"trace() takes a function or method, not {function!r}")
    fired = _Arguments(function, arguments)
    owner = provider if provider is not None else function.__module__ or "python"
    signature = f"{_FIRED}, {arguments}" if arguments else _FIRED
    probe = probe_of(owner, name or _probe_name(function), signature)
    return wrap(function, _Traced(function.__qualname__, probe, fired))
