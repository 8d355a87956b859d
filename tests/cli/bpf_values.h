/* SPDX-License-Identifier: MIT */
/* Arguments of a probe, and where they are, for the programs of `rst trace`. */
#ifndef TEST_BPF_VALUES_H
#define TEST_BPF_VALUES_H

#include "cli/trace/plan/plan.h"

/* Registers by their places in struct pt_regs of x86_64. */
enum { REG_BX = 40, REG_CX = 88, REG_DX = 96, REG_SI = 104, REG_DI = 112, REG_SP = 152 };

static inline struct plan_value value_in_register(enum value_kind kind, uint8_t size,
                                                  bool is_signed, uint16_t reg)
{
    return (struct plan_value){
        .kind = kind,
        .size = size,
        .is_signed = is_signed,
        .location = {.kind = LOCATION_REGISTER, .base = reg, .index = LOCATION_NO_REGISTER},
    };
}

/* At a register plus a number. */
static inline struct plan_value value_in_memory(enum value_kind kind, uint8_t size, bool is_signed,
                                                uint16_t reg, int64_t number)
{
    return (struct plan_value){
        .kind = kind,
        .size = size,
        .is_signed = is_signed,
        .location = {.kind = LOCATION_MEMORY,
                     .base = reg,
                     .index = LOCATION_NO_REGISTER,
                     .number = number},
    };
}

#endif
