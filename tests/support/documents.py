# SPDX-License-Identifier: MIT
"""Takes a document's marked blocks, runs them, and compares what they print with what it shows.

A document is a Markdown file, or a program in Ruby whose first comment is Markdown; the program is
then the file that the commands use. A block is fenced, and the words after its language, which no
reader of the page sees, say what it is:

    LANGUAGE file=NAME     a file that later blocks use
    ruby run, sh run       a program or commands that end by themselves
    sh start               a program that the commands behind it watch: it runs until they are done
    sh watch               a command that shows lines as they come, and goes on until Ctrl-C
    sh collect             one that shows what it has at Ctrl-C
    sh packages            what is to be installed; apt-get only says that it could be
    sh install, sh bundle  installing the gem, and what comes then: see run_documents.py
    sh not-run             no test runs it, under a heading that says so
    text                   what the block before it prints
    text sample            the same, but the numbers are one run's
    text name=NAME         something else, which a test looks up by its name

"sh start watch" is a block of two commands, the first to start and the second to watch, and so on.
A command may have further words:

    file, memfd            the program that is watched has that backing (memfd, if neither is said)
    memfd=NAME             the program is that file of the document, started without RST_BACKING
    dtrace                 it takes the DTrace that RST_DTRACE names
    bpftrace<VERSION, bpftrace>=VERSION    it is only for those

A fence without a word is a picture. Commands know the program by the variables that it says
(PID=4711), or by $!. In what is shown, "..." is anything, and $PID and the like are filled in. In a
sample, a number stands for any number and a histogram's bar for any bar, in any order.

The blocks under one heading belong together: they are run in order, in one fresh directory.
"""

import os
import re
import shlex
import shutil
import time

from harness import DEADLINE, ROOT, Case, wait_for

ACTIONS = "run start watch collect packages install bundle not-run".split()
PATIENCE = 30  # seconds until a command that shows nothing is given up
PAUSE = 0.1
BAR = re.compile(r"\[.*\|@* *\|\s*$")
LOOK = "interval:ms:100 { %s }"  # prints bpftrace's maps while it goes on


class Block:
    """A fenced block, under a heading; of several commands, one of them."""

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
        """What stands after `name` in one of the words, or None."""
        return next((word[len(name) :] for word in self.words if word.startswith(name)), None)

    def commands(self):
        """A block for each command, if it has a word for each; else itself."""
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
    """The commands that lines of shell are: a quoted newline is within one."""
    found = [""]
    for line in text.splitlines(keepends=True):
        found[-1] += line
        if found[-1].count("'") % 2 == 0:
            found.append("")
    return [command for command in found if command.strip()]


def read(path):
    """The blocks of a document, each output with its command. What isn't understood is refused."""
    page, blocks, heading = ROOT / path, [], ""
    text = page.read_text(encoding="utf-8")
    lines = text.splitlines()
    if page.suffix == ".rb":
        heading = page.stem
        blocks.append(Block(f"{path}:1", heading, ["ruby", f"file={page.name}"], text))
        first = lines.index("") + 1  # behind the licence
        comment = lines[first : lines.index("", first)]
        lines = [""] * first + [line.removeprefix("#").removeprefix(" ") for line in comment]
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
        raise AssertionError(f"{path}:{start}: a block without an end")
    return blocks


def place(blocks, block):
    if not block.language or block.option("name=") or block.option("file="):
        blocks.append(block)
    elif block.language == "text":
        command = blocks[-1] if blocks else None
        if not command or not command.action or command.output is not None:
            raise AssertionError(f"{block}: output of no command")
        command.output = block.text.splitlines()
        command.sample = "sample" in block.words
    else:
        check(block)
        blocks += block.commands()


def check(block):
    if not block.action or block.language not in ("ruby", "sh"):
        raise AssertionError(f"{block}: it doesn't say how to run this block")
    for word in block.words:
        if word not in (*ACTIONS, "file", "memfd", "dtrace") and not re.fullmatch(
            r"memfd=\w+\.\w+|bpftrace(<|>=)\d+\.\d+", word
        ):
            raise AssertionError(f"{block}: {word!r} is not understood")
    if block.action == "not-run" and "not run" not in block.heading:
        raise AssertionError(f"{block}: not run, but the heading doesn't say so")


def sections(path):
    """The document's blocks that are run, by heading."""
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
    """The text of the block that a document calls by that name."""
    for block in read(path):
        if name in (block.option("name="), block.option("file=")):
            return block.text
    raise AssertionError(f"{path} has no block {name}")


def method_name(heading):
    return "test_" + re.sub(r"\W+", "_", heading.lower()).strip("_")


# ----------------------------------------------------------------------------- comparing --


