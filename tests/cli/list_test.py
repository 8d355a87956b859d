# SPDX-License-Identifier: MIT
"""`rst list` on real processes: with probes of librst, sys/sdt.h, Ruby and Python."""

import ctypes
import filecmp
import fcntl
import glob
import json
import os
import re
import shutil
import signal
import subprocess
import time

import command
import harness
from command import FORBIDDEN, GONE, NONE, OWN, PLAIN_SDT_PROGRAM, SDT_LIBRARY, SDT_PROGRAM

NOTE = re.compile(
    r"Provider: (\S+)\n\s*Name: (\S+)\n\s*Location:[^\n]*\n\s*Arguments: *([^\n]*?) *\n"
)
MAPPER = """\
import mmap, sys
file = open(sys.argv[1], "rb")
view = mmap.mmap(file.fileno(), 0, mmap.MAP_PRIVATE, mmap.PROT_READ | mmap.PROT_EXEC)
print("ready", flush=True)
sys.stdin.read()
"""
ORDER = [("id", "uint64"), ("customer", "string"), ("cents", "int32"), ("weight", "double")]


def arguments_of(site):
    return [(argument["name"], argument["type"]) for argument in site["arguments"]]


def readelf_notes(path):
    """Each probe's provider, name and arguments, read by binutils."""
    done = subprocess.run(["readelf", "-nW", path], capture_output=True, check=False)
    return sorted(NOTE.findall(done.stdout.decode()))


class Librst(command.CommandTest):
    def check_order(self, backing):
        target = self.target(backing)
        site = self.site("-p", target.pid, "shop:order")
        self.assertEqual(arguments_of(site), ORDER)
        self.assertTrue(all(argument["declared"] for argument in site["arguments"]))
        self.assertEqual(
            [(site["pid"], site["command"], site["place"], site["path"], site["watched"])],
            [(target.pid, "target", backing, target.path("shop"), 0)],
        )
        table = self.rst("list", "-p", target.pid, "shop:order").out.splitlines()
        self.assertEqual(table[0].split(), ["PROBE", "ARGUMENTS", "WATCHED", "WHERE", "PATH"])
        self.assertEqual(
            re.split(r"\s{2,}", table[1]),
            [
                "shop:order",
                "uint64 id, string customer, int32 cents, double weight",
                "0",
                backing,
                target.path("shop"),
            ],
        )

    def test_a_memfd_s_probes_have_their_names_and_true_types(self):
        self.check_order("memfd")

    def test_a_file_s_probes_have_their_names_and_true_types(self):
        self.check_order("file")

    def test_all_probes_of_a_process_are_there(self):
        target = self.target()
        names = self.rst("list", "-p", target.pid, "--names", *OWN).out.split()
        self.assertEqual(len(names), 13 + 13 + 2)
        self.assertEqual(names, sorted(set(names)))
        both = self.sites("-p", target.pid, "shop:*", "types:int8")
        self.assertEqual({site["probe"] for site in both}, {"order", "mixed", "int8"})

    def test_an_unloaded_provider_has_no_probes(self):
        target = self.target()
        target.tell("unload", "unloaded")
        outcome = self.rst("list", "-p", target.pid, "shop:order", status=NONE)
        self.assertEqual(outcome.out, "")
        target.tell("load", "loaded")
        self.site("-p", target.pid, "shop:order")

    def test_a_memfd_whose_descriptor_was_closed_is_found(self):
        self.need_root()
        target = self.target()
        target.tell("close", "closed")
        site = self.site("-p", target.pid, "shop:order")
        self.assertEqual(arguments_of(site), ORDER)
        self.assertRegex(site["path"], rf"^/proc/{target.pid}/map_files/")

    def test_watching_by_what_was_listed_counts_and_is_seen(self):
        self.need_uprobes()
        for backing in "memfd", "file":
            with self.subTest(backing=backing):
                target = self.target(backing)
                site = self.site("-p", target.pid, "shop:order")
                self.assertEqual(site["watched"], 0)
                event = harness.open_uprobe(site["path"], site["site"], site["semaphore"])
                self.assertEqual(self.site("-p", target.pid, "shop:order")["watched"], 1)
                watched = self.sites("-p", target.pid, "--watched")
                self.assertEqual([each["probe"] for each in watched], ["order"])
                target.fire("shop:order", 3)
                self.assertEqual(command.hits(event), 3)
                os.close(event)
                self.assertEqual(self.site("-p", target.pid, "shop:order")["watched"], 0)
                outcome = self.rst("list", "-p", target.pid, "--watched", *OWN, status=NONE)
                self.assertIn("none of 28 probes is watched", outcome.err)

    def test_bpftrace_is_seen_to_watch(self):
        self.need_uprobes()
        self.installed("bpftrace")
        target = self.target()
        site = self.site("-p", target.pid, "shop:order")
        program = f"usdt:{site['path']}:shop:order {{ }}"
        tracer = self.tool("bpftrace", "-p", target.pid, "-e", program)
        self.await_watched(1, "-p", target.pid, "shop:order")
        tracer.finish(signal.SIGKILL)  # 0.17 may ignore other signals while it starts
        self.await_watched(0, "-p", target.pid, "shop:order")


