/* SPDX-License-Identifier: MIT */
#include "support/shop.h"

#include <inttypes.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "support/children.h"
#include "support/tracer.h"

struct shop shop_new(void)
{
    struct shop shop;

    shop.provider = rst_provider_new("shop");
    check(shop.provider != NULL);
    shop.order = rst_provider_add(shop.provider, "order", "uint64 id");
    check(shop.order != NULL);
    return shop;
}

struct shop shop_loaded(void)
{
    struct shop shop = shop_new();

    check_equal(rst_provider_load(shop.provider), 0);
    return shop;
}

struct shop shop_to_trace(void)
{
    need_tracer();
    return shop_loaded();
}

void shop_fire(struct shop shop, size_t times)
{
    for (size_t i = 0; i < times; i++)
        RST_FIRE(shop.order, i);
}

void shop_call(struct shop shop)
{
    ((void (*)(uint64_t))(uintptr_t)rst_probe_function(shop.order))(1);
}

int shop_trace(struct shop shop)
{
    return tracer_attach_probe(shop.order, "shop", 0);
}

void check_traceable(struct shop shop)
{
    int tracer = shop_trace(shop);

    check_equal(*rst_probe_semaphore(shop.order), 1);
    shop_fire(shop, 7);
    check_equal(tracer_count(tracer), 7);
    close(tracer);
    check_equal(*rst_probe_semaphore(shop.order), 0);
}

void check_traceable_if_allowed(struct shop shop)
{
    if (!tracer_unavailable())
        check_traceable(shop);
}

static void load_and_leave_orphan(void *body)
{
    struct shop shop = shop_loaded();

    child_pause();
    child_leave_orphan(exit, *(child_body **)body, &shop);
}

void shop_in_orphan(child_body *body)
{
    struct child child = child_start(load_and_leave_orphan, &body);

    child_await(&child);
    child_adopt_orphan(&child);
    child_await(&child);
    child_continue(&child);
    child_join(&child);
}

bool mapping_at(const volatile void *address, struct mapping *ret)
{
    FILE *maps = fopen("/proc/self/maps", "re");
    bool found = false;
    char line[512];

    check(maps != NULL);
    while (!found && fgets(line, sizeof(line), maps)) {
        uintptr_t start, end;

        *ret = (struct mapping){0};
        sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %7s %*s %*s %*s %255[^\n]", &start, &end,
               ret->permissions, ret->file);
        found = start <= (uintptr_t)address && (uintptr_t)address < end;
    }
    fclose(maps);
    return found;
}

size_t mappings_of(const char *text)
{
    FILE *maps = fopen("/proc/self/maps", "re");
    size_t count = 0;
    char line[512];

    check(maps != NULL);
    while (fgets(line, sizeof(line), maps))
        count += strstr(line, text) != NULL;
    fclose(maps);
    return count;
}

struct name_count {
    const char *text;
    size_t count;
};

static int count_name(struct dl_phdr_info *info, size_t size, void *data)
{
    struct name_count *names = data;

    (void)size;
    names->count += strstr(info->dlpi_name, names->text) != NULL;
    return 0;
}

size_t libraries_of(const char *text)
{
    struct name_count names = {text, 0};

    dl_iterate_phdr(count_name, &names);
    return names.count;
}
