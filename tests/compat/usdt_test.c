/* SPDX-License-Identifier: MIT */
/*
 * libusdt's calls, on librst: what was DTrace's only is seen by a tracer of Linux.
 */
#include <usdt.h>

#define LAYOUT_USDT
#include "layout.h"

#include <stdlib.h>
#include <unistd.h>

#include "seen.h"
#include "support/children.h"
#include "support/tracer.h"

static const char *two_types[] = {"int", "char *"};

static usdt_probedef_t *add(usdt_provider_t *provider, const char *function, const char *name)
{
    usdt_probedef_t *probedef = usdt_create_probe(function, name, 2, two_types);

    check_equal(usdt_provider_add_probe(provider, probedef), 0);
    return probedef;
}

static usdt_provider_t *enabled_provider(usdt_probedef_t **ret)
{
    usdt_provider_t *provider = usdt_create_provider("shop", "module");

    *ret = add(provider, "pay", "order");
    check_equal(usdt_provider_enable(provider), 0);
    return provider;
}

/* The same, for a test that needs a tracer. */
static usdt_provider_t *provider_to_trace(usdt_probedef_t **ret)
{
    need_tracer();
    return enabled_provider(ret);
}

static void fire(const usdt_probedef_t *probedef)
{
    static char customer[] = "Ada";
    void *args[] = {(void *)42L, customer};

    if (usdt_is_enabled(probedef->probe))
        usdt_fire_probe(probedef->probe, 2, args);
}

static void end(usdt_provider_t *provider, usdt_probedef_t *probedef)
{
    usdt_probe_release(probedef);
    check_equal(usdt_provider_disable(provider), 0);
    usdt_provider_free(provider);
}

/* ------------------------------------------------------------------- what programs rely on -- */

static void fields_tell_what_programs_read(void **state)
{
    usdt_provider_t *provider = usdt_create_provider("shop", "module");
    usdt_probedef_t *probedef = add(provider, "pay", "order");

    (void)state;
    check_text(provider->name, "shop");
    check_text(provider->module, "module");
    check_text(probedef->function, "pay");
    check_text(probedef->name, "order");
    check_equal(probedef->argc, 2);
    check_text(probedef->types[1], "char *");
    check(provider->probedefs == probedef && !provider->enabled);
    check(probedef->probe == NULL);
    check_text(usdt_errstr(provider), "");
    check_equal(usdt_provider_enable(provider), 0);
    check(probedef->probe != NULL && provider->enabled);
    check_equal(probedef->probe->isenabled_addr(), 0);
    check_equal(usdt_provider_disable(provider), 0);
    check(probedef->probe == NULL && !provider->enabled);
    end(provider, probedef);
}

static void a_probe_is_enabled_only_while_it_is_watched(void **state)
{
    usdt_probedef_t *probedef;
    usdt_provider_t *provider = provider_to_trace(&probedef);
    int tracer;

    (void)state;
    check_equal(usdt_is_enabled(probedef->probe), 0);
    tracer = watch("shop", "order");
    check_equal(usdt_is_enabled(probedef->probe), 1);
    for (int i = 0; i < 10; i++)
        fire(probedef);
    usdt_fire_probe(probedef->probe, 0, NULL); /* missing arguments are 0 */
    usdt_fire_probe(probedef->probe, USDT_ARG_MAX,
                    (void *[USDT_ARG_MAX]){NULL}); /* excess: dropped */
    check_equal(tracer_count(tracer), 12);
    close(tracer);
    check_equal(usdt_is_enabled(probedef->probe), 0);
    end(provider, probedef);
}

static void types_of_c_are_mapped(void **state)
{
    const char *types[] = {"char",       "unsigned char", "int16_t",  "unsigned",
                           "long",       "size_t",        "uint64_t", "const char *",
                           "struct a *", "string",        "_Bool",    "struct b"};
    usdt_provider_t *provider = usdt_create_provider("types", "module");
    usdt_probedef_t *probedef = usdt_create_probe("f", "all", 12, types);
    struct seen seen;

    (void)state;
    check_equal(usdt_provider_add_probe(provider, probedef), 0);
    check_equal(usdt_provider_enable(provider), 0);
    check_equal(see("types", "all", &seen), 1);
    check_text(seen.signature,
               "int8, uint8, int16, uint32, int64, uint64, uint64, string, pointer, "
               "string, bool, uint64");
    end(provider, probedef);
}

