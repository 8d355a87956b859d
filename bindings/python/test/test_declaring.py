# SPDX-License-Identifier: MIT
"""Providers and probes are declared, or refused; also where librst isn't built."""

import copy
import os
import pickle

import pytest
import rst
from rst import _nothing, _rst

BOTH = pytest.mark.parametrize("module", [_rst, _nothing], ids=["rst", "nothing"])


@pytest.fixture
def shop(module):
    one = module.Provider("shop")
    yield one
    one.close()


@BOTH
class TestOnBoth:
    def test_a_signature_is_kept_in_its_plain_form(self, shop):
        probe = shop.probe("checkout", " uint64  order ,string customer,bool")
        assert probe.signature == "uint64 order, string customer, bool"
        assert (probe.name, probe.provider, probe.path) == ("checkout", shop, None)
        assert repr(probe) == "<rst.Probe shop:checkout(uint64 order, string customer, bool)>"

    def test_without_a_signature_there_are_no_arguments(self, shop):
        assert shop.probe("a").signature == ""
        assert shop.probe("b", "").signature == ""

    def test_keywords_take_pythons_types_and_librsts(self, shop):
        probe = shop.probe("a", i=int, f=float, s=str, y=bytes, b=bool, u="uint8", p="pointer")
        wanted = "int64 i, double f, string s, string y, bool b, uint8 u, pointer p"
        assert probe.signature == wanted

    def test_arguments_may_be_called_as_the_parameters_are(self, shop):
        assert shop.probe("a", name=str, signature=int, self=int).signature == (
            "string name, int64 signature, int64 self"
        )

    @pytest.mark.parametrize("given", [list, None, 8, object(), "uint7", ""])
    def test_other_types_are_refused(self, shop, module, given):
        with pytest.raises(module.InvalidError, match="a|type"):
            shop.probe("a", a=given)

    @pytest.mark.parametrize("name", ["ä", "\ud800", "a\0b", "a b"])
    def test_names_that_cannot_be_are_refused(self, shop, module, name):
        for declare in (
            lambda: module.Provider(name),
            lambda: shop.probe(name),
            lambda: shop.probe("a", f"int8 {name}"),
            lambda: shop.probe("a", **{name: int}),
        ):
            if name == "a b" and declare.__code__.co_consts:
                continue  # the signature "int8 a b" is of another kind, and tested elsewhere
            with pytest.raises(module.InvalidError):
                declare()

    @pytest.mark.parametrize("name", [None, 7, b"shop"])
    def test_names_are_strings(self, shop, module, name):
        with pytest.raises(TypeError, match="must be a str, not "):
            module.Provider(name)
        with pytest.raises(TypeError, match="must be a str, not "):
            shop.probe(name)
        with pytest.raises(TypeError, match="signature must be a str, not "):
            shop.probe("a", name)

    def test_a_signature_and_keywords_are_one_too_many(self, shop):
        with pytest.raises(TypeError, match="not by both"):
            shop.probe("a", "int8", b=int)

    def test_a_probe_is_declared_once_in_the_process(self, shop, module):
        shop.probe("checkout", order=int)
        with pytest.raises(module.ExistsError, match="shop:checkout"):
            shop.probe("checkout", order=int)
        other = module.Provider("shop")
        with pytest.raises(module.ExistsError, match="shop:checkout"):
            other.probe("checkout")
        other.probe("refund")
        other.close()

    def test_a_closed_providers_names_are_free_again(self, shop, module):
        first = shop.probe("checkout")
        shop.close()
        shop.close()
        assert shop.closed and not shop.loaded and repr(shop) == "<rst.Provider shop, closed>"
        assert not first.fire() and not first.enabled and first.path is None
        other = module.Provider("shop")
        assert other.probe("checkout").name == "checkout"
        for use in shop.load, shop.__enter__, lambda: shop.probe("a"):
            with pytest.raises(module.InvalidError, match="provider shop is closed"):
                use()
        shop.unload()
        assert shop.probes == ()
        other.close()

    def test_a_provider_knows_its_probes_in_order(self, shop):
        made = [shop.probe(name) for name in ("c", "a", "b")]
        assert shop.probes == tuple(made)
        assert all(one is other for one, other in zip(shop.probes, made))
        del made
        assert [probe.name for probe in shop.probes] == ["c", "a", "b"]

    def test_a_probe_is_made_by_its_provider(self, module):
        with pytest.raises(TypeError, match=r"is made by Provider\.probe\(\)"):
            module.Probe()

    def test_neither_is_copied_or_pickled(self, shop):
        probe = shop.probe("a")
        for attempt in pickle.dumps, copy.copy, copy.deepcopy:
            for one in probe, shop:
                with pytest.raises(TypeError, match="pickle"):
                    attempt(one)

    @pytest.mark.parametrize("backing", ["memory", "", "file\0"])
    def test_unknown_backings_are_refused(self, module, backing):
        with pytest.raises(module.InvalidError, match="backing"):
            module.Provider("shop", backing=backing)

    def test_a_relative_directory_is_refused(self, module):
        with pytest.raises(module.InvalidError, match="here.* is not (an )?absolute"):
            module.Provider("shop", backing="file", directory="here")

    def test_errors_are_told_apart_by_class_and_kind(self, module):
        for name, kind, also in (
            ("InvalidError", "invalid", ValueError),
            ("ExistsError", "exists", ValueError),
            ("ArityError", "arity", TypeError),
            ("ValueTypeError", "type", TypeError),
            ("RangeError", "range", OverflowError),
            ("LoadError", "load", OSError),
        ):
            found = getattr(module, name)
            assert issubclass(found, module.Error) and issubclass(found, also)
            assert (found.kind, found.__module__, bool(found.__doc__)) == (kind, "rst", True)
        assert module.Error.kind == "error"
        assert module.LoadError(13, "no").errno == 13


def test_a_system_without_librst_has_the_same_names():
    assert {name for name in dir(_nothing) if name in rst.__all__} == {
        name for name in dir(_rst) if name in rst.__all__
    }
    for kind in "Provider", "Probe":
        ours, theirs = getattr(_rst, kind), getattr(_nothing, kind)
        public = {name for name in vars(ours) if not name.startswith("_")}
        assert public == {name for name in vars(theirs) if not name.startswith("_")}


def test_where_librst_is_not_built_everything_does_nothing(target):
    script = """
        shop = rst.Provider("shop")
        with shop:
            probe = shop.probe("a", b=int)
        say(rst.Provider.__module__, shop.load(), shop.loaded, probe.fire(1), probe.enabled)

        @rst.trace
        def f():
            return 7

        say(f(), rst.load(), probe.fire(lambda: 1 / 0))
    """
    hidden = target(script, before="import sys; sys.modules['rst._rst'] = None")
    assert hidden.finish() == ["rst._nothing False False False False", "7 False False"]


def test_a_directory_may_be_a_path(tmp_path, provider):
    os.chmod(tmp_path, 0o700)
    with rst.Provider("filed", backing="file", directory=tmp_path) as filed:
        probe = filed.probe("a")
        assert filed.load()
        assert probe.path.startswith(f"{os.path.realpath(tmp_path)}/librst-")
    assert probe.path is None
