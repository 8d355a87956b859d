#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Linux 6.18 on x86_64: where the probed instruction is a 5-byte nop, the breakpoint becomes a call
# when it is hit for the first time, and for that the kernel maps a page into the process,
# "[uprobes-trampoline]", near the site. It stays when the tracer has gone, until the process ends
# or calls exec. Even an event that only counts does so. (A process that compares its own
# /proc/self/maps, or looks for int3 to find out whether it is probed, sees something else than on
# any kernel before.)
#
# In arch/x86/kernel/uprobes.c: arch_uprobe_optimize(), from the handler of the first hit;
# trampolines go with the process's memory.
#
# Seen on Linux 6.18.44 x86_64, Debian 12:
#
#     before: site begins with 0f, trampolines 0
#     attached: site begins with cc, trampolines 0
#     a fire: site begins with e8, trampolines 1
#     event closed: site begins with 0f, trampolines 1
set -euo pipefail
folder=$(mktemp -d)
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=findings/lib.bash
. "$here/lib.bash"

# Is it Linux 6.18 or newer?
printf '%s\n' 6.18 "$(uname -r)" | sort --check=quiet --version-sort ||
    not_run "this kernel is older than 6.18"

uprobe_program <<'C'
#include "uprobe.h"

static void show(const char *when)
{
    FILE *maps = fopen("/proc/self/maps", "r");
    char line[4096];
    int trampolines = 0;

    need(maps != NULL, "/proc/self/maps");
    while (fgets(line, sizeof(line), maps))
        trampolines += strstr(line, "[uprobes-trampoline]") != NULL;
    fclose(maps);
    printf("%s: site begins with %02x, trampolines %d\n", when, text[SITE], trampolines);
}

int main(int count, char **arguments)
{
    int event;

    make_place(arguments[count - 1], NOP5, sizeof(NOP5) - 1);
    show("before");
    event = attach_counted();
    show("attached");
    fire();
    show("a fire");
    close(event);
    show("event closed");
    return 0;
}
C
