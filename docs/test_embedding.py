# SPDX-License-Identifier: MIT
"""docs/embedding.md: its programs do what it says, and what it quotes of the hosts is theirs."""

import os
import re
import shutil

import harness
from compiled_document import CompiledDocument
from documents import method_name, named, read, sections

PAGE = "docs/embedding.md"
EXAMPLES = harness.ROOT / "examples" / "embedding"
LUA_HOST = os.environ.get("RST_LUA_HOST", "")
QUOTES = {"lua": "lua.c", "mruby": "mruby.c"}  # by the first word of a block's name


class EmbeddingDocument(CompiledDocument):
    def setUp(self):
        super().setUp()
        if LUA_HOST:
            os.symlink(LUA_HOST, os.path.join(self.commands, "lua-host"))
        self.extra["LIBRST"] = str(harness.ROOT)

    def applies(self, block):
        if block.action in ("start", "watch"):
            self.need_root()
            self.refuse(harness.uprobe_refusal())
            for tool in "bpftrace", "rst":
                if block.text.startswith(f"{tool} "):
                    self.need(shutil.which(tool, path=self.path), f"there is no {tool}")
        if "lua-host" in block.text:
            self.need(LUA_HOST, "lua-host is not built: there is no Lua 5.4")
            os.symlink(harness.ROOT / "examples", os.path.join(self.home, "examples"))
        return super().applies(block)

    def while_watching(self, _block):
        tool = self.started.tool
        if "lua-host" in tool.command[0]:
            tool.process.stdin.write(b"fib 2\n")
            tool.process.stdin.flush()

    def test_what_it_quotes_is_in_the_hosts(self):
        names = [name for block in read(PAGE) if (name := block.option("name="))]
        self.assertGreater(len(names), 3)
        for name in names:
            text = (EXAMPLES / QUOTES[name.partition("-")[0]]).read_text(encoding="utf-8")
            text = re.sub(r'^ *"(.*)\\n"[;,]?$', r"\1", text, flags=re.M)  # Ruby in a string
            self.assertIn(named(PAGE, name), text, name)


def test_of(blocks):
    return lambda self: self.run_section(blocks)


for heading, section in sections(PAGE).items():
    setattr(EmbeddingDocument, method_name(heading), test_of(section))

if __name__ == "__main__":
    harness.main()
