/* SPDX-License-Identifier: MIT */
#include "bpf_model.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cmocka.h>

#define PAGE ((size_t)4096)
#define TAGGED (UINT64_C(1) << 56)

/* ----------------------------------------------------------------------------------- memory -- */

/*
 * Read what can be read, page by page: gives how many bytes that is. On aarch64,
 * process_vm_readv(2) ignores an address's highest byte, but a BPF program's helper takes it for a
 * part of the address.
 */
size_t model_read(uint64_t address, void *ret, size_t size)
{
    size_t done = 0;

    while (done < size && address < TAGGED) {
        uint64_t at = address + done;
        size_t part = PAGE - at % PAGE < size - done ? PAGE - at % PAGE : size - done;
        struct iovec to = {.iov_base = (char *)ret + done, .iov_len = part}, from = {0};

        memcpy(&from.iov_base, &at, sizeof(at));
        from.iov_len = part;
        if (process_vm_readv(getpid(), &to, 1, &from, 1, 0) != (ssize_t)part)
            break;
        done += part;
    }
    return done;
}

int64_t model_string(uint64_t address, char *ret, size_t size)
{
    size_t there = model_read(address, ret, size);
    const char *end = memchr(ret, '\0', there);

    if (end)
        return end - ret + 1;
    if (there < size)
        return -1;
    ret[size - 1] = '\0';
    return (int64_t)size;
}

/* ----------------------------------------------------------------------------------- values -- */

static bool is_readable(const struct plan_value *value)
{
    return value->size != 0 && value->location.kind != LOCATION_NONE;
}

static uint64_t extended(uint64_t bits, const struct plan_value *value)
{
    unsigned unused = 64 - 8U * value->size;

    return value->is_signed ? (uint64_t)((int64_t)(bits << unused) >> unused)
                            : bits << unused >> unused;
}

/* The value's bits. Gives false if they can't be read. */
static bool value_of(const struct model *model, const struct plan_value *value, uint64_t *ret)
{
    const struct location *at = &value->location;
    uint64_t address = (uint64_t)at->number;

    *ret = 0;
    if (!is_readable(value))
        return false;
    if (at->kind == LOCATION_REGISTER) {
        *ret = extended(model->registers[at->base / 8] >> at->shift, value);
        return true;
    }
    if (at->relative)
        address += model->registers[SITE_IP];
    if (at->kind == LOCATION_CONSTANT) {
        *ret = extended(address, value);
        return true;
    }
    if (at->base != LOCATION_NO_REGISTER)
        address += model->registers[at->base / 8];
    if (at->index != LOCATION_NO_REGISTER)
        address += model->registers[at->index / 8] * at->scale;
    if (model_read(address, ret, value->size) < value->size) {
        *ret = 0;
        return false;
    }
    *ret = extended(*ret, value);
    return true;
}

/* ----------------------------------------------------------------------------------- filter -- */

static bool is_float(const struct plan_value *value)
{
    return value->kind == VALUE_FLOAT || value->kind == VALUE_DOUBLE;
}

uint64_t model_order(const struct plan_value *value, uint64_t bits)
{
    uint64_t sign = value->kind == VALUE_FLOAT ? 1ULL << 31 : 1ULL << 63;

    if (!is_float(value))
        return bits;
    if (value->kind == VALUE_FLOAT)
        bits = (uint32_t)bits;
    return bits & sign ? 0 - (bits & (sign - 1)) : bits;
}

static bool is_in(const struct plan_value *value, uint64_t key, const struct condition *range)
{
    if (range->empty)
        return false;
    if (value->is_signed || is_float(value))
        return (int64_t)range->low <= (int64_t)key && (int64_t)key <= (int64_t)range->high;
    return range->low <= key && key <= range->high;
}

/* Whether a string is the text: 1 or 0; or -1 if it can't be read as far as that takes. */
static int is_text(uint64_t address, const char *text, size_t size)
{
    char bytes[80];

    if (address == 0)
        return 0;
    for (size_t at = 0;; at += 64) { /* the part that is looked at at a time */
        size_t part = size - at > 64 ? 64 : size - at, room = part + (size - at > 64 ? 1 : 2);
        int64_t read = model_string(address + at, bytes, room);

        if (read < 0)
            return -1;
        if (read != (int64_t)part + 1 || memcmp(bytes, text + at, part) != 0)
            return 0;
        if (size - at <= 64)
            return 1;
    }
}

