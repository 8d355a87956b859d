# SPDX-License-Identifier: MIT
"""rst.stapsdt has python-stapsdt's interface."""

import gc

import pytest
import rst
from rst import stapsdt
from rst.stapsdt import ArgTypes
from support.watching import Watch, lines_of_bpftrace


def test_its_types_are_python_stapsdts():
    assert [(kind.name, kind.value) for kind in ArgTypes] == [
        ("noarg", 0),
        ("uint8", 1),
        ("int8", -1),
        ("uint16", 2),
        ("int16", -2),
        ("uint32", 4),
        ("int32", -4),
        ("uint64", 8),
        ("int64", -8),
    ]


def test_a_probe_fires_while_somebody_watches(uprobes):
    provider = stapsdt.Provider("pythonapp")
    probe = provider.add_probe("firstProbe", ArgTypes.uint64, ArgTypes.int32)
    assert not probe.is_enabled and probe.fire("before", 1) is False
    assert provider.load() is False  # what libstapsdt gives for success, as a bool
    assert probe.fire("unwatched", 42) is False
    with Watch(probe._probe, this_thread=True) as watch:
        assert probe.is_enabled
        for values in ("My little probe", 42), (b"bytes", -1), (None, 2**40), (7,), (1, 2, 3), ():
            assert probe.fire(*values) is True
        with pytest.raises(TypeError, match="0.5 must be an int, a str, bytes or None"):
            probe.fire(0.5, 1)
        assert watch.hits == 6
        assert provider.unload() is False
        assert probe.fire("unloaded", 1) is False
        with pytest.raises(TypeError):
            probe.fire(0.5, 1)  # a tracer does not change what a program does
    assert (str(provider), provider.name) == ("pythonapp", "pythonapp")


def test_what_cannot_be_loaded_says_so(monkeypatch):
    provider = stapsdt.Provider("failing")
    provider.add_probe("a")
    monkeypatch.setenv("RST_BACKING", "paper")
    assert provider.load() is True


def test_names_become_possible():
    provider = stapsdt.Provider("my-app 1")
    assert str(provider) == "my-app 1"
    probe = provider.add_probe("2nd probe", ArgTypes.noarg)
    assert repr(probe._probe) == "<rst.Probe my_app_1:_2nd_probe()>"


def test_a_provider_that_is_gone_leaves_safe_probes():
    provider = stapsdt.Provider("gone")
    probe = provider.add_probe("a", ArgTypes.int8)
    provider.load()
    del provider
    gc.collect()
    assert probe.fire(1) is False and not probe.is_enabled
    again = stapsdt.Provider("gone")
    again.add_probe("a", ArgTypes.int8)
    with pytest.raises(rst.ExistsError):
        again.add_probe("a", ArgTypes.int8)


def test_a_tracer_sees_strings_and_cut_numbers(target, bpftrace):
    one = target(
        """
        from rst import stapsdt
        from rst.stapsdt import ArgTypes

        provider = stapsdt.Provider("pythonapp")
        probe = provider.add_probe(
            "firstProbe", ArgTypes.uint64, ArgTypes.int32, ArgTypes.uint8, ArgTypes.int8
        )
        provider.load()
        wait()
        for values in ("My little probe", 42, 300, 200), ("Grüße", -1, -1, -1), (b"b", 2**31):
            assert probe.fire(*values)
        """
    )
    program = (
        'usdt:*:pythonapp:firstProbe { printf("%s %ld %ld %ld\\n", str(arg0), arg1, arg2, arg3); }'
    )
    assert lines_of_bpftrace(one, program) == [
        "My little probe 42 44 -56",
        "Grüße -1 255 -1",
        "b -2147483648 0 0",
    ]
