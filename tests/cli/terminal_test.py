# SPDX-License-Identifier: MIT
"""The output on a terminal: a table that fits, and rst's help and version."""

import os
import subprocess

import command
import harness
from command import OWN, USAGE


PLAIN = {"NO_COLOR": "1"}


class Table(command.CommandTest):
    def names_and_paths(self, *words, columns):
        """The whole lines in a terminal, and the probes' names and the paths that are in them."""
        lines = command.run_in_terminal("list", *words, columns=columns, environment=PLAIN)
        found = " ".join(lines).split()
        return lines, {word for word in found if ":" in word}, {word for word in found if "/" in word}

    def test_names_and_paths_are_whole_in_every_terminal(self):
        target = self.target()
        sites = self.sites("-p", target.pid, *OWN)
        names = {f"{site['provider']}:{site['probe']}" for site in sites}
        paths = {site["path"] for site in sites}
        for columns in 60, 80, 120, 200:
            with self.subTest(columns=columns):
                lines, seen, places = self.names_and_paths("-p", target.pid, *OWN, columns=columns)
                self.assertEqual((seen, places), (names, paths))
                self.assertLessEqual(max(map(len, lines)), columns)
                self.assertEqual(any("…" in line for line in lines), columns < 200)

    def test_long_names_and_paths_are_whole_where_they_do_not_fit(self):
        probes = ["n" * length for length in (5, 70, 100)]
        path = os.path.join(self.directory(), "p" * 90 + ".so")
        self.rst("emit", "shop", *(f"{probe}(uint64 order, string customer)" for probe in probes), "-o", path)
        for columns in 40, 60, 80:
            with self.subTest(columns=columns):
                lines, names, paths = self.names_and_paths(path, columns=columns)
                self.assertEqual(names, {f"shop:{probe}" for probe in probes})
                self.assertEqual(paths, {path})
                self.assertLessEqual(max(len(line) for line in lines if "nnnnnn" not in line and path not in line), columns)

    def test_paths_have_lines_of_their_own_where_rows_do_not_fit(self):
        one, other = (os.path.join(self.directory(), name + ".so") for name in ("one", "other"))
        self.rst("emit", "bakery", "bread(uint64 grams)", "cake", "-o", one)
        self.rst("emit", "shop", "order(uint64 id, string customer)", "-o", other)
        lines = command.run_in_terminal("list", one, other, columns=60, environment=PLAIN)
        self.assertEqual(
            lines,
            [
                "WHERE  PATH",
                "  PROBE         ARGUMENTS",
                f"file   {one}",
                "  bakery:bread  uint64 grams",
                "  bakery:cake   -",
                f"file   {other}",
                "  shop:order    uint64 id, string customer",
            ],
        )
        lines = command.run_in_terminal("list", one, other, columns=200, environment=PLAIN)
        self.assertEqual(lines[0].split(), ["PROBE", "ARGUMENTS", "WHERE", "PATH"])
        self.assertEqual(lines[1].split(), ["bakery:bread", "uint64", "grams", "file", one])

    def test_arguments_are_cut_at_their_end(self):
        target = self.target()
        lines = command.run_in_terminal("list", "-p", target.pid, "shop:mixed", columns=72, environment=PLAIN)
        self.assertEqual(len(lines), 2)
        self.assertRegex(lines[1], rf"^shop:mixed  bool cached, .*…  0        memfd  /proc/{target.pid}/fd/\d+$")
        self.assertEqual(len(lines[1]), 72)

    def test_wide_characters_fit_as_well(self):
        path = os.path.join(self.directory(), "漢字" * 10 + ".so")
        self.rst("emit", "shop", "a", "b", "-o", path)
        lines = command.run_in_terminal("list", path, columns=100, environment=PLAIN)
        self.assertEqual([line.split() for line in lines[1:]], [["shop:" + name, "-", "file", path] for name in "ab"])
        wide = 20  # characters of two columns
        lines = command.run_in_terminal("list", path, columns=len(lines[1]) + wide - 1, environment=PLAIN)
        self.assertEqual(lines[2:], [f"file   {path}", "  shop:a  -", "  shop:b  -"])

    def test_a_locale_without_the_mark_has_another(self):
        target = self.target()
        lines = command.run_in_terminal(
            "list", "-p", target.pid, columns=60, environment={"LC_ALL": "C"}
        )
        self.assertIn("~", "".join(lines))
        self.assertNotIn("…", "".join(lines))

    def test_colour_is_for_terminals_that_want_it(self):
        target = self.target()
        arguments = "list", "-p", target.pid, "shop:order"
        self.assertIn("\033[", "".join(command.run_in_terminal(*arguments)))
        for environment in {"NO_COLOR": "1"}, {"TERM": "dumb"}:
            lines = command.run_in_terminal(*arguments, environment=environment)
            self.assertNotIn("\033[", "".join(lines))
        self.assertNotIn("\033[", self.rst(*arguments).out)

    def test_what_is_watched_is_bright_and_a_row_of_its_own(self):
        self.need_uprobes()
        program = self.program(command.SDT_PROGRAM)
        site = self.site("-p", program.pid, "bakery:bread")
        event = harness.open_uprobe(site["path"], site["site"], site["semaphore"])
        self.addCleanup(os.close, event)
        rows = command.run_in_terminal("list", "-p", program.pid, "bakery:*", columns=120)[1:]
        self.assertRegex(rows[0], r"^\033\[1;32mbakery:bread\b.* .*\b1\b")
        self.assertRegex(rows[1], r"^bakery:cake\b.* 0 ")

    def test_columns_is_for_terminals_that_do_not_say_how_wide_they_are(self):
        target = self.target()
        lines = command.run_in_terminal(
            "list", "-p", target.pid, *OWN, columns=0, environment={"NO_COLOR": "1", "COLUMNS": "50"}
        )
        self.assertEqual(max(map(len, lines)), 50)

    def test_a_pipe_gets_all_of_it(self):
        target = self.target()
        out = self.rst("list", "-p", target.pid, "shop:mixed").out
        self.assertIn("float ratio, double weight, string path", out)

    def test_one_long_name_does_not_pad_every_row(self):
        path = os.path.join(self.directory(), "long.so")
        probes = [f"p{i}(uint64 value)" for i in range(300)]
        self.rst("emit", "long", f"a(uint64 {'x' * 100_000})", *probes, "-o", path)
        for words in ([], ["--names"], ["--json"]):
            with self.subTest(words=words):
                lines = self.rst("list", path, *words).out.splitlines()
                rest = [line for line in lines if "xxx" not in line]
                self.assertGreaterEqual(len(rest), 300)
                self.assertLess(max(map(len, rest)), 500)
        rows = self.rst("list", path).out.splitlines()
        self.assertRegex(max(rows, key=len), rf"^long:a +uint64 x{{100000}}  file   {path}$")
        self.assertEqual(len({row.index("file  ") for row in rows if "long:p" in row}), 1)


