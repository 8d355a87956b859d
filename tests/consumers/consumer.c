/* SPDX-License-Identifier: MIT */
/*
 * A program that uses librst as other programs do: it declares a probe, loads it and fires it, in C
 * or in C++. It prints on stderr what went wrong.
 */
#include <rst.h>

#include <stdio.h>
#include <string.h>

static unsigned evaluated;

static uint32_t length_of(const char *text)
{
    evaluated++;
    for (uint32_t length = 0;; length++)
        if (text[length] == '\0')
            return length;
}

static int fail(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, rst_error());
    return 1;
}

/* Raise the semaphore, as the kernel does for a tracer; its mapping is private and writable. */
static void raise_semaphore(const rst_probe *probe, uint16_t value)
{
    const volatile uint32_t *semaphore = rst_probe_semaphore(probe);
    uint16_t *writable;

    memcpy(&writable, &semaphore, sizeof(writable));
    *writable = value;
}

int main(void)
{
    rst_provider *provider = rst_provider_new("consumer");
    rst_probe *probe = rst_provider_add(provider, "line", "string text, uint32 length");
    const uint64_t args[] = {0, 0};

    if (!provider || !probe || strcmp(rst_version(), RST_VERSION) != 0)
        return fail("declaring");
    RST_FIRE(probe, "not yet", length_of("not yet"));
    if (rst_provider_load(provider) < 0 || !rst_provider_loaded(provider) || !rst_probe_path(probe))
        return fail("loading");
    RST_FIRE(probe, "unwatched", length_of("unwatched"));
    if (evaluated != 0)
        return fail("firing while nobody watches");
    raise_semaphore(probe, 1);
    RST_FIRE(probe, "watched", length_of("watched"));
    rst_probe_fire(probe, args, 2);
    if (evaluated != 1 || !rst_probe_enabled(probe))
        return fail("firing");
    raise_semaphore(probe, 0);
    if (rst_provider_unload(provider) < 0)
        return fail("unloading");
    rst_provider_free(provider);
    puts("declared, loaded, fired");
    return 0;
}
