/* SPDX-License-Identifier: MIT */
/*
 * Runs the fuzz target without libFuzzer: on the corpus, then on inputs made from it by a generator
 * with a fixed seed, so that a failure can be repeated.
 *
 * usage: driver DICTIONARY RUNS FILE...
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fuzz_target.h"

#define MOST_BYTES 2048
#define MOST_SEEDS 64
#define MOST_WORDS 64

struct text {
    size_t size;
    uint8_t bytes[MOST_BYTES];
};

static struct text seeds[MOST_SEEDS], current;
static size_t seed_count, word_count;
static char words[MOST_WORDS][64];
static uint64_t random_state = 0x9e3779b97f4a7c15;

/* xorshift64* */
static size_t below(size_t limit)
{
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return limit ? (size_t)((random_state * 0x2545f4914f6cdd1d) >> 33) % limit : 0;
}

/* Insert `size` bytes at `at`, as far as there is room. */
static void insert(size_t at, const void *bytes, size_t size)
{
    if (size > MOST_BYTES - current.size)
        return;
    memmove(current.bytes + at + size, current.bytes + at, current.size - at);
    memcpy(current.bytes + at, bytes, size);
    current.size += size;
}

static void change_byte(void)
{
    if (current.size > 0)
        current.bytes[below(current.size)] = (uint8_t)below(256);
}

static void insert_byte(void)
{
    uint8_t byte = (uint8_t)below(256);

    insert(below(current.size + 1), &byte, 1);
}

static void insert_word(void)
{
    const char *word = words[below(word_count)];

    insert(below(current.size + 1), word, strlen(word));
}

static void remove_some(void)
{
    size_t at = below(current.size), size = below(current.size - at + 1);

    memmove(current.bytes + at, current.bytes + at + size, current.size - at - size);
    current.size -= size;
}

/* Insert a part of a seed. */
static void splice(void)
{
    const struct text *seed = &seeds[below(seed_count)];
    size_t at = below(seed->size), size = below(seed->size - at + 1);

    insert(below(current.size + 1), seed->bytes + at, size);
}

static void repeat_some(void)
{
    struct text copy = current;
    size_t at = below(copy.size), size = below(copy.size - at + 1);

    insert(at, copy.bytes + at, size);
}

static void mutate(void)
{
    static void (*const changes[])(void) = {change_byte, insert_byte, insert_word, insert_word,
                                            remove_some, splice,      repeat_some};

    for (size_t i = below(5) + 1; i > 0; i--)
        changes[below(sizeof(changes) / sizeof(changes[0]))]();
}

/* Uses only functions that a signal handler may call. */
static void print_input(int number)
{
    static const char digits[] = "0123456789abcdef", head[] = "\nthe input, in hex: ";
    char out[2 * MOST_BYTES + 1];
    size_t at = 0;

    for (size_t i = 0; i < current.size; i++) {
        out[at++] = digits[current.bytes[i] >> 4];
        out[at++] = digits[current.bytes[i] & 15];
    }
    out[at++] = '\n';
    if (write(STDERR_FILENO, head, sizeof(head) - 1) < 0 || write(STDERR_FILENO, out, at) < 0)
        _exit(1);
    signal(number, SIG_DFL);
    raise(number);
}

static int read_seed(const char *path)
{
    struct text *seed = &seeds[seed_count];
    FILE *file = seed_count < MOST_SEEDS ? fopen(path, "r") : NULL;

    if (!file)
        return -1;
    seed->size = fread(seed->bytes, 1, sizeof(seed->bytes), file);
    seed_count++;
    return fclose(file);
}

/* Read lines of "word", in libFuzzer's format; ours have no escapes. */
static int read_words(const char *path)
{
    FILE *file = fopen(path, "r");
    char line[128];

    if (!file)
        return -1;
    while (word_count < MOST_WORDS && fgets(line, sizeof(line), file))
        if (sscanf(line, "\"%63[^\"]\"", words[word_count]) == 1)
            word_count++;
    return fclose(file);
}

int main(int argc, char **argv)
{
    long runs = argc > 3 ? strtol(argv[2], NULL, 10) : 0;

    if (runs <= 0 || read_words(argv[1]) != 0 || word_count == 0) {
        fprintf(stderr, "usage: %s DICTIONARY RUNS FILE...\n", argv[0]);
        return 2;
    }
    for (int i = 3; i < argc; i++)
        if (read_seed(argv[i]) != 0) {
            perror(argv[i]);
            return 2;
        }
    signal(SIGABRT, print_input);
    signal(SIGSEGV, print_input);
    for (size_t i = 0; i < seed_count; i++) {
        current = seeds[i];
        LLVMFuzzerTestOneInput(current.bytes, current.size);
    }
    for (long i = 0; i < runs; i++) {
        if (i % 16 == 0) /* else change the last input further */
            current = seeds[below(seed_count)];
        mutate();
        LLVMFuzzerTestOneInput(current.bytes, current.size);
    }
    printf("%zu seeds and %ld inputs made from them\n", seed_count, runs);
    return 0;
}
