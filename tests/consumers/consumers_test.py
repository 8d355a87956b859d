#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Programs that use librst as other programs do, from an installed copy and from its sources.

usage: consumers_test.py HOW --source DIR --build DIR --cc CC... --cxx CXX... [--docs]

HOW is one of: installed, shared, static, cpp, subproject, compat.
"""

import argparse
import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))


def run(command, **more):
    """Run a command; if it fails, print its output."""
    result = subprocess.run(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                            **more)
    if result.returncode != 0:
        sys.exit(f"{shlex.join(command)}: exit status {result.returncode}\n{result.stdout}")
    return result.stdout


class Install:
    """The build, installed into a directory of the test's own."""

    def __init__(self, options, work):
        self.destdir = os.path.join(work, "destdir")
        run(options.meson + ["install", "-C", options.build, "--quiet", "--destdir", self.destdir])
        told = json.loads(run(options.meson + ["introspect", "--buildoptions", options.build]))
        option = {o["name"]: o["value"] for o in told}
        below = os.path.join(self.destdir, option["prefix"].lstrip("/"))
        self.include = os.path.join(below, option["includedir"])
        self.lib = os.path.join(below, option["libdir"])
        self.man = os.path.join(below, option["mandir"])

    def pkg_config(self, *arguments, package="librst"):
        environment = dict(os.environ, PKG_CONFIG_SYSROOT_DIR=self.destdir,
                           PKG_CONFIG_LIBDIR=os.path.join(self.lib, "pkgconfig"))
        environment.pop("PKG_CONFIG_PATH", None)
        return shlex.split(run(["pkg-config", *arguments, package], env=environment))

    def version(self):
        return self.pkg_config("--modversion")[0]


def dynamic(program):
    """The dynamic section of a program or library: [(tag, value)]."""
    entries = []
    for line in run(["readelf", "-dW", program]).splitlines():
        if "(" in line and "[" in line:
            tag = line[line.index("(") + 1:line.index(")")]
            entries.append((tag, line[line.rindex("[") + 1:line.rindex("]")]))
    return entries


def check(condition, words):
    if not condition:
        sys.exit(words)


def run_consumer(program, library_path=None):
    environment = dict(os.environ)
    environment.pop("LD_LIBRARY_PATH", None)
    if library_path:
        environment["LD_LIBRARY_PATH"] = library_path
    said = run([program], env=environment)
    check(said == "declared, loaded, fired\n", f"{program} printed {said!r}")


def test_installed(options, work):
    """Every installed file is where it belongs."""
    install = Install(options, work)
    version = install.version()
    wanted = [os.path.join(install.include, "rst.h"),
              os.path.join(install.lib, "librst.a"),
              os.path.join(install.lib, "librst.so"),
              os.path.join(install.lib, "librst.so.0"),
              os.path.join(install.lib, f"librst.so.{version}"),
              os.path.join(install.lib, "pkgconfig", "librst.pc")]
    missing = [path for path in wanted if not os.path.isfile(path)]
    check(not missing, f"not installed: {', '.join(missing)}")
    check(("SONAME", "librst.so.0") in dynamic(wanted[2]),
          f"librst.so has no soname librst.so.0: {dynamic(wanted[2])}")
    needed = {value for tag, value in dynamic(wanted[2]) if tag == "NEEDED"}
    libc = ("libc.", "libdl.", "libpthread.", "ld-linux")  # all are parts of glibc
    check(all(name.startswith(libc) for name in needed),
          f"librst.so needs more than libc: {needed}")
    if options.docs:
        pages = [os.path.join(path, name) for path, _, names in os.walk(install.man)
                 for name in names]
        check(any("/man3/" in page for page in pages), f"no man page of section 3 in {pages}")
    others = [os.path.join(path, name) for path, _, names in os.walk(install.destdir)
              for name in names if "test" in name or "cmocka" in name]
    check(not others, f"unexpected files were installed: {others}")


def test_shared(options, work, compiler=None, source="consumer.c", arguments=("-std=c11",)):
    install = Install(options, work)
    program = os.path.join(work, "consumer")
    run((compiler or options.cc) + [*arguments, "-Wall", "-Wextra", "-Werror",
                                    os.path.join(HERE, source), "-o", program] +
        install.pkg_config("--cflags", "--libs"))
    check(("NEEDED", "librst.so.0") in dynamic(program),
          f"the program does not need librst.so.0: {dynamic(program)}")
    run_consumer(program, install.lib)


def test_cpp(options, work):
    test_shared(options, work, options.cxx, "consumer.cpp", ("-std=c++11",))


def test_static(options, work):
    """Link with only the static library installed: -lrst would take the shared one."""
    install = Install(options, work)
    for name in os.listdir(install.lib):
        if name.startswith("librst.so"):
            os.unlink(os.path.join(install.lib, name))
    program = os.path.join(work, "consumer")
    run(options.cc + ["-std=c11", "-Wall", "-Wextra", "-Werror", os.path.join(HERE, "consumer.c"),
                      "-o", program] + install.pkg_config("--static", "--cflags", "--libs"))
    needed = [value for tag, value in dynamic(program) if tag == "NEEDED"]
    check(not any(value.startswith("librst") for value in needed), f"the program needs {needed}")
    run_consumer(program)


