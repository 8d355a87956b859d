/* SPDX-License-Identifier: MIT */
/* Reads a record. Everything in it is checked against its size. */
#include "cli/trace/bpf/record.h"

#include <string.h>

/* Read the string at `at`, and go on to what follows it. The record's last one may be cut. */
static bool read_string(const uint8_t *bytes, size_t size, size_t *at, size_t string_bytes,
                        struct event_string *ret)
{
    size_t room = RECORD_STRING_ROOM(string_bytes), start = *at + sizeof(uint32_t);
    uint32_t length;

    if (start > size)
        return false;
    memcpy(&length, bytes + *at, sizeof(length));
    if (length > room || length > size - start)
        return false;
    *at = room < size - start ? start + room : size;
    if (length == 0)
        return true;
    ret->bytes = (const char *)bytes + start;
    ret->cut = length > string_bytes + 1;
    ret->size = ret->cut ? string_bytes : length - 1;
    return true;
}

bool event_read(const struct plan *plan, const void *bytes, size_t size, struct event *ret)
{
    const struct record *record = bytes;
    size_t at = sizeof(*record), values;

    if (size < at || record->variant >= plan->variant_count)
        return false;
    *ret = (struct event){
        .time = record->time,
        .variant = &plan->variants[record->variant],
        .cpu = record->cpu,
        .pid = (pid_t)record->pid,
        .tid = (pid_t)record->tid,
        .unreadable = record->unreadable,
        .frame_count = record->frame_size / sizeof(uint64_t),
    };
    ret->probe = &plan->probes[ret->variant->probe];
    memcpy(ret->comm, record->comm, sizeof(record->comm));
    values = ret->probe->argument_count * sizeof(ret->values[0]);
    if (values > size - at)
        return false;
    memcpy(ret->values, record + 1, values);
    at += values;
    for (size_t i = 0; i < ret->probe->argument_count; i++)
        if (ret->variant->values[i].kind == VALUE_STRING &&
            !read_string(bytes, size, &at, plan->options->string_bytes, &ret->strings[i]))
            return false;
    if (ret->frame_count > 0)
        ret->frames = (const uint64_t *)(const void *)((const uint8_t *)bytes + at);
    return record->frame_size % sizeof(uint64_t) == 0 && record->frame_size <= size - at &&
           ret->frame_count <= RECORD_MOST_FRAMES;
}
