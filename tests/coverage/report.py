#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Reports which lines of the library the tests have run, by gcov, and why the others have not run.

usage: report.py [--least PERCENT] [--counts DIR] SOURCE BUILD REASONS

SOURCE is the root of the sources, BUILD a build with -Db_coverage=true in which the tests have run.
Their counts are there, and in the directories of DIR; see apart.sh. The library is src/ without
src/cli. REASONS has a reason for each line that no test runs:

    src/backing/file.c, open_directory: return -ELOOP;
        The reason, indented, on one line or more.

The heading is the file, the function and the text of the line. It stands for all lines of the
function with that text. Several headings may share a reason.

The exit status is 1 if less than PERCENT (95) of the lines have run, if a line has not run and has
no reason, or if there is a reason for a line that the file does not have.
"""

import argparse
import collections
import json
import os
import re
import subprocess
import sys

HEADING = re.compile(r"^(\S+\.[ch]), (\S+): (.*\S)$")


class Line:
    """A line with code: whether it ran, and which of its branches were taken; see children.c."""

    def __init__(self):
        self.count = 0
        self.branches = []
        self.function = "-"

    def add(self, told, functions):
        self.count += max(0, told["count"])  # gcov derives some counts from others, and they may be below 0
        for function in functions:
            if function["start_line"] <= told["line_number"] <= function["end_line"]:
                self.function = function["name"]
        for i, branch in enumerate(told["branches"]):
            if i == len(self.branches):
                self.branches.append(0)
            self.branches[i] += branch["count"]


def is_of_the_library(path):
    return path.startswith("src/") and not path.startswith("src/cli/")


def notes_of(build):
    """The files that the compiler wrote for gcov, for each object of the library."""
    for directory, _, names in os.walk(os.path.join(build, "src")):
        if is_of_the_library(os.path.relpath(directory, build) + "/"):
            for name in sorted(names):
                if name.endswith(".gcno"):
                    yield os.path.relpath(os.path.join(directory, name), build)


def counts_of(build, notes, directory):
    """The files to give to gcov, for each place with counts."""
    yield [os.path.join(build, note) for note in notes]
    directory = directory and os.path.realpath(directory)
    for place in sorted(os.listdir(directory)) if directory else []:
        there = os.path.join(directory, place, build.lstrip("/"))
        found = []
        for note in notes:
            beside = os.path.join(there, note)
            if os.path.exists(beside.replace(".gcno", ".gcda")):
                if not os.path.lexists(beside):
                    os.symlink(os.path.join(build, note), beside)
                found.append(beside)
        if found:
            yield found


def measure(source, build, directory, gcov):
    """{path: {number: Line}}, of all objects that were compiled from a file."""
    files = collections.defaultdict(lambda: collections.defaultdict(Line))
    notes = list(notes_of(build))
    if not notes:
        sys.exit(f"{build} has no file for gcov: set it up with -Db_coverage=true")
    for counts in counts_of(build, notes, directory):
        command = [gcov, "--json-format", "--stdout", "--branch-probabilities", *counts]
        done = subprocess.run(command, cwd=build, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True, check=False)
        if done.returncode != 0:
            sys.exit(f"{gcov}: exit status {done.returncode}\n{done.stderr}")
        for document in done.stdout.splitlines():
            for told in json.loads(document)["files"]:
                path = os.path.relpath(os.path.join(build, told["file"]), source)
                if is_of_the_library(path):
                    for line in told["lines"]:
                        files[path][line["line_number"]].add(line, told["functions"])
    return files


def read_reasons(path):
    """{(file, function, text): reason}"""
    reasons = {}
    open_headings = []
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            line = line.rstrip("\n")
            if not line.strip() or line.startswith("#"):
                open_headings = []
            elif line.startswith("    ") and open_headings:
                for heading in open_headings:
                    reasons[heading] = f"{reasons[heading]} {line.strip()}".strip()
            else:
                found = HEADING.match(line)
                if not found:
                    sys.exit(f"{path}:{number}: neither \"FILE, FUNCTION: TEXT\" nor a reason: {line}")
                if open_headings and reasons[open_headings[0]]:
                    open_headings = []
                open_headings.append(found.groups())
                reasons.setdefault(found.groups(), "")
    return reasons


def texts_of(source, path):
    with open(os.path.join(source, path), encoding="utf-8") as file:
        return [line.strip() for line in file]


def missing(source, files, reasons):
    """The faults, as messages."""
    wrong = []
    for path, lines in sorted(files.items()):
        texts = texts_of(source, path)
        for number, line in sorted(lines.items()):
            heading = (path, line.function, texts[number - 1])
            if line.count == 0 and not reasons.get(heading):
                wrong.append(f"{path}:{number}: not run, and without a reason:\n"
                             f"{path}, {line.function}: {texts[number - 1]}")
    for (path, function, text), reason in sorted(reasons.items()):
        if not reason:
            wrong.append(f"no reason follows: {path}, {function}: {text}")
        if path not in files or not any(
                line.function == function and texts_of(source, path)[number - 1] == text
                for number, line in files[path].items()):
            wrong.append(f"there is no such line to give a reason for: {path}, {function}: {text}")
    return wrong


def share(part, whole):
    """In percent, rounded down, so that only all is 100.0."""
    return f"{1000 * part // whole / 10 if whole else 100:.1f} %"


def table(files):
    """Rows of Markdown: lines and branches of each folder, and of all."""
    sums = collections.defaultdict(lambda: [0, 0, 0, 0])
    for path, lines in files.items():
        folder = os.path.dirname(path) + "/" if path.count("/") > 1 else path
        for line in lines.values():
            for key in (folder, "all"):
                sums[key][0] += line.count > 0
                sums[key][1] += 1
                sums[key][2] += sum(count > 0 for count in line.branches)
                sums[key][3] += len(line.branches)
    rows = ["| | lines | run | branches | taken |", "|---|---|---|---|---|"]
    for key in [*sorted(key for key in sums if key != "all"), "all"]:
        run, all_lines, taken, all_branches = sums[key]
        name = "all" if key == "all" else f"`{key}`"
        rows.append(f"| {name} | {all_lines} | {share(run, all_lines)} | {all_branches} | "
                    f"{share(taken, all_branches)} |")
    return rows, sums["all"]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("source")
    parser.add_argument("build")
    parser.add_argument("reasons")
    parser.add_argument("--least", type=float, default=95)
    parser.add_argument("--counts", metavar="DIR")
    parser.add_argument("--gcov", default="gcov")
    options = parser.parse_args()
    source, build = os.path.realpath(options.source), os.path.realpath(options.build)
    files = measure(source, build, options.counts, options.gcov)
    rows, (run, lines, _, _) = table(files)
    wrong = missing(source, files, read_reasons(options.reasons))
    if 100 * run < options.least * lines:
        wrong.append(f"of {lines} lines {run} have run, which is less than {options.least:g} %")
    print("\n".join(rows))
    for words in wrong:
        print(words)
    sys.exit(1 if wrong else 0)


main()
