/* SPDX-License-Identifier: MIT */
#include "self_plan.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "support/children.h"

void self_plan_begin(struct self_plan *ret, pid_t pid)
{
    struct plan *plan = &ret->plan;

    *ret = (struct self_plan){.options = {.string_bytes = TRACE_STRING_BYTES}, .pid = pid};
    plan->probes = calloc(SELF_MOST_PROBES, sizeof(*plan->probes));
    plan->variants = calloc(SELF_MOST_PROBES, sizeof(*plan->variants));
    plan->files = calloc(SELF_MOST_PROBES, sizeof(*plan->files));
    check(plan->probes && plan->variants && plan->files);
}

/* librst passes arguments as the C ABI does. */
static struct plan_value value_in(const struct plan_variant *variant, enum value_kind kind,
                                  size_t argument)
{
    char text[RST_OPERAND_ROOM];
    struct operand operand = {.size = 8, .text = text};

    operand.length = rst_operand(rst_arch_native(), argument, 8, text);
    return (struct plan_value){
        .kind = kind, .size = 8, .location = location_of(variant->context, &operand, 0, NULL)};
}

static struct plan_site find_site(const struct usdt_file *file, const char *name, size_t number)
{
    for (size_t i = 0; i < file->count; i++)
        if (strcmp(file->probes[i].name, name) == 0)
            return (struct plan_site){&file->probes[i], number, file->probes[i].site,
                                      file->probes[i].semaphore};
    check_failed(__FILE__, __LINE__, "no probe %s in the file", name);
    return (struct plan_site){0};
}

void self_plan_add(struct self_plan *self, const char *provider, const rst_probe *probe)
{
    struct plan *plan = &self->plan;
    size_t number = plan->probe_count;
    struct plan_variant *variant = &plan->variants[number];
    int fd = open(rst_probe_path(probe), O_RDONLY | O_CLOEXEC);

    check(fd >= 0 && number < SELF_MOST_PROBES);
    check_equal(usdt_read(fd, "the probe's file", &self->files[number]), 0);
    close(fd);
    plan->options = &self->options;
    self->sources[number] =
        (struct source){.pid = self->pid, .kind = SOURCE_MEMFD, .file = &self->files[number]};
    plan->files[number] = (struct plan_file){
        .source = &self->sources[number],
        .path = strdup(rst_probe_path(probe)),
        .pids = self->pid ? &self->pid : NULL,
        .pid_count = self->pid ? 1 : 0,
    };
    snprintf(self->titles[number], sizeof(self->titles[number]), "%s:%s", provider,
             rst_probe_name(probe));
    plan->probes[number] = (struct plan_probe){
        .provider = provider,
        .name = rst_probe_name(probe),
        .title = self->titles[number],
        .argument_count = strchr(rst_probe_signature(probe), ',') ? 2 : 1,
        .by = self->options.by ? 0 : -1,
        .hist = self->options.hist ? 0 : -1,
        .alike = number,
        .site_count = 1,
    };
    *variant = (struct plan_variant){.probe = number, .site_count = 1};
    variant->context = context_find(context_kernel(), rst_arch_native());
    variant->values[0] = value_in(variant, VALUE_INTEGER, 0);
    variant->values[1] = value_in(variant, VALUE_STRING, 1);
    variant->sites = calloc(1, sizeof(*variant->sites));
    check(variant->sites);
    *variant->sites = find_site(&self->files[number], rst_probe_name(probe), number);
    plan->probe_count = plan->variant_count = plan->file_count = plan->site_count = number + 1;
}

void self_plan_free(struct self_plan *self)
{
    for (size_t i = 0; i < self->plan.file_count; i++) {
        free(self->plan.files[i].path);
        free(self->plan.variants[i].sites);
        usdt_free(&self->files[i]);
    }
    free(self->plan.probes);
    free(self->plan.variants);
    free(self->plan.files);
}
