# SPDX-License-Identifier: MIT
"""The README and the examples do what they say; tests/support/documents.py has how blocks are marked.

usage: documents_test.py, with RST_NODE_PACKAGE, the compiled package
"""

import os
import shutil
from pathlib import Path

import harness
from documents import DocumentTest, method_name, sections

NODE = harness.ROOT / "bindings/node"
DOCUMENTS = ("bindings/node/README.md", "bindings/node/examples/README.md", "README.md")
ONLY = {"README.md": "Use it from Node"}
RST = os.environ.get("RST_COMMAND", "")
PEERS = os.environ.get("RST_NODE_PEERS", "/usr/share/nodejs")


class NodeDocuments(DocumentTest):
    path = (os.path.dirname(RST) + ":" if RST else "") + os.environ["PATH"]
    # npm looks for nothing in a network, and keeps nothing in the user's home.
    extra = {"npm_config_offline": "true", "npm_config_audit": "false", "npm_config_fund": "false"}

    def save(self, name, block):
        super().save(name, block)
        self.install_package()

    def install_package(self):
        """The package as it is compiled, and Debian's bunyan."""
        modules = Path(self.home, "node_modules")
        if modules.exists():
            return
        modules.mkdir()
        (modules / "librst").symlink_to(os.environ["RST_NODE_PACKAGE"])
        if Path(PEERS, "bunyan").exists():
            (modules / "bunyan").symlink_to(Path(PEERS, "bunyan"))

    def applies(self, block):
        if block.action == "start":
            self.need_root()
            self.need_commands("bpftrace")
            self.refuse(harness.uprobe_refusal() or self.tracefs)
            if "/examples/" in str(block):
                self.take_example(block)
        if block.text.startswith("rst "):
            self.need(RST, "RST_COMMAND does not name rst")
        return super().applies(block)

    def take_example(self, block):
        for name in block.text.split():
            example = NODE / "examples" / name
            if example.is_file():
                self.install_package()
                if name == "log.js":
                    self.need(Path(PEERS, "bunyan").exists(), "node-bunyan is not installed")
                shutil.copy(example, self.home)

    def do_install(self, block):
        """In a copy of the checkout."""
        self.need_commands("npm")
        home = self.directory()
        for part in "bindings/node", "src", "include":
            to = f"{home}/checkout/{part}"
            ignored = shutil.ignore_patterns("build", "node_modules", "cli")
            shutil.copytree(harness.ROOT / part, to, symlinks=True, ignore=ignored)
        self.finish(block, self.tool_for(block, cwd=f"{home}/checkout"))


def add_tests():
    for document in DOCUMENTS:
        for heading, blocks in sections(document).items():
            if ONLY.get(document, heading) != heading:
                continue
            name = f"{method_name(document)}_{method_name(heading)[5:]}"
            setattr(NodeDocuments, name, lambda self, blocks=blocks: self.run_section(blocks))


if __name__ == "__main__":
    NodeDocuments.tracefs = harness.mount_tracefs() if os.geteuid() == 0 else "this needs root"
    add_tests()
    harness.main()
