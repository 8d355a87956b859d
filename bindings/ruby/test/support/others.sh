#!/bin/sh
# SPDX-License-Identifier: MIT
#
# The whole suite with each ruby that RST_RUBIES names, separated by blanks. Usage: others.sh RAKEFILE
if [ -z "$RST_RUBIES" ]; then
    echo 'skipped: RST_RUBIES names no ruby'
    exit 77
fi
unset RST_SKIPPED_STATUS
for ruby in $RST_RUBIES; do
    echo "== $ruby"
    "$ruby" --version || exit 1
    "$ruby" -S rake --silent --rakefile "$1" test || exit 1
done
