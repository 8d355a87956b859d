#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""README.md and the examples do what they say. RST_LUA_BUILD is where the module was built."""

import os
import re
import shutil
from pathlib import Path

import harness
from documents import DocumentTest, method_name, sections
from harness import ROOT, mount_tracefs, uprobe_refusal

LUA = ROOT / "bindings/lua"
BUILD = os.environ["RST_LUA_BUILD"]


class Document(DocumentTest):
    tracefs = "it is not mounted yet"

    def applies(self, block):
        if block.action == "start":
            self.need_root()
            self.need_commands("bpftrace", block.text.split()[1])
            self.refuse(uprobe_refusal() or self.tracefs)
        return super().applies(block)

    def run_with(self, lua, blocks):
        headers = "lua5.1" if lua == "luajit" else lua
        self.extra = {
            "LUA_PATH": f"{LUA}/lua/?.lua;;",
            "LUA_CPATH": f"{BUILD}/{headers}/?.so;;",
        }
        self.run_section(blocks)


def add_test(case, path, heading, run):
    setattr(case, method_name(f"{Path(path).stem} {heading}"), run)


class Readme(Document):
    def do_install(self, block):
        """Out of a copy of what the module is made of, into a tree of this test's own."""
        self.need_commands("luarocks")
        for part in "bindings/lua", "src", "include":
            shutil.copytree(ROOT / part, f"{self.home}/checkout/{part}", symlinks=True)
        shutil.rmtree(f"{self.home}/checkout/bindings/lua/build", ignore_errors=True)
        tree = f"{self.home}/tree"
        configuration = Path(f"{self.home}/luarocks.lua")
        configuration.write_text(f'rocks_trees = {{ {{ name = "test", root = "{tree}" }} }}\n')
        self.environment["LUAROCKS_CONFIG"] = str(configuration)
        self.finish(block, self.tool_for(block, cwd=f"{self.home}/checkout"))
        self.environment["LUA_PATH"] = f"{tree}/share/lua/5.4/?.lua;;"
        self.environment["LUA_CPATH"] = f"{tree}/lib/lua/5.4/?.so;;"


class Examples(Document):
    def run_example(self, path, heading):
        lua = re.search(r"BACKING=file (lua\S*) ", (LUA / path).read_text())[1]
        self.run_with(lua, sections(f"bindings/lua/{path}")[heading])


class Overview(Document):
    """What the project's own README says of Lua."""

    def test_use_it_from_lua(self):
        self.run_with("lua5.4", sections("README.md")["Use it from Lua"])


for title, found in sections("bindings/lua/README.md").items():
    add_test(Readme, "README.md", title, lambda self, found=found: self.run_section(found))
for example in sorted((LUA / "examples").glob("*.lua")):
    add_test(
        Examples,
        example,
        "does what it says",
        lambda self, name=example.stem: self.run_example(f"examples/{name}.lua", name),
    )


class Interface(harness.Case):
    """Everything public is documented."""

    def public(self):
        """The names in the tables that luaL_setfuncs() gets, which begin with no `__`."""
        found = {}
        for source in sorted((LUA / "c").glob("*.c")):
            for table in re.findall(r"luaL_Reg (?:methods|functions)\[\] = \{(.*?)\};", source.read_text(), re.S):
                found.setdefault(source.name, set()).update(re.findall(r'\{"(\w+)"', table))
        return found

    def test_every_function_has_a_comment_for_ldoc(self):
        owners = {"module.c": "", "providers.c": "provider:", "probes.c": "probe:"}
        text = "".join(source.read_text() for source in (LUA / "c").glob("*.c"))
        documented = set(re.findall(r"^@function (\S+)", text, re.M))
        wanted = {owners[name] + each for name, names in self.public().items() for each in names}
        self.assertEqual(documented, wanted)

    def test_the_readme_names_every_function(self):
        text = (LUA / "README.md").read_text()
        for name, names in self.public().items():
            for each in names:
                with self.subTest(file=name, name=each):
                    self.assertRegex(text, rf"[.:]{each}\b")

    def test_ldoc_has_nothing_to_say(self):
        self.need_commands("ldoc")
        pages, home = self.directory(), self.directory()
        # ldoc 1.4.6 names a directory in /tmp after the home directory, and leaves it there.
        left = Path("/tmp/ldoc" + home.replace("/", "_"))
        self.addCleanup(shutil.rmtree, left, ignore_errors=True)
        status, said = harness.run(
            "ldoc", "--fatalwarnings", "--dir", pages, ".", cwd=LUA, env={**os.environ, "HOME": home}
        )
        self.assertEqual(status, 0, said)
        page = Path(pages, "index.html").read_text()
        for name in ("provider:load", "probe:fire", "uint64"):
            self.assertIn(name, page)


if __name__ == "__main__":
    Document.tracefs = mount_tracefs()
    harness.main()
