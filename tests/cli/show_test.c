/* SPDX-License-Identifier: MIT */
/*
 * What rst trace prints: events and counts made up here, in the forms for people and of JSON.
 */
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "captured.h"
#include "cli/trace/show/names.h"
#include "cli/trace/show/show.h"

/* ---------------------------------------------------------------------------- a plan -- */

#define ARGUMENT(text)                                                                             \
    {                                                                                              \
        .name = (char[]){text},                                                                    \
    }
#define WHOLE(bytes, sign)                                                                         \
    {                                                                                              \
        .kind = VALUE_INTEGER, .size = (bytes), .is_signed = (sign)                                \
    }

static struct trace_options options;
static pid_t pids[] = {4711};
static struct plan_file files[] = {{.pids = pids, .pid_count = 1}};

static struct plan_probe probes[] = {
    {.provider = "shop",
     .name = "order",
     .title = (char[]){"shop:order"},
     .argument_count = 4,
     .arguments = {ARGUMENT("id"), ARGUMENT("customer"), ARGUMENT("cents"), ARGUMENT("weight")},
     .by = -1,
     .hist = -1},
    {.provider = "shop",
     .name = "none",
     .title = (char[]){"shop:none"},
     .by = -1,
     .hist = -1,
     .alike = 1},
    {.provider = "shop", /* the first one, in another file */
     .name = "order",
     .title = (char[]){"shop:order"},
     .argument_count = 4,
     .arguments = {ARGUMENT("id"), ARGUMENT("customer"), ARGUMENT("cents"), ARGUMENT("weight")},
     .by = -1,
     .hist = -1},
};

#define ORDER_VALUES                                                                               \
    {                                                                                              \
        WHOLE(8, false), {.kind = VALUE_STRING, .size = 8}, WHOLE(4, true),                        \
        {                                                                                          \
            .kind = VALUE_DOUBLE, .size = 8                                                        \
        }                                                                                          \
    }
static struct plan_variant variants[] = {
    {.probe = 0, .values = ORDER_VALUES},
    {.probe = 1},
    {.probe = 2, .values = ORDER_VALUES},
    {.probe = 2, /* the same sites with other operands */
     .values = {WHOLE(4, false),
                {.kind = VALUE_STRING, .size = 0},
                WHOLE(8, true),
                {.kind = VALUE_FLOAT, .size = 4}}},
};

static struct plan plan = {
    .options = &options,
    .probes = probes,
    .probe_count = sizeof(probes) / sizeof(probes[0]),
    .variants = variants,
    .variant_count = sizeof(variants) / sizeof(variants[0]),
    .files = files,
    .file_count = 1,
};

static void choose(enum trace_mode mode, const char *by, ssize_t by_index, ssize_t hist)
{
    options = (struct trace_options){.mode = mode, .by = by, .json = options.json};
    for (size_t i = 0; i < plan.probe_count; i++) {
        probes[i].by = i == 1 ? -1 : by_index;
        probes[i].hist = i == 1 ? -1 : hist;
    }
}

static int plain(void **state)
{
    (void)state;
    options = (struct trace_options){0};
    files[0].pid_count = 1;
    choose(TRACE_EVENTS, NULL, -1, -1);
    return 0;
}

/* ---------------------------------------------------------------------------- events -- */

static uint64_t bits_of(double number)
{
    uint64_t bits;

    memcpy(&bits, &number, sizeof(bits));
    return bits;
}

static struct event order(const char *customer)
{
    struct event event = {
        .variant = &variants[0],
        .probe = &probes[0],
        .cpu = 3,
        .pid = 4711,
        .tid = 4712,
        .comm = "till",
        .values = {UINT64_MAX, 0x1000, (uint64_t)-250, bits_of(0.1)},
    };

    if (customer)
        event.strings[1] = (struct event_string){customer, strlen(customer), false};
    else
        event.values[1] = 0;
    return event;
}

/* What is printed for an event, without its time. */
static const char *shown(const struct event *event)
{
    struct show *show = show_new(&plan, NULL, stdout);
    char *line;

    capture();
    show_event(show, event);
    line = captured();
    show_free(show);
    if (options.json)
        return line;
    for (const char *form = "00:00:00.000000 "; *form; form++, line++)
        if (*form == '0' ? *line < '0' || *line > '9' : *line != *form)
            fail_msg("no time: %s", line);
    return line;
}

static void an_event_for_people(void **state)
{
    struct event event = order("Ada");

    (void)state;
    assert_string_equal(
        shown(&event),
        "4712 shop:order id=18446744073709551615 customer=\"Ada\" cents=-250 weight=0.1\n");
    files[0].pid_count = 0; /* every process */
    assert_string_equal(shown(&event), "till 4711/4712 shop:order id=18446744073709551615 "
                                       "customer=\"Ada\" cents=-250 weight=0.1\n");
    event.pid = event.tid = 0;
    event.unreadable = 1U << 1 | 1U << 2;
    assert_string_equal(shown(&event), "till ?/? shop:order id=18446744073709551615 "
                                       "customer=? cents=? weight=0.1\n");
    event = order(NULL);
    event.variant = &variants[3];
    event.probe = &probes[2];
    event.values[3] = 0x3dcccccd;
    assert_string_equal(shown(&event), "till 4711/4712 shop:order id=4294967295 customer=? "
                                       "cents=-250 weight=0.1\n");
    event.variant = &variants[0];
    event.values[3] = bits_of(-0.0);
    assert_string_equal(shown(&event), "till 4711/4712 shop:order id=18446744073709551615 "
                                       "customer=NULL cents=-250 weight=-0\n");
}

