/* SPDX-License-Identifier: MIT */
/*
 * The file backing: DIRECTORY/librst-UID/PROVIDER.PID.TOKEN-N.so.
 */
#ifndef RST_FILE_H
#define RST_FILE_H

#include "backing/kind.h"

extern const struct rst_backing_operations rst_file;

#endif
