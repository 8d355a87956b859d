# SPDX-License-Identifier: MIT
"""./demo and ./check show how far they are while they install what they lack and build.

By an apt-get that only says what a real one says, and makes the command that was lacking.
"""

import os
import pty
import re
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

SCRIPTS = Path(os.environ["SOURCE_ROOT"], ".ci")
COMMANDS = "bash cat chmod cut dirname env grep mktemp rm stty tail tee".split()
APT = r"""#!/bin/sh
case "$*" in
*update*)
    echo 'Get:1 http://deb.example bookworm InRelease [151 kB]'
    exit
    ;;
esac
cat <<'TEXT'
Reading package lists...
The following NEW packages will be installed:
  libfrob frob
1 upgraded, 2 newly installed, 0 to remove and 0 not upgraded.
Need to get 1,234 kB of archives.
After this operation, 5,678 kB of additional disk space will be used.
Get:1 http://deb.example bookworm/main amd64 libbase amd64 1.0-1 [34 kB]
Get:2 http://deb.example bookworm/main amd64 libfrob amd64 2.0-1 [600 kB]
Get:3 http://deb.example bookworm/main amd64 frob amd64 2.0-1 [600 kB]
TEXT
echo 'debconf: delaying package configuration, since apt-utils is not installed' >&2
cat <<'TEXT'
Fetched 1,234 kB in 1s (1,234 kB/s)
Preparing to unpack .../libbase_1.0-1_amd64.deb ...
Unpacking libbase:amd64 (1.0-1) over (0.9-1) ...
Selecting previously unselected package libfrob:amd64.
Unpacking libfrob:amd64 (2.0-1) ...
Unpacking frob (2.0-1) ...
Setting up libbase:amd64 (1.0-1) ...
Setting up libfrob:amd64 (2.0-1) ...
Setting up frob (2.0-1) ...
Processing triggers for libc-bin (2.36-9+deb12u10) ...
TEXT
"""
WORKS = 'echo "#!/bin/sh" >"$FROB"\nchmod +x "$FROB"\n'
FAILS = "echo 'E: frob has no installation candidate' >&2\nexit 100\n"
STEPS = [
    "read the lists of packages: http://deb.example bookworm",
    "download 1 of 3: libbase",
    "download 2 of 3: libfrob",
    "download 3 of 3: frob",
    "unpack 1 of 3: libbase:amd64",
    "unpack 2 of 3: libfrob:amd64",
    "unpack 3 of 3: frob",
    "set up 1 of 3: libbase:amd64",
    "set up 2 of 3: libfrob:amd64",
    "set up 3 of 3: frob",
]
INSTALL = "progress_seconds=0; need frob frob-package; install_needed"


