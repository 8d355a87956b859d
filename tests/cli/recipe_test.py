# SPDX-License-Identifier: MIT
"""rst recipe: finding recipes, reading them, and running them; and the recipes that come with it."""

import glob
import os
import re
import signal
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import command
import harness
from command import BAD_FILE, GOOD, GONE, NONE, RST, USAGE

SHIPPED = Path(RST).parent / "recipes"
QUESTION = "# Which?\n"

# What the recipes ask: probes as they would be of librst, for any machine, and where a machine may
# have the programs themselves.
PROBES = {
    "active_job": ["perform(string queue, int64 queue_nanoseconds)"],
    "hotspot": ["gc__begin(bool full)", "gc__end", "thread__start(string name)"],
    "libstdcxx": ["throw(pointer object, pointer type)"],
    "postgresql": ["query__start(string query)", "lock__wait__start", "lock__wait__done"],
    "puma": ["request(int64 queue_nanoseconds)"],
    "python": ["gc__start(int32 generation)", "gc__done(int64 count)", "import__find__load__start(string name)"],
    "rack": ["request(int64 queue_nanoseconds)"],
    "rails": [
        "sql(string sql, int64 nanoseconds, string caller, bool cached)",
        "process_action(string action, int32 status, int64 nanoseconds, int64 allocations, string exception)",
        "cache_read(string key, bool hit)",
    ],
    "ruby": [
        "gc__mark__begin",
        "object__create(string name)",
        "raise(string name, string file)",
        "require__entry(string name, string file)",
    ],
    "shop": ["total(string method, int64 nanoseconds)"],
}
PROGRAMS = {
    "cpp-": "/usr/lib/*/libstdc++.so.6",
    "java-": "/usr/lib/jvm/*openjdk*/lib/server/libjvm.so",
    "postgres-": "/usr/lib/postgresql/*/bin/postgres",
    "python-": "/usr/bin/python3",
    "ruby-": "/usr/lib/*/libruby*.so",
}
SETTINGS = {
    "probe-callers": ["probe=shop:total"],
    "probe-histogram": ["probe=shop:total", "argument=nanoseconds"],
    "ruby-latency": ["probe=shop:total"],
}