static void more_than_twelve_arguments_are_refused(void **state)
{
    const char *types[USDT_ARG_MAX + 1];
    usdt_provider_t *provider = usdt_create_provider("shop", "module");
    usdt_probedef_t *probedef;

    (void)state;
    for (size_t i = 0; i < USDT_ARG_MAX + 1; i++)
        types[i] = "int";
    for (size_t argc = 13; argc <= USDT_ARG_MAX + 1; argc++) {
        probedef = usdt_create_probe("pay", "order", argc, types);
        check_equal(usdt_provider_add_probe(provider, probedef), -1);
        check_mentions(usdt_errstr(provider),
                       argc < 33 ? " arguments; at most 12 are allowed" : "has 32 arguments");
        check_equal(usdt_is_enabled(probedef->probe), 0);
        usdt_fire_probe(probedef->probe, 0, NULL);
        usdt_probe_release(probedef);
    }
    check(provider->probedefs == NULL);
    check_equal(usdt_provider_enable(provider), -1); /* it still says why there is no probe */
    check_mentions(usdt_errstr(provider), "has 32 arguments");
    usdt_provider_free(provider);
}

/* ------------------------------------------------------------------------------------ names -- */

static void a_probe_has_its_name_or_function_and_name(void **state)
{
    usdt_provider_t *provider = usdt_create_provider("my-app", "module");
    usdt_probedef_t *probedefs[] = {
        add(provider, "read", "start"),
        add(provider, "write", "start"),
        add(provider, "read", "0arg-x"),
    };

    (void)state;
    check_equal(usdt_provider_enable(provider), 0);
    check_equal(see("my__app", "start", NULL), 1);
    check_equal(see("my__app", "write__start", NULL), 1);
    check_equal(see("my__app", "_0arg__x", NULL), 1);
    usdt_probe_release(probedefs[0]);
    usdt_probe_release(probedefs[1]);
    end(provider, probedefs[2]);
}

static void probes_of_one_name_in_other_modules_are_one(void **state)
{
    usdt_probedef_t *first, *second;
    usdt_provider_t *one = provider_to_trace(&first), *other;
    int tracer;

    (void)state;
    other = usdt_create_provider("shop", "other");
    second = add(other, "pay", "order");
    check_equal(usdt_provider_enable(other), 0);
    check_equal(see("shop", "order", NULL), 1);
    tracer = watch("shop", "order");
    fire(first);
    fire(second);
    check_equal(tracer_count(tracer), 2);
    end(one, first);
    fire(second);
    check_equal(tracer_count(tracer), 3);
    close(tracer);
    end(other, second);
    check_equal(see("shop", "order", NULL), 0);
}

/* ----------------------------------------------------------------------- adding and removing -- */

static void a_removed_probe_fires_nothing_and_is_gone_after_the_next_enable(void **state)
{
    usdt_probedef_t *order, *refund;
    usdt_provider_t *provider = provider_to_trace(&order);
    int tracer;

    (void)state;
    refund = add(provider, "pay", "refund");
    check_equal(usdt_provider_enable(provider), 0); /* loads what was added */
    check_mentions(usdt_errstr(provider), "enabled already");
    tracer = watch("shop", "refund");
    fire(refund);
    check_equal(tracer_count(tracer), 1);
    check_equal(usdt_provider_remove_probe(provider, refund), 0);
    check(refund->probe == NULL);
    fire(refund);
    check_equal(tracer_count(tracer), 1);
    close(tracer);
    check_equal(usdt_provider_remove_probe(provider, refund), -1);
    check_mentions(usdt_errstr(provider), "probe shop:module:pay:refund is not in the provider");

    check_equal(usdt_provider_disable(provider), 0);
    check_equal(usdt_provider_enable(provider), 0);
    check_equal(see("shop", "refund", NULL), 0);
    tracer = watch("shop", "order");
    fire(order);
    check_equal(tracer_count(tracer), 1);
    close(tracer);

    check_equal(usdt_provider_add_probe(provider, refund), 0); /* again */
    check_equal(usdt_provider_enable(provider), 0);
    check_equal(see("shop", "refund", NULL), 1);
    usdt_probe_release(refund);
    end(provider, order);
}