class CompileTime(command.CommandTest):
    def test_a_program_s_own_probes_have_the_operands_types(self):
        self.lock_sdt_program(fcntl.LOCK_EX)
        program = self.program(SDT_PROGRAM)
        site = self.site("-p", program.pid, "bakery:bread")
        self.assertEqual(
            arguments_of(site),
            [(None, "int8"), (None, "uint16"), (None, "int32"), (None, "uint64")],
        )
        where = site["place"], site["path"], site["watched"]
        self.assertEqual(where, ("executable", SDT_PROGRAM, 0))
        self.assertFalse(any(argument["declared"] for argument in site["arguments"]))
        self.assertEqual(arguments_of(self.site("-p", program.pid, "bakery:cake")), [])

    def test_the_offsets_are_those_that_a_tracer_attaches_to(self):
        self.lock_sdt_program(fcntl.LOCK_EX)
        self.need_uprobes()
        program = self.program(SDT_PROGRAM)
        site = self.site("-p", program.pid, "bakery:bread")
        event = harness.open_uprobe(site["path"], site["site"], site["semaphore"])
        self.assertEqual(self.site("-p", program.pid, "bakery:bread")["watched"], 1)
        self.assertEqual(self.site("-p", program.pid, "bakery:cake")["watched"], 0)
        self.assertEqual(program.tell("go"), "fired")
        self.assertEqual(command.hits(event), 1)
        os.close(event)
        self.assertEqual(self.site("-p", program.pid, "bakery:bread")["watched"], 0)

    def test_a_probe_without_semaphore_says_nothing_of_watchers(self):
        program = self.program(PLAIN_SDT_PROGRAM)
        site = self.site("-p", program.pid, "plain:next__line")
        self.assertEqual((site["semaphore"], site["watched"]), (None, None))
        table = self.rst("list", "-p", program.pid, "plain:next__line").out.splitlines()
        self.assertEqual(re.split(r"\s{2,}", table[1])[:3], ["plain:next__line", "int32", "-"])

    def test_a_library_that_was_deleted_is_still_read(self):
        self.need_root()
        copy = os.path.join(self.directory(), "plugin.so")
        shutil.copy(SDT_LIBRARY, copy)
        program = self.program(SDT_PROGRAM, copy)
        site = self.site("-p", program.pid, "plugin:*")
        self.assertEqual((site["place"], site["path"], site["watched"]), ("library", copy, 0))
        os.unlink(copy)
        site = self.site("-p", program.pid, "plugin:*")
        self.assertRegex(site["path"], rf"^/proc/{program.pid}/map_files/")
        self.assertEqual(site["watched"], 0)

    def test_a_library_that_was_replaced_is_not_taken_for_the_new_one(self):
        self.need_root()
        copy = os.path.join(self.directory(), "plugin.so")
        shutil.copy(SDT_LIBRARY, copy)
        program = self.program(SDT_PROGRAM, copy)
        shutil.copy(PLAIN_SDT_PROGRAM, copy + ".new")
        os.rename(copy + ".new", copy)
        providers = {site["provider"] for site in self.sites("-p", program.pid)}
        self.assertEqual(providers, {"bakery", "plugin"})
        self.assertNotEqual(self.site("-p", program.pid, "plugin:*")["path"], copy)

    def test_files_that_an_overlay_gives_the_same_number_are_told_apart(self):
        self.need_root()
        directory = self.directory()
        lower = [os.path.join(directory, name) for name in ("one", "other")]
        merged = os.path.join(directory, "merged")

        def mount(kind, where, data=None):
            if harness.libc.mount(kind, os.fsencode(where), kind, 0, data):
                raise OSError(ctypes.get_errno(), f"mount {where}")

        def overlay():
            if harness.libc.unshare(harness.CLONE_NEWNS) or harness.libc.mount(
                b"none", b"/", None, harness.MS_REC | harness.MS_PRIVATE, None
            ):
                raise OSError(ctypes.get_errno(), "unshare")
            for where, name, file in zip(lower, ("program", "plugin.so"), (SDT_PROGRAM, SDT_LIBRARY)):
                mount(b"tmpfs", where)
                shutil.copy(file, os.path.join(where, name))
            mount(b"overlay", merged, os.fsencode("lowerdir=" + ":".join(lower)))

        for path in [*lower, merged]:
            os.mkdir(path)
        program = self.program(
            os.path.join(merged, "program"), os.path.join(merged, "plugin.so"), prepare=overlay
        )
        sites = self.sites("-p", program.pid, "bakery:*", "plugin:*")
        self.assertEqual({site["provider"] for site in sites}, {"bakery", "plugin"})

    def test_a_process_that_is_named_twice_is_looked_at_once(self):
        program = self.program(SDT_PROGRAM)
        self.site("-p", program.pid, "-p", program.pid, "bakery:bread")

    def test_a_probe_that_may_be_watched_is_not_reported_as_unwatched(self):
        outcome = self.rst("list", "--watched", SDT_PROGRAM, status=NONE)
        self.assertRegex(outcome.err, "rst can't tell whether 2 probes are watched")
        program = self.program(PLAIN_SDT_PROGRAM)
        outcome = self.rst("list", "-w", "-p", program.pid, "plain:*", status=NONE)
        self.assertNotIn("is watched\n", outcome.err)

    def test_a_library_in_another_mount_namespace_has_a_path_from_here(self):
        self.need_root()
        directory = self.directory()
        inside = os.path.join(directory, "plugin.so")

        def hide():
            if harness.libc.unshare(harness.CLONE_NEWNS) or harness.libc.mount(
                b"none", b"/", None, harness.MS_REC | harness.MS_PRIVATE, None
            ):
                raise OSError(ctypes.get_errno(), "unshare")
            if harness.libc.mount(b"tmpfs", os.fsencode(directory), b"tmpfs", 0, None):
                raise OSError(ctypes.get_errno(), "mount")
            shutil.copy(SDT_LIBRARY, inside)

        program = self.program(SDT_PROGRAM, inside, prepare=hide)
        self.assertFalse(os.path.exists(inside))
        site = self.site("-p", program.pid, "plugin:*")
        pid = program.pid  # in a chroot, names differ from those of this namespace
        self.assertRegex(site["path"], f"^/proc/{pid}/root{inside}$|^/proc/{pid}/map_files/")
        self.assertTrue(filecmp.cmp(site["path"], SDT_LIBRARY, shallow=False))
        self.assertEqual(site["watched"], 0)
        self.need_uprobes()
        os.close(harness.open_uprobe(site["path"], site["site"], site["semaphore"]))