static void every_kind_of_value(void **state)
{
    static const struct {
        struct plan_value type;
        uint64_t bits;
        const char *shown, *json;
    } values[] = {
        {{.kind = VALUE_BOOL, .size = 1}, 0x100, "false", "false"},
        {{.kind = VALUE_BOOL, .size = 4}, 0x100, "true", "true"},
        {{.kind = VALUE_INTEGER, .size = 1, .is_signed = true}, 0x80, "-128", "-128"},
        {{.kind = VALUE_INTEGER, .size = 2}, UINT64_MAX, "65535", "65535"},
        {{.kind = VALUE_INTEGER, .size = 8, .is_signed = true},
         UINT64_C(1) << 63,
         "-9223372036854775808",
         "-9223372036854775808"},
        {{.kind = VALUE_INTEGER, .size = 8},
         UINT64_MAX,
         "18446744073709551615",
         "18446744073709551615"},
        {{.kind = VALUE_FLOAT, .size = 4}, 0x3dcccccd, "0.1", "0.1"},
        {{.kind = VALUE_FLOAT, .size = 4}, 0xff800000, "-inf", "\"-inf\""},
        {{.kind = VALUE_DOUBLE, .size = 8}, 0x7ff8000000000000, "nan", "\"nan\""},
        {{.kind = VALUE_POINTER, .size = 8}, 0x1234abcd, "0x1234abcd", "305441741"},
        {{.kind = VALUE_STRING, .size = 8}, 0, "NULL", "null"},
        {{.kind = VALUE_INTEGER, .size = 0}, 5, "?", "null"},
    };
    struct text text = {0};

    (void)state;
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        struct plan_variant variant = {.values[7] = values[i].type};
        struct event event = {.variant = &variant, .values[7] = values[i].bits};
        struct shown shown = shown_argument(&event, 7);
        struct json json = {.out = stdout};

        text_clear(&text);
        show_value(&text, &shown);
        assert_string_equal(text.bytes, values[i].shown);
        capture();
        show_json(&json, NULL, &shown);
        assert_string_equal(captured(), values[i].json);
    }
    free(text.bytes);
}

static void colours_on_a_terminal(void **state)
{
    struct event event = order("Ada");
    const char *line;
    struct show *show;

    (void)state;
    unsetenv("NO_COLOR");
    capture_terminal(24, 80);
    show = show_new(&plan, NULL, stdout);
    show_event(show, &event);
    line = captured();
    setenv("NO_COLOR", "1", 1);
    assert_memory_equal(line, "\033[2m", 4);
    assert_non_null(strstr(line, "\033[0m 4712 \033[1mshop:order\033[0m \033[2mid=\033[0m1844"));
    show_free(show);
}

static void an_event_of_json(void **state)
{
    struct event event = order("Ad\"a\n");
    struct timespec now, boot;
    const char *line;
    int64_t time;

    (void)state;
    options.json = true;
    line = shown(&event);
    time = strtoll(line + strlen("{\"time\":"), NULL, 10);
    clock_gettime(CLOCK_REALTIME, &now);
    clock_gettime(CLOCK_BOOTTIME, &boot);
    if (llabs(time / 1000000000 - (now.tv_sec - boot.tv_sec)) > 2)
        fail_msg("%lld is not when the system booted", (long long)time);
    assert_string_equal(
        strchr(line, ','),
        ",\"pid\":4711,\"tid\":4712,\"comm\":\"till\",\"cpu\":3,\"provider\":\"shop\","
        "\"probe\":\"order\",\"args\":{\"id\":18446744073709551615,\"customer\":\"Ad\\\"a\\u000a\","
        "\"cents\":-250,\"weight\":0.1}}\n");
    event = order("abcä");
    event.strings[1] = (struct event_string){"abc\xc3", 4, true};
    event.unreadable = 1;
    event.pid = event.tid = 0;
    assert_string_equal(
        strchr(shown(&event), ','),
        ",\"pid\":null,\"tid\":null,\"comm\":\"till\",\"cpu\":3,\"provider\":\"shop\","
        "\"probe\":\"order\",\"args\":{\"id\":null,\"customer\":\"abc\",\"cents\":-250,"
        "\"weight\":0.1},\"cut\":[\"customer\"],\"unreadable\":[\"id\"]}\n");
    event = order(NULL);
    assert_non_null(strstr(shown(&event), "\"customer\":null,\"cents\":-250,\"weight\":0.1}}\n"));
    event.unreadable = 1U << 1;
    assert_non_null(strstr(shown(&event), "\"customer\":null,\"cents\":-250,\"weight\":0.1},"
                                          "\"unreadable\":[\"customer\"]}\n"));
}

