/* What elfutils' libraries name of glibc's <argp.h>, which musl does not have, and do not use. */
#ifndef ARGP_H
#define ARGP_H
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
typedef int error_t;
struct argp_state;
struct argp_child;
struct argp_option {
    const char *name;
    int key;
    const char *arg;
    int flags;
    const char *doc;
    int group;
};
typedef error_t (*argp_parser_t)(int key, char *arg, struct argp_state *state);
struct argp {
    const struct argp_option *options;
    argp_parser_t parser;
    const char *args_doc;
    const char *doc;
    const struct argp_child *children;
    char *(*help_filter)(int key, const char *text, void *input);
    const char *argp_domain;
};
struct argp_state {
    void *input;
    void **child_inputs;
    void *hook;
    char *name;
    FILE *err_stream, *out_stream;
};
#define ARGP_ERR_UNKNOWN E2BIG
#define ARGP_KEY_ARG 0
#define ARGP_KEY_END 0x1000001
#define ARGP_KEY_INIT 0x1000003
#define ARGP_KEY_SUCCESS 0x1000004
#define ARGP_KEY_ERROR 0x1000005
#define ARGP_HELP_SEE 0
#define ARGP_HELP_EXIT_ERR 0
#define OPTION_ARG_OPTIONAL 1
#define OPTION_HIDDEN 2
void argp_help(const struct argp *argp, FILE *stream, unsigned flags, char *name);
void argp_error(const struct argp_state *state, const char *format, ...);
void argp_failure(const struct argp_state *state, int status, int error, const char *format, ...);
#endif
