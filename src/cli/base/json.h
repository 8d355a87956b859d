/* SPDX-License-Identifier: MIT */
/*
 * A JSON writer: nested objects and arrays, with the commas between their values.
 */
#ifndef CLI_JSON_H
#define CLI_JSON_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct json {
    FILE *out;
    bool begun; /* a value was written: a comma comes before the next one */
};

/* `name` is the member's name in an object, NULL in an array. `bracket` is '{' or '['. */
void json_open(struct json *json, const char *name, char bracket);
void json_close(struct json *json, char bracket);

/* Any bytes are allowed: those that are not UTF-8 become U+FFFD. NULL is written as null. */
void json_bytes(struct json *json, const char *name, const char *bytes, size_t size);
void json_string(struct json *json, const char *name, const char *bytes);
void json_number(struct json *json, const char *name, uint64_t value);
void json_signed(struct json *json, const char *name, int64_t value);
void json_double(struct json *json, const char *name, double value); /* inf and nan: strings */
void json_bool(struct json *json, const char *name, bool value);
void json_null(struct json *json, const char *name);

#endif
