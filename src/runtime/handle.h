/* SPDX-License-Identifier: MIT */
/*
 * The handle: what a program fires, and what librst keeps behind it.
 */
#ifndef RST_HANDLE_H
#define RST_HANDLE_H

#include <stdint.h>

#include "image/signature.h"
#include "rst.h"
#include "runtime/object.h"

struct rst_handle {
    struct rst_probe probe; /* first: what the program holds points here */
    rst_function function;  /* the stub, or what does nothing; never NULL */
    struct rst_description description;
    rst_provider *provider;
    struct rst_object *object; /* NULL until a load takes the probe */
    uint32_t index;            /* in the object */
    uint32_t hash;
    struct rst_handle *next; /* in the provider */
    struct rst_handle *next_pending;
};

/* The handle that a description is part of. */
struct rst_handle *rst_handle_of(const struct rst_description *description);

/* Point a handle at what does nothing. */
void rst_handle_detach(struct rst_handle *handle);

/* Point the handles of all of an object's probes at the object, or at what does nothing. */
void rst_handles_attach(struct rst_object *object);
void rst_handles_detach(struct rst_object *object);

#endif
