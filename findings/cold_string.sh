#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# bpftrace 0.17.0: str() of a string in a page that the program has mapped, but not touched, is "",
# at every hit, although the page cache has the page. Nothing says so: the text looks empty. Once
# the program has read a byte of the page, str() gives the text. gdb 13.1 always shows it.
#
# str() is the helper bpf_probe_read_user_str(), which reads with page faults off
# (strncpy_from_user_nofault() in mm/maccess.c), and bpftrace ignores that it failed; ptrace, which
# gdb reads by, faults the page in.
#
# The program maps a file that it has just written, fires twice, reads a byte, and fires twice more.
# Seen on Linux 6.18.44 x86_64, Debian 12:
#
#     bpftrace: order 1 [], touched 0
#     bpftrace: order 2 [], touched 0
#     bpftrace: order 3 [Grace], touched 1
#     bpftrace: order 4 [Grace], touched 1
#     gdb: order 1 "Grace", touched 0
set -euo pipefail
folder=$(mktemp -d)
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=findings/lib.bash
. "$here/lib.bash"

need_x86_64
need_root
need_compiler
package bpftrace 0.17.0-1
package gdb 13.1-3
package systemtap-sdt-dev 4.8-2

cat >"$folder/program.c" <<'C'
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/sdt.h>
#include <unistd.h>

int main(int count, char **arguments)
{
    int file = open(arguments[count - 1], O_RDWR | O_CREAT | O_EXCL, 0600);
    const volatile char *text;
    long touched = 0;

    if (write(file, "Grace", 6) != 6)
        return 1;
    text = mmap(NULL, 6, PROT_READ, MAP_PRIVATE, file, 0);
    if (text == MAP_FAILED)
        return 1;
    for (long order = 1; order <= 4; order++) {
        if (order == 3)
            touched = text[0] == 'G';
        DTRACE_PROBE3(shop, order, order, text, touched);
    }
    return 0;
}
C
gcc -O1 -Wall -Wextra -o "$folder/program" "$folder/program.c"

bpftrace -c "$folder/program $folder/one" -e "usdt:$folder/program:shop:order {
    printf(\"bpftrace: order %d [%s], touched %d\\n\", arg0, str(arg1), arg2) }" \
    >"$folder/bpftrace" 2>"$folder/errors" || not_run "$(tail -n 1 "$folder/errors")"
grep '^bpftrace: ' "$folder/bpftrace" >"$folder/seen" || true

# shellcheck disable=SC2016 # the dollars are gdb's
gdb -nx -batch -ex 'set debuginfod enabled off' -ex 'break -probe-stap shop:order' -ex run \
    -ex 'set $text = (char *)$_probe_arg1' \
    -ex 'printf "gdb: order %ld \"%s\", touched %ld\n", $_probe_arg0, $text, $_probe_arg2' \
    --args "$folder/program" "$folder/two" >"$folder/gdb" 2>&1 ||
    not_run "$(tail -n 1 "$folder/gdb")"
grep '^gdb: ' "$folder/gdb" >>"$folder/seen" || true

compare "$folder/seen"
