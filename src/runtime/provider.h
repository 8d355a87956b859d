/* SPDX-License-Identifier: MIT */
/*
 * Providers, from the first to the last; load.c has what is between.
 */
#ifndef RST_PROVIDER_H
#define RST_PROVIDER_H

/* Say that a provider is NULL. Gives -EINVAL. */
int rst_fail_null_provider(void);

#endif
