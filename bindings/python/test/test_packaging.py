# SPDX-License-Identifier: MIT
"""The package is built and installed by pip, without a network, and describes itself."""

import ast
import inspect
import os
import pydoc
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

import harness
import pytest
import rst
from rst import _nothing, _rst

HERE = harness.ROOT / "bindings/python"
INSTALL = ["-m", "pip", "install", "--no-index", "--no-deps", "--no-build-isolation", "--quiet"]


def call(*command, env=(), **options):
    """Run a command to its end, which must be successful. Gives its output."""
    done = subprocess.run(
        [str(word) for word in command],
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "CFLAGS": "-O0", **dict(env)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        **options,
    )
    assert done.returncode == 0, f"{command}:\n{done.stdout}"
    return done.stdout


def without_ours():
    """PYTHONPATH without the package that stands here."""
    library = os.path.dirname(os.path.dirname(rst.__file__))
    paths = os.environ.get("PYTHONPATH", "").split(":")
    return ":".join(path for path in paths if path not in (library, ""))


@pytest.fixture(scope="module")
def sdist():
    """Made in a copy of the checkout, whose links lead to librst."""
    checkout = Path(tempfile.mkdtemp(prefix="rst-test-"))
    for part in HERE.relative_to(harness.ROOT), "src", "include":
        shutil.copytree(harness.ROOT / part, checkout / part, symlinks=True)
    make = "import sys; from setuptools.build_meta import build_sdist; print(build_sdist(sys.argv[1]))"
    home = checkout / HERE.relative_to(harness.ROOT)
    call(sys.executable, "-W", "ignore", "-c", make, checkout, cwd=home)
    yield checkout / "rst-0.1.0.tar.gz"
    shutil.rmtree(checkout)


def test_an_sdist_has_all_sources_and_nothing_else(sdist):
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
        assert not any(member.issym() or member.islnk() for member in archive)
    source = harness.ROOT / "src"
    wanted = {"LICENSE", "README.md", "pyproject.toml", "setup.py", "ext/rst.map"}
    wanted |= {f"ext/librst/include/{path.name}" for path in (harness.ROOT / "include").iterdir()}
    for part in ".", "arch", "image", "backing", "runtime":
        wanted |= {
            f"ext/librst/src/{path.relative_to(source)}"
            for path in (source / part).iterdir()
            if path.suffix in (".c", ".h")
        }
    wanted |= {f"ext/{path.name}" for path in (HERE / "ext").iterdir() if path.suffix in (".c", ".h")}
    wanted |= {f"src/rst/{path.name}" for path in (HERE / "src/rst").iterdir() if path.is_file()}
    assert wanted - names == set()
    more = {name for name in names - wanted if "." in name and "egg-info" not in name}
    assert more <= {"MANIFEST.in", "PKG-INFO", "setup.cfg"}


USES = """
import os, rst, stapsdt
probe = rst.Provider("shop").probe("checkout", order=int)
with probe.provider:
    print(os.path.dirname(rst.__file__), probe.fire(1), probe.path is not None)
print(stapsdt.Provider("app").add_probe("a", stapsdt.ArgTypes.int8).is_enabled)
"""


def test_pip_installs_the_sdist_and_a_wheel_made_of_it(sdist, tmp_path):
    """With a C compiler and nothing else of ours: the sdist is far from the checkout."""
    alone = tmp_path / "alone"
    alone.mkdir()
    shutil.copy(sdist, alone)
    environment = {"PYTHONPATH": without_ours()}
    wheels = ["-m", "pip", "wheel", "--no-index", "--no-deps", "--no-build-isolation", "--quiet"]
    call(sys.executable, *wheels, "--wheel-dir", alone, alone / sdist.name, env=environment)
    (wheel,) = alone.glob("rst-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        assert {"rst/py.typed", "rst/_rst.pyi"} <= set(names)
        (extension,) = [name for name in names if name.endswith(".so")]
        archive.extract(extension, alone)
    undefined = call("nm", "--dynamic", "--defined-only", alone / extension)
    assert re.findall(r" [A-Z] (\w+)", undefined) == ["PyInit__rst"]
    home = tmp_path / "home"
    stapsdt = tmp_path / "stapsdt"
    shutil.copytree(HERE / "stapsdt", stapsdt)
    for package in wheel, stapsdt:
        call(sys.executable, *INSTALL, "--target", home, package, env=environment)
    environment["PYTHONPATH"] = f"{home}:{environment['PYTHONPATH']}"
    said = call(sys.executable, "-c", USES, env=environment, cwd=alone)
    assert said.splitlines() == [f"{home}/rst False True", "False"]


def test_the_version_is_librsts():
    assert rst.__version__ == _rst.librst_version
    for project in "pyproject.toml", "stapsdt/pyproject.toml":
        assert f'version = "{rst.__version__}"' in (HERE / project).read_text()


# ------------------------------------------------------------------------- documentation --


def public(thing):
    return {name for name in vars(thing) if not name.startswith("_")}


def test_everything_public_is_documented():
    for name in rst.__all__:
        thing = getattr(rst, name)
        assert inspect.getdoc(thing), name
        if inspect.isclass(thing):
            for member in public(thing) - {"kind"}:
                assert inspect.getdoc(getattr(thing, member)), f"{name}.{member}"
    for module in rst.logging if hasattr(rst, "logging") else (), rst:
        assert module == () or module.__doc__


def test_pydoc_shows_every_part():
    import rst.logging
    import rst.stapsdt

    for module in rst, rst.logging, rst.stapsdt:
        text = pydoc.plain(pydoc.render_doc(module))
        for name in module.__all__:
            assert name in text
    text = pydoc.plain(pydoc.render_doc(rst.Provider))
    assert "probe(self, name, signature='', /, **arguments)" in text
    assert "fire(self, /, *values)" in pydoc.plain(pydoc.render_doc(rst.Probe))


def stub():
    tree = ast.parse((HERE / "src/rst/_rst.pyi").read_text())
    return {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}


def test_the_stub_has_what_the_module_has():
    classes = stub()
    assert set(classes) == {name for name in vars(_rst) if inspect.isclass(getattr(_rst, name))}
    for name, node in classes.items():
        thing = getattr(_rst, name)
        bases = [base.id for base in node.bases]
        assert bases == [base.__name__ for base in thing.__bases__ if base is not object]
        functions = {part.name: part for part in node.body if isinstance(part, ast.FunctionDef)}
        if name in ("Provider", "Probe"):
            assert {one for one in functions if not one.startswith("_")} == public(thing)
        for one, function in functions.items():
            if function.decorator_list or one in ("__new__", "__exit__"):
                continue
            arguments = function.args
            wanted = [part.arg for part in arguments.posonlyargs + arguments.args]
            wanted += [part.arg for part in (arguments.vararg, arguments.kwarg) if part]
            assert list(inspect.signature(getattr(thing, one)).parameters) == wanted, one


def test_the_stubs_parameters_are_the_fallbacks():
    for name in "Provider", "Probe":
        for one in public(getattr(_nothing, name)):
            ours, theirs = (getattr(getattr(module, name), one) for module in (_rst, _nothing))
            if callable(ours):
                assert list(inspect.signature(ours).parameters) == list(
                    inspect.signature(theirs).parameters
                ), one