static void a_string_that_was_cut_loses_half_a_character(void **state)
{
    static const struct {
        const char *bytes, *cut, *whole;
    } strings[] = {
        {"", "\"\"…", "\"\""},
        {"abc", "\"abc\"…", "\"abc\""},
        {"ab\xc3", "\"ab\"…", "\"ab\\xc3\""},
        {"ab\xc3\xa4", "\"abä\"…", "\"abä\""},
        {"ab\xe2\x82", "\"ab\"…", "\"ab\\xe2\\x82\""},
        {"ab\xe2\x82\xac", "\"ab€\"…", "\"ab€\""},
        {"\xf0\x9f\x98", "\"\"…", "\"\\xf0\\x9f\\x98\""},
        {"\xf0\x9f\x98\x80", "\"😀\"…", "\"😀\""},
        {"\x80\x80\x80\x80", "\"\\x80\\x80\\x80\\x80\"…", "\"\\x80\\x80\\x80\\x80\""},
        {"a\x80\x80\x80\x80", "\"a\\x80\\x80\\x80\\x80\"…", "\"a\\x80\\x80\\x80\\x80\""},
        {"\xff", "\"\"…", "\"\\xff\""},
    };
    const struct plan_value type = {.kind = VALUE_STRING, .size = 8};
    struct text text = {0};

    (void)state;
    for (size_t i = 0; i < sizeof(strings) / sizeof(strings[0]); i++) {
        const char *bytes = strings[i].bytes;
        struct shown shown = {.type = &type, .string = {bytes, strlen(bytes), true}};

        text_clear(&text);
        show_value(&text, &shown);
        assert_string_equal(text.bytes, strings[i].cut);
        shown.string.cut = false;
        text_clear(&text);
        show_value(&text, &shown);
        assert_string_equal(text.bytes, strings[i].whole);
    }
    free(text.bytes);
}

static void nothing_that_a_process_chooses_is_printed_raw(void **state)
{
    struct event event = order("\x1b]0;title\x07\xff\xe2\x80\xae\n\"\\");

    (void)state;
    files[0].pid_count = 0;
    memcpy(event.comm, "\x1b[2J\n\xc3\xa4\x80", sizeof("\x1b[2J\n\xc3\xa4\x80"));
    assert_string_equal(shown(&event),
                        "\\x1b[2J\\x0aä\\x80 4711/4712 shop:order id=18446744073709551615 "
                        "customer=\"\\x1b]0;title\\x07\\xff\\xe2\\x80\\xae\\n\\\"\\\\\" "
                        "cents=-250 weight=0.1\n");
    options.json = true;
    for (const char *at = shown(&event); *at != '\n'; at++)
        if ((unsigned char)*at < ' ')
            fail_msg("%s", at);
}

static void lost_hits_are_told(void **state)
{
    struct show *show = show_new(&plan, NULL, stdout);

    (void)state;
    capture_errors();
    show_lost(show, 1);
    show_lost(show, 2000);
    assert_string_equal(captured(),
                        "rst: 1 hit was lost: it came faster than rst could read it\n"
                        "rst: 2000 hits were lost: they came faster than rst could read them\n");
    options.json = true;
    capture();
    show_lost(show, 2000);
    assert_string_equal(captured(), "{\"lost\":2000}\n");
    show_free(show);
}

static void names_of_functions(void **state)
{
    static const struct {
        const char *symbol, *name;
    } names[] = {
        {"checkout", "checkout"},
        {"shop__order", "shop__order"},
        {"pthread_testcancel@@GLIBC_2.34", "pthread_testcancel"},
        {"checkout.part.0", "checkout.part.0"},
        {"@", "@"},
        {"_Z8checkouti", "checkout"},
        {"_ZL8checkouti", "checkout"},
        {"_ZN4shop5orderEiPKc", "shop::order"},
        {"_ZNK4shop4till3sumEv.cold", "shop::till::sum.cold"},
        {"_ZN4shop4tillC2Ei", "shop::till::till"},
        {"_ZN4shop4tillD0Ev", "shop::till::~till"},
        {"_ZN12_GLOBAL__N_15orderEv", "(anonymous namespace)::order"},
        {"_ZSt9terminatev", "std::terminate"},
        {"_ZNSt6thread4joinEv@@GLIBCXX_3.4.11", "std::thread::join"},
        {"_ZN4core3fmt5write17h0123456789abcdefE", "core::fmt::write"},
        /* those that are not read */
        {"_ZN4shop4listIiE3addEi", "_ZN4shop4listIiE3addEi"},
        {"_Z4sortIiEvPT_", "_Z4sortIiEvPT_"},
        {"_ZN4shoplsERSo", "_ZN4shoplsERSo"},
        {"_ZN4shop", "_ZN4shop"},
        {"_ZN9shopE", "_ZN9shopE"},
        {"_ZN99999999999999999999999aE", "_ZN99999999999999999999999aE"},
        {"_ZN5a@b.cE.x@1", "a@b.c.x"},
        {"_ZNE", "_ZNE"},
        {"_ZNC1E", "_ZNC1E"},
        {"_Z", "_Z"},
        {"_ZN", "_ZN"},
        {"_ZSt", "_ZSt"},
    };
    struct text name = {0};

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        text_clear(&name);
        function_name(&name, names[i].symbol);
        assert_string_equal(name.bytes, names[i].name);
    }
    free(name.bytes);
}

/* ---------------------------------------------------------------------------- counts -- */

static struct count_key number_key(uint32_t variant, int64_t number)
{
    return (struct count_key){.variant = variant, .by.number = (uint64_t)number};
}

