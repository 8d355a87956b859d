#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Every include in src/ points down, and every file of src/ is on the map.

LIBRARY, COMMAND and COMPAT are the map, from top to bottom, a layer in each row. A file may include
the headers of its own part, of parts in lower rows, and rst.h. Parts in the same row may not
include each other. The command and the drop-ins use the library like any program, through rst.h;
PURE lists the other headers of the library that the command may include.

usage: layers_test.py SRC [unittest's arguments]
"""

import re
import sys
import tempfile
import unittest
from pathlib import Path

# A part is a file of src/ without its .c or .h; or, with a slash at the end, a folder.
LIBRARY = [
    ["runtime/load", "none/"],
    ["runtime/provider"],
    ["runtime/fork"],
    ["runtime/registry"],
    ["runtime/handle"],
    ["runtime/resident"],
    ["runtime/object"],
    ["runtime/retired"],
    ["runtime/swap", "runtime/uncounted"],
    ["runtime/linker"],
    ["runtime/lock"],
    ["runtime/wait"],
    ["backing/backing"],
    ["backing/memfd", "backing/file"],
    ["backing/sweep"],
    ["backing/place"],
    ["backing/kind"],
    ["backing/descriptor", "backing/check"],
    ["image/image"],
    ["image/sections"],
    ["image/note", "image/stubs", "image/symbols", "image/unwind"],
    ["image/spec"],
    ["image/signature", "image/writer"],
    ["arch/"],
    ["error"],
]
COMMAND = [
    ["cli/main"],
    ["cli/check/", "cli/recipe/"],
    ["cli/list/", "cli/emit/", "cli/trace/", "cli/demo/"],
    ["cli/find/"],
    ["cli/usdt/"],
    ["cli/base/"],
]
COMPAT = [
    ["compat/libstapsdt", "compat/libusdt"],
    ["compat/usdt", "compat/compat"],
]
APART = {"cli": COMMAND, "compat": COMPAT}  # the folders with a map of their own
# Which pure parts of the library the command may include. All of it uses the library's error
# messages; `rst emit` makes images; and the readers of files use the notes' formats.
PURE = {part: ("error",) for row in COMMAND for part in row}
PURE["cli/emit/"] += ("image/", "arch/")
PURE["cli/check/"] += ("arch/arch.h",)
PURE["cli/usdt/"] += ("image/note.h", "image/signature.h", "arch/arch.h")

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(?:"([^"]+)"|<((?:rst\.h|(?:runtime|backing|image|none|arch|cli|compat)/[^">]+|error\.h))>)', re.MULTILINE)


class Tree:
    """The C files of a src/, by their paths in it, and the faults found in them."""

    def __init__(self, src, rows):
        self.src = Path(src)
        self.rows = rows
        self.parts = [part for row in rows for part in row]
        self.layers = {part: number for number, row in enumerate(rows) for part in row}
        own = next((apart for apart in APART.values() if apart is rows), None)
        self.files = sorted(
            path.relative_to(self.src).as_posix()
            for path in self.src.rglob("*.[ch]")
            if APART.get(path.relative_to(self.src).parts[0]) is own
        )

    def part_of(self, file):
        """The part of the map to which a file belongs, or None."""
        for part in self.parts:
            if part == file[:-2] or part.endswith("/") and file.startswith(part):
                return part
        return None

    def includes(self, file):
        """Each include: its line, its name, and the file in src/ (None if it is not there)."""
        text = (self.src / file).read_text()
        for found in INCLUDE.finditer(text):
            name = found[1] or found[2]
            places = (self.src / file).parent, self.src  # as the build looks
            there = [place / name for place in places if (place / name).exists()]
            target = there[0].resolve().relative_to(self.src.resolve()) if there else None
            line = text.count("\n", 0, found.start()) + 1
            yield line, name, target.as_posix() if target else None

    def faults(self):
        for file in self.files:
            if self.part_of(file) is None:
                yield f"{file}: no layer on the map has this file"
        for part in self.parts:
            if not any(self.part_of(file) == part for file in self.files):
                yield f"{part}: the map has this part, and there is no file of it"
        for file in self.files:
            for line, name, target in self.includes(file):
                if words := self.fault(file, name, target):
                    yield f"{file}:{line}: {words}"
        yield from self.circles()

    def fault(self, file, name, target):
        """The fault of an include, or None."""
        if target is None:
            return None if name == "rst.h" else f'"{name}" is in no folder that the build looks in'
        mine, other = self.part_of(file), self.part_of(target)
        if mine is None or mine == other or target.startswith(PURE.get(mine, "\0")):
            return None
        if other is None:
            return f"{mine} includes {target}, which is in no layer below it"
        if self.layers[other] > self.layers[mine]:
            return None
        where = "beside" if self.layers[other] == self.layers[mine] else "above"
        return f"{self.named(mine)} includes {target} of {self.named(other)}, which is {where} it"

    def named(self, part):
        return f"{part} (layer {self.layers[part] + 1})"

    def circles(self):
        """The circles of includes, each once. A file and its header count as one."""
        graph = {}
        for file in self.files:
            targets = [target[:-2] for _, _, target in self.includes(file) if target]
            graph.setdefault(file[:-2], []).extend(t for t in targets if t != file[:-2])
        done = set()

        def walk(file, path):
            if file in path:
                yield "a circle: " + " > ".join([*path[path.index(file) :], file])
            elif file not in done:
                for target in graph.get(file, ()):
                    yield from walk(target, [*path, file])
                done.add(file)

        for file in graph:
            yield from walk(file, [])


class Sources(unittest.TestCase):
    src = None

    def check(self, rows, least=20):
        tree = Tree(self.src, rows)
        self.assertGreater(len(tree.files), least, "this is not librst's src/")
        if faults := list(tree.faults()):
            self.fail("\n".join(["the map does not allow these includes:", *faults]))

    def test_the_library_s_includes_point_down(self):
        self.check(LIBRARY)

    def test_the_command_s_includes_point_down(self):
        self.check(COMMAND)

    def test_the_drop_ins_includes_point_down(self):
        self.check(COMPAT, least=4)

    def test_the_document_has_the_same_map(self):
        text = (Path(self.src).parent / "DEVELOPMENT.md").read_text()
        table = text.partition("The library, top to bottom:")[2].partition("\n\n`image/`")[0]
        cells = (line.split("|")[2] for line in table.splitlines() if line.count("|") > 3)
        names = [re.findall(r"`(\w+)`", cell) for cell in cells]
        rows = [[Path(part).name for part in row] for row in LIBRARY if row != ["arch/"]]
        self.assertEqual([row for row in names if row and row != ["arch", "nop"]], rows)


class MadeUp(unittest.TestCase):
    """Tests of this test, with a small tree."""

    ROWS = [["top/a"], ["low/b", "low/c"], ["base/"]]
    GOOD = {
        "top/a.c": '#include "top/a.h"\n#include "low/b.h"\n#include <rst.h>\n#include <stdio.h>\n',
        "top/a.h": '#include "rst.h"\n',
        "low/b.c": '#include "b.h"\n',
        "low/b.h": '#include "base/d.h"\n',
        "low/c.c": '#include "base/e.h"\n',
        "base/d.h": '#include "base/e.h"\n',
        "base/e.h": "",
    }

    def faults(self, **changed):
        with tempfile.TemporaryDirectory() as directory:
            for name, text in {**self.GOOD, **changed.pop("files", changed)}.items():
                path = Path(directory, name)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
            return list(Tree(directory, self.ROWS).faults())

    def test_a_good_tree_has_no_fault(self):
        self.assertEqual(self.faults(), [])

    def test_an_include_that_points_up_is_named_with_file_line_and_layers(self):
        faults = self.faults(files={"low/b.c": '/* */\n#include "b.h"\n#  include "top/a.h"\n'})
        self.assertEqual(
            faults,
            [
                "low/b.c:3: low/b (layer 2) includes top/a.h of top/a (layer 1), which is above it",
                "a circle: low/b > top/a > low/b",
            ],
        )

    def test_an_include_of_a_part_beside_is_a_fault(self):
        faults = self.faults(files={"low/c.c": '#include "low/b.h"\n'})
        self.assertEqual(
            faults,
            ["low/c.c:1: low/c (layer 2) includes low/b.h of low/b (layer 2), which is beside it"],
        )

    def test_a_file_that_the_map_does_not_have_is_a_fault(self):
        self.assertEqual(self.faults(files={"f.c": ""}), ["f.c: no layer on the map has this file"])

    def test_an_include_of_a_file_that_the_map_does_not_have_is_a_fault(self):
        faults = self.faults(files={"f.h": "", "low/c.c": '#include "f.h"\n'})
        self.assertIn("low/c.c:1: low/c includes f.h", faults[1])

    def test_a_part_without_a_file_is_a_fault(self):
        rows = self.ROWS
        self.addCleanup(setattr, type(self), "ROWS", rows)
        type(self).ROWS = [*rows, ["gone"]]
        self.assertEqual(self.faults(), ["gone: the map has this part, and there is no file of it"])

    def test_an_include_of_nothing_is_a_fault(self):
        faults = self.faults(files={"low/c.c": '#include "nothing.h"\n'})
        self.assertIn('low/c.c:1: "nothing.h" is in no folder', faults[0])

    def test_a_circle_is_a_fault(self):
        for file in "base/e.h", "base/e.c":
            with self.subTest(file=file):
                faults = self.faults(files={file: '#include "d.h"\n'})
                self.assertEqual(faults, ["a circle: base/d > base/e > base/d"])

    def test_only_the_parts_that_emit_may_see_are_open_to_it(self):
        command = Tree(".", COMMAND)
        self.assertIsNone(command.fault("cli/emit/emit.c", "image/image.h", "image/image.h"))
        self.assertIsNone(command.fault("cli/emit/emit.c", "rst.h", None))
        for file, target in (
            ("cli/emit/emit.c", "runtime/load.h"),
            ("cli/list/list.c", "image/image.h"),
            ("cli/usdt/usdt.c", "image/image.h"),
            ("cli/base/text.c", "arch/arch.h"),
        ):
            with self.subTest(file=file, target=target):
                self.assertIn("is in no layer below", command.fault(file, target, target))


if __name__ == "__main__":
    Sources.src = sys.argv.pop(1)
    unittest.main(verbosity=2)
