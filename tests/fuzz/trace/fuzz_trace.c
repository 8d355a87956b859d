/* SPDX-License-Identifier: MIT */
/*
 * Fuzz target: any bytes as a --filter.
 *
 * The parser may not crash or hang. A condition must be one that the emitter takes: not too deep,
 * with ranges that are not empty.
 */
#include "../fuzz_target.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/trace/plan/filter.h"

#define FAIL_IF(condition, what)                                                                   \
    do {                                                                                           \
        if (condition) {                                                                           \
            fprintf(stderr, "fuzz_trace: %s\n", what);                                             \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

#define ARGUMENTS 6

static struct plan_probe probe = {
    .title = (char[]){"shop:order"},
    .argument_count = ARGUMENTS,
    .arguments = {{.name = (char[]){"n"}, .site.type = "int8"},
                  {.name = (char[]){"u"}, .site.type = "pointer"},
                  {.name = (char[]){"d"}, .site.type = "double"},
                  {.name = (char[]){"s"}, .site.type = "string"},
                  {.name = (char[]){"f"}, .site.type = "float"},
                  {.name = (char[]){"x"}, .site.type = "?"}},
};

static const struct plan_variant variant = {
    .values = {{VALUE_INTEGER, 1, true, {0}},
               {VALUE_POINTER, 8, false, {0}},
               {VALUE_DOUBLE, 8, false, {0}},
               {VALUE_STRING, 8, false, {0}},
               {VALUE_FLOAT, 4, false, {0}}},
};

static void check_condition(const struct condition *condition, size_t depth)
{
    bool has_sign = condition->argument % 2 == 0; /* n, d, f */

    FAIL_IF(depth > CONDITION_MOST_DEPTH, "a condition is too deep");
    if (condition->kind == CONDITION_ALL || condition->kind == CONDITION_ANY) {
        FAIL_IF(condition->part_count < 2 || condition->negated, "a list is not a plain list");
        for (size_t i = 0; i < condition->part_count; i++)
            check_condition(&condition->parts[i], depth + 1);
        return;
    }
    FAIL_IF(condition->part_count > 0, "a comparison has parts");
    FAIL_IF(condition->argument >= ARGUMENTS, "a comparison has no argument");
    FAIL_IF((condition->kind == CONDITION_TEXT) != (condition->text != NULL), "a text is missing");
    FAIL_IF(condition->text &&
                (condition->argument != 3 || strlen(condition->text) != condition->text_size),
            "a text is wrong");
    FAIL_IF(condition->kind == CONDITION_RANGE && !condition->empty &&
                (has_sign ? (int64_t)condition->low > (int64_t)condition->high
                          : condition->low > condition->high),
            "a range is empty");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    struct trace_options options = {.filter = text, .string_bytes = 64};
    const struct plan plan = {.options = &options, .probes = &probe, .probe_count = 1};
    struct condition *condition = NULL;
    struct filter filter;
    struct filter_error error;

    FAIL_IF(!text, "no memory");
    memcpy(text, data, size);
    text[size] = '\0';
    error = filter_parse(text, &filter);
    if (!error.words)
        error = filter_bind(&filter, &plan, &variant, &condition);
    FAIL_IF(!error.words == !condition, "a filter is neither good nor bad");
    FAIL_IF(error.words && error.at > strlen(text), "an error points past the filter");
    if (condition)
        check_condition(condition, 1);
    condition_free(condition);
    filter_free(&filter);
    free(error.words);
    free(text);
    return 0;
}
