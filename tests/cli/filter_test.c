/* SPDX-License-Identifier: MIT */
/*
 * --filter: what a filter holds for, by evaluating the condition that is made of it.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/trace/plan/filter.h"

enum { TINY, BIG, WIDE, FLAG, HALF, WHOLE, PATH, PLACE, LOST, ARGUMENTS };

static struct trace_options options = {.string_bytes = 8};
static struct plan_probe probe = {
    .title = (char[]){"shop:order"},
    .argument_count = ARGUMENTS,
    .arguments = {[TINY] = {.name = (char[]){"tiny"}, .site.type = "int8"},
                  [BIG] = {.name = (char[]){"big"}, .site.type = "uint64"},
                  [WIDE] = {.name = (char[]){"wide"}, .site.type = "int64"},
                  [FLAG] = {.name = (char[]){"flag"}, .site.type = "bool"},
                  [HALF] = {.name = (char[]){"half"}, .site.type = "float"},
                  [WHOLE] = {.name = (char[]){"whole"}, .site.type = "double"},
                  [PATH] = {.name = (char[]){"path"}, .site.type = "string"},
                  [PLACE] = {.name = (char[]){"place"}, .site.type = "pointer"},
                  [LOST] = {.name = (char[]){"lost"}, .site.type = "?"}},
};
static const struct plan_variant variant = {
    .values = {[TINY] = {VALUE_INTEGER, 1, true, {0}},
               [BIG] = {VALUE_INTEGER, 8, false, {0}},
               [WIDE] = {VALUE_INTEGER, 8, true, {0}},
               [FLAG] = {VALUE_BOOL, 1, false, {0}},
               [HALF] = {VALUE_FLOAT, 4, false, {0}},
               [WHOLE] = {VALUE_DOUBLE, 8, false, {0}},
               [PATH] = {VALUE_STRING, 8, false, {0}},
               [PLACE] = {VALUE_POINTER, 8, false, {0}}},
};
static const struct plan plan = {.options = &options, .probes = &probe, .probe_count = 1};

static struct filter_error make(const char *text, struct condition **ret)
{
    struct filter filter;
    struct filter_error error;

    options.filter = text;
    *ret = NULL;
    error = filter_parse(text, &filter);
    if (!error.words)
        error = filter_bind(&filter, &plan, &variant, ret);
    filter_free(&filter);
    return error;
}

/* ------------------------------------------------------------------------------- evaluate -- */

/* The values of a hit. */
struct hit {
    int8_t tiny;
    uint64_t big;
    int64_t wide;
    bool flag;
    float half;
    double whole;
    const char *path; /* NULL is null */
    uint64_t place;
};

static int64_t key_of_bits(uint64_t bits, uint64_t top)
{
    return bits & top ? -(int64_t)(bits ^ top) : (int64_t)bits;
}

static uint64_t key_of(const struct hit *hit, size_t argument)
{
    uint32_t half;
    uint64_t whole;

    memcpy(&half, &hit->half, sizeof(half));
    memcpy(&whole, &hit->whole, sizeof(whole));
    switch (argument) {
    case TINY:
        return (uint64_t)hit->tiny;
    case BIG:
        return hit->big;
    case WIDE:
        return (uint64_t)hit->wide;
    case FLAG:
        return hit->flag;
    case HALF:
        return (uint64_t)key_of_bits(half, UINT64_C(1) << 31);
    case WHOLE:
        return (uint64_t)key_of_bits(whole, UINT64_C(1) << 63);
    case PATH:
        return (uintptr_t)hit->path;
    default:
        return hit->place;
    }
}

static bool in_range(const struct condition *range, uint64_t key, bool is_signed)
{
    if (range->empty)
        return false;
    if (is_signed)
        return (int64_t)range->low <= (int64_t)key && (int64_t)key <= (int64_t)range->high;
    return range->low <= key && key <= range->high;
}

