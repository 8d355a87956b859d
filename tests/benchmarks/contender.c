/* SPDX-License-Identifier: MIT */
#include "contender.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lttng_session.h"

#define MOST_WORKERS 8

static struct {
    const char *name, *path;
} workers[MOST_WORKERS];

void worker_add(const char *name, const char *path)
{
    for (size_t i = 0; i < MOST_WORKERS; i++)
        if (!workers[i].name) {
            workers[i].name = name;
            workers[i].path = path;
            return;
        }
    fprintf(stderr, "--worker %s: there can be only %d workers\n", name, MOST_WORKERS);
    exit(2);
}

const char *worker_path(const char *name)
{
    for (size_t i = 0; i < MOST_WORKERS && workers[i].name; i++)
        if (strcmp(workers[i].name, name) == 0)
            return workers[i].path;
    return NULL;
}

const struct contender *question_contender(const struct question *question, const char *id)
{
    for (size_t i = 0; id && i < question->count; i++)
        if (strcmp(question->contenders[i].id, id) == 0)
            return &question->contenders[i];
    return NULL;
}

const struct metric *contender_metric(const struct contender *contender, const char *name)
{
    for (size_t i = 0; contender && i < BENCH_MOST_METRICS; i++)
        if (strcmp(contender->metrics[i].name, name) == 0)
            return &contender->metrics[i];
    return NULL;
}

static bool runs(const struct contender *contender)
{
    return contender->pid > 0;
}

static bool is_out(const struct contender *contender)
{
    return contender->skipped[0] || contender->failed[0];
}

/* ----------------------------------------------------------------------- the worker -- */

/* Keep the worker's message, or why there is none. */
static void note(char text[BENCH_LINE], const char *words)
{
    snprintf(text, BENCH_LINE, "%s", words);
    text[strcspn(text, "\n")] = '\0';
}

/* Runs in the child. */
static void become_worker(const struct contender *contender, int commands, int answers)
{
    const char *path = worker_path(contender->worker);
    const char *const words[] = {
        "bench", contender->session, path, contender->job, contender->arg ? contender->arg : "",
        NULL};
    char *const *argv = (char *const *)(uintptr_t)words;

    dup2(commands, STDIN_FILENO);
    dup2(answers, STDOUT_FILENO);
    unsetenv("RST_NOP");
    if (contender->nop)
        setenv("RST_NOP", contender->nop, 1);
    if (contender->session)
        execv("/proc/self/exe", argv);
    else
        execv(path, argv + 2);
    printf("fail exec of %s: %s\n", path, strerror(errno));
    fflush(stdout);
    _exit(1);
}

static void start(struct contender *contender)
{
    int commands[2], answers[2];

    if (is_out(contender))
        return;
    if (!worker_path(contender->worker)) {
        snprintf(contender->skipped, sizeof(contender->skipped), "%s is not installed",
                 contender->worker);
        return;
    }
    if (pipe2(commands, O_CLOEXEC) < 0 || pipe2(answers, O_CLOEXEC) < 0) {
        note(contender->failed, strerror(errno));
        return;
    }
    fflush(stdout);
    contender->pid = fork();
    if (contender->pid == 0)
        become_worker(contender, commands[0], answers[1]);
    close(commands[0]);
    close(answers[1]);
    contender->commands = commands[1];
    contender->answers = fdopen(answers[0], "re");
    if (contender->pid < 0)
        note(contender->failed, strerror(errno));
}

static void reap(struct contender *contender)
{
    int status;

    if (contender->commands >= 0)
        close(contender->commands);
    fclose(contender->answers);
    waitpid(contender->pid, &status, 0);
    contender->pid = 0;
    if (WIFSIGNALED(status) && !is_out(contender))
        note(contender->failed, strsignal(WTERMSIG(status)));
}

/* Read a line. Gives whether it begins with `word`; if not, the contender is out. */
static bool expect(struct contender *contender, const char *word, char rest[BENCH_LINE])
{
    char line[BENCH_LINE];
    size_t length = strlen(word);

    if (!fgets(line, sizeof(line), contender->answers)) {
        reap(contender);
        if (!is_out(contender))
            note(contender->failed, "the worker ended without an answer");
        return false;
    }
    if (strncmp(line, word, length) == 0) {
        snprintf(rest, BENCH_LINE, "%s", line + length);
        return true;
    }
    note(strncmp(line, "skip ", 5) == 0 ? contender->skipped : contender->failed,
         strlen(line) > 5 ? line + 5 : line);
    reap(contender);
    return false;
}

static void make_ready(struct contender *contender)
{
    char rest[BENCH_LINE];

    if (expect(contender, "ready ", rest))
        note(contender->note, rest);
}

/* ------------------------------------------------------------------------ measuring -- */

static void record(struct contender *contender, const char *name, double value)
{
    for (size_t i = 0; i < BENCH_MOST_METRICS; i++) {
        struct metric *metric = &contender->metrics[i];

        if (metric->name[0] && strcmp(metric->name, name) != 0)
            continue;
        snprintf(metric->name, sizeof(metric->name), "%s", name);
        if (metric->count < BENCH_MOST_ROUNDS)
            metric->values[metric->count++] = value;
        return;
    }
}

static void measure(struct contender *contender)
{
    char line[BENCH_LINE], *at = line, name[24];
    double value;
    int length;

    if (write(contender->commands, "r", 1) != 1 || !expect(contender, "", line))
        return;
    while (sscanf(at, "%23s %lf%n", name, &value, &length) == 2) {
        if (strcmp(name, "fail") == 0)
            break;
        record(contender, name, value);
        at += length;
    }
    if (at == line) {
        note(contender->failed, line);
        reap(contender);
    }
}

static void finish(struct contender *contender)
{
    char rest[BENCH_LINE];

    close(contender->commands);
    contender->commands = -1;
    if (!expect(contender, "done ", rest))
        return;
    note(contender->checked, rest);
    reap(contender);
}

static void for_each(struct question *question, void (*act)(struct contender *contender))
{
    for (size_t i = 0; i < question->count; i++)
        if (runs(&question->contenders[i]))
            act(&question->contenders[i]);
}

/* One worker at a time: it measures once and ends. */
static void round_of_fresh(struct question *question)
{
    for (size_t i = 0; i < question->count; i++) {
        struct contender *contender = &question->contenders[i];

        start(contender);
        if (runs(contender))
            make_ready(contender);
        if (runs(contender))
            measure(contender);
        if (runs(contender))
            finish(contender);
    }
}

/*
 * New workers have other addresses, which matter in measurements this short. So start new ones from
 * time to time.
 */
static void rounds_of_one_generation(struct question *question, size_t rounds)
{
    for (size_t i = 0; i < question->count; i++) {
        start(&question->contenders[i]);
        if (runs(&question->contenders[i]))
            make_ready(&question->contenders[i]);
    }
    for (size_t round = 0; round < rounds; round++)
        for_each(question, measure);
    for_each(question, finish);
}

void question_ask(struct question *question, size_t rounds, size_t generation)
{
    for (size_t i = 0; i < question->count; i++) {
        question->contenders[i].metrics =
            calloc(BENCH_MOST_METRICS, sizeof(*question->contenders[i].metrics));
        if (!question->contenders[i].metrics)
            abort();
    }
    for (size_t done = 0; done < rounds;) {
        size_t part = question->fresh ? 1 : rounds - done < generation ? rounds - done : generation;

        if (question->fresh)
            round_of_fresh(question);
        else
            rounds_of_one_generation(question, part);
        done += part;
    }
}
