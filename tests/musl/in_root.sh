#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Tests that load, fork and write files, a static program and the command, in a root directory where
# no other C library is.
#
# usage: in_root.sh ROOT BUILD
set -eu
cd "$(dirname "$0")"

for name in provider_life memfd file_life attach; do
    ./run.sh "$1" "$2/tests/load/${name}_test"
done
./run.sh "$1" "$2/tests/load/static_program"
./run.sh "$1" "$2/src/cli/rst" --version
