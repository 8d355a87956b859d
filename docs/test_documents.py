# SPDX-License-Identifier: MIT
"""What the documents say is so: their programs work, their links lead somewhere."""

import os
import re
import shlex
import shutil
import struct
import subprocess
import tempfile
import unittest
from pathlib import Path

import harness

LIBRARY = os.environ["RST_LIBRARY_DIR"]
HEADING = re.compile(r"^#+ +(.*?) *$", re.M)
LINK = re.compile(r"\]\(([^)\s]+)\)")
CODE = re.compile(r"^```.*?^```", re.M | re.S)


def documents():
    return sorted(
        document for pattern in ("*.md", "docs/*.md", "bindings/*/*.md") for document in harness.ROOT.glob(pattern)
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

    def test_the_first_program_is_the_same_everywhere(self):
        page = (harness.ROOT / "docs/man/librst.3.scd").read_text()
        self.assertIn(harness.readme_example(), page.replace("\\\\", "\\"))


def marked(document, mark):
    """The block of a document that the comment `<!-- test: MARK -->` stands before."""
    text = (harness.ROOT / document).read_text()
    found = re.search(rf"<!-- test: {mark} -->\n```\n(.*?)```", text, re.S)
    if not found:
        raise AssertionError(f"{document} has no block {mark}")
    return found.group(1)


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
        block = marked("docs/internals.md", "sections")
        said = {
            name: int(offset, 16)
            for offset, name in re.findall(r"^ *([0-9a-f]+) +(\.[\w.-]+)", block, re.M)
        }
        self.assertEqual(said, {name: offset for name, (offset, _) in self.sections.items()})
        self.assertIn(f"{self.table:x} ", block)

    def assert_note(self, mark, section):
        block = marked("docs/internals.md", mark)
        rows = re.findall(r"^((?:[0-9a-f]{2} )+)", block, re.M)
        said = bytes.fromhex("".join(rows))
        start, _ = self.sections[section]
        self.assertEqual(said.hex(" "), self.image[start : start + len(said)].hex(" "))
        self.assertEqual(len(said) % 4, 0)

    def test_the_stapsdt_note_is_as_it_says(self):
        self.assert_note("note", ".note.stapsdt")

    def test_the_librst_note_is_as_it_says(self):
        self.assert_note("librst-note", ".note.librst")


class ReadmeProgram(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.source = Path(directory.name) / "shop.c"
        self.program = self.source.with_suffix("")
        self.source.write_text(harness.readme_example())

    def compile(self):
        status, said = harness.run(
            *shlex.split(os.environ["CC"]),
            *("-std=c11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Wpedantic", "-Werror"),
            *shlex.split(os.environ.get("RST_LINK_ARGS", "")),
            f"-I{harness.ROOT / 'include'}",
            self.source,
            *("-o", self.program, f"-L{LIBRARY}", f"-Wl,-rpath,{LIBRARY}", "-lrst"),
        )
        self.assertEqual((status, said), (0, ""), "cc shop.c")

    def start(self, **environment):
        process = subprocess.Popen(
            [self.program],
            env={**os.environ, **environment},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        self.addCleanup(process.stderr.close)
        return process

    def image_of(self, process, pattern):
        """The path of the image that the process has mapped executable, by its name."""

        def mapped():
            self.assertIsNone(process.poll(), "the program has ended")
            for line in Path(f"/proc/{process.pid}/maps").read_text().splitlines():
                words = line.split(maxsplit=5)
                if len(words) == 6 and "x" in words[1] and re.search(pattern, words[5]):
                    return words[5]

        name = harness.wait_for(mapped, f"executable mapping of {pattern}")
        if name.startswith("/memfd:"):
            for fd in Path(f"/proc/{process.pid}/fd").iterdir():
                if os.readlink(fd) == name:
                    return fd
        return Path(name)

    def assert_has_the_probe(self, image):
        status, notes = harness.run("readelf", "-n", image)
        self.assertEqual(status, 0, notes)
        self.assertRegex(notes, r"Provider: shop\s+Name: checkout\s")
        self.assertIn("Arguments: 8@%rdi 8@%rsi", notes)

    def test_it_compiles_and_its_probe_is_in_a_memfd(self):
        self.compile()
        self.assert_has_the_probe(self.image_of(self.start(), r"^/memfd:librst-shop"))

    def test_its_probe_is_in_a_file_if_asked(self):
        self.compile()
        directory = self.source.parent
        process = self.start(RST_BACKING=f"file:{directory}")
        self.assert_has_the_probe(self.image_of(process, rf"^{re.escape(str(directory))}/librst-"))

    @unittest.skipUnless(os.environ["RST_COMMAND"], "the command is not built")
    def test_rst_list_prints_what_it_says(self):
        self.compile()
        process = self.start(RST_BACKING="memfd")
        self.image_of(process, r"^/memfd:librst-shop")
        status, said = harness.run(os.environ["RST_COMMAND"], "list", "-p", process.pid, "shop:*")
        self.assertEqual(status, 0, said)
        path = r"/proc/\d+/fd/\d+"
        wanted = re.escape(marked("README.md", "list").strip())
        wanted = re.sub(r"/proc/4711/fd/\d+", lambda _: path, wanted)
        self.assertRegex(said.strip(), f"^{wanted}$")

    def test_bpftrace_sees_it_by_the_command_that_is_given(self):
        if os.geteuid() != 0:
            harness.lacking("this takes root")
        if not shutil.which("bpftrace"):
            harness.lacking("there is no bpftrace")
        readme = (harness.ROOT / "README.md").read_text()
        command = re.search(r"^    (bpftrace -p \$! .*)$", readme, re.M).group(1)
        self.compile()
        process = self.start(RST_BACKING=f"file:{self.source.parent}")
        self.image_of(process, "/librst-")
        tracer = subprocess.Popen(
            shlex.split(command.replace("$!", str(process.pid))),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        with tracer:
            said = ""
            for line in tracer.stdout:
                said += line
                if re.search(r"^\d+ Ada\n\d+ Grace$", said, re.M):
                    process.terminate()  # and bpftrace ends with it
        numbers = [int(number) for number in re.findall(r"^(\d+) (?:Ada|Grace)$", said, re.M)]
        self.assertGreater(len(numbers), 1, said)
        self.assertEqual(numbers, list(range(numbers[0], numbers[0] + len(numbers))), said)


if __name__ == "__main__":
    harness.main()
