/* SPDX-License-Identifier: MIT */
/* The names of functions as people know them. */
#ifndef CLI_TRACE_FUNCTION_H
#define CLI_TRACE_FUNCTION_H

#include "cli/base/text.h"

/*
 * Add a symbol's name without its version ("@GLIBC_2.34"). A name of C++ or Rust becomes that of
 * the source, without the types of its parameters: "_ZN4shop5orderEi" is "shop::order". One with a
 * template's arguments or an operator stays as it is.
 */
void function_name(struct text *ret, const char *symbol);

#endif
