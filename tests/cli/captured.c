/* SPDX-License-Identifier: MIT */
#include "captured.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <fcntl.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

static char words[1 << 16];
static int stream = -1, former, source;
static size_t size;

void capture_start(void)
{
    setenv("NO_COLOR", "1", 1);
    setenv("TERM", "xterm", 1);
    unsetenv("COLUMNS");
    assert_non_null(setlocale(LC_CTYPE, "C.UTF-8"));
}

static void redirect(int number, int target)
{
    fflush(NULL);
    stream = number;
    former = dup(number);
    assert_true(former >= 0);
    assert_int_equal(dup2(target, number), number);
    size = 0;
}

static void capture_stream(int number)
{
    source = memfd_create("captured", MFD_CLOEXEC);
    assert_true(source >= 0);
    redirect(number, source);
}

void capture(void)
{
    capture_stream(STDOUT_FILENO);
}

void capture_errors(void)
{
    capture_stream(STDERR_FILENO);
}

void capture_terminal(unsigned rows, unsigned columns)
{
    struct winsize window = {.ws_row = (unsigned short)rows, .ws_col = (unsigned short)columns};
    int terminal;

    source = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
    assert_true(source >= 0);
    assert_int_equal(grantpt(source), 0);
    assert_int_equal(unlockpt(source), 0);
    terminal = open(ptsname(source), O_RDWR | O_NOCTTY | O_CLOEXEC);
    assert_true(terminal >= 0);
    assert_int_equal(ioctl(terminal, TIOCSWINSZ, &window), 0);
    redirect(STDOUT_FILENO, terminal);
    close(terminal);
}

const char *captured_so_far(void)
{
    off_t length;
    ssize_t count;

    fflush(NULL);
    length = lseek(source, 0, SEEK_END);
    if (length >= 0) { /* a memfd */
        assert_true((size_t)length < sizeof(words));
        size = (size_t)pread(source, words, (size_t)length, 0);
        assert_int_equal(size, length);
    } else { /* what is written to a terminal is readable at once */
        for (size = 0; (count = read(source, words + size, sizeof(words) - 1 - size)) > 0;)
            size += (size_t)count;
    }
    words[size] = '\0';
    return words;
}

char *captured(void)
{
    captured_so_far();
    assert_int_equal(dup2(former, stream), stream);
    close(former);
    close(source);
    return words;
}

char *without_times(char *text)
{
    static const char form[] = "00:00:00\n";

    for (char *at = text; at; at = strchr(at, '\n') ? strchr(at, '\n') + 1 : NULL) {
        size_t i = 0;

        while (form[i] && (form[i] == '0' ? at[i] >= '0' && at[i] <= '9' : at[i] == form[i]))
            i++;
        if (form[i])
            continue;
        memmove(at + 4, at + 8, strlen(at + 8) + 1);
        for (i = 0; i < 4; i++)
            at[i] = "TIME"[i];
    }
    return text;
}