static void a_removed_probe_makes_room_for_one_with_other_arguments(void **state)
{
    usdt_probedef_t *order, *refund, *other;
    usdt_provider_t *provider = enabled_provider(&order);

    (void)state;
    refund = usdt_create_probe("pay", "refund", 2, two_types);
    other = usdt_create_probe("pay", "refund", 1, two_types);
    check_equal(usdt_provider_add_probe(provider, refund), 0);
    check_equal(usdt_provider_remove_probe(provider, refund), 0);
    check_equal(usdt_provider_add_probe(provider, other), -1); /* tracers may still see the first */
    check_mentions(usdt_errstr(provider), "exists already");
    check_equal(usdt_provider_disable(provider), 0);
    check_equal(usdt_provider_add_probe(provider, other), 0);
    check_equal(usdt_provider_add_probe(provider, refund), -1);
    check_equal(usdt_provider_enable(provider), 0);
    check_equal(see("shop", "order", NULL), 1);
    check_equal(see("shop", "refund", NULL), 1);
    usdt_probe_release(refund);
    usdt_probe_release(other);
    end(provider, order);
}

static void the_first_of_two_probes_can_be_removed(void **state)
{
    usdt_probedef_t *order, *refund;
    usdt_provider_t *provider = enabled_provider(&order);

    (void)state;
    refund = add(provider, "pay", "refund");
    check_equal(usdt_provider_remove_probe(provider, order), 0);
    check_equal(usdt_provider_disable(provider), 0);
    check_equal(usdt_provider_enable(provider), 0);
    check_equal(see("shop", "order", NULL), 0);
    check_equal(see("shop", "refund", NULL), 1);
    usdt_probe_release(order);
    end(provider, refund);
}

static void the_last_probe_can_be_removed(void **state)
{
    usdt_probedef_t *order;
    usdt_provider_t *provider = enabled_provider(&order);

    (void)state;
    check_equal(usdt_provider_remove_probe(provider, order), 0);
    check_equal(usdt_provider_disable(provider), 0);
    check_equal(see("shop", "order", NULL), 0);
    check_equal(usdt_provider_enable(provider), -1);
    check_mentions(usdt_errstr(provider), "has no probes");
    check_equal(usdt_provider_remove_probe(provider, order), -1);
    check_mentions(usdt_errstr(provider), "has no probes");
    end(provider, order);
}

static void a_definition_is_freed_by_the_last_who_has_it(void **state)
{
    usdt_provider_t *provider = usdt_create_provider("shop", "module");
    usdt_probedef_t *early = add(provider, "pay", "early"), *late = add(provider, "pay", "late"),
                    *removed = add(provider, "pay", "removed");

    (void)state;
    usdt_probe_release(early);
    check_text(provider->probedefs->name, "early");
    check_equal(usdt_provider_remove_probe(provider, removed), 0);
    check_text(removed->name, "removed");
    usdt_probe_release(removed);
    usdt_provider_free(provider);
    check_text(late->name, "late");
    check(late->probe == NULL);
    usdt_probe_release(late);
}

/* libusdt: each cycle leaks the sites. */
static void many_cycles_leave_nothing(void **state)
{
    usdt_probedef_t *order, *refund;
    usdt_provider_t *provider = enabled_provider(&order);
    struct held before;

    (void)state;
    refund = usdt_create_probe("pay", "refund", 2, two_types);
    check_equal(usdt_provider_add_probe(provider, refund), 0);
    check_equal(usdt_provider_enable(provider), 0);
    check_equal(usdt_provider_remove_probe(provider, refund), 0);
    check_equal(usdt_provider_disable(provider), 0);
    check_equal(usdt_provider_enable(provider), 0);
    before = held_now();
    for (int i = 0; i < 100; i++) {
        check_equal(usdt_provider_add_probe(provider, refund), 0);
        check_equal(usdt_provider_enable(provider), 0);
        check_equal(usdt_provider_remove_probe(provider, refund), 0);
        check_equal(usdt_provider_disable(provider), 0);
        check_equal(usdt_provider_enable(provider), 0);
    }
    check_held(before);
    usdt_probe_release(refund);
    end(provider, order);
}

/* ----------------------------------------------------------------------------------- errors -- */

static void duplicates_are_refused(void **state)
{
    usdt_provider_t *provider = usdt_create_provider("shop", "module"),
                    *other = usdt_create_provider("shop", "other");
    usdt_probedef_t *order = add(provider, "pay", "order"), *same, *different;

    (void)state;
    same = usdt_create_probe("pay", "order", 0, NULL);
    check_equal(usdt_provider_add_probe(provider, same), -1);
    check_mentions(usdt_errstr(provider), "probe shop:module:pay:order exists already");
    check_equal(usdt_provider_add_probe(other, order), -1); /* a definition is in one provider */
    check_mentions(usdt_errstr(other), "probe shop:other:pay:order exists already");
    different = usdt_create_probe("pay", "order", 1, two_types);
    check_equal(usdt_provider_add_probe(other, different), -1); /* one name, other arguments */
    check_mentions(usdt_errstr(other), "probe \"shop:order\" exists already");
    usdt_probe_release(same);
    usdt_probe_release(different);
    usdt_provider_free(other);
    end(provider, order);
}