class Recipes(command.CommandTest):
    def setUp(self):
        super().setUp()
        self.own = Path(self.directory())
        os.chmod(self.own, 0o755)

    def write(self, text, name="mine", directory=None):
        path = (directory or self.own) / f"{name}.recipe"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    def recipe(self, *words, status=GOOD, **environment):
        environment = {"RST_RECIPES": str(self.own), "HOME": "/nonexistent", **environment}
        return self.rst("recipe", *words, status=status, environment=environment)

    def arguments(self, text, *words):
        """What rst trace is run with, of a recipe with this text."""
        self.write(text)
        said = self.recipe("mine", *words, "--none", status=USAGE).err
        return re.search("^rst: running: rst trace (.*) --none\n", said)[1]

    # ------------------------------------------------------------------------ reading

    def test_the_arguments(self):
        cases = (
            ("shop:checkout -c", "shop:checkout -c"),
            ("a:b\t-n\n\n  3 # three\n# of them\n-c", "a:b -n 3 -c"),
            ("""-f 'a == "x y"' --by "it's" ''""", """-f 'a == "x y"' --by 'it'\\''s' ''"""),
            ('"' + "'a''\u200e'" + '"', r"''\''a'\'''\''\xe2\x80\x8e'\'''"),
            ("a#b --f='x'y", "'a#b' --f=xy"),
            ("${a=1 2} $ {", "'1 2' '$' '{'"),
            ("-f 'n >= ${time=1.5ms}' ${time=2us}", "-f 'n >= 1500000' 2000"),
            ("${a=}${b=x}'${c=3s}'", "x3000000000"),
        )
        for text, words in cases:
            with self.subTest(text=text):
                self.assertEqual(self.arguments(QUESTION + text), words)

    def test_settings(self):
        text = QUESTION + "'${probe}' -f 'n >= ${time=10ms}' ${probe}"
        self.assertEqual(
            self.arguments(text, "time=0.5s", "probe=a b=c", "-p", "1"), "'a b=c' -f 'n >= 500000000' 'a b=c' -p 1"
        )
        for words, said in (
            ([], "give probe=VALUE after the recipe's name"),
            (["probe=x", "tme=1ms"], '"tme=1ms": the recipe has no such setting; see --show'),
            (["probe=x", "prob=1"], '"prob=1": the recipe has no such setting; see --show'),
            *(
                (["probe=x", f"time={time}"], f'time="{time}": not a time like 10ms; the units are ns, us, ms and s')
                for time in ("", "5", "-1ms", "5 ms", "5min", "ms", "1e3s", "1.2.3s", "9" * 30 + "s", "infs", "0x1s")
            ),
        ):
            with self.subTest(words=words):
                err = self.recipe("mine", *words, status=USAGE).err
                self.assertEqual(err, f"rst: {said}\nTry 'rst recipe --help'.\n")

    def test_bad_files_are_refused_with_the_line(self):
        no_setting = "write ${NAME} or ${NAME=DEFAULT}, with a name of a to z"
        cases = (
            ("", "line 1: begin with '# ' and the question that is answered"),
            ("a:b\n", "line 1: begin with '# ' and the question that is answered"),
            (QUESTION, "line 2: the arguments of rst trace are missing"),
            (QUESTION + "\n -f 'a\n b\n", "line 3: a quote has no end"),
            (QUESTION + 'a:b\n"', "line 3: a quote has no end"),
            (QUESTION + "a:b ${", f"line 2: {no_setting}"),
            (QUESTION + "\n\n'${a\n}'", f"line 4: {no_setting}"),
            (QUESTION + "${}", f"line 2: {no_setting}"),
            (QUESTION + "${a-b}", f"line 2: {no_setting}"),
            (QUESTION + "${1=2}", f"line 2: {no_setting}"),
            (QUESTION + "# \033[2J\na:b", "line 2: a control character"),
            (QUESTION + "a:b\n\0", "line 3: a control character"),
            ("# Which?\r\na:b\r\n", "line 1: a control character"),
            (QUESTION + "#" * 16384, "longer than 16384 bytes"),
        )
        for text, said in cases:
            with self.subTest(text=text[:20]):
                path = self.write(text)
                for words in ["mine"], ["--show", "mine"], []:
                    outcome = self.recipe(*words, status=BAD_FILE)
                    self.assertEqual(outcome.err, f'rst: "{path}": {said}\n')
                    self.assertNotIn("mine", outcome.out)
                self.assertIn("rails-slow-sql", outcome.out)  # of the list

    def test_what_is_printed_of_a_file_is_fit_for_a_terminal(self):
        self.write("# Wh\xc2\x9bich\u202e?\na:b\n".encode(), name="b\033ad")
        for words in [], ["--show", "b\033ad"], ["bad"]:
            outcome = self.recipe(*words, status=NONE if words == ["bad"] else GOOD)
            self.assertNotRegex(outcome.out + outcome.err, "[\x1b\x9b\u202e]")

    def test_files_that_cannot_be_read(self):
        os.mkdir(self.own / "folder.recipe")
        self.assertIn("Is a directory", self.recipe("folder", status=command.FAILED).err)
        self.assertIn("No such file", self.recipe("./none.recipe", status=GONE).err)
        self.assertIn("Input/output error", self.recipe("/proc/self/mem", status=command.FAILED).err)
        os.symlink("nowhere", self.own / "mine.recipe")
        self.assertIn("No such file", self.recipe("mine", status=GONE).err)

    # ------------------------------------------------------------------------ finding

    def test_users_hide_recipes_by_their_own(self):
        home = self.own / "home"
        for directory, text in (
            (self.own / "one", "# The first?\na:b"),
            (self.own / "two", "# The second?\na:b"),
            (home / ".config/librst/recipes", "# At home?\na:b"),
        ):
            self.write(text, "mine", directory)
            self.write(text, "rails-slow-sql", directory)
        all_of_them = f":/nonexistent::{self.own}/one:{self.own}/two:"
        for paths, text in (all_of_them, "The first?"), (f"{self.own}/two", "The second?"), ("", "At home?"):
            out = self.recipe(RST_RECIPES=paths, HOME=str(home)).out
            for name in "mine", "rails-slow-sql":
                self.assertEqual(re.findall(rf"(?m)^{name} +(.*)$", out), [text])
        self.write("# Of three words?\na:b", "a.b-c_d")
        self.assertIn("\na.b-c_d               Of three words?\n", "\n" + self.recipe().out)
        path = self.write("# By its path?\na:b", "x", home)
        self.assertEqual(self.recipe("--show", path).out, "# By its path?\na:b\n")

    def test_without_home_and_settings_there_are_those_of_the_build(self):
        listed = self.recipe(RST_RECIPES="", HOME="").out.split("\n")
        self.assertEqual([line.split()[0] for line in listed[:-1]], sorted(p.stem for p in SHIPPED.iterdir()))

    def test_a_command_without_recipes_says_where_they_belong(self):
        alone = self.copy_for_nobody()
        done = subprocess.run([alone, "recipe"], capture_output=True, text=True, env={"HOME": "/nonexistent"}, check=False)
        if not done.stdout:  # librst isn't installed here
            self.assertEqual(done.returncode, NONE)
            self.assertRegex(done.stderr, r"^rst: there are no recipes; those of rst are installed in /.*/librst/recipes\n$")

    def test_the_command_line(self):
        for words, status, said in (
            (["--show"], USAGE, "--show takes the name of one recipe\n"),
            (["--show", "a", "b"], USAGE, "--show takes the name of one recipe\n"),
            (["-p", "4711", "mine"], USAGE, '"-p": name the recipe first\n'),
            (["--no\033ne"], USAGE, r'"--no\x1bne": name the recipe first'),
            (["rails-slw-sql"], NONE, 'there is no recipe "rails-slw-sql"; did you mean "rails-slow-sql"?\n'),
            (["frobnicate"], NONE, "there is no recipe \"frobnicate\"; 'rst recipe' lists them\n"),
        ):
            with self.subTest(words=words):
                self.assertIn(f"rst: {said}", self.recipe(*words, status=status).err)
        self.write(QUESTION + "a:b --frobnicate")
        said = self.recipe("mine", status=USAGE).err
        self.assertEqual(
            said,
            "rst: running: rst trace a:b --frobnicate\n"
            "rst: \"--frobnicate\" is not an option\nTry 'rst trace --help'.\n",
        )
        many = [f"{'a' * i}={i}" for i in range(1, 66)]
        self.write(QUESTION + "a:b " + " ".join(f"${{{word}}}" for word in many))
        said = self.recipe("mine", *many, "--none", status=USAGE).err
        self.assertIn(f" 63 64 65 {many[64]} --none\n", said)  # the last is no setting any more

    # --------------------------------------------------------------- those that come with it

    def names(self):
        return sorted(path.stem for path in SHIPPED.glob("*.recipe"))

    def test_each_says_what_it_answers_needs_and_does_not_show(self):
        self.assertGreater(len(self.names()), 20)
        for name in self.names():
            with self.subTest(recipe=name):
                text = self.recipe("--show", name).out
                self.assertEqual(text, (SHIPPED / f"{name}.recipe").read_text())
                self.assertRegex(text, r"\A# [A-Z].*\?\n#\n(# .*\n)+[^#]+\Z")
                self.assertRegex(text, r"\n# Needs: .*\n(# .*\n)*?# If ")
                self.assertIn("nothing shows", text)
                self.assertLessEqual(max(map(len, text.splitlines())), 100)
                used = re.findall(r"\$\{(\w+)", text.rpartition("\n# ")[2])
                told = re.search(r"(?m)^# Settings: (.*(\n#  .*)*)", text)
                for setting in set(used):
                    self.assertRegex(told[1], rf"\b{setting}\b")
                self.assertEqual(bool(told), bool(used))

    def planned(self, name, *files):
        """What a recipe would watch in the files."""
        outcome = self.recipe(name, *SETTINGS.get(name, []), *files, "--print")
        self.assertEqual(outcome.err.count("\n"), 1, outcome)  # which is "running"
        self.assertIn(" instructions\n", outcome.out)

    def test_each_is_what_rst_trace_takes(self):
        images = [f"{self.own}/{provider}.so" for provider in PROBES]
        for image, (provider, probes) in zip(images, PROBES.items(), strict=True):
            self.rst("emit", provider, *probes, "-o", image)
        for name in self.names():
            with self.subTest(recipe=name):
                self.planned(name, *images)

    def test_the_probes_are_those_of_the_programs_that_are_here(self):
        asked = 0
        for name in self.names():
            kind = name[: name.index("-") + 1]
            programs = sorted(glob.glob(PROGRAMS.get(kind, "")))[-1:]
            if programs and name not in SETTINGS and self.rst("list", *programs, status=None).status == GOOD:
                with self.subTest(recipe=name, program=programs[0]):
                    self.planned(name, *programs)
                    asked += 1
        self.need(asked, "no program here has probes that a recipe asks")

    def test_the_page_on_rails_has_these(self):
        """Its table, and its picture, which begins with a command and what that runs."""
        rows = re.findall(r"(?m)^\| `(rails-\S+)` \| (.*\?) \| (.*) \|$", (harness.ROOT / "docs/rails.md").read_text())
        there = []
        for name in self.names():
            question, *_, arguments = (SHIPPED / f"{name}.recipe").read_text().splitlines()
            settings = re.findall(r"\$\{(\w+=[^}]*)\}", arguments)
            if name.startswith("rails-"):
                there.append((name, question[2:], ", ".join(f"`{setting}`" for setting in settings)))
        self.assertEqual(rows, there)
        picture = ElementTree.parse(harness.ROOT / "docs/rails.svg").getroot()
        lines = [text.text for text in picture.iter("{http://www.w3.org/2000/svg}text")]
        words = re.sub(r"-p \d+", "-p 0", lines[0].removeprefix("$ rst recipe ")).split()
        self.assertEqual(self.recipe(*words, status=USAGE).err.splitlines()[0], re.sub(r"-p \d+", "-p 0", lines[1]))

    def watch(self, name, *words):
        tool = self.tool(RST, "recipe", name, *words, LC_ALL="C.UTF-8", RST_RECIPES="")
        tool.wait_for(r"^rst: watching ")
        return tool

    def test_live(self):
        self.need_root()
        self.need_uprobes()
        target = self.target()
        counts = self.watch("probe-rates", "every=0.1", "-p", target.pid, "shop:order")
        values = self.watch("probe-histogram", "probe=counts:args1", "argument=arg0", "-p", target.pid)
        target.fire("shop:order", 3)
        target.fire("counts:args1", 2)
        counts.wait_for(r"^3 +shop:order")
        for tool in counts, values:
            tool.finish(signal.SIGINT)
            self.assertEqual(tool.process.returncode, GOOD, tool)
        self.assertIn(f"counts:args1 arg0: 2 hits, average -0.5, highest {2**63 - 1}, total -1", values.lines.seen)

    def test_of_python_live(self):
        self.need_root()
        self.need_uprobes()
        python = PROGRAMS["python-"]
        self.need(self.rst("list", python, status=None).status == GOOD, f"{python} has no probes")
        script = "import gc, sys; print('ready', flush=True); sys.stdin.readline(); gc.collect(1)\nimport colorsys\nprint()"
        program = self.program(python, "-c", script)
        tools = [self.watch(name, "-p", program.pid) for name in ("python-gc", "python-imports")]
        program.tell("go")
        for tool, shown in zip(tools, ("python:gc__start arg0=1", 'python:import__find__load__start arg0="colorsys"')):
            tool.wait_for(shown)
        program.close()
        for tool in tools:
            tool.finish()


if __name__ == "__main__":
    harness.main()