class Others(command.CommandTest):
    def test_files_have_the_probes_that_readelf_finds(self):
        libraries = "/usr/lib/x86_64-linux-gnu/"
        files = ["/usr/bin/python3", "/usr/bin/node", "/proc/self/exe"]
        for name in "libruby*.so.*", "libc.so.6", "libm.so.6", "libstdc++.so.6", "libpython*.so.*":
            files += glob.glob(libraries + name)
        found = 0
        for path in filter(os.path.exists, files):
            with self.subTest(file=path):
                wanted = readelf_notes(path)
                sites = self.sites(path, status=command.GOOD if wanted else NONE)
                seen = sorted(
                    (
                        site["provider"],
                        site["probe"],
                        [(argument["size"], argument["signed"]) for argument in site["arguments"]],
                        [argument["operand"] for argument in site["arguments"]],
                    )
                    for site in sites
                )
                expected = sorted(
                    (
                        provider,
                        name,
                        [(abs(int(n)), n < "0") for n in re.findall(r"(-?\d+)@", operands)],
                        re.findall(r"@(\[[^]]*\]|\S+)", operands),
                    )
                    for provider, name, operands in wanted
                )
                self.assertEqual(seen, expected)
                found += len(wanted)
        print(f"{found} probes in {len(files)} files")

    def test_ruby_s_probes_are_seen_to_be_watched(self):
        ruby = self.installed("ruby")
        script = "$stdout.sync = true; puts 'ready'; while gets; GC.start; puts 'done'; end"
        program = self.program(ruby, "-e", script)
        if run_names(program, "ruby:*") == "":
            self.need(False, "this Ruby has no probes")
        site = self.site("-p", program.pid, "ruby:gc__mark__begin")
        self.assertEqual((site["watched"], site["arguments"]), (0, []))
        several = self.sites("-p", program.pid, "ruby:cmethod__entry")
        self.assertGreater(len(several), 1)
        table = self.rst("list", "-p", program.pid, "ruby:cmethod__entry").out
        counts = [int(line.split()[-3]) for line in table.splitlines()[1:]]
        self.assertEqual(sum(counts), len(several))
        self.need_uprobes()
        self.installed("bpftrace")
        tracer = self.tool(
            "bpftrace", "-p", str(program.pid), "-e",
            f"usdt:{site['path']}:ruby:gc__mark__begin {{ printf(\"mark\\n\"); }}",
        )  # fmt: skip
        self.await_watched(1, "-p", program.pid, "ruby:gc__mark__begin")
        end = time.monotonic() + harness.DEADLINE
        while "mark" not in tracer.lines.seen:  # the first may come before bpftrace is ready
            self.assertLess(time.monotonic(), end, tracer)
            self.assertEqual(program.tell("go"), "done")
            tracer.lines.poll(0.2)
        tracer.finish(signal.SIGKILL)  # 0.17 may ignore other signals while it starts
        self.await_watched(0, "-p", program.pid, "ruby:gc__mark__begin")

    def test_python_s_probes_are_seen_to_be_watched(self):
        self.need(readelf_notes("/usr/bin/python3"), "/usr/bin/python3 has no probes")
        script = (
            "import gc, sys\n"
            "print('ready', flush=True)\n"
            "for line in sys.stdin:\n"
            "    gc.collect()\n"
            "    print('done', flush=True)"
        )
        program = self.program("/usr/bin/python3", "-c", script)
        site = self.site("-p", program.pid, "python:gc__start")
        self.assertEqual(arguments_of(site), [(None, "int32")])
        self.assertEqual(site["place"], "executable")
        self.need_uprobes()
        event = harness.open_uprobe(site["path"], site["site"], site["semaphore"])
        self.assertGreaterEqual(self.site("-p", program.pid, "python:gc__start")["watched"], 1)
        self.assertEqual(program.tell("go"), "done")
        self.assertGreaterEqual(command.hits(event), 1)
        os.close(event)


