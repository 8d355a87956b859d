// SPDX-License-Identifier: MIT
#include <rst.h> // first: it must need no other header

#define FIRES fire_from_cpp
#include "fires.h"
