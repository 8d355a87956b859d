#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""README.md's commands install librst, and its first program, compiled as README.md says, works.

usage: readme_test.py HOW --source DIR --build DIR --sanitizer NAME

HOW is one of:

  system  as root, into /usr/local, in a mount namespace, so that the machine does not change
  prefix  into a prefix of the user's own

Debian's meson asks dpkg-architecture, of dpkg-dev, where libraries belong. A minimal system does
not have it, and these tests hide it.
"""

import argparse
import ctypes
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time

import documents

CLONE_NEWNS, MS_REC, MS_PRIVATE = 0x20000, 0x4000, 1 << 18
MNT_DETACH = 2
DEADLINE = 30  # seconds
SKIPPED = 77

libc = ctypes.CDLL(None, use_errno=True)


def lacking(what):
    if os.environ.get("RST_REQUIRE_TRACERS") == "1":
        sys.exit(f"RST_REQUIRE_TRACERS=1, and {what}")
    print(f"skipped: {what}")
    sys.exit(SKIPPED)


def find(pattern, text, what):
    found = re.search(pattern, text, re.M | re.S)
    if not found:
        sys.exit(f"README.md does not have {what}")
    return found.group(1)


class Readme:
    def __init__(self, source):
        with open(os.path.join(source, "README.md"), encoding="utf-8") as file:
            text = file.read()
        install = find(r"^## Install it\n(.*?)^## ", text, "a section on installing")
        block = find(r"((?:^    [^\n]*\n)+)", install, "commands to install")
        self.commands = [shlex.split(line, comments=True) for line in block.splitlines()]
        self.option = find(r"`meson setup (--prefix=[^`]*)`", install, "a prefix of one's own")
        self.exports = find(r"((?:^    export [^\n]*\n)+)", install, "what to export")
        blocks = documents.read("README.md")
        self.program = next(block.text for block in blocks if block.option("file=") == "shop.c")
        self.compile = next(block.text for block in blocks if block.text.startswith("cc shop.c "))

    def command(self, name):
        """The only command that starts with these words."""
        words = shlex.split(name)
        found = [command for command in self.commands if command[: len(words)] == words]
        if len(found) != 1:
            sys.exit(f"README.md says {name} {len(found)} times in: {self.commands}")
        return shlex.join(found[0])


def not_of_a_clone(directory, names):
    return [name for name in names if name in (".git", "__pycache__") or
            name.startswith("build") and os.path.isdir(os.path.join(directory, name))]


class Place:
    """A copy of the sources, like a clone, and an environment without dpkg-dev."""

    def __init__(self, source, work):
        self.clone = os.path.join(work, "librst")
        self.home = os.path.join(work, "home")
        commands = os.path.join(work, "commands")
        os.mkdir(self.home)
        os.mkdir(commands)
        shutil.copytree(source, self.clone, symlinks=True, ignore=not_of_a_clone)
        with open(os.path.join(commands, "dpkg-architecture"), "w", encoding="utf-8") as file:
            file.write("#!/bin/sh\nexit 127\n")
        os.chmod(file.name, 0o755)
        ours = ("CC", "CFLAGS", "LDFLAGS", "DESTDIR", "LD_LIBRARY_PATH", "PKG_CONFIG_PATH",
                "PKG_CONFIG_LIBDIR", "MALLOC_PERTURB_")
        self.environment = {k: v for k, v in os.environ.items()
                            if k not in ours and not k.startswith(("MESON_", "RST_"))}
        self.environment.update(PATH=f"{commands}:{os.environ['PATH']}", HOME=self.home)

    def sh(self, *commands):
        """Run lines of shell in turn, until one fails."""
        script = "\n".join(("set -e", *commands))
        done = subprocess.run(["sh", "-c", script], cwd=self.clone, env=self.environment, text=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT)
        if done.returncode != 0:
            sys.exit(f"{script}\nexit status {done.returncode}\n{done.stdout}")
        return done.stdout


def cover(directory, layers):
    """Hide changes in a directory from all processes except this one and its children."""
    upper, work = (os.path.join(layers, directory.strip("/").replace("/", "-") + end)
                   for end in ("", "-work"))
    os.mkdir(upper)
    os.mkdir(work)
    options = f"lowerdir={directory},upperdir={upper},workdir={work}"
    if libc.mount(b"overlay", directory.encode(), b"overlay", 0, options.encode()) < 0:
        lacking(f"no overlay over {directory}: {os.strerror(ctypes.get_errno())}")


def leave_the_machine_as_it_is(work):
    if os.geteuid() != 0:
        lacking("this needs root")
    if libc.unshare(CLONE_NEWNS) < 0 or libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None):
        lacking(f"no mount namespace: {os.strerror(ctypes.get_errno())}")
    layers = os.path.join(work, "layers")
    os.mkdir(layers)
    if libc.mount(b"tmpfs", layers.encode(), b"tmpfs", 0, None) < 0:
        lacking(f"no tmpfs: {os.strerror(ctypes.get_errno())}")
    for directory in ("/usr/local", "/etc", "/var/cache"):
        cover(directory, layers)
    libc.umount2(layers.encode(), MNT_DETACH)  # the overlays still use it


def watch_shop(place, library, exports=""):
    """Start README's program: it must use that library, and the installed rst must find its probe."""
    shop = subprocess.Popen(["sh", "-c", f"{exports}\nexec ./shop"], cwd=place.clone,
                            env=place.environment, text=True, stderr=subprocess.PIPE)
    try:
        deadline = time.monotonic() + DEADLINE
        said = ""
        while "shop:checkout" not in said:
            if shop.poll() is not None:
                sys.exit(f"./shop ended with {shop.returncode}: {shop.stderr.read()}")
            if time.monotonic() > deadline:
                sys.exit(f"rst list did not find shop:checkout: {said}")
            said = place.sh(exports, f"rst list -p {shop.pid} || :")
        with open(f"/proc/{shop.pid}/maps", encoding="utf-8") as file:
            maps = file.read()
        if f" {library}" not in maps:
            sys.exit(f"./shop has not mapped {library}:\n{maps}")
    finally:
        shop.kill()
        shop.wait()
        shop.stderr.close()


def compile_shop(place, readme, exports=""):
    with open(os.path.join(place.clone, "shop.c"), "w", encoding="utf-8") as file:
        file.write(readme.program)
    place.sh(exports, readme.compile)


def test_system(readme, place, work):
    leave_the_machine_as_it_is(work)
    place.sh(readme.command("meson setup"), readme.command("meson install"),
             readme.command("ldconfig"))
    compile_shop(place, readme)
    watch_shop(place, "/usr/local/lib/librst.so.")


def test_prefix(readme, place, _):
    setup = f"{readme.command('meson setup')} {readme.option.replace('$HOME', place.home)}"
    place.sh(setup, readme.command("meson install"))
    exports = "\n".join(line.strip() for line in readme.exports.splitlines())
    compile_shop(place, readme, exports)
    watch_shop(place, f"{place.home}/librst/lib/librst.so.", exports)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("how")
    parser.add_argument("--source", required=True)
    parser.add_argument("--build", required=True)
    parser.add_argument("--sanitizer", default="none")
    options = parser.parse_args()
    test = {"system": test_system, "prefix": test_prefix}[options.how]
    if options.sanitizer != "none":
        print("skipped: what README.md builds has no sanitizer")
        sys.exit(SKIPPED)
    os.umask(0o022)
    with tempfile.TemporaryDirectory(prefix="readme-", dir=options.build) as work:
        test(Readme(options.source), Place(options.source, work), work)


main()