static struct count_key text_key(uint32_t variant, const char *text)
{
    struct count_key key = {.variant = variant, .size = (uint32_t)strlen(text)};

    memcpy(key.by.text, text, strlen(text) < TRACE_KEY_BYTES ? strlen(text) : TRACE_KEY_BYTES);
    return key;
}

static void take(struct totals *totals, struct count_key key, uint64_t count)
{
    totals_take(totals, &key, &(struct count_sum){.count = count});
}

static const char *printed(struct totals *totals)
{
    capture();
    totals_print(totals);
    return captured();
}

static void counts(void **state)
{
    struct totals *totals = totals_new(&plan, stdout);

    (void)state;
    choose(TRACE_COUNT, NULL, -1, -1);
    take(totals, number_key(0, 0), 5);
    take(totals, number_key(2, 0), 1000); /* the same probe in another file */
    take(totals, number_key(99, 0), 7);   /* there is no such variant */
    assert_string_equal(printed(totals), "COUNT  PROBE\n1005   shop:order\n0      shop:none\n");
    options.json = true;
    totals_clear(totals);
    take(totals, number_key(3, 0), 1);
    assert_string_equal(printed(totals),
                        "{\"provider\":\"shop\",\"probe\":\"order\",\"count\":1}\n"
                        "{\"provider\":\"shop\",\"probe\":\"none\",\"count\":0}\n");
    totals_free(totals);
}

static void counts_by_numbers(void **state)
{
    struct totals *totals = totals_new(&plan, stdout);
    struct count_key unreadable = {.variant = 0, .state = KEY_UNREADABLE, .by.number = 17};

    (void)state;
    choose(TRACE_COUNT, "cents", 2, -1);
    take(totals, number_key(0, -250), 1);
    take(totals, number_key(3, -250), 1); /* of 8 bytes there, 4 here */
    take(totals, number_key(0, 7), 1);
    take(totals, unreadable, 4);
    unreadable.by.number = 18;
    take(totals, unreadable, 1);
    assert_string_equal(printed(totals), "COUNT  SHARE  PROBE       cents\n"
                                         "5      62.5%  shop:order  ?\n"
                                         "2      25.0%  shop:order  -250\n"
                                         "1      12.5%  shop:order  7\n"
                                         "0             shop:none   \n");
    options.json = true;
    assert_string_equal(
        printed(totals),
        "{\"provider\":\"shop\",\"probe\":\"order\",\"by\":{\"cents\":null},\"unreadable\":true,"
        "\"count\":5}\n"
        "{\"provider\":\"shop\",\"probe\":\"order\",\"by\":{\"cents\":-250},\"count\":2}\n"
        "{\"provider\":\"shop\",\"probe\":\"order\",\"by\":{\"cents\":7},\"count\":1}\n");
    totals_free(totals);
}

static void numbers_are_sorted_by_their_values(void **state)
{
    static const int64_t whole[] = {-300, -1, 0, 5, INT64_MAX};
    static const double floating[] = {-2.5, -1, 0, 0.5, 1e300};
    struct totals *totals = totals_new(&plan, stdout);
    const char *lines;

    (void)state;
    options.json = true;
    choose(TRACE_COUNT, "cents", 2, -1);
    for (size_t i = 5; i-- > 0;)
        take(totals, number_key(3, whole[i]), 1);
    lines = printed(totals);
    for (size_t i = 0; i < 5; i++, lines = strchr(lines, '\n') + 1)
        assert_int_equal(strtoll(strstr(lines, "cents\":") + 7, NULL, 10), whole[i]);
    choose(TRACE_COUNT, "weight", 3, -1);
    totals_clear(totals);
    for (size_t i = 5; i-- > 0;)
        take(totals, number_key(0, (int64_t)bits_of(floating[i])), 1);
    lines = printed(totals);
    for (size_t i = 0; i < 5; i++, lines = strchr(lines, '\n') + 1)
        assert_true(strtod(strstr(lines, "weight\":") + 8, NULL) == floating[i]);
    totals_free(totals);
}

static void values_of_several_kinds_are_not_mixed(void **state)
{
    struct plan_value whole = WHOLE(1, false), floating = {.kind = VALUE_FLOAT, .size = 4},
                      truth = {.kind = VALUE_BOOL, .size = 1};
    struct plan_value *of[] = {&variants[0].values[0], &variants[2].values[0],
                               &variants[3].values[0]};
    struct plan_value former[] = {*of[0], *of[1], *of[2]};
    struct totals *totals = totals_new(&plan, stdout);

    (void)state;
    choose(TRACE_COUNT, "id", 0, -1);
    *of[0] = whole;
    *of[1] = floating;
    *of[2] = truth;
    take(totals, number_key(0, 1), 2);
    take(totals, number_key(2, 1), 7);
    take(totals, number_key(2, 0x3f800000), 6);
    take(totals, number_key(2, 0xbf800000), 5);
    take(totals, number_key(3, 1), 3);
    take(totals, number_key(3, 255), 1); /* true, too */
    assert_string_equal(printed(totals), "COUNT  SHARE  PROBE       id\n"
                                         "7      29.2%  shop:order  1.4013e-45\n"
                                         "6      25.0%  shop:order  1\n"
                                         "5      20.8%  shop:order  -1\n"
                                         "4      16.7%  shop:order  true\n"
                                         "2      8.3%   shop:order  1\n"
                                         "0             shop:none   \n");
    for (size_t i = 0; i < 3; i++)
        *of[i] = former[i];
    totals_free(totals);
}

