/* SPDX-License-Identifier: MIT */
#include "report.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>

/* ----------------------------------------------------------------------- statistics -- */

static int by_value(const void *left, const void *right)
{
    const double *a = left, *b = right;

    return (*a > *b) - (*a < *b);
}

/* The value at `part` of the sorted values, interpolated between neighbours. */
static double quantile(const double *sorted, size_t count, double part)
{
    double at = part * (double)(count - 1);
    size_t below = (size_t)at;
    double over = at - (double)below;

    return below + 1 < count ? sorted[below] * (1 - over) + sorted[below + 1] * over
                             : sorted[below];
}

struct spread metric_spread(const struct metric *metric)
{
    double sorted[BENCH_MOST_ROUNDS];

    if (!metric || metric->count == 0)
        return (struct spread){0, 0, 0};
    memcpy(sorted, metric->values, metric->count * sizeof(sorted[0]));
    qsort(sorted, metric->count, sizeof(sorted[0]), by_value);
    return (struct spread){
        quantile(sorted, metric->count, 0.25),
        quantile(sorted, metric->count, 0.5),
        quantile(sorted, metric->count, 0.75),
    };
}

static double median_of(const struct contender *contender, const char *metric)
{
    return metric_spread(contender_metric(contender, metric)).median;
}

/* The ratio without the cost of the loop; 0 if there is no baseline. */
static double ratio(const struct question *question, const struct contender *contender)
{
    double empty = median_of(question_contender(question, question->empty), "ns");
    double base = median_of(question_contender(question, question->baseline), "ns") - empty;
    double own = median_of(contender, "ns");

    return base > 0 && own > 0 ? (own - empty) / base : 0;
}

static bool is_empty(const struct question *question, const struct contender *contender)
{
    return question->empty && strcmp(question->empty, contender->id) == 0;
}

/* ----------------------------------------------------------------------------- text -- */

static void text_row(const struct question *question, const struct contender *contender)
{
    struct spread ns = metric_spread(contender_metric(contender, "ns"));
    double empty = median_of(question_contender(question, question->empty), "ns");

    printf("  %-49s %9.3f %9.3f..%-9.3f", contender->label, ns.median, ns.low, ns.high);
    if (is_empty(question, contender))
        printf(" %9s %7s", "", "");
    else
        printf(" %9.3f %6.2fx", ns.median - empty, ratio(question, contender));
    printf("  %s\n", contender->note);
}

static void text_load_row(const struct contender *contender)
{
    double size = (double)contender->size;

    printf("  %-20s %7zu %11.1f %11.1f %8.3f %11.1f %8.1f %8.1f\n", contender->label,
           contender->size, median_of(contender, "add_ns") / 1e3,
           median_of(contender, "load_ns") / 1e3, median_of(contender, "load_ns") / 1e3 / size,
           median_of(contender, "cycle_ns") / 1e3, median_of(contender, "image_contents") / size,
           median_of(contender, "rss") / size);
}

void report_text(const struct question *question)
{
    printf("\n%s\n", question->title);
    if (question->contenders[0].series)
        printf("  %-20s %7s %11s %11s %8s %11s %8s %8s\n", "", "count", "add us", "load us",
               "us each", "cycle us", "image B", "RSS B");
    else
        printf("  %-49s %9s %20s %9s %7s\n", "", "median ns", "quartiles", "net ns", "ratio");
    for (size_t i = 0; i < question->count; i++) {
        const struct contender *contender = &question->contenders[i];

        if (contender->failed[0])
            printf("  %-49s FAILED: %s\n", contender->label, contender->failed);
        else if (contender->skipped[0])
            printf("  %-49s skipped: %s\n", contender->label, contender->skipped);
        else if (contender->series)
            text_load_row(contender);
        else
            text_row(question, contender);
    }
    fflush(stdout);
}

/* ----------------------------------------------------------------------------- JSON -- */

static void put_string(FILE *out, const char *text)
{
    putc('"', out);
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            putc('\\', out);
        if ((unsigned char)*text >= ' ')
            putc(*text, out);
    }
    putc('"', out);
}

static void put_field(FILE *out, const char *indent, const char *name, const char *value)
{
    fprintf(out, "%s\"%s\": ", indent, name);
    put_string(out, value);
    fputs(",\n", out);
}

