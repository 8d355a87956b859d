// SPDX-License-Identifier: MIT
//
// The consumer in C++11: the same program.
#include "consumer.c"
