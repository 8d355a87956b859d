/* SPDX-License-Identifier: MIT */
/*
 * The memfd backing (memfd_create(2)).
 */
#ifndef RST_MEMFD_H
#define RST_MEMFD_H

#include "backing/kind.h"

extern const struct rst_backing_operations rst_memfd;

#endif
