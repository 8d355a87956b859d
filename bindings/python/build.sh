#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Build the package for a Python where it stands, for tests and benchmarks.
#
# usage: build.sh PYTHON DIRECTORY      then PYTHONPATH=DIRECTORY/lib finds it
set -e
python=$(command -v "$1")
mkdir -p "$2"
directory=$(cd "$2" && pwd)
cd "$(dirname "$0")"
# setuptools warns that it reads pyproject.toml.
"$python" -W ignore setup.py --quiet egg_info --egg-base "$directory" \
    build --build-base "$directory/base" --build-lib "$directory/lib" \
    >"$directory/log" 2>&1 || {
    cat "$directory/log" >&2
    exit 1
}