/* The value in the first line of a file that begins with `key`. */
static void read_value(const char *path, const char *key, char ret[128])
{
    FILE *file = fopen(path, "re");
    char line[1024];

    strcpy(ret, "unknown");
    while (file && fgets(line, sizeof(line), file))
        if (strncmp(line, key, strlen(key)) == 0) {
            const char *value = line + strlen(key);

            snprintf(ret, 128, "%s", value + strspn(value, "\t :=\""));
            ret[strcspn(ret, "\"\n")] = '\0';
            break;
        }
    if (file)
        fclose(file);
}

static void put_machine(FILE *out)
{
    struct utsname name;
    char text[128];
    time_t now = time(NULL);
    struct tm date;

    fputs("  \"machine\": {\n", out);
    uname(&name);
    snprintf(text, sizeof(text), "%.32s %.48s %.32s", name.sysname, name.release, name.machine);
    put_field(out, "    ", "kernel", text);
    read_value("/proc/cpuinfo", "model name", text);
    put_field(out, "    ", "cpu", text);
    read_value("/proc/cpuinfo", "cpu family", text);
    put_field(out, "    ", "cpu_family", text);
    read_value("/etc/os-release", "PRETTY_NAME", text);
    put_field(out, "    ", "system", text);
    put_field(out, "    ", "compiler", BENCH_COMPILER);
    put_field(out, "    ", "flags", BENCH_FLAGS);
    gmtime_r(&now, &date);
    strftime(text, sizeof(text), "%Y-%m-%d", &date);
    fputs("    \"date\": ", out);
    put_string(out, text);
    fputs("\n  },\n", out);
}

static void put_metrics(FILE *out, const struct contender *contender)
{
    const char *comma = "";

    fputs("          \"metrics\": {", out);
    for (size_t i = 0; i < BENCH_MOST_METRICS && contender->metrics[i].name[0]; i++) {
        const struct metric *metric = &contender->metrics[i];
        struct spread spread = metric_spread(metric);

        fprintf(out,
                "%s\n            \"%s\": {\"median\": %.6g, \"low\": %.6g, \"high\": %.6g, "
                "\"rounds\": [",
                comma, metric->name, spread.median, spread.low, spread.high);
        for (size_t j = 0; j < metric->count; j++)
            fprintf(out, "%s%.6g", j ? ", " : "", metric->values[j]);
        fputs("]}", out);
        comma = ",";
    }
    fputs("\n          }", out);
}

static void put_contender(FILE *out, const struct question *question,
                          const struct contender *contender)
{
    fputs("        {\n", out);
    put_field(out, "          ", "id", contender->id);
    put_field(out, "          ", "label", contender->label);
    if (contender->series) {
        put_field(out, "          ", "series", contender->series);
        fprintf(out, "          \"size\": %zu,\n", contender->size);
    }
    if (contender->note[0])
        put_field(out, "          ", "note", contender->note);
    if (contender->checked[0])
        put_field(out, "          ", "checked", contender->checked);
    if (contender->skipped[0])
        put_field(out, "          ", "skipped", contender->skipped);
    if (contender->failed[0])
        put_field(out, "          ", "failed", contender->failed);
    if (ratio(question, contender) > 0 && !is_empty(question, contender))
        fprintf(out, "          \"ratio\": %.4g,\n", ratio(question, contender));
    put_metrics(out, contender);
    fputs("\n        }", out);
}

static void put_question(FILE *out, const struct question *question)
{
    fputs("    {\n", out);
    put_field(out, "      ", "id", question->id);
    put_field(out, "      ", "title", question->title);
    if (question->empty)
        put_field(out, "      ", "empty", question->empty);
    if (question->baseline)
        put_field(out, "      ", "baseline", question->baseline);
    fputs("      \"contenders\": [\n", out);
    for (size_t i = 0; i < question->count; i++) {
        put_contender(out, question, &question->contenders[i]);
        fputs(i + 1 < question->count ? ",\n" : "\n", out);
    }
    fputs("      ]\n    }", out);
}

int report_json(const char *path, const struct question *all, size_t count, size_t rounds)
{
    FILE *out = fopen(path, "we");
    bool wrong;

    if (!out)
        return -errno;
    fputs("{\n", out);
    put_machine(out);
    fprintf(out, "  \"rounds\": %zu,\n  \"questions\": [\n", rounds);
    for (size_t i = 0; i < count; i++) {
        put_question(out, &all[i]);
        fputs(i + 1 < count ? ",\n" : "\n", out);
    }
    fputs("  ]\n}\n", out);
    wrong = ferror(out) != 0;
    return fclose(out) == 0 && !wrong ? 0 : -EIO;
}
