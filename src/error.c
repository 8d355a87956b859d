/* SPDX-License-Identifier: MIT */
#include "error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "rst.h"

/* A plain array rather than an allocation: reporting that memory ran out must not need any. */
static _Thread_local char message[RST_ERROR_SIZE];

const char *rst_error(void)
{
    return message;
}

__attribute__((format(printf, 3, 0))) static int fail(int error, const char *suffix,
                                                      const char *format, va_list args)
{
    char text[sizeof(message)]; /* `args` may point into `message` */
    int length = vsnprintf(text, sizeof(text), format, args);

    if (length >= 0 && (size_t)length < sizeof(text) && suffix)
        snprintf(text + length, sizeof(text) - (size_t)length, ": %s", suffix);
    memcpy(message, text, sizeof(message));
    errno = error;
    return -error;
}

int rst_fail(int error, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    fail(error, NULL, format, args);
    va_end(args);
    return -error;
}

/* glibc's strerror_r(3) gives the words, where with _GNU_SOURCE it isn't POSIX's, which puts them
 * in the array. */
static const char *words_for(int error, char *words, size_t size)
{
#if defined(__GLIBC__) && defined(_GNU_SOURCE)
    return strerror_r(error, words, size);
#else
    if (strerror_r(error, words, size) != 0)
        snprintf(words, size, "error %d", error);
    return words;
#endif
}

int rst_fail_errno(int error, const char *format, ...)
{
    char words[128];
    va_list args;

    va_start(args, format);
    fail(error, words_for(error, words, sizeof(words)), format, args);
    va_end(args);
    return -error;
}

struct rst_kept_error rst_error_keep(void)
{
    struct rst_kept_error kept = {.error = errno};

    memcpy(kept.message, message, sizeof(message));
    return kept;
}

void rst_error_restore(const struct rst_kept_error *kept)
{
    memcpy(message, kept->message, sizeof(message));
    errno = kept->error;
}

struct rst_quoted rst_quote_bytes(const char *text, size_t length)
{
    static const char mark[] = "...\"";
    struct rst_quoted quoted;
    char *to = quoted.text, *end = quoted.text + sizeof(quoted.text) - sizeof(mark) - 4;

    *to++ = '"';
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)text[i];

        if (to >= end) {
            memcpy(to, mark, sizeof(mark));
            return quoted;
        }
        if (c >= ' ' && c <= '~' && c != '"' && c != '\\')
            *to++ = (char)c;
        else
            to += sprintf(to, "\\x%02x", c);
    }
    memcpy(to, mark + 3, 2);
    return quoted;
}

struct rst_quoted rst_quote(const char *text)
{
    return rst_quote_bytes(text, strlen(text));
}
