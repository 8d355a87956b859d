/* SPDX-License-Identifier: MIT */
#include "arch/arch.h"

const struct rst_arch *rst_arch_native(void)
{
#if defined(__x86_64__) && defined(__LP64__)
    return &rst_arch_x86_64;
#else
    return NULL;
#endif
}
