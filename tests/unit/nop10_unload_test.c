/* SPDX-License-Identifier: MIT */
/*
 * The kernel optimises a nop10 to two instructions. A thread can be interrupted between them while
 * the provider is unloaded or loaded. It then goes on not with the kernel's call, but with the
 * second half of the nop that the image has there.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "rst.h"
#include "runtime/object.h"

#define SECOND_HALF 15 /* after endbr64, push, mov, a nop, and five bytes of the long nop */

/*
 * Do what the function has done up to there, with the kernel's lea, and go on in its second half.
 * If the bytes there are right, it returns to our caller, with the registers unchanged.
 */
void enter_second_half(const void *second_half);
__asm__(".text\n"
        ".type enter_second_half, @function\n"
        "enter_second_half:\n"
        "    push %rbp\n"
        "    mov  %rsp, %rbp\n"
        "    lea  -0x80(%rsp), %rsp\n"
        "    xor  %eax, %eax\n" /* an add to (%rax), which is two zeros, then shows */
        "    notrack jmp *%rdi\n"
        ".size enter_second_half, . - enter_second_half\n");

static void enter(const struct rst_object *object)
{
    const char *function = (const char *)(uintptr_t)rst_object_function(object, 0);

    enter_second_half(function + SECOND_HALF);
}

static void a_thread_between_the_halves_of_a_nop10_survives_unload_and_load(void **state)
{
    const struct rst_object_options options = {
        .arch = &rst_arch_x86_64,
        .nop = RST_NOP10,
        .backing = RST_BACKING_MEMFD,
    };
    const struct rst_description probe = {.name = "checkout", .signature = {.text = ""}};
    struct rst_object *object = calloc(1, sizeof(*object) + sizeof(object->probes[0]));

    (void)state;
    assert_non_null(object);
    object->provider = "shop";
    object->probes[0] = &probe;
    object->count = 1;
    assert_int_equal(rst_object_open(object, &options), 0);
    enter(object);
    assert_int_equal(rst_object_hide(object), 0);
    enter(object);
    assert_int_equal(rst_object_show(object), 0);
    enter(object);
    rst_object_close(object);
    free(object);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_thread_between_the_halves_of_a_nop10_survives_unload_and_load),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
