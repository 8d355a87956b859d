/* SPDX-License-Identifier: MIT */
#include "cli/check/uprobe.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cli/base/file.h"

#define SEMAPHORE_SHIFT 32 /* /sys/bus/event_source/devices/uprobe/format/ref_ctr_offset */

int uprobe_attach(const char *path, uint64_t site, uint64_t semaphore)
{
    struct perf_event_attr attributes = {
        .size = sizeof(attributes),
        .config = semaphore << SEMAPHORE_SHIFT,
        .config1 = (uintptr_t)path,
        .config2 = site,
    };
    char type[32];
    int uprobe;

    if (!read_line("/sys/bus/event_source/devices/uprobe/type", type, sizeof(type)))
        return -ENODEV;
    attributes.type = (uint32_t)strtoul(type, NULL, 10);
    uprobe = (int)syscall(SYS_perf_event_open, &attributes, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);
    return uprobe < 0 ? -errno : uprobe;
}
