# SPDX-License-Identifier: MIT
"""tests/cross/root.sh makes a root directory once, and anew when what it should hold has changed.

By an apt-get and a dpkg-deb that have packages of one file and one link.
"""

import os
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

SOURCE = Path(os.environ["SOURCE_ROOT"])
SCRIPT = SOURCE / "tests/cross/root.sh"
MIRROR = SOURCE / ".ci/debian_mirror.sh"
APT = r"""#!/bin/sh
echo "$*" >>"$CALLS"
case "$*" in
indextargets*) [ -n "$NO_MIRROR" ] || echo http://deb.example/debian bookworm ;;
*download*)
    grep -q "http://deb.example/debian bookworm main" "${APT_CONFIG%/*}/sources.list" || exit 9
    [ -z "$NO_NETWORK" ] || exit 100
    : >libc6_1_s390x.deb
    ;;
esac
"""
DPKG_DEB = r"""#!/bin/sh
mkdir -p "$CALLS.d/usr/lib" "$CALLS.d/lib"
echo linker >"$CALLS.d/usr/lib/ld.so.1"
ln -sf /lib/ld.so.1 "$CALLS.d/usr/lib/linker"
tar -c -C "$CALLS.d" .
"""


class Roots(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.place = Path(directory.name)
        self.script = self.place / "tests/cross/root.sh"
        for script in (SCRIPT, MIRROR):
            copy = self.place / script.relative_to(SOURCE)
            copy.parent.mkdir(parents=True)
            shutil.copy(script, copy)
        self.root = self.place / "cache/cross/s390x"
        self.commands = self.place / "commands"
        self.commands.mkdir()
        fakes = {"apt-get": APT, "dpkg-deb": DPKG_DEB, "dpkg": "#!/bin/sh\necho amd64\n"}
        for name, script in fakes.items():
            (self.commands / name).write_text(script)
            (self.commands / name).chmod(0o755)

    def make(self, cpu="s390x", **environment):
        """Gives its status, what it said, and how apt-get was called."""
        calls = self.place / "calls"
        calls.write_text("")
        done = subprocess.run(
            ["bash", self.script, cpu, self.root],
            env={
                "PATH": f"{self.commands}:{os.environ['PATH']}",
                "CALLS": str(calls), "NO_MIRROR": "", "NO_NETWORK": "", **environment,
            },
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, check=False,
        )
        return done.returncode, done.stdout, calls.read_text()

    def test_it_is_made_once(self):
        status, said, calls = self.make()
        self.assertEqual(status, 0, said)
        self.assertIn("download libc6 ", calls)
        self.assertEqual((self.root / "lib/ld.so.1").read_text(), "linker\n")
        status, said, calls = self.make(NO_NETWORK="yes")
        self.assertEqual((status, calls), (0, ""), said)

    def test_links_from_the_root_lead_into_it(self):
        self.make()
        link = self.root / "usr/lib/linker"
        self.assertEqual(link.resolve(), (self.root / "usr/lib/ld.so.1").resolve())
        self.assertFalse(os.readlink(link).startswith("/"))

    def test_other_packages_make_it_anew(self):
        self.make()
        (self.root / "old").touch()
        self.script.write_text(self.script.read_text().replace("packages=(libc6 ", "packages=(frob libc6 "))
        status, said, calls = self.make()
        self.assertEqual(status, 0, said)
        self.assertIn("download frob libc6 ", calls)
        self.assertFalse((self.root / "old").exists())

    def test_what_fails_is_not_taken_for_complete(self):
        status, said, _ = self.make(NO_NETWORK="yes")
        self.assertNotEqual(status, 0, said)
        self.assertFalse(self.root.exists())
        self.assertEqual(self.make()[0], 0)
        self.assertTrue(self.root.exists())

    def test_a_machine_that_is_not_debians_is_told(self):
        status, said, _ = self.make(NO_MIRROR="yes")
        self.assertEqual(status, 1, said)
        self.assertIn("apt-get has no Debian mirror", said)

    def test_a_cpu_that_is_not_there_is_refused(self):
        status, said, _ = self.make("z80")
        self.assertEqual(status, 2, said)
        self.assertIn("there is no CPU z80", said)


if __name__ == "__main__":
    unittest.main(verbosity=2)
