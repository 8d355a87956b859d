/* SPDX-License-Identifier: MIT */
/*
 * What stays of an image where dlclose(3) unmaps nothing (rst_linker_unmaps).
 */
#ifndef RST_RETIRED_H
#define RST_RETIRED_H

#include <stdint.h>

#include "image/image.h"

/*
 * Put a copy in the place of an image that is loaded at `base` and that nobody fires any more:
 * headers, tables and dynamic section, which the linker, unwinders and debuggers go on reading, and
 * zeros between these. It is one mapping, not executable and not the backing's, so tracers find
 * nothing there. Gives 0 or a negative errno; then the image is as it was.
 */
int rst_retire(uint8_t *base, const struct rst_map *map);

#endif
