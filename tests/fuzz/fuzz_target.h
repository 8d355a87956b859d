/* SPDX-License-Identifier: MIT */
#ifndef FUZZ_TARGET_H
#define FUZZ_TARGET_H

#include <stddef.h>
#include <stdint.h>

/* libFuzzer calls this. It aborts if something is wrong. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
