# SPDX-License-Identifier: MIT
"""Firing: by values and by functions, with nobody watching and while somebody watches."""

import gc
import logging
import sys
import threading

import pytest
import rst
from support.watching import Watch


@pytest.fixture
def pair(provider):
    probe = provider.probe("checkout", order=int, customer=str)
    provider.load()
    return probe


@pytest.fixture
def watch(uprobes, pair):
    with Watch(pair, this_thread=True) as watching:
        yield watching


def test_unwatched_nothing_is_called(pair):
    called = []
    assert not pair.enabled
    assert pair.fire(lambda: called.append(1)) is False
    assert pair.fire(1, "Ada") is False
    assert called == []


def test_watched_every_fire_is_a_hit(pair, watch):
    assert pair.enabled
    for number in range(10):
        assert pair.fire(number, "Ada") is True
        assert pair.fire(lambda: (number, "Ada")) is True
        assert pair.fire(lambda: [number, "Ada"]) is True
    assert watch.hits == 30
    watch.close()
    assert not pair.enabled and not pair.fire(1, "Ada")


def test_a_function_may_give_the_value_of_one_argument(provider, uprobes):
    one = provider.probe("one", text=str)
    none = provider.probe("none")
    provider.load()
    with Watch(one, none, this_thread=True) as watch:
        for values in "Ada", None, ("Ada",), ["Ada"]:
            assert one.fire(lambda: values)
        assert none.fire() and none.fire(lambda: None) and none.fire(lambda: ())
        assert watch.hits == 7


@pytest.mark.parametrize(
    "function",
    [
        lambda: 1 / 0,
        lambda: None,
        lambda: (1,),
        lambda: (1, 2),
        lambda: (2**63, ""),
        lambda missing: (1, ""),
        dict,
    ],
    ids=["raises", "none", "arity", "type", "range", "parameter", "dict"],
)
def test_a_functions_mistakes_are_logged_once_and_not_raised(pair, watch, caplog, function):
    for _ in range(3):
        assert pair.fire(function) is False
    (record,) = caplog.records
    assert (record.name, record.levelno) == ("rst", logging.ERROR)
    assert record.getMessage().startswith("shop:checkout: not fired: ")
    assert record.getMessage().endswith(" (logged once)")
    assert record.exc_info[1] is not None
    assert watch.hits == 0
    assert pair.fire(lambda: (1, "Ada")) is True


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit, GeneratorExit])
def test_what_is_no_mistake_of_a_function_is_raised(pair, watch, caplog, kind):
    def function():
        raise kind

    with pytest.raises(kind):
        pair.fire(function)
    assert not caplog.records


def test_a_log_that_fails_harms_nothing(pair, watch, monkeypatch):
    unraisable = []
    monkeypatch.setattr(sys, "unraisablehook", unraisable.append)
    monkeypatch.setitem(sys.modules, "rst._report", None)
    assert pair.fire(lambda: 1 / 0) is False
    assert [hook.object for hook in unraisable] == [pair]


def test_mistakes_are_raised_although_nobody_watches(pair):
    for values, error in (
        ((), rst.ArityError),
        ((1,), rst.ArityError),
        ((1, "Ada", 3), rst.ArityError),
        (("1", "Ada"), rst.ValueTypeError),
        ((2**63, "Ada"), rst.RangeError),
    ):
        with pytest.raises(error):
            pair.fire(*values)


def test_keywords_are_not_taken(pair):
    with pytest.raises(TypeError):
        pair.fire(order=1, customer="Ada")


def test_an_unwatched_fire_allocates_nothing(provider):
    every = provider.probe("every", "int64, uint32, double, bool, string, pointer")
    values = (-5, 5, 0.5, True, "Grüße", 0)
    function = lambda: values  # noqa: E731
    provider.load()

    def fires(times):
        for _ in range(times):
            every.fire(*values)
            every.fire(function)
            every.enabled

    # A tuple is made for each `*values`, and goes again.
    fires(100)
    gc.disable()
    try:
        before = sys.getallocatedblocks()
        fires(1000)
        assert sys.getallocatedblocks() - before < 100
    finally:
        gc.enable()


def test_a_watched_fire_keeps_nothing(provider, uprobes):
    text = provider.probe("text", "string, string")
    provider.load()
    values = "Grüße", "\ud800 and more"
    with Watch(text, this_thread=True) as watch:
        for _ in range(10):
            text.fire(*values)
        before = sys.getallocatedblocks()
        references = [sys.getrefcount(value) for value in values]
        for _ in range(1000):
            text.fire(*values)
        assert sys.getallocatedblocks() - before < 100
        assert [sys.getrefcount(value) for value in values] == references
        assert watch.hits == 1010


class Closes:
    """Closes a provider when it is taken as a value."""

    def __init__(self, provider):
        self.provider = provider

    def __index__(self):
        self.provider.close()
        return 7


def test_a_value_may_close_the_provider(pair, provider, watch):
    assert pair.fire(Closes(provider), "Ada") is False
    assert watch.hits == 0


def test_a_function_may_close_or_unload_or_load_the_provider(pair, provider, watch):
    def function(change):
        change()
        return 1, "Ada"

    assert pair.fire(lambda: function(provider.load)) is True
    assert pair.fire(lambda: function(provider.unload)) is False
    provider.load()
    assert pair.fire(lambda: function(provider.close)) is False
    assert watch.hits == 1


def test_a_function_may_fire_the_same_probe(pair, watch):
    assert pair.fire(lambda: (int(pair.fire(2, "inner")), "outer")) is True
    assert watch.hits == 2


def test_a_returned_list_may_change_while_its_values_are_taken(pair, watch):
    values = []

    class Clears:
        def __index__(self):
            values.clear()
            return 7

    values += [Clears(), "Ada"]
    assert pair.fire(lambda: values) is True
    assert watch.hits == 1


def test_threads_fire_while_others_load_and_unload(pair, provider, uprobes):
    watch = Watch(pair)
    fired = []
    rounds = 200
    done = threading.Event()

    def fire():
        count = 0
        while not done.is_set():
            count += pair.fire(count, "Ada")
        fired.append(count)

    threads = [threading.Thread(target=fire) for _ in range(4)]
    for thread in threads:
        thread.start()
    for number in range(rounds):
        provider.unload()
        provider.load()
        provider.probe(f"more_{number}") if number % 20 == 0 else None
    assert pair.fire(0, "last")
    done.set()
    for thread in threads:
        thread.join()
    with watch:
        assert 0 < watch.hits <= sum(fired) + 1