def run_names(program, pattern):
    return command.run("list", "-p", program.pid, "--names", pattern).out


class Namespaces(command.CommandTest):
    """A target in PID and mount namespaces of its own, where a tmpfs is mounted over its directory."""

    def isolated(self, backing):
        self.need_root()
        self.installed("nsenter")
        directory = self.directory()
        script = f"mount -t tmpfs tmpfs {directory} && exec {os.environ['RST_TARGET']}"
        program = self.program(
            self.installed("unshare"),
            *("--pid", "--fork", "--kill-child", "--mount", "--mount-proc", "sh", "-c", script),
            ready="ready 1$",
            environment={"RST_BACKING": backing.replace("DIRECTORY", directory)},
        )
        with open(f"/proc/{program.pid}/task/{program.pid}/children", encoding="ascii") as file:
            return int(file.read()), directory

    def enter(self, pid, *words):
        """Run rst in some of the namespaces of the process."""
        done = subprocess.run(["nsenter", "-t", str(pid), *map(str, words)], capture_output=True, check=False)
        return done.returncode, done.stdout.decode(), done.stderr.decode()

    def test_numbers_and_paths_are_those_of_rst_s_namespaces(self):
        for backing, path in ("memfd", r"/fd/\d+"), ("file:DIRECTORY", r"/rootDIRECTORY/\S+"):
            with self.subTest(backing=backing):
                pid, directory = self.isolated(backing)
                path = path.replace("DIRECTORY", directory)
                outside = self.site("-p", pid, "shop:order")
                self.assertEqual((outside["pid"], outside["watched"]), (pid, 0))
                self.assertRegex(outside["path"], f"^/proc/{pid}{path}$")
                for words in ("-p", 1), ():
                    status, out, err = self.enter(pid, "-p", "-m", command.RST, "list", *words, "shop:order", "--json")
                    self.assertEqual((status, err), (0, ""))
                    (inside,) = json.loads(out)
                    wanted = f"/proc/1{path}" if backing == "memfd" else path.removeprefix("/root")
                    self.assertEqual((inside["pid"], inside["site"]), (1, outside["site"]))
                    self.assertRegex(inside["path"], f"^{wanted}$")
                self.assertEqual(self.enter(pid, "-p", command.RST, "list", "-p", pid, "--names", "shop:order")[:2], (0, "shop:order\n"))
                if harness.uprobe_refusal() is None:
                    os.close(harness.open_uprobe(outside["path"], outside["site"], outside["semaphore"]))

    if not command.SANITIZED:  # AddressSanitizer itself needs /proc/self

        def test_a_proc_of_another_pid_namespace_is_refused(self):
            pid, _ = self.isolated("memfd")
            for words in ("-p", 1), ():
                status, out, err = self.enter(pid, "-m", command.RST, "list", *words)
                self.assertEqual((status, out), (GONE, ""))
                self.assertEqual(err.count("\n"), 1)
                self.assertIn("/proc is not mounted, or is that of another PID namespace", err)


