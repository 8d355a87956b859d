/* SPDX-License-Identifier: MIT */
#include "sample_images.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_ROOM 32

#define PROBES(...) ((const struct declaration[]){__VA_ARGS__})

const struct declarations sample_table[] = {
    {"shop", 1, PROBES({"checkout", "uint64 order, string customer, int32 cents"})},
    {"_", 1, PROBES({"_", NULL})},
    {"pair", 2, PROBES({"first", ""}, {"second", "string"})},
    {"types", 13,
     PROBES({"bool", "bool a"}, {"int8", "int8 a"}, {"int16", "int16 a"}, {"int32", "int32 a"},
            {"int64", "int64 a"}, {"uint8", "uint8 a"}, {"uint16", "uint16 a"},
            {"uint32", "uint32 a"}, {"uint64", "uint64 a"}, {"float", "float a"},
            {"double", "double a"}, {"pointer", "pointer a"}, {"string", "string a"})},
    {"every_place", 12,
     PROBES({"n1", "int8"}, {"n2", "int8,int16"}, {"n3", "int8,int16,int32"},
            {"n4", "int8,int16,int32,int64"}, {"n5", "int8,int16,int32,int64,uint8"},
            {"n6", "int8,int16,int32,int64,uint8,uint16"},
            {"n7", "int8,int16,int32,int64,uint8,uint16,uint32"},
            {"n8", "int8,int16,int32,int64,uint8,uint16,uint32,uint64"},
            {"n9", "int8,int16,int32,int64,uint8,uint16,uint32,uint64,float"},
            {"n10", "int8,int16,int32,int64,uint8,uint16,uint32,uint64,float,double"},
            {"n11", "int8,int16,int32,int64,uint8,uint16,uint32,uint64,float,double,pointer"},
            {"n12", "bool a,int8 b,int16 c,int32 d,int64 e,uint8 f,uint16 g,uint32 h,uint64 i,"
                    "float j,double k,string l"})},
    {"a_provider_whose_name_is_as_long_as_a_provider_s_name_can_b", 1,
     PROBES({"a_probe_whose_name_is_longer_than_a_provider_s_name_can_be_at_all", "pointer p"})},
    {"twelve", 1,
     PROBES({"of_all_types", "bool a, int8 b, int16 c, int32 d, int64 e, uint8 f, uint16 g,"
                             "uint32 h, uint64 i, float j, double k, string l"})},
};
const size_t sample_count = sizeof(sample_table) / sizeof(sample_table[0]);

const struct sample_kind sample_kinds[] = {
    [RST_NOP1] = {&rst_arch_x86_64, RST_NOP1},
    [RST_NOP5] = {&rst_arch_x86_64, RST_NOP5},
    [RST_NOP10] = {&rst_arch_x86_64, RST_NOP10},
    {&rst_arch_aarch64, RST_NOP1},
    {&rst_arch_i386, RST_NOP1},
    {&rst_arch_arm, RST_NOP1},
    {&rst_arch_riscv64, RST_NOP1},
    {&rst_arch_ppc64le, RST_NOP1},
    {&rst_arch_s390x, RST_NOP1},
    {&rst_arch_loongarch64, RST_NOP1},
};
const size_t sample_kind_count = sizeof(sample_kinds) / sizeof(sample_kinds[0]);

const char *sample_kind_name(const struct sample_kind *kind, char ret[32])
{
    static const char *const nops[RST_NOPS] = {"", ", nop5", ", nop10"};

    snprintf(ret, 32, "%s%s", kind->arch->name, nops[kind->nop]);
    return ret;
}

static const struct expected_cpu *cpu_of(const struct rst_arch *arch)
{
    for (size_t i = 0; i < expected_cpu_count; i++)
        if (strcmp(expected_cpus[i].name, arch->name) == 0)
            return &expected_cpus[i];
    fprintf(stderr, "expected_cpu.c does not know %s\n", arch->name);
    return NULL;
}

static struct expected_bytes nop_of(const struct sample_kind *kind, const struct expected_cpu *cpu)
{
    return kind->nop == RST_NOP5    ? expected_nop5
           : kind->nop == RST_NOP10 ? expected_nop10
                                    : cpu->nop;
}

/* Describe a probe, once for librst and once as the test expects it. */
static bool describe(const struct expected_cpu *cpu, const struct declaration *declaration,
                     const char *name, struct rst_description *description,
                     struct expected_probe *expected)
{
    const char *signature = declaration->signature;
    char *plain = malloc(rst_signature_room(signature));

    description->name = expected->name = name;
    if (!plain || rst_signature_parse(signature, plain, &description->signature) < 0 ||
        expected_signature(cpu, signature, &expected->signature, &expected->arguments) != 0) {
        fprintf(stderr, "%s: signature \"%s\" was refused: %s\n", name, signature, rst_error());
        free(plain);
        return false;
    }
    return true;
}

bool sample_make(const struct declarations *declarations, size_t count,
                 const struct sample_kind *kind, struct made_image *ret)
{
    struct rst_description *descriptions = calloc(count, sizeof(*descriptions));
    const struct rst_description **pointers = calloc(count, sizeof(*pointers));
    struct expected_probe *expected = calloc(count, sizeof(*expected));
    char *names = calloc(count, NAME_ROOM);
    const struct expected_cpu *cpu = cpu_of(kind->arch);
    bool good = descriptions && pointers && expected && names && cpu;

    *ret = (struct made_image){
        .expected = {cpu, declarations->provider, count, expected,
                     cpu ? nop_of(kind, cpu) : (struct expected_bytes){NULL, 0}},
        .spec = {kind->arch, kind->nop, declarations->provider, pointers, count},
        .names = names,
    };
    for (size_t i = 0; good && i < count; i++) {
        const struct declaration *declaration = &declarations->probes[i % declarations->count];
        const char *name = declaration->name;

        if (i >= declarations->count) {
            snprintf(names + i * NAME_ROOM, NAME_ROOM, "probe_%zu", i);
            name = names + i * NAME_ROOM;
        }
        pointers[i] = &descriptions[i];
        good = describe(cpu, declaration, name, &descriptions[i], &expected[i]);
    }
    if (good && rst_image_make(&ret->spec, &ret->image) < 0) {
        fprintf(stderr, "no image was made: %s\n", rst_error());
        good = false;
    }
    if (!good)
        sample_free(ret);
    return good;
}

void sample_free(struct made_image *made)
{
    const struct rst_description *const *probes = made->spec.probes;

    for (size_t i = 0; i < made->spec.count; i++) {
        union {
            const char *kept;
            char *freed;
        } plain = {probes[i] ? probes[i]->signature.text : NULL};

        free(plain.freed);
        free(made->expected.probes[i].signature);
        free(made->expected.probes[i].arguments);
    }
    free((void *)(uintptr_t)probes[0]);
    free((void *)(uintptr_t)probes);
    free((void *)(uintptr_t)made->expected.probes);
    free(made->names);
    free(made->image.bytes);
    memset(made, 0, sizeof(*made));
}
