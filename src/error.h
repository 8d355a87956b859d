/* SPDX-License-Identifier: MIT */
/*
 * Errors: one message per thread, and the errno that goes with it.
 */
#ifndef RST_ERROR_H
#define RST_ERROR_H

#include <stddef.h>

/*
 * Keep a message for rst_error() and set errno.
 *
 * `error` is positive. The message names the wrong value, and says what would be right. Returns
 * -error, so that a caller can `return rst_fail(EINVAL, ...)`.
 */
int rst_fail(int error, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The same, followed by ": " and the system's words for `error`. */
int rst_fail_errno(int error, const char *format, ...) __attribute__((format(printf, 2, 3)));

/*
 * Keep this thread's message and errno while undoing or tidying up, which may fail as well but is
 * not the reason of the failure.
 */
#define RST_ERROR_SIZE 640

struct rst_kept_error {
    int error;
    char message[RST_ERROR_SIZE];
};

struct rst_kept_error rst_error_keep(void);
void rst_error_restore(const struct rst_kept_error *kept);

/*
 * A caller's string, fit for a message: bytes that don't print become \xNN, and a long string is
 * cut.
 */
struct rst_quoted {
    char text[96];
};

struct rst_quoted rst_quote(const char *text);
struct rst_quoted rst_quote_bytes(const char *text, size_t length);

#endif
