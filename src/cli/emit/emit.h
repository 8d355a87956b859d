/* SPDX-License-Identifier: MIT */
/*
 * rst emit.
 */
#ifndef CLI_EMIT_H
#define CLI_EMIT_H

#include "cli/base/command.h"

extern const struct command emit_command;

#endif
