# SPDX-License-Identifier: MIT
"""What the documents and the examples show is so."""

import os
import shutil
import sys
from pathlib import Path

import documents
import harness
import pytest
import rst

ROOT = harness.ROOT
HERE = "bindings/python"
EXAMPLES = sorted(path.name for path in (ROOT / HERE / "examples").glob("*.py"))
LIBRARY = os.path.dirname(os.path.dirname(rst.__file__))


class PythonDocument(documents.DocumentTest):
    """Its commands find `python3` and the package as they stand here."""

    __test__ = False  # run() runs it
    tracefs = harness.mount_tracefs()

    def runTest(self):
        commands = self.directory()
        program = f'#!/bin/sh\nexec {sys.executable} -W error "$@"\n'
        path = Path(commands, "python3")
        path.write_text(program)
        path.chmod(0o755)
        self.path = f"{commands}:{self.path}"
        self.extra = {"PYTHONPATH": LIBRARY, "PYTHONDONTWRITEBYTECODE": "1"}
        self.python = (str(path),)
        self.run_section(self.blocks)

    def applies(self, block):
        if block.action == "start":
            self.need_root()
            self.need_commands("bpftrace")
            self.refuse(harness.uprobe_refusal() or self.tracefs)
        return super().applies(block)

    def do_install(self, block):
        """In a copy of the checkout. From then on, commands find what was installed."""
        for part in HERE, "src", "include":
            shutil.copytree(ROOT / part, f"{self.home}/checkout/{part}", symlinks=True)
        del self.environment["PYTHONPATH"]
        self.environment["PATH"] = self.path = f"{Path(sys.executable).parent}:{self.path}"
        self.environment |= {"PIP_NO_INDEX": "1", "CFLAGS": "-O0"}  # which takes less time
        self.finish(block, self.tool_for(block, cwd=f"{self.home}/checkout"))
        self.environment["PATH"] = f"{self.home}/rst-venv/bin:{self.path}"


def sections(document):
    return [(document, heading) for heading in documents.sections(document)]


def run(document, heading):
    test = PythonDocument()
    test.blocks = documents.sections(document)[heading]
    result = test.defaultTestResult()
    test.run(result)
    for _, reason in result.skipped:
        pytest.skip(reason)
    assert result.wasSuccessful(), "\n".join(text for _, text in result.errors + result.failures)


@pytest.mark.parametrize("document, heading", sections("docs/python.md"))
def test_the_interface_is_as_its_page_says(document, heading):
    run(document, heading)


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_shows_what_it_says(example):
    run(f"{HERE}/examples/{example}", Path(example).stem)


def test_the_projects_readme_shows_a_program():
    run("README.md", "Use it from Python")


def test_the_readme_leads_from_nothing_to_a_live_trace():
    ((document, heading),) = sections(f"{HERE}/README.md")
    run(document, heading)
