/* SPDX-License-Identifier: MIT */
#include "resident_memory.h"

#include <inttypes.h>
#include <stdio.h>

uint64_t bench_rss(void)
{
    FILE *rollup = fopen("/proc/self/smaps_rollup", "re");
    char line[256];
    uint64_t kib = 0;

    while (rollup && fgets(line, sizeof(line), rollup))
        if (sscanf(line, "Rss: %" SCNu64, &kib) == 1)
            break;
    if (rollup)
        fclose(rollup);
    return kib * 1024;
}