static void counts_by_strings(void **state)
{
    struct totals *totals = totals_new(&plan, stdout);
    struct count_key null = {.variant = 0, .state = KEY_NULL}, broken = text_key(0, "x");
    char longest[TRACE_KEY_BYTES + 2], wanted[1024];

    (void)state;
    choose(TRACE_COUNT, "customer", 1, -1);
    memset(longest, 'a', TRACE_KEY_BYTES);
    longest[TRACE_KEY_BYTES] = '\0';
    take(totals, text_key(0, longest), 8); /* it fits as it is */
    longest[TRACE_KEY_BYTES - 1] = '\xc3';
    longest[TRACE_KEY_BYTES] = '\xa4';
    longest[TRACE_KEY_BYTES + 1] = '\0';
    take(totals, text_key(0, longest), 7); /* it is cut, in a character */
    take(totals, text_key(0, "Ada"), 3);
    take(totals, text_key(2, "Ada"), 3);
    take(totals, text_key(0, ""), 5);
    take(totals, null, 4);
    take(totals, text_key(3, "what?"), 3); /* that variant can't read it */
    broken.size = TRACE_KEY_BYTES + 2;
    take(totals, broken, 9);
    broken = text_key(0, "x");
    broken.state = KEY_UNREADABLE + 1;
    take(totals, broken, 9);
    snprintf(wanted, sizeof(wanted),
             "COUNT  SHARE  PROBE       customer\n"
             "8      24.2%%  shop:order  \"%.*s\"\n"
             "7      21.2%%  shop:order  \"%.*s\"…\n"
             "6      18.2%%  shop:order  \"Ada\"\n"
             "5      15.2%%  shop:order  \"\"\n"
             "4      12.1%%  shop:order  NULL\n"
             "3      9.1%%   shop:order  ?\n"
             "0             shop:none   \n",
             TRACE_KEY_BYTES, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
             TRACE_KEY_BYTES - 1, longest);
    assert_string_equal(printed(totals), wanted);
    options.json = true;
    assert_non_null(strstr(printed(totals), "aaa\"},\"cut\":true,\"count\":7}\n"));
    assert_non_null(strstr(printed(totals), "\"by\":{\"customer\":null},\"count\":4}\n"));
    totals_free(totals);
}

static void a_change_is_what_was_added(void **state)
{
    struct totals *totals = totals_new(&plan, stdout);

    (void)state;
    choose(TRACE_COUNT, "customer", 1, -1);
    take(totals, text_key(0, "Ada"), 3);
    capture();
    totals_print_change(totals);
    totals_clear(totals);
    take(totals, text_key(0, "Ada"), 3);
    totals_print_change(totals);
    totals_clear(totals);
    take(totals, text_key(0, "Ada"), 5);
    take(totals, text_key(2, "Ada"), 5);
    take(totals, text_key(0, "Bob"), 1);
    totals_print_change(totals);
    assert_string_equal(without_times(captured()), "TIME\n"
                                                   "COUNT  SHARE   PROBE       customer\n"
                                                   "3      100.0%  shop:order  \"Ada\"\n"
                                                   "\n"
                                                   "TIME\n"
                                                   "no hits\n"
                                                   "\n"
                                                   "TIME\n"
                                                   "COUNT  SHARE  PROBE       customer\n"
                                                   "7      87.5%  shop:order  \"Ada\"\n"
                                                   "1      12.5%  shop:order  \"Bob\"\n");
    capture();
    totals_clear(totals);
    take(totals, text_key(0, "Ada"), 10);
    totals_print(totals);
    assert_string_equal(captured(), "\nin all\n"
                                    "COUNT  SHARE   PROBE       customer\n"
                                    "10     100.0%  shop:order  \"Ada\"\n"
                                    "0              shop:none   \n");
    options.json = true;
    totals_clear(totals);
    take(totals, text_key(0, "Ada"), 10);
    take(totals, text_key(0, "Bob"), 3);
    capture();
    totals_print_change(totals);
    assert_string_equal(strchr(captured(), ','),
                        ",\"provider\":\"shop\",\"probe\":\"order\",\"by\":{\"customer\":\"Bob\"},"
                        "\"count\":3}\n");
    totals_free(totals);
}

/* ------------------------------------------------------------------------ histograms -- */

/* What --hist keeps of hits of one value. */
static struct count_sum sum_of(uint64_t hits, const struct plan_value *type, uint64_t bits)
{
    bool has_sign = type->is_signed || value_is_float(type);
    uint64_t top = type->kind == VALUE_FLOAT ? UINT64_C(1) << 31 : UINT64_C(1) << 63;
    uint64_t key = value_is_float(type) && bits & top ? 0 - (bits ^ top) : bits;
    uint64_t magnitude = has_sign && (int64_t)key < 0 ? 0 - key : key;

    return (struct count_sum){
        .count = hits,
        .magnitudes = (wide)hits * magnitude,
        .highest = has_sign ? key ^ UINT64_C(1) << 63 : key,
    };
}

/* What --hist is of in a variant; where its probe has no such argument, of any other. */
static const struct plan_value *hist_of(uint32_t variant)
{
    ssize_t hist = probes[variants[variant].probe].hist;

    return &variants[variant].values[hist < 0 ? 0 : hist];
}

