/* SPDX-License-Identifier: MIT */
#ifndef CALL_H
#define CALL_H

/* A call from JavaScript: its values, and what it gives back. */

#include <node_api.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rst.h"

#define MOST_VALUES (1 + RST_MAX_ARGS)

struct environment;

struct call {
    napi_env env;
    struct environment *own;
    napi_value values[MOST_VALUES];
    size_t count;
};

/* false if JavaScript is ending; then give NULL. */
bool call_begin(napi_env env, napi_callback_info info, struct call *call);

/* Throw what rst_error() says, with the code of that errno. */
void call_throw(const struct call *call, int error);

napi_value call_give_number(const struct call *call, uint32_t number);
napi_value call_give_bool(const struct call *call, bool truth);
/* undefined for NULL */
napi_value call_give_text(const struct call *call, const char *text);

/* A copy of a string, to be freed. NULL if the value is not one, or there is no memory. */
char *call_take_text(const struct call *call, size_t index);
/* UINT32_MAX if the value is not a number. */
uint32_t call_take_number(const struct call *call, size_t index);

#endif /* CALL_H */
