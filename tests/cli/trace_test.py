# SPDX-License-Identifier: MIT
"""What `rst trace` shows."""

import collections
import fcntl
import json
import math
import operator
import os
import platform
import re
import shutil
import signal
import time

import command
import harness
import tracing
from probes import ROUND, TYPES

X86_64 = platform.machine() == "x86_64"


class Trace(tracing.TraceCase):
    def test_shows_every_value_of_every_type(self):
        target = self.target()
        tool = self.trace("-p", target.pid, "--json", "types:*", "shop:mixed", "shop:order")
        fires = [(probe, values) for probe in tracing.KINDS for values in target.fire(probe, ROUND)]
        events = self.events(tool, len(fires))
        self.assertEqual(len(events), len(fires), tool)
        for event, (probe, values) in zip(events, fires):
            self.check_event(event, probe, values)
            self.assertEqual((event["pid"], event["tid"], event["comm"]), (target.pid, target.pid, "target"))
            self.assertNotIn("cut", event)
            self.assertLess(abs(event["time"] / 1e9 - time.time()), harness.DEADLINE)

    def test_shows_events_to_people(self):
        target = self.target("file")
        tool = self.trace("-p", target.pid, "shop:*", "-n", "3")
        target.fire("shop:order", 2)
        target.fire("shop:mixed", 2)
        lines = self.ended(tool)
        shown = [re.sub(r"^\d\d:\d\d:\d\d\.\d{6} ", "", line) for line in lines]
        self.assertEqual(
            shown,
            [
                f'{target.pid} shop:order id=1000 customer="Ada" cents=1999 weight=0.5',
                f'{target.pid} shop:order id=1001 customer="Grace" cents=-250 weight=1',
                f"{target.pid} shop:mixed cached=false a=-128 b=-32768 c=-2147483648 "
                "d=-9223372036854775808 e=255 f=65535 g=4294967295 h=18446744073709551615 "
                'ratio=-0 weight=-1e+300 path="/index"',
                "rst: 3 hits: shop:mixed 1, shop:order 2",
            ],
        )

    def test_no_text_is_anything_else(self):
        saying = self.program(tracing.SAYING_PROGRAM)
        texts = [
            b'\x1b[2J\x1b]0;title\x07',
            b'E 0 1 0 1 1 1 1 x\n{"type": "printf", "data": "T"}\nrst: 1 hit',
            b'", "data": "S 0 1 0 \\u0041 \\',
            b"\xff\xfe\x80 half \xe2",
            "grüß \u202e rtl".encode(),
            bytes(range(1, 256)),
            b"",
            b" 1 2 3",
            b"T",
        ]
        texts = [text[:190] for text in texts]
        tool = self.trace("-p", saying.pid, "--json", "say:words")
        plain = self.trace("-p", saying.pid, "say:words")
        for text in texts:
            self.assertEqual(saying.tell(text.hex()), "fired")
        events = self.events(tool, len(texts))
        self.assertEqual(
            [(event["args"]["text"], event["args"]["length"]) for event in events],
            [(text.decode(errors="replace"), len(text)) for text in texts],
        )
        self.assertEqual([event["comm"] for event in events], [t[:15].decode(errors="replace") for t in texts])
        plain.wait_until(lambda lines: sum("say:words" in line for line in lines) >= len(texts))
        lines = self.stop(plain)
        self.assertEqual(len(lines), len(texts), plain)
        for line, text in zip(lines, texts):
            self.assertRegex(line, rf'^[0-9:.]+ \d+ say:words text=".*" length={len(text)}$')
            self.assertNotRegex(line, "[\x00-\x1f\x7f\u202e]")

    def test_marks_where_a_string_is_cut(self):
        saying = self.program(tracing.SAYING_PROGRAM)
        tool = self.trace("-p", saying.pid, "--json", "say:words")
        lengths = [*range(250, 260), 4000]
        for length in lengths:
            saying.tell(("ä" * (length // 2) + "x" * (length % 2)).encode().hex())
        events = self.events(tool, len(lengths))
        whole = [event for event in events if "cut" not in event]
        cut = [event for event in events if "cut" in event]
        self.assertTrue(whole and cut, tool)
        for event in whole:
            self.assertEqual(len(event["args"]["text"].encode()), event["args"]["length"])
        most = max(event["args"]["length"] for event in whole)
        self.assertEqual(most, 256)
        for event in cut:
            self.assertEqual(event["cut"], ["text"])
            self.assertEqual(event["args"]["text"], "ä" * (most // 2))
            self.assertGreater(event["args"]["length"], most)
        shown = self.trace("-p", saying.pid, "say:words", "-n", "1")
        saying.tell(b"x".hex() * 3000)
        self.assertIn("x" * most + '"… length=3000', self.ended(shown)[0])
        shown = self.trace("-p", saying.pid, "say:words", "-n", "1", "--string-bytes", "4096")
        saying.tell(b"x".hex() * 3000)
        self.assertIn('"' + "x" * 3000 + '" length=3000', self.ended(shown)[0])

    def test_counts(self):
        target = self.target()
        tool = self.trace("-p", target.pid, "--count", "shop:*", "counts:args0")
        target.fire("shop:order", 1000)
        target.fire("counts:args0", 7)
        self.assertEqual(
            self.stop(tool),
            ["COUNT  PROBE", "1000   shop:order", "7      counts:args0", "0      shop:mixed"],
        )

    def test_counts_by_every_type(self):
        target = self.target()
        tool = self.trace("-p", target.pid, "--by", "arg3", "--json", "types:*")
        want = collections.Counter()
        for kind in TYPES:
            for values in target.fire(f"types:{kind}", ROUND):
                shown = str(tracing.number(kind, values[3]))
                want[kind, shown.encode()[:64].decode(errors="ignore")] += 1  # all that --by tells apart
        seen = collections.Counter()
        for line in self.stop(tool):
            count = json.loads(line)
            kind = count["probe"]
            seen[kind, str(tracing.seen_number(kind, count["by"]["arg3"]))] += count["count"]
        self.assertEqual(seen, want)

    def test_histograms_by_powers_of_two(self):
        target = self.target()
        tool = self.trace("-p", target.pid, "--hist", "arg2", "--json", "types:[iufdp]*")
        want, numbers = collections.defaultdict(collections.Counter), collections.defaultdict(list)
        for kind in TYPES:
            if kind in ("bool", "string"):
                continue
            for values in target.fire(f"types:{kind}", ROUND):
                numbers[kind].append(tracing.number(kind, values[2]))
                want[kind][self.bucket(kind, numbers[kind][-1])] += 1
        seen = {}
        for line in self.stop(tool):
            hist = json.loads(line)
            self.check_sums(hist, numbers[hist["probe"]])
            seen[hist["probe"]] = collections.Counter(
                {(float(b["from"]), float(b["to"])): b["count"] for b in hist["buckets"]}
            )
        self.assertEqual(seen, dict(want))

    def check_sums(self, hist, numbers):
        """The highest of all that are numbers, if all are; the total is exact but for its own digits."""
        self.assertEqual(hist["hits"], len(numbers))
        if all(isinstance(number, int) for number in numbers):
            total = sum(numbers)
            self.assertEqual(hist["total"], total if abs(total) < 2**63 else float(total), hist)
        else:
            total = math.nan if any(map(math.isnan, numbers)) or {math.inf, -math.inf} <= set(numbers) else sum(numbers)
            self.assertEqual(f"{float(hist['total']):.12g}", f"{total:.12g}", hist)
        self.assertEqual(f"{float(hist['average']):.12g}", f"{total / len(numbers):.12g}", hist)
        highest = float(hist["highest"])
        self.assertTrue(math.isnan(highest) or highest == float(max(n for n in numbers if not math.isnan(n))), hist)

    @staticmethod
    def bucket(kind, value):
        """The lower and upper limit of a value's bucket."""
        if kind in ("float", "double"):
            if not math.isfinite(value):
                return (-math.inf, -math.inf) if value == -math.inf else (math.inf, math.inf)
            least = 2.0 ** (-126 if kind == "float" else -1022)
            if abs(value) < least:
                return (-least, least)
            _, power = math.frexp(abs(value))
            low, high = math.ldexp(1, power - 1), math.inf if power == 1024 else math.ldexp(1, power)
            return (low, high) if value > 0 else (-high, -low)
        if value == 0:
            return (0.0, 0.0)
        power = abs(value).bit_length()
        low, high = 1 << (power - 1), (1 << power) - 1
        if value > 0:
            return (float(low), float(high))
        return (float(max(-high, -(2**63))), float(-low))

    def test_draws_histograms(self):
        target = self.target()
        tool = self.trace("-p", target.pid, "--hist", "cents", "--by", "customer", "shop:order")
        target.fire("shop:order", 6)
        lines = self.stop(tool)
        ada = lines.index('shop:order cents, customer="Ada": 2 hits, average 874.5, highest 1999, total 1749')
        self.assertEqual(lines[ada + 1], "  (-256, -128]  1  " + "█" * 40)
        self.assertEqual(lines[ada + 2].strip(), "...")
        self.assertEqual(lines[ada + 3], "      [1K, 2K)  1  " + "█" * 40)
        totals = [int(line.rpartition(" ")[2]) for line in lines if "hits" in line]
        self.assertEqual(totals, sorted(totals, reverse=True))
        self.assertEqual(sum("hits" in line for line in lines), 3)

    OPERATORS = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "==": operator.eq, "!=": operator.ne}

    def check_filter(self, text, kinds, holds):
        """For every type in `kinds`, only fires whose values match are shown."""
        target = self.target()
        probes = [f"types:{kind}" for kind in kinds]
        tool = self.trace("-p", target.pid, "--json", "-f", text, *probes)
        want = []
        for kind in kinds:
            for values in target.fire(f"types:{kind}", ROUND):
                if holds(*(tracing.number(kind, value) for value in values)):
                    want.append((kind, values))
        target.close()
        lines = [line for line in self.ended(tool) if line.startswith("{")]
        events = [json.loads(line) for line in lines]
        self.assertEqual([event["probe"] for event in events], [kind for kind, _ in want], text)
        for event, (kind, values) in zip(events, want):
            self.check_event(event, f"types:{kind}", values)

    def test_filters_whole_numbers(self):
        kinds = [kind for kind in TYPES if "int" in kind and kind != "pointer"]
        for text, holds in (
            ("arg0 < 0", lambda a, *_: a < 0),
            ("arg0 > -2 && arg0 <= 5", lambda a, *_: -2 < a <= 5),
            ("arg0 == 18446744073709551615 || -9223372036854775808 == arg0", lambda a, *_: a in (2**64 - 1, -(2**63))),
            ("!(arg0 >= 127) && arg1 != 0xff", lambda a, b, *_: not a >= 127 and b != 255),
            ("arg0 > 4.5 || arg0 == -1e0", lambda a, *_: a > 4.5 or a == -1),
            ("arg7 < 5", lambda *v: v[7] < 5),
        ):
            with self.subTest(filter=text):
                self.check_filter(text, kinds, holds)

    def test_filters_floating_point(self):
        for text, holds in (
            ("arg0 < 1.5", lambda a, *_: a < 1.5),
            ("arg0 >= -0.0 && arg0 < inf", lambda a, *_: 0 <= a < math.inf),
            ("arg0 != 1.5 && arg9 <= 3.15", lambda *v: v[0] != 1.5 and v[9] <= 3.15),
            ("arg0 == 0 || arg0 == -inf", lambda a, *_: a in (0, -math.inf)),
            ("arg0 > -1e308", lambda a, *_: a > -1e308),
        ):
            with self.subTest(filter=text):
                self.check_filter(text, ["float", "double"], holds)

    def test_filters_strings_and_bools(self):
        for text, holds in (
            ('arg0 == "two words, a \\"quote\\" and 100%"', lambda a, *_: a is not None and a.startswith("two")),
            ('arg0 != "inde" && arg0 != \'grüß\' && arg0 != null', lambda a, *_: a not in ("grüß", None)),
            ('arg0 == "" && arg8 != "x"', lambda a, *_: a == ""),
            ("arg0 == null", lambda a, *_: a is None),
        ):
            with self.subTest(filter=text):
                self.check_filter(text, ["string"], holds)
        self.check_filter("arg0 && arg1 == false", ["bool"], lambda a, b, *_: a and not b)

    def test_shows_stacks(self):
        target = self.target()
        tool = self.trace("-p", target.pid, "--stack", "shop:order", "-n", "1")
        target.fire("shop:order", 1)
        lines = [line.strip().partition("+")[0] for line in self.ended(tool)]
        self.assertIn("shop:order", lines[0])
        self.assertEqual(lines[1:4], ["shop__order", "rst_probe_fire", "checkout"])

    def test_ends_with_the_process(self):
        target = self.target()
        tool = self.trace("-p", target.pid, "shop:order")
        counts = self.trace("-p", target.pid, "shop:order", "--count")
        target.fire("shop:order", 500)
        target.close()
        lines = self.ended(tool)
        self.assertEqual(sum("id=" in line for line in lines), 500)
        self.assertEqual(lines[-2:], [f"rst: process {target.pid} has exited", "rst: 500 hits"])
        self.assertIn("500    shop:order", self.ended(counts))

    def test_ends_after_seconds(self):
        target = self.target()
        tool = self.trace("-p", target.pid, "shop:order", "--count", "--seconds", "0.5")
        target.fire("shop:order", 3)
        self.assertIn("3      shop:order", self.ended(tool))

    def test_watches_several_processes_and_no_other(self):
        targets = [self.target("file") for _ in range(3)]
        tool = self.trace("-p", targets[0].pid, "-p", targets[1].pid, "shop:order")
        for target in targets:
            target.fire("shop:order", 1)
        for target in targets[:2]:
            target.close()
        lines = self.ended(tool)
        self.assertEqual(
            sorted(int(re.search(r" target (\d+)/\d+ shop:order ", line)[1]) for line in lines if "id=" in line),
            sorted(target.pid for target in targets[:2]),
        )

    def test_watches_every_process_that_has_it(self):
        self.lock_sdt_program(fcntl.LOCK_EX)
        programs = [self.program(command.SDT_PROGRAM) for _ in range(2)]
        tool = self.trace("bakery:bread", "--json")
        for program in programs:
            program.tell("")
        events = self.events(tool, 2)
        self.assertEqual([event["pid"] for event in events], [program.pid for program in programs])
        for event in events:
            self.assertEqual(event["args"], {"arg0": -1, "arg1": 65535, "arg2": -2, "arg3": 1})

    def fire_traced(self, probe, count, *words):
        """The arguments that are shown when the traced program fires each site once."""
        program = self.program(tracing.TRACED_PROGRAM)
        tool = self.trace("-p", program.pid, "--json", probe, *words)
        program.tell("")
        return [list(event["args"].values()) for event in self.events(tool, count)]

    def test_sites_that_differ_have_types_of_their_own(self):
        self.assertEqual(self.fire_traced("traced:mixed", 5), [[-3, 1], [-4000000000, 2], [-7, 3], [-5, 4], [200, 5]])
        self.assertEqual(self.fire_traced("traced:halves", 2), [[2**32 - 1], [-1]])
        self.assertEqual(self.fire_traced("traced:mixed", 2, "-f", "arg0 < -3 && arg0 != -7"), [[-4000000000, 2], [-5, 4]])
        self.assertEqual(self.fire_traced("traced:unclear", 2), [[2**64 - 1, 1], [-1, 2]])
        self.assertEqual(self.fire_traced("traced:unclear", 1, "-f", "arg0 < 0"), [[-1, 2]])

    # Of other CPUs, rst knows no form for a symbol; and a thread's variable may be in a register.
    def test_an_operand_at_a_symbol(self):
        ((symbol, other),) = self.fire_traced("traced:symbol", 1)
        self.assertIn(symbol, [4242] if X86_64 else [4242, None])
        self.assertEqual(other, 77)

    def test_an_argument_that_can_t_be_read_hides_no_other(self):
        for words in [], ["-f", "arg0 < 99 || arg1 == 77"]:
            ((own, other),) = self.fire_traced("traced:thread", 1, *words)
            self.assertIn(own, [None] if X86_64 else [99, None])
            self.assertEqual(other, 77)

    def test_floats_of_a_compiler(self):
        self.assertEqual(self.fire_traced("traced:floating", 1), [[9, -2.5, 0.1, 10]])
        self.assertEqual(self.fire_traced("traced:floating", 1, "-f", "arg1 < -2 && arg2 > 0"), [[9, -2.5, 0.1, 10]])

    def test_watches_paths_of_every_sort(self):
        directory = os.path.join(self.directory(), "two words, grün")
        os.mkdir(directory)
        path = shutil.copy(tracing.TRACED_PROGRAM, directory)
        program = self.program(path)
        for words in ("-p", program.pid), (path,), (os.path.relpath(path),):
            with self.subTest(words=words):
                tool = self.trace(*words, "traced:halves", "--json")
                program.tell("")
                self.assertEqual([event["args"]["arg0"] for event in self.events(tool, 2)], [2**32 - 1, -1])

    def test_watches_a_program_that_is_deleted_or_replaced(self):
        path = shutil.copy(tracing.TRACED_PROGRAM, self.directory())
        program = self.program(path)
        os.unlink(path)
        shutil.copy(command.SDT_PROGRAM, path)
        tool = self.trace("-p", program.pid, "traced:halves", "--json")
        program.tell("")
        self.assertEqual([event["args"]["arg0"] for event in self.events(tool, 2)], [2**32 - 1, -1])

    def test_one_probe_of_several_processes_is_counted_as_one(self):
        targets = [self.target() for _ in range(2)]  # each has its own memfd
        pids = [word for target in targets for word in ("-p", target.pid)]
        tools = [self.trace(*pids, "shop:order", *words) for words in ((), ("--count",), ("--by", "customer"), ("--hist", "id", "--json"))]
        for target in targets:
            target.fire("shop:order", 2)
        events, counts, by, hist = tools
        events.wait_until(lambda lines: sum("id=" in line for line in lines) >= 4)
        self.assertEqual(self.ended(events, signal.SIGINT)[-1], "rst: 4 hits")
        self.assertEqual(self.stop(counts), ["COUNT  PROBE", "4      shop:order"])
        self.assertEqual(self.stop(by)[1:], ['2      50.0%  shop:order  "Ada"', '2      50.0%  shop:order  "Grace"'])
        (line,) = self.stop(hist)
        self.assertEqual([bucket["count"] for bucket in json.loads(line)["buckets"]], [4])

    def test_counts_by_strings_that_are_cut(self):
        saying = self.program(tracing.SAYING_PROGRAM)
        tool = self.trace("-p", saying.pid, "--by", "text", "say:words")
        objects = self.trace("-p", saying.pid, "--by", "text", "say:words", "--json")
        saying.tell(b"whole".hex())
        saying.tell(("x" + "ä" * 2000).encode().hex())
        self.assertIn(1, [len(line.split('"')) - 2 for line in self.stop(tool) if line.endswith('ä"…')])
        counts = [json.loads(line) for line in self.stop(objects)]
        self.assertEqual([count.get("cut") for count in sorted(counts, key=str)], [None, True] if "cut" not in sorted(counts, key=str)[0] else [True, None])
        for count in counts:
            self.assertRegex(count["by"]["text"], "^(whole|xä+)$")

    def test_probes_without_the_argument_are_skipped(self):
        target = self.target()
        for words, shown in (("-f", "cents < 0"), "id=1001"), (("--by", "cents"), "-250"), (("--hist", "cents"), "(-256, -128]"):
            with self.subTest(words=words):
                tool = self.trace("-p", target.pid, "shop:*", "counts:args0", *words)
                target.fire("shop:mixed", 2)
                target.fire("shop:order", 2)
                if words[0] == "-f":
                    tool.wait_for("id=1001")
                lines = self.ended(tool, signal.SIGINT)
                self.assertEqual(lines[0], 'rst: skipped, because they have no argument "cents": counts:args0, shop:mixed')
                self.assertTrue(any(shown in line for line in lines), lines)

    def test_filters_counts_and_histograms_together(self):
        target = self.target()
        every = ("--by", "customer", "-f", "cents > 0"), ("--hist", "cents", "-f", "customer == 'Grace'"), ("--count", "-f", "cents < 0")
        tools = [self.trace("-p", target.pid, "shop:order", *words, "--json") for words in every]
        fired = target.fire("shop:order", 6)
        by, hist, counts = ([json.loads(line) for line in self.stop(tool)] for tool in tools)
        fires = [[tracing.number(*pair) for pair in zip(tracing.KINDS["shop:order"], values)][1:3] for values in fired]
        want = collections.Counter(name for name, cents in fires if cents > 0)
        self.assertEqual({count["by"]["customer"]: count["count"] for count in by}, dict(want))
        want = collections.Counter(self.bucket("int32", cents) for name, cents in fires if name == "Grace")
        self.assertEqual({(bucket["from"], bucket["to"]): bucket["count"] for bucket in hist[0]["buckets"]}, dict(want))
        self.assertEqual([count["count"] for count in counts], [sum(cents < 0 for _, cents in fires)])

    def test_a_histogram_of_nothing(self):
        target = self.target()
        tool = self.trace("-p", target.pid, "shop:order", "--hist", "cents")
        self.assertEqual(self.ended(tool, signal.SIGINT), ["rst: there were no hits"])

    def test_stacks_in_json(self):
        target = self.target()
        tool = self.trace("-p", target.pid, "--stack", "--json", "shop:order", "-n", "1")
        target.fire("shop:order", 1)
        event = json.loads(self.ended(tool)[0])
        self.assertEqual([frame["function"] for frame in event["stack"][:3]], ["shop__order", "rst_probe_fire", "checkout"])
        self.assertEqual(event["args"]["customer"], "Ada")

    def test_several_processes_that_share_a_file(self):
        programs = [self.program(command.SDT_PROGRAM) for _ in range(3)]
        tool = self.trace("-p", programs[0].pid, "-p", programs[2].pid, "bakery:cake", "--json")
        for program in programs:
            program.tell("")
        events = self.events(tool, 2)
        self.assertEqual([event["pid"] for event in events], [programs[0].pid, programs[2].pid])

    def test_in_a_flood_nothing_is_lost_or_mixed_up(self):
        flood = self.program(tracing.TRACED_FLOOD)
        tool = self.trace("-p", flood.pid, "flood:drop", "--json")
        counts = self.trace("-p", flood.pid, "flood:drop", "--count")
        times = 20000
        flood.tell(str(times))
        flood.close()
        events = [json.loads(line)["args"] for line in self.ended(tool) if line.startswith("{")]
        self.assertEqual(len({event["number"] for event in events}), 4 * times)
        self.assertFalse([event for event in events if event["text"] != str(event["number"])])
        self.assertIn(f"{4 * times}  flood:drop", self.ended(counts))

    def test_so_many_events_and_no_more(self):
        flood = self.program(tracing.TRACED_FLOOD)
        tool = self.trace("-p", flood.pid, "flood:drop", "--json", "-n", "10")
        flood.tell("5000")
        lines = self.ended(tool)
        self.assertEqual(sum('"args"' in line for line in lines), 10)
        self.assertEqual(lines[-1].partition(";")[0], "rst: 10 hits")

    def test_watches_a_file_in_every_process_that_has_it(self):
        self.lock_sdt_program(fcntl.LOCK_EX)
        tool = self.trace(command.SDT_PROGRAM, "bakery:cake")
        program = self.program(command.SDT_PROGRAM)
        program.tell("")
        tool.wait_for(f"{program.pid} bakery:cake$")
        self.stop(tool)

    def test_shows_ruby_its_own_probes(self):
        ruby = self.installed("ruby")
        script = '$stdout.sync = true; puts "ready"; while gets; "a".upcase; puts "done"; end'
        program = self.program(ruby, "--disable=gems", "-e", script)
        probe = "ruby:cmethod__entry"
        outcome = command.run("list", "-p", program.pid, probe)
        if outcome.status != command.GOOD:
            self.skipTest("this Ruby was built without probes")  # Debian unstable's, for one
        strings = [word for i in range(3) for word in ("--string", f"arg{i}")]
        tool = self.trace("-p", program.pid, probe, *strings, "-f", 'arg1 == "upcase"')
        program.tell("")
        tool.wait_for(f' {probe} arg0="String" arg1="upcase" arg2="-e" arg3=1$')
        self.stop(tool)

    def test_the_script_for_bpftrace_runs_as_it_is(self):
        self.installed("bpftrace")
        self.refuse(harness.mount_tracefs())
        target = self.target()
        printed = self.rst("trace", "-p", target.pid, "shop:order", "--for", "bpftrace")
        # In a terminal, bpftrace itself flushes each line.
        words = "exec env " + printed.out.replace(" bpftrace ", " stdbuf -oL bpftrace ", 1)
        tool = self.tool("/bin/sh", "-c", words)
        self.attach(target, tool, "shop:order")
        # The first hits may come before bpftrace is ready, and this script does not tell when
        # it is.
        wanted = 'shop:order id=1001 customer="Grace" cents=-250 weight=bits:0x3ff0000000000000'
        end = time.monotonic() + harness.DEADLINE
        while not any(wanted in line for line in tool.lines.seen):
            self.assertLess(time.monotonic(), end, tool)
            target.fire("shop:order", 6)
            tool.lines.poll(0.2)
        self.end_bpftrace(tool)


if __name__ == "__main__":
    harness.main()
