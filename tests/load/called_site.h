/* SPDX-License-Identifier: MIT */
/*
 * A site that the kernel turns into a call of a trampoline while it is watched, as it does with
 * some nops on x86_64.
 */
#ifndef TEST_CALLED_SITE_H
#define TEST_CALLED_SITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "support/shop.h"

struct called_site {
    struct shop shop;    /* of whose probe it is */
    const uint8_t *site; /* NULL: there is none, for the nop is another */
    const uint8_t *call; /* the site's first bytes while the call is there */
    size_t call_size;
};

/* Find the nop in the probe's function, which has at most `stub_size` bytes. */
struct called_site find_called_site(struct shop shop, const uint8_t *nop, size_t nop_size,
                                    size_t stub_size);

bool site_is_call(const struct called_site *called);

/* A hit or two after a tracer has attached, the kernel puts the call in. */
void check_becomes_call(const struct called_site *called);

/*
 * Attach a tracer, unload, load and detach, three times: the call comes, counts are exact, and it
 * is not there while the provider is unloaded. Frees the provider.
 */
void check_calls_come_and_go(const struct called_site *called);

#endif
