# SPDX-License-Identifier: MIT
"""The hosts in examples/embedding report what happens in their interpreter.

A host that was started with --counts says after each answer, and at its end, what it has reported
until then. It does nothing while it waits for a line. So what bpftrace sees, from the answer before
it attached to the host's end, must be the difference of the counts.
"""

import os
import re
import signal
import sys

import harness
from harness import ROOT, Case, main

LANGUAGE, HOST = sys.argv.pop(1), sys.argv.pop(1)
EXAMPLES = ROOT / "examples" / "embedding"
SCRIPT = EXAMPLES / {"lua": "words.lua", "mruby": "words.rb"}[LANGUAGE]
EVENTS = "call return allocate collect".split()

# Lines for each language, with the answers.
BOTH = {"fib 10": "55", "reverse abc": "cba", "rep 100000": "100000", "collect": "collected"}
LINES = {
    "lua": BOTH | {
        "coroutine 5": "12",
        "fail oops": "words.lua:18: oops",
        "nothing": "attempt to call a nil value (field '?')",
    },
    "mruby": BOTH | {
        "rescued oops": "oops",
        "letters abc": "A-B-C",
        "fiber 5": "7",
        "define": "defined",
        "late x": "late x",
        "fail oops": "oops (ArgumentError)",
        "nothing": "undefined method 'nothing' (NoMethodError)",
    },
}[LANGUAGE]

# What a tracer must see of calls: how often, by name. A call of fib(10) makes 176 more; those that
# the coroutines and fibers make come on top.
CALLS = {
    # The first fib is a tail call, and on_line is called by C: both have no name.
    "lua": {"fib": 176 + 33, "on_line": 0, "reverse": 1, "wrap": 1, "yield": 5, "error": 1},
    "mruby": {
        "Commands,fib": 177 + 19, "Commands,fiber": 1, "Commands,steps": 1, "Commands,reverse": 1, "Commands,fail": 2,
        "Commands,rescued": 1, "Commands,each_letter": 1, "Commands,letters": 1, "Commands,late": 1,
    },
}[LANGUAGE]
NAME = {"lua": "str(arg0)", "mruby": "str(arg0), str(arg1)"}[LANGUAGE]
BYTES = {"lua": "arg1", "mruby": "arg0"}[LANGUAGE]
WATCH = {
    "call": f"@call = count(); @name[{NAME}] = count();",
    "return": "@return = count();",
    "allocate": f"@allocate = count(); @bytes = sum({BYTES}); @most = max({BYTES});",
    "collect": "@collect = count(); @cycle = max(arg0);",
}

# Classes that nothing refers to once they have methods, and calls of what wrappers call.
ODD_SCRIPT = """
def on_line(line)
  if line == 'forget'
    500.times { Class.new { def hi; 1; end }.new.hi }
    GC.start
    $kept = (0..20000).map { |i| i % 2 == 0 ? 'x' * 300 : [i] }
    'forgotten'
  else
    Host.called(50_000_000)
    Host.returned(-1)
    'called'
  end
end
"""


