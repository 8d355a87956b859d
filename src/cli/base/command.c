/* SPDX-License-Identifier: MIT */
#include "cli/base/command.h"

#include <errno.h>
#include <getopt.h>
#include <linux/capability.h>
#include <linux/perf_event.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "cli/base/file.h"
#include "error.h"
#include "rst.h"

void say(const char *format, ...)
{
    va_list args;

    fflush(stdout); /* so that the two streams keep their order on a terminal */
    fputs("rst: ", stderr);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
}

enum status name_help(const char *command)
{
    fprintf(stderr, "Try 'rst%s%s --help'.\n", *command ? " " : "", command);
    return STATUS_USAGE;
}

enum status status_of(int error)
{
    switch (abs(error)) {
    case 0:
        return STATUS_GOOD;
    case ENOENT:
    case ENOTDIR:
    case ESRCH:
        return STATUS_GONE;
    case EACCES:
    case EPERM:
        return STATUS_FORBIDDEN;
    case ENOEXEC:
    case EBADMSG:
    case EISDIR:
        return STATUS_BAD_FILE;
    default:
        return STATUS_FAILED;
    }
}

enum status say_failure(int error)
{
    say("%s", rst_error());
    return status_of(error);
}

enum status say_bad_option(const char *command, int option, char **words)
{
    const char letter[] = {'-', (char)optopt, '\0'}, *word = words[optind - 1];

    if (optopt > 0 && optopt < 256 && strncmp(word, "--", 2) != 0) /* perhaps several letters */
        word = letter;
    return say_usage(command, option == ':' ? "%s needs a value" : "%s is not an option",
                     rst_quote(word).text);
}

enum status finish_output(enum status status)
{
    bool failed = ferror(stdout);

    if (fflush(stdout) != 0 || failed) {
        if (errno != EPIPE) /* a reader that closed the pipe wants no more */
            say("standard output: %s", strerror(errno));
        return STATUS_FAILED;
    }
    return status;
}

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

#define SEMAPHORE_SHIFT 32 /* /sys/bus/event_source/devices/uprobe/format/ref_ctr_offset */

int uprobe_open(const char *path, uint64_t offset, uint64_t semaphore, pid_t pid)
{
    static uint32_t type; /* the kernel's number for uprobes; 0: not read yet */
    struct perf_event_attr attributes = {
        .size = sizeof(attributes),
        .config = semaphore << SEMAPHORE_SHIFT,
        .config1 = (uintptr_t)path,
        .config2 = offset,
    };
    char line[32];
    int uprobe;

    if (type == 0 && read_line("/sys/bus/event_source/devices/uprobe/type", line, sizeof(line)))
        type = (uint32_t)strtoul(line, NULL, 10);
    if (type == 0)
        return -ENODEV;
    attributes.type = type;
    uprobe = (int)syscall(SYS_perf_event_open, &attributes, pid ? pid : -1, pid ? -1 : 0, -1,
                          PERF_FLAG_FD_CLOEXEC);
    return uprobe < 0 ? -errno : uprobe;
}

int64_t milliseconds(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

void *sure(void *memory)
{
    if (memory)
        return memory;
    say("no memory");
    exit(STATUS_FAILED);
}

void *room_for_one(void *items, size_t count, size_t size)
{
    if (count != 0 && (count & (count - 1)) != 0) /* there is room for a power of two */
        return items;
    return sure(reallocarray(items, count ? 2 * count : 1, size));
}
