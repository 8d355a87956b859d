/* SPDX-License-Identifier: MIT */
#include "image_rules.h"

const struct rule *const rule_tables[4] = {layout_rules, symbol_rules, note_rules, unwind_rules};
