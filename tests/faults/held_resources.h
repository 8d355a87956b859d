/* SPDX-License-Identifier: MIT */
/*
 * What the wrappers tell of: that something was got, or given back.
 */
#ifndef FAULTS_HELD_RESOURCES_H
#define FAULTS_HELD_RESOURCES_H

#include <stddef.h>
#include <stdint.h>

enum holding { HEAP, DESCRIPTOR, STREAM, LIBRARY, MAPPING };

void faults_hold(enum holding what, uintptr_t which, size_t size);
void faults_let_go(enum holding what, uintptr_t which);

/* Pages from the start or the end of a mapping have gone, or would have, but for a fault. */
void faults_let_pages_go(uintptr_t from, size_t size);
void faults_orphan_pages(uintptr_t from, size_t size);

#endif
