/* SPDX-License-Identifier: MIT */
/*
 * Fuzz target: any bytes as the names and signatures of a provider and its probes.
 *
 *     input = provider { ";" probe [ "=" signature ] }
 *
 * librst must accept what the second grammar, expected_image.c, accepts, and refuse the rest with
 * the right errno and a printable message. The image of the accepted probes must keep every rule.
 */
#include "fuzz_target.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "image_rules.h"
#include "rst.h"
#include "sample_images.h"

#define MOST_PROBES 40

#define FAIL_IF(condition, ...)                                                                    \
    do {                                                                                           \
        if (condition) {                                                                           \
            fprintf(stderr, "fuzz_signature: " __VA_ARGS__);                                       \
            fputc('\n', stderr);                                                                   \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

struct input {
    const char *provider;
    size_t count;
    struct declaration probes[MOST_PROBES];
};

/* Split the text in place. */
static void read_input(char *text, struct input *input)
{
    input->provider = strsep(&text, ";");
    for (input->count = 0; text && input->count < MOST_PROBES; input->count++) {
        char *probe = strsep(&text, ";"), *name = strsep(&probe, "=");

        input->probes[input->count] = (struct declaration){name, probe};
    }
}

/* Compare the errno of the last call with the wanted one; 0 is success. */
static void check_outcome(const char *call, int seen, int wanted)
{
    FAIL_IF(seen != wanted, "%s: errno %d, should be %d: %s", call, seen, wanted, rst_error());
    if (wanted == 0)
        return;
    FAIL_IF(!*rst_error(), "%s: errno %d, and no message", call, seen);
    for (const char *at = rst_error(); *at; at++)
        FAIL_IF(*at < ' ' || *at > '~', "%s: the message has a byte %#x", call, *at & 0xff);
}

static int wanted_of_provider(const char *name)
{
    if (!expected_is_name(name))
        return EINVAL;
    return strlen(name) > 58 ? ENAMETOOLONG : 0;
}

/* What the name of a probe alone decides. */
static int wanted_of_probe(const char *name)
{
    if (!expected_is_name(name))
        return EINVAL;
    return strlen(name) > 127 ? ENAMETOOLONG : 0;
}

static bool is_known(const struct declaration *taken, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(taken[i].name, name) == 0)
            return true;
    return false;
}

/* Add a probe with the public function. Gives whether librst accepted it. */
static bool add_probe(rst_provider *provider, const struct declaration *probe, bool known)
{
    char *plain = NULL, *arguments = NULL;
    rst_probe *handle;
    int wanted = wanted_of_probe(probe->name);

    if (wanted == 0)
        wanted = expected_signature(&expected_cpus[0], probe->signature, &plain, &arguments);
    if (wanted == 0 && known)
        wanted = EEXIST;
    errno = 0;
    handle = rst_provider_add(provider, probe->name, probe->signature);
    check_outcome("rst_provider_add", handle ? 0 : errno, wanted);
    if (handle) {
        FAIL_IF(strcmp(rst_probe_name(handle), probe->name) != 0, "another name");
        FAIL_IF(strcmp(rst_probe_signature(handle), plain) != 0, "plain form \"%s\", not \"%s\"",
                rst_probe_signature(handle), plain);
    }
    free(plain);
    free(arguments);
    return handle;
}

static void check_image(const struct declarations *declarations, const struct sample_kind *kind)
{
    struct made_image made;
    struct elf_image image;

    FAIL_IF(!sample_make(declarations, declarations->count, kind, &made), "no image was made");
    FAIL_IF(!elf_image_open(&image, made.image.bytes, made.image.size), "%s", image.fault);
    for (size_t table = 0; table < sizeof(rule_tables) / sizeof(rule_tables[0]); table++)
        for (const struct rule *rule = rule_tables[table]; rule->name; rule++)
            FAIL_IF(!rule->check(&image, &made.expected), "%s: %s", rule->name, image.fault);
    elf_image_close(&image);
    sample_free(&made);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = strndup((const char *)data, size);
    struct declarations taken;
    rst_provider *provider;
    struct input input;

    FAIL_IF(!text, "no memory");
    read_input(text, &input);
    taken = (struct declarations){.provider = input.provider};
    errno = 0;
    provider = rst_provider_new(input.provider);
    check_outcome("rst_provider_new", provider ? 0 : errno, wanted_of_provider(input.provider));
    for (size_t i = 0; provider && i < input.count; i++) {
        bool known = is_known(input.probes, taken.count, input.probes[i].name);

        if (add_probe(provider, &input.probes[i], known))
            input.probes[taken.count++] = input.probes[i]; /* refused probes are overwritten */
    }
    if (taken.count > 0) {
        taken.probes = input.probes;
        check_image(&taken, &sample_kinds[size % sample_kind_count]);
    }
    rst_provider_free(provider);
    free(text);
    return 0;
}