class Hosts(Case):
    """Each test starts a host."""

    def host(self, *options, script=SCRIPT, **environment):
        return self.tool(HOST, *options, script, cwd=str(EXAMPLES), one_cpu=True, **environment)

    def counts(self, host):
        """The next counts that it says."""
        words = host.wait_for("^counts (.*)")[1].split()
        return {name: int(value) for name, value in (word.split("=") for word in words)}

    def ask(self, host, line):
        """Give it a line; gives the answer, without the counts."""
        host.process.stdin.write(line.encode() + b"\n")
        host.process.stdin.flush()
        return host.wait_for("^(?!counts)(.*)")[1]

    def answers(self, host):
        """Give it all lines, and gives the last counts."""
        for line, answer in LINES.items():
            self.assertIn(answer, self.ask(host, line))
            counts = self.counts(host)
        return counts

    def watch(self, host):
        self.need_root()
        self.need_commands("bpftrace")
        self.refuse(harness.uprobe_refusal())
        path = f"/proc/{host.process.pid}/fd/"
        found = [name for name in os.listdir(path) if "librst-" in os.readlink(path + name)]
        program = "".join(
            f"usdt:{path}{found[0]}:{LANGUAGE}:{event} {{ {action} }} " for event, action in WATCH.items()
        )
        tool = self.tool("bpftrace", "-p", str(host.process.pid), "-e",
                         program + 'interval:ms:50 { printf("tick\\n"); }')
        tool.wait_for("^tick$")  # by now it has attached
        return tool

    def stop(self, tool):
        """Stop bpftrace, and give its maps."""
        lines = tool.finish(signal.SIGINT)
        found = (re.match(r"@(\w+)(?:\[(.*)\])?: (\d+)$", line) for line in lines)
        return {(one[1], (one[2] or "").replace(", ", ",")): int(one[3]) for one in found if one}

    def test_answers_and_reports_no_calls_while_nobody_watches(self):
        host = self.host("--counts")
        before = self.counts(host)
        after = self.answers(host)
        self.assertEqual([after["call"], after["return"]], [0, 0], host)
        self.assertGreaterEqual(after["bytes"] - before["bytes"], 100_000, host)
        self.assertGreater(after["collect"], before["collect"], host)
        host.end_input()
        host.finish()
        self.assertEqual(host.process.returncode, 0, host)

    def test_a_tracer_sees_what_the_host_counts(self):
        host = self.host("--counts")
        before = self.counts(host)
        tool = self.watch(host)
        self.answers(host)
        host.end_input()
        after = self.counts(host)
        seen = self.stop(tool)
        host.finish()
        self.assertEqual(
            {name: seen.get((name, ""), 0) for name in after},
            {name: after[name] - before[name] for name in after}, f"{tool}\n{host}",
        )
        self.assertGreaterEqual(seen["most", ""], 100_000, tool)
        self.assertEqual(seen["cycle", ""], after["collect"], tool)
        names = {name: seen.get(("name", name), 0) for name in CALLS}
        self.assertEqual(names, CALLS, tool)

    def test_lets_go_of_the_interpreter_when_the_tracer_leaves(self):
        host = self.host("--counts")
        self.counts(host)
        tool = self.watch(host)
        self.ask(host, "reverse abc")
        watched = self.counts(host)
        self.assertGreater(watched["call"], 0, host)
        self.stop(tool)
        self.assertEqual(self.ask(host, "fib 10"), "55")
        after = self.counts(host)
        self.assertEqual([after[name] for name in ("call", "return")],
                         [watched[name] for name in ("call", "return")], host)
        again = self.watch(host)
        self.ask(host, "reverse abc")
        self.assertEqual(self.counts(host)["call"] - after["call"], watched["call"], host)
        self.stop(again)

    if LANGUAGE == "mruby":  # Lua's hook wraps nothing

        def test_survives_what_a_script_does_to_the_wrappers(self):
            host = self.host("--counts", script=self.write("odd.rb", ODD_SCRIPT))
            self.counts(host)
            self.assertEqual(self.ask(host, "forget"), "forgotten")
            tool = self.watch(host)
            self.assertEqual(self.ask(host, "call"), "called")
            self.assertEqual(self.ask(host, "forget"), "forgotten")
            self.stop(tool)
            self.assertEqual(self.ask(host, "call"), "called")

    def test_goes_on_where_it_cannot_be_traced(self):
        host = self.host("--counts", RST_BACKING="nowhere")
        host.wait_for(f"^{LANGUAGE}: untraceable: .*nowhere")
        self.counts(host)
        self.answers(host)
        host.end_input()
        host.finish()
        self.assertEqual(host.process.returncode, 0, host)

    def test_says_what_is_wrong_with_a_script(self):
        broken = self.write("broken", "def (\n")
        for script, words in (broken, "broken:"), ("/nowhere/script", "/nowhere/script"):
            host = self.host(script=script)
            self.assertIn(words, "\n".join(host.finish()))
            self.assertEqual(host.process.returncode, 1, host)

    def test_says_how_it_is_called(self):
        status, said = harness.run(HOST)
        self.assertEqual(status, 1)
        self.assertRegex(said, r"^usage: .* \[--counts\] SCRIPT$")


if __name__ == "__main__":
    main()
