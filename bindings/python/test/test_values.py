# SPDX-License-Identifier: MIT
"""Values are taken or refused, and in the same way whether or not somebody watches."""

import contextlib
import enum
import math
from decimal import Decimal
from fractions import Fraction

import pytest
import rst
from rst import _nothing, _rst
from support.watching import Watch


class Indexed:
    def __init__(self, value):
        self.value = value

    def __index__(self):
        return self.value


class Real:
    def __init__(self, value):
        self.value = value

    def __float__(self):
        return self.value


class Raises:
    def __index__(self):
        raise KeyError("index")

    def __float__(self):
        raise KeyError("float")


class Text(str):
    pass


class Data(bytes):
    pass


class Colour(enum.IntEnum):
    RED = 3


class Size(enum.Enum):
    BIG = 3


INTEGERS = [f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)]

# What a type takes beyond what the conformance test fires, and what it refuses as which error.
TAKEN = {
    **{kind: [True, Colour.RED, Indexed(7)] for kind in [*INTEGERS, "pointer"]},
    "bool": [],
    "float": [1e300, math.nan, True, Indexed(7), Real(0.5), Decimal("0.5"), Fraction(1, 2)],
    "double": [math.nan, 2**1000, Colour.RED, Indexed(7), Real(0.5), Decimal("0.5"), Fraction(1, 2)],
    "string": [b"bytes", Text("Ada"), Data(b"Ada"), "\ud800", "name\udce4", "x" * 10**6],
}
MISTAKES = {
    **{kind: [1.0, "7", b"7", Size.BIG, [], Decimal(1), 1j, int, Real(1.0)] for kind in INTEGERS},
    "pointer": [1.0, "7", b"7", Size.BIG, []],
    "bool": [0, 1, None, "true", Indexed(1)],
    "float": ["1", b"1", None, [], 1j, Size.BIG],
    "double": ["1", b"1", None, [], 1j, Size.BIG],
    "string": [7, 0.5, [], bytearray(b"x"), memoryview(b"x"), Size.BIG],
}
OUT_OF_RANGE = {
    **{kind: [Indexed(-(2**64)), Indexed(2**64), 2**200] for kind in [*INTEGERS, "pointer"]},
    "float": [10**400],
    "double": [10**400, -(10**5000)],
}
WAYS = ["nothing", "unwatched", "watched"]


@pytest.fixture(scope="module", params=WAYS)
def watched(request):
    return request.param


@pytest.fixture(scope="module")
def probes(request, watched):
    """A probe of each type, in each of three ways. The kernel takes its time to end a watch."""
    if watched == "watched":
        request.getfixturevalue("uprobes")
    module = _nothing if watched == "nothing" else _rst
    shop = module.Provider("values")
    made = {kind: shop.probe(f"of_{kind}", f"{kind} value") for kind in TAKEN}
    shop.load()
    with contextlib.ExitStack() as stack:
        if watched == "watched":
            stack.enter_context(Watch(*made.values(), this_thread=True))
        yield made
    shop.close()


@pytest.mark.parametrize("kind", TAKEN)
def test_a_type_takes_what_it_can_hold(probes, kind, watched):
    for value in TAKEN[kind]:
        assert probes[kind].fire(value) is (watched == "watched"), value


@pytest.mark.parametrize("kind", MISTAKES)
def test_a_type_refuses_other_types(probes, kind, watched):
    module = _nothing if watched == "nothing" else rst
    for value in MISTAKES[kind]:
        if value is int:
            continue  # what can be called is called
        with pytest.raises(module.ValueTypeError, match=r"values:of_\w+: argument 1 \(value\) must"):
            probes[kind].fire(value)


@pytest.mark.parametrize("kind", OUT_OF_RANGE)
def test_a_type_refuses_what_it_cannot_hold(probes, kind, watched):
    module = _nothing if watched == "nothing" else rst
    for value in OUT_OF_RANGE[kind]:
        with pytest.raises(module.RangeError, match=r"values:of_\w+: argument 1 \(value\) must"):
            probes[kind].fire(value)


def test_what_a_values_own_method_raises_is_raised(probes, watched):
    for kind in "int32", "double", "pointer":
        with pytest.raises(KeyError):
            probes[kind].fire(Raises())


class TestMessages:
    @pytest.fixture
    def probe(self, provider):
        return provider.probe("checkout", "uint8 order, string, double rate, pointer")

    @pytest.mark.parametrize(
        "values, message",
        [
            ((), "shop:checkout: got 0 values, expected 4 (uint8 order, string, double rate, pointer)"),
            ((1,), "shop:checkout: got 1 value, expected 4 (uint8 order, string, double rate, pointer)"),
            (
                (256, "", 0.0, 0),
                "shop:checkout: argument 1 (order) must be an int from 0 to 255, not 256 (int)",
            ),
            (
                ("7", "", 0.0, 0),
                "shop:checkout: argument 1 (order) must be an int from 0 to 255, not '7' (str)",
            ),
            (
                (1, 2.5, 0.0, 0),
                "shop:checkout: argument 2 must be a str, bytes or None, not 2.5 (float)",
            ),
            (
                (1, "", None, 0),
                "shop:checkout: argument 3 (rate) must be a float or an int, not None",
            ),
            (
                (1, "", 1, []),
                "shop:checkout: argument 4 must be None or an int from 0 to 18446744073709551615, "
                "not an object of type list",
            ),
        ],
    )
    def test_a_message_says_what_would_be_right(self, probe, values, message):
        with pytest.raises(rst.Error) as raised:
            probe.fire(*values)
        assert str(raised.value) == message

    def test_a_probe_without_arguments_says_so(self, provider):
        with pytest.raises(rst.ArityError, match="^shop:none: got 2 values, expected 0$"):
            provider.probe("none").fire(1, 2)

    def test_a_message_is_short(self, probe):
        for value in "x" * 10**6, 10**4000, 10**5000, -(10**5000):
            with pytest.raises(rst.Error) as raised:
                probe.fire(1, "", 0.5, value)
            assert len(str(raised.value)) < 200
