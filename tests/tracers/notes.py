# SPDX-License-Identifier: MIT
"""A file's stapsdt notes, read by `readelf -n`, with addresses converted to file offsets."""

import re
import struct

STAPSDT = b"stapsdt\0"
HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
SECTION = struct.Struct("<IIQQQQIIQQ")
SEGMENT = struct.Struct("<IIQQQQQQ")
PT_LOAD = 1
OPERAND = re.compile(r"-?\d+@(?:\[[^]]*\]|\S+)")  # aarch64 has blanks in brackets


class Note:
    """A probe: the offsets of its site and semaphore in the file, and its operands."""

    def __init__(self, site, semaphore, strings):
        self.site = site
        self.semaphore = semaphore
        self.provider, self.name, operands = (text.decode() for text in strings)
        self.operands = OPERAND.findall(operands)


def notes_of(path):
    with open(path, "rb") as file:
        image = file.read()
    header = HEADER.unpack_from(image)
    segments = _table(image, SEGMENT, header[5], header[10])
    sections = _table(image, SECTION, header[6], header[12])
    names = sections[header[13]]
    for section in sections:
        start = names[4] + section[0]
        if image[start : image.index(b"\0", start)] == b".note.stapsdt":
            return list(_notes(image, segments, section[4], section[4] + section[5]))
    raise AssertionError(f"{path} has no .note.stapsdt")


def _table(image, form, offset, count):
    return [form.unpack_from(image, offset + i * form.size) for i in range(count)]


def _notes(image, segments, at, end):
    while at < end:
        name_size, size, _ = struct.unpack_from("<III", image, at)
        at += 12
        if image[at : at + name_size] != STAPSDT:
            raise AssertionError(".note.stapsdt has a note of another kind")
        at += name_size
        site, _, semaphore = struct.unpack_from("<QQQ", image, at)
        strings = image[at + 24 : at + size].split(b"\0")[:3]
        yield Note(_offset(segments, site), _offset(segments, semaphore), strings)
        at += (size + 3) // 4 * 4


def _offset(segments, address):
    for kind, _, offset, start, _, size, _, _ in segments:
        if kind == PT_LOAD and start <= address < start + size:
            return address - start + offset
    raise AssertionError(f"address {address:#x} is in no segment")
