# SPDX-License-Identifier: MIT
"""Documents whose programs in C are compiled, with the librst of the build."""

import os
import shlex
import shutil

from documents import DocumentTest

LIBRARY = os.environ["RST_LIBRARY_DIR"]
STRICT = "-std=c11 -D_GNU_SOURCE -Wall -Wextra -Wpedantic -Werror"


class CompiledDocument(DocumentTest):
    """A document whose commands may call cc, pkg-config and rst."""

    def setUp(self):
        """A cc that takes warnings for errors, pkg-config as the build has it, and its rst."""
        self.need_commands("pkg-config")
        compiler, *options = shlex.split(os.environ["CC"])
        words = shlex.join([shutil.which(compiler), *options])
        script = f'exec {words} {STRICT} "$@" {os.environ["RST_LINK_ARGS"]}'
        path = self.write("cc", f"#!/bin/sh\n{script}\n")
        os.chmod(path, 0o755)
        self.commands = os.path.dirname(path)
        if os.environ["RST_COMMAND"]:
            os.symlink(os.environ["RST_COMMAND"], os.path.join(self.commands, "rst"))
        self.path = f"{self.commands}:{self.path}"
        self.extra = {"LD_LIBRARY_PATH": LIBRARY}
