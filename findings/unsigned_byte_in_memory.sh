#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# SystemTap 4.8 and 5.6: $argN of a USDT probe is signed if the argument is an unsigned byte in memory.
# A 255 is -1 then. The same byte in a register is 255, and so are wider numbers in memory. So a value's
# sign depends on where the compiler had it, and, of a function's arguments, on how many came before.
#
# The note says "1@" and a place, which is unsigned ("-1@" is signed). For a place in memory, SystemTap
# calls a function of its tapset, user_uint16() for "2@" and user_int16() for "-2@", but user_int8() for
# both "1@" and "-1@" (sdt_uprobe_var_expanding_visitor in tapsets.cxx). Its second pass shows that; it
# takes no kernel, and no root. 5.6 was seen to print -1, and to show the same calls.
#
# Seen with 4.8 on Debian 12, x86_64:
#
#     a byte in memory: user_int8
#     two bytes in memory: user_uint16
#     a byte in a register: uint8_t
set -euo pipefail
folder=$(mktemp -d)
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=findings/lib.bash
. "$here/lib.bash"

need_x86_64
need_compiler
package systemtap-sdt-dev 4.8-2
package systemtap 4.8-2

gcc -O2 -o "$folder/program" -x c - <<'C'
#include <stdint.h>
#include <sys/sdt.h>

volatile uint8_t byte = 255;
volatile uint16_t two = 65535;

int main(void)
{
    uint8_t copy = byte;

    STAP_PROBE1(shop, byte_in_memory, byte);
    STAP_PROBE1(shop, two_in_memory, two);
    STAP_PROBE1(shop, byte_in_register, copy);
    return 0;
}
C

# What SystemTap looks at in a kernel's build directory before it reads the script.
mkdir -p "$folder/kernel/include/config"
printf '%s\n' CONFIG_{KPROBES,UPROBES,ARCH_SUPPORTS_UPROBES,TRACEPOINTS}=y >"$folder/kernel/.config"
uname -r >"$folder/kernel/include/config/kernel.release"
touch "$folder/kernel/Makefile" "$folder/kernel/Module.symvers"
if [ -d "$folder/root/usr/share/systemtap" ]; then
    export SYSTEMTAP_TAPSET=$folder/root/usr/share/systemtap/tapset
    export SYSTEMTAP_RUNTIME=$folder/root/usr/share/systemtap/runtime
fi

# What the second pass makes of a probe's argument.
second_pass() {
    stap -v -p2 -r "$folder/kernel" 2>"$folder/said" \
        -e "probe process(\"$folder/program\").mark(\"$1\") { printf(\"%d\", \$arg1) }" |
        grep -F '{ printf(' | grep -o -E 'user_u?int[0-9]+|\(u?int[0-9]+_t\)' | tail -n 1
}

{
    echo "a byte in memory: $(second_pass byte_in_memory)"
    echo "two bytes in memory: $(second_pass two_in_memory)"
    echo "a byte in a register: $(second_pass byte_in_register | tr -d '()')"
} >"$folder/seen"
compare "$folder/seen"
