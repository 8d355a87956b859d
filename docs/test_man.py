# SPDX-License-Identifier: MIT
"""The man pages: one for every function, as the header declares it, and well formed."""

import os
import re
from pathlib import Path

import harness

PAGES = Path(os.environ["RST_MAN_DIR"])
DECLARATION = re.compile(r"^RST_EXPORT\s+([^;]+);", re.M)


def squeeze(text):
    """Without the blanks that may differ."""
    return re.sub(r"\s*([*(),])\s*", r"\1", re.sub(r"\s+", " ", text)).strip()


def declared():
    """Each function in rst.h, with its declaration."""
    header = (harness.ROOT / "include/rst.h").read_text()
    found = DECLARATION.findall(header)
    return {re.search(r"(\w+)\(", words).group(1): squeeze(words) for words in found}


def page_of(name):
    """The page that `man NAME` shows."""
    page = PAGES / f"{name}.3"
    text = page.read_text()
    alias = re.fullmatch(r"\.so man3/(\S+)\s*", text)
    return PAGES / alias.group(1) if alias else page


def pages():
    return sorted({page_of(path.stem) for path in PAGES.glob("*.3")} | set(PAGES.glob("*.1")))


def render(page, *options):
    environment = {**os.environ, "MANWIDTH": "10000", "LC_ALL": "C.UTF-8", "MAN_KEEP_FORMATTING": ""}
    status, text = harness.run("man", *options, "-l", page, env=environment)
    if status != 0:
        raise AssertionError(f"man -l {page} gave {status}: {text}")
    return re.sub(r".\x08", "", text)


class ManPages(harness.Case):
    def test_every_function_has_a_page_that_declares_it_as_the_header_does(self):
        self.need_commands("man")
        functions = declared()
        self.assertGreater(len(functions), 10)
        for name, declaration in functions.items():
            with self.subTest(function=name):
                text = render(page_of(name))
                self.assertRegex(text, rf"(?m)^NAME\n.*\b{name}\b.* - ")
                self.assertIn(declaration + ";", squeeze(text))

    def test_every_alias_is_named_by_its_page(self):
        self.need_commands("man")
        for path in PAGES.glob("*.3"):
            with self.subTest(page=path.name):
                self.assertRegex(render(page_of(path.stem)), rf"(?m)^NAME\n.*\b{path.stem}\b.* - ")

    def test_every_page_renders_without_a_warning(self):
        self.need_commands("man")
        for page in pages():
            with self.subTest(page=page.name):
                status, said = harness.run("man", "--warnings", "-Tutf8", "-Z", "-l", page)
                warnings = [line for line in said.splitlines() if "warning" in line]
                self.assertEqual((status, warnings), (0, []))

    def test_every_reference_leads_to_a_page(self):
        for page in pages():
            for name in re.findall(r"\\fB(\w+)\\fR\(3\)", page.read_text()):
                if name.lower().startswith(("rst_", "librst")):
                    with self.subTest(page=page.name, reference=name):
                        self.assertTrue((PAGES / f"{name}.3").exists())

    def test_the_command_s_page_has_every_option_and_status(self):
        rst = os.environ["RST_COMMAND"]
        if not rst:
            self.skipTest("the command is not built")
        self.need_commands("man")
        text = render(PAGES / "rst.1")
        for name in "list", "trace", "recipe", "emit", "check":
            said = harness.run(rst, name, "--help")[1]
            options = set(re.findall(r"(?m)^ +(?:-\w, )?(--[\w-]+)", said)) - {"--help"}
            for option in options:
                with self.subTest(command=name, option=option):
                    self.assertRegex(text, rf"(?m)^ +(-\w, )?{option}\b")
            for status in re.findall(r"\b([1-8]),? ", said.partition("Exit status")[2]):
                with self.subTest(command=name, status=status):
                    self.assertRegex(text.partition("EXIT STATUS")[2], rf"(?m)^ +{status} ")


if __name__ == "__main__":
    harness.main()
