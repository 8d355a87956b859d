/* SPDX-License-Identifier: MIT */
/*
 * The script for bpftrace. When rst runs it, it prints these records, as the `data` of the lines of
 * `-f json`:
 *
 *     E CPU TID PROBE PID NANOSECONDS VALUE... COMM     a hit, values in hexadecimal
 *     S CPU TID NANOSECONDS INDEX TEXT                  one of its arguments, a string
 *     K CPU TID NANOSECONDS FRAMES                      its stack
 *     N PROBE ID TEXT                                   --by a string: maps have ID instead
 *     T                                                 all earlier records were read
 *
 * The records of a hit come in this order on its CPU and thread. Others may come between, and any
 * may be lost. NANOSECONDS are those of the hit, the same in all its records, and different for
 * each hit of a thread. So a string is never shown with another hit than its own.
 *
 * A traced program can choose COMM and TEXT. They are always last in a record, and JSON tells where
 * the record ends, so that no text can look like anything else. Each string has a record of its own
 * because old versions have only 512 bytes of stack for one printf().
 *
 * Counts and histograms are maps, named @c0 and @h0 after the number of the probe. A histogram is a
 * map of counts by power of two, because hist() has no negative numbers, no fractions, and in 0.17
 * nothing above 2^31.
 */
#include <stdlib.h>
#include <string.h>

#include "cli/base/quote.h"
#include "cli/trace/trace.h"
#include "cli/usdt/usdt.h"

#define TICK 100 /* milliseconds */

/* ------------------------------------------------------------------------- arguments -- */

/* An argument in 64 bits. Those above its size mean nothing. */
static void add_raw(struct text *ret, const struct trace_argument *argument)
{
    if (argument->place)
        text_add(ret, argument->place);
    else
        text_addf(ret, "arg%zu", argument->index);
}

/* An argument with zeros above its size. */
static void add_unsigned(struct text *ret, const struct trace_argument *argument)
{
    text_add(ret, argument->size < 8 ? "((uint64)" : "(uint64)");
    text_add(ret, argument->place ? "(" : "");
    add_raw(ret, argument);
    text_add(ret, argument->place ? ")" : "");
    if (argument->size < 8)
        text_addf(ret, " & 0x%llx)", (1ULL << (8 * argument->size)) - 1);
}

void trace_add_key(struct text *ret, const struct trace_argument *argument)
{
    unsigned bits = 8U * argument->size;

    text_add(ret, "(int64)");
    if (bits == 64 && argument->is_signed) {
        add_unsigned(ret, argument);
        return;
    }
    if (bits < 64 && !argument->is_signed) {
        add_unsigned(ret, argument);
        return;
    }
    text_add(ret, "(");
    add_unsigned(ret, argument);
    if (bits == 64)
        text_add(ret, " ^ (1 << 63))");
    else
        text_addf(ret, " ^ 0x%llx)", 1ULL << (bits - 1));
}

uint64_t trace_bits_of_key(const struct trace_argument *argument, int64_t key)
{
    unsigned bits = 8U * argument->size;

    if ((bits == 64) == argument->is_signed)
        return (uint64_t)key;
    return (uint64_t)key ^ (UINT64_C(1) << (bits - 1));
}

void trace_add_string(struct text *ret, const struct trace_argument *argument,
                      const struct trace_bpftrace *bpftrace)
{
    text_add(ret, "str(");
    add_raw(ret, argument);
    text_addf(ret, ", %zu)", bpftrace->string_size);
}

void trace_add_number(struct text *ret, int64_t number)
{
    if (number == INT64_MIN) /* its digits without the sign are not an int64 */
        text_add(ret, "(-9223372036854775807 - 1)");
    else
        text_addf(ret, "%lld", (long long)number);
}

/* --------------------------------------------------------------------------- records -- */

static void add_hit(struct text *ret, const struct trace_probe *probe, size_t number)
{
    text_addf(ret, "    $t = nsecs;\n    printf(\"E %%d %%d %zu %%d %%lld", number);
    for (size_t i = 0; i < probe->argument_count; i++)
        text_add(ret, probe->arguments[i].unreadable ? "" : " %llx");
    text_add(ret, " %s\", cpu, tid, pid, $t");
    for (size_t i = 0; i < probe->argument_count; i++) {
        if (probe->arguments[i].unreadable)
            continue;
        text_add(ret, ", (uint64)");
        text_add(ret, probe->arguments[i].place ? "(" : "");
        add_raw(ret, &probe->arguments[i]);
        text_add(ret, probe->arguments[i].place ? ")" : "");
    }
    text_add(ret, ", comm);\n");
}

static void add_records(struct text *ret, const struct trace *trace,
                        const struct trace_probe *probe, size_t number)
{
    add_hit(ret, probe, number);
    for (size_t i = 0; i < probe->argument_count; i++) {
        const struct trace_argument *argument = &probe->arguments[i];

        if (argument->kind != TRACE_STRING || argument->unreadable)
            continue;
        text_addf(ret, "    printf(\"S %%d %%d %%lld %zu %%s\", cpu, tid, $t, ", i);
        trace_add_string(ret, argument, &trace->bpftrace);
        text_add(ret, ");\n");
    }
    if (trace->options.stack)
        text_add(ret, "    printf(\"K %d %d %lld %s\", cpu, tid, $t, ustack);\n");
}

