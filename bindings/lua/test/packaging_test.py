#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""luarocks installs the module: from the tree, and from a source rock, which has librst's sources.

Each goes into a temporary tree. luarocks needs no network for either.
"""

import hashlib
import os
import re
import shutil
import tarfile
import zipfile
from pathlib import Path

import harness
from harness import ROOT

LUA = ROOT / "bindings/lua"
VERSION = "0.1.0"
ROCK = f"rst-{VERSION}-1"
INTERPRETERS = {"5.1": ["lua5.1", "luajit"], "5.2": ["lua5.2"], "5.3": ["lua5.3"], "5.4": ["lua5.4"]}
PROGRAM = """
local rst = require "rst"
local probe = rst.provider("packed"):probe("probe", "int8 a")
assert(probe:provider():load())
assert(probe:fire(1) == false and probe:path())
print(rst.version)
"""


ELSEWHERE = """
local rst = require "rst"
local provider = rst.provider("elsewhere", {backing = "file", directory = "/tmp"})
local probe = provider:probe("probe", "int8 a")
local ok, message = provider:load()
assert(ok == nil and message:find "^probes need Linux;")
assert(provider:unload() and not provider:loaded())
assert(not probe:fire(1) and not probe:fire(error) and not probe:enabled() and not probe:path())
for _, again in ipairs {provider, rst.provider "elsewhere"} do
  local declared, problem = pcall(again.probe, again, "probe")
  assert(not declared and problem.kind == "exists", problem)
end
provider:close()
assert(not probe:fire(1))
rst.provider "elsewhere":probe "probe"
rst.provider "another"
print "works"
"""


class Packaging(harness.Case):
    def setUp(self):
        self.need_commands("luarocks", "make", "zip", "unzip")
        self.home = Path(self.directory())

    def copy(self):
        """A checkout with what the module is made of."""
        for part in "bindings/lua", "src", "include":
            shutil.copytree(ROOT / part, self.home / "checkout" / part, symlinks=True)
        for made in "build", "pkg":
            shutil.rmtree(self.home / "checkout/bindings/lua" / made, ignore_errors=True)
        return self.home / "checkout/bindings/lua"

    def ok(self, *command, **options):
        status, said = harness.run(*command, **options)
        self.assertEqual(status, 0, said)
        return said

    def luarocks(self, version, *arguments, **options):
        environment = {**os.environ, "HOME": str(self.home)}
        return self.ok(
            *("luarocks", "--lua-version", version, "--tree", self.home / version, *arguments),
            env=environment,
            **options,
        )

    def assert_works(self, version):
        tree = self.home / version
        environment = {
            **os.environ,
            "LUA_PATH": f"{tree}/share/lua/{version}/?.lua",
            "LUA_CPATH": f"{tree}/lib/lua/{version}/?.so",
        }
        for lua in INTERPRETERS[version]:
            if shutil.which(lua):
                with self.subTest(lua=lua):
                    program = self.home / "program.lua"
                    program.write_text(PROGRAM)
                    said = self.ok(lua, program, env=environment)
                    self.assertIn(VERSION, said)

    def rock(self, name):
        packages = self.home / name
        self.ok("make", "-C", LUA, "rock", f"PKG={packages}", env={**os.environ, "SOURCE_DATE_EPOCH": "1700000000"})
        return packages / f"{ROCK}.src.rock"

    def test_make_from_the_tree(self):
        copy = self.copy()
        for version, names in INTERPRETERS.items():
            if shutil.which(names[0]):
                self.luarocks(version, "make", cwd=copy)
                self.assert_works(version)
        # It is built beside the sources, not among them.
        self.assertEqual([], list((self.home / "checkout/src").rglob("*.o")))

    def test_a_rock_has_all_that_it_takes(self):
        rock = self.rock("packages")
        self.luarocks("5.4", "install", rock)
        self.assert_works("5.4")
        self.luarocks("5.4", "remove", "rst")
        self.assertEqual([], list((self.home / "5.4/lib/lua").rglob("*.so")))

    def test_a_rock_has_the_files_that_are_there(self):
        with zipfile.ZipFile(self.rock("packages")) as rock:
            self.assertEqual({f"{ROCK}.rockspec", f"rst-{VERSION}.tar.gz"}, set(rock.namelist()))
            rock.extractall(self.home)
        with tarfile.open(self.home / f"rst-{VERSION}.tar.gz") as archive:
            packed = {
                entry.name.removeprefix(f"rst-{VERSION}/") for entry in archive if entry.isfile()
            }
            self.assertTrue(all(entry.isfile() or entry.isdir() for entry in archive))
        wanted = {"LICENSE", "Makefile", "README.md", f"{ROCK}.rockspec", "c/core.map"}
        wanted |= {"librst/include/rst.h", "lua/rst.lua", "lua/rst/jit.lua"}
        wanted |= {f"c/{file.name}" for file in (LUA / "c").glob("*.[ch]")}
        for part in "", "arch", "image", "backing", "runtime":
            files = (ROOT / "src" / part).glob("*.[ch]")
            wanted |= {f"librst/{file.relative_to(ROOT)}" for file in files}
        self.assertEqual(wanted, packed)

    def test_the_same_sources_make_the_same_rock(self):
        rocks = [self.rock(name).read_bytes() for name in ("one", "other")]
        self.assertEqual(*(hashlib.sha256(rock).hexdigest() for rock in rocks))

    def test_librst_is_built_from_all_its_sources(self):
        """The Makefile finds them by patterns."""
        listed = set(re.findall(r"'(\w[\w/]*\.c)'", (ROOT / "src/meson.build").read_text()))
        parts = ("*.c", *(f"{part}/*.c" for part in ("arch", "image", "backing", "runtime")))
        found = {str(file.relative_to(ROOT / "src")) for part in parts for file in (ROOT / "src").glob(part)}
        self.assertEqual(listed, found)

    def test_elsewhere_it_works_and_does_nothing(self):
        """As it is built where the system isn't Linux: with other C, and the same values and errors."""
        self.need_commands("lua5.4")
        build = self.home / "build"
        self.ok("make", "-C", LUA, "testing", "ELSEWHERE=yes", f"BUILD={build}", "CFLAGS=-Wall -Wextra -Werror")
        environment = {
            **os.environ,
            "LUA_PATH": f"{LUA}/lua/?.lua;{LUA}/test/?.lua",
            "LUA_CPATH": f"{build}/lua5.4/?.so",
        }
        program = self.home / "program.lua"
        program.write_text(ELSEWHERE)
        self.assertIn("works", self.ok("lua5.4", program, env=environment))
        self.ok(LUA / "test/run.py", "lua5.4", LUA / "test/values_test.lua", env=environment)

    def test_versions_agree(self):
        header = (ROOT / "include/rst.h").read_text()
        self.assertIn(f'#define RST_VERSION "{VERSION}"', header)
        for name in "Makefile", f"{ROCK}.rockspec":
            self.assertIn(VERSION, (LUA / name).read_text())
        self.ok("luarocks", "lint", LUA / f"{ROCK}.rockspec")

    def test_only_the_way_in_is_exported(self):
        build = os.environ["RST_LUA_BUILD"]
        for module in sorted(Path(build).glob("lua*/rst/core.so")):
            names = self.ok("nm", "--dynamic", "--defined-only", module)
            self.assertEqual(["luaopen_rst_core"], [line.split()[-1] for line in names.splitlines()])


if __name__ == "__main__":
    harness.main()
