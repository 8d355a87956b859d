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
 * The size of the next character, in the locale's encoding. `columns` gets how many it takes on a
 * terminal; -1: it is invalid or not printable.
 */
static size_t next_character(const char *bytes, size_t size, int *columns)
{
    mbstate_t state = {0};
    wchar_t wide;
    size_t length = is_plain(*bytes) ? 1 : mbrtowc(&wide, bytes, size, &state);

    if (is_plain(*bytes))
        *columns = 1;
    else if (length == 0 || length > size) /* NUL; (size_t)-1: invalid; (size_t)-2: incomplete */
        *columns = -1;
    else
        *columns = iswprint((wint_t)wide) ? wcwidth(wide) : -1;
    return length == 0 || length > size ? 1 : length;
}

void text_add_shown(struct text *text, const char *bytes, size_t size)
{
    const char *end = bytes + size;

    while (bytes < end) {
        int columns;
        size_t length = next_character(bytes, (size_t)(end - bytes), &columns);

        while (is_plain(*bytes) && bytes + length < end && is_plain(bytes[length]))
            length++;
        if (columns > 0)
            text_add_bytes(text, bytes, length);
        for (size_t i = 0; columns <= 0 && i < length; i++)
            text_addf(text, "\\x%02x", (unsigned char)bytes[i]);
        bytes += length;
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

/* How many bytes fit into `most` columns. `ret` gets how many columns these take. */
static size_t fitting(const char *words, size_t most, size_t *ret)
{
    size_t size = strlen(words), at = 0, length;
    int columns;

    for (*ret = 0; at < size; at += length, *ret += (size_t)columns) {
        length = next_character(words + at, size - at, &columns);
        columns = columns < 0 ? 1 : columns;
        if ((size_t)columns > most - *ret)
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
