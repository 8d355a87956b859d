/* SPDX-License-Identifier: MIT */
#ifndef CLI_LIST_H
#define CLI_LIST_H

#include "cli/base/command.h"

extern const struct command list_command;

#endif
