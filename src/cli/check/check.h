/* SPDX-License-Identifier: MIT */
/*
 * rst check: the facts that it finds out about this machine.
 */
#ifndef CLI_CHECK_H
#define CLI_CHECK_H

#include <stdint.h>

#include "cli/base/command.h"

enum verdict { VERDICT_YES, VERDICT_NO, VERDICT_NOTE /* neither good nor bad */ };

/* Print a fact. The words of a "no" say what to do about it. */
void fact(enum verdict verdict, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/*
 * Watch a site in this process by a uprobe that counts the hits. Gives a descriptor, from which the
 * count is read, or a negative errno: -ENODEV if the kernel has no uprobes.
 */
int uprobe_attach(const char *path, uint64_t site, uint64_t semaphore);

/* Load probes of its own, and watch one. Gives the command's exit status. */
enum status check_loading(void);

#endif
