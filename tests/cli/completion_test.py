# SPDX-License-Identifier: MIT
"""bash and zsh complete rst's command lines: by calling bash's function, and by typing."""

import os
import pty
import re
import select
import shutil
import subprocess
import time

import command
import harness
import screen

SCRIPT = os.environ["RST_BASH_COMPLETION"]
ASK = """
source "$1"
COMP_LINE=$2 COMP_POINT=${#2} COMPREPLY=()
_rst
printf '%s\\n' "${COMPREPLY[@]}"
"""


class Completion(command.CommandTest):
    tools = ("bash",)

    def setUp(self):
        super().setUp()
        self.path = os.path.dirname(command.RST) + ":" + os.environ["PATH"]

    def complete(self, line):
        done = subprocess.run(
            ["bash", "--norc", "-c", ASK, "bash", SCRIPT, line],
            capture_output=True,
            env={**os.environ, "PATH": self.path},
            check=True,
            timeout=harness.DEADLINE,
        )
        self.assertEqual(done.stderr, b"")
        return done.stdout.decode().split()

    def test_commands_and_options(self):
        self.assertEqual(self.complete("rst "), ["list", "trace", "recipe", "emit", "check"])
        self.assertEqual(self.complete("rst l"), ["list"])
        self.assertEqual(self.complete("rst --v"), ["--version"])
        self.assertEqual(self.complete("rst list --w"), ["--watched"])
        self.assertEqual(self.complete("rst emit shop 'a()' --a"), ["--arch"])
        cpus = self.complete("rst emit shop 'a()' --arch ")
        self.assertEqual(len(cpus), 8)
        for cpu in cpus:
            self.rst("emit", "shop", "a()", "--arch", cpu, "-o", "/dev/null")
        self.assertEqual(self.complete("rst emit shop 'a()' --nop 1"), ["1", "10"])
        self.assertEqual(self.complete("rst emit shop 'a()' --arch=x"), ["x86_64"])
        self.assertEqual(self.complete("rst trace --for=b"), ["bpftrace", "bcc"])

    def test_every_option_that_there_is(self):
        for name in "list", "trace", "recipe", "emit", "check":
            options = re.findall(r"(?m)^ +(?:-\w, )?(--[\w-]+)", self.rst(name, "--help").out)
            self.assertEqual(self.complete(f"rst {name} --"), sorted(options))

    def test_recipes(self):
        names = self.complete("rst recipe ")
        self.assertEqual(names, [line.split()[0] for line in self.rst("recipe").out.splitlines()])
        self.assertEqual(self.complete("rst recipe rails-cache-h"), ["rails-cache-hits"])
        self.assertEqual(self.complete("rst recipe --show rails-cache-h"), ["rails-cache-hits"])
        self.assertEqual(self.complete("rst recipe --s"), ["--show"])
        self.assertEqual(self.complete("rst recipe rails-cache-hits --ev"), ["--every"])
        target = self.target()
        self.assertEqual(self.complete(f"rst recipe probe-rates -p {target.pid} shop:ord"), ["order"])
        self.assertEqual(self.complete(f"rst recipe probe-rates --pid={target.pid}"), [str(target.pid)])

    def test_processes_that_have_probes(self):
        target = self.target()
        idle = self.program("/bin/sh", "-c", "echo ready; read line")
        pids = self.complete("rst list -p ")
        self.assertIn(str(target.pid), pids)
        self.assertNotIn(str(idle.pid), pids)
        self.assertEqual(self.complete(f"rst trace --pid={target.pid}"), [str(target.pid)])

    def test_the_probes_of_the_process(self):
        target = self.target()
        names = self.complete(f"rst list -p {target.pid} ")
        self.assertIn("shop:order", names)
        self.assertEqual(names, self.rst("list", "-p", target.pid, "--names").out.split())
        line = f"rst list -p {target.pid} "
        self.assertEqual(
            self.complete(line + "counts:args1"), ["args1", "args10", "args11", "args12"]
        )
        self.assertEqual(self.complete(line + "'sho"), ["shop:mixed", "shop:order"])

    def test_a_hostile_name_is_not_run_nor_offered(self):
        directory = self.directory()
        fake = os.path.join(directory, "rst")
        trace = os.path.join(directory, "run")
        with open(fake, "w", encoding="ascii") as file:
            file.write("#!/bin/sh\ncat <<'EOF'\nshop:$(touch${IFS}" + trace + ")\n")
            file.write("shop:`touch " + trace + "`\nshop:a;b\nshop:good\nEOF\n")
        os.chmod(fake, 0o755)
        self.path = directory + ":" + os.environ["PATH"]
        self.assertEqual(self.complete("rst list -p 1 "), ["shop:good"])
        self.assertEqual(self.complete("rst trace -p 1 shop:"), ["good"])
        self.assertFalse(os.path.exists(trace))

    def test_as_a_user_types(self):
        target = self.target()
        home = self.directory()
        pid, terminal = pty.fork()
        if pid == 0:
            # HISTFILE: or bash keeps what was typed, for the user to find.
            os.environ.update(PATH=self.path, PS1="$ ", TERM="dumb", HOME=home, HISTFILE="")
            os.execv(shutil.which("bash"), ["bash", "--norc", "--noprofile", "-i"])
        try:
            self.read_until(terminal, b"$ ")
            os.write(terminal, f"source {SCRIPT}; echo sour''ced\n".encode())
            self.read_until(terminal, b"sourced")
            os.write(terminal, f"rst li\t-p {target.pid} shop:or\t\n".encode())
            seen = self.read_until(terminal, b"memfd  /proc")
            self.assertIn(f"rst list -p {target.pid} shop:order".encode(), seen)
        finally:
            os.write(terminal, b"\x03exit\n")
            os.close(terminal)
            os.waitpid(pid, 0)
        self.assertEqual(os.listdir(home), [])

    def read_until(self, terminal, words):
        seen = b""
        end = time.monotonic() + harness.DEADLINE
        while words not in seen:
            if not select.select([terminal], [], [], max(0, end - time.monotonic()))[0]:
                self.fail(f"{words!r} did not come after {seen!r}")
            seen += os.read(terminal, 4096)
        return seen


