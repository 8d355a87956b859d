/* SPDX-License-Identifier: MIT */
/*
 * Reads the output of `bpftrace -f json`, one object on a line:
 *
 *     {"type": "printf", "data": "E 0 4711 4711 15024985445021 3e8 target"}
 *     {"type": "lost_events", "data": {"events": 7}}
 *     {"type": "map", "data": {"@c0": {"-250,3": 1, "1999,11": 2}}}      or {"@c0": 2}
 *
 * The data of a printf is a record of the script's (script.c). bpftrace's strings are not quite
 * JSON: control characters are \u00NN, and bytes above 127 are \uffffffNN. A line may be anything:
 * one that is not as above is LINE_OTHER.
 */
#include <stdlib.h>
#include <string.h>

#include "cli/base/number.h"
#include "cli/trace/trace.h"

struct line_cursor {
    const char *at, *end;
};

/* ------------------------------------------------------------------------------ JSON -- */

static void skip_blanks(struct line_cursor *cursor)
{
    while (cursor->at < cursor->end && (*cursor->at == ' ' || *cursor->at == '\t'))
        cursor->at++;
}

static bool take(struct line_cursor *cursor, char c)
{
    skip_blanks(cursor);
    if (cursor->at == cursor->end || *cursor->at != c)
        return false;
    cursor->at++;
    return true;
}

/* Read the digits after \u: four, or eight for a byte above 127, whose sign bpftrace extends. */
static bool take_code(struct line_cursor *cursor, struct text *ret)
{
    size_t length = cursor->end - cursor->at >= 8 && memcmp(cursor->at, "ffffff", 6) == 0 ? 8 : 4;
    unsigned code = 0;
    char byte;

    if ((size_t)(cursor->end - cursor->at) < length)
        return false;
    for (size_t i = 0; i < length; i++) {
        int digit = hex_digit(cursor->at[i]);

        if (digit < 0)
            return false;
        code = code << 4 | (unsigned)digit;
    }
    if (length == 4 && code > 0xff)
        return false;
    cursor->at += length;
    byte = (char)code;
    text_add_bytes(ret, &byte, 1);
    return true;
}

static bool take_escape(struct line_cursor *cursor, struct text *ret)
{
    static const char letters[] = "bfnrt\"\\/", bytes[] = "\b\f\n\r\t\"\\/";
    const char *known;

    if (cursor->at == cursor->end)
        return false;
    if (*cursor->at == 'u') {
        cursor->at++;
        return take_code(cursor, ret);
    }
    known = *cursor->at ? strchr(letters, *cursor->at) : NULL;
    if (!known)
        return false;
    text_add_bytes(ret, &bytes[known - letters], 1);
    cursor->at++;
    return true;
}

static bool take_string(struct line_cursor *cursor, struct text *ret)
{
    const char *plain;

    text_clear(ret);
    if (!take(cursor, '"'))
        return false;
    for (;;) {
        for (plain = cursor->at;
             cursor->at < cursor->end && *cursor->at != '"' && *cursor->at != '\\';)
            cursor->at++;
        text_add_bytes(ret, plain, (size_t)(cursor->at - plain));
        if (cursor->at == cursor->end)
            return false;
        if (*cursor->at++ == '"')
            return true;
        if (!take_escape(cursor, ret))
            return false;
    }
}

/* ---------------------------------------------------------------------------- numbers -- */

static bool take_digits(struct line_cursor *cursor, unsigned base, uint64_t *ret)
{
    const char *first = cursor->at;
    uint64_t number = 0;

    for (; cursor->at < cursor->end; cursor->at++) {
        int digit = hex_digit(*cursor->at);

        if (digit < 0 || digit >= (int)base)
            break;
        if (number > (UINT64_MAX - (unsigned)digit) / base)
            return false;
        number = number * base + (unsigned)digit;
    }
    *ret = number;
    return cursor->at > first;
}

/* Read a decimal with a sign. A number above INT64_MAX is a uint64; its bits are kept. */
static bool take_signed(struct line_cursor *cursor, int64_t *ret)
{
    uint64_t magnitude;
    bool negative;

    skip_blanks(cursor);
    negative = cursor->at < cursor->end && *cursor->at == '-';
    cursor->at += negative;
    if (!take_digits(cursor, 10, &magnitude))
        return false;
    *ret = (int64_t)(negative ? 0 - magnitude : magnitude);
    return true;
}

/* ---------------------------------------------------------------------------- records -- */

/* Read a number and the blank after it. */
static bool take_field(struct line_cursor *cursor, unsigned base, uint64_t *ret)
{
    if (!take_digits(cursor, base, ret) || cursor->at == cursor->end || *cursor->at != ' ')
        return false;
    cursor->at++;
    return true;
}

static void rest(struct line_cursor *cursor, struct trace_record *ret)
{
    ret->bytes = cursor->at;
    ret->size = (size_t)(cursor->end - cursor->at);
}

/* The values are before COMM, which may look like a value. The caller knows how many there are. */
static bool read_hit(struct line_cursor *cursor, struct trace_record *ret)
{
    return take_field(cursor, 10, &ret->cpu) && take_field(cursor, 10, &ret->tid) &&
           take_field(cursor, 10, &ret->probe) && take_field(cursor, 10, &ret->pid) &&
           take_field(cursor, 10, &ret->nanoseconds);
}

static bool read_string(struct line_cursor *cursor, struct trace_record *ret)
{
    return take_field(cursor, 10, &ret->cpu) && take_field(cursor, 10, &ret->tid) &&
           take_field(cursor, 10, &ret->nanoseconds) && take_field(cursor, 10, &ret->index);
}

