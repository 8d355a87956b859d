/* SPDX-License-Identifier: MIT */
#include "cli/trace/tools/names.h"

#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A name that is taken. */
struct taken {
    struct event_name name;
    size_t next; /* the number to try after it */
};

static int compare(const void *a, const void *b)
{
    const struct taken *left = a, *right = b;
    int order = strcmp(left->name.group, right->name.group);

    return order ? order : strcmp(left->name.event, right->name.event);
}

/* Other characters than letters, digits and _ become _. */
static void write_plain(char ret[64], const char *name)
{
    size_t length = strnlen(name, 63);

    for (size_t i = 0; i < length; i++)
        if (name[i] == '-' || name[i] == '.')
            ret[i] = '_';
        else
            ret[i] = name[i];
    ret[length] = '\0';
}

/* Take the name if it is free. Gives who has it. */
static struct taken *take(void **tree, const struct event_name *name)
{
    struct taken *new = sure(malloc(sizeof(*new))), **found;

    *new = (struct taken){*name, 2};
    found = sure(tsearch(new, tree, compare));
    if (*found == new)
        return NULL;
    free(new);
    return *found;
}

static struct event_name choose(void **tree, const struct plan_probe *probe)
{
    struct event_name whole, name;
    struct taken *owner;

    write_plain(whole.group, probe->provider);
    write_plain(whole.event, probe->name);
    name = whole;
    owner = take(tree, &name);
    for (bool free = !owner; !free;) {
        char number[24];
        int length = snprintf(number, sizeof(number), "_%zu", owner->next++);

        snprintf(name.event, sizeof(name.event), "%.*s%s", 63 - length, whole.event, number);
        free = !take(tree, &name);
    }
    return name;
}

struct event_name *tool_event_names(const struct plan *plan)
{
    struct event_name *names = NULL;
    size_t count = 0;
    void *tree = NULL;

    for (size_t i = 0; i < plan->probe_count; i++)
        for (size_t j = 0; j < plan->probes[i].variant_count; j++)
            for (size_t k = 0; k < plan->variants[plan->probes[i].variant + j].site_count; k++)
                APPEND(names, count, choose(&tree, &plan->probes[i]));
    while (tree) {
        struct taken *root = *(struct taken **)tree;

        tdelete(root, &tree, compare);
        free(root);
    }
    return names;
}

static bool has_argument(const struct plan_probe *probe, const char *name)
{
    for (size_t i = 0; i < probe->argument_count; i++)
        if (strcmp(probe->arguments[i].name, name) == 0)
            return true;
    return false;
}

struct argument_name tool_argument_name(const struct plan_probe *probe, size_t i)
{
    const char *whole = probe->arguments[i].name;
    struct argument_name name;
    size_t length;

    if (strlen(whole) < sizeof(name.text)) {
        snprintf(name.text, sizeof(name.text), "%s", whole);
        return name;
    }
    length = (size_t)snprintf(name.text, sizeof(name.text), "arg%zu", i);
    while (has_argument(probe, name.text) && length + 1 < sizeof(name.text)) {
        name.text[length++] = '_';
        name.text[length] = '\0';
    }
    return name;
}
