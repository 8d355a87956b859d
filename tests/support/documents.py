# SPDX-License-Identifier: MIT
"""Runs the marked blocks of a document, and compares their output with what the document shows.

A document is a Markdown file, or a program in Ruby, Lua or Python whose first comment is
Markdown; the commands then use the program as their file. A block is fenced. The words after its
language tell what it is; readers of the page don't see them:

    LANGUAGE file=NAME     a file for later blocks
    ruby run, python run   a program that ends by itself
    sh run                 commands that end by themselves
    sh start               a program for the next commands to watch; it runs until they are done
    sh watch               a command that shows lines as they come, until Ctrl-C
    sh collect             a command that shows what it has collected at Ctrl-C
    sh packages            packages to install; the test only asks apt-get whether it could
    sh install, sh bundle  installing a binding, and the steps after that: its own tests know how
    sh rails               commands in a Rails application, in which the gem is installed
    sh not-run             not run by any test; the heading must say so
    text                   the output of the block before it
    text sample            the same, but its numbers come from one run
    text name=NAME         other text, which a test finds by its name

"sh start watch" is a block of two commands, one to start and one to watch, and so on. A command may
have more words:

    file, memfd            the backing of the program that it watches (memfd by default)
    memfd=NAME             the program is that file of the document, started without RST_BACKING
    x86_64                 the command is only for that CPU
    dtrace                 the command needs the DTrace that RST_DTRACE names
    bpftrace<VERSION, bpftrace>=VERSION    the command is only for those versions

A fence without a word is a picture. Commands find the program by the variables that it prints
(PID=4711), or by $!. In shown output, "..." stands for anything, and $PID and the like are
replaced. In a sample, a number stands for any number, and a histogram's bar for any bar, in any
order.

The blocks under one heading belong together: they run in order, in one fresh directory.
"""

import os
import platform
import re
import shlex
import shutil
import time

from harness import DEADLINE, ROOT, Case, wait_for

ACTIONS = "run start watch collect packages install bundle rails not-run".split()
CPU = platform.machine()
PATIENCE = 0.3 * DEADLINE  # seconds to wait for a command's output
PAUSE = 0.1
BAR = re.compile(r"\s*\[.*[])]  *\d+ +(\|@* *\||[█▉▊▋▌▍▎▏]+)\s*$")  # of bpftrace, of rst
COMMENTS = {  # of programs, by their suffix: the language, and what begins a comment
    ".rb": ("ruby", "#"),
    ".lua": ("lua", "--"),
    ".py": ("python", "#"),
}
LOOK = "interval:ms:100 { %s }"  # prints bpftrace's maps while bpftrace runs


class Block:
    """A fenced block under a heading, or one command of a block with several."""

    def __init__(self, place, heading, words, text):
        self.place = place
        self.heading = heading
        self.language = words[0] if words else ""
        self.words = words[1:]
        self.text = text
        self.output = None  # the lines that it shows
        self.sample = False

    def __str__(self):
        return self.place

    @property
    def action(self):
        return next((word for word in self.words if word in ACTIONS), None)

    def option(self, name):
        """The value of the word NAME=VALUE, or None."""
        return next((word[len(name) :] for word in self.words if word.startswith(name)), None)

    def commands(self):
        """One block for each command, if there are words for each; else only this block."""
        actions = [word for word in self.words if word in ACTIONS]
        if len(actions) < 2:
            return [self]
        options = [word for word in self.words if word not in ACTIONS]
        texts = statements(self.text)
        if len(texts) != len(actions):
            raise AssertionError(f"{self}: {len(texts)} commands, and words for {len(actions)}")
        return [
            Block(self.place, self.heading, [self.language, action, *options], text)
            for action, text in zip(actions, texts)
        ]


def statements(text):
    """The commands in lines of shell. A quoted newline does not end a command."""
    found = [""]
    for line in text.splitlines(keepends=True):
        found[-1] += line
        if found[-1].count("'") % 2 == 0:
            found.append("")
    return [command for command in found if command.strip()]


def read(path):
    """The blocks of a document, with the output of each command. Unknown words are an error."""
    page, blocks, heading = ROOT / path, [], ""
    text = page.read_text(encoding="utf-8")
    lines = text.splitlines()
    if page.suffix in COMMENTS:
        heading = page.stem
        language, mark = COMMENTS[page.suffix]
        blocks.append(Block(f"{path}:1", heading, [language, f"file={page.name}"], text))
        first = lines.index("") + 1  # after the licence
        comment = lines[first : lines.index("", first)]
        lines = [""] * first + [line.removeprefix(mark).removeprefix(" ") for line in comment]
    fence, start = None, 0
    for number, line in enumerate(lines, 1):
        if fence is None and line.startswith("#"):
            heading = line.lstrip("# ")
        elif fence is None and line.startswith("```"):
            fence, start = line[3:].split(), number
        elif fence is not None and line == "```":
            text = "".join(f"{line}\n" for line in lines[start : number - 1])
            place(blocks, Block(f"{path}:{start}", heading, fence, text))
            fence = None
    if fence is not None:
        raise AssertionError(f"{path}:{start}: this block has no end")
    return blocks


