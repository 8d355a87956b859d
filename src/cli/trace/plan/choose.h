/* SPDX-License-Identifier: MIT */
/*
 * The steps of plan_make(), after the probes and their sites are known.
 */
#ifndef CLI_TRACE_CHOOSE_H
#define CLI_TRACE_CHOOSE_H

#include "cli/base/text.h"
#include "cli/trace/plan/filter.h"
#include "cli/trace/plan/plan.h"

/* variant.c: the probe's arguments, by its first site; its variants, by all its sites. */
void plan_read_arguments(struct plan_probe *probe);
void plan_add_variants(struct plan *plan, size_t probe, size_t file);

/*
 * Set the argument that an option names and a probe lacks, or NULL, for each probe, and report
 * them. Gives false if all lack one, which the steps below report.
 */
bool choose_probes(const struct plan *plan, const struct filter *filter, const char **missing);

/* Make strings of the arguments that --string names, and find those of --by and --hist. */
enum status choose_arguments(struct plan *plan);

/* Give each variant its condition. */
enum status choose_conditions(struct plan *plan, struct filter *filter);

/* Report why --filter is wrong. Takes the error over. Gives STATUS_USAGE. */
enum status say_bad_filter(const char *text, struct filter_error error);

/* "such argument, only id, path", or "arguments". */
void plan_add_names(struct text *ret, const struct plan_probe *probe);

#endif
