#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""One binding behaves as cases.json says. README.md beside it has the protocol.

    conformance_test.py [--untyped] [--keywords] COMMAND [ARGUMENT]...

COMMAND starts the subject. `--untyped`: the language's values carry no type, so the subject is not
asked for fires that don't fit. `--keywords`: the language declares arguments by keywords, of which
two can't have the same name, so the subject is not asked for what only a signature can say.
"""

import contextlib
import json
import os
import signal
import struct
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import harness
from harness import DEADLINE, Case, Lines, version_in, wait_for

CASES = json.loads((Path(__file__).parent / "cases.json").read_text(encoding="utf-8"))
RST = os.environ.get("RST_COMMAND", "")
PROVIDER = "conformance"
TAKEN = "uint64 order, string customer"  # the signature of the probe that is declared twice
BPFTRACE_ARGS = 6  # bpftrace 0.17 can read no more
MARK = "@@ "  # begins each line that bpftrace prints, for a string may have several
TICK = MARK + "tick"

# How bpftrace prints a type; a string is printed by str().
FORMS = {kind: "%ld" for kind in ("int8", "int16", "int32", "int64")}
FORMS |= {kind: "%lu" for kind in ("bool", "uint8", "uint16", "uint32", "uint64")}
FORMS |= {kind: "0x%lx" for kind in ("float", "double", "pointer")} | {"string": "%s"}

options = []
while sys.argv[1:] and sys.argv[1].startswith("--"):
    options.append(sys.argv.pop(1))
if set(options) - {"--untyped", "--keywords"} or not sys.argv[1:]:
    sys.exit(__doc__)
SUBJECT = sys.argv[1:]
del sys.argv[1:]
UNTYPED, KEYWORDS = "--untyped" in options, "--keywords" in options

BAD_PROBES = [case for case in CASES["bad_probes"] if not (KEYWORDS and "by" in case)]
BAD_FIRES = [] if UNTYPED else CASES["bad_fires"]
BAD_FIRE_PROBES = {
    signature: f"bad{number}"
    for number, signature in enumerate(dict.fromkeys(case["signature"] for case in BAD_FIRES))
}


def kinds_of(signature):
    """The types of a signature's arguments."""
    return [part.split()[0] for part in signature.split(",") if part.strip()]


def written(data):
    """A string as `seen` has it: all but printable ASCII, and %, as %HH."""
    return quote(data, safe="".join(map(chr, range(32, 127))).replace("%", ""))


