# SPDX-License-Identifier: MIT
"""Where a program is confined, what a load gives by each backing, and what an error says.

The first table of "Containers and services" in docs/tracing.md has the same rows.
"""

import os
import signal
import subprocess

from harness import Case, main
from settings import CONFINED, TARGET, check_confined, table

MEMFD, FILE, SHM = "memfd", "file in /tmp", "file in /dev/shm"
KILLED = "killed"
NOEXEC = "noexec"
READ_ONLY = "read-only"
UNMAPPED = "unmapped"
NO_MEMFD = "refused"
NO_PROC = "no /proc"

SAYS = {
    NOEXEC: 'directory "/tmp" is on a file system that is mounted noexec; directory "/dev/shm" is '
    "on a file system that is mounted noexec; name another with RST_BACKING=file:DIR",
    READ_ONLY: 'mkdir "/tmp/librst-0": Read-only file system; directory "/dev/shm" is on a file '
    "system that is mounted noexec; name another with RST_BACKING=file:DIR",
    UNMAPPED: 'directory "/" belongs to user 65534 (in a user namespace: anybody outside), who could '
    "exchange what is in it; name another with RST_BACKING=file:DIR",
    NO_MEMFD: "memfd_create (a seccomp filter? RST_BACKING=file does without): ",
    NO_PROC: "/proc/self, by which tracers find a memfd (is /proc mounted?): ",
}

# As systemd or a container engine sets it: what RST_BACKING unset, "memfd" and "file" give.
ROWS = {
    "NoNewPrivileges=yes": (MEMFD, MEMFD, FILE),
    "MemoryDenyWriteExecute=yes": (MEMFD, MEMFD, FILE),
    "MemoryDenyWriteExecute=prctl": (MEMFD, MEMFD, FILE),
    "RestrictAddressFamilies=AF_UNIX": (MEMFD, MEMFD, FILE),
    "LockPersonality=yes": (MEMFD, MEMFD, FILE),
    "SystemCallFilter=@system-service": (MEMFD, MEMFD, FILE),
    "SystemCallFilter=~memfd_create:EPERM": (FILE, NO_MEMFD, FILE),
    "SystemCallFilter=~memfd_create:ENOSYS": (FILE, NO_MEMFD, FILE),
    "SystemCallFilter=~memfd_create": (KILLED, KILLED, FILE),
    "PrivateTmp=TMP": (MEMFD, MEMFD, FILE),
    "ProtectSystem=strict": (MEMFD, MEMFD, SHM),
    "ProtectSystem=strict ReadWritePaths=/tmp": (MEMFD, MEMFD, FILE),
    "ProtectSystem=strict NoExecPaths=/dev/shm": (MEMFD, MEMFD, READ_ONLY),
    "NoExecPaths=/tmp": (MEMFD, MEMFD, SHM),
    "NoExecPaths=/tmp NoExecPaths=/dev/shm": (MEMFD, MEMFD, NOEXEC),
    "NoExecPaths=/tmp NoExecPaths=/dev/shm SystemCallFilter=~memfd_create:EPERM": (
        NO_MEMFD, NO_MEMFD, NOEXEC,
    ),
    "ProtectProc=invisible User=12345": (MEMFD, MEMFD, FILE),
    "ProcSubset=pid": (MEMFD, MEMFD, FILE),
    "PrivateUsers=yes User=12345": (MEMFD, MEMFD, FILE),
    "PrivateUsers=user User=12345": (MEMFD, MEMFD, UNMAPPED),
    "Proc=none": (FILE, NO_PROC, FILE),
    "Container=yes": (MEMFD, MEMFD, FILE),
    "Container=yes PrivateUsers=yes": (MEMFD, MEMFD, FILE),
    "Container=read-only": (MEMFD, MEMFD, READ_ONLY),
    # Much of it at once, as hardened units have it.
    "NoNewPrivileges=yes MemoryDenyWriteExecute=yes RestrictAddressFamilies=AF_UNIX "
    "LockPersonality=yes SystemCallFilter=@system-service PrivateTmp=TMP ProtectSystem=strict "
    "ProtectProc=invisible PrivateUsers=yes User=12345": (MEMFD, MEMFD, FILE),
}
BACKINGS = ("", "memfd", "file")
PLACES = {"/proc/": MEMFD, "/tmp/": FILE, "/dev/shm/": SHM}
COMMANDS = "path shop\nfire shop:order 1\nunload\nfire shop:order 1\nload\npath shop\nfork\npath shop\n"
ANSWERS = "ready path fired done unloaded fired done loaded path ready path".split()