COMPAT = "librst-compat"
STRICT = ["-Wall", "-Wextra", "-Wpedantic", "-Werror"]


def check_only_in_compat(install, name, header):
    """The originals' place is free: no file of the drop-in is where a compiler or linker looks."""
    for directory, wanted in ((install.include, {header}),
                              (install.lib, {f"lib{name}.a", f"lib{name}.so", f"lib{name}.so.0"})):
        below = set(os.listdir(os.path.join(directory, COMPAT)))
        check(wanted <= below, f"{directory}/{COMPAT} has only {below}")
        beside = {entry for entry in os.listdir(directory) if name in entry}
        check(not beside, f"{directory} has {beside}")


def test_compat(options, work):
    """The drop-ins: a program of the original's, in C and in C++, shared and static."""
    install = Install(options, work)
    library_path = os.path.join(install.lib, COMPAT)
    for name, header in (("stapsdt", "libstapsdt.h"), ("usdt", "usdt.h")):
        check_only_in_compat(install, name, header)
        flags = install.pkg_config("--cflags", "--libs", package=f"librst-{name}")
        source = os.path.join(HERE, f"{name}_consumer.c")
        program = os.path.join(work, name)
        static = os.path.join(library_path, f"lib{name}.a")
        for compiler, arguments in ((options.cc, ["-std=c11"]),
                                    (options.cc, ["-std=gnu11", "-D_GNU_SOURCE"]),
                                    (options.cxx, ["-std=c++11", "-x", "c++"])):
            begin = compiler + arguments + STRICT + [source, "-o", program]
            run(begin + (["-x", "none"] if "-x" in arguments else []) + flags)
            check(("NEEDED", f"lib{name}.so.0") in dynamic(program), f"{dynamic(program)}")
            run_consumer(program, library_path)
        # As with the original's, this library is all that a program must be linked with.
        run(options.cc + STRICT + [source, static, "-o", program] +
            [flag for flag in flags if flag.startswith("-I")])
        needed = [value for tag, value in dynamic(program) if tag == "NEEDED"]
        check(not any("rst" in value or name in value for value in needed),
              f"the program needs {needed}")
        run_consumer(program)


PROJECT = """project('consumer', 'c', 'cpp', default_options: ['c_std=c11', 'cpp_std=c++11'])
librst_dep = dependency('librst', fallback: 'librst')
executable('consumer', 'consumer.c', dependencies: librst_dep)
executable('consumer-cpp', 'consumer.cpp', dependencies: librst_dep)
"""


def test_subproject(options, work):
    """As a subproject, as a shared and as a static library."""
    project = os.path.join(work, "project")
    os.makedirs(os.path.join(project, "subprojects"))
    os.symlink(options.source, os.path.join(project, "subprojects", "librst"))
    for name in ("consumer.c", "consumer.cpp"):
        shutil.copy(os.path.join(HERE, name), project)
    with open(os.path.join(project, "meson.build"), "w") as file:
        file.write(PROJECT)
    environment = dict(os.environ, CC=shlex.join(options.cc), CXX=shlex.join(options.cxx),
                       PKG_CONFIG_LIBDIR=work)
    for library in ("shared", "static"):
        build = os.path.join(work, library)
        run(options.meson + ["setup", "--wrap-mode", "nodownload", "--default-library", library,
                             build, project], env=environment)
        run(options.meson + ["compile", "-C", build, "-j", "2"], env=environment)
        for name in ("consumer", "consumer-cpp"):
            program = os.path.join(build, name)
            is_needed = ("NEEDED", "librst.so.0") in dynamic(program)
            check(is_needed == (library == "shared"), f"{library}: {dynamic(program)}")
            run_consumer(program)
        stray = [path for path, _, _ in os.walk(build) if path.endswith(".p") and
                 "/tests/" in path]
        check(not stray, f"a subproject builds librst's tests: {stray}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("how")
    parser.add_argument("--source", required=True)
    parser.add_argument("--build", required=True)
    parser.add_argument("--meson", nargs="+", default=["meson"])
    parser.add_argument("--cc", nargs="+", required=True)
    parser.add_argument("--cxx", nargs="+", required=True)
    parser.add_argument("--docs", action="store_true")
    parser.add_argument("--sanitizer", default="none")
    options = parser.parse_args()
    test = {"installed": test_installed, "shared": test_shared, "static": test_static,
            "cpp": test_cpp, "subproject": test_subproject, "compat": test_compat}[options.how]
    if options.sanitizer != "none":
        print(f"skipped: a program linked without -fsanitize={options.sanitizer} can't use a "
              "library that was built with it")
        sys.exit(77)
    # Meson and compilers read options from these variables; the build has its own options.
    for name in ("CFLAGS", "CXXFLAGS", "LDFLAGS", "DESTDIR", "MALLOC_PERTURB_"):
        os.environ.pop(name, None)
    with tempfile.TemporaryDirectory(prefix="consumers-", dir=options.build) as work:
        test(options, work)


main()
