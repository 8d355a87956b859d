/* SPDX-License-Identifier: MIT */
/*
 * --for tracefs: a shell's commands that make the kernel's own events of the probes, one for each
 * site, show them, and take them away again.
 */
#include <elf.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "trace_tools.h"

/* tracefs takes letters, digits and _ alone. */
static void print_event_name(const char *name, size_t site)
{
    for (; *name; name++)
        putchar(*name == '-' || *name == '.' ? '_' : *name);
    if (site > 0)
        printf("_%zu", site + 1);
}

/* "%di", "+16(%bp)" to be followed by its type. Gives whether it can be said. */
static bool add_fetch(struct text *ret, const struct operand *operand)
{
    const char *name = trace_register_named(operand->text, operand->length), *open;
    size_t displacement;

    if (name) { /* a float's bits, too */
        text_addf(ret, "%%%s", name);
        return true;
    }
    open = memchr(operand->text, '(', operand->length);
    if (operand->kind == OPERAND_CONSTANT &&
        trace_is_decimal(operand->text + 1, operand->length - 1)) {
        text_addf(ret, "\\%.*s", (int)operand->length - 1, operand->text + 1);
        return true;
    }
    if (!open)
        return false;
    displacement = (size_t)(open - operand->text);
    name = trace_register_named(open + 1, operand->length - displacement - 2);
    if (!name || (displacement > 0 && !trace_is_decimal(operand->text, displacement)))
        return false;
    text_addf(ret, "%s%.*s(%%%s)", *operand->text == '-' ? "" : "+",
              displacement ? (int)displacement : 1, displacement ? operand->text : "0", name);
    return true;
}

static void print_fetches(const struct trace_probe *probe, const struct usdt_probe *site)
{
    const char *at = site->operands;
    struct operand operand;

    for (size_t i = 0; i < probe->argument_count; i++) {
        const struct trace_argument *argument = &probe->arguments[i];
        struct text fetch = {0};
        bool is_size;

        if (!operand_next(&at, probe->source->file->machine, &operand))
            break;
        is_size = operand.size == 1 || operand.size == 2 || operand.size == 4 || operand.size == 8;
        text_clear(&fetch);
        if (add_fetch(&fetch, &operand)) {
            if (argument->kind == TRACE_STRING)
                printf(" %s=+0(%s):ustring", argument->name, fetch.bytes);
            else
                printf(" %s=%s:%c%d", argument->name, fetch.bytes,
                       argument->kind == TRACE_POINTER ? 'x'
                       : operand.is_signed             ? 's'
                                                       : 'u',
                       8 * (is_size ? operand.size : 8));
        }
        free(fetch.bytes);
    }
}

/* For each site: `print` has the names of group and event. */
static void each_site(const struct trace *trace,
                      void (*print)(const struct trace_probe *probe, const struct usdt_probe *site,
                                    size_t number))
{
    for (size_t i = 0; i < trace->probe_count; i++) {
        const struct trace_probe *probe = &trace->probes[i];
        const struct usdt_probe *site = NULL;

        for (size_t number = 0; (site = trace_next_site(probe, site)); number++)
            print(probe, site, number);
    }
}

static void print_uprobe(const struct trace_probe *probe, const struct usdt_probe *site,
                         size_t number)
{
    printf("echo 'p:");
    print_event_name(probe->provider, 0);
    putchar('/');
    print_event_name(probe->name, number);
    printf(" %s:0x%" PRIx64, probe->source->path, site->site);
    if (site->semaphore)
        printf("(0x%" PRIx64 ")", site->semaphore);
    print_fetches(probe, site);
    printf("' >> uprobe_events\n");
}

static void print_enable(const struct trace_probe *probe, const struct usdt_probe *site,
                         size_t number)
{
    (void)site;
    printf("echo 1 > instances/rst/events/");
    print_event_name(probe->provider, 0);
    putchar('/');
    print_event_name(probe->name, number);
    printf("/enable\n");
}

static void print_remove(const struct trace_probe *probe, const struct usdt_probe *site,
                         size_t number)
{
    (void)site;
    printf("echo '-:");
    print_event_name(probe->provider, 0);
    putchar('/');
    print_event_name(probe->name, number);
    printf("' >> uprobe_events\n");
}

/* In an instance of its own, so that nobody else's events come in between. */
enum status trace_for_tracefs(const struct trace *trace)
{
    for (size_t i = 0; i < trace->probe_count; i++)
        if (trace->probes[i].source->file->machine != EM_X86_64) {
            say("--for tracefs knows x86_64's registers alone");
            return STATUS_FAILED;
        }
    printf("mountpoint -q /sys/kernel/tracing || mount -t tracefs tracefs /sys/kernel/tracing\n"
           "cd /sys/kernel/tracing\n");
    each_site(trace, print_uprobe);
    printf("mkdir instances/rst\n");
    if (trace->one_pid)
        printf("ls /proc/%ld/task > instances/rst/set_event_pid\n"
               "echo 1 > instances/rst/options/event-fork\n",
               (long)trace->one_pid);
    each_site(trace, print_enable);
    printf("cat instances/rst/trace_pipe # until Ctrl-C\n"
           "rmdir instances/rst\n");
    each_site(trace, print_remove);
    return STATUS_GOOD;
}