class EveryProcess(command.CommandTest):
    def test_what_no_privilege_would_change_is_not_reported(self):
        self.need_root()
        path = os.path.join(self.directory(), "cut.so")
        with open(SDT_PROGRAM, "rb") as whole, open(path, "wb") as part:
            part.write(whole.read()[:-1000])
        program = self.program("/usr/bin/python3", "-c", MAPPER, path)
        self.assertIn("a broken ELF file", self.rst("list", "-p", program.pid, status=command.BAD_FILE).err)
        self.target()
        said = self.rst("list", "shop:order").err.splitlines()
        self.assertRegex(said.pop(0), r"^rst: files that are damaged or can't be read: \d+; with the -p ")
        with open("/proc/self/status", encoding="ascii") as file:
            capabilities = int(re.search(r"CapEff:\s*(\w+)", file.read())[1], 16)
        if capabilities >> 19 & 1 and capabilities >> 21 & 1:  # CAP_SYS_PTRACE, CAP_SYS_ADMIN
            self.assertEqual(said, [])

    def test_a_thread_s_id_is_refused_with_its_process(self):
        script = (
            "import sys, threading\n"
            "done = threading.Event()\n"
            "thread = threading.Thread(target=done.wait)\n"
            "thread.start()\n"
            "print('ready', thread.native_id, flush=True)\n"
            "sys.stdin.read()\n"
            "done.set()"
        )
        program = self.program("/usr/bin/python3", "-c", script, ready=r"ready \d+")
        thread = int(program.lines.seen[-1].split()[1])
        outcome = self.rst("list", "-p", thread, status=GONE)
        words = f"rst: {thread} is not a process but a thread of process {program.pid}; give -p {program.pid}\n"
        self.assertEqual((outcome.out, outcome.err), ("", words))

    def test_processes_with_one_file_are_one_row(self):
        self.lock_sdt_program(fcntl.LOCK_EX)
        programs = [self.program(SDT_PROGRAM) for _ in range(3)]
        pids = {site["pid"] for site in self.sites("bakery:bread")}
        self.assertTrue(pids.issuperset(program.pid for program in programs))
        rows = self.rst("list", "bakery:bread").out.splitlines()
        self.assertRegex(rows[0], "PROBE +ARGUMENTS +WATCHED +PROCESS +WHERE +PATH")
        self.assertEqual(len(rows), 2, rows)
        process = rf"{min(pids)} \S+ \+{len(pids) - 1}"
        self.assertRegex(rows[1], rf"  {process}  executable  {SDT_PROGRAM}$")

    def test_several_processes_are_told_apart(self):
        one, other = self.target(), self.program(SDT_PROGRAM)
        sites = self.sites("-p", one.pid, "-p", other.pid, "shop:order", "bakery:bread")
        self.assertEqual({site["pid"] for site in sites}, {one.pid, other.pid})
        again = self.target()
        names = self.rst("list", "-p", one.pid, "-p", again.pid, "shop:*", "--names").out
        self.assertEqual(names, "shop:mixed\nshop:order\n")
        rows = self.rst("list", "-p", one.pid, "-p", other.pid, "*:*").out
        self.assertRegex(rows, rf"{one.pid} target +memfd")
        self.assertRegex(rows, rf"{other.pid} \S+ +executable")

    def test_without_privilege_what_can_t_be_seen_is_said_once(self):
        self.need_root()
        rst = self.copy_for_nobody()
        outcome = command.run_as_nobody(rst, "list")
        said = outcome.stderr.decode().splitlines()
        refused = [line for line in said if "you may not look at" in line]
        self.assertEqual(len(refused), 1, said)
        words = r"^rst: processes that you may not look at: \d+; be root, or have CAP_SYS_PTRACE$"
        self.assertRegex(refused[0], words)

    def test_without_privilege_one_s_own_processes_are_seen(self):
        self.need_root()
        rst = self.copy_for_nobody()
        target = self.copy_for_nobody(os.environ["RST_TARGET"])
        program = self.program(
            target, prepare=command.become_nobody, environment={"RST_BACKING": "memfd"}
        )
        done = command.run_as_nobody(rst, "list", "-p", program.pid, "shop:order")
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        path = rf"/proc/{program.pid}/fd/\d+"
        self.assertRegex(done.stdout.decode(), rf"shop:order +uint64 id.* 0 +memfd +{path}\n")

    def test_without_privilege_another_s_process_is_refused(self):
        self.need_root()
        rst = self.copy_for_nobody()
        target = self.target()
        done = command.run_as_nobody(rst, "list", "-p", target.pid)
        self.assertEqual((done.returncode, done.stdout), (FORBIDDEN, b""))
        words = rf"^rst: you may not look at process {target.pid}: .*CAP_SYS_PTRACE\n$"
        self.assertRegex(done.stderr.decode(), words)

    def test_without_privilege_one_s_own_deleted_library_is_refused_with_what_grants_it(self):
        self.need_root()
        rst = self.copy_for_nobody()
        library = self.copy_for_nobody(SDT_LIBRARY)
        loader = "import ctypes, sys; ctypes.CDLL(sys.argv[1]); print('ready', flush=True); sys.stdin.read()"
        program = self.program("/usr/bin/python3", "-c", loader, library, prepare=command.become_nobody)
        os.unlink(library)
        done = command.run_as_nobody(rst, "list", "-p", program.pid, "plugin:*")
        self.assertEqual(done.returncode, FORBIDDEN, done)
        said = done.stderr.decode()
        self.assertRegex(said, "libsdt_library.so.* can't be opened: it is deleted.*CAP_SYS_ADMIN")
        self.assertNotIn("has no probes", said)


if __name__ == "__main__":
    harness.main()