/* ------------------------------------------------------------------------------ maps -- */

/* $p: 0 if $v is 0, else 1 + the highest power of two that is not above $v. */
static void add_power(struct text *ret)
{
    text_add(ret, "    $p = (uint64)0;\n"
                  "    if ($v != 0) {\n"
                  "        $p = 1;\n");
    for (int shift = 32; shift > 0; shift /= 2)
        text_addf(ret, "        if (($v >> %d) != 0) { $p = $p + %d; $v = $v >> %d; }\n", shift,
                  shift, shift);
    text_add(ret, "    }\n");
}

static void add_hist_values(struct text *ret, const struct trace_argument *argument)
{
    if (argument->kind == TRACE_FLOAT || argument->kind == TRACE_DOUBLE) {
        /* A float's power of two is its sign and exponent. */
        text_add(ret, "    $b = (int64)(");
        add_unsigned(ret, argument);
        text_addf(ret, " >> %d);\n", argument->size == 8 ? 52 : 23);
        return;
    }
    text_add(ret, "    $v = ");
    add_unsigned(ret, argument);
    text_add(ret, ";\n");
    if (argument->is_signed) {
        text_add(ret, "    $n = (int64)0;\n    if (");
        trace_add_key(ret, argument);
        text_add(ret, " < ");
        trace_add_number(ret, argument->size == 8 ? 0 : (int64_t)1 << (8 * argument->size - 1));
        text_add(ret, ") {\n        $n = 1;\n        $v = (~$v + 1)");
        if (argument->size < 8)
            text_addf(ret, " & 0x%llx", (1ULL << (8 * argument->size)) - 1);
        text_add(ret, ";\n    }\n");
    }
    add_power(ret);
    text_add(ret, "    $b = (int64)$p;\n");
    if (argument->is_signed)
        text_add(ret, "    if ($n == 1) { $b = 0 - $b; }\n");
}

/*
 * In 0.27's JSON, strings in a map's keys lose their blanks. So a string gets a number as its key,
 * and a record tells which string it is.
 */
static void add_name(struct text *ret, const struct trace *trace, const struct trace_argument *by,
                     size_t number)
{
    struct text string = {0};

    trace_add_string(&string, by, &trace->bpftrace);
    text_addf(ret,
              "    if (@i%zu[%s] == 0) {\n"
              "        @i%zu[%s] = (nsecs << 8) | (cpu & 255);\n"
              "        printf(\"N %zu %%llx %%s\", @i%zu[%s], %s);\n"
              "    }\n",
              number, string.bytes, number, string.bytes, number, number, string.bytes,
              string.bytes);
    free(string.bytes);
}

static void add_map(struct text *ret, const struct trace *trace, const struct trace_probe *probe,
                    size_t number)
{
    struct text string = {0};

    text_clear(&string);
    if (probe->by && probe->by->kind == TRACE_STRING) {
        add_name(ret, trace, probe->by, number);
        trace_add_string(&string, probe->by, &trace->bpftrace);
    }
    if (probe->hist)
        add_hist_values(ret, probe->hist);
    text_addf(ret, "    @%c%zu", probe->hist ? 'h' : 'c', number);
    if (probe->by || probe->hist)
        text_add(ret, "[");
    if (string.size > 0)
        text_addf(ret, "@i%zu[%s]", number, string.bytes);
    else if (probe->by)
        trace_add_key(ret, probe->by);
    if (probe->hist)
        text_addf(ret, "%s$b", probe->by ? ", " : "");
    if (probe->by || probe->hist)
        text_add(ret, "]");
    text_add(ret, " = count();\n");
    free(string.bytes);
}

/* ------------------------------------------------------------------------ for people -- */

static const char *form_of(const struct trace_argument *argument)
{
    switch (argument->kind) {
    case TRACE_STRING:
        return "\\\"%s\\\"";
    case TRACE_POINTER:
        return "0x%llx";
    case TRACE_FLOAT:
    case TRACE_DOUBLE:
        return "bits:0x%llx";
    default:
        return argument->is_signed ? "%lld" : "%llu";
    }
}

/* The argument with its sign. */
static void add_shown(struct text *ret, const struct trace *trace,
                      const struct trace_argument *argument)
{
    if (argument->kind == TRACE_STRING) {
        trace_add_string(ret, argument, &trace->bpftrace);
    } else if (argument->is_signed && argument->size < 8) {
        text_add(ret, "(int64)");
        text_addf(ret, "(int%d)", 8 * argument->size);
        text_add(ret, argument->place ? "(" : "");
        add_raw(ret, argument);
        text_add(ret, argument->place ? ")" : "");
    } else {
        add_unsigned(ret, argument);
    }
}

