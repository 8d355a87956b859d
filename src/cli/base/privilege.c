/* SPDX-License-Identifier: MIT */
#include "cli/base/privilege.h"

#include <linux/capability.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cli/base/file.h"

/* By a system call, as /proc may not be mounted. */
bool has_capability(unsigned capability)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3] = {{0}};

    return syscall(SYS_capget, &header, sets) == 0 &&
           (sets[capability / 32].effective >> capability % 32 & 1) != 0;
}

bool in_first_namespace(void)
{
    char line[64], *at = line;
    unsigned long inside, outside, count; /* the first range of user ids in the namespace */

    if (!read_line("/proc/self/uid_map", line, sizeof(line)))
        return true;
    inside = strtoul(at, &at, 10);
    outside = strtoul(at, &at, 10);
    count = strtoul(at, &at, 10);
    return inside == 0 && outside == 0 && count == UINT32_MAX;
}
