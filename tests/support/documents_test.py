# SPDX-License-Identifier: MIT
"""Tests documents.py: which blocks it finds, and that it notices wrong output."""

import os
import tempfile
import unittest

from documents import DocumentTest, looking, missing, named, read, sections
from harness import main

PAGE = """\
# Page

```
a picture
```

## First

```c file=x.c
int x;
```
```sh run start
echo 'a
b'
./x &
```

## Second

```sh watch file
echo one
```
```text sample
one 1
```
```text name=table
1 2
```

## Third (not run)

```sh not-run
rm -rf /
```
"""
PROGRAM = """\
# SPDX-License-Identifier: MIT

# A program.
#
# ```sh start
# ruby x.rb
# ```

puts 1
"""


class Reading(unittest.TestCase):
    def page(self, text, suffix=".md"):
        with tempfile.NamedTemporaryFile("w", suffix=suffix, delete=False) as file:
            file.write(text)
        self.addCleanup(os.remove, file.name)
        return file.name

    def test_sections_have_the_blocks_that_are_run(self):
        found = sections(self.page(PAGE))
        self.assertEqual(list(found), ["First", "Second"])
        self.assertEqual([block.action for block in found["First"]], [None, "run", "start"])
        self.assertEqual([block.text for block in found["First"]][1:], ["echo 'a\nb'\n", "./x &\n"])
        (command,) = found["Second"]
        self.assertEqual((command.output, command.sample), (["one 1"], True))
        self.assertIn("file", command.words)

    def test_a_block_is_looked_up_by_name(self):
        page = self.page(PAGE)
        self.assertEqual(named(page, "table"), "1 2\n")
        self.assertEqual(named(page, "x.c"), "int x;\n")
        with self.assertRaisesRegex(AssertionError, "no block nothing"):
            named(page, "nothing")

    def test_a_program_s_first_comment_is_a_document_and_the_program_its_file(self):
        page = self.page(PROGRAM, ".rb")
        program, command = read(page)
        self.assertEqual(program.text, PROGRAM)
        self.assertEqual((command.text, str(command)), ("ruby x.rb\n", f"{page}:5"))

    def test_what_is_not_understood_is_refused(self):
        for text, words in (
            (PAGE.replace("run start", "run start watch"), "2 commands, and words for 3"),
            ("```sh\necho\n```\n", "doesn't say how to run"),
            ("```c run\n```\n", "doesn't say how to run"),
            ("```sh run fast\n```\n", "'fast' is unknown"),
            ("```sh not-run\n```\n", "the heading doesn't say so"),
            ("```text\n```\n", "no command before this output"),
            ("```sh run\n```\n```text\n```\n```text\n```\n", "no command before this output"),
            ("```sh run\n", "has no end"),
        ):
            with self.subTest(text=text), self.assertRaisesRegex(AssertionError, words):
                read(self.page(text))


class Comparing(unittest.TestCase):
    def missing(self, shown, lines, sample=False, **variables):
        block = type("Block", (), {"output": shown, "sample": sample})
        return missing(block, lines, variables)

    def test_lines_are_found_in_order_among_others(self):
        self.assertIsNone(self.missing(["a", "", "c"], ["a", "b", "c"]))
        self.assertEqual(self.missing(["c", "a"], ["a", "b", "c"]), "a")
        self.assertEqual(self.missing(["a", "a"], ["a"]), "a")
        self.assertEqual(self.missing(["a"], ["ab"]), "a")

    def test_dots_are_anything_and_blanks_any_blanks(self):
        self.assertIsNone(self.missing(["a ... c  d"], [" a b  c d "]))
        self.assertEqual(self.missing(["a ... c"], ["a b"]), "a ... c")

    def test_variables_are_filled_in(self):
        self.assertIsNone(self.missing(["$PID $1 $X"], ["7 $1 $X"], PID=7))
        self.assertEqual(self.missing(["$PID"], ["8"], PID=7), "$PID")

    def test_a_sample_s_numbers_bars_and_order_are_one_run_s(self):
        bars = ["[8K, 16K)  131 |@@@@  |", "[16K, 32K)  8 |@     |"]
        lines = ["x 5", "[4K, 8K)  1 |@     |", "x 6"]
        self.assertIsNone(self.missing(["x 2", *bars, "x 1"], lines, sample=True))
        self.assertEqual(self.missing(["x 2"], lines), "x 2")
        self.assertEqual(self.missing(["x 1", "x 1", "x 1"], lines, sample=True), "x 1")
        self.assertEqual(self.missing(["y 1"], lines, sample=True), "y 1")

    def test_maps_are_printed_meanwhile(self):
        command = "bpftrace -e 'usdt:* { @a = count(); @b[arg0] = @a; }'\n"
        self.assertIn("interval:ms:100 { print(@a); print(@b); }'\n", looking(command))
        self.assertEqual(looking("echo @a"), "echo @a")


class Running(DocumentTest):
    """Sections of a page: one with the right output, and others with wrong output."""

    def section(self, text):
        path = self.write("page.md", text)
        ((_, blocks),) = sections(path).items()
        self.run_section(blocks)

    def test_a_command_s_output_and_status_are_looked_at(self):
        self.section("```sh run\necho one\necho two\n```\n```text\ntwo\n```\n")
        for text in (
            "```sh run\necho one\n```\n```text\ntwo\n```\n",
            "```sh run\nfalse\n```\n",
            "```sh run\nfalse\ntrue\n```\n",
        ):
            with self.subTest(text=text), self.assertRaises(AssertionError):
                self.section(text)

    def test_a_command_that_goes_on_is_interrupted_when_it_has_shown_all(self):
        self.section(
            "```sh watch\ntrap 'echo end; exit' INT; echo one; while :; do sleep 0.01; done\n```\n"
            "```text\none\n```\n"
        )
        self.assertEqual(self.printed, [["one", "end"]])

    def test_files_are_there_and_the_directory_is_fresh(self):
        self.section("```c file=x\n1\n```\n```sh run\ncat x\nls\n```\n```text\n1\nx\n```\n")


if __name__ == "__main__":
    main()