class Subject:
    """The binding's program."""

    def __init__(self):
        def begin():
            harness.die_with_parent()
            harness.stay_on_one_cpu()

        self.process = subprocess.Popen(
            SUBJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, preexec_fn=begin
        )
        self.lines = Lines(self.process.stdout)

    def tell(self, *fields):
        """Give it a command, and return its answer."""
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.write("\t".join(fields).encode() + b"\n")
            self.process.stdin.flush()
        answer = self.lines.next()
        if answer is None:
            raise AssertionError(f"the subject ended with {self.process.wait()} at {fields}")
        return answer

    def ask(self, *fields):
        """Give it a command that succeeds, and return what follows `ok`."""
        word, _, rest = self.tell(*fields).partition(" ")
        if word != "ok":
            raise AssertionError(f"{fields}: the subject said {word} {rest}")
        return rest

    def close(self):
        """End it by the end of its input; gives its status."""
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        try:
            status = self.process.wait(DEADLINE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise
        self.lines.rest()
        self.process.stdout.close()
        if status:
            raise AssertionError(f"the subject ended with {status}")


class Conformance(Case):
    """Each test has a subject of its own."""

    def subject(self):
        subject = Subject()
        self.addCleanup(subject.close)
        return subject

    def loaded(self):
        """A subject whose probes are declared and loaded."""
        subject = self.subject()
        self.assertEqual(subject.ask("provider", PROVIDER), "")
        for case in CASES["values"]:
            self.assertEqual(subject.ask("add", case["name"], case["signature"]), "", case)
        for signature, name in BAD_FIRE_PROBES.items():
            self.assertEqual(subject.ask("add", name, signature), "", signature)
        for name in "lonely", "end":
            subject.ask("add", name, "")
        subject.ask("load")
        return subject

    def need_tracing(self):
        self.need_root()
        self.refuse(harness.uprobe_refusal())
        self.refuse(harness.mount_tracefs())

    def await_watched(self, subject, names, watched="true", tool=None):
        """Wait until these probes are watched. The kernel gives no event when it counts."""
        for name in names:
            wait_for(
                lambda: subject.ask("enabled", name) == watched or (tool and not tool.running()),
                lambda: f"`enabled {name}` that is {watched}; {tool}",
            )
            self.assertEqual(subject.ask("enabled", name), watched, tool)

    def watch(self, subject, actions):
        """Watch {name: action} by bpftrace."""
        self.need_commands("bpftrace")
        new = version_in(harness.run("bpftrace", "--version")[1]) >= (0, 25)
        program = ""
        for name, action in actions.items():
            where = subject.ask("path", name) if new else "*"  # it skips what maps call deleted
            program += f"usdt:{where}:{PROVIDER}:{name} {{ {action} }} "
        program += f'interval:ms:50 {{ printf("{TICK}\\n"); }}'
        tool = self.tool("bpftrace", "-p", subject.ask("pid"), "-e", program)
        self.await_watched(subject, actions, tool=tool)
        tool.wait_for(f"^{TICK}$")  # 0.17 loses a SIGINT that comes before it reads
        return tool

    def hits(self, subject, tool):
        """Fire `end`, stop bpftrace, and give what it printed before, without the ticks."""
        subject.ask("fire", "end")
        tool.wait_for(f"^{MARK}end$")
        tool.wait_for(f"^{TICK}$")  # 0.17 ends at a SIGINT without reading the rest
        text = "\n".join(["", *tool.finish(signal.SIGINT)])
        text = os.fsencode(text[: text.rindex(f"\n{MARK}end\n")]).decode(errors="surrogateescape")
        marked = text.split(f"\n{MARK}")[1:]
        return [words for words in marked if words.partition("\n")[0] != "tick"]

    def check_bad_fires(self, subject):
        for case in BAD_FIRES:
            name = BAD_FIRE_PROBES[case["signature"]]
            self.assertEqual(subject.tell("fire", name, *case["values"]), f"error {case['error']}", case)

    # ------------------------------------------------------------------- declarations --

    def test_refuses_what_is_not_a_providers_name(self):
        subject = self.subject()
        for case in CASES["bad_providers"]:
            self.assertEqual(subject.tell("provider", case["name"]), f"error {case['error']}", case)
        self.assertEqual(subject.tell("provider", PROVIDER), "ok")

    def test_refuses_probes_that_cannot_be(self):
        subject = self.subject()
        subject.ask("provider", PROVIDER)
        subject.ask("add", "taken", TAKEN)
        for case in BAD_PROBES:
            answer = subject.tell("add", case["name"], case["signature"])
            self.assertEqual(answer, f"error {case['error']}", case)
        self.assertEqual(subject.tell("add", "good", TAKEN), "ok")

    # ---------------------------------------------------------------------- unwatched --

    def test_takes_every_value_while_nobody_watches(self):
        subject = self.loaded()
        for case in CASES["values"]:
            self.assertEqual(subject.ask("enabled", case["name"]), "false", case)
            for fire in case["fires"]:
                self.assertEqual(subject.tell("fire", case["name"], *fire["values"]), "ok", fire)
                self.assertEqual(subject.tell("lazy", case["name"], *fire["values"]), "ok 0", fire)

    def test_refuses_what_does_not_fit_while_nobody_watches(self):
        self.check_bad_fires(self.loaded())

    def test_an_unloaded_provider_has_no_path(self):
        subject = self.subject()
        subject.ask("provider", PROVIDER)
        subject.ask("add", "order", TAKEN)
        self.assertEqual(subject.tell("path", "order"), "ok")
        for _ in range(2):
            subject.ask("load")
            self.assertTrue(os.path.exists(subject.ask("path", "order")))
            subject.ask("unload")
            self.assertEqual(subject.tell("path", "order"), "ok")
            self.assertEqual(subject.tell("fire", "order", "i:1", "s:Ada"), "ok")

    # ------------------------------------------------------------------------ watched --

    def printed(self, name, signature):
        """The action that prints a hit's values, each on its own line: old versions have little
        room for one printf()'s arguments."""
        action = f'printf("{MARK}{name}\\n"); '
        for index, kind in enumerate(kinds_of(signature)):
            value = f"str(arg{index})" if kind == "string" else f"arg{index}"
            action += f'printf("{MARK}{name} {index} {FORMS[kind]}\\n", {value}); '
        return action

    def test_a_tracer_sees_every_value(self):
        self.need_tracing()
        subject = self.loaded()
        cases = [one for one in CASES["values"] if len(kinds_of(one["signature"])) <= BPFTRACE_ARGS]
        actions = {one["name"]: self.printed(one["name"], one["signature"]) for one in cases}
        actions |= {name: f'printf("{MARK}{name}\\n");' for name in BAD_FIRE_PROBES.values()}
        actions["end"] = f'printf("{MARK}end\\n");'
        tool = self.watch(subject, actions)
        self.assertEqual(subject.ask("enabled", "lonely"), "false")
        wanted = []
        for case in cases:
            for fire in case["fires"]:
                values = [f"{case['name']} {index} {seen}" for index, seen in enumerate(fire["seen"])]
                for command, answer in ("fire", "ok"), ("lazy", "ok 1"):
                    self.assertEqual(subject.tell(command, case["name"], *fire["values"]), answer)
                    wanted += [case["name"], *values]
        self.check_bad_fires(subject)
        hits = self.hits(subject, tool)
        self.assertEqual([written(os.fsencode(hit)) for hit in hits], wanted)
        self.await_watched(subject, actions, watched="false")

    def seen_by_rst(self, kind, value):
        """A value of `rst trace --json` as `seen` has it."""
        if kind == "string":
            return written(value.encode())
        if kind in ("float", "double"):
            size, whole = ("f", "I") if kind == "float" else ("d", "Q")
            return hex(struct.unpack(whole, struct.pack(size, float(value)))[0])
        return hex(value) if kind == "pointer" else str(int(value))

    def test_a_tracer_sees_twelve_values(self):
        self.need_tracing()
        self.need(RST, "RST_COMMAND does not name rst, which shows more than six arguments")
        subject = self.loaded()
        for case in CASES["values"]:
            kinds = kinds_of(case["signature"])
            if len(kinds) <= BPFTRACE_ARGS:
                continue
            probe = f"{PROVIDER}:{case['name']}"
            tool = self.tool(RST, "trace", "--json", "-p", subject.ask("pid"), probe)
            tool.wait_for("^rst: watching ")
            for fire in case["fires"]:
                self.assertEqual(subject.tell("fire", case["name"], *fire["values"]), "ok", tool)
            tool.wait_until(lambda lines: sum(line[0] == "{" for line in lines) == len(case["fires"]))
            events = [json.loads(line) for line in tool.finish(signal.SIGINT) if line[0] == "{"]
            for event, fire in zip(events, case["fires"], strict=True):
                seen = zip(kinds, event["args"].values(), strict=True)
                self.assertEqual([self.seen_by_rst(*one) for one in seen], fire["seen"], event)

    def test_an_unload_ends_the_watching(self):
        self.need_tracing()
        subject = self.loaded()
        tool = self.watch(subject, {"lonely": f'printf("{MARK}lonely\\n");',
                                    "end": f'printf("{MARK}end\\n");'})
        subject.ask("fire", "lonely")
        subject.ask("unload")
        self.assertEqual(subject.ask("enabled", "lonely"), "false")
        self.assertEqual(subject.tell("path", "lonely"), "ok")
        self.assertEqual(subject.tell("lazy", "lonely"), "ok 0")
        subject.ask("fire", "lonely")
        subject.ask("load")
        self.await_watched(subject, ["lonely", "end"], tool=tool)
        self.assertEqual(subject.tell("lazy", "lonely"), "ok 1")
        self.assertEqual(self.hits(subject, tool), ["lonely", "lonely"])


if __name__ == "__main__":
    harness.main()
