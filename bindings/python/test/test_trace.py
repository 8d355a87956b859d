# SPDX-License-Identifier: MIT
"""The decorator `trace`."""

import asyncio
import functools
import inspect
import threading

import pytest
import rst
from support.watching import Watch, lines_of_bpftrace

FIRED = "string function, int64 nanoseconds, string exception"


@pytest.fixture
def traced(provider):
    """`trace` with the provider of the test."""
    return functools.partial(rst.trace, provider=provider)


@pytest.fixture
def watched(provider, uprobes):
    """Watches the probes that the provider has, and says how often they were hit."""
    watches = []

    def watch():
        provider.load()
        watches.append(Watch(*provider.probes, this_thread=True))
        return watches[-1]

    yield watch
    for one in watches:
        one.close()


def test_a_wrapper_is_as_its_function(traced):
    def plain(a, b: int = 2, *rest, c, **more) -> str:
        """What it does."""
        return f"{a} {b} {rest} {c} {more}"

    wrapper = traced()(plain)
    assert wrapper(1, 3, 4, c=5, d=6) == "1 3 (4,) 5 {'d': 6}"
    assert (wrapper.__name__, wrapper.__doc__) == ("plain", "What it does.")
    assert wrapper.__qualname__ == plain.__qualname__ and wrapper.__wrapped__ is plain
    assert inspect.signature(wrapper) == inspect.signature(plain)
    with pytest.raises(TypeError, match="plain"):
        wrapper()


def test_kinds_of_functions_stay_their_kind(traced):
    async def coroutine():
        pass

    def generator():
        yield

    async def async_generator():
        yield

    for function, is_kind in (
        (coroutine, inspect.iscoroutinefunction),
        (generator, inspect.isgeneratorfunction),
        (async_generator, inspect.isasyncgenfunction),
    ):
        assert is_kind(traced()(function))


def test_names_come_from_the_module_and_the_function(provider):
    class Cart:
        @rst.trace
        def total(self):
            return 7

        @classmethod
        @rst.trace
        def find(cls):
            return cls

        @rst.trace
        @staticmethod
        def count():
            return 3

        @rst.trace
        @classmethod
        def make(cls):
            return cls()

    shared = rst.provider(__name__)
    assert Cart().total() == 7 and Cart.find() is Cart and Cart.count() == 3
    assert isinstance(Cart.make(), Cart)
    names = [probe.name for probe in shared.probes]
    assert names == ["Cart_total", "Cart_find", "Cart_count", "Cart_make"]
    assert {probe.signature for probe in shared.probes} == {FIRED}
    shared.close()
    rst.trace(provider=provider, name="total")(Cart.total)
    rst.trace(provider="shop")(len)
    assert [probe.name for probe in provider.probes] == ["total"]
    assert rst.provider("shop").probes[0].name == "len"
    rst.provider("shop").close()


def test_what_is_no_function_is_refused(traced):
    for thing in 7, int, property(lambda self: 1), "name":
        with pytest.raises(TypeError, match=r"trace\(\) takes a function"):
            traced()(thing)


def test_arguments_are_a_type_and_a_parameter(traced):
    def function(order, customer):
        pass

    for arguments in "uint64 number", "uint64", "uint64 order, ", "order", "uint64 order customer":
        with pytest.raises(rst.InvalidError):
            traced(arguments=arguments, name="bad")(function)


def test_a_function_that_is_made_again_shares_its_probe(traced, provider):
    def make():
        @traced(name="made")
        def function():
            pass

        return function

    assert make() is not make()
    assert len(provider.probes) == 1
    with pytest.raises(rst.ExistsError):
        traced(name="made", arguments="int8 a")(lambda a: a)


def test_calls_are_fired_however_they_end(traced, watched):
    @traced()
    def divide(a, b):
        return a / b

    assert divide(1, 2) == 0.5
    watch = watched()
    assert divide(1, 2) == 0.5
    with pytest.raises(ZeroDivisionError):
        divide(1, 0)
    assert watch.hits == 2


def test_generators_are_fired_when_they_end(traced, watched):
    @traced()
    def numbers(count):
        got = []
        try:
            for number in range(count):
                got.append((yield number))
        except KeyError:
            yield "caught"
        return got

    watch = watched()
    assert list(numbers(3)) == [0, 1, 2]
    assert watch.hits == 1
    one = numbers(2)
    assert (next(one), one.send("sent")) == (0, 1)
    with pytest.raises(StopIteration) as end:
        one.send("too")
    assert end.value.value == ["sent", "too"] and watch.hits == 2
    one = numbers(2)
    next(one)
    assert one.throw(KeyError()) == "caught" and watch.hits == 2
    one.close()
    assert watch.hits == 3
    one = numbers(2)
    next(one)
    with pytest.raises(ValueError):
        one.throw(ValueError())
    assert watch.hits == 4


