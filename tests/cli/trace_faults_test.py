# SPDX-License-Identifier: MIT
"""`rst trace` where tracers go wrong: odd operands, semaphores of one's own, memory that can't be
read, namespaces, overlays, few descriptors, processes that fork, become another program or die."""

import ctypes
import json
import os
import shutil
import signal
import subprocess

import command
import harness
import tracing

ODD_PROGRAM = os.environ.get("RST_ODD_PROGRAM")
MS_BIND = 0x1000


def mount(kind, where, data=None, source=None, flags=0):
    texts = [text and os.fsencode(text) for text in (source or kind, where, kind, data)]
    if harness.libc.mount(texts[0], texts[1], texts[2], flags, texts[3]):
        raise OSError(ctypes.get_errno(), f"mount {where}")


def enter_new_mounts():
    """Go into a mount namespace of one's own. What is mounted there ends with the process."""
    if harness.libc.unshare(harness.CLONE_NEWNS):
        raise OSError(ctypes.get_errno(), "unshare")
    mount(None, "/", source="none", flags=harness.MS_REC | harness.MS_PRIVATE)


class Faults(tracing.TraceCase):
    def setUp(self):
        super().setUp()
        if not ODD_PROGRAM:
            self.skipTest("the program with odd operands is written for x86_64")

    def odd(self, *program, **options):
        return self.program(*(program or [ODD_PROGRAM]), ready=r"ready \d+", **options)

    def arguments(self, tool, count):
        return [event["args"]["arg0"] for event in self.events(tool, count)]

    def test_operands_of_every_form(self):
        odd = self.odd()
        tool = self.trace("-p", odd.pid, "odd:operands", "odd:sizes", "--json")
        words = "arg0 < 0 || arg1 == 0 || !(arg2 > 0) || arg3 != 0 || arg6 >= 0 || arg7 < 9 || arg8 == 0"
        none = self.trace("-p", odd.pid, "odd:sizes", "-f", words)
        people = self.trace("-p", odd.pid, "odd:sizes", "-f", "arg9 < 0 || arg9 > 0", "-n", "1")
        odd.tell("operands")
        operands, sizes = self.events(tool, 2)
        self.assertEqual(operands["unreadable"], ["arg5", "arg8"])
        values = list(operands["args"].values())
        table = values.pop(4)
        self.assertEqual(values, [0x1122334455667788, 0x77, 0x77, -3, None, -9, 77, None, 70000 - 65536])
        with open(f"/proc/{odd.pid}/maps", encoding="utf-8") as file:
            own = [line.partition(" ")[0].split("-") for line in file if ODD_PROGRAM in line]
        self.assertTrue(any(int(start, 16) <= table < int(end, 16) for start, end in own), hex(table))
        self.assertEqual(sizes["unreadable"], ["arg0", "arg1", "arg2", "arg3", "arg6", "arg7", "arg8"])
        readable = {"arg4": 0x7788, "arg5": 0x1122334455667788, "arg9": 0x55667788}
        self.assertEqual(sizes["args"], {f"arg{i}": readable.get(f"arg{i}") for i in range(10)})
        (line, _) = self.ended(people)
        self.assertTrue(line.endswith("arg3=? arg4=30600 arg5=1234605616436508552 arg6=? arg7=? arg8=? arg9=1432778632"), line)
        self.assertEqual(self.ended(none, signal.SIGINT)[-1], "rst: 0 hits")
        listed = self.sites(ODD_PROGRAM, "odd:sizes")[0]["arguments"]
        self.assertEqual([argument["size"] for argument in listed], [16, 12, 3, 24, 2, 0, 9, 8, 1, 4])

    def test_sites_with_semaphores_of_their_own(self):
        odd = self.odd()
        tool = self.trace("-p", odd.pid, "odd:apart", "--json")
        self.assertEqual([site["watched"] for site in self.sites("-p", odd.pid, "odd:apart")], [1, 1, 1])
        odd.tell("apart 33")
        self.assertEqual(self.arguments(tool, 99), list(range(99)))
        self.await_watched(0, "-p", odd.pid, "odd:apart")

    def test_null_unreadable_and_empty_strings_differ(self):
        odd = self.odd()
        words = "-p", odd.pid, "odd:text", "--string", "arg0"
        tool = self.trace(*words, "--json")
        by = self.trace(*words, "--by", "arg0")
        filters = {
            'arg0 == ""': [2],
            "arg0 == null": [1],
            "arg0 != null": [0, 2, 3, 4, 5],
            '!(arg0 == "halfway")': [0, 1, 2],
            'arg0 != "half" || arg1 == 5': [0, 1, 2, 5],
        }
        tools = [self.trace(*words, "--json", "-f", text) for text in filters]
        odd.tell("strings")
        events = self.events(tool, 6)
        self.assertEqual([event["args"]["arg0"] for event in events], ["text", None, "", None, None, None])
        self.assertEqual([event.get("unreadable") for event in events], [None] * 3 + [["arg0"]] * 3)
        rows = {line.split("odd:text")[1].strip(): int(line.split()[0]) for line in self.stop(by)[1:]}
        self.assertEqual(rows, {'"text"': 1, '""': 1, "NULL": 1, "?": 3})
        for (text, numbers), filtered in zip(filters.items(), tools):
            seen = [event["args"]["arg1"] for event in self.events(filtered, len(numbers))]
            self.assertEqual(seen, numbers, text)

    def test_a_process_in_a_mount_namespace_or_a_chroot(self):
        root = self.directory()
        inside = os.path.join(root, "mnt", "c++@1")

        def chroot():
            enter_new_mounts()
            mount(None, root, source="/", flags=MS_BIND | harness.MS_REC)
            mount("tmpfs", os.path.join(root, "mnt"))
            os.mkdir(inside)
            shutil.copy(ODD_PROGRAM, os.path.join(inside, "odd,program"))
            shutil.copy(os.environ["RST_TARGET"], os.path.join(inside, "target"))
            os.chroot(root)
            os.chdir("/")

        odd = self.odd("/mnt/c++@1/odd,program", prepare=chroot)
        target = self.program("/mnt/c++@1/target", ready=r"ready \d+", prepare=chroot)
        self.assertFalse(os.path.exists(inside))
        for program, probe, fire, count in (
            (odd, "odd:apart", "apart 2", 6),
            (target, "shop:order", "fire shop:order 2", 2),  # in a memfd
        ):
            with self.subTest(probe=probe):
                tool = self.trace("-p", program.pid, probe, "--json")
                program.tell(fire)
                self.assertEqual([event["pid"] for event in self.events(tool, count)], [program.pid] * count)

    def test_paths_with_signs(self):
        path = shutil.copy(ODD_PROGRAM, os.path.join(self.directory(), "lib c++@2.so:1"))
        odd = self.odd(path)
        tools = [self.trace(*words, "odd:value", "--json") for words in ((path,), ("-p", odd.pid))]
        os.unlink(path)
        tools.append(self.trace("-p", odd.pid, "odd:value", "--json"))
        odd.tell("values 3")
        for tool in tools:
            self.assertEqual(self.arguments(tool, 3), [0, 1, 2])

    def test_a_file_that_is_named_is_watched_in_every_process(self):
        path = shutil.copy(ODD_PROGRAM, self.directory())
        programs = [self.odd(path) for _ in range(2)]
        tools = [
            self.trace(*words, "odd:value", "--json")
            for words in (("-p", programs[0].pid, path), (path, "-p", programs[0].pid))
        ]
        for program in programs:
            program.tell("values 1")
        for tool in tools:
            self.assertEqual([event["pid"] for event in self.events(tool, 2)], [program.pid for program in programs])

    def test_a_process_and_a_file_that_it_does_not_have(self):
        odd, target = self.odd(), self.target()
        tool = self.trace("-p", target.pid, ODD_PROGRAM, "odd:value", "shop:order")
        odd.tell("values 1")
        tool.wait_for(f" {odd.pid}/[0-9]+ +odd:value ")
        target.fire("shop:order", 1)
        tool.wait_for(f" {target.pid}/[0-9]+ +shop:order ")
        self.ended(tool, signal.SIGINT)

    def test_containers_that_share_a_layer_are_counted_once(self):
        lower, empty, merged = self.directory(), self.directory(), self.directory()
        path = shutil.copy(ODD_PROGRAM, os.path.join(merged, "odd")).replace(merged, lower)
        os.rename(os.path.join(merged, "odd"), path)

        def overlay():
            enter_new_mounts()
            mount("overlay", merged, f"lowerdir={lower}:{empty}")

        containers = [self.odd(os.path.join(merged, "odd"), prepare=overlay) for _ in range(2)]
        host = self.odd(path)
        every = self.trace("odd:value", "--json")
        one = self.trace("-p", containers[0].pid, "odd:value", "--json")
        both = self.trace(*(word for odd in containers for word in ("-p", odd.pid)), "odd:apart", "--json")
        for odd in *containers, host:
            odd.tell("values 2")
            odd.tell("apart 1")
        watched = [odd.pid for odd in containers for _ in range(3)]
        self.assertEqual([event["pid"] for event in self.events(both, 6)], watched)
        self.assertEqual(len(self.events(one, 2)), 2)
        pids = [event["pid"] for event in self.events(every, 6)]
        self.assertEqual(pids, [odd.pid for odd in (*containers, host) for _ in range(2)])
        said = [line for line in every.lines.seen if line.startswith("rst: ")]
        self.assertFalse([line for line in said if "may not be looked at" in line], said)

    def test_few_descriptors_and_many_different_probes(self):
        odd = self.odd()
        script = 'ulimit -Sn 64 && exec "$@"'
        tool = self.tool("sh", "-c", script, "sh", command.RST, "trace", "-p", odd.pid, "odd:p*", "--json")
        tool.wait_for("^rst: watching 400 probes")
        odd.tell("several")
        self.assertEqual(self.arguments(tool, 400), list(range(400)))

    def test_numbers_of_processes_in_a_pid_namespace(self):
        unshare = [self.installed("unshare"), *"--pid --fork --kill-child --mount --mount-proc".split()]
        first = self.odd(*unshare, ODD_PROGRAM)
        with open(f"/proc/{first.pid}/task/{first.pid}/children", encoding="ascii") as file:
            outer = int(file.read())
        enter = [self.installed("nsenter"), "-t", str(outer), "-p", "-m"]
        second = self.odd(*enter, ODD_PROGRAM)
        inner = [int(program.lines.seen[0].split()[1]) for program in (first, second)]
        self.assertEqual(inner[0], 1)
        outside = self.trace("-p", outer, "odd:value", "--json")
        both = [1, 1, inner[1], inner[1]]
        wanted = {("-p", "1"): [1, 1], ("-p", "1", "-p", str(inner[1])): both, (): both}
        insides = []
        for words, pids in wanted.items():  # with -n, since nsenter does not pass a signal on
            trace = command.RST, "trace", *words, "odd:value", "--json", "-n", len(pids)
            insides.append(self.tool(*enter, *trace))
            insides[-1].wait_for("^rst: watching odd:value")
        for program in first, second:
            program.tell("values 2")
        for tool, pids in zip(insides, wanted.values()):
            events = [json.loads(line) for line in self.ended(tool) if line.startswith("{")]
            self.assertEqual([event["pid"] for event in events], pids)
            self.assertEqual([event["tid"] for event in events], pids)
        self.assertEqual([event["pid"] for event in self.events(outside, 2)], [outer] * 2)

    def test_a_thread_s_id_is_refused_with_its_process(self):
        thread = self.odd().lines.thread.native_id  # of this test
        outcome = self.rst("trace", "-p", thread, "odd:value", status=command.GONE)
        self.assertIn(f"{thread} is not a process but a thread of process {os.getpid()}", outcome.err)

    def test_children_are_watched_without_p_only(self):
        odd = self.odd()
        own = self.trace("-p", odd.pid, "odd:value", "--json")
        every = self.trace(ODD_PROGRAM, "odd:value", "--json", "-f", "arg0 == 1000 || arg0 == 0")
        odd.tell("fork")
        odd.tell("values 1")
        self.assertEqual(self.arguments(own, 1), [0])
        child, parent = self.events(every, 2)
        self.assertEqual((child["args"]["arg0"], parent["args"]["arg0"]), (1000, 0))
        self.assertNotEqual(child["pid"], parent["pid"])

    def test_a_process_that_becomes_another_program(self):
        odd = self.odd()
        tool = self.trace("-p", odd.pid, "odd:value", "odd:apart", "--json")
        odd.tell("values 1")
        odd.tell(f"become {ODD_PROGRAM}")  # the answer is the new program's "ready"
        self.assertEqual(odd.lines.seen[-1], f"ready {odd.pid}")
        odd.tell("values 2")
        odd.tell("apart 1")
        tool.wait_until(lambda lines: sum(line.startswith("{") for line in lines) >= 6)
        odd.tell(f"become {command.SDT_PROGRAM}")
        odd.tell("")
        odd.close()
        lines = self.ended(tool)
        self.assertEqual(lines[-2:], [f"rst: process {odd.pid} has exited", "rst: 6 hits: odd:apart 3, odd:value 3"])

    def test_a_process_that_is_killed_right_after_a_hit(self):
        odds = [self.odd() for _ in range(2)]
        tool = self.trace("-p", odds[0].pid, "-p", odds[1].pid, "odd:value", "--stack")
        for odd in odds:
            odd.tell("break")
        lines = self.ended(tool)
        self.assertEqual(sum("odd:value arg0=13" in line for line in lines), 2)
        self.assertEqual(sum("fire_value" in line for line in lines), 2)
        self.assertEqual(lines[-2:], ["rst: all 2 processes have exited", "rst: 2 hits"])

    def test_without_stdout(self):
        """A descriptor that rst opens must not take stdout's place."""
        odd = self.odd()
        script = '"$@" 2>&1 >&-'
        tool = self.tool("sh", "-c", script, "sh", command.RST, "trace", "-p", odd.pid, "odd:value", "-n", "1")
        tool.wait_for("^rst: watching")
        odd.tell("values 1")
        self.assertEqual(tool.finish()[-1], "rst: standard output: Bad file descriptor")
        self.assertEqual(tool.process.returncode, command.FAILED)
        done = subprocess.run(["sh", "-c", script, "sh", command.RST, "list", ODD_PROGRAM], stdout=subprocess.PIPE, check=False)
        self.assertEqual(done.stdout, b"rst: standard output: Bad file descriptor\n")

    def unread(self, odd):
        """A trace that has more to show than a pipe holds, and whose reader stands still."""
        tool = subprocess.Popen(
            [command.RST, "trace", "-p", str(odd.pid), "odd:apart", "--json"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            preexec_fn=harness.die_with_parent,
        )
        self.addCleanup(tool.stdout.close)
        self.addCleanup(tool.wait, harness.DEADLINE)
        self.addCleanup(tool.kill)
        errors = harness.Lines(tool.stderr)
        self.assertIn("watching", errors.next())
        odd.tell("apart 10000")
        return tool, errors

    def test_a_reader_that_stands_still_costs_no_hit_and_holds_up_no_signal(self):
        odd = self.odd()
        tool, errors = self.unread(odd)
        tool.send_signal(signal.SIGINT)
        self.await_watched(0, "-p", odd.pid, "odd:apart")
        lines = tool.stdout.read().splitlines()
        self.assertEqual([json.loads(line)["args"]["arg0"] for line in lines], list(range(30_000)))
        self.assertEqual(errors.rest()[-1], "rst: 30000 hits")
        tool.stderr.close()
        tool, errors = self.unread(odd)

        def ended():
            tool.send_signal(signal.SIGINT)  # the second one, when a second has passed, ends it
            return tool.poll() is not None

        harness.wait_for(ended, "end", pause=0.1)
        self.assertEqual(tool.returncode, command.FAILED)
        errors.rest()
        tool.stderr.close()


if __name__ == "__main__":
    harness.main()
