# SPDX-License-Identifier: MIT
"""The life of providers: loads, unloads, garbage, interpreters and their ends."""

import errno
import gc
import os
import sys
import weakref

import pytest
import rst
from rst import _nothing

try:
    import _testcapi
except ImportError:  # Debian has it in a package of its own
    _testcapi = None

from support.watching import Watch


def only_if(condition):
    """A decorator for tests that other Pythons don't have: they are no skipped tests."""
    return lambda test: test if condition else None


def fail_each(action):
    """Run it with the first, the second ... of Python's allocations failing, and at last with none."""
    for number in range(1, 100):
        _testcapi.set_nomemory(number, number + 1)
        try:
            action()
        except (MemoryError, rst.Error):
            pass
        finally:
            _testcapi.remove_mem_hooks()
    action()


def images():
    """How many of librst's images this process has mapped."""
    with open("/proc/self/maps", encoding="utf-8") as maps:
        return sum(1 for line in maps if "librst-" in line and " r-xp " in line)


def test_a_load_shows_probes_and_an_unload_hides_them(provider):
    probe = provider.probe("a")
    assert (provider.loaded, probe.path) == (False, None)
    assert provider.load() is True
    assert provider.loaded and os.path.exists(probe.path)
    late = provider.probe("b")
    assert late.path is None
    assert provider.load() is True
    assert late.path is not None
    provider.unload()
    assert not provider.loaded and (probe.path, late.path) == (None, None)
    assert repr(provider) == "<rst.Provider shop, not loaded>"
    provider.unload()
    assert provider.load() is True and probe.path


def test_with_a_provider_it_is_loaded(provider):
    probe = provider.probe("a")
    for _ in range(2):
        with provider as entered:
            assert entered is provider and provider.loaded and probe.path
        assert not provider.loaded
    with pytest.raises(KeyError), provider:
        raise KeyError
    assert not provider.loaded


def test_rst_disable_makes_a_load_do_nothing(provider, monkeypatch):
    monkeypatch.setenv("RST_DISABLE", "1")
    probe = provider.probe("a")
    assert provider.load() is False
    assert not provider.loaded and probe.path is None and probe.fire() is False


def test_what_is_wrong_with_a_load_is_raised(provider, monkeypatch):
    provider.probe("a")
    monkeypatch.setenv("RST_BACKING", "file:/proc/self")
    with pytest.raises(rst.LoadError) as raised:
        provider.load()
    assert raised.value.errno in (errno.EACCES, errno.ENOENT, errno.EPERM)
    assert "/proc/" in str(raised.value)
    monkeypatch.setenv("RST_BACKING", "paper")
    with pytest.raises(rst.InvalidError, match="RST_BACKING"):
        provider.load()
    monkeypatch.setenv("RST_BACKING", "memfd")
    assert provider.load()


def test_a_probe_keeps_its_provider(uprobes):
    probe = rst.Provider("kept").probe("a")
    gc.collect()
    assert probe.provider.load()
    with Watch(probe, this_thread=True) as watch:
        assert probe.fire() and watch.hits == 1


def test_what_nobody_refers_to_is_freed():
    before = images()
    one = rst.Provider("dropped")
    probe = one.probe("a")
    one.load()
    assert images() == before + 1
    del one, probe  # without the collector, for there is no cycle
    assert images() == before
    assert rst.Provider("dropped").probe("a")


def test_where_nothing_is_built_it_is_freed_too():
    one = _nothing.Provider("dropped")
    kept, again = one.probe("a", "int8 b"), one.probe("c").name
    assert one.probes[0] is kept and [probe.name for probe in one.probes] == ["a", again]
    gone = weakref.ref(one)
    del one
    assert gone() is kept.provider
    with pytest.raises(_nothing.ExistsError):
        _nothing.Provider("dropped").probe("c")
    del kept
    assert gone() is None and _nothing.Provider("dropped").probe("c")


def test_a_cycle_with_a_probe_is_collected():
    class Holder:
        pass

    before = images()
    holder = Holder()
    holder.itself = holder
    holder.probe = rst.Provider("cycle").probe("a")
    holder.probe.provider.load()
    gone = weakref.ref(holder)
    assert gc.is_tracked(holder.probe) and gc.is_tracked(holder.probe.provider)
    del holder
    gc.collect()
    assert gone() is None and images() == before


# From Python 3.12 on, an allocation does not collect.
@only_if(sys.version_info < (3, 12))
def test_a_collection_may_close_the_provider_that_declares(provider):
    class Closes:
        def __init__(self):
            self.itself = self

        def __del__(self):
            provider.close()

    thresholds = gc.get_threshold()
    declare = provider.probe
    try:
        with pytest.raises(rst.InvalidError, match="the provider shop was closed meanwhile"):
            Closes()
            gc.set_threshold(1)
            declare("a")  # its first allocation is the probe's
    finally:
        gc.set_threshold(*thresholds)


def test_many_lives_leave_nothing():
    def live():
        one = rst.Provider("often")
        probes = [one.probe(f"p{number}", order=int, customer=str) for number in range(3)]
        one.load()
        one.unload()
        one.load()
        assert len(probes) == len(one.probes)

    for _ in range(5):
        live()
    fds, before, mapped = len(os.listdir("/proc/self/fd")), sys.getallocatedblocks(), images()
    for _ in range(100):
        live()
    assert len(os.listdir("/proc/self/fd")) == fds
    assert sys.getallocatedblocks() - before < 100
    assert images() == mapped