def place(blocks, block):
    if not block.language or block.option("name=") or block.option("file="):
        blocks.append(block)
    elif block.language == "text":
        command = blocks[-1] if blocks else None
        if not command or not command.action or command.output is not None:
            raise AssertionError(f"{block}: there is no command before this output")
        command.output = block.text.splitlines()
        command.sample = "sample" in block.words
    else:
        check(block)
        blocks += block.commands()


def is_for_this_cpu(block):
    return "x86_64" not in block.words or CPU == "x86_64"


def check(block):
    if not block.action or block.language not in ("ruby", "python", "sh"):
        raise AssertionError(f"{block}: the block doesn't say how to run it")
    for word in block.words:
        if word not in (*ACTIONS, "file", "memfd", "x86_64", "dtrace") and not re.fullmatch(
            r"memfd=\w+\.\w+|bpftrace(<|>=)\d+\.\d+", word
        ):
            raise AssertionError(f"{block}: {word!r} is unknown")
    if block.action == "not-run" and "not run" not in block.heading:
        raise AssertionError(f"{block}: not run, but the heading doesn't say so")


def sections(path):
    """The blocks that are run, by heading."""
    found = {}
    for block in read(path):
        if block.action or block.option("file="):
            found.setdefault(block.heading, []).append(block)
    return {
        heading: blocks
        for heading, blocks in found.items()
        if any(block.action not in (None, "not-run") for block in blocks)
    }


def named(path, name):
    """The text of the block of that name."""
    for block in read(path):
        if name in (block.option("name="), block.option("file=")):
            return block.text
    raise AssertionError(f"{path} has no block {name}")


def method_name(heading):
    return "test_" + re.sub(r"\W+", "_", heading.lower()).strip("_")


# ----------------------------------------------------------------------------- comparing --


def pattern(line, variables, sample=False):
    """The regular expression for a shown line."""
    if sample and BAR.match(line):
        return BAR.pattern
    line = re.sub(r"\$([A-Z]+)\b", lambda found: str(variables.get(found[1], found[0])), line)
    parts = [r"\s+".join(map(re.escape, part.split())) for part in line.split("...")]
    expression = r"\s*" + r"\s*.*\s*".join(parts) + r"\s*$"
    if not sample:
        return expression
    # The rounds of --every, which looking() asks for, do not know the highest value.
    expression = re.sub(r",\\s\+highest\\s\+\d+", lambda found: f"(?:{found[0]})?", expression)
    return re.sub(r"\d+", r"\\d+", expression)


def missing(block, lines, variables):
    """The first shown line that `lines` doesn't have after the line before it; or None."""
    rest = list(lines)
    for line in filter(None, block.output or []):
        expression = re.compile(pattern(line, variables, block.sample))
        found = next((i for i, got in enumerate(rest) if expression.match(got)), None)
        if found is None:
            return line
        if block.sample and BAR.match(line):
            continue  # one bar may stand for several
        del rest[found if block.sample else 0 : found + 1]
    return None


# ------------------------------------------------------------------------------- running --


def looking(command):
    """The command, so that bpftrace prints its maps, or rst its counts, not only at the end."""
    if command.startswith("rst "):
        return command.rstrip("\n") + " --every 0.1\n"
    maps = list(dict.fromkeys(re.findall(r"@\w*", command)))
    if not maps or "bpftrace" not in command:
        return command
    prints = " ".join(f"print({name});" for name in maps)
    return re.sub(r"'\s*$", lambda _: " " + LOOK % prints + "'\n", command)


class Started:
    """A program of a document, started as its reader would. It may print NAME=VALUE, and goes on."""

    def __init__(self, test, command, home, environment):
        words = shlex.split(command.strip().removesuffix("&"))
        while "=" in words[0]:
            name, _, value = words.pop(0).partition("=")
            ours = (name, value) == ("RST_BACKING", "file")
            environment[name] = f"file:{home}" if ours else value
        self.names = []
        if words[0] in ("ruby", "python3"):
            with open(os.path.join(home, words[1]), encoding="utf-8") as file:
                self.names = re.findall(r'"([A-Z]+)=#?\{', file.read())
        if words[0] == "ruby":
            words[:1] = test.ruby
        self.tool = test.tool(*words, cwd=home, one_cpu=True, group=True, **environment)
        wait_for(self.is_ready, lambda: f"probe in {self.tool}", PATIENCE)

    def is_ready(self):
        """Whether it has printed all its variables; if it prints none, whether it has probes."""
        if not self.tool.running():
            raise AssertionError(f"the program has ended: {self.tool.finish()}")
        self.tool.read_for(0.01)
        if self.names:
            return list(self.said()) == self.names
        with open(f"/proc/{self.tool.process.pid}/maps", encoding="utf-8") as maps:
            return re.search(r"/librst-|memfd:librst-", maps.read()) is not None

    def said(self):
        """What it printed as NAME=VALUE; Ruby may warn of the code of others meanwhile."""
        lines = [line.partition("=") for line in self.tool.lines.seen]
        return {name: value for name, equals, value in lines if equals and name.isupper()}

    def variables(self):
        return {"PID": str(self.tool.process.pid), **self.said()}


