/* SPDX-License-Identifier: MIT */
#ifndef FUZZ_TARGET_H
#define FUZZ_TARGET_H

#include <stddef.h>
#include <stdint.h>

/* The name is libFuzzer's. Aborts if something is wrong. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
