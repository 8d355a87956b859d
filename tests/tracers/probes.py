# SPDX-License-Identifier: MIT
"""The target's declarations, and the values that it reports as fired."""

import re

# The size in bytes of each type, and whether it is signed, as tracers see it.
TYPES = {
    "bool": (1, False),
    "int8": (1, True),
    "int16": (2, True),
    "int32": (4, True),
    "int64": (8, True),
    "uint8": (1, False),
    "uint16": (2, False),
    "uint32": (4, False),
    "uint64": (8, False),
    "float": (4, False),
    "double": (8, False),
    "pointer": (8, False),
    "string": (8, False),
}
ROUND = 7  # after this many fires, each argument has had every value of its type

# Probes, with the types of their arguments.
MIXED = "bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 float double string".split()
ORDER = "uint64 string int32 double".split()
EVERY_TYPE = {f"types:{kind}": [kind] * 12 for kind in TYPES} | {"shop:mixed": MIXED}
EVERY_COUNT = {f"counts:args{count}": ["int64"] * count for count in range(13)}
EVERY_PROBE = EVERY_TYPE | EVERY_COUNT | {"shop:order": ORDER}


class Value(int):
    """A value that the target fired: an integer, with the string or number that it stands for."""

    text = None
    number = None

    @classmethod
    def parse(cls, word):
        bits, colon, rest = word.partition(":")
        value = cls(bits)
        if colon and re.fullmatch(r"-?(0x.*|inf|nan)", rest):
            value.number = float.fromhex(rest)
        elif colon:
            value.text = bytes.fromhex(rest)
        return value
