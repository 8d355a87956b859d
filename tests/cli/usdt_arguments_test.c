/* SPDX-License-Identifier: MIT */
/*
 * A probe's arguments: operands of each CPU are parsed, and get librst's names and types.
 */
#include <elf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "image/signature.h"
#include "reading.h"

static void check_argument(const struct usdt_argument *seen, const char *type, const char *name,
                           enum operand_kind kind, const char *text)
{
    assert_string_equal(seen->type, type);
    assert_int_equal(seen->name_length, name ? strlen(name) : 0);
    if (name)
        assert_memory_equal(seen->name, name, strlen(name));
    assert_int_equal(seen->operand.kind, kind);
    assert_int_equal(seen->operand.length, strlen(text));
    assert_memory_equal(seen->operand.text, text, strlen(text));
}

static void gives_arguments_librst_s_names_and_types(void **state)
{
    struct usdt_arguments arguments;
    struct maker_file made;
    struct usdt_file file;

    (void)state;
    maker_make(&plain, &made);
    file = read_good(&made);
    usdt_arguments(file.machine, &file.probes[0], &arguments);
    assert_int_equal(arguments.count, 3);
    check_argument(&arguments.list[0], "uint64", "id", OPERAND_REGISTER, "%rdi");
    check_argument(&arguments.list[1], "string", "customer", OPERAND_REGISTER, "%rsi");
    check_argument(&arguments.list[2], "int32", NULL, OPERAND_REGISTER, "%rdx");
    assert_int_equal(arguments.list[1].true_type, RST_TYPE_STRING);
    usdt_arguments(file.machine, &file.probes[2], &arguments);
    assert_int_equal(arguments.count, 2);
    check_argument(&arguments.list[0], "int32", NULL, OPERAND_CONSTANT, "$5");
    check_argument(&arguments.list[1], "uint64", NULL, OPERAND_MEMORY, "-16(%rbp)");
    assert_int_equal(arguments.list[0].true_type, -1);
    usdt_free(&file);
}

static void ignores_a_signature_that_disagrees_with_the_operands(void **state)
{
    static const char *const lies[] = {
        "Qid",                                                          /* too few */
        "Qa,Qb,Qc",                                                     /* too many */
        "Qa,qb",                                                        /* another sign */
        "Qa,ib",                                                        /* another size */
        "Qa,nb",                                                        /* no type */
        "Qa,Q\033[2J",                                                  /* no name */
        "Qa,Q0",                                                        /* no name */
        "Qa Qb",                                                        /* no comma */
        "Qa,",         "Qa,Qb,", "Qa,,Qb", "Q,Q,Q,Q,Q,Q,Q,Q,Q,Q,Q,Q,Q", /* more than librst has */
        ",",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
        const struct usdt_probe probe = {"a", "b", "8@%rdi 8@%rsi", lies[i], 0, 0};
        struct usdt_arguments arguments;

        usdt_arguments(EM_X86_64, &probe, &arguments);
        assert_int_equal(arguments.count, 2);
        check_argument(&arguments.list[0], "uint64", NULL, OPERAND_REGISTER, "%rdi");
        check_argument(&arguments.list[1], "uint64", NULL, OPERAND_REGISTER, "%rsi");
    }
}

static void takes_no_more_operands_than_it_has_room_for(void **state)
{
    char operands[40 * 8] = "";
    const struct usdt_probe probe = {"a", "b", operands, NULL, 0, 0};
    struct usdt_arguments arguments;

    (void)state;
    for (int i = 0; i < 40; i++)
        strcat(operands, "8@%rax ");
    usdt_arguments(EM_X86_64, &probe, &arguments);
    assert_int_equal(arguments.count, USDT_MOST_ARGUMENTS);
    assert_true(arguments.more);
}

static void check_operand(uint16_t machine, const char *text, uint32_t size, enum operand_kind kind,
                          const char *type, const char *place)
{
    const char *at = text;
    struct operand operand;

    assert_true(operand_next(&at, machine, &operand));
    if (operand.size != size || operand.kind != kind || strcmp(operand_type(&operand), type) != 0 ||
        operand.length != strlen(place) || memcmp(operand.text, place, operand.length) != 0)
        fail_msg("%s on machine %d: size %u, %s, %s, \"%.*s\"", text, machine, operand.size,
                 operand_kind_names[operand.kind], operand_type(&operand), (int)operand.length,
                 operand.text);
    assert_false(operand_next(&at, machine, &operand));
}

