/* SPDX-License-Identifier: MIT */
/*
 * The two forms in which `rst list` shows what it found.
 */
#ifndef CLI_LIST_H
#define CLI_LIST_H

#include "find.h"
#include "text.h"

void list_as_table(const struct findings *findings);
void list_as_json(const struct findings *findings);

/* A probe's arguments as people read them: "uint64 order, string customer", "-" for none. */
void list_arguments(const struct found *found, struct text *ret);

#endif
