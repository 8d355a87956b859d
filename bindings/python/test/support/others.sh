#!/bin/sh
# SPDX-License-Identifier: MIT
#
# The whole suite with each Python that RST_PYTHONS names, separated by blanks. They need pytest,
# setuptools and wheel. Usage: others.sh DIRECTORY, for what is built.
if [ -z "$RST_PYTHONS" ]; then
    echo 'skipped: RST_PYTHONS names no Python'
    exit 77
fi
unset RST_SKIPPED_STATUS
tests=$(dirname "$(dirname "$(realpath "$0")")")
for python in $RST_PYTHONS; do
    echo "== $python"
    "$python" --version || exit 1
    version=$("$python" -c 'import sys; print(sys.version.split()[0])') || exit 1
    "$tests/../build.sh" "$python" "$1/$version" || exit 1
    PYTHONPATH="$1/$version/lib" "$python" -m pytest -p no:cacheprovider -q -W ignore "$tests" || exit 1
done
