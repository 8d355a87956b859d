/* SPDX-License-Identifier: MIT */
/*
 * What the kernel allows this user.
 */
#ifndef CLI_PRIVILEGE_H
#define CLI_PRIVILEGE_H

#include <stdbool.h>

/* Whether the user has a capability: CAP_SYS_PTRACE and so on. */
bool has_capability(unsigned capability);

/*
 * Whether capabilities count in the kernel. In a user namespace of their own, users have every one,
 * but none of them does.
 */
bool in_first_namespace(void);

#endif
