/* SPDX-License-Identifier: MIT */
/*
 * Included before a program's source, this makes it the same program without probes.
 */
#include <rst.h>

#undef RST_ENABLED
#undef RST_FIRE
#define RST_ENABLED(probe) false
#define RST_FIRE(...) ((void)0)
