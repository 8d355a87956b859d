#!/bin/sh
# SPDX-License-Identifier: MIT
#
# meson's wrapper for a test: gives it a directory of its own for gcov's counts. gcov empties a file of
# counts before it writes the sums. If a process is killed at that moment, the counts of all others
# are lost.
GCOV_PREFIX=$RST_COVERAGE/$$
export GCOV_PREFIX
exec "$@"