static bool holds(const struct model *model, const struct condition *condition)
{
    const struct plan_value *value = &model->variant.values[condition->argument];
    uint64_t bits = model->values[condition->argument];
    int same;

    if (condition->kind == CONDITION_ALL || condition->kind == CONDITION_ANY) {
        bool all = condition->kind == CONDITION_ALL;

        for (size_t i = 0; i < condition->part_count; i++) {
            if (holds(model, &condition->parts[i]) != all)
                return !all;
        }
        return all;
    }
    if (model->unreadable >> condition->argument & 1)
        return false;
    if (condition->kind == CONDITION_TEXT) {
        same = is_text(bits, condition->text, condition->text_size);
        return same >= 0 && (same == 1) != condition->negated;
    }
    return is_in(value, model_order(value, bits), condition) != condition->negated;
}

/* ------------------------------------------------------------------------------------ model -- */

void model_read_values(struct model *model)
{
    model->unreadable = 0;
    for (size_t i = 0; i < model->probe.argument_count; i++) {
        if (!value_of(model, &model->variant.values[i], &model->values[i]))
            model->unreadable |= UINT32_C(1) << i;
    }
}

void model_evaluate(struct model *model)
{
    static char text[TRACE_MOST_STRING_BYTES + 2];

    model_read_values(model);
    for (size_t i = 0; i < model->probe.argument_count; i++)
        model_string(model->values[i], text, sizeof(text));
    model->holds = !model->variant.condition || holds(model, model->variant.condition);
}

static int32_t bucket_of(const struct plan_value *value, uint64_t bits)
{
    uint64_t key = model_order(value, bits);
    bool negative = (value->is_signed || is_float(value)) && (int64_t)key < 0;
    uint64_t magnitude = negative ? 0 - key : key;
    int bucket = magnitude == 0 ? 0 : 64 - __builtin_clzll(magnitude);

    if (is_float(value))
        bucket = (int)(magnitude >> (value->kind == VALUE_FLOAT ? 23 : 52));
    return negative ? -bucket : bucket;
}

void model_value(const struct model *model, struct count_value *ret)
{
    const struct plan_value *value = &model->variant.values[model->probe.hist];
    uint64_t key = model_order(value, model->values[model->probe.hist]);
    bool has_sign = value->is_signed || is_float(value);
    uint64_t magnitude = has_sign && (int64_t)key < 0 ? 0 - key : key;

    *ret = (struct count_value){
        .count = 1,
        .low_halves = magnitude & UINT32_MAX,
        .high_halves = magnitude >> 32,
        .highest = has_sign ? key ^ 1ULL << 63 : key,
    };
}

void model_key(const struct model *model, struct count_key *ret)
{
    ssize_t by = model->probe.by, hist = model->probe.hist;
    char text[TRACE_KEY_BYTES + 2];
    int64_t size;

    memset(ret, 0, sizeof(*ret));
    if (hist >= 0)
        ret->bucket = model->unreadable >> hist & 1
                          ? BUCKET_UNREADABLE
                          : bucket_of(&model->variant.values[hist], model->values[hist]);
    if (by < 0)
        return;
    if (model->unreadable >> by & 1) {
        ret->state = KEY_UNREADABLE;
    } else if (model->variant.values[by].kind != VALUE_STRING) {
        ret->by.number = model->values[by];
    } else if (model->values[by] == 0) {
        ret->state = KEY_NULL;
    } else {
        size = model_string(model->values[by], text, sizeof(text));
        ret->state = size < 0 ? KEY_UNREADABLE : KEY_VALUE;
        ret->size = size < 0 ? 0 : (uint32_t)size - 1;
        if (size > 0)
            memcpy(ret->by.text, text, size > TRACE_KEY_BYTES ? TRACE_KEY_BYTES : (size_t)size);
    }
}
