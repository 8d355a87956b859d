#!/bin/sh
# SPDX-License-Identifier: MIT
#
# meson's wrapper for a test: let it have a directory for gcov's counts of its own. gcov empties a file
# of counts before it writes the sums, so that a process which is killed then takes with it what all
# others have counted.
GCOV_PREFIX=$RST_COVERAGE/$$
export GCOV_PREFIX
exec "$@"