static void take_value(struct totals *totals, struct count_key key, int32_t bucket, uint64_t hits,
                       uint64_t bits)
{
    struct count_sum sum = sum_of(hits, hist_of(key.variant), bits);

    key.bucket = bucket;
    totals_take(totals, &key, &sum);
}

static void take_buckets(struct totals *totals, uint32_t variant, const int32_t *buckets,
                         size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct count_key key = number_key(variant, 0);
        uint64_t size = (uint64_t)llabs(buckets[i]),
                 least = size ? UINT64_C(1) << (size - 1) % 64 : 0;
        const struct plan_value *type = hist_of(variant);

        if (value_is_float(type))
            least = size << (type->kind == VALUE_FLOAT ? 23 : 52) |
                    (uint64_t)(buckets[i] < 0) << (type->kind == VALUE_FLOAT ? 31 : 63);
        else if (buckets[i] < 0)
            least = 0 - least;
        take_value(totals, key, buckets[i], i + 1, least);
    }
}

static void histograms_of_whole_numbers(void **state)
{
    static const int32_t buckets[] = {-64, -8, 0, 1, 2, 11, 63, 64, BUCKET_UNREADABLE, 3000};
    struct totals *totals = totals_new(&plan, stdout);

    (void)state;
    choose(TRACE_HISTOGRAM, NULL, -1, 2);
    take_buckets(totals, 0, buckets + 8, 1);
    assert_string_equal(printed(totals), "shop:order cents: 1 hit\n  ?  1\n");
    totals_clear(totals);
    take_buckets(totals, 1, buckets, 1); /* that probe has no such argument */
    take_buckets(totals, 0, buckets, 10);
    assert_string_equal(printed(totals), "shop:order cents: 45 hits, average 2690150177415976448, "
                                         "highest 4611686018427387904, total 9.68454e+19\n"
                                         "   (-16E, -8E]  1  █████\n"
                                         "           ...\n"
                                         "  (-256, -128]  2  ██████████\n"
                                         "           ...\n"
                                         "             0  3  ███████████████\n"
                                         "             1  4  ████████████████████\n"
                                         "        [2, 4)  5  █████████████████████████\n"
                                         "           ...\n"
                                         "      [1K, 2K)  6  ██████████████████████████████\n"
                                         "           ...\n"
                                         "      [4E, 8E)  7  ███████████████████████████████████\n"
                                         "     [8E, 16E)  8  "
                                         "████████████████████████████████████████\n"
                                         "             ?  9\n");
    options.json = true;
    assert_string_equal(printed(totals),
                        "{\"provider\":\"shop\",\"probe\":\"order\",\"hist\":\"cents\",\"hits\":45,"
                        "\"average\":2.6901501774159764e+18,\"highest\":4611686018427387904,"
                        "\"total\":9.684540638697515e+19,\"buckets\":["
                        "{\"from\":-9223372036854775808,\"to\":-9223372036854775808,\"count\":1},"
                        "{\"from\":-255,\"to\":-128,\"count\":2},{\"from\":0,\"to\":0,\"count\":3},"
                        "{\"from\":1,\"to\":1,\"count\":4},{\"from\":2,\"to\":3,\"count\":5},"
                        "{\"from\":1024,\"to\":2047,\"count\":6},"
                        "{\"from\":4611686018427387904,\"to\":9223372036854775807,\"count\":7},"
                        "{\"from\":9223372036854775808,\"to\":18446744073709551615,\"count\":8},"
                        "{\"from\":null,\"to\":null,\"count\":9}]}\n");
    totals_free(totals);
}

static void histograms_of_floats(void **state)
{
    static const int32_t doubles[] = {-2047, -1023, 0, 1023, 1024, 2047},
                         floats[] = {-255, 0, 127, 254};
    struct totals *totals = totals_new(&plan, stdout);

    (void)state;
    choose(TRACE_HISTOGRAM, NULL, -1, 3);
    take_buckets(totals, 0, doubles, 6);
    take_buckets(totals, 3, floats, 4); /* the same probe, of floats: a histogram of its own */
    options.json = true;
    assert_string_equal(
        printed(totals),
        "{\"provider\":\"shop\",\"probe\":\"order\",\"hist\":\"weight\",\"hits\":10,"
        "\"average\":\"-inf\",\"highest\":1.7014118e+38,\"total\":\"-inf\",\"buckets\":["
        "{\"from\":\"-inf\",\"to\":\"-inf\",\"count\":1},"
        "{\"from\":-1.1754943508222875e-38,\"to\":1.1754943508222875e-38,\"count\":2},"
        "{\"from\":1,\"to\":2,\"count\":3},"
        "{\"from\":1.7014118346046923e+38,\"to\":3.402823669209385e+38,\"count\":4}]}\n"
        "{\"provider\":\"shop\",\"probe\":\"order\",\"hist\":\"weight\",\"hits\":21,"
        "\"average\":\"nan\",\"highest\":\"inf\",\"total\":\"nan\",\"buckets\":["
        "{\"from\":\"-inf\",\"to\":\"-inf\",\"count\":1},{\"from\":-2,\"to\":-1,\"count\":2},"
        "{\"from\":-2.2250738585072014e-308,\"to\":2.2250738585072014e-308,\"count\":3},"
        "{\"from\":1,\"to\":2,\"count\":4},{\"from\":2,\"to\":4,\"count\":5},"
        "{\"from\":\"inf\",\"to\":\"inf\",\"count\":6}]}\n");
    options.json = false;
    totals_clear(totals);
    take_buckets(totals, 0, doubles, 1);
    take_buckets(totals, 0, doubles + 1, 1);
    take_buckets(totals, 0, doubles + 2, 1);
    assert_string_equal(
        printed(totals),
        "shop:order weight: 3 hits, average -inf, highest 0, total -inf\n"
        "                  -inf, nan  1  ████████████████████████████████████████\n"
        "                        ...\n"
        "                   (-2, -1]  1  ████████████████████████████████████████\n"
        "                        ...\n"
        "  (-2.225e-308, 2.225e-308)  1  ████████████████████████████████████████\n");
    totals_free(totals);
}

