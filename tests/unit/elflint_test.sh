#!/bin/sh
# SPDX-License-Identifier: MIT
# eu-elflint finds no fault in an image, except that it does not know the types of the notes, and,
# before 0.190, LoongArch.
# usage: elflint_test.sh WRITE-SAMPLES EU-ELFLINT
set -u

write_samples=$1 elflint=$2
if [ ! -x "$elflint" ]; then
    echo "skipped: eu-elflint (Debian: elfutils) is not installed"
    exit 77
fi
directory=$(mktemp -d) || exit 1
trap 'rm -rf "$directory"' EXIT

"$write_samples" "$directory" >"$directory/list" || exit 1
count=0 failed=0
while read -r image; do
    count=$((count + 1))
    "$elflint" --gnu-ld "$image" >"$directory/said" 2>&1
    status=$?
    # The unknown notes make it fail. A status of 0 would mean that it read none.
    if [ "$status" -ne 1 ] ||
        ! grep -q 'unknown object file note type 3' "$directory/said" ||
        grep -v -e 'unknown object file note type [23] with owner name' \
            -e '^unknown machine type 258$' -e '^invalid machine flags: 0x43$' "$directory/said"; then
        echo "$(basename "$image"): exit status $status"
        failed=$((failed + 1))
    fi
done <"$directory/list"
echo "$count images, $failed failures"
[ "$count" -gt 0 ] && [ "$failed" -eq 0 ]
