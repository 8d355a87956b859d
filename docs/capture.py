#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Run a command in a terminal of its own and draw what it printed as an SVG.

    docs/capture.py --output docs/demo.svg ./demo --lines 16

What is drawn is what the command wrote, line by line, no more and no less. Python's standard
library is all that it needs.
"""

import argparse
import fcntl
import os
import pty
import re
import shlex
import struct
import sys
import termios
from xml.sax.saxutils import escape

FONT_SIZE = 13
CHAR_WIDTH = 7.83  # of the usual monospace fonts at that size; textLength makes it exact
LINE_HEIGHT = 18
MARGIN = 16
FONTS = "ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace"
BACKGROUND = "#011627"
INK = {"text": "#d6deeb", "command": "#ffffff", "step": "#82aaff", "bar": "#7fdbca"}

CONTROL = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-_])")


def run(command, columns, rows):
    """Run a command in a pseudo-terminal. Gives what it printed, and its exit status."""
    process, terminal = pty.fork()
    if process == 0:
        size = struct.pack("HHHH", rows, columns, 0, 0)
        fcntl.ioctl(sys.stdout.fileno(), termios.TIOCSWINSZ, size)
        try:
            os.execvp(command[0], command)
        except OSError as error:
            os.write(2, f"{command[0]}: {error.strerror}\n".encode())
            os._exit(127)
    chunks = []
    while True:
        try:
            chunk = os.read(terminal, 65536)
        except OSError:  # EIO: the command has closed its side
            break
        if not chunk:
            break
        chunks.append(chunk)
    _, status = os.waitpid(process, 0)
    text = b"".join(chunks).decode("utf-8", "replace")
    return text, os.waitstatus_to_exitcode(status)


def lines_of(text, columns):
    """The text as a terminal of that width shows it, without colours."""
    lines = []
    for line in CONTROL.sub("", text).replace("\r\n", "\n").split("\n"):
        line = line.split("\r")[-1].expandtabs(8)
        line = "".join(c for c in line if c.isprintable())
        lines += [line[i : i + columns] for i in range(0, len(line), columns)] or [""]
    while lines and not lines[-1]:
        lines.pop()
    while lines and not lines[0]:
        lines.pop(0)
    return lines


def kind_of(line):
    if line.startswith("$ "):
        return "command"
    if line.startswith("==> "):
        return "step"
    return "bar" if re.match(r"^ .*\d  [█▏▎▍▌▋▊▉#]+$", line) else "text"


def draw(lines, title):
    width = max(map(len, lines)) * CHAR_WIDTH + 2 * MARGIN
    height = len(lines) * LINE_HEIGHT + 2 * MARGIN
    svg = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height}" '
        f'width="{width:.0f}" height="{height}" role="img">',
        f"<title>{escape(title)}</title>",
        f'<rect width="{width:.0f}" height="{height}" rx="8" fill="{BACKGROUND}"/>',
        f'<g font-family="{FONTS}" font-size="{FONT_SIZE}">',
    ]
    for i, line in enumerate(lines):
        if not line:
            continue
        y = MARGIN + i * LINE_HEIGHT + FONT_SIZE
        svg.append(
            f'<text x="{MARGIN}" y="{y}" fill="{INK[kind_of(line)]}" xml:space="preserve" '
            f'textLength="{len(line) * CHAR_WIDTH:.1f}">{escape(line)}</text>'
        )
    svg.append("</g>")
    svg.append("</svg>")
    return "\n".join(svg) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--output", required=True, metavar="FILE", help="the SVG to write")
    parser.add_argument("--columns", type=int, default=88, help="the terminal's width (88)")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    if not options.command:
        parser.error("no command")

    text, status = run(options.command, options.columns, 40)
    if status != 0:
        sys.stderr.write(text)
        sys.exit(f"capture.py: {shlex.join(options.command)} gave {status}; nothing is drawn")
    shown = shlex.join(options.command)
    lines = [f"$ {shown}", ""] + lines_of(text, options.columns)
    with open(options.output, "w", encoding="utf-8") as output:
        output.write(draw(lines, f"{shown}, in a terminal"))


if __name__ == "__main__":
    main()
