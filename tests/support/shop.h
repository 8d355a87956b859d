/* SPDX-License-Identifier: MIT */
/*
 * A provider "shop" with a probe "order" of one argument, for most tests of loading.
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

struct shop shop_new(void);    /* declared, not loaded */
struct shop shop_loaded(void); /* loaded */

/*
 * For a test that needs a tracer: skip it if there can't be one (need_tracer()), else give a loaded
 * shop.
 */
struct shop shop_to_trace(void);

void shop_fire(struct shop shop, size_t times);

/* Fire once, watched or not, by calling the probe's function. */
void shop_call(struct shop shop);

/* Attach a tracer; close the descriptor to detach. */
int shop_trace(struct shop shop);

/*
 * Check that the kernel counts a tracer in and out, and that the tracer sees each fire. It attaches
 * in this process, by the probe's path. The second does so only if a tracer can attach here.
 */
void check_traceable(struct shop shop);
void check_traceable_if_allowed(struct shop shop);

/*
 * Run `body` with a loaded shop (struct shop *) in a child whose parent, which loaded the shop, has
 * ended. `body` begins with a child_pause(), which lasts until then.
 */
void shop_in_orphan(child_body *body);

/*
 * Find the line of /proc/self/maps with an address: its permissions, and its file ("" if none).
 * Gives whether there is one.
 */
struct mapping {
    char permissions[8];
    char file[256];
};

bool mapping_at(const volatile void *address, struct mapping *ret);

/* How many lines of /proc/self/maps, or entries of the link map, have `text` in their name. */
size_t mappings_of(const char *text);
size_t libraries_of(const char *text);

#endif