/* Each argument has a printf() of its own, because of the small stack of old versions. */
static void add_prints(struct text *ret, const struct trace *trace, const struct trace_probe *probe)
{
    text_addf(ret, "    printf(\"%%d %s:%s\", tid);\n", probe->provider, probe->name);
    for (size_t i = 0; i < probe->argument_count; i++) {
        const struct trace_argument *argument = &probe->arguments[i];

        if (argument->unreadable)
            continue;
        text_addf(ret, "    printf(\" %s=%s\", ", argument->name, form_of(argument));
        add_shown(ret, trace, argument);
        text_add(ret, ");\n");
    }
    text_add(ret,
             trace->options.stack ? "    printf(\"%s\\n\", ustack);\n" : "    printf(\"\\n\");\n");
}

static void add_plain_map(struct text *ret, const struct trace *trace,
                          const struct trace_probe *probe)
{
    text_addf(ret, "    @[\"%s:%s\"", probe->provider, probe->name);
    if (probe->by) {
        text_add(ret, ", ");
        add_shown(ret, trace, probe->by);
    }
    text_add(ret, "] = ");
    text_add(ret, probe->hist ? "hist(" : "count(");
    if (probe->hist)
        add_shown(ret, trace, probe->hist);
    text_add(ret, ");\n");
}

/* ---------------------------------------------------------------------------- script -- */

static void add_predicate(struct text *ret, const struct trace *trace,
                          const struct trace_probe *probe)
{
    if (trace->one_pid || probe->pid_count == 0)
        return;
    text_add(ret, " /");
    for (size_t i = 0; i < probe->pid_count; i++)
        text_addf(ret, "%spid == %ld", i ? " || " : "", (long)probe->pids[i]);
    text_add(ret, "/");
}

static void add_body(struct text *ret, const struct trace *trace, size_t number, bool for_people)
{
    const struct trace_probe *probe = &trace->probes[number];

    if (trace->options.mode == TRACE_HITS && for_people)
        add_prints(ret, trace, probe);
    else if (trace->options.mode == TRACE_HITS)
        add_records(ret, trace, probe, number);
    else if (for_people)
        add_plain_map(ret, trace, probe);
    else
        add_map(ret, trace, probe, number);
}

/*
 * Clear the maps with the numbers of strings at the end, so that they are not printed. A script may
 * have only one END.
 */
static void add_end(struct text *ret, const struct trace *trace)
{
    bool any = false;

    for (size_t i = 0; i < trace->probe_count; i++)
        if (trace->probes[i].by && trace->probes[i].by->kind == TRACE_STRING) {
            text_addf(ret, "%s    clear(@i%zu);\n", any ? "" : "END\n{\n", i);
            any = true;
        }
    text_add(ret, any ? "}\n" : "");
}

void trace_script(const struct trace *trace, bool for_people, struct text *ret)
{
    for (size_t i = 0; i < trace->probe_count; i++) {
        const struct trace_probe *probe = &trace->probes[i];

        text_addf(ret,
                  is_plain_word(probe->path, TRACE_PATH) ? "usdt:%s:%s:%s" : "usdt:\"%s\":%s:%s",
                  probe->path, probe->provider, probe->name);
        add_predicate(ret, trace, probe);
        text_add(ret, "\n{\n");
        if (probe->condition)
            text_addf(ret, "    if (%s) {\n", probe->condition);
        add_body(ret, trace, i, for_people);
        text_add(ret, probe->condition ? "    }\n}\n" : "}\n");
    }
    if (!for_people)
        text_addf(ret, "interval:ms:%d\n{\n    printf(\"T\");\n}\n", TICK);
    if (!for_people)
        add_end(ret, trace);
}

void trace_variables(const struct trace *trace, char *ret[TRACE_VARIABLES])
{
    size_t probes = 2 * trace->probe_count + 16, sites = 0, at = 0;

    for (size_t i = 0; i < trace->probe_count; i++)
        sites += trace->probes[i].site_count;
    if (sites > probes)
        probes = sites + 16;
    if (trace->bpftrace.version < 20)
        sure(asprintf(&ret[at++], "BPFTRACE_STRLEN=%zu", trace->bpftrace.string_size) < 0 ? NULL
                                                                                          : ret);
    else
        sure(asprintf(&ret[at++], "BPFTRACE_MAX_STRLEN=%zu", trace->bpftrace.string_size) < 0
                 ? NULL
                 : ret);
    if (trace->options.mode != TRACE_HITS)
        ret[at++] = sure(strdup(trace->bpftrace.version < 20 ? "BPFTRACE_MAP_KEYS_MAX=65536"
                                                             : "BPFTRACE_MAX_MAP_KEYS=65536"));
    if (probes > 500) {
        sure(asprintf(&ret[at++], "BPFTRACE_MAX_PROBES=%zu", probes) < 0 ? NULL : ret);
        sure(asprintf(&ret[at++], "BPFTRACE_MAX_BPF_PROGS=%zu", probes) < 0 ? NULL : ret);
    }
    ret[at] = NULL;
}
