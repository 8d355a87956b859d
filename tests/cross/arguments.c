/* SPDX-License-Identifier: MIT */
/* Probes of sys/sdt.h with arguments of every size, in registers, in memory and as constants. */
#include <stdint.h>
#include <sys/sdt.h>

struct all {
    int8_t a;
    uint16_t b;
    int32_t c;
    uint32_t d;
    char *e;
};

void fire(const struct all *all, int8_t a, uint16_t b, int32_t c, uint32_t d, char *e, int index);

void fire(const struct all *all, int8_t a, uint16_t b, int32_t c, uint32_t d, char *e, int index)
{
    STAP_PROBE5(sizes, registers, a, b, c, d, e);
    STAP_PROBE5(sizes, memory, all->a, all->b, all->c, all->d, all->e);
    STAP_PROBE5(sizes, indexed, all[index].a, all[index].b, all[index].c, all[index].d, e[index]);
    STAP_PROBE5(sizes, constants, -1, 2, 70000, 0x80000000U, 'x');
}
