/* SPDX-License-Identifier: MIT */
/*
 * Random variants, operands and filters: the verifier accepts every program, and what a program
 * sends or counts at a site is what the model computes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "bpf_host.h"
#include "bpf_model.h"

static struct {
    struct bpf_ring ring;
    int counters, array, keyed[2][2]; /* keyed: with --hist, with strings */
    int slot_map;
    struct slot *slots; /* mapped */
    size_t slot_cpus;
    bool sleepable, cookies; /* the kernel can do this */
} maps;

static void make_slots(void)
{
    size_t count, size;

    maps.slot_cpus = (size_t)sysconf(_SC_NPROCESSORS_CONF);
    count = maps.slot_cpus * SLOTS_OF_CPU;
    size = count * sizeof(struct slot);
    maps.slot_map = bpf_map(BPF_MAP_TYPE_ARRAY, 4, (uint32_t)size, 1, BPF_F_MMAPABLE);
    maps.slots = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, maps.slot_map, 0);
    assert_ptr_not_equal(maps.slots, MAP_FAILED);
    for (size_t i = 0; i < count; i++)
        maps.slots[i].place = i * sizeof(*maps.slots);
}

/* Skips the test if there can't be any. */
static void need_maps(void)
{
    need_bpf();
    if (maps.ring.data)
        return;
    bpf_ring_open(&maps.ring, 1 << 20);
    maps.counters = bpf_map(BPF_MAP_TYPE_ARRAY, 4, 8 * COUNTERS, 1, 0);
    maps.array = bpf_map(BPF_MAP_TYPE_PERCPU_ARRAY, 4, 8, BPF_COOKIE + 1, 0);
    for (int hist = 0; hist < 2; hist++)
        for (int strings = 0; strings < 2; strings++)
            maps.keyed[hist][strings] =
                bpf_map(BPF_MAP_TYPE_PERCPU_HASH, COUNT_KEY_SIZE(strings),
                        COUNT_VALUE_SIZE(hist ? TRACE_HISTOGRAM : TRACE_COUNT), 100, 0);
    maps.sleepable = bpf_has_sleepable();
    maps.cookies = bpf_has_cookies();
    make_slots();
}

static bool is_keyed(const struct model *model)
{
    return model->options.mode == TRACE_HISTOGRAM || model->probe.by >= 0;
}

static int counts_of(const struct model *model)
{
    return is_keyed(model)
               ? maps.keyed[model->options.mode == TRACE_HISTOGRAM][model->options.string_keys]
               : maps.array;
}

static struct program emit(struct model *model)
{
    struct program made;

    model->options.sleepable &= maps.sleepable;
    model->options.by_cookie &= maps.cookies;
    model->options.ring = maps.ring.map;
    model->options.counters = maps.counters;
    model->options.counts = counts_of(model);
    model->options.slots = maps.slot_map;
    if (maps.cookies && model_random(2) == 0) /* the kernel can exchange atomically, too */
        model->options.slot_cpus = maps.slot_cpus;
    assert_int_equal(program_emit(&model->plan, 0, &model->options, &made), 0);
    return made;
}

static void check_accepted(size_t arguments, size_t comparisons)
{
    struct model model;
    struct program made;

    model_make(&model, arguments, comparisons);
    made = emit(&model);
    if (model_random(2) == 0)
        close(bpf_program(&made, model.options.sleepable));
    else
        close(bpf_program_multi(&made, model.options.sleepable));
    if (bpf_verified() > 10 * made.count)
        fail_msg("the verifier looked at %u instructions of %zu: it tells too many states apart",
                 bpf_verified(), made.count);
    free(made.list);
    model_free(&model);
}

static void the_verifier_accepts_every_program(void **state)
{
    (void)state;
    need_maps();
    model_seed(1);
    for (int i = 0; i < 2000; i++)
        check_accepted(i % 10 == 0 ? USDT_MOST_ARGUMENTS : 12,
                       i % 50 == 0 ? 1000 : model_random(8));
}

/* -------------------------------------------------------------------------------- at a site -- */

/* What went wrong in the case at hand. */
#define WRONG(...) fail_msg("case %u: " __VA_ARGS__)

static void check_strings(const struct model *model, const uint8_t *at, const uint8_t *end,
                          unsigned number, uint32_t *ret_unreadable)
{
    size_t bytes = model->options.string_bytes;
    static char text[TRACE_MOST_STRING_BYTES + 2];

    for (size_t i = 0; i < model->probe.argument_count; i++) {
        int64_t wanted = 0;
        uint32_t size;

        if (model->variant.values[i].kind != VALUE_STRING)
            continue;
        if (model->values[i] != 0) {
            wanted = model_string(model->values[i], text, bytes + 2);
            *ret_unreadable |= (uint32_t)(wanted < 0) << i;
        }
        if (end - at < 4)
            WRONG("the record ends before string %zu", number, i);
        memcpy(&size, at, sizeof(size));
        if (size != (wanted < 0 ? 0 : wanted))
            WRONG("string %zu at %#llx has %u bytes, not %d", number, i,
                  (unsigned long long)model->values[i], size, (int)wanted);
        if ((size_t)(end - at - 4) < size || memcmp(at + 4, text, size) != 0)
            WRONG("string %zu has other bytes", number, i);
        at += 4 + RECORD_STRING_ROOM(bytes);
    }
}