class Case(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.commands = Path(directory.name)
        for name in COMMANDS:
            (self.commands / name).symlink_to(shutil.which(name))
        self.add("apt-get", APT + WORKS)
        self.add("id", "#!/bin/sh\necho 0\n")

    def add(self, name, script):
        (self.commands / name).write_text(script)
        (self.commands / name).chmod(0o755)

    def bash(self, script, terminal=None):
        """Gives its status, and all that it wrote."""
        output = subprocess.PIPE if terminal is None else terminal
        done = subprocess.run(
            [self.commands / "bash", "-c", f". {SCRIPTS}/packages.sh; {script}"],
            env={"PATH": str(self.commands), "FROB": str(self.commands / "frob")},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
        )
        return done.returncode, (done.stdout or b"").decode()

    def bash_on_a_terminal(self, script):
        ours, theirs = pty.openpty()
        with open(ours, "rb", buffering=0) as terminal:
            status, _ = self.bash(script, theirs)
            os.close(theirs)
            said = b""
            while True:
                try:
                    said += terminal.read(65536)
                except OSError:  # EIO: nobody has the other side any more
                    return status, said.decode()


class Installing(Case):
    def test_lines_tell_what_it_does_and_how_much_there_is(self):
        status, said = self.bash(INSTALL)
        self.assertEqual(status, 0, said)
        self.assertEqual(
            said.splitlines(),
            [
                "lacking: frob",
                "installing: frob-package",
                f"    {STEPS[0]}",
                "3 packages, 1,234 kB to download",
                *(f"    {step}" for step in STEPS[1:]),
            ],
        )

    def test_without_a_terminal_lines_come_seldom(self):
        status, said = self.bash(INSTALL.replace("progress_seconds=0", ":"))
        self.assertEqual(status, 0, said)
        self.assertLess(len(said.splitlines()), 3 + len(STEPS) / 2, said)

    def test_on_a_terminal_one_line_is_written_over(self):
        status, said = self.bash_on_a_terminal(INSTALL)
        self.assertEqual(status, 0, said)
        written = said.split("\r\x1b[K")
        self.assertEqual([line for line in written if line in STEPS], STEPS, said)
        self.assertTrue(said.endswith("\r\x1b[K"), said)

    def test_what_apt_get_says_is_shown_if_it_fails_without_debconf(self):
        self.add("apt-get", APT + FAILS)
        status, said = self.bash(INSTALL)
        self.assertEqual(status, 1, said)
        self.assertIn("\nE: frob has no installation candidate\n", said)
        self.assertNotIn("debconf", said)

    def test_lists_that_cannot_be_read_do_not_end_it(self):
        self.add("apt-get", APT.replace("exit\n", "exit 100\n") + WORKS)
        self.assertEqual(self.bash(INSTALL)[0], 0)

    def test_it_looks_whether_the_package_brought_it(self):
        self.add("apt-get", APT)
        status, said = self.bash(INSTALL)
        self.assertEqual(status, 1, said)
        self.assertIn("frob is still lacking after: apt-get install frob-package", said)

    def test_without_root_it_says_the_command_that_works(self):
        self.add("id", "#!/bin/sh\necho 1000\n")
        status, said = self.bash(INSTALL)
        self.assertEqual(status, 1, said)
        self.assertIn("takes root; run as root: apt-get install frob-package\n", said)
        self.assertNotIn("sudo", said)
        self.add("sudo", "#!/bin/sh\nexit 1\n")
        status, said = self.bash(INSTALL)
        self.assertEqual(status, 1, said)
        self.assertIn("takes root; run: sudo apt-get install frob-package\n", said)

    def test_by_sudo_if_that_works(self):
        self.add("id", "#!/bin/sh\necho 1000\n")
        self.add("sudo", '#!/bin/sh\n[ "$1" != -n ] || shift\necho "$1" >>"$0.log"\nexec "$@"\n')
        self.add("true", "#!/bin/sh\n")
        status, said = self.bash(INSTALL)
        self.assertEqual(status, 0, said)
        self.assertEqual(said.count("set up"), 3, said)
        self.assertIn("env", (self.commands / "sudo.log").read_text())


class Building(Case):
    def build(self, *lines, status=0):
        said = "\\n".join(lines)
        script = f"progress_seconds=0; watched {self.commands}/log show_counts bash -c 'printf \"{said}\\n\"; exit {status}'"
        return self.bash(script)

    def test_the_counts_of_ninja_and_meson_are_shown_and_nothing_else(self):
        status, said = self.build(
            "ninja: Entering directory",
            "[ 1/12] Compiling a.o",
            "a.c:1: warning",
            "[12/12] Linking a",
            " 3/20 librst:unit / golden  OK  0.05s",
        )
        self.assertEqual(status, 0)
        self.assertEqual(
            said.splitlines(),
            [
                "    1 of 12: Compiling a.o",
                "    12 of 12: Linking a",
                "    3 of 20: librst:unit / golden  OK  0.05s",
            ],
        )

    def test_the_log_has_all_and_the_status_is_the_command_s(self):
        status, _ = self.build("[1/2] Compiling a.o", "a.c:1: error", status=3)
        self.assertEqual(status, 3)
        self.assertEqual((self.commands / "log").read_text(), "[1/2] Compiling a.o\na.c:1: error\n")

    def test_a_long_line_is_cut_at_the_edge_of_the_terminal(self):
        script = f"stty cols 30 <&1; watched {self.commands}/log show_counts cat {self.commands}/said"
        (self.commands / "said").write_text("[1/2] " + "x" * 100 + "\n")
        status, said = self.bash_on_a_terminal(script)
        self.assertEqual(status, 0, said)
        self.assertEqual(max(map(len, re.split(r"\r\x1b\[K", said))), 29, said)


if __name__ == "__main__":
    unittest.main(verbosity=2)
