#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Clang 19.1 for LoongArch: an argument of a USDT probe that is in memory looks like two arguments.
# An argument in memory is written as "-4@$a0, 0", with a blank after the comma and no brackets
# (PrintAsmMemoryOperand() in LLVM's LoongArchAsmPrinter.cpp). In a note, a blank is what separates
# arguments. So a tracer that splits at blanks sees "-4@$a0," and a constant 0, and all that follow
# have a wrong number. For other CPUs Clang writes no blank there, or one between brackets.
#
# STAP_SDT_ARG_CONSTRAINT says here where arguments may be: also in memory, or in a register only, which
# avoids this.
#
# Seen with 1:19.1.7-3~deb12u1 and sys/sdt.h 4.8 on Debian 12, x86_64:
#
#     loongarch64, memory: -4@$a0, 0 -8@$a1, 8
#     loongarch64, register: -4@$a0 -8@$a1
#     riscv64, memory: -4@0(a0) -8@8(a1)
set -euo pipefail
folder=$(mktemp -d)
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=findings/lib.bash
. "$here/lib.bash"

need_x86_64
need_compiler # for the headers that come with it
command -v readelf >/dev/null || not_run "install binutils"
package systemtap-sdt-dev 4.8-2
package clang-19 1:19.1.7-3~deb12u1

cat >"$folder/program.c" <<'C'
#include <stdint.h>
#include <sys/sdt.h>

void order(const int32_t *number, const int64_t *prices)
{
    STAP_PROBE2(shop, order, number[0], prices[1]);
}
C

# operands CPU CONSTRAINT: of the probe.
operands() {
    clang-19 --target="$1-linux-gnu" -O2 -ffreestanding -DSTAP_SDT_ARG_CONSTRAINT="$2" \
        -idirafter /usr/include -idirafter /usr/include/x86_64-linux-gnu \
        -c -o "$folder/program.o" "$folder/program.c"
    readelf -n "$folder/program.o" | sed -n 's/^ *Arguments: //p'
}

{
    echo "loongarch64, memory: $(operands loongarch64 nm)"
    echo "loongarch64, register: $(operands loongarch64 nr)"
    echo "riscv64, memory: $(operands riscv64 nm)"
} >"$folder/seen"
compare "$folder/seen"
