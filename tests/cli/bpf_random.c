/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "bpf_model.h"

#define PAGE ((size_t)4096)
#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

/* ----------------------------------------------------------------------------------- random -- */

static uint64_t state;

void model_seed(uint64_t seed)
{
    state = seed;
}

/* splitmix64 */
uint64_t model_random(uint64_t below)
{
    uint64_t number = state += 0x9e3779b97f4a7c15;

    number = (number ^ number >> 30) * 0xbf58476d1ce4e5b9;
    number = (number ^ number >> 27) * 0x94d049bb133111eb;
    number ^= number >> 31;
    return below == 0 ? number : number % below;
}

/* Whether something that happens once in so many times happens. */
static bool once_in(uint64_t times)
{
    return model_random(times) == 0;
}

/* ----------------------------------------------------------------------------------- memory -- */

/* Three pages of strings between pages that can't be read. */
static char *memory(void)
{
    static char *pages; /* at the same place in each run */

    if (pages)
        return pages;
    memcpy(&pages, &(uint64_t){0x123456780000}, sizeof(pages));
    pages =
        mmap(pages, 5 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    assert_ptr_not_equal(pages, MAP_FAILED);
    pages += PAGE;
    assert_int_equal(mprotect(pages, 3 * PAGE, PROT_READ | PROT_WRITE), 0);
    for (size_t i = 0; i < 3 * PAGE; i++)
        pages[i] = (char)(once_in(i < PAGE ? 10 : 200) ? 0 : "ab\xff"[model_random(3)]);
    return pages;
}

/* Somewhere in these pages, often near an edge, and seldom beyond one. */
static uint64_t some_address(void)
{
    uint64_t start = (uintptr_t)memory();

    switch (model_random(8)) {
    case 0:
        return start + 3 * PAGE - model_random(80);
    case 1:
        return start + PAGE * (1 + model_random(2)) - model_random(80);
    case 2:
        return start - model_random(20);
    default:
        return start + model_random(3 * PAGE);
    }
}

static uint64_t some_number(void)
{
    static const uint64_t numbers[] = {0,         1,          2,          127,        128,
                                       255,       256,        INT32_MAX,  UINT32_MAX, 1ULL << 31,
                                       INT64_MAX, UINT64_MAX, 1ULL << 63, 0x7f800000, 0xff800001};

    switch (model_random(5)) {
    case 0:
        return numbers[model_random(COUNT(numbers))];
    case 1:
        return model_random(100) - 50;
    case 2:
        return model_random(0);
    default:
        return some_address();
    }
}

/* ----------------------------------------------------------------------------------- values -- */

static uint16_t some_register(void)
{
    uint64_t number = model_random(16);

    return (uint16_t)(8 * (number == 15 ? SITE_SP : number));
}

static struct location some_location(void)
{
    struct location location = {
        .kind = (enum location_kind)(LOCATION_REGISTER + model_random(3)),
        .base = some_register(),
        .index = LOCATION_NO_REGISTER,
        .scale = 1,
    };

    if (location.kind == LOCATION_REGISTER) {
        location.shift = once_in(10) ? 8 : 0;
        return location;
    }
    location.number = (int64_t)(once_in(2) ? model_random(64) - 32 : some_number());
    location.relative = once_in(8);
    if (location.kind == LOCATION_MEMORY && once_in(3))
        location.index = some_register();
    if (location.kind == LOCATION_MEMORY && once_in(6))
        location.base = LOCATION_NO_REGISTER;
    location.scale = (uint8_t)(1U << model_random(4));
    return location;
}

static struct plan_value some_value(void)
{
    static const enum value_kind kinds[] = {VALUE_INTEGER, VALUE_INTEGER, VALUE_BOOL,
                                            VALUE_FLOAT,   VALUE_DOUBLE,  VALUE_POINTER,
                                            VALUE_STRING,  VALUE_STRING};
    struct plan_value value = {
        .kind = kinds[model_random(COUNT(kinds))],
        .location = some_location(),
        .size = (uint8_t)(1U << model_random(4)),
        .is_signed = once_in(2),
    };

    if (value.kind == VALUE_DOUBLE || value.kind == VALUE_STRING)
        value.size = 8;
    if (value.kind == VALUE_FLOAT)
        value.size = 4;
    if (once_in(20))
        value.size = 0;
    if (once_in(20))
        value.location.kind = LOCATION_NONE;
    return value;
}

/* ----------------------------------------------------------------------------------- filter -- */

static bool has_signed_key(const struct plan_value *value)
{
    return value->is_signed || value->kind == VALUE_FLOAT || value->kind == VALUE_DOUBLE;
}

/* A comparison that holds about as often as not. */
static void make_comparison(const struct model *model, struct condition *ret)
{
    size_t argument = model_random(model->probe.argument_count), size;
    const struct plan_value *value = &model->variant.values[argument];
    uint64_t bits = model->values[argument], key = model_order(value, bits);

    ret->argument = argument;
    ret->negated = once_in(2);
    if (value->kind == VALUE_STRING && !once_in(5)) {
        ret->kind = CONDITION_TEXT;
        size = once_in(20) ? model_random(600) : model_random(70);
        ret->text = malloc(size + 1);
        assert_non_null(ret->text);
        if (model_read(bits, ret->text, size) < size || once_in(3))
            memset(ret->text, 'a', size);
        ret->text_size = strnlen(ret->text, size);
        return;
    }
    ret->kind = CONDITION_RANGE;
    ret->empty = once_in(8);
    ret->low = once_in(3) ? some_number() : key - model_random(3);
    ret->high = once_in(3) ? some_number() : key + model_random(3);
    if (once_in(4))
        ret->high = ret->low;
    if (once_in(8))
        ret->low = has_signed_key(value) ? 1ULL << 63 : 0;
    if (once_in(8))
        ret->high = has_signed_key(value) ? INT64_MAX : UINT64_MAX;
}

static void make_condition(const struct model *model, struct condition *ret, size_t comparisons,
                           int depth)
{
    *ret = (struct condition){0};
    if (comparisons <= 1 || depth == CONDITION_MOST_DEPTH) {
        make_comparison(model, ret);
        return;
    }
    ret->kind = once_in(2) ? CONDITION_ALL : CONDITION_ANY;
    ret->part_count = 1 + model_random(comparisons > 40 ? comparisons / 2 : comparisons);
    ret->parts = calloc(ret->part_count, sizeof(*ret->parts));
    assert_non_null(ret->parts);
    for (size_t i = 0; i < ret->part_count; i++)
        make_condition(model, &ret->parts[i], comparisons / ret->part_count, depth + 1);
}

static void free_condition(struct condition *condition)
{
    for (size_t i = 0; i < condition->part_count; i++)
        free_condition(&condition->parts[i]);
    free(condition->parts);
    free(condition->text);
}

/* ------------------------------------------------------------------------------------ model -- */

static void make_options(struct model *model)
{
    static const size_t string_bytes[] = {1, 2, 7, 64, 200, 256, 300, 4096};
    struct program_options *options = &model->options;
    size_t count = model->probe.argument_count;

    options->mode = (enum trace_mode)model_random(3);
    options->stack = options->mode == TRACE_EVENTS && once_in(4);
    options->string_bytes = string_bytes[model_random(COUNT(string_bytes))];
    options->sleepable = once_in(2);
    options->by_cookie = once_in(2);
    model->probe.by = model->probe.hist = -1;
    if (options->mode == TRACE_HISTOGRAM && count != 0)
        model->probe.hist = (ssize_t)model_random(count);
    if (options->mode != TRACE_EVENTS && count != 0 && once_in(2))
        model->probe.by = (ssize_t)model_random(count);
    options->string_keys =
        once_in(3) ||
        (model->probe.by >= 0 && model->variant.values[model->probe.by].kind == VALUE_STRING);
}

void model_make(struct model *ret, size_t most_arguments, size_t comparisons)
{
    *ret = (struct model){0};
    ret->plan.probes = &ret->probe;
    ret->plan.variants = &ret->variant;
    ret->plan.probe_count = ret->plan.variant_count = 1;
    ret->variant.context = site_context();
    ret->probe.argument_count = model_random(most_arguments + 1);
    for (size_t i = 0; i < SITE_REGISTERS; i++)
        ret->registers[i] = some_number();
    ret->registers[SITE_IP] = site_address();
    for (size_t i = 0; i < ret->probe.argument_count; i++)
        ret->variant.values[i] = some_value();
    make_options(ret);
    if (comparisons == 0 || ret->probe.argument_count == 0)
        return;
    model_read_values(ret);
    ret->variant.condition = calloc(1, sizeof(*ret->variant.condition));
    assert_non_null(ret->variant.condition);
    make_condition(ret, ret->variant.condition, comparisons, 0);
}

void model_free(struct model *model)
{
    if (model->variant.condition)
        free_condition(model->variant.condition);
    free(model->variant.condition);
}
