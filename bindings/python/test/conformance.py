# SPDX-License-Identifier: MIT
"""The subject of the conformance test for Python; tests/conformance/README.md has the commands."""

import os
import sys
from urllib.parse import unquote

import rst

VALUES = {
    "i": int,
    "d": float,
    "s": unquote,
    "b": lambda text: text == "true",
    "n": lambda text: None,
}

provider = None
probes = {}


def values(words):
    return [VALUES[word[0]](word[2:]) for word in words]


def make(name):
    global provider
    provider = rst.Provider(name)


def add(name, signature):
    probes[name] = provider.probe(name, signature)


def fire(name, *words):
    probes[name].fire(*values(words))


def lazy(name, *words):
    runs = []

    def function():
        runs.append(name)
        return values(words)

    probes[name].fire(function)
    return len(runs)


COMMANDS = {
    "provider": make,
    "add": add,
    "load": lambda: provider.load() and None,
    "path": lambda name: probes[name].path,
    "enabled": lambda name: str(probes[name].enabled).lower(),
    "fire": fire,
    "lazy": lazy,
    "unload": lambda: provider.unload(),
    "pid": os.getpid,
    "quit": sys.exit,
}

for line in sys.stdin:
    command, *fields = line.rstrip("\n").split("\t")
    try:
        answer = COMMANDS[command](*fields)
        print("ok" if answer is None else f"ok {answer}", flush=True)
    except rst.Error as error:
        print("error", error.kind, flush=True)
