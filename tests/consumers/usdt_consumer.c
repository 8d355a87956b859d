/* SPDX-License-Identifier: MIT */
/* A program of libusdt's, in C or in C++. */
#include <usdt.h>

#include <stdio.h>

int main(void)
{
    const char *types[] = {"int"};
    usdt_provider_t *provider = usdt_create_provider("consumer", "module");
    usdt_probedef_t *line = usdt_create_probe("main", "line", 1, types);
    void *args[] = {&line};

    usdt_provider_add_probe(provider, line);
    if (usdt_provider_enable(provider) < 0) {
        fprintf(stderr, "enable: %s\n", usdt_errstr(provider));
        return 1;
    }
    usdt_fire_probe(line->probe, 1, args);
    if (usdt_is_enabled(line->probe) || usdt_provider_disable(provider) < 0)
        return 1;
    usdt_probe_release(line);
    usdt_provider_free(provider);
    puts("declared, loaded, fired");
    return 0;
}