def pattern(line, variables, sample=False):
    """A shown line as a regular expression."""
    if sample and BAR.match(line):
        return BAR.pattern
    line = re.sub(r"\$([A-Z]+)\b", lambda found: str(variables.get(found[1], found[0])), line)
    parts = [r"\s+".join(map(re.escape, part.split())) for part in line.split("...")]
    expression = r"\s*" + r"\s*.*\s*".join(parts) + r"\s*$"
    return re.sub(r"\d+", r"\\d+", expression) if sample else expression


def missing(block, lines, variables):
    """The first line that a block shows and `lines` don't have, behind the one before; or None."""
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
    """A bpftrace command that prints its maps again and again, rather than at its end only."""
    maps = list(dict.fromkeys(re.findall(r"@\w*", command)))
    if not maps or "bpftrace" not in command:
        return command
    prints = " ".join(f"print({name});" for name in maps)
    return re.sub(r"'\s*$", lambda _: " " + LOOK % prints + "'\n", command)


class Started:
    """A program of a document, as its reader starts it; it may say NAME=value and goes on."""

    def __init__(self, test, command, home, environment):
        words = shlex.split(command.strip().removesuffix("&"))
        while "=" in words[0]:
            name, _, value = words.pop(0).partition("=")
            ours = (name, value) == ("RST_BACKING", "file")
            environment[name] = f"file:{home}" if ours else value
        self.names = []
        if words[0] == "ruby":
            with open(os.path.join(home, words[1]), encoding="utf-8") as file:
                self.names = re.findall(r'"([A-Z]+)=#\{', file.read())
            words[:1] = test.ruby
        self.tool = test.tool(*words, cwd=home, one_cpu=True, group=True, **environment)
        wait_for(self.is_ready, lambda: f"probe in {self.tool}", PATIENCE)

    def is_ready(self):
        """Whether it has said all that it will say; if that is nothing, whether it has probes."""
        if not self.tool.running():
            raise AssertionError(f"it has ended: {self.tool.finish()}")
        self.tool.read_for(0.01)
        if self.names:
            return list(self.said()) == self.names
        with open(f"/proc/{self.tool.process.pid}/maps", encoding="utf-8") as maps:
            return re.search(r"/librst-|memfd:librst-", maps.read()) is not None

    def said(self):
        lines = [line.partition("=") for line in self.tool.lines.seen]
        return {name: value for name, _, value in lines}

    def variables(self):
        return {"PID": str(self.tool.process.pid), **self.said()}


class DocumentTest(Case):
    """A test whose methods run the sections of documents, by run_section()."""

    ruby = ("ruby",)  # the command, and what it takes to find the gem
    path = os.environ["PATH"]
    extra = {}  # of the environment

    def run_section(self, blocks):
        self.home = self.directory()
        os.chmod(self.home, 0o755)
        self.environment = {"HOME": self.home, "PATH": self.path, **self.extra}
        self.started = None
        self.descriptor = {}  # FD, which a reader sets to what a command shows
        self.printed = []  # by each block that watches
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

    # What a kind of document may do otherwise.

    def applies(self, block):
        """Whether it can be run here; by need(), whether it could be."""
        return block.action != "not-run"

    def variables(self, _block):
        """What commands know of the program."""
        return {**self.started.variables(), **self.descriptor} if self.started else {}

    def while_watching(self, _block):
        """What goes on while a command watches: nothing, if the program fires by itself."""

    def has_collected(self, block, tool):
        """Whether a command that shows something at its end has all that it should show."""
        return missing(block, tool.lines.seen, self.variables(block)) is None

    # What is done with a block.

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
        if block.language == "ruby":
            self.save("block.rb", block)
            tool = self.tool(*self.ruby, "block.rb", cwd=self.home, **self.environment)
        else:
            tool = self.tool_for(block)
        self.finish(block, tool)
        if block.language == "ruby" and block.output:
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
        self.assertIsNone(line, f"{block}: not shown: {line}\n{tool}")

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
        """Until it is enough, then Ctrl-C. If it ends before, it may have come too early: again."""
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
        """Gives whether it was ended by Ctrl-C, and didn't end by itself."""
        end = time.monotonic() + DEADLINE
        while not is_enough(tool):
            if not tool.running():
                tool.finish()
                return False
            if time.monotonic() > end:
                self.fail(f"{block}: waited in vain; {tool}")
            self.while_watching(block)
            tool.read_for(PAUSE)
        while tool.running() and time.monotonic() < end:  # 0.17 is deaf until it reads its buffers
            tool.interrupt()
            tool.ended_within(1)
        tool.finish()
        return True

    def do_packages(self, block):
        if shutil.which("apt-get"):
            tool = self.tool_for(block, block.text.rstrip("\n") + " --simulate")
            self.finish(block, tool)