class Main(command.CommandTest):
    def test_help_and_version(self):
        for words in ["--help"], ["-h"], ["help"], ["help", "help"]:
            text = self.rst(*words).out
            self.assertRegex(text, r"^Usage: rst COMMAND")
            self.assertRegex(text, r"(?m)^    (sudo )?rst trace ")
        for name in "list", "trace", "recipe", "emit", "check":
            with self.subTest(command=name):
                text = self.rst(name, "--help").out
                self.assertRegex(text, rf"^Usage: rst {name}")
                self.assertEqual(text, self.rst("help", name).out)
                self.assertIn("Example", text)
                self.assertLessEqual(max(map(len, text.splitlines())), 96)
        self.assertRegex(self.rst("--version").out, r"^rst \d+\.\d+\.\d+\n$")
        self.assertRegex(self.rst(status=USAGE).out, r"^Usage: rst COMMAND")

    def test_an_unknown_command(self):
        self.assertIn("did you mean 'list'?", self.rst("lsit", status=USAGE).err)
        said = self.rst("frobnicate", status=USAGE).err
        self.assertIn('there is no command "frobnicate"\n', said)

    def test_a_reader_that_closes_the_pipe_is_not_reported(self):
        outside, inside = os.pipe()
        os.close(outside)
        target = self.target()
        with os.fdopen(inside, "wb") as closed:
            words = [command.RST, "list", "-p", str(target.pid)]
            done = subprocess.run(words, stdout=closed, stderr=subprocess.PIPE, check=False)
        self.assertEqual(done.stderr, b"")

    def test_a_full_disk_is_told(self):
        with open("/dev/full", "wb") as full:
            done = subprocess.run(
                [command.RST, "--help"], stdout=full, stderr=subprocess.PIPE, check=False
            )
        self.assertEqual(done.returncode, command.FAILED)
        self.assertIn(b"No space left on device", done.stderr)


if __name__ == "__main__":
    harness.main()
