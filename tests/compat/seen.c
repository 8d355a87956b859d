/* SPDX-License-Identifier: MIT */
#include "seen.h"

#include <link.h>
#include <stdio.h>
#include <string.h>

#include "support/children.h"
#include "support/note_reader.h"
#include "support/resources.h"
#include "support/shop.h"
#include "support/tracer.h"

struct search {
    const char *provider, *name;
    struct seen *ret;
    unsigned count;
};

static void copy(char *to, size_t size, const char *text)
{
    check((size_t)snprintf(to, size, "%s", text ? text : "") < size);
}

static void look_at(struct search *search, const char *path)
{
    struct found_probes found = read_probes(path);

    for (size_t i = 0; i < found.count; i++) {
        const struct found_probe *probe = &found.probes[i];

        if (strcmp(probe->provider, search->provider) != 0 ||
            strcmp(probe->name, search->name) != 0 || search->count++ > 0 || !search->ret)
            continue;
        copy(search->ret->path, sizeof(search->ret->path), path);
        copy(search->ret->arguments, sizeof(search->ret->arguments), probe->arguments);
        copy(search->ret->signature, sizeof(search->ret->signature), probe->signature);
        search->ret->site = probe->site_offset;
        search->ret->semaphore = probe->semaphore_offset;
    }
    free_probes(&found);
}

/* What is hidden is in the link map, too, but its memory is not a file's. */
static int look(struct dl_phdr_info *info, size_t size, void *data)
{
    struct mapping mapping;

    (void)size;
    if ((strncmp(info->dlpi_name, "/proc/", 6) == 0 || strstr(info->dlpi_name, "/librst-") ||
         strncmp(info->dlpi_name, "/tmp/", 5) == 0) &&
        mapping_at((const void *)info->dlpi_addr, &mapping) && mapping.file[0])
        look_at(data, info->dlpi_name);
    return 0;
}

unsigned see(const char *provider, const char *name, struct seen *ret)
{
    struct search search = {provider, name, ret, 0};

    dl_iterate_phdr(look, &search);
    return search.count;
}

int watch(const char *provider, const char *name)
{
    struct seen seen;
    int tracer;

    if (see(provider, name, &seen) == 0)
        check_failed(__FILE__, __LINE__, "a tracer does not find %s:%s", provider, name);
    tracer = tracer_attach(seen.path, seen.site, seen.semaphore, 0);
    check(tracer >= 0);
    return tracer;
}

struct held held_now(void)
{
    struct resources now = resources_now();

    return (struct held){now.descriptors, now.libraries, mappings_of("librst-")};
}

void check_held(struct held before)
{
    struct held now = held_now();

    check_equal(now.descriptors, before.descriptors);
    check_equal(now.libraries, before.libraries);
    check_equal(now.mappings, before.mappings);
}