static void check_record(const struct model *model, const uint8_t *bytes, size_t size,
                         unsigned number)
{
    const uint8_t *strings = bytes + sizeof(struct record) + 8 * model->probe.argument_count;
    struct record record;
    uint32_t unreadable = model->unreadable;
    uint64_t frame;
    char comm[16] = {0};
    FILE *file = fopen("/proc/self/comm", "re");

    assert_non_null(file);
    assert_int_equal(fscanf(file, "%15[^\n]", comm), 1);
    fclose(file);
    if (strings > bytes + size)
        WRONG("a record of only %zu bytes", number, size);
    memcpy(&record, bytes, sizeof(record));
    for (size_t i = 0; i < model->probe.argument_count; i++) {
        uint64_t value;

        memcpy(&value, bytes + sizeof(record) + 8 * i, sizeof(value));
        if (value != model->values[i])
            WRONG("value %zu is %llx, not %llx", number, i, (unsigned long long)value,
                  (unsigned long long)model->values[i]);
    }
    check_strings(model, strings, bytes + size, number, &unreadable);
    if (record.unreadable != unreadable)
        WRONG("unreadable are %x, not %x", number, record.unreadable, unreadable);
    if (record.variant != (model->options.by_cookie ? BPF_COOKIE : 0) || record.time == 0 ||
        record.pid != (uint32_t)getpid() || record.tid != (uint32_t)gettid() ||
        strncmp(record.comm, comm, sizeof(comm)) != 0)
        WRONG("another head: variant %u, pid %u, tid %u, comm %.16s", number, record.variant,
              record.pid, record.tid, record.comm);
    if (!model->options.stack && record.frame_size != 0)
        WRONG("frames without --stack", number);
    if (!model->options.stack)
        return;
    if (record.frame_size % 8 != 0 || record.frame_size < 8 ||
        record.frame_size > 8 * RECORD_MOST_FRAMES)
        WRONG("%u bytes of frames", number, record.frame_size);
    memcpy(&frame, bytes + size - (size_t)8 * RECORD_MOST_FRAMES, sizeof(frame));
    if (frame != model->registers[SITE_IP])
        WRONG("another innermost frame", number);
}

static void check_event(const struct model *model, unsigned number)
{
    size_t size;
    const void *bytes = bpf_ring_next(&maps.ring, &size);

    if ((bytes != NULL) != model->holds)
        WRONG("the filter %s", number, model->holds ? "holds" : "does not hold");
    if (!bytes)
        return;
    check_record(model, bytes, size, number);
    bpf_ring_pass(&maps.ring);
    assert_null(bpf_ring_next(&maps.ring, &size));
}

static void check_value(const struct model *model, const struct count_value *value, unsigned number)
{
    struct count_value wanted;

    model_value(model, &wanted);
    if (memcmp(value, &wanted, sizeof(wanted)) != 0)
        WRONG("the sums are %llx and %llx, the highest %llx; not %llx, %llx, %llx", number,
              (unsigned long long)value->low_halves, (unsigned long long)value->high_halves,
              (unsigned long long)value->highest, (unsigned long long)wanted.low_halves,
              (unsigned long long)wanted.high_halves, (unsigned long long)wanted.highest);
}

/* The count is 1, or there is none. Removes it. */
static void check_count(const struct model *model, unsigned number)
{
    static uint64_t counts[4 * 8192]; /* a value for each CPU that is possible */
    bool is_hist = model->options.mode == TRACE_HISTOGRAM;
    size_t words = COUNT_VALUE_SIZE(model->options.mode) / sizeof(uint64_t);
    struct count_key key;
    uint64_t count = 0;

    model_key(model, &key);
    key.variant = model->options.by_cookie ? BPF_COOKIE : 0;
    if (bpf_lookup(counts_of(model), &key, counts)) {
        for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i += words) {
            count += counts[i];
            if (counts[i] > 0 && is_hist && model->probe.hist >= 0 &&
                key.bucket != BUCKET_UNREADABLE)
                check_value(model, (const struct count_value *)&counts[i], number);
        }
    }
    if (count != model->holds)
        WRONG("the count is %u, not %d", number, (unsigned)count, model->holds);
    memset(counts, 0, sizeof(counts));
    if (is_keyed(model))
        bpf_remove(counts_of(model), &key);
    else
        bpf_update(maps.array, &key, counts);
}

static void check_case(unsigned number, bool sleepable)
{
    struct model model;
    struct program made;
    int program;

    model_make(&model, 12, model_random(6));
    model.options.sleepable = sleepable;
    made = emit(&model);
    program = bpf_program(&made, model.options.sleepable);
    model_evaluate(&model);
    bpf_run(program, model.options.sleepable, model.registers);
    close(program);
    model.options.mode == TRACE_EVENTS ? check_event(&model, number) : check_count(&model, number);
    free(made.list);
    model_free(&model);
}

static void a_hit_is_as_the_model_says(void **state)
{
    (void)state;
    need_maps();
    model_seed(2);
    for (unsigned i = 0; i < 2000; i++)
        check_case(i, i % 200 == 0); /* these take longer */
    for (size_t i = 0; i < maps.slot_cpus * SLOTS_OF_CPU; i++)
        assert_int_equal(maps.slots[i].taken, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_verifier_accepts_every_program),
        cmocka_unit_test(a_hit_is_as_the_model_says),
    };

    return cmocka_run_group_tests_name("bpf_random", tests, NULL, NULL);
}
