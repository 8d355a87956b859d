# SPDX-License-Identifier: MIT
"""What gdb does with the program: run by gdb itself, which gdb_test.py starts. Prints a line of JSON
for each thing that it sees."""

import json
import re
import subprocess
import tempfile

import gdb

STEPS = 24


def say(what, **seen):
    print("SEEN " + json.dumps({"what": what, **seen}), flush=True)


def callers():
    names, frame = [], gdb.newest_frame()
    while frame is not None and len(names) < 8:
        names.append(frame.name())
        frame = frame.older()
    return names


def value(text):
    return int(gdb.parse_and_eval(text))


def by_gdb():
    return [value(f"$_probe_arg{i}") for i in range(value("$_probe_argc"))]


# gdb has no parser for the operands of RISC-V and LoongArch; this one is only for them.
OPERAND = re.compile(
    r"(-?)(\d)@(?:(\d+)\((\w+)\)|\[(\$r\d+), (\d+)\]|(\$?\w+))(?: |$)"
)
TYPES = {"1": "char", "2": "short", "4": "int", "8": "long"}


def by_note(name):
    path = gdb.execute("info probes stap shop", to_string=True).split()[-1]
    done = subprocess.run(["readelf", "-n", path], capture_output=True, text=True, check=True)
    text = re.search(rf"Name: {name}\n.*\n +Arguments: (.*)\n", done.stdout).group(1)
    seen = []
    for sign, size, left, base, other_base, right, register in OPERAND.findall(text):
        kind = ("signed " if sign else "unsigned ") + TYPES[size]
        if register:
            seen.append(value(f"({kind})${register.lstrip('$')}"))
        else:
            base = (base or other_base).lstrip("$")
            seen.append(value(f"*({kind} *)((unsigned long)${base} + {left or right})"))
    return seen


def has_arguments():
    """Whether gdb reads this CPU's operands."""
    try:
        value("$_probe_arg0")
    except gdb.error:
        return False
    return True


def watch(name, string_index):
    gdb_reads = has_arguments()
    arguments = by_gdb() if gdb_reads else by_note(name)
    string = gdb.parse_and_eval(f"(char *){arguments[string_index]}").string()
    say("hit", probe=name, arguments=arguments, string=string, by_gdb=gdb_reads, callers=callers())


def describe_linux():
    """qemu 7's i386 lacks a register that gdb needs, to take it for Linux."""
    try:
        text = gdb.execute("maintenance print xml-tdesc", to_string=True)
    except gdb.error:  # the stub gives none
        return
    if "<architecture>i386</architecture>" not in text or "org.gnu.gdb.i386.linux" in text:
        return
    feature = (
        '<feature name="org.gnu.gdb.i386.linux">'
        '<reg name="orig_eax" bitsize="32" type="int" group="system"/></feature></target>'
    )
    with tempfile.NamedTemporaryFile("w", suffix=".xml") as file:
        file.write(text.replace("</target>", feature))
        file.flush()
        gdb.execute(f"set tdesc filename {file.name}")
        gdb.execute(f"file {gdb.current_progspace().filename}")  # has it look for libraries


describe_linux()
gdb.execute("break loaded")
gdb.execute("continue")
gdb.execute("sharedlibrary")
say("probes", text=gdb.execute("info probes stap shop", to_string=True))
gdb.execute("break -probe-stap shop:forward")
gdb.execute("break -probe-stap shop:backward")
gdb.execute("continue")
watch("forward", 11)
gdb.execute("continue")
watch("backward", 0)
gdb.execute("break call_function")
gdb.execute("continue")
start = value("(unsigned long)of_probe")
gdb.execute(f"tbreak *{start}")
gdb.execute("continue")
size = value("sizeof(void *)")
for _ in range(STEPS):
    pc = gdb.newest_frame().pc()
    names = callers()
    if names[0] != "shop__forward":
        break
    say("step", offset=pc - start, callers=names)
    gdb.execute("stepi", to_string=True)
say("stepped", callers=callers())
gdb.execute("delete")
gdb.execute("continue")