def test_coroutines_are_fired_when_they_end(traced, watched):
    @traced()
    async def slow(fails=False):
        await asyncio.sleep(0)
        if fails:
            raise ValueError
        return 7

    async def cancelled():
        task = asyncio.create_task(slow_forever())
        await asyncio.sleep(0)
        task.cancel()
        await task

    @traced()
    async def slow_forever():
        await asyncio.Event().wait()

    watch = watched()
    assert asyncio.run(slow()) == 7
    with pytest.raises(ValueError):
        asyncio.run(slow(fails=True))
    assert watch.hits == 2
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(cancelled())
    assert watch.hits == 3


@pytest.mark.parametrize("is_watched", [False, True])
def test_asynchronous_generators_are_fired_when_they_end(traced, request, is_watched):
    closed = []

    @traced(name="numbers")
    async def numbers(count):
        try:
            for number in range(count):
                try:
                    sent = yield number
                    if sent:
                        yield sent
                except KeyError:
                    yield "caught"
        finally:
            closed.append(count)

    async def main():
        assert [number async for number in numbers(3)] == [0, 1, 2]
        one = numbers(2)
        assert await one.asend(None) == 0
        assert await one.asend("sent") == "sent"
        assert await one.asend(None) == 1
        assert await one.athrow(KeyError()) == "caught"
        await one.aclose()
        one = numbers(4)
        await one.asend(None)
        with pytest.raises(ValueError):
            await one.athrow(ValueError())

    watch = request.getfixturevalue("watched")() if is_watched else None
    asyncio.run(main())
    assert closed == [3, 2, 4]
    assert watch is None or watch.hits == 3


def test_mistakes_in_firing_are_logged_once(traced, watched, caplog):
    class Broken:
        def __repr__(self):
            raise RuntimeError("no")

    @traced(arguments="uint8 order, string thing")
    def function(order, thing=None):
        return order

    watch = watched()
    for _ in range(2):
        assert function(256) == 256
        assert function(1, Broken()) == 1
    assert watch.hits == 0 and len(caplog.records) == 1
    assert "shop:function: not fired: argument" not in caplog.text
    assert "RangeError" in caplog.text
    assert function(1) == 1 and watch.hits == 1


def test_what_it_calls_itself_is_not_traced(traced, watched):
    class Shown:
        @traced(name="repr", arguments="string self")
        def __repr__(self):
            return "shown"

    watch = watched()
    assert repr(Shown()) == "shown"
    assert watch.hits == 1


def test_threads_are_traced_at_once(traced, provider, uprobes):
    @traced()
    def function():
        return 1

    provider.load()
    with Watch(*provider.probes) as watch:
        threads = [
            threading.Thread(target=lambda: [function() for _ in range(100)]) for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert watch.hits == 400


def test_a_tracer_sees_names_times_exceptions_and_arguments(target, bpftrace):
    one = target(
        """
        import asyncio, time

        class Cart:
            @rst.trace(provider="shop", arguments="string self, int32 cents, string note")
            def add(self, cents, note="none"):
                time.sleep(0.002)
                if cents < 0:
                    raise ValueError(cents)

            def __repr__(self):
                return "<cart>"

        @rst.trace(provider="shop")
        async def pay():
            await asyncio.sleep(0.002)

        @rst.trace(provider="shop")
        def items():
            yield 1

        rst.load()
        wait()
        Cart().add(250, note="gift")
        try:
            Cart().add(-1)
        except ValueError:
            pass
        asyncio.run(pay())
        next(items())
        """
    )
    took = "arg1 >= 2000000 && arg1 < 2000000000"
    program = (
        f'usdt:*:shop:Cart_add {{ printf("%s %d <%s> %s %d %s\\n", str(arg0), {took}, str(arg2),'
        f" str(arg3), arg4, str(arg5)); }}"
        f'usdt:*:shop:pay {{ printf("%s %d <%s>\\n", str(arg0), {took}, str(arg2)); }}'
        f'usdt:*:shop:items {{ printf("%s <%s>\\n", str(arg0), str(arg2)); }}'
    )
    assert lines_of_bpftrace(one, program) == [
        "Cart.add 1 <> <cart> 250 gift",
        "Cart.add 1 <ValueError> <cart> -1 none",
        "pay 1 <>",
        "items <GeneratorExit>",
    ]


def test_any_function_has_a_name_for_its_probe(provider):
    def function(): ...

    for qualified, name in [("x" * 127 + ".total", "x" * 121 + "_total"), ("2nd", "_2nd")]:
        function.__qualname__ = qualified
        rst.trace(provider=provider)(function)
        assert provider.probes[-1].name == name
