/* SPDX-License-Identifier: MIT */
/*
 * A program with probes as compilers and hand-written assembly make them, in less usual forms. It
 * prints "ready PID", and for each line of its input does what the line's first word says, and
 * answers "done":
 *
 *     operands        fire odd:operands and odd:sizes, whose operands have every odd form
 *     apart N         fire each site of odd:apart N times; each has a semaphore of its own
 *     strings         fire odd:text with a text, null, "", a wild pointer, memory that may not be
 *                     read, and a text that ends at such memory
 *     values N        fire odd:value with 0 to N - 1
 *     several         fire odd:p0 to odd:p399, each once
 *     fork            fire odd:value once in a child
 *     become PROGRAM  execute PROGRAM, in this process
 *     break           end by SIGKILL, right after a fire of odd:value
 */
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/* A site with a note of version 3: provider "odd", a name, a semaphore or 0, operands. */
#define NOTE(name, semaphore, operands)                                                            \
    "990: nop\n"                                                                                   \
    ".pushsection .note.stapsdt, \"\", \"note\"\n"                                                 \
    ".balign 4\n"                                                                                  \
    ".4byte 992f - 991f, 994f - 993f, 3\n"                                                         \
    "991: .asciz \"stapsdt\"\n"                                                                    \
    "992: .balign 4\n"                                                                             \
    "993: .8byte 990b, _.stapsdt.base, " semaphore "\n"                                            \
    ".asciz \"odd\"\n"                                                                             \
    ".asciz " name "\n"                                                                            \
    ".asciz " operands "\n"                                                                        \
    "994: .balign 4\n"                                                                             \
    ".popsection\n"

__asm__(".pushsection .stapsdt.base, \"a\", \"progbits\"\n"
        "_.stapsdt.base: .space 1\n"
        ".popsection\n"
        ".pushsection .data\n"
        ".balign 8\n"
        "odd_table: .8byte 0, 0, -3, 0\n"
        ".popsection\n"
        ".pushsection .probes, \"aw\", \"progbits\"\n"
        "apart_1: .2byte 0\n"
        "apart_2: .2byte 0\n"
        "apart_3: .2byte 0\n"
        ".popsection\n");

/* Probes whose programs differ: each has a constant of its own. */
__asm__(".altmacro\n"
        ".macro odd_several number\n" NOTE("\"p\\number\"", "0",
                                           "\"4@$\\number\"") ".endm\n"
                                                              ".text\n"
                                                              "odd_all: .set odd_i, 0\n"
                                                              ".rept 400\n"
                                                              "odd_several %odd_i\n"
                                                              ".set odd_i, odd_i + 1\n"
                                                              ".endr\n"
                                                              "ret\n"
                                                              ".noaltmacro\n");

__asm__(
    ".text\n"
    "odd_operands: movabs $0x1122334455667788, %rax\n"
    "mov $2, %edi\n"
    "push $77\n" NOTE(
        "\"operands\"", "0",
        "\"8@%rax 1@%ah -1@%ah -8@odd_table(,%rdi,8) 8@$odd_table 8@%xmm0 -4@$-9 8@(%rsp) "
        "4@nowhere(%rip) -2@$70000\"")
        NOTE("\"sizes\"", "0",
             "\"16@%rax 12@%rax 3@%rax 24@8(%rsp) -2@%ax 0@%rax 9@%rax 8@%fs:odd_own@tpoff 1@%cr0 "
             "-4@%eax\"") "pop %rax\n"
                          "ret\n");

void odd_operands(void);
void odd_all(void);

static void fire_apart(unsigned long times)
{
    for (unsigned long i = 0; i < times; i++) {
        __asm__ volatile(NOTE("\"apart\"", "apart_1", "\"8@%0\"") : : "r"(3 * i));
        __asm__ volatile(NOTE("\"apart\"", "apart_2", "\"8@%0\"") : : "r"(3 * i + 1));
        __asm__ volatile(NOTE("\"apart\"", "apart_3", "\"8@%0\"") : : "r"(3 * i + 2));
    }
}

__attribute__((noinline)) static void fire_value(uint64_t value)
{
    __asm__ volatile(NOTE("\"value\"", "0", "\"8@%0\"") : : "r"(value));
}

__attribute__((noinline)) static void fire_text(const char *text, uint32_t number)
{
    __asm__ volatile(NOTE("\"text\"", "0", "\"8@%0 4@%k1\"") : : "D"(text), "S"(number));
}

static void fire_strings(void)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char *memory = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    const char *texts[] = {"text", NULL, "", (const char *)8, memory + page, memory + page - 4};

    if (memory == MAP_FAILED)
        abort();
    memcpy(memory + page - 4, "half", 4);
    if (mprotect(memory + page, page, PROT_NONE) < 0)
        abort();
    for (uint32_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        fire_text(texts[i], i);
    munmap(memory, 2 * page);
}

static void obey(char *line)
{
    const char *word = strtok(line, " \n"), *operand = strtok(NULL, " \n");
    unsigned long number = operand ? strtoul(operand, NULL, 10) : 0;

    if (!word)
        return;
    if (strcmp(word, "operands") == 0)
        odd_operands();
    else if (strcmp(word, "apart") == 0)
        fire_apart(number);
    else if (strcmp(word, "strings") == 0)
        fire_strings();
    else if (strcmp(word, "several") == 0)
        odd_all();
    else if (strcmp(word, "become") == 0)
        execl(operand, operand, (char *)NULL);
    for (unsigned long i = 0; strcmp(word, "values") == 0 && i < number; i++)
        fire_value(i);
    if (strcmp(word, "break") == 0) {
        fire_value(13);
        kill(getpid(), SIGKILL);
    }
    if (strcmp(word, "fork") == 0) {
        pid_t child = fork();

        if (child == 0) {
            fire_value(1000);
            _exit(0);
        }
        waitpid(child, NULL, 0);
    }
}

int main(void)
{
    char line[4096];

    printf("ready %d\n", (int)getpid());
    fflush(stdout);
    while (fgets(line, sizeof(line), stdin)) {
        obey(line);
        printf("done\n");
        fflush(stdout);
    }
    return 0;
}
