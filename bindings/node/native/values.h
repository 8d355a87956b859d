/* SPDX-License-Identifier: MIT */
#ifndef VALUES_H
#define VALUES_H

/*
 * JavaScript's values to the bits that a probe is fired with. lib/types.js has checked that they
 * fit; what does not fit is cut or fired as 0 here, and harms nothing.
 */

#include <node_api.h>
#include <stddef.h>
#include <stdint.h>

#include "rst.h"

enum type { TYPE_BOOL, TYPE_INTEGER, TYPE_FLOAT, TYPE_DOUBLE, TYPE_POINTER, TYPE_STRING };

/* What the strings of a fire are copied to: the stack, and for more than that, the heap. */
struct texts {
    char here[1024];
    size_t used;
    struct text *others;
};

/* Read the types of a signature in its plain form, at most RST_MAX_ARGS. Gives how many. */
size_t types_of(const char *signature, enum type *types);

uint64_t value_bits(napi_env env, enum type type, napi_value value, struct texts *texts);
void texts_free(struct texts *texts);

#endif /* VALUES_H */
