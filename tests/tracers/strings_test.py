# SPDX-License-Identifier: MIT
"""bpftrace shows strings in memory that the program has not touched; see strings_target.c.

bpftrace reads a program's memory with page faults off, so that it shows "" for a page that is not
resident. A fire makes the page resident.
"""

import os
import subprocess

from harness import Lines, main
from target import TracerTest

PAGE, FILE_PAGES = 4096, 200
TARGET = os.environ.get("RST_STRINGS_TARGET", "")

# Where the texts are in the file.
TEXTS = {
    16 * PAGE: b"a page of a file",
    65 * PAGE - 5: b"across a page's end",
    128 * PAGE: b"by the function",
    (FILE_PAGES - 1) * PAGE: b"the last page",
}


class Strings(TracerTest):
    tools = ("bpftrace",)

    def watch(self, *words):
        path = os.path.join(self.directory(), "texts")
        with open(path, "wb") as file:
            file.truncate(FILE_PAGES * PAGE)
            for at, text in TEXTS.items():
                file.seek(at)
                file.write(text + b"\0")
        self.program = subprocess.Popen([TARGET, path, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.addCleanup(self.end)
        self.lines = Lines(self.program.stdout)
        _, pid, where = self.lines.next().split()
        script = 'usdt:%s:cold:text { printf("text <%%s>\\n", str(arg0)); } ' % where
        script += 'interval:ms:50 { printf("tick\\n"); }'
        self.tracer = self.tool("bpftrace", "-p", pid, "-e", script)
        while self.fire("semaphore") == 0:
            self.assertTrue(self.tracer.running(), self.tracer)
            self.tracer.read_for(0.05)  # asking without a rest would take the tracer's time
        self.tracer.wait_for("^tick$")  # from then on, it takes hits

    def end(self):
        self.program.stdin.close()
        self.assertEqual(self.program.wait(), 0)
        self.program.stdout.close()

    def fire(self, place):
        """Fire the text at that place; give the semaphore's value."""
        self.program.stdin.write(place.encode() + b"\n")
        self.program.stdin.flush()
        line = self.lines.next()
        self.assertTrue(line and line.startswith(f"fired {place} "), line)
        return int(line.split()[2])

    def check(self, place, *want, words=()):
        self.watch(*words)
        self.fire(place)

        def texts(lines):
            return [line[len("text "):] for line in lines if line.startswith("text ")]

        self.tracer.wait_until(lambda lines: len(texts(lines)) >= len(want))
        self.tracer.wait_for("^tick$")  # by now, surplus lines would have come
        self.assertEqual(texts(self.tracer.lines.seen), [f"<{text}>" for text in want])

    def test_of_a_mapped_file_that_nobody_has_read(self):
        self.check("file", "a page of a file")

    def test_across_the_end_of_a_page(self):
        self.check("end", "across a page's end")

    def test_of_a_page_behind_which_nothing_is_mapped(self):
        self.check("last", "the last page")

    def test_of_a_literal_far_from_all_others(self):
        self.check("literal", "a literal far away")

    def test_of_a_child_that_has_not_read_what_its_parent_has(self):
        self.check("child", "a literal of the parent's", words=["fork"])

    def test_of_addresses_that_lead_nowhere(self):
        self.check("invalid", *[""] * 24)

    def test_of_a_bare_function_are_left_as_they_are(self):
        """docs/tracing.md says that a call of the bare function does not do so."""
        self.check("function", "")


if __name__ == "__main__":
    main()
