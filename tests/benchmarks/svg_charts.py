# SPDX-License-Identifier: MIT
"""Bars and lines as SVG, for plot.py. Needs only Python 3.8's standard library."""

import math
import os
from html import escape

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PLOTS = os.path.join(ROOT, "docs", "benchmarks")

INK, SOFT, GRID, PAPER, AIM = "#1f2328", "#59636e", "#d8dee4", "#ffffff", "#b3261e"
COLOURS = {  # by the beginning of a label
    "librst": "#0b62c4",
    "StaticTracing": "#0b62c4",
    "sys/sdt.h": "#57606a",
    "lttng-ust": "#2a7f3e",
    "libstapsdt": "#c2570c",
    "TracePoint": "#c2570c",
    "Ruby's DTrace hooks": "#2a7f3e",
}


def colour(label):
    for beginning, value in COLOURS.items():
        if label.startswith(beginning):
            return value
    return "#8c959f"


class Drawing:
    def __init__(self, width, height, title, subtitle):
        self.size = (width, height)
        self.parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
            f'width="{width}" height="{height}" role="img" aria-label="{escape(title)}" '
            'font-family="DejaVu Sans, Verdana, sans-serif">',
            f'<rect width="{width}" height="{height}" rx="8" fill="{PAPER}" stroke="{GRID}"/>',
        ]
        self.text(24, 34, title, size=17, weight="bold")
        self.text(24, 55, subtitle, size=12, fill=SOFT)

    def text(self, x, y, words, size=12, fill=INK, anchor="start", weight="normal", turn=None):
        turned = f' transform="rotate({turn} {x:.1f} {y:.1f})"' if turn is not None else ""
        self.parts.append(
            f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" fill="{fill}" '
            f'text-anchor="{anchor}" font-weight="{weight}"{turned}>{escape(words)}</text>'
        )

    def line(self, x1, y1, x2, y2, stroke=GRID, width=1, dash=None):
        dashed = f' stroke-dasharray="{dash}"' if dash else ""
        self.parts.append(
            f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" '
            f'stroke="{stroke}" stroke-width="{width}"{dashed}/>'
        )

    def bar(self, x, y, width, height, fill):
        self.parts.append(
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(width, 1):.1f}" height="{height:.1f}" '
            f'rx="2" fill="{fill}"/>'
        )

    def path(self, points, stroke, dash=None):
        dashed = f' stroke-dasharray="{dash}"' if dash else ""
        steps = " L".join(f"{x:.1f},{y:.1f}" for x, y in points)
        self.parts.append(
            f'<path d="M{steps}" fill="none" stroke="{stroke}" stroke-width="2.2"{dashed}/>'
        )
        for x, y in points:
            self.parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.4" fill="{stroke}"/>')

    def save(self, name):
        with open(os.path.join(PLOTS, name), "w", encoding="utf-8") as file:
            file.write("\n".join(self.parts + ["</svg>", ""]))


def round_step(most, steps):
    """A step of 1, 2 or 5 times a power of ten that divides 0..most into about `steps` parts."""
    rough = most / steps
    unit = 10 ** math.floor(math.log10(rough))
    return next(factor * unit for factor in (1, 2, 5, 10) if factor * unit >= rough)


def bars(name, title, subtitle, groups, axis):
    """Horizontal bars: groups of (heading, [(label, low, median, high, note)])."""
    left, right, row, top = 330, 110, 26, 76
    rows = sum(len(group) + (1 if heading else 0) for heading, group in groups)
    width, height = 860, top + rows * row + 62
    most = max(bar[3] for _, group in groups for bar in group) * 1.04
    step = round_step(most, 6)
    drawing = Drawing(width, height, title, subtitle)

    def place(value):
        return left + value / most * (width - left - right)

    bottom = top + rows * row
    for i in range(int(most / step) + 1):
        x = place(i * step)
        drawing.line(x, top - 4, x, bottom + 4)
        drawing.text(x, bottom + 20, f"{i * step:g}", fill=SOFT, anchor="middle")
    drawing.text((left + width - right) / 2, bottom + 42, axis, anchor="middle")

    y = top
    for heading, group in groups:
        if heading:
            drawing.text(24, y + 18, heading, weight="bold")
            y += row
        for label, low, middle, high, note in group:
            drawing.text(left - 10, y + 17, label, anchor="end")
            drawing.bar(left, y + 4, place(middle) - left, row - 9, colour(label))
            drawing.line(place(low), y + row / 2, place(high), y + row / 2, stroke=INK)
            drawing.text(max(place(middle), place(high)) + 7, y + 17, note, fill=INK)
            y += row
    drawing.save(name)


def powers(low, high):
    return [10.0**i for i in range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)]


def lines(name, title, subtitle, series, axes, aim=None):
    """Lines on two logarithmic axes: series of (label, colour, dash, [(x, y)])."""
    left, right, top, bottom = 84, 210, 80, 70
    width, height = 860, 430
    drawing = Drawing(width, height, title, subtitle)
    values = [y for line in series for _, y in line[3]] + ([aim[0]] if aim else [])
    across = powers(*(f(x for line in series for x, _ in line[3]) for f in (min, max)))
    up = powers(min(values), max(values))

    def place(x, y):
        part_x = math.log10(x / across[0]) / math.log10(across[-1] / across[0])
        part_y = math.log10(y / up[0]) / math.log10(up[-1] / up[0])
        return (
            left + part_x * (width - left - right),
            height - bottom - part_y * (height - top - bottom),
        )

    for x in across:
        drawing.line(*place(x, up[0]), *place(x, up[-1]))
        drawing.text(place(x, up[0])[0], height - bottom + 20, f"{x:,.0f}", fill=SOFT,
                     anchor="middle")
    for y in up:
        drawing.line(*place(across[0], y), *place(across[-1], y))
        drawing.text(left - 10, place(across[0], y)[1] + 4, f"{y:,g}", fill=SOFT, anchor="end")
    drawing.text((left + width - right) / 2, height - 22, axes[0], anchor="middle")
    drawing.text(24, (top + height - bottom) / 2, axes[1], anchor="middle", turn=-90)
    labels = []
    for label, stroke, dash, points in series:
        placed = [place(x, y) for x, y in points]
        drawing.path(placed, stroke, dash)
        labels.append((*placed[-1], label, stroke))
    if aim:
        drawing.line(*place(across[0], aim[0]), *place(across[-1], aim[0]), stroke=AIM, dash="7 5")
        labels.append((*place(across[-1], aim[0]), aim[1], AIM))
    last = -math.inf
    for x, y, label, stroke in sorted(labels, key=lambda one: one[1]):
        last = max(y, last + 15)  # labels that would overlap move apart
        drawing.text(x + 8, last + 4, label, fill=stroke)
    drawing.save(name)
