# SPDX-License-Identifier: MIT
"""What all tests have, and how a run says that something was skipped."""

import os
import shutil
import sys
import tempfile
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[2] / "tests/support")]
if "RST_COMMAND" in os.environ:
    os.environ["PATH"] = os.path.dirname(os.environ["RST_COMMAND"]) + ":" + os.environ["PATH"]

import harness  # noqa: E402
import rst  # noqa: E402
from support.target import Target  # noqa: E402

_skipped = []


def need(condition, what):
    """Skip the test because something is missing; with RST_REQUIRE_TRACERS=1, fail it."""
    if condition:
        return
    if os.environ.get("RST_REQUIRE_TRACERS") == "1":
        pytest.fail(f"RST_REQUIRE_TRACERS=1, but {what}")
    pytest.skip(what)


@pytest.fixture
def tmp_path():
    """As pytest's own, but nothing of it is left."""
    path = tempfile.mkdtemp(prefix="rst-test-")
    yield Path(path)
    shutil.rmtree(path)


@pytest.fixture
def provider():
    """A provider of this process, which is closed after the test."""
    one = rst.Provider("shop")
    yield one
    one.close()


@pytest.fixture
def target():
    """Starts Python programs; see support/target.py."""
    started = []

    def start(script, **options):
        started.append(Target(script, **options))
        return started[-1]

    yield start
    for one in started:
        one.close()


@pytest.fixture(scope="session")
def uprobes():
    """Without it, this process can't be watched."""
    refusal = harness.uprobe_refusal()
    need(refusal is None, refusal)


@pytest.fixture
def bpftrace(uprobes):
    """Without it, bpftrace can't be used."""
    need(shutil.which("bpftrace"), "bpftrace is not installed")
    need(os.geteuid() == 0, "bpftrace needs root")
    refusal = harness.mount_tracefs()
    need(refusal is None, refusal)


@pytest.fixture
def gdb():
    """Without it, gdb can't be used."""
    need(shutil.which("gdb"), "gdb is not installed")


def pytest_runtest_logreport(report):
    if report.skipped:
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        _skipped.append(f"skipped: {reason.partition('Skipped: ')[2] or reason}")


def pytest_sessionfinish(session, exitstatus):
    """pytest has no status for "skipped"; meson has."""
    if _skipped and exitstatus == 0 and os.environ.get("RST_SKIPPED_STATUS"):
        session.exitstatus = int(os.environ["RST_SKIPPED_STATUS"])


def pytest_terminal_summary(terminalreporter):
    for line in _skipped:
        terminalreporter.write_line(line)
