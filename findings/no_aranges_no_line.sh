#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# elfutils 0.188: eu-addr2line finds no line in a program that clang 14 has built with -g, at an
# address of its own main(). The line is there, and binutils' addr2line finds it. With gcc 12, or
# with clang's -gdwarf-aranges, eu-addr2line finds it, too.
#
# clang writes no .debug_aranges by default. libdwfl looks up the unit of an address only there
# (dwfl_module_addrdie(), by dwarf_getaranges()), and does not fall back on the units' own ranges
# (DW_AT_ranges), as binutils does.
#
# Seen on x86_64, Debian 12:
#
#     gcc -g: has .debug_aranges; eu-addr2line says program.c:4, addr2line program.c:4
#     clang -g: has no .debug_aranges; eu-addr2line says ??:0, addr2line program.c:4
#     clang -g -gdwarf-aranges: has .debug_aranges; eu-addr2line says program.c:4, addr2line program.c:4
set -euo pipefail
folder=$(mktemp -d)
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=findings/lib.bash
. "$here/lib.bash"

need_x86_64
need_compiler
package elfutils 0.188-2.1
package binutils 2.40-2
package clang-14 1:14.0.6-12

cat >"$folder/program.c" <<'C'
static volatile int orders;

int main(void)
{
    return orders;
}
C

# file_and_line WORDS: without the folder, the column and what else is known of the line.
file_and_line() {
    sed -e 's/.*program/program/' -e 's/^\([^:]*:[0-9]*\).*/\1/' <<<"$1"
}

for compiler in "gcc -g" "clang -g" "clang -g -gdwarf-aranges"; do
    # shellcheck disable=SC2086 # a program and its options
    ${compiler/clang/clang-14} -O0 -o "$folder/program" "$folder/program.c"
    address=0x$(nm "$folder/program" | sed -n 's/ T main$//p')
    has='has no'
    readelf -SW "$folder/program" >"$folder/sections"
    ! grep -qw .debug_aranges "$folder/sections" || has=has
    elfutils=$(file_and_line "$(eu-addr2line -e "$folder/program" "$address")")
    binutils=$(file_and_line "$(addr2line -e "$folder/program" "$address")")
    echo "$compiler: $has .debug_aranges; eu-addr2line says $elfutils, addr2line $binutils"
done >"$folder/seen"

compare "$folder/seen"
