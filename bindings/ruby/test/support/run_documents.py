# SPDX-License-Identifier: MIT
"""Runs the sections of a document on Ruby; tests/support/documents.py has how blocks are marked.

usage: run_documents.py DOCUMENT                lists the headings of its sections as JSON
       run_documents.py DOCUMENT HEADING        runs one, with the ruby that RST_RUBY names as JSON

A section that is run says as JSON, in its last line, what each command printed that watched. Its
status is that of a test in meson: 77 if it was skipped, for the reason that is said before.
"""

import json
import os
import shutil
import sys
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[4]
sys.path.insert(0, str(ROOT / "tests/support"))
sys.dont_write_bytecode = True

from documents import DocumentTest, read, sections  # noqa: E402
from harness import SKIPPED, mount_tracefs, run, uprobe_refusal  # noqa: E402

GEM = "bindings/ruby"
README = "bindings/ruby/README.md"


class RubyDocument(DocumentTest):
    ruby = json.loads(os.environ.get("RST_RUBY", '["ruby"]'))
    tracefs = "it is not mounted yet"

    def runTest(self):
        self.run_section(self.blocks)

    def applies(self, block):
        if block.action == "start" or block.option("memfd="):
            self.need_root()
            self.need_commands("bpftrace")
            self.refuse(uprobe_refusal() or self.tracefs)
        return super().applies(block)

    # What follows has the gem from where this installs it, out of a copy of what it is made of.

    def do_install(self, block):
        for part in GEM, "src", "include":
            shutil.copytree(ROOT / part, f"{self.home}/checkout/{part}", symlinks=True)
        gems = f"{self.home}/gems"
        status, path = run(self.ruby[0], "-e", "print Gem.path.join(':')")
        self.assertEqual(status, 0, path)
        self.ruby = self.ruby[:1]
        self.environment |= {"GEM_HOME": gems, "GEM_PATH": f"{gems}:{path}"}
        self.environment |= {"RUBYLIB": "", "RUBYOPT": "", "SOURCE_DATE_EPOCH": "1700000000"}
        self.finish(block, self.tool_for(block, cwd=f"{self.home}/checkout"))

    def do_bundle(self, block):
        self.need_commands("bundle")
        self.do_install(next(other for other in read(README) if other.action == "install"))
        self.finish(block, self.tool_for(block))


def main(document, heading=None):
    if heading is None:
        print(json.dumps(list(sections(document))))
        return 0
    RubyDocument.tracefs = mount_tracefs()
    test = RubyDocument()
    test.blocks = sections(document)[heading]
    result = unittest.TestResult()
    test.run(result)
    for _, words in result.failures + result.errors + result.skipped:
        print(words)
    if result.skipped:
        return SKIPPED
    if result.wasSuccessful():
        print(json.dumps(test.printed))
    return 0 if result.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
