# SPDX-License-Identifier: MIT
"""Providers that modules share by name, and rst.load()."""

import pytest
import rst
from rst._shared import probe_of


@pytest.fixture
def shared():
    made = []

    def provider(name):
        made.append(rst.provider(name))
        return made[-1]

    yield provider
    for one in made:
        one.close()


def test_a_name_stands_for_one_provider(shared):
    assert shared("a.b") is shared("a_b") is shared("a-b")
    assert shared("a.b").name == "a_b"


@pytest.mark.parametrize(
    "module, name",
    [
        ("a." * 29 + "b", "_" + "a_" * 28 + "b"),
        ("a" * 58, "a" * 58),
        ("2024.report", "_2024_report"),
        ("x" * 9 + "7" + "." * 57, "_" * 58),
        ("7" * 58, "_" + "7" * 57),
    ],
)
def test_every_modules_name_can_be_a_providers(shared, module, name):
    assert shared(module).name == name


def test_a_closed_one_is_made_again(shared):
    first = shared("again")
    first.close()
    assert shared("again") is not first
    assert not shared("again").closed


def test_load_loads_all_of_them(shared):
    one, two, closed = shared("one"), shared("two"), shared("three")
    probes = one.probe("a"), two.probe("b")
    closed.close()
    assert rst.load() is True
    assert all(probe.path for probe in probes)


def test_load_says_if_nothing_can_be_seen(shared, monkeypatch):
    monkeypatch.setenv("RST_DISABLE", "1")
    shared("one").probe("a")
    assert rst.load() is False


def test_load_goes_on_after_one_that_fails(shared, tmp_path, monkeypatch):
    shared("first_fails")
    broken = rst.Provider("broken", backing="file", directory="/proc/self")
    broken.probe("a")
    good = shared("good").probe("a")
    from rst import _shared

    monkeypatch.setitem(_shared._providers, "first_fails", broken)
    with pytest.raises(rst.LoadError):
        rst.load()
    assert good.path


def test_declaring_a_probe_does_not_look_at_the_others(provider):
    class Owner:  # thousands of traced functions can have one provider
        probe = provider.probe

        @property
        def probes(self):
            pytest.fail("it looked at all probes")

    made = probe_of(Owner(), "a", "int8 b")
    assert probe_of(provider, "a", "int8 b") is made
    with pytest.raises(rst.ExistsError):
        probe_of(provider, "a", "int16 b")
