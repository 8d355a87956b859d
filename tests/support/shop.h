/* SPDX-License-Identifier: MIT */
/*
 * What most tests of loading watch: a provider "shop" with a probe "order" of one argument.
 */
#ifndef TEST_SHOP_H
#define TEST_SHOP_H

#include <stdbool.h>
#include <stddef.h>

#include "rst.h"
#include "support/children.h"

struct shop {
    rst_provider *provider;
    rst_probe *order;
};

struct shop shop_new(void);    /* declared only */
struct shop shop_loaded(void); /* and loaded */

/* In a test that cannot do without a tracer: skip it where there is none (need_tracer()), else
 * give a loaded shop. */
struct shop shop_to_trace(void);

void shop_fire(struct shop shop, size_t times);

/* Fire it once, watched or not, by a call of its function. */
void shop_call(struct shop shop);

/* Attach to it; close what it gives to detach. */
int shop_trace(struct shop shop);

/* A tracer that attaches to it in this process, by its path, is counted in and out and sees each
 * fire. The second looks only where a tracer can attach at all. */
void check_traceable(struct shop shop);
void check_traceable_if_allowed(struct shop shop);

/* Run `body` with a loaded shop (struct shop *) in a child whose parent, which loaded it, has
 * ended: `body` begins with a child_pause() until that is so. */
void shop_in_orphan(child_body *body);

/* The start of the line of /proc/self/maps that has the address, and that line's file ("" if
 * it has none). Gives whether there is one. */
struct mapping {
    char permissions[8];
    char file[256];
};

bool mapping_at(const volatile void *address, struct mapping *ret);

/* How many lines of /proc/self/maps, and entries of the link map, have `text` in their name. */
size_t mappings_of(const char *text);
size_t libraries_of(const char *text);

#endif
