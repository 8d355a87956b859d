#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Run all tests with each node program that RST_NODES names, separated by blanks. The compiled part is
# the one that is there: N-API promises that every Node can load it.

tests=$(dirname "$0")/..

if [ -z "$RST_NODES" ]; then
    echo 'skipped: RST_NODES names no other node program'
    exit "${RST_SKIPPED_STATUS:-0}"
fi
status=0
for node in $RST_NODES; do
    for test in "$tests"/*_test.js; do
        "$node" "$test"
        case $? in
        0 | "${RST_SKIPPED_STATUS:-0}") ;;
        *) status=1 && echo "failed with $node: $test" >&2 ;;
        esac
    done
done
exit "$status"
