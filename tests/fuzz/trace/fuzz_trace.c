/* SPDX-License-Identifier: MIT */
/*
 * Fuzz target: any bytes as a line of bpftrace's output, and as a --filter.
 *
 * Neither reader may crash or hang. A record must point only into itself. The expression for a
 * filter must have matching brackets, and no character that would end the script's word.
 */
#include "../fuzz_target.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/trace/trace.h"

#define FAIL_IF(condition, what)                                                                   \
    do {                                                                                           \
        if (condition) {                                                                           \
            fprintf(stderr, "fuzz_trace: %s\n", what);                                             \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

static const struct trace_probe probe = {
    .provider = "shop",
    .name = "order",
    .argument_count = 5,
    .arguments = {{.name = (char[]){"n"}, .size = 1, .is_signed = true},
                  {.name = (char[]){"u"}, .size = 8, .index = 1},
                  {.name = (char[]){"d"}, .size = 8, .index = 2, .kind = TRACE_DOUBLE},
                  {.name = (char[]){"s"}, .size = 8, .index = 3, .kind = TRACE_STRING},
                  {.name = (char[]){"f"}, .size = 4, .index = 4, .kind = TRACE_FLOAT}},
};

static const struct trace_bpftrace bpftrace = {.version = 17, .string_size = 64, .string_room = 63};

static void check_inside(const struct trace_record *record)
{
    FAIL_IF(record->size > record->text.size || record->bytes < record->text.bytes ||
                record->bytes + record->size > record->text.bytes + record->text.size,
            "a record's bytes are not its own");
}

static void read_line(const char *line, size_t size)
{
    static struct trace_record record; /* its text is reused */
    struct trace_entry entry;
    size_t entries = 0;

    trace_record_read(line, size, &record);
    if (record.line == LINE_HIT || record.line == LINE_STRING || record.line == LINE_STACK ||
        record.line == LINE_NAME)
        check_inside(&record);
    if (record.line == LINE_HIT && trace_record_values(&record, 3))
        check_inside(&record);
    while (record.line == LINE_MAP && trace_record_entry(&record, &entry))
        FAIL_IF(++entries > size, "a map has more entries than bytes");
}

static void check_expression(const char *words)
{
    int depth = 0;
    bool inside = false;

    for (; *words; words++) {
        FAIL_IF(*words == '\'' || *words < ' ' || *words > '~', "an expression is not printable");
        if (*words == '\\' && inside)
            words++;
        else if (*words == '"')
            inside = !inside;
        else if (!inside)
            depth += (*words == '(') - (*words == ')');
        FAIL_IF(depth < 0, "an expression closes a bracket that is not open");
    }
    FAIL_IF(depth != 0 || inside, "an expression has an open bracket or string");
}

static void read_filter(const char *text)
{
    struct trace_filter_error error = {0};
    char *expression = trace_filter(text, &probe, &bpftrace, &error);

    FAIL_IF(!expression == !error.words, "a filter is neither good nor bad");
    FAIL_IF(error.at > strlen(text), "an error points past the filter");
    if (expression)
        check_expression(expression);
    free(expression);
    free(error.words);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);

    FAIL_IF(!text, "no memory");
    memcpy(text, data, size);
    text[size] = '\0';
    read_line(text, size);
    read_filter(text);
    free(text);
    return 0;
}
