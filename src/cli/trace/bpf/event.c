/* SPDX-License-Identifier: MIT */
/* Reads a record (record.h). Everything in it is checked against its size. */
#include "cli/trace/bpf/event.h"

#include <string.h>

/* Where in the record reading is. */
struct cursor {
    const uint8_t *bytes;
    size_t at, size;
};

static const void *take(struct cursor *cursor, size_t size)
{
    const void *there = cursor->bytes + cursor->at;

    if (size > cursor->size - cursor->at)
        return NULL;
    cursor->at += size;
    return there;
}

/* The record's last string may be cut to its length. */
static bool read_string(struct cursor *cursor, size_t string_bytes, struct event_string *ret)
{
    size_t room = RECORD_STRING_ROOM(string_bytes);
    const uint32_t *size = take(cursor, sizeof(*size));
    const char *bytes = (const char *)cursor->bytes + cursor->at;

    if (!size || *size > room || *size > cursor->size - cursor->at)
        return false;
    cursor->at = room < cursor->size - cursor->at ? cursor->at + room : cursor->size;
    if (*size == 0)
        return true;
    ret->bytes = bytes;
    ret->cut = *size > string_bytes + 1;
    ret->size = ret->cut ? string_bytes : *size - 1;
    return true;
}

static bool read_frames(struct cursor *cursor, uint32_t size, struct event *ret)
{
    if (size == 0)
        return true;
    ret->frames = take(cursor, size);
    ret->frame_count = size / sizeof(uint64_t);
    return ret->frames && size % sizeof(uint64_t) == 0 && ret->frame_count <= RECORD_MOST_FRAMES;
}

bool event_read(const struct plan *plan, const void *bytes, size_t size, struct event *ret)
{
    struct cursor cursor = {bytes, 0, size};
    const struct record *record = take(&cursor, sizeof(*record));
    const uint64_t *values;
    size_t count;

    if (!record || record->variant >= plan->variant_count)
        return false;
    *ret = (struct event){
        .time = record->time,
        .variant = &plan->variants[record->variant],
        .cpu = record->cpu,
        .pid = (pid_t)record->pid,
        .tid = (pid_t)record->tid,
        .unreadable = record->unreadable,
    };
    ret->probe = &plan->probes[ret->variant->probe];
    memcpy(ret->comm, record->comm, sizeof(record->comm));
    count = ret->probe->argument_count;
    values = take(&cursor, count * sizeof(*values));
    if (!values)
        return false;
    memcpy(ret->values, values, count * sizeof(*values));
    for (size_t i = 0; i < count; i++)
        if (ret->variant->values[i].kind == VALUE_STRING &&
            !read_string(&cursor, plan->options->string_bytes, &ret->strings[i]))
            return false;
    return read_frames(&cursor, record->frame_size, ret);
}
