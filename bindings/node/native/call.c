/* SPDX-License-Identifier: MIT */
#include "call.h"

#include <errno.h>
#include <stdlib.h>

bool call_begin(napi_env env, napi_callback_info info, struct call *call)
{
    void *own = NULL;

    *call = (struct call){.env = env, .count = MOST_VALUES};
    if (napi_get_cb_info(env, info, &call->count, call->values, NULL, &own) != napi_ok)
        return false;
    call->own = own;
    return true;
}

void call_throw(const struct call *call, int error)
{
    static const struct {
        int error;
        const char *code;
    } codes[] = {
        {-EINVAL, "ERR_RST_INVALID"},
        {-ENAMETOOLONG, "ERR_RST_INVALID"},
        {-E2BIG, "ERR_RST_INVALID"},
        {-EEXIST, "ERR_RST_EXISTS"},
    };
    const char *code = "ERR_RST_SYSTEM";

    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        if (codes[i].error == error)
            code = codes[i].code;
    }
    napi_throw_error(call->env, code, error == -ENOMEM ? "no memory" : rst_error());
}

napi_value call_give_number(const struct call *call, uint32_t number)
{
    napi_value value = NULL;

    napi_create_uint32(call->env, number, &value);
    return value;
}

napi_value call_give_bool(const struct call *call, bool truth)
{
    napi_value value = NULL;

    napi_get_boolean(call->env, truth, &value);
    return value;
}

napi_value call_give_text(const struct call *call, const char *text)
{
    napi_value value = NULL;

    if (text)
        napi_create_string_utf8(call->env, text, NAPI_AUTO_LENGTH, &value);
    return value;
}

/* A NUL would hide what comes after it from librst, so it becomes a character that no name has. */
char *call_take_text(const struct call *call, size_t index)
{
    size_t size = 0;
    char *text;

    if (napi_get_value_string_utf8(call->env, call->values[index], NULL, 0, &size) != napi_ok)
        return NULL;
    text = malloc(size + 1);
    if (!text)
        return NULL;
    napi_get_value_string_utf8(call->env, call->values[index], text, size + 1, &size);
    for (size_t i = 0; i < size; i++) {
        if (!text[i])
            text[i] = '?';
    }
    return text;
}

uint32_t call_take_number(const struct call *call, size_t index)
{
    uint32_t number = UINT32_MAX;

    napi_get_value_uint32(call->env, call->values[index], &number);
    return number;
}