static void bad_names_are_told_when_a_probe_is_added(void **state)
{
    usdt_provider_t *provider = usdt_create_provider("", "module");
    usdt_probedef_t *probedef = usdt_create_probe("pay", "", 0, NULL);

    (void)state;
    check_equal(usdt_provider_add_probe(provider, probedef), -1);
    check_mentions(usdt_errstr(provider), "provider name \"\" is not a name");
    usdt_provider_free(provider);
    provider = usdt_create_provider("shop", "module");
    check_equal(usdt_provider_add_probe(provider, probedef), -1);
    check_mentions(usdt_errstr(provider), "probe name \"\" is not a name");
    usdt_probe_release(probedef);
    usdt_provider_free(provider);
}

static void a_program_may_set_the_error(void **state)
{
    usdt_provider_t *provider = usdt_create_provider("shop", "module");

    (void)state;
    usdt_error(provider, USDT_ERROR_MALLOC);
    check_text(usdt_errstr(provider), "no memory");
    usdt_error(provider, USDT_ERROR_VALLOC);
    check_mentions(usdt_errstr(provider), "no memory for");
    usdt_error(provider, USDT_ERROR_LOADDOF, "because");
    check_mentions(usdt_errstr(provider), "shown: because");
    usdt_error(provider, USDT_ERROR_UNLOADDOF, "because");
    check_mentions(usdt_errstr(provider), "hidden: because");
    usdt_error(provider, (usdt_error_t)99);
    usdt_error(provider, (usdt_error_t)-1);
    check_mentions(usdt_errstr(provider), "hidden: because");
    usdt_provider_free(provider);
}

static void everything_takes_null(void **state)
{
    const char *types[] = {"int", NULL};
    usdt_provider_t *provider = usdt_create_provider("shop", "module");

    (void)state;
    check(usdt_create_provider(NULL, "module") == NULL);
    check(usdt_create_provider("shop", NULL) == NULL);
    check(usdt_create_probe(NULL, "order", 0, NULL) == NULL);
    check(usdt_create_probe("pay", NULL, 0, NULL) == NULL);
    check(usdt_create_probe("pay", "order", 1, NULL) == NULL);
    check(usdt_create_probe("pay", "order", 2, types) == NULL);
    check_equal(usdt_provider_add_probe(NULL, NULL), -1);
    check_equal(usdt_provider_add_probe(provider, NULL), -1);
    check_equal(usdt_provider_remove_probe(provider, NULL), -1);
    check_equal(usdt_provider_enable(NULL), -1);
    check_equal(usdt_provider_disable(NULL), 0);
    check_text(usdt_errstr(NULL), "");
    usdt_error(NULL, USDT_ERROR_MALLOC);
    check_equal(usdt_is_enabled(NULL), 0);
    usdt_fire_probe(NULL, 1, NULL);
    usdt_probe_release(NULL);
    usdt_provider_free(NULL);
    usdt_provider_free(provider);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_tell_what_programs_read),
        cmocka_unit_test(a_probe_is_enabled_only_while_it_is_watched),
        cmocka_unit_test(types_of_c_are_mapped),
        cmocka_unit_test(more_than_twelve_arguments_are_refused),
        cmocka_unit_test(a_probe_has_its_name_or_function_and_name),
        cmocka_unit_test(probes_of_one_name_in_other_modules_are_one),
        cmocka_unit_test(a_removed_probe_fires_nothing_and_is_gone_after_the_next_enable),
        cmocka_unit_test(a_removed_probe_makes_room_for_one_with_other_arguments),
        cmocka_unit_test(the_first_of_two_probes_can_be_removed),
        cmocka_unit_test(the_last_probe_can_be_removed),
        cmocka_unit_test(a_definition_is_freed_by_the_last_who_has_it),
        cmocka_unit_test(many_cycles_leave_nothing),
        cmocka_unit_test(duplicates_are_refused),
        cmocka_unit_test(bad_names_are_told_when_a_probe_is_added),
        cmocka_unit_test(a_program_may_set_the_error),
        cmocka_unit_test(everything_takes_null),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
