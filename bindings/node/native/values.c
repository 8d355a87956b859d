/* SPDX-License-Identifier: MIT */
#include "values.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct text {
    struct text *next;
    char bytes[];
};

static enum type type_of(const char *word)
{
    static const struct {
        const char *begins;
        enum type type;
    } others[] = {
        {"bool", TYPE_BOOL},       {"float", TYPE_FLOAT},   {"double", TYPE_DOUBLE},
        {"pointer", TYPE_POINTER}, {"string", TYPE_STRING},
    };

    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        if (strncmp(word, others[i].begins, strlen(others[i].begins)) == 0)
            return others[i].type;
    }
    return TYPE_INTEGER;
}

size_t types_of(const char *signature, enum type *types)
{
    size_t count = 0;

    while (*signature && count < RST_MAX_ARGS) {
        types[count++] = type_of(signature);
        signature += strcspn(signature, ",");
        signature += strspn(signature, ", ");
    }
    return count;
}

/* Room for a text and its NUL; NULL if there is no memory. */
static char *room_for(struct texts *texts, size_t size)
{
    struct text *text;

    if (size <= sizeof(texts->here) - texts->used) {
        texts->used += size;
        return texts->here + texts->used - size;
    }
    text = malloc(sizeof(*text) + size);
    if (!text)
        return NULL;
    text->next = texts->others;
    texts->others = text;
    return text->bytes;
}

void texts_free(struct texts *texts)
{
    while (texts->others) {
        struct text *text = texts->others;

        texts->others = text->next;
        free(text);
    }
}

static uint64_t address(const void *pointer)
{
    return (uint64_t)(uintptr_t)pointer;
}

/* The memory of a Buffer, a Uint8Array or another view; NULL if the value is not one. */
static const void *memory_of(napi_env env, napi_value value, size_t *size)
{
    void *data = NULL;
    bool is = false;

    if (napi_is_buffer(env, value, &is) == napi_ok && is &&
        napi_get_buffer_info(env, value, &data, size) == napi_ok)
        return data;
    return NULL;
}

static uint64_t string_bits(napi_env env, napi_valuetype kind, napi_value value,
                            struct texts *texts)
{
    const void *bytes;
    size_t size = 0;
    char *copy;

    if (kind == napi_string) {
        if (napi_get_value_string_utf8(env, value, NULL, 0, &size) != napi_ok)
            return address("");
        copy = room_for(texts, size + 1);
        if (!copy || napi_get_value_string_utf8(env, value, copy, size + 1, &size) != napi_ok)
            return address("");
        return address(copy);
    }
    bytes = memory_of(env, value, &size);
    copy = bytes ? room_for(texts, size + 1) : NULL;
    if (!copy)
        return address("");
    memcpy(copy, bytes, size);
    copy[size] = '\0';
    return address(copy);
}

static uint64_t integer_bits(napi_env env, napi_valuetype kind, napi_value value)
{
    int64_t number = 0;
    uint64_t bits = 0;
    bool lossless;

    if (kind == napi_number && napi_get_value_int64(env, value, &number) == napi_ok)
        return (uint64_t)number;
    if (kind == napi_bigint &&
        napi_get_value_bigint_uint64(env, value, &bits, &lossless) == napi_ok)
        return bits; /* its two's complement, if it is negative */
    return 0;
}

static uint64_t pointer_bits(napi_env env, napi_valuetype kind, napi_value value)
{
    size_t size;

    if (kind == napi_object)
        return address(memory_of(env, value, &size));
    return integer_bits(env, kind, value);
}

static uint64_t floating_bits(napi_env env, enum type type, napi_value value)
{
    double number = 0;

    napi_get_value_double(env, value, &number);
    return type == TYPE_FLOAT ? RST_BITS((float)number) : RST_BITS(number);
}

static uint64_t bool_bits(napi_env env, napi_value value)
{
    bool truth = false;

    napi_get_value_bool(env, value, &truth);
    return truth;
}

uint64_t value_bits(napi_env env, enum type type, napi_value value, struct texts *texts)
{
    napi_valuetype kind = napi_undefined;

    napi_typeof(env, value, &kind);
    switch (type) {
    case TYPE_BOOL:
        return bool_bits(env, value);
    case TYPE_FLOAT:
    case TYPE_DOUBLE:
        return floating_bits(env, type, value);
    case TYPE_POINTER:
        return pointer_bits(env, kind, value);
    case TYPE_STRING:
        return string_bits(env, kind, value, texts);
    case TYPE_INTEGER:
        break;
    }
    return integer_bits(env, kind, value);
}
