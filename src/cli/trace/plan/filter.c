/* SPDX-License-Identifier: MIT */
#include "cli/trace/plan/filter.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/base/text.h"
#include "error.h"

struct parser {
    const char *start, *at;
    unsigned depth;
    struct filter_error error;
};

bool filter_fail(struct filter_error *error, size_t at, const char *format, ...)
{
    va_list args;

    if (error->words)
        return false;
    va_start(args, format);
    sure(vasprintf(&error->words, format, args) < 0 ? NULL : error);
    va_end(args);
    error->at = at;
    return false;
}

static size_t position(struct parser *parser)
{
    parser->at += strspn(parser->at, " \t\n");
    return (size_t)(parser->at - parser->start);
}

static bool take(struct parser *parser, const char *word)
{
    position(parser);
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
        return filter_fail(&parser->error, (size_t)(parser->at - parser->start) - 1,
                           "the only escapes are \\n, \\t, \\r, \\\", \\', \\\\ and \\xNN");
    byte = (char)(16 * high + low);
    text_add_bytes(ret, &byte, 1);
    parser->at += 3;
    return true;
}

static bool read_text(struct parser *parser, struct filter_word *ret)
{
    char quote = *parser->at++;

    ret->kind = WORD_TEXT;
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
        return filter_fail(&parser->error, ret->at, "the text that begins here is not closed");
    parser->at++;
    return true;
}

static bool read_number(struct parser *parser, struct filter_word *ret)
{
    const char *digits = parser->at + (*parser->at == '-' || *parser->at == '+');
    bool hex = digits[0] == '0' && (digits[1] == 'x' || digits[1] == 'X');
    unsigned long long magnitude;
    char *end, *end_whole;

    ret->kind = WORD_NUMBER;
    ret->number = strtod(parser->at, &end);
    if (end == parser->at || isnan(ret->number))
        return filter_fail(&parser->error, ret->at,
                           "write an argument, a number or a \"text\" here");
    errno = 0;
    magnitude = strtoull(digits, &end_whole, hex ? 16 : 10);
    ret->is_whole = end_whole == end && errno == 0;
    ret->whole = *parser->at == '-' ? -(wide)magnitude : (wide)magnitude;
    if (is_letter(*end) || is_digit(*end) || *end == '.')
        return filter_fail(&parser->error, ret->at, "this is not a number");
    parser->at = end;
    return true;
}

static void read_name(struct parser *parser, struct filter_word *ret)
{
    static const struct {
        const char *word;
        enum constant constant;
        double number;
    } constants[] = {{"true", CONSTANT_BOOL, 1},
                     {"false", CONSTANT_BOOL, 0},
                     {"null", CONSTANT_NULL, 0},
                     {"NULL", CONSTANT_NULL, 0}};
    const char *end = parser->at;

    while (is_letter(*end) || is_digit(*end))
        end++;
    text_add_bytes(&ret->text, parser->at, (size_t)(end - parser->at));
    for (size_t i = 0; i < sizeof(constants) / sizeof(constants[0]); i++)
        if (strcmp(constants[i].word, ret->text.bytes) == 0) {
            ret->constant = constants[i].constant;
            ret->number = constants[i].number;
        }
    parser->at = end;
}

static bool read_value(struct parser *parser, struct filter_word *ret)
{
    *ret = (struct filter_word){.at = position(parser)};
    if (*parser->at == '"' || *parser->at == '\'')
        return read_text(parser, ret);
    if (!is_letter(*parser->at) || (strncmp(parser->at, "inf", 3) == 0 &&
                                    !is_letter(parser->at[3]) && !is_digit(parser->at[3])))
        return read_number(parser, ret);
    read_name(parser, ret);
    return true;
}

static bool read_list(struct parser *parser, bool any, struct filter *ret);

static bool read_comparison(struct parser *parser, struct filter *ret)
{
    ret->kind = FILTER_COMPARISON;
    if (!read_value(parser, &ret->words[0]))
        return false;
    ret->comparison = take_comparison(parser);
    if (ret->comparison != NO_COMPARISON)
        return read_value(parser, &ret->words[1]);
    ret->words[1] = (struct filter_word){.kind = WORD_NUMBER, .at = position(parser)};
    return true;
}

static bool read_one(struct parser *parser, struct filter *ret)
{
    size_t at = position(parser);
    bool good;

    if (++parser->depth > FILTER_MOST_DEPTH)
        return filter_fail(&parser->error, at, "more than 50 brackets and ! are nested");
    if (parser->at[0] == '!' && parser->at[1] != '=') {
        parser->at++;
        good = read_one(parser, ret);
        ret->negated = !ret->negated;
    } else if (take(parser, "(")) {
        good = read_list(parser, true, ret) &&
               (take(parser, ")") ||
                filter_fail(&parser->error, position(parser), "write \")\", && or || here"));
    } else {
        good = read_comparison(parser, ret);
    }
    parser->depth--;
    return good;
}

/* Read parts: a list of comparisons joined by &&, or of these lists joined by ||. */
static bool read_list(struct parser *parser, bool any, struct filter *ret)
{
    struct filter *part;
    bool good;

    ret->kind = any ? FILTER_ANY : FILTER_ALL;
    do {
        APPEND(ret->parts, ret->part_count, (struct filter){0});
        part = &ret->parts[ret->part_count - 1];
        good = any ? read_list(parser, false, part) : read_one(parser, part);
    } while (good && take(parser, any ? "||" : "&&"));
    if (good && ret->part_count == 1) { /* a list of one part is that part */
        *ret = *part;
        free(part);
    }
    return good;
}

void filter_free(struct filter *filter)
{
    for (size_t i = 0; i < filter->part_count; i++)
        filter_free(&filter->parts[i]);
    free(filter->parts);
    free(filter->words[0].text.bytes);
    free(filter->words[1].text.bytes);
    free(filter->note);
    *filter = (struct filter){0};
}

struct filter_error filter_parse(const char *text, struct filter *ret)
{
    struct parser parser = {.start = text, .at = text};

    *ret = (struct filter){0};
    if (read_list(&parser, true, ret) && position(&parser) < strlen(text))
        filter_fail(&parser.error, position(&parser), "write && or || here");
    if (parser.error.words)
        filter_free(ret);
    return parser.error;
}