class DocumentTest(Case):
    """A test whose methods run the sections of documents with run_section()."""

    ruby = ("ruby",)  # the command, with options to find the gem
    python = ("python3",)
    path = os.environ["PATH"]
    extra = {}  # environment variables

    def run_section(self, blocks):
        self.home = self.directory()
        os.chmod(self.home, 0o755)
        self.environment = {"HOME": self.home, "PATH": self.path, **self.extra}
        self.started = None
        self.descriptor = {}  # FD: the reader copies it from a command's output
        self.printed = []  # the output of each block that watches
        for block in blocks:
            if name := block.option("file="):
                self.save(name, block)
            elif self.applies(block):
                if file := block.option("memfd="):
                    self.save(file, self.file_of_document(block, file))
                    self.start(f"ruby {file}", RST_BACKING="memfd")
                getattr(self, "do_" + block.action)(block)

    def save(self, name, block):
        with open(os.path.join(self.home, name), "w", encoding="utf-8") as file:
            file.write(block.text)

    def file_of_document(self, block, name):
        page = str(block).partition(":")[0]
        return next(other for other in read(page) if other.option("file=") == name)

    # Hooks for the kinds of documents.

    def applies(self, block):
        """Whether to run the block; need() skips the test if it can't be run here."""
        return block.action != "not-run"

    def variables(self, _block):
        """The program's variables, for commands."""
        return {**self.started.variables(), **self.descriptor} if self.started else {}

    def while_watching(self, _block):
        """Called while a command watches. A program that fires by itself needs nothing here."""

    def has_collected(self, block, tool):
        """Whether a command that shows its output at the end has collected enough."""
        return missing(block, tool.lines.seen, self.variables(block)) is None

    # Running a block.

    def start(self, command, **environment):
        self.started = Started(self, command, self.home, {**self.environment, **environment})

    def do_start(self, block):
        self.start(block.text)

    def tool_for(self, block, text=None, cwd=None):
        variables = self.variables(block)
        text = (text or block.text).replace("sudo ", "").replace("$!", variables.get("PID", "$!"))
        return self.tool(
            *("bash", "-e", "-c", text),
            cwd=cwd or self.home,
            group=True,
            cleans_up="dtrace" in block.words,
            **{**self.environment, **variables},
        )

    def do_run(self, block):
        command = {"ruby": self.ruby, "python": self.python}.get(block.language)
        if command:
            name = {"ruby": "block.rb", "python": "block.py"}[block.language]
            self.save(name, block)
            tool = self.tool(*command, name, cwd=self.home, **self.environment)
        else:
            tool = self.tool_for(block)
        self.finish(block, tool)
        if command and block.output:
            self.assertEqual(len(tool.lines.seen), len(block.output), f"{block}: {tool}")

    def finish(self, block, tool):
        lines = tool.finish()
        self.assertEqual(tool.process.returncode, 0, f"{block}: {tool}")
        for line in lines:
            if found := re.search(r" (\d+) -> /memfd:", line):
                self.descriptor = {"FD": found[1]}
        self.check_shown(block, tool)

    def check_shown(self, block, tool):
        line = missing(block, tool.lines.seen, self.variables(block))
        self.assertIsNone(line, f"{block}: the output lacks: {line}\n{tool}")

    def do_watch(self, block):
        self.watch(
            block,
            block.text,
            lambda tool: missing(block, tool.lines.seen, self.variables(block)) is None,
        )

    def do_collect(self, block):
        text = looking(block.text) if self.started else block.text
        self.watch(block, text, lambda tool: self.has_collected(block, tool))

    def watch(self, block, text, is_enough):
        """Watch until it is enough, then press Ctrl-C. If the command ends earlier, try again: it
        may have started too early."""
        end = time.monotonic() + PATIENCE
        while True:
            tool = self.tool_for(block, text)
            pressed = self.watch_until(block, tool, is_enough)
            if pressed or self.all_shown(block, tool) or time.monotonic() > end:
                break
        self.check_shown(block, tool)
        self.printed.append(tool.lines.seen)

    def all_shown(self, block, tool):
        return missing(block, tool.lines.seen, self.variables(block)) is None

    def watch_until(self, block, tool, is_enough):
        """Gives True if Ctrl-C ended the command, False if it ended by itself."""
        end = time.monotonic() + DEADLINE
        while not is_enough(tool):
            if not tool.running():
                tool.finish()
                return False
            if time.monotonic() > end:
                self.fail(f"{block}: the output did not come; {tool}")
            self.while_watching(block)
            tool.read_for(PAUSE)
        while tool.running() and time.monotonic() < end:  # 0.17 ignores some SIGINTs
            tool.interrupt()
            tool.ended_within(1)
        tool.finish()
        return True

    def do_packages(self, block):
        if shutil.which("apt-get"):
            tool = self.tool_for(block, block.text.rstrip("\n") + " --simulate")
            self.finish(block, tool)