static void histograms_of_any_width(void **state)
{
    static const int32_t buckets[] = {1, 4, 5}, floating[] = {1022};
    struct totals *totals = totals_new(&plan, stdout);

    (void)state;
    choose(TRACE_HISTOGRAM, NULL, -1, 2);
    take_buckets(totals, 0, buckets, 1);
    take_buckets(totals, 0, buckets + 1, 1);
    for (int i = 0; i < 100; i++)
        take_buckets(totals, 0, buckets + 2, 1);
    assert_non_null(setlocale(LC_CTYPE, "C"));
    assert_string_equal(printed(totals),
                        "shop:order cents: 102 hits, average 15.77, highest 16, total 1609\n"
                        "         1    1  #\n"
                        "    [2, 4)    0\n"
                        "    [4, 8)    0\n"
                        "   [8, 16)    1  #\n"
                        "  [16, 32)  100  ########################################\n");
    capture_terminal(24, 10);
    totals_print(totals);
    assert_non_null(strstr(captured(), "  [16, 32)  100  ##########\r\n"));
    capture_terminal(24, 37);
    totals_print(totals);
    assert_non_null(strstr(captured(), "  [16, 32)  100  ####################\r\n"));
    capture_terminal(24, 300);
    totals_print(totals);
    assert_int_equal(strlen(strstr(captured(), "100  #")), strlen("100  \r\n") + 80);
    assert_non_null(setlocale(LC_CTYPE, "C.UTF-8"));
    choose(TRACE_HISTOGRAM, NULL, -1, 3);
    totals_clear(totals);
    take_buckets(totals, 0, floating, 1);
    assert_non_null(strstr(printed(totals), "\n  [0.5, 1)  1  █"));
    totals_free(totals);
}

static void histograms_by_strings(void **state)
{
    struct totals *totals = totals_new(&plan, stdout);

    (void)state;
    choose(TRACE_HISTOGRAM, "customer", 1, 2);
    take_value(totals, text_key(0, "Bob"), 3, 1, 5);
    take_value(totals, text_key(0, "Ada"), 0, 2, 0);
    take_value(totals, text_key(0, "Ada"), -1, 1, (uint64_t)-1);
    assert_string_equal(printed(totals), /* the largest total first */
                        "shop:order cents, customer=\"Bob\": 1 hit, average 5, highest 5, total 5\n"
                        "  [4, 8)  1  ████████████████████████████████████████\n"
                        "\n"
                        "shop:order cents, customer=\"Ada\": 3 hits, average -0.3333, highest 0, "
                        "total -1\n"
                        "  -1  1  ████████████████████\n"
                        "   0  2  ████████████████████████████████████████\n");
    totals_clear(totals);
    capture_errors();
    totals_print(totals);
    assert_string_equal(captured(), "rst: there were no hits\n");
    totals_free(totals);
}

static void sums_of_values(void **state)
{
    struct totals *totals = totals_new(&plan, stdout);
    struct count_key unreadable = {.bucket = BUCKET_UNREADABLE};

    (void)state;
    choose(TRACE_HISTOGRAM, NULL, -1, 3);
    take_value(totals, number_key(0, 0), 1023 - 4, 1, bits_of(0.1));
    take_value(totals, number_key(0, 0), 1023 - 4, 2, bits_of(0.1171875));
    take_value(totals, number_key(0, 0), -1023, 1, bits_of(-1.5));
    take(totals, unreadable, 3);
    assert_non_null(strstr(printed(totals), "shop:order weight: 7 hits, average -0.2914, "
                                            "highest 0.1171875, total -1.16562\n"));
    options.json = true;
    assert_non_null(strstr(printed(totals), "\"hits\":7,\"average\":-0.29140625,"
                                            "\"highest\":0.1171875,\"total\":-1.165625,"));
    totals_clear(totals);
    take(totals, unreadable, 3);
    assert_non_null(
        strstr(printed(totals), "\"hits\":3,\"average\":null,\"highest\":null,\"total\":null,"));
    options.json = false;
    assert_string_equal(printed(totals), "shop:order weight: 3 hits\n  ?  3\n");
    totals_free(totals);
}