class Zsh(command.CommandTest):
    tools = ("zsh",)

    def setUp(self):
        super().setUp()
        self.screen = screen.Screen(self, "zsh", "-f")
        self.screen.wait_for("[#%] *$")
        functions = os.path.dirname(SCRIPT)
        path = os.path.dirname(command.RST)
        self.screen.type(f"path=({path} $path); fpath=({functions} $fpath); PS1='> '", "Enter")
        self.screen.type("setopt no_list_ambiguous", "Enter")  # lists the candidates at once
        self.screen.type("autoload -Uz compinit && compinit -u -D && echo comp''leted", "Enter")
        self.screen.wait_for("^completed$")

    def complete(self, line, pattern):
        """The screen after Tab was pressed at the end of `line`."""
        self.screen.type("C-u", "C-l")
        self.screen.wait_for(r"\A> *$")
        self.screen.type(line, "Tab")
        return self.screen.wait_for(pattern)

    def test_commands_and_options(self):
        self.complete("rst li", "^> rst list$")
        self.complete("rst list --wat", "^> rst list --watched$")
        shown = self.complete("rst trace --", "--stack")
        for option in "--by", "--count", "--filter", "--for", "--hist", "--pid", "--print":
            self.assertIn(option, shown)
        self.complete("rst emit shop 'a()' --nop ", "(?s)^> rst emit.*^1 +10 +5 *$")

    def test_recipes(self):
        self.complete("rst recipe rails-cache-h", "^> rst recipe rails-cache-hits$")
        self.complete("rst recipe ruby-o", "^> rst recipe ruby-objects$")
        self.complete("rst recipe --show rails-cache-h", "^> rst recipe --show rails-cache-hits$")
        self.complete("rst recipe rails-cache-hits --strin", "--string-bytes")
        self.assertIn("-- Which exceptions does a Ruby", self.complete("rst recipe ruby-", "ruby-raise"))

    def test_processes_and_their_probes(self):
        target = self.target()
        idle = self.program("/bin/sh", "-c", "echo ready; read line")
        pids = self.complete("rst list -p ", rf"\b{target.pid}\b")
        self.assertNotRegex(pids, rf"\b{idle.pid}\b")
        self.complete(f"rst list -p {target.pid} shop:o", rf"^> rst list -p {target.pid} shop:order$")
        self.complete(f"rst trace --pid={target.pid} shop:o", rf"^> rst trace --pid={target.pid} shop:order$")
        self.complete(f"rst trace --pid={str(target.pid)[:-1]}", rf"\b{target.pid}\b")


if __name__ == "__main__":
    harness.main()