def test_the_interpreter_ends_with_providers_that_are_loaded(target, tmp_path):
    """In a module, in a cycle, in builtins, in a thread that is killed, in an exit handler."""
    os.chmod(tmp_path, 0o700)
    script = """
        import atexit, builtins, threading
        shop = rst.Provider("shop")
        probe = shop.probe("a", order=int)
        builtins.kept = rst.Provider("builtin").probe("b")
        builtins.kept.provider.load()
        cycle = [rst.Provider("cycle").probe("c")]
        cycle.append(cycle)
        shop.load()

        class Late:
            def __init__(self, probe):
                self.probe = probe
            def __del__(self):
                self.probe.fire(1)
                self.probe.fire(lambda: 1)
                self.probe.provider.close()

        late = Late(probe)
        cycle.append(Late(probe))
        started = threading.Event()

        def fire(probe=probe):
            started.set()
            while True:
                probe.fire(1)

        threading.Thread(target=fire, daemon=True).start()
        started.wait()
        atexit.register(lambda: say(probe.fire(1), shop.load()))
    """
    for _ in range(5):
        assert target(script, RST_BACKING=f"file:{tmp_path}").finish() == ["False True"]
    assert os.listdir(tmp_path) == []


INTERPRETERS = """
import os, sys
try:
    import _interpreters as interpreters
except ImportError:
    import _xxsubinterpreters as interpreters

def run(interpreter, text):
    failed = interpreters.run_string(interpreter, "import sys; sys.path = %r\\n" % sys.path + text)
    assert failed is None, failed
"""


def test_subinterpreters_have_types_and_providers_of_their_own(target):
    script = INTERPRETERS + """
shop = rst.Provider("shop")
probe = shop.probe("main")
shop.load()
text = '''
import os, rst
from rst import _rst
one = rst.Provider("shop")
probe = one.probe("sub%d", order=int)
assert one.load() and not probe.fire(1) and probe.path
try:
    one.probe("main")
except rst.ExistsError as error:
    assert type(error) is _rst.ExistsError
else:
    raise AssertionError
os.write(1, b"%d %%d\\\\n" %% id(rst.Provider))
'''
made = [interpreters.create() for _ in range(3)]
for number, interpreter in enumerate(made):
    run(interpreter, text % (number, number))
for interpreter in made:
    interpreters.destroy(interpreter)
again = shop.probe("sub0")  # the other's is gone
say("end", id(rst.Provider), shop.load(), again.path == probe.path)
"""
    lines = target(script.replace("\n", "\n        "), before="", options=["-W", "ignore"]).finish()
    types = [line.split()[1] for line in lines]
    assert len(set(types)) == len(types) == 4, lines
    assert lines[-1].endswith("True False")


@only_if(sys.version_info >= (3, 12))  # before, interpreters share a GIL
def test_interpreters_with_a_gil_of_their_own_fire_at_once(target):
    script = INTERPRETERS + """
import threading
text = '''
import rst
one = rst.Provider("own%d")
probe = one.probe("a", order=int, customer=str)
for number in range(20):
    one.load()
    for order in range(1000):
        probe.fire(order, "Ada")
    one.unload()
'''
def work(number):
    interpreter = interpreters.create()
    run(interpreter, text % number)
    interpreters.destroy(interpreter)

threads = [threading.Thread(target=work, args=[number]) for number in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
say("done")
"""
    lines = target(script.replace("\n", "\n        "), options=["-W", "ignore"]).finish()
    assert lines == ["done"]


def test_a_module_is_reloaded_after_its_provider_was_closed(tmp_path, monkeypatch):
    """Until then, what is declared again exists already."""
    (tmp_path / "shop_module.py").write_text(
        "import rst\nSHOP = rst.Provider('reloaded')\nCHECKOUT = SHOP.probe('checkout')\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    import importlib

    import shop_module

    with pytest.raises(rst.ExistsError):
        importlib.reload(shop_module)
    shop_module.CHECKOUT.provider.close()
    importlib.reload(shop_module).SHOP.close()


@only_if(_testcapi)
def test_a_declaration_without_memory_fails_and_no_more():
    def declare():
        one = rst.Provider("short", backing="memfd")
        try:
            one.probe("a", order=int, customer="string")
            one.probe("b", "uint8 code")
            one.load()
            assert len(repr(one.probes)) > 0
        finally:
            one.close()

    fail_each(declare)


@only_if(_testcapi)
def test_a_mistake_without_memory_is_an_error_and_no_more(provider):
    probe = provider.probe("a", "uint8 order, string customer")

    def mistake():
        for values in (256, "Ada"), ("x" * 100, "Ada"), (1,), (1, 2.5):
            with pytest.raises(rst.Error):
                probe.fire(*values)

    fail_each(mistake)


@only_if(_testcapi)
def test_a_watched_fire_without_memory_fails_and_no_more(provider, uprobes):
    probe = provider.probe("a", text=str, more=str)
    provider.load()
    texts = "Grüße", "\ud800"
    with Watch(probe, this_thread=True) as watch:
        fail_each(lambda: probe.fire(*texts))
        fail_each(lambda: probe.fire(lambda: list(texts)))
        assert watch.hits > 2
