/* SPDX-License-Identifier: MIT */
/*
 * --filter: parses comparisons of arguments with constants. They become an expression that bpftrace
 * evaluates before it prints or counts anything (compare.c).
 *
 *     either     = all { "||" all }
 *     all        = one { "&&" one }
 *     one        = "!" one | "(" either ")" | comparison
 *     comparison = value [ operator value ]         operator: < <= > >= == != (and = for ==)
 *     value      = argument | number | "text" | 'text' | true | false | null
 */
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "cli/base/number.h"
#include "cli/trace/filter.h"

#define MOST_DEPTH 50

bool filter_fail(struct parser *parser, size_t at, const char *format, ...)
{
    va_list args;

    if (parser->error)
        return false;
    va_start(args, format);
    sure(vasprintf(&parser->error, format, args) < 0 ? NULL : parser->error);
    va_end(args);
    parser->error_at = at;
    return false;
}

/* ---------------------------------------------------------------------------- words -- */

static void skip_blanks(struct parser *parser)
{
    parser->at += strspn(parser->at, " \t\n");
}

static size_t position(struct parser *parser)
{
    skip_blanks(parser);
    return (size_t)(parser->at - parser->start);
}

static bool take(struct parser *parser, const char *word)
{
    skip_blanks(parser);
    if (strncmp(parser->at, word, strlen(word)) != 0)
        return false;
    parser->at += strlen(word);
    return true;
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static enum comparison take_comparison(struct parser *parser)
{
    static const struct {
        const char *word;
        enum comparison comparison;
    } words[] = {
        {"<=", LESS_EQUAL}, {">=", GREATER_EQUAL}, {"==", EQUAL}, {"!=", UNEQUAL},
        {"<", LESS},        {">", GREATER},        {"=", EQUAL},
    };

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (take(parser, words[i].word))
            return words[i].comparison;
    return NO_COMPARISON;
}

/* --------------------------------------------------------------------------- values -- */

/* Read an escape after its backslash. */
static bool read_escape(struct parser *parser, struct text *ret)
{
    static const char letters[] = "ntr\"'\\", bytes[] = "\n\t\r\"'\\";
    const char *known = *parser->at ? strchr(letters, *parser->at) : NULL;
    int high, low;
    char byte;

    if (known) {
        text_add_bytes(ret, &bytes[known - letters], 1);
        parser->at++;
        return true;
    }
    high = *parser->at == 'x' ? hex_digit(parser->at[1]) : -1;
    low = high >= 0 ? hex_digit(parser->at[2]) : -1;
    if (low < 0 || high + low == 0)
        return filter_fail(parser, (size_t)(parser->at - parser->start) - 1,
                           "the only escapes are \\n, \\t, \\r, \\\", \\', \\\\ and \\xNN");
    byte = (char)(16 * high + low);
    text_add_bytes(ret, &byte, 1);
    parser->at += 3;
    return true;
}

static bool read_text(struct parser *parser, struct value *ret)
{
    char quote = *parser->at++;

    ret->kind = VALUE_TEXT;
    text_clear(&ret->text);
    while (*parser->at && *parser->at != quote) {
        if (*parser->at != '\\') {
            text_add_bytes(&ret->text, parser->at++, 1);
            continue;
        }
        parser->at++;
        if (!read_escape(parser, &ret->text))
            return false;
    }
    if (!*parser->at)
        return filter_fail(parser, ret->at, "the text that begins here is not closed");
    parser->at++;
    return true;
}

static bool read_number(struct parser *parser, struct value *ret)
{
    const char *digits = parser->at + (*parser->at == '-' || *parser->at == '+');
    bool hex = digits[0] == '0' && (digits[1] == 'x' || digits[1] == 'X');
    unsigned long long magnitude;
    char *end, *end_whole;

    ret->kind = VALUE_NUMBER;
    ret->number = strtod(parser->at, &end);
    if (end == parser->at || isnan(ret->number))
        return filter_fail(parser, ret->at, "write an argument, a number or a \"text\" here");
    errno = 0;
    magnitude = strtoull(digits, &end_whole, hex ? 16 : 10);
    ret->is_whole = end_whole == end && errno == 0;
    ret->whole = *parser->at == '-' ? -(wide)magnitude : (wide)magnitude;
    if (!ret->is_whole && fabs(ret->number) < 0x1p63 && ret->number == floor(ret->number)) {
        ret->is_whole = true;
        ret->whole = (int64_t)ret->number; /* a number like 1e3 */
    }
    if (is_letter(*end) || is_digit(*end) || *end == '.')
        return filter_fail(parser, ret->at, "this is not a number");
    parser->at = end;
    return true;
}

static bool read_name(struct parser *parser, struct value *ret)
{
    static const struct {
        const char *word;
        enum value_kind kind;
        bool truth;
    } words[] = {{"true", VALUE_TRUTH, true},
                 {"false", VALUE_TRUTH, false},
                 {"null", VALUE_NULL, false},
                 {"NULL", VALUE_NULL, false}};
    const char *name = parser->at;
    size_t length = 0;
    struct text known = {0};

    while (is_letter(name[length]) || is_digit(name[length]))
        length++;
    ret->kind = VALUE_ARGUMENT;
    ret->argument = trace_argument_named(parser->probe, name, length);
    if (ret->argument) {
        parser->at += length;
        if (ret->argument->unreadable)
            return filter_fail(parser, ret->at, "this bpftrace can't read that argument of %s:%s",
                               parser->probe->provider, parser->probe->name);
        return true;
    }
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (strlen(words[i].word) == length && strncmp(words[i].word, name, length) == 0) {
            ret->kind = words[i].kind;
            ret->is_whole = true;
            ret->number = (double)(ret->whole = words[i].truth);
            parser->at += length;
            return true;
        }
    if (length == 3 && strncmp(name, "inf", 3) == 0)
        return read_number(parser, ret);
    text_clear(&known);
    for (size_t i = 0; i < parser->probe->argument_count; i++)
        text_addf(&known, "%s%s", i ? ", " : "", parser->probe->arguments[i].name);
    parser->no_argument = true;
    filter_fail(parser, ret->at, "%s:%s has no %s%s", parser->probe->provider, parser->probe->name,
                known.size ? "such argument, only " : "arguments", known.bytes);
    free(known.bytes);
    return false;
}

static bool read_value(struct parser *parser, struct value *ret)
{
    *ret = (struct value){.at = position(parser)};
    if (*parser->at == '"' || *parser->at == '\'')
        return read_text(parser, ret);
    if (is_letter(*parser->at))
        return read_name(parser, ret);
    return read_number(parser, ret);
}

/* ------------------------------------------------------------------------- grammar -- */

static bool read_either(struct parser *parser);

static bool read_comparison(struct parser *parser)
{
    static const enum comparison turned[] = {GREATER,    GREATER_EQUAL, LESS,
                                             LESS_EQUAL, EQUAL,         UNEQUAL};
    struct value left, right = {0};
    enum comparison comparison;
    bool good = read_value(parser, &left);

    if (good) {
        comparison = take_comparison(parser);
        if (comparison == NO_COMPARISON && left.kind == VALUE_ARGUMENT &&
            left.argument->kind != TRACE_STRING) {
            right = (struct value){.kind = VALUE_NUMBER, .is_whole = true};
            good = trace_compare(parser, left.argument, UNEQUAL, &right);
        } else if (comparison == NO_COMPARISON) {
            good = filter_fail(parser, position(parser), "write one of < <= > >= == != here");
        } else {
            good = read_value(parser, &right);
            if (good && left.kind == VALUE_ARGUMENT)
                good = trace_compare(parser, left.argument, comparison, &right);
            else if (good && right.kind == VALUE_ARGUMENT)
                good = trace_compare(parser, right.argument, turned[comparison], &left);
            else if (good)
                good = filter_fail(parser, left.at, "this comparison has no argument");
        }
    }
    free(left.text.bytes);
    free(right.text.bytes);
    return good;
}

static bool read_one(struct parser *parser)
{
    size_t at = position(parser);
    bool good;

    if (++parser->depth > MOST_DEPTH)
        return filter_fail(parser, at, "more than %d brackets and ! are nested", MOST_DEPTH);
    if (parser->at[0] == '!' && parser->at[1] != '=') {
        parser->at++;
        text_add(&parser->out, "!(");
        good = read_one(parser);
        text_add(&parser->out, ")");
    } else if (take(parser, "(")) {
        text_add(&parser->out, "(");
        good = read_either(parser);
        text_add(&parser->out, ")");
        if (good && !take(parser, ")"))
            good = filter_fail(parser, position(parser), "write \")\", && or || here");
    } else {
        good = read_comparison(parser);
    }
    parser->depth--;
    return good;
}

/* In bpftrace, too, && binds closer than ||, but the brackets make sure of it. */
static bool read_all(struct parser *parser)
{
    text_add(&parser->out, "(");
    do {
        if (!read_one(parser))
            return false;
    } while (take(parser, "&&") && (text_add(&parser->out, " && "), true));
    text_add(&parser->out, ")");
    return true;
}

static bool read_either(struct parser *parser)
{
    do {
        if (!read_all(parser))
            return false;
    } while (take(parser, "||") && (text_add(&parser->out, " || "), true));
    return true;
}

char *trace_filter(const char *text, const struct trace_probe *probe,
                   const struct trace_bpftrace *bpftrace, struct trace_filter_error *ret)
{
    struct parser parser = {.start = text, .at = text, .probe = probe, .bpftrace = bpftrace};

    text_clear(&parser.out);
    if (read_either(&parser) && position(&parser) < strlen(text))
        filter_fail(&parser, position(&parser), "write && or || here");
    if (!parser.error)
        return parser.out.bytes;
    free(parser.out.bytes);
    *ret = (struct trace_filter_error){parser.error_at, parser.error, parser.no_argument};
    return NULL;
}
