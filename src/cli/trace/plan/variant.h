/* SPDX-License-Identifier: MIT */
/*
 * A probe's arguments, and its variants: which sites have them in the same places.
 */
#ifndef CLI_TRACE_VARIANT_H
#define CLI_TRACE_VARIANT_H

#include "cli/trace/plan/plan.h"
#include "cli/usdt/symbols.h"

/* Fill the probe's arguments by its first site. */
void plan_read_arguments(uint16_t machine, const struct usdt_probe *site, struct plan_probe *probe);

struct variant_maker {
    struct plan *plan;
    struct usdt_symbols **symbols; /* of each file; read when first needed */
    size_t file_count;
};

/* Add a site to the variant with its operands, or make one. All sites of a probe in a row. */
void variant_add_site(struct variant_maker *maker, size_t probe, size_t file,
                      const struct usdt_probe *site);
void variant_maker_free(struct variant_maker *maker);

#endif