static bool read_stack(struct line_cursor *cursor, struct trace_record *ret)
{
    return take_field(cursor, 10, &ret->cpu) && take_field(cursor, 10, &ret->tid) &&
           take_field(cursor, 10, &ret->nanoseconds);
}

static bool read_name(struct line_cursor *cursor, struct trace_record *ret)
{
    return take_field(cursor, 10, &ret->probe) && take_field(cursor, 16, &ret->number);
}

static void read_record(struct trace_record *ret)
{
    static const struct {
        char letter;
        enum trace_line line;
        bool (*read)(struct line_cursor *cursor, struct trace_record *ret);
    } records[] = {{'E', LINE_HIT, read_hit},
                   {'S', LINE_STRING, read_string},
                   {'K', LINE_STACK, read_stack},
                   {'N', LINE_NAME, read_name}};
    struct line_cursor cursor = {ret->text.bytes, ret->text.bytes + ret->text.size};

    if (ret->text.size == 1 && *ret->text.bytes == 'T')
        ret->line = LINE_TICK;
    if (ret->text.size < 2 || ret->text.bytes[1] != ' ')
        return;
    cursor.at += 2;
    for (size_t i = 0; i < sizeof(records) / sizeof(records[0]); i++)
        if (*ret->text.bytes == records[i].letter && records[i].read(&cursor, ret)) {
            ret->line = records[i].line;
            rest(&cursor, ret);
        }
}

bool trace_record_values(struct trace_record *record, size_t count)
{
    struct line_cursor cursor = {record->bytes, record->bytes + record->size};

    if (count > USDT_MOST_ARGUMENTS)
        return false;
    for (size_t i = 0; i < count; i++)
        if (!take_field(&cursor, 16, &record->values[i]))
            return false;
    rest(&cursor, record);
    return true;
}

/* ------------------------------------------------------------------------------- maps -- */

static void read_map(struct line_cursor *cursor, struct trace_record *ret)
{
    struct line_cursor name;

    if (!take(cursor, '{') || !take_string(cursor, &ret->text) || !take(cursor, ':'))
        return;
    name = (struct line_cursor){ret->text.bytes + 2, ret->text.bytes + ret->text.size};
    if (ret->text.size < 3 || ret->text.bytes[0] != '@' || !take_digits(&name, 10, &ret->probe) ||
        name.at != name.end)
        return;
    ret->map = ret->text.bytes[1];
    ret->entries = cursor->at;
    ret->entries_end = cursor->end;
    ret->line = LINE_MAP;
}

bool trace_record_entry(struct trace_record *record, struct trace_entry *ret)
{
    struct line_cursor cursor = {record->entries, record->entries_end};
    struct line_cursor keys;
    int64_t count;

    *ret = (struct trace_entry){0};
    skip_blanks(&cursor);
    if (cursor.at < cursor.end && (*cursor.at == '{' || *cursor.at == ',')) {
        cursor.at++;
        if (!take_string(&cursor, &record->text) || !take(&cursor, ':'))
            return false;
        keys = (struct line_cursor){record->text.bytes, record->text.bytes + record->text.size};
        do {
            if (ret->key_count == 2 || !take_signed(&keys, &ret->keys[ret->key_count++]))
                return false;
        } while (take(&keys, ','));
        if (keys.at != keys.end)
            return false;
    }
    if (!take_signed(&cursor, &count) || count < 0)
        return false;
    ret->count = (uint64_t)count;
    /* A map without keys has only one entry. */
    record->entries = ret->key_count ? cursor.at : cursor.end;
    return true;
}

/* ------------------------------------------------------------------------------- lines -- */

static void read_lost(struct line_cursor *cursor, struct trace_record *ret)
{
    if (take(cursor, '{') && take_string(cursor, &ret->text) &&
        strcmp(ret->text.bytes, "events") == 0 && take(cursor, ':')) {
        skip_blanks(cursor);
        if (take_digits(cursor, 10, &ret->number))
            ret->line = LINE_LOST;
    }
}

/* Move to `"data":`. Other members may come first; all are numbers. */
static bool find_data(struct line_cursor *cursor, struct text *text)
{
    uint64_t number;

    while (take(cursor, ',') && take_string(cursor, text) && take(cursor, ':')) {
        if (strcmp(text->bytes, "data") == 0)
            return true;
        skip_blanks(cursor);
        if (!take_digits(cursor, 10, &number))
            return false;
    }
    return false;
}

void trace_record_read(const char *line, size_t size, struct trace_record *ret)
{
    static const char *const types[] = {"printf", "map", "lost_events", "attached_probes"};
    enum { PRINTF, MAP, LOST, ATTACHED, OTHER } type = PRINTF;
    struct line_cursor cursor = {line, line + size};
    struct text text = ret->text;

    *ret = (struct trace_record){.text = text};
    if (!take(&cursor, '{') || !take_string(&cursor, &ret->text) ||
        strcmp(ret->text.bytes, "type") != 0 || !take(&cursor, ':') ||
        !take_string(&cursor, &ret->text))
        return;
    while (type < OTHER && strcmp(ret->text.bytes, types[type]) != 0)
        type++;
    if (!find_data(&cursor, &ret->text))
        return;
    if (type == PRINTF && take_string(&cursor, &ret->text))
        read_record(ret);
    else if (type == MAP)
        read_map(&cursor, ret);
    else if (type == LOST)
        read_lost(&cursor, ret);
    else if (type == ATTACHED)
        ret->line = LINE_ATTACHED;
}