static void reads_the_operands_of_each_cpu(void **state)
{
    static const struct {
        uint16_t machine;
        const char *text;
        uint32_t size;
        enum operand_kind kind;
        const char *type, *place;
    } cases[] = {
        {EM_X86_64, "8@%rdi", 8, OPERAND_REGISTER, "uint64", "%rdi"},
        {EM_X86_64, "-4@%eax", 4, OPERAND_REGISTER, "int32", "%eax"},
        {EM_X86_64, "-1@%al", 1, OPERAND_REGISTER, "int8", "%al"},
        {EM_X86_64, "2@-16(%rbp)", 2, OPERAND_MEMORY, "uint16", "-16(%rbp)"},
        {EM_X86_64, "8@8(%rax,%rdx,4)", 8, OPERAND_MEMORY, "uint64", "8(%rax,%rdx,4)"},
        {EM_X86_64, "4@counter(%rip)", 4, OPERAND_MEMORY, "uint32", "counter(%rip)"},
        {EM_X86_64, "-4@$-5", 4, OPERAND_CONSTANT, "int32", "$-5"},
        {EM_X86_64, "8f@%xmm0", 8, OPERAND_REGISTER, "double", "%xmm0"},
        {EM_X86_64, "-4f@%xmm1", 4, OPERAND_REGISTER, "float", "%xmm1"},
        {EM_X86_64, "16@%xmm1", 16, OPERAND_REGISTER, "?", "%xmm1"},
        {EM_X86_64, "3@8(%rsp)", 3, OPERAND_MEMORY, "?", "8(%rsp)"},
        {EM_X86_64, "12@(%rax)", 12, OPERAND_MEMORY, "?", "(%rax)"},
        {EM_X86_64, "24@8(%rsp)", 24, OPERAND_MEMORY, "?", "8(%rsp)"},
        {EM_X86_64, "-400@8(%rsp)", 400, OPERAND_MEMORY, "?", "8(%rsp)"},
        {EM_X86_64, "99999999999@%rax", 0, OPERAND_OTHER, "?", "99999999999@%rax"},
        {EM_X86_64, "counter", 0, OPERAND_OTHER, "?", "counter"},
        {EM_X86_64, "-4@%fs:counter@tpoff", 4, OPERAND_OTHER, "int32", "%fs:counter@tpoff"},
        {EM_X86_64, "%rax", 0, OPERAND_REGISTER, "?", "%rax"},
        {EM_X86_64, "8@", 8, OPERAND_OTHER, "uint64", ""},
        {EM_386, "-4@8(%ebp)", 4, OPERAND_MEMORY, "int32", "8(%ebp)"},
        {EM_AARCH64, "8@x0", 8, OPERAND_REGISTER, "uint64", "x0"},
        {EM_AARCH64, "-4@[sp, 16]", 4, OPERAND_MEMORY, "int32", "[sp, 16]"},
        {EM_AARCH64, "8@[x2]", 8, OPERAND_MEMORY, "uint64", "[x2]"},
        {EM_AARCH64, "-4@5", 4, OPERAND_CONSTANT, "int32", "5"},
        {EM_ARM, "4@[sp, #0]", 4, OPERAND_MEMORY, "uint32", "[sp, #0]"},
        {EM_ARM, "-4@#7", 4, OPERAND_CONSTANT, "int32", "#7"},
        {EM_RISCV, "8@a0", 8, OPERAND_REGISTER, "uint64", "a0"},
        {EM_RISCV, "8@0(sp)", 8, OPERAND_MEMORY, "uint64", "0(sp)"},
        {EM_RISCV, "-8@-3", 8, OPERAND_CONSTANT, "int64", "-3"},
        {EM_S390, "8@%r2", 8, OPERAND_REGISTER, "uint64", "%r2"},
        {EM_S390, "8@160(%r15)", 8, OPERAND_MEMORY, "uint64", "160(%r15)"},
        {EM_PPC64, "8@3", 8, OPERAND_REGISTER, "uint64", "3"},
        {EM_PPC64, "-4@i5", 4, OPERAND_CONSTANT, "int32", "i5"},
        {EM_PPC64, "8@32(1)", 8, OPERAND_MEMORY, "uint64", "32(1)"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        check_operand(cases[i].machine, cases[i].text, cases[i].size, cases[i].kind, cases[i].type,
                      cases[i].place);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_arguments_librst_s_names_and_types),
        cmocka_unit_test(ignores_a_signature_that_disagrees_with_the_operands),
        cmocka_unit_test(takes_no_more_operands_than_it_has_room_for),
        cmocka_unit_test(reads_the_operands_of_each_cpu),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