/* The highest is of all hits, so nothing tells it for those of a round. */
static void sums_of_a_round(void **state)
{
    struct totals *totals = totals_new(&plan, stdout);
    const char *lines;

    (void)state;
    options.json = true;
    choose(TRACE_HISTOGRAM, NULL, -1, 2);
    take_value(totals, number_key(0, 0), 7, 2, 100);
    take_value(totals, number_key(3, 0), 7, 1, 99); /* another file has int64 there */
    capture();
    totals_print_change(totals);
    totals_clear(totals);
    take_value(totals, number_key(0, 0), 7, 3, 100);
    take_value(totals, number_key(3, 0), 7, 1, 99);
    take_value(totals, number_key(0, 0), -7, 1, (uint64_t)-100);
    totals_print_change(totals);
    totals_print(totals);
    lines = captured();
    assert_non_null(strstr(lines, "\"hits\":3,\"average\":99.66666666666667,\"highest\":null,"
                                  "\"total\":299,"));
    assert_non_null(strstr(lines, "\"hits\":2,\"average\":0,\"highest\":null,\"total\":0,"));
    assert_non_null(strstr(lines, "\"hits\":5,\"average\":59.8,\"highest\":100,\"total\":299,"));
    totals_free(totals);
}

/* ------------------------------------------------------------------------------- top -- */

static void a_table_is_redrawn_in_its_place(void **state)
{
    struct totals *totals = totals_new(&plan, stdout);
    const char *screen;
    char name[16];

    (void)state;
    choose(TRACE_COUNT, "customer", 1, -1);
    capture_terminal(6, 60);
    for (int i = 0; i < 3; i++) {
        snprintf(name, sizeof(name), "customer %d", i);
        take(totals, text_key(0, name), 10 * (unsigned)i + 1);
    }
    totals_draw(totals);
    screen = captured_so_far();
    assert_non_null(strstr(screen, "COUNT  PER SECOND  SHARE  PROBE       customer"));
    assert_non_null(strstr(screen, "\r\n21     0           63.6%  shop:order  \"customer 2\""));
    assert_null(strstr(screen, "\033[4A"));
    totals_clear(totals);
    for (int i = 0; i < 9; i++) {
        snprintf(name, sizeof(name), "customer %d", i);
        take(totals, text_key(0, name), 100 - 10 * (unsigned)i);
    }
    totals_draw(totals);
    screen = captured_so_far();
    assert_non_null(strstr(screen, "\r\033[4A\033[JCOUNT")); /* 4 lines up */
    assert_non_null(strstr(screen, "\"customer 2\"\r\nand 6 more\r\n"));
    assert_null(strstr(screen, "\"customer 3\""));
    totals_clear(totals);
    take(totals, text_key(0, "Ada"), 1);
    totals_print(totals); /* in the place of the table */
    screen = captured_so_far();
    assert_non_null(strstr(screen, "\r\033[5A\033[JCOUNT  SHARE "));
    captured();
    totals_free(totals);
}

static void a_table_on_a_few_rows_is_the_most_frequent(void **state)
{
    struct totals *totals;
    const char *screen;
    char name[16];

    (void)state;
    choose(TRACE_COUNT, "customer", 1, -1);
    for (unsigned rows = 1; rows <= 3; rows++) {
        totals = totals_new(&plan, stdout);
        capture_terminal(rows, 60);
        for (unsigned round = 0; round < 2; round++) {
            totals_clear(totals);
            for (unsigned i = 0; i < 5; i++) {
                snprintf(name, sizeof(name), "customer %u", i);
                take(totals, text_key(0, name), 10 * i + 1 + round);
            }
            totals_draw(totals);
        }
        screen = captured();
        assert_non_null(strstr(screen, "\"customer 4\"\r\n\r\033[2A\033[JCOUNT"));
        assert_null(strstr(screen, "\"customer 3\""));
        assert_null(strstr(screen, "more"));
        totals_free(totals);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(an_event_for_people, plain),
        cmocka_unit_test_setup(every_kind_of_value, plain),
        cmocka_unit_test_setup(colours_on_a_terminal, plain),
        cmocka_unit_test_setup(an_event_of_json, plain),
        cmocka_unit_test_setup(a_string_that_was_cut_loses_half_a_character, plain),
        cmocka_unit_test_setup(nothing_that_a_process_chooses_is_printed_raw, plain),
        cmocka_unit_test_setup(lost_hits_are_told, plain),
        cmocka_unit_test(names_of_functions),
        cmocka_unit_test_setup(counts, plain),
        cmocka_unit_test_setup(counts_by_numbers, plain),
        cmocka_unit_test_setup(numbers_are_sorted_by_their_values, plain),
        cmocka_unit_test_setup(values_of_several_kinds_are_not_mixed, plain),
        cmocka_unit_test_setup(counts_by_strings, plain),
        cmocka_unit_test_setup(a_change_is_what_was_added, plain),
        cmocka_unit_test_setup(histograms_of_whole_numbers, plain),
        cmocka_unit_test_setup(histograms_of_floats, plain),
        cmocka_unit_test_setup(histograms_of_any_width, plain),
        cmocka_unit_test_setup(histograms_by_strings, plain),
        cmocka_unit_test_setup(sums_of_values, plain),
        cmocka_unit_test_setup(sums_of_a_round, plain),
        cmocka_unit_test_setup(a_table_is_redrawn_in_its_place, plain),
        cmocka_unit_test_setup(a_table_on_a_few_rows_is_the_most_frequent, plain),
    };

    capture_start();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
