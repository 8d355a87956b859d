# SPDX-License-Identifier: MIT
"""Probes in forked children, in multiprocessing's workers, and under asyncio."""

import asyncio
import multiprocessing
import os
import subprocess
import sys
import threading

import pytest
import rst
from support.watching import Watch


@pytest.fixture
def probe(provider):
    one = provider.probe("checkout", order=int, customer=str)
    provider.load()
    return one


def in_child(function):
    """Run it in a forked child, and give the child's status."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            function()
            status = 0
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_a_child_fires_the_parents_probes(probe, uprobes):
    with Watch(probe) as watch:

        def child():
            assert probe.enabled and probe.fire(1, "child")
            assert probe.path.startswith(f"/proc/{os.getpid()}/")

        assert in_child(child) == 0
        assert probe.fire(2, "parent")
        assert watch.hits == 2


def test_a_child_has_a_life_of_its_own(probe, provider):
    path = probe.path

    def child():
        provider.unload()
        assert provider.load()
        other = rst.Provider("child")
        assert other.probe("a") and other.load()
        provider.close()
        assert not probe.fire(1, "closed")

    assert in_child(child) == 0
    assert provider.loaded and probe.path == path and os.path.exists(path)


def test_a_child_of_a_thread_fires_while_others_load(probe, provider):
    done = threading.Event()

    def load():
        while not done.is_set():
            provider.unload()
            provider.load()

    def child():
        probe.fire(1, "child")
        provider.load()
        assert probe.path

    thread = threading.Thread(target=load)
    thread.start()
    try:
        assert [in_child(child) for _ in range(20)] == [0] * 20
    finally:
        done.set()
        thread.join()


def work(order):
    return worker_probe.fire(order, "worker")


def work_lazily(order):
    return worker_probe.fire(lambda: (order, "worker"))


worker_probe = None


def test_workers_that_are_forked_fire(probe, uprobes):
    global worker_probe
    worker_probe = probe
    with Watch(probe) as watch, multiprocessing.get_context("fork").Pool(2) as pool:
        assert pool.map(work, range(50)) == [True] * 50
        assert pool.map(work_lazily, range(50)) == [True] * 50
        assert watch.hits == 100


def test_workers_that_are_spawned_declare_their_own(tmp_path):
    """A probe can't be sent to them, and they import what declares it."""
    (tmp_path / "spawning.py").write_text(
        """
import multiprocessing, pickle
import rst

SHOP = rst.Provider("shop")
CHECKOUT = SHOP.probe("checkout", order=int)
SHOP.load()

def work(order):
    return CHECKOUT.fire(order), CHECKOUT.path is not None

if __name__ == "__main__":
    try:
        pickle.dumps(CHECKOUT)
    except TypeError as error:
        print(error)
    for method in "spawn", "forkserver":
        with multiprocessing.get_context(method).Pool(1) as pool:
            print(method, pool.map(work, [1]), flush=True)
"""
    )
    done = subprocess.run(
        [sys.executable, str(tmp_path / "spawning.py")],
        env={**os.environ, "PYTHONPATH": os.path.dirname(os.path.dirname(rst.__file__))},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines() == [
        "cannot pickle 'rst.Probe' object",
        "spawn [(False, True)]",
        "forkserver [(False, True)]",
    ]


def test_tasks_of_asyncio_fire(probe, uprobes):
    async def task(number):
        for step in range(10):
            assert probe.fire(number, f"step {step}")
            assert probe.fire(lambda: (number, "lazily"))
            await asyncio.sleep(0)

    async def main():
        await asyncio.gather(*(task(number) for number in range(20)))

    with Watch(probe, this_thread=True) as watch:
        asyncio.run(main())
        assert watch.hits == 400


def test_a_cancelled_task_is_cancelled_in_its_function(probe, uprobes):
    """asyncio's own exception passes through a function that raises it."""

    def function():
        raise asyncio.CancelledError

    async def main():
        probe.fire(function)

    with Watch(probe, this_thread=True), pytest.raises(asyncio.CancelledError):
        asyncio.run(main())
