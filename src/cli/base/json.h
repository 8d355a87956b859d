/* SPDX-License-Identifier: MIT */
/*
 * JSON, written as it comes: objects and arrays within each other, commas where they belong.
 */
#ifndef CLI_JSON_H
#define CLI_JSON_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct json {
    FILE *out;
    bool begun; /* something stands where the next value would: a comma comes first */
};

/* `name` is the member's in an object, NULL in an array. `bracket` is '{' or '['. */
void json_open(struct json *json, const char *name, char bracket);
void json_close(struct json *json, char bracket);

/* The bytes may be any: what is not UTF-8 becomes U+FFFD, as JSON must be UTF-8. NULL is null. */
void json_string(struct json *json, const char *name, const char *bytes);
void json_bytes(struct json *json, const char *name, const char *bytes, size_t size);
void json_number(struct json *json, const char *name, uint64_t value);
void json_signed(struct json *json, const char *name, int64_t value);
void json_double(struct json *json, const char *name, double value); /* what is none: a string */
void json_bool(struct json *json, const char *name, bool value);
void json_null(struct json *json, const char *name);

#endif