static bool holds(const struct condition *condition, const struct hit *hit)
{
    size_t argument = condition->argument;
    bool is_signed = argument == TINY || argument == WIDE || argument == HALF || argument == WHOLE;
    bool truth;

    if (condition->kind == CONDITION_ALL || condition->kind == CONDITION_ANY) {
        assert_true(condition->part_count > 1);
        for (size_t i = 0; i < condition->part_count; i++)
            if (holds(&condition->parts[i], hit) == (condition->kind == CONDITION_ANY))
                return condition->kind == CONDITION_ANY;
        return condition->kind == CONDITION_ALL;
    }
    if (argument == LOST)
        return false;
    truth =
        condition->kind == CONDITION_RANGE && in_range(condition, key_of(hit, argument), is_signed);
    if (condition->kind == CONDITION_TEXT)
        truth = hit->path && strlen(hit->path) == condition->text_size &&
                memcmp(hit->path, condition->text, condition->text_size) == 0;
    return truth != condition->negated;
}

static const struct hit plain = {-1, 5, -5, true, 0.1F, 2.5, "Ada", 0x1000};
static const struct hit limits = {INT8_MIN, UINT64_MAX, INT64_MIN, false, -INFINITY, -0.0, NULL, 0};
static const struct hit odd = {INT8_MAX, INT64_MAX, INT64_MAX, true, NAN, NAN, "", UINT64_MAX};

