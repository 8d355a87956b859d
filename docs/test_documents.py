# SPDX-License-Identifier: MIT
"""What the documents say is so: their programs work, their links lead somewhere."""

import json
import os
import re
import struct
import subprocess
import unittest
from pathlib import Path

import harness
from compiled_document import CompiledDocument
from documents import named, sections

HEADING = re.compile(r"^#+ +(.*?) *$", re.M)
LINK = re.compile(r"\]\(([^)\s]+)\)")
CODE = re.compile(r"^```.*?^```", re.M | re.S)


def documents():
    return sorted(
        document
        for pattern in ("*.md", "docs/*.md", "bindings/*/*.md")
        for document in harness.ROOT.glob(pattern)
    )


def anchors(document):
    """The anchors of a document's headings, as GitHub makes them."""
    text = CODE.sub("", document.read_text())
    return {
        re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        for heading in HEADING.findall(text)
    }


class Documents(unittest.TestCase):
    def test_every_link_leads_somewhere(self):
        for document in documents():
            for link in LINK.findall(CODE.sub("", document.read_text())):
                if re.match(r"[a-z]+:", link):
                    continue
                path, _, anchor = link.partition("#")
                target = document.parent / path if path else document
                with self.subTest(document=str(document), link=link):
                    self.assertTrue(target.exists(), f"{target} does not exist")
                    if anchor:
                        self.assertIn(anchor, anchors(target))

    def test_the_table_of_what_is_proven_names_tests(self):
        build = Path(os.environ["RST_LIBRARY_DIR"]).parent
        tests = json.loads((build / "meson-info/intro-tests.json").read_text())
        there = {test["name"] for test in tests} | {"cross-gdb"}  # which only a cross build has
        page = (harness.ROOT / "docs/tracing.md").read_text()
        (section,) = re.findall(r"^## Where it is proven\n([^#]*)", page, re.M)
        rows = [line for line in section.splitlines() if line.startswith("|")][2:]
        self.assertNotEqual(rows, [])
        for row in rows:
            for name in re.findall(r"`(\S+)`", "|".join(row.split("|")[2:])):
                self.assertTrue(name in there, f"there is no test {name}: {row}")

    def test_the_first_program_is_the_same_everywhere(self):
        page = (harness.ROOT / "docs/man/librst.3.scd").read_text()
        self.assertIn(named("README.md", "shop.c"), page.replace("\\\\", "\\"))


def elf_sections(image):
    """Offset and size of each section of a 64-bit little-endian ELF file, by name."""
    (table,) = struct.unpack_from("<Q", image, 0x28)
    count, names = struct.unpack_from("<HH", image, 0x3C)
    rows = [struct.unpack_from("<IIQQQQ", image, table + 64 * i) for i in range(count)]

    def name(row):
        start = rows[names][4] + row[0]
        return image[start : image.index(b"\0", start)].decode()

    return table, {name(row): (row[4], row[5]) for row in rows[1:]}


@unittest.skipUnless(os.environ["RST_DEMO"], "the programs are not built")
class Internals(unittest.TestCase):
    """docs/internals.md shows the image of rst-demo."""

    @classmethod
    def setUpClass(cls):
        demo = subprocess.Popen(
            [os.environ["RST_DEMO"], harness.ROOT / "README.md"],
            env={**os.environ, "RST_BACKING": "memfd", "RST_NOP": ""},
            stdout=subprocess.PIPE,
            text=True,
        )
        with demo:
            cls.image = Path(demo.stdout.readline().split()[2]).read_bytes()
            demo.terminate()
        cls.table, cls.sections = elf_sections(cls.image)

    def test_the_sections_are_where_it_says(self):
        block = named("docs/internals.md", "sections")
        said = {
            name: int(offset, 16)
            for offset, name in re.findall(r"^ *([0-9a-f]+) +(\.[\w.-]+)", block, re.M)
        }
        self.assertEqual(said, {name: offset for name, (offset, _) in self.sections.items()})
        self.assertIn(f"{self.table:x} ", block)

    def assert_note(self, mark, section):
        block = named("docs/internals.md", mark)
        rows = re.findall(r"^((?:[0-9a-f]{2} )+)", block, re.M)
        said = bytes.fromhex("".join(rows))
        start, _ = self.sections[section]
        self.assertEqual(said.hex(" "), self.image[start : start + len(said)].hex(" "))
        self.assertEqual(len(said) % 4, 0)

    def test_the_stapsdt_note_is_as_it_says(self):
        self.assert_note("note", ".note.stapsdt")

    def test_the_librst_note_is_as_it_says(self):
        self.assert_note("librst-note", ".note.librst")


class ReadmeProgram(CompiledDocument):
    """README.md's program in C, with the commands that it gives."""

    def blocks(self, *actions):
        return [
            block
            for block in sections("README.md")["Use it"]
            if block.option("file=") or block.action in actions
        ]

    def image(self):
        """The image that the program has mapped executable."""
        pid = self.started.tool.process.pid
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            words = line.split(maxsplit=5)
            if len(words) == 6 and "x" in words[1] and "librst-" in words[5]:
                return words[5]
        raise AssertionError(f"no image is mapped: {self.started.tool}")

    def assert_has_the_probe(self, image):
        status, notes = harness.run("readelf", "-n", image)
        self.assertEqual(status, 0, notes)
        self.assertRegex(notes, r"Provider: shop\s+Name: checkout\s")
        self.assertIn("Arguments: 8@%rdi 8@%rsi", notes)

    def start_in_memfd(self):
        self.run_section(self.blocks("run"))
        self.start("./shop", RST_BACKING="memfd")

    def test_it_compiles_and_its_probe_is_in_a_memfd(self):
        self.start_in_memfd()
        self.assertRegex(self.image(), "^/memfd:librst-shop")
        pid = self.started.tool.process.pid
        self.assert_has_the_probe(
            *(fd for fd in Path(f"/proc/{pid}/fd").iterdir() if os.readlink(fd) == self.image())
        )

    def test_its_probe_is_in_a_file_if_asked(self):
        self.run_section(self.blocks("run", "start"))
        self.assertTrue(self.image().startswith(f"{self.home}/librst-"), self.image())
        self.assert_has_the_probe(self.image())

    @unittest.skipUnless(os.environ["RST_COMMAND"], "the command is not built")
    def test_rst_list_prints_what_it_says(self):
        self.start_in_memfd()
        pid = self.started.tool.process.pid
        status, said = harness.run(os.environ["RST_COMMAND"], "list", "-p", pid, "shop:*")
        self.assertEqual(status, 0, said)
        path = r"/proc/\d+/fd/\d+"
        wanted = re.escape(named("README.md", "list").strip())
        wanted = re.sub(r"/proc/4711/fd/\d+", lambda _: path, wanted)
        self.assertRegex(said.strip(), f"^{wanted}$")

    @unittest.skipUnless(os.environ["RST_COMMAND"], "the command is not built")
    def test_tracers_see_it_by_the_commands_that_are_given(self):
        self.need_root()
        self.need_commands("bpftrace")
        self.run_section(self.blocks("run", "start", "watch"))
        self.assertEqual(len(self.printed), 2)
        for lines in self.printed:
            said = "\n".join(lines)
            numbers = re.findall(r'(\d+) (?:customer=")?(?:Ada|Grace)"?$', said, re.M)
            numbers = [int(number) for number in numbers]
            self.assertGreater(len(numbers), 1, said)
            self.assertEqual(numbers, list(range(numbers[0], numbers[0] + len(numbers))), said)


if __name__ == "__main__":
    harness.main()
