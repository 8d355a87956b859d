# SPDX-License-Identifier: MIT
"""Reads docs/tracing.md: its blocks, and what each is to be done with.

A block is fenced, and the words after its language, which no reader sees, say what it is:

    sh run                  a command that ends by itself
    sh watch                one that shows orders as they come, and goes on until Ctrl-C
    sh collect              one that shows what it has at Ctrl-C
    sh not-run              one that no test runs, under a heading that says so
    text                    what the command before it shows
    python file=NAME, c file=NAME    a file that later commands use

and further, for a command: "file" if the program is to have the file backing, "dtrace" if it takes
the one that RST_DTRACE names, and "bpftrace<VERSION" or "bpftrace>=VERSION" if it is for such only.
"""

import re

COMMANDS = ("run", "watch", "collect", "not-run")


class Block:
    """A fenced block, under a heading."""

    def __init__(self, heading, words, text, line):
        self.heading = heading
        self.language = words[0] if words else ""
        self.words = words[1:]
        self.text = text
        self.line = line
        self.output = None  # the lines that a command shows

    def __str__(self):
        return f"docs/tracing.md:{self.line}"

    def option(self, name):
        """What stands after `name` in one of the words, or None."""
        found = [word[len(name) :] for word in self.words if word.startswith(name)]
        return found[0] if found else None


def parse(text):
    """The page's blocks, each output with its command. Whatever isn't understood is refused."""
    blocks, heading, fence, lines = [], "", None, []
    for number, line in enumerate(text.splitlines(), 1):
        if fence is None and line.startswith("#"):
            heading = line.lstrip("# ")
        elif fence is None and line.startswith("```"):
            fence, lines, start = line[3:].split(), [], number
        elif fence is not None and line == "```":
            _place(blocks, Block(heading, fence, "\n".join(lines) + "\n", start))
            fence = None
        elif fence is not None:
            lines.append(line)
    if fence is not None:
        raise AssertionError(f"line {start}: a block without an end")
    return blocks


def _place(blocks, block):
    if block.language == "text":
        command = blocks[-1] if blocks else None
        if not command or command.language != "sh" or command.output is not None:
            raise AssertionError(f"{block}: output of no command")
        command.output = block.text.splitlines()
        return
    _check(block)
    blocks.append(block)


def _check(block):
    if block.option("file="):
        return
    if block.language != "sh" or not block.words or block.words[0] not in COMMANDS:
        raise AssertionError(f"{block}: nobody knows how to run this block")
    for word in block.words[1:]:
        if word not in ("file", "dtrace") and not re.fullmatch(r"bpftrace(<|>=)\d+\.\d+", word):
            raise AssertionError(f"{block}: {word!r} is not understood")
    if block.words[0] == "not-run" and "not run" not in block.heading:
        raise AssertionError(f"{block}: not run, but the heading doesn't say so")


def pattern(line, variables):
    """A shown line as a regular expression: "..." is anything, $PID and so on are filled in."""
    line = re.sub(r"\$(PID|FILE|FD)\b", lambda found: str(variables[found[1]]), line)
    parts = [r"\s+".join(map(re.escape, part.split())) for part in line.split("...")]
    return r"\s*" + r"\s*.*\s*".join(parts) + r"\s*$"


def missing(shown, lines, variables):
    """The first of the shown lines that `lines` don't have after the ones before it; or None."""
    rest = iter(lines)
    for line in shown:
        expression = re.compile(pattern(line, variables))
        if not any(expression.match(got) for got in rest):
            return line
    return None