static void holds_for_what_it_says(void **state)
{
    static const struct {
        const char *text;
        bool plain, limits, odd;
    } cases[] = {
        {"tiny < 0", true, true, false},
        {"tiny <= -1 && tiny > -128", true, false, false},
        {"tiny = 127 || tiny == -1", true, false, true},
        {"-1 == tiny", true, false, false},
        {"0 > tiny", true, true, false},
        {"tiny", true, true, true},
        {"!tiny", false, false, false},
        {"tiny < -1000", false, false, false},
        {"tiny > -1000", true, true, true},
        {"tiny != 1000", true, true, true},
        {"tiny == 1000", false, false, false},
        {"tiny < 1.5 && tiny >= -1.5", true, false, false},
        {"tiny == 1.5", false, false, false},
        {"tiny != 1.5", true, true, true},
        {"tiny < inf", true, true, true},
        {"tiny > -inf", true, true, true},
        {"tiny < -1e300", false, false, false},
        {"big >= 18446744073709551615", false, true, false},
        {"big > 9223372036854775806", false, true, true},
        {"big < 6", true, false, false},
        {"big >= 0", true, true, true},
        {"big < 0", false, false, false},
        {"big > 18446744073709551615", false, false, false},
        {"big == 0x5", true, false, false},
        {"big == 5e0", true, false, false},
        {"wide == -9223372036854775808", false, true, false},
        {"wide > 9223372036854775806", false, false, true},
        {"wide < 18446744073709551615", true, true, true},
        {"wide <= 9223372036854775807", true, true, true},
        {"flag", true, false, true},
        {"flag == false", false, true, false},
        {"flag != true", false, true, false},
        {"true == flag", true, false, true},
        {"half > 0.1", true, false, false}, /* a float's 0.1 is above a double's */
        {"half < 0", false, true, false},
        {"half == -inf", false, true, false},
        {"half != 1", true, true, true},
        {"!(half == 1)", true, true, true},
        {"!(half < 1)", false, false, true},
        {"half < inf", true, true, false},
        {"half <= inf", true, true, false},
        {"whole == 2.5", true, false, false},
        {"whole == 0", false, true, false},
        {"whole >= 0", true, true, false},
        {"whole < 0", false, false, false},
        {"whole > -1e-320", true, true, false},
        {"whole", true, false, true},
        {"path == 'Ada'", true, false, false},
        {"path != \"Ada\"", false, true, true},
        {"path == ''", false, false, true},
        {"path == null", false, true, false},
        {"path != NULL", true, false, true},
        {"path == '\\x41d\\x61'", true, false, false},
        {"place == 0x1000", true, false, false},
        {"place == null || place > 0xffffffff", false, true, true},
        {"arg0 < 0 && arg6 == 'Ada'", true, false, false},
        {"lost == 0 || lost != 0 || !(lost < 5) || lost == 1e99", false, false, false},
        {"!(tiny < 0 && big < 6)", false, true, true},
        {"!(tiny >= 0 || !(big < 6))", true, false, false},
        {"!!(tiny < 0)", true, true, false},
        {"tiny < 0 && big < 6 || tiny == 127", true, false, true},
        {"tiny == 127 || tiny < 0 && big < 6", true, false, true},
        {"(tiny == 127 || tiny < 0) && big < 6", true, false, false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct condition *condition;
        struct filter_error error = make(cases[i].text, &condition);

        if (error.words)
            fail_msg("%s: %s", cases[i].text, error.words);
        if (holds(condition, &plain) != cases[i].plain ||
            holds(condition, &limits) != cases[i].limits || holds(condition, &odd) != cases[i].odd)
            fail_msg("%s: %d %d %d", cases[i].text, holds(condition, &plain),
                     holds(condition, &limits), holds(condition, &odd));
        condition_free(condition);
    }
}

static void says_where_it_is_wrong(void **state)
{
    static const struct {
        const char *text;
        size_t at;
        const char *words;
    } cases[] = {
        {"", 0, "write an argument, a number or a \"text\" here"},
        {"tiny <", 6, "write an argument, a number or a \"text\" here"},
        {"tiny < 1 )", 9, "write && or || here"},
        {"(tiny < 1", 9, "write \")\", && or || here"},
        {"1 < 2", 0, "this comparison has no argument"},
        {"true == 1", 0, "this comparison has no argument"},
        {"5", 1, "write one of < <= > >= == != here"},
        {"path  ", 6, "write one of < <= > >= == != here"},
        {"true", 4, "write one of < <= > >= == != here"},
        {"big < wide", 6,
         "an argument can be compared with a number or a \"text\", not with another argument"},
        {"big == null", 7, "big is not an address"},
        {"big == true", 7, "big is not a bool"},
        {"big == 'x'", 7, "big is not a string (--string big makes it one)"},
        {"path == 5", 8, "path is a string: compare it with a \"text\", or null"},
        {"path < 'x'", 7, "a string can only be compared by == and !="},
        {"path == '123456789'", 8,
         "this text has 9 bytes, but rst reads only 8 of a string (--string-bytes)"},
        {"tiny < 0 && nosuch", 12,
         "shop:order has no such argument, only tiny, big, wide, flag, half, whole, path, place, "
         "lost"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct condition *condition;
        struct filter_error error = make(cases[i].text, &condition);

        assert_null(condition);
        if (!error.words || strcmp(error.words, cases[i].words) != 0 || error.at != cases[i].at)
            fail_msg("%s: %zu: %s", cases[i].text, error.at, error.words);
        free(error.words);
    }
}

/* A note is for the user if all variants need it, so it is counted. */
static void notes_a_comparison_that_decides_nothing_once(void **state)
{
    struct condition *condition;
    struct filter filter;

    (void)state;
    options.filter = "tiny < 200 && lost == 1 && big < 5";
    assert_null(filter_parse(options.filter, &filter).words);
    for (size_t i = 0; i < 2; i++) {
        assert_null(filter_bind(&filter, &plan, &variant, &condition).words);
        condition_free(condition);
        assert_int_equal(filter.parts[0].noted, i + 1);
    }
    assert_string_equal(
        filter.parts[0].note,
        "tiny of shop:order is int8: 200 is out of range (-128 to 127), so that is always true");
    assert_string_equal(filter.parts[1].note,
                        "rst can't read lost of shop:order, so no comparison with it is true");
    assert_null(filter.parts[2].note);
    filter_say_notes(&filter, 3);
    assert_null(filter.parts[0].note);
    filter_free(&filter);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(holds_for_what_it_says),
        cmocka_unit_test(says_where_it_is_wrong),
        cmocka_unit_test(notes_a_comparison_that_decides_nothing_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
