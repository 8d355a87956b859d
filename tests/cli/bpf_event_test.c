/* SPDX-License-Identifier: MIT */
/* Records are read whole, cut, or not at all; whatever their bytes are, reading stays inside. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/trace/bpf/record.h"

#define STRING_BYTES 10
#define ROOM (sizeof(uint32_t) + RECORD_STRING_ROOM(STRING_BYTES))
#define STRINGS (sizeof(struct record) + 3 * sizeof(uint64_t))
#define FRAMES (STRINGS + 2 * ROOM)
#define MOST (FRAMES + RECORD_MOST_FRAMES * sizeof(uint64_t))

static const struct trace_options options = {.string_bytes = STRING_BYTES};
static struct plan_probe probe = {.provider = "shop", .name = "order", .argument_count = 3};
static struct plan_variant variants[2] = {
    {.values = {{.kind = VALUE_STRING}, {.kind = VALUE_INTEGER}, {.kind = VALUE_STRING}}},
    {.values = {{.kind = VALUE_INTEGER}, {.kind = VALUE_INTEGER}, {.kind = VALUE_INTEGER}}},
};
static const struct plan plan = {
    .options = &options,
    .probes = &probe,
    .probe_count = 1,
    .variants = variants,
    .variant_count = 2,
};

static void put_string(uint8_t *record, size_t number, const char *text, uint32_t size)
{
    memcpy(record + STRINGS + number * ROOM, &size, sizeof(size));
    memcpy(record + STRINGS + number * ROOM + sizeof(size), text, size);
}

/* A record in memory of its own size, so that a sanitizer sees what is read after its end. */
static uint8_t *make(size_t size)
{
    const struct record head = {.time = 5,
                                .variant = 0,
                                .cpu = 3,
                                .pid = 10,
                                .tid = 11,
                                .unreadable = 2,
                                .frame_size = size > FRAMES ? (uint32_t)(size - FRAMES) : 0,
                                .comm = "sixteen letters"};
    const uint64_t values[] = {0x1000, UINT64_MAX, 0x2000};
    uint8_t *whole = calloc(1, MOST), *record = malloc(size);

    assert_true(whole && record);
    memcpy(whole, &head, sizeof(head));
    memcpy(whole + sizeof(head), values, sizeof(values));
    put_string(whole, 0, "Ada", 4);
    put_string(whole, 1, "Grace Hopper", STRING_BYTES + 2);
    memset(whole + FRAMES, 7, MOST - FRAMES);
    memcpy(record, whole, size);
    free(whole);
    return record;
}

static bool read_made(uint8_t *record, size_t size, struct event *ret)
{
    bool valid = event_read(&plan, record, size, ret);

    free(record);
    return valid;
}

static void reads_a_record(void **state)
{
    uint8_t *record = make(FRAMES + 3 * sizeof(uint64_t));
    struct event event;

    (void)state;
    assert_true(event_read(&plan, record, FRAMES + 3 * sizeof(uint64_t), &event));
    assert_int_equal(event.time, 5);
    assert_int_equal(event.cpu, 3);
    assert_int_equal(event.pid, 10);
    assert_int_equal(event.tid, 11);
    assert_int_equal(event.unreadable, 2);
    assert_string_equal(event.comm, "sixteen letters");
    assert_ptr_equal(event.probe, &probe);
    assert_ptr_equal(event.variant, &variants[0]);
    assert_true(event.values[1] == UINT64_MAX);
    assert_int_equal(event.strings[0].size, 3);
    assert_memory_equal(event.strings[0].bytes, "Ada", 3);
    assert_false(event.strings[0].cut);
    assert_null(event.strings[1].bytes);
    assert_int_equal(event.strings[2].size, STRING_BYTES);
    assert_memory_equal(event.strings[2].bytes, "Grace Hopp", STRING_BYTES);
    assert_true(event.strings[2].cut);
    assert_int_equal(event.frame_count, 3);
    assert_int_equal(event.frames[2], 0x0707070707070707);
    free(record);
}

static void the_last_string_may_end_the_record(void **state)
{
    size_t size = STRINGS + ROOM + sizeof(uint32_t) + STRING_BYTES + 2;
    struct event event;

    (void)state;
    assert_true(read_made(make(size), size, &event));
    assert_int_equal(event.strings[2].size, STRING_BYTES);
    for (size = 0; size < STRINGS + ROOM + sizeof(uint32_t) + STRING_BYTES + 2; size++)
        assert_false(read_made(make(size), size, &event));
}

static void refuses_damaged_records(void **state)
{
    static const struct {
        size_t at;
        uint32_t word;
    } damages[] = {
        {offsetof(struct record, variant), 2},
        {offsetof(struct record, frame_size), 7},
        {offsetof(struct record, frame_size), 16},
        {offsetof(struct record, frame_size), UINT32_MAX},
        {STRINGS, RECORD_STRING_ROOM(STRING_BYTES) + 1},
        {STRINGS, UINT32_MAX},
        {STRINGS + ROOM, UINT32_MAX},
    };
    size_t size = FRAMES + sizeof(uint64_t);
    struct event event;

    (void)state;
    for (size_t i = 0; i < sizeof(damages) / sizeof(damages[0]); i++) {
        uint8_t *record = make(size);

        memcpy(record + damages[i].at, &damages[i].word, sizeof(uint32_t));
        assert_false(read_made(record, size, &event));
    }
}

static void an_empty_string_is_not_null(void **state)
{
    uint8_t *record = make(FRAMES);
    struct event event;

    (void)state;
    put_string(record, 0, "", 1);
    put_string(record, 1, "", 0);
    assert_true(event_read(&plan, record, FRAMES, &event));
    assert_non_null(event.strings[0].bytes);
    assert_int_equal(event.strings[0].size, 0);
    assert_null(event.strings[2].bytes);
    free(record);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_a_record),
        cmocka_unit_test(the_last_string_may_end_the_record),
        cmocka_unit_test(refuses_damaged_records),
        cmocka_unit_test(an_empty_string_is_not_null),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
