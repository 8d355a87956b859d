/* SPDX-License-Identifier: MIT */
/*
 * `rst list --json`: an array with one object for each site, each on a line. rst(1) describes the
 * members. More may be added; none is removed or changed.
 */
#include <stdio.h>

#include "cli/base/json.h"
#include "cli/list/list.h"

static void write_argument(struct json *json, const struct usdt_argument *argument)
{
    const struct operand *operand = &argument->operand;

    json_open(json, NULL, '{');
    json_bytes(json, "name", argument->name, argument->name_length);
    json_string(json, "type", argument->type);
    json_bool(json, "declared", argument->true_type >= 0);
    json_number(json, "size", operand->size);
    json_bool(json, "signed", operand->is_signed);
    json_bool(json, "float", operand->is_float);
    json_string(json, "kind", operand_kind_name(operand->kind));
    json_bytes(json, "operand", operand->text, operand->length);
    json_close(json, '{');
}

static void write_arguments(struct json *json, const struct found *found)
{
    struct usdt_arguments arguments;

    usdt_arguments(found->source->file->machine, found->probe, &arguments);
    json_open(json, "arguments", '[');
    for (size_t i = 0; i < arguments.count; i++)
        write_argument(json, &arguments.list[i]);
    json_close(json, '[');
    if (arguments.more)
        json_bool(json, "more_arguments", true);
    usdt_arguments_free(&arguments);
}

static void write_number_or_null(struct json *json, const char *name, bool known, uint64_t value)
{
    if (known)
        json_number(json, name, value);
    else
        json_null(json, name);
}

static void write_found(struct json *json, const struct found *found)
{
    const struct source *source = found->source;

    json_open(json, NULL, '{');
    json_string(json, "provider", found->probe->provider);
    json_string(json, "probe", found->probe->name);
    write_arguments(json, found);
    write_number_or_null(json, "pid", source->pid > 0, (uint64_t)source->pid);
    json_string(json, "command", source->command);
    json_string(json, "place", source_kind_name(source->kind));
    json_string(json, "path", source->path);
    json_number(json, "site", found->probe->site);
    write_number_or_null(json, "semaphore", found->probe->semaphore > 0, found->probe->semaphore);
    write_number_or_null(json, "watched", found->watched >= 0, (uint64_t)found->watched);
    json_close(json, '{');
}

void list_as_json(const struct findings *findings)
{
    struct json json = {.out = stdout};

    putchar('[');
    for (size_t i = 0; i < findings->count; i++) {
        fputs(i ? ",\n" : "\n", stdout);
        json.begun = false;
        write_found(&json, &findings->list[i]);
    }
    fputs("\n]\n", stdout);
}
