/* SPDX-License-Identifier: MIT */
#ifndef CLI_KNOWN_FILE_H
#define CLI_KNOWN_FILE_H

#include <stdbool.h>
#include <sys/types.h>

#include "cli/usdt/usdt.h"

/* A file that was read. Many processes may map it. */
struct known_file {
    dev_t device;
    ino_t inode;
    struct usdt_file file; /* without probes if it can't be read */
    bool unread;           /* it can't be read, which was reported */
};

#endif
