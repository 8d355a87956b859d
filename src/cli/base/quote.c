/* SPDX-License-Identifier: MIT */
#include "cli/base/quote.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>
#include <wctype.h>

static bool is_plain(char c)
{
    return c >= ' ' && c <= '~';
}

bool is_plain_word(const char *word, const char *further)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_";
    const char *at = word;

    while (*at && (strchr(letters, *at) || strchr(further, *at)))
        at++;
    return at > word && !*at;
}

/*
 * The next character, in the locale's encoding. Gives its size in bytes; 0 if the bytes are
 * invalid.
 */
static size_t next_character(const char *bytes, size_t size, wchar_t *ret)
{
    mbstate_t state = {0};
    size_t length = mbrtowc(ret, bytes, size, &state);

    return length > size ? 0 : length; /* (size_t)-1: invalid; (size_t)-2: incomplete */
}

/*
 * How many bytes at the start a terminal can show as they are: whole characters; 0: not even one.
 */
static size_t shown_length(const char *bytes, size_t size)
{
    size_t length = 0;
    wchar_t wide;

    while (length < size && is_plain(bytes[length]))
        length++;
    if (length > 0 || size == 0)
        return length;
    length = next_character(bytes, size, &wide);
    return length > 0 && iswprint((wint_t)wide) && wcwidth(wide) > 0 ? length : 0;
}

void text_add_shown(struct text *text, const char *bytes, size_t size)
{
    size_t at = 0;

    while (at < size) {
        size_t length = shown_length(bytes + at, size - at);

        text_add_bytes(text, bytes + at, length);
        at += length;
        if (length == 0)
            text_addf(text, "\\x%02x", (unsigned char)bytes[at++]);
    }
}

struct text_path text_path(const char *path)
{
    static const char mark[] = "\"...";
    struct text_path shown;
    const size_t room = sizeof(shown.text) - sizeof(mark) - 1;
    struct text text = {0};
    size_t from = 0;

    text_clear(&text);
    text_add_shown(&text, path, strlen(path));
    if (text.size > room)
        from = text.size - room;
    while (((unsigned char)text.bytes[from] & 0xc0) == 0x80) /* inside a UTF-8 character */
        from++;
    snprintf(shown.text, sizeof(shown.text), "%s%s\"", from ? mark : "\"", text.bytes + from);
    free(text.bytes);
    return shown;
}

/* The size of a character in bytes and in columns. */
static size_t measure(const char *words, size_t size, size_t *width)
{
    wchar_t wide;
    size_t length = 1;
    int columns = 1;

    if (!is_plain(*words)) {
        length = next_character(words, size, &wide);
        columns = length ? wcwidth(wide) : 1;
    }
    *width = columns < 0 ? 1 : (size_t)columns;
    return length ? length : 1;
}

/* How many bytes fit into `most` columns. `ret` gets how many columns these take. */
static size_t fitting(const char *words, size_t most, size_t *ret)
{
    size_t size = strlen(words), at = 0, length, columns;

    for (*ret = 0; at < size; at += length, *ret += columns) {
        length = measure(words + at, size - at, &columns);
        if (columns > most - *ret)
            break;
    }
    return at;
}

size_t text_width(const char *words)
{
    size_t width;

    fitting(words, SIZE_MAX, &width);
    return width;
}

size_t text_fitting(const char *words, size_t width)
{
    size_t taken;

    return fitting(words, width, &taken);
}
