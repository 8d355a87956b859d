/* SPDX-License-Identifier: MIT */
#ifndef CLI_TRACE_H
#define CLI_TRACE_H

#include "cli/base/command.h"

extern const struct command trace_command;

#endif