class Loads(Case):
    def setUp(self):
        check_confined(self)

    def outcome(self, words, backing, tmp):
        """What the program does: load, fire, unload, load and fork."""
        environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith("RST_") and name not in ("TMPDIR", "XDG_RUNTIME_DIR")
        }
        if backing:
            environment["RST_BACKING"] = backing
        settings = [word.replace("TMP", tmp) if word.endswith("=TMP") else word for word in words]
        done = subprocess.run(
            [CONFINED, *settings, TARGET], input=COMMANDS, capture_output=True, text=True,
            env=environment, check=False,
        )
        if done.returncode == 125 and "PR_SET_MDWE" in done.stderr:
            self.skipTest("the kernel has no PR_SET_MDWE (before Linux 6.3)")
        self.assertNotEqual(done.returncode, 125, done.stderr)
        if done.returncode in (-signal.SIGSYS, 128 + signal.SIGSYS):
            return KILLED
        lines = done.stdout.splitlines()
        if done.returncode == 0:
            self.assertEqual([line.split()[0] for line in lines], ANSWERS, words)
            path = lines[1].split()[1]
            return next(place for start, place in PLACES.items() if path.startswith(start))
        found = [name for name, said in SAYS.items() if said in done.stderr]
        self.assertTrue(found, f"{words}, RST_BACKING={backing}: {done.stderr}")
        return NO_MEMFD if NO_MEMFD in found else found[0]

    def test_a_load_gives_what_the_table_says(self):
        tmp = self.directory()
        os.chmod(tmp, 0o1777)
        for row, wanted in ROWS.items():
            for backing, want in zip(BACKINGS, wanted, strict=True):
                with self.subTest(row=row, backing=backing):
                    self.assertEqual(self.outcome(row.split(), backing, tmp), want)
        self.assertEqual(os.listdir(tmp), [])

    def test_the_document_says_the_same(self):
        cells = {
            MEMFD: "memfd", FILE: "`/tmp`", SHM: "`/dev/shm`", KILLED: "**killed**",
            NO_MEMFD: "error", NOEXEC: "error", READ_ONLY: "error", UNMAPPED: "error",
            NO_PROC: "error",
        }
        want = {row: [cells[cell] for cell in wanted] for row, wanted in ROWS.items()}
        seen = {
            row.replace("`", ""): cells
            for row, *cells in table("how the program runs")
        }
        spelt = {
            "Container=yes": "a container on overlayfs",
            "Container=yes PrivateUsers=yes": "the same with a user namespace",
            "Container=read-only": "a container whose root is read-only",
            "Proc=none": "no /proc",
            "PrivateUsers=user User=12345": "a user namespace without root",
            "PrivateUsers=yes User=12345": "PrivateUsers=yes",
            "ProtectProc=invisible User=12345": "ProtectProc=invisible",
            "PrivateTmp=TMP": "PrivateTmp=yes",
            "MemoryDenyWriteExecute=prctl": "MemoryDenyWriteExecute=yes from systemd 253 on",
            "NoNewPrivileges=yes MemoryDenyWriteExecute=yes RestrictAddressFamilies=AF_UNIX "
            "LockPersonality=yes SystemCallFilter=@system-service PrivateTmp=TMP "
            "ProtectSystem=strict ProtectProc=invisible PrivateUsers=yes User=12345": "all of these "
            "that memfds pass, at once",
        }
        self.assertEqual(seen, {spelt.get(row, row): cells for row, cells in want.items()})


if __name__ == "__main__":
    main()
