/* SPDX-License-Identifier: MIT */
#include "support/perf_uprobe.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#define UPROBES "/sys/bus/event_source/devices/uprobe"
#define REF_CTR_OFFSET_SHIFT 32 /* as in UPROBES/format/ref_ctr_offset */

int read_number(const char *path)
{
    FILE *file = fopen(path, "re");
    int number;

    if (!file)
        return -errno;
    if (fscanf(file, "%d", &number) != 1)
        number = -EINVAL;
    fclose(file);
    return number;
}

int perf_uprobe_open(const char *path, uint64_t site, uint64_t semaphore, pid_t pid, int cpu)
{
    struct perf_event_attr attributes = {
        .size = sizeof(attributes),
        .config = semaphore << REF_CTR_OFFSET_SHIFT,
        .config1 = (uintptr_t)path,
        .config2 = site,
    };
    int type = read_number(UPROBES "/type"), fd;

    if (type < 0)
        return type;
    attributes.type = (uint32_t)type;
    fd = (int)syscall(SYS_perf_event_open, &attributes, pid, cpu, -1, PERF_FLAG_FD_CLOEXEC);
    return fd < 0 ? -errno : fd;
}
