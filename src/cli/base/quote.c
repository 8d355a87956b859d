/* SPDX-License-Identifier: MIT */
#include "cli/base/quote.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>
#include <wctype.h>

static bool is_plain(char c)
{
    return c >= ' ' && c <= '~';
}

/* The next character of the locale: gives its bytes, 0 where there is none. */
static size_t next_character(const char *bytes, size_t size, wchar_t *ret)
{
    mbstate_t state = {0};
    size_t length = mbrtowc(ret, bytes, size, &state);

    return length > size ? 0 : length; /* (size_t)-1 and -2: no character, or half of one */
}

void text_add_shown(struct text *text, const char *bytes, size_t size)
{
    size_t at = 0, length;
    wchar_t wide;

    while (at < size) {
        for (length = 0; at + length < size && is_plain(bytes[at + length]); length++)
            ;
        if (length == 0) {
            length = next_character(bytes + at, size - at, &wide);
            if (length > 0 && (!iswprint((wint_t)wide) || wcwidth(wide) < 1))
                length = 0;
        }
        if (length > 0) {
            text_add_bytes(text, bytes + at, length);
            at += length;
        } else {
            text_addf(text, "\\x%02x", (unsigned char)bytes[at++]);
        }
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
    while (((unsigned char)text.bytes[from] & 0xc0) == 0x80) /* within a character of UTF-8 */
        from++;
    snprintf(shown.text, sizeof(shown.text), "%s%s\"", from ? mark : "\"", text.bytes + from);
    free(text.bytes);
    return shown;
}

/* One character: gives its bytes and its columns. */
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

size_t text_width(const char *words)
{
    size_t size = strlen(words), at = 0, total = 0, width;

    while (at < size) {
        at += measure(words + at, size - at, &width);
        total += width;
    }
    return total;
}

size_t text_fitting(const char *words, size_t width)
{
    size_t size = strlen(words), at = 0, columns, length;

    while (at < size) {
        length = measure(words + at, size - at, &columns);
        if (columns > width)
            break;
        width -= columns;
        at += length;
    }
    return at;
}
