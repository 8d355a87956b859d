/* SPDX-License-Identifier: MIT */
/*
 * Parts of `rst trace`: bpftrace's output parsed as records, and filters converted to expressions.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/trace/trace.h"

static struct trace_record record;

static enum trace_line line_of(const char *line)
{
    trace_record_read(line, strlen(line), &record);
    return record.line;
}

static void assert_bytes(const char *wanted)
{
    assert_int_equal(record.size, strlen(wanted));
    assert_memory_equal(record.bytes, wanted, record.size);
}

static void an_event_has_its_values_and_then_a_name(void **state)
{
    (void)state;
    assert_int_equal(
        line_of("{\"type\": \"printf\", \"data\": \"E 1 12 3 11 99 ffffffffffffff06 0 7 8 a\"}"),
        LINE_HIT);
    assert_int_equal(record.cpu, 1);
    assert_int_equal(record.tid, 12);
    assert_int_equal(record.probe, 3);
    assert_int_equal(record.pid, 11);
    assert_int_equal(record.nanoseconds, 99);
    assert_true(trace_record_values(&record, 2));
    assert_int_equal(record.values[0], (uint64_t)-250);
    assert_int_equal(record.values[1], 0);
    assert_bytes("7 8 a");
    assert_false(trace_record_values(&record, 3)); /* "a" has no blank after it */
}

static void a_string_is_all_that_is_left(void **state)
{
    (void)state;
    assert_int_equal(line_of("{\"type\": \"printf\", \"data\": \"S 0 12 99 1 T\"}"), LINE_STRING);
    assert_int_equal(record.nanoseconds, 99);
    assert_int_equal(record.index, 1);
    assert_bytes("T");
    line_of("{\"type\": \"printf\", \"data\": \"S 0 12 99 1 \"}");
    assert_bytes("");
    line_of("{\"type\": \"printf\", \"data\": \"S 0 1 99 1 "
            "a\\\"}\\n\\\\\\u001b\\uffffffc3\\uffffffbc/\"}");
    assert_bytes("a\"}\n\\\x1b\xc3\xbc/");
}

static void any_other_line_is_other(void **state)
{
    static const char *const lines[] = {
        "",
        "{",
        "Attaching 3 probes...",
        "{\"type\": \"printf\"}",
        "{\"type\": \"printf\", \"data\": \"E 1 2 3\"}",
        "{\"type\": \"printf\", \"data\": \"E 1 2 3 4 99999999999999999999 x\"}",
        "{\"type\": \"printf\", \"data\": \"T \"}",
        "{\"type\": \"printf\", \"data\": \"T\\uzzzz\"}",
        "{\"type\": \"printf\", \"data\": \"S 0 1 99 1 no end",
        "{\"type\": \"lost_events\", \"data\": {\"events\": -1}}",
        "{\"type\": \"map\", \"data\": {\"@c\": 1}}",
        "{\"type\": \"map\", \"data\": {\"@cx\": 1}}",
        "{\"type\": \"hist\", \"data\": {\"@c1\": 1}}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
        if (line_of(lines[i]) != LINE_OTHER)
            fail_msg("%s is %d", lines[i], record.line);
}

static void ticks_losses_and_maps(void **state)
{
    struct trace_entry entry;

    (void)state;
    assert_int_equal(line_of("{\"type\": \"printf\", \"data\": \"T\"}"), LINE_TICK);
    assert_int_equal(
        line_of("{\"type\": \"attached_probes\", \"count\": 3, \"data\": {\"probes\": 3}}"),
        LINE_ATTACHED);
    assert_int_equal(line_of("{\"type\": \"lost_events\", \"data\": {\"events\": 7}}"), LINE_LOST);
    assert_int_equal(record.number, 7);
    assert_int_equal(
        line_of("{\"type\": \"map\", \"data\": {\"@h12\": {\"-250,3\": 1, \"5,4\": 20}}}"),
        LINE_MAP);
    assert_int_equal(record.map, 'h');
    assert_int_equal(record.probe, 12);
    assert_true(trace_record_entry(&record, &entry));
    assert_int_equal(entry.keys[0], -250);
    assert_int_equal(entry.keys[1], 3);
    assert_true(trace_record_entry(&record, &entry));
    assert_int_equal(entry.count, 20);
    assert_false(trace_record_entry(&record, &entry));
    assert_int_equal(line_of("{\"type\": \"map\", \"data\": {\"@c0\": 5}}"), LINE_MAP);
    assert_true(trace_record_entry(&record, &entry));
    assert_int_equal(entry.key_count, 0);
    assert_int_equal(entry.count, 5);
    assert_false(trace_record_entry(&record, &entry));
}

/* ---------------------------------------------------------------------------- filters -- */

static const struct trace_probe probe = {
    .provider = "shop",
    .name = "order",
    .argument_count = 4,
    .arguments = {{.name = (char[]){"n"}, .size = 1, .is_signed = true},
                  {.name = (char[]){"u"}, .size = 8, .index = 1},
                  {.name = (char[]){"d"}, .size = 8, .index = 2, .kind = TRACE_DOUBLE},
                  {.name = (char[]){"s"}, .size = 8, .index = 3, .kind = TRACE_STRING}},
};

static const struct trace_bpftrace bpftrace = {.version = 17, .string_size = 64, .string_room = 63};

static void filters_become_expressions(void **state)
{
    static const struct {
        const char *filter, *wanted;
    } cases[] = {
        {"n < 0", "(((int64)(((uint64)arg0 & 0xff) ^ 0x80) < 128))"},
        {"128 > n", "((1 == 1))"}, /* it always is */
        {"n == 1.5", "((1 == 0))"},
        {"u >= 9223372036854775808", "(((int64)((uint64)arg1 ^ (1 << 63)) >= 0))"},
        {"u == 0", "(((int64)((uint64)arg1 ^ (1 << 63)) == (-9223372036854775807 - 1)))"},
        {"s == 'it''", NULL},
        {"s == \"it's\"", "((str(arg3, 64) == \"it\\x27s\"))"},
        {"s == null || !n",
         "(((int64)((uint64)arg3 ^ (1 << 63)) == (-9223372036854775807 - 1))) || "
         "(!(((int64)(((uint64)arg0 & 0xff) ^ 0x80) != 128)))"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct trace_filter_error error = {0};
        char *seen = trace_filter(cases[i].filter, &probe, &bpftrace, &error);

        if (!seen != !cases[i].wanted || (seen && strcmp(seen, cases[i].wanted) != 0))
            fail_msg("%s became %s (%s)", cases[i].filter, seen ? seen : "nothing",
                     error.words ? error.words : "");
        free(seen);
        free(error.words);
    }
}

static int free_record(void **state)
{
    (void)state;
    free(record.text.bytes);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_event_has_its_values_and_then_a_name),
        cmocka_unit_test(a_string_is_all_that_is_left),
        cmocka_unit_test(any_other_line_is_other),
        cmocka_unit_test(ticks_losses_and_maps),
        cmocka_unit_test(filters_become_expressions),
    };

    return cmocka_run_group_tests(tests, NULL, free_record);
}
