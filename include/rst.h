/* SPDX-License-Identifier: MIT */
#ifndef RST_H
#define RST_H

/**
 * @file rst.h
 * librst: USDT probes that a running program declares at run time.
 *
 * A *probe* is a named place in a program with up to twelve arguments. A *tracer* (bpftrace, bcc,
 * perf, gdb, SystemTap, DTrace for Linux, any libbpf tool) can attach to it while the program
 * runs, and then sees every fire and its arguments. A *provider* is a named group of probes.
 *
 *     #include <rst.h>
 *
 *     rst_provider *shop = rst_provider_new("shop");
 *     rst_probe *checkout = rst_provider_add(shop, "checkout", "uint64 order, string customer");
 *     if (rst_provider_load(shop) < 0)
 *         fprintf(stderr, "%s\n", rst_error());             // the program goes on, untraceable
 *     ...
 *     RST_FIRE(checkout, order->id, customer_name(order));  // looked up only when watched
 *     ...
 *     rst_provider_free(shop);
 *
 *     # bpftrace -p PID -e 'usdt:*:shop:checkout { printf("%lu %s\n", arg0, str(arg1)); }'
 *
 * **What a probe costs.** While nobody watches, RST_FIRE() reads a 32-bit number, the *semaphore*,
 * and skips the rest. While a tracer is attached, the kernel (since Linux 4.20) keeps a count
 * in the 16 bits at the lower address; the other 16 are librst's own, zero for now. While somebody
 * watches, RST_FIRE() calls rst_probe_fire(), which calls the probe's own function. The tracer's
 * breakpoint is in that function, so a stack shows it first, then rst_probe_fire(), then the code
 * that fired.
 *
 * **NULL is a probe that nobody watches**, for every macro and function here: if
 * rst_provider_add() fails, the program loses that probe and nothing else.
 *
 * **How it works.** rst_provider_load() writes a small ELF shared object with one SystemTap note
 * per probe (https://sourceware.org/systemtap/wiki/UserSpaceProbeImplementation), into a sealed
 * memfd (memfd_create(2)) or a file, and opens it with dlopen(3), so that tracers find it where
 * they look for any shared library's probes.
 *
 * **Errors.** A function that returns `int` gives 0, or a negative errno(3) value. A function that
 * returns a pointer gives NULL and sets errno. rst_error() then says in words what was wrong and
 * what would be right. Nothing is printed, nothing aborts. If a load fails, the handles are
 * disabled and safe to fire.
 *
 * **Strings.** A tracer reads a string while the fire lasts, and most tracers see only memory that
 * is resident. A page of a mapped file that the process has not touched yet is not. So a watched
 * fire first asks the kernel to make each string's first page resident, and the page after it if
 * the string begins in the last 1,024 bytes, by madvise(MADV_POPULATE_READ), or process_vm_readv(2)
 * before Linux 5.14. As any read of the page would, this waits for what serves it: a disk, a FUSE
 * server, a userfaultfd. It crashes nothing, whatever the pointer is. librst remembers pages for a
 * few fires, so it rarely makes the call. A seccomp filter must allow these calls: one that kills
 * for them kills the program when it fires a watched probe with a string.
 *
 * **Threads.** Every function may be called from any thread at any time, with one exception: nobody
 * may use a provider or its probes while, or after, another thread frees it. Firing takes no lock,
 * calls no allocator and is async-signal-safe; nothing else here is. A thread cannot be cancelled
 * (pthread_cancel(3)) while it is in librst. Signals wait until it has left, except SIGSEGV, SIGSYS
 * and the others that the instruction or system call itself causes; they do not wait for
 * rst_provider_add(), which is short.
 *
 * **Stack.** A load or an unload needs up to 8 KiB of stack. dlopen(3), which the first load of a
 * probe calls, needs about 4 KiB more. A fire needs less than 1 KiB. A thread of 16 KiB, which
 * is glibc's PTHREAD_STACK_MIN, can do all of it.
 *
 * **Fork.** After fork(2) the child's handles work as the parent's do, and belong to the child. A
 * child that is made by vfork(2), or by clone(2) without the C library, must not call librst before
 * it execs. A signal handler may fork, whatever call of librst it has interrupted, but for
 * rst_provider_new() and rst_provider_add(): they allocate, and in a program with threads glibc's
 * fork(2) waits for the allocator, for ever where the handler's own thread is in it. A handler of a
 * signal that cannot wait (SIGTRAP, SIGSEGV and the like) may not fork amid a load, an unload or a
 * free either: glibc's linker may stay locked in the child. A fork waits until no other thread is
 * in the dynamic linker for a load, a second at most. If another thread is in a dlopen(3) of the
 * program's own at that moment, the linker may be unusable in the child: probes that were loaded
 * work there, and loading new ones fails with -ENOEXEC.
 *
 * **Plugins.** A plugin that is linked to the static library and is closed (dlclose(3)) must free
 * its providers before that, in a destructor for example. Files go all the same, but a memfd stays
 * visible to tracers, and open, until the process ends.
 *
 * **Environment**, read at each load and ignored in a set-user-ID program (secure_getenv(3)):
 *  - `RST_DISABLE=1`, or any other text but `0`: every load succeeds and does nothing.
 *  - `RST_BACKING=memfd`, `file` or `file:DIR`: overrides rst_provider_set_backing().
 *  - `RST_NOP=fast`: on Linux 6.18 to 7.2 on x86_64, the kernel replaces a watched site by a call
 *    instead of a trap, which is faster. librst(3) says what it needs of a program that forks.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define RST_EXPORT __attribute__((visibility("default")))
#else
#error "rst.h needs GCC's or Clang's attributes and __atomic builtins"
#endif

/** The version of this header, "MAJOR.MINOR.PATCH"; rst_version() gives the library's. */
#define RST_VERSION "0.1.0"

/** The same in numbers, for `#if`. */
#define RST_VERSION_MAJOR 0
#define RST_VERSION_MINOR 1
#define RST_VERSION_PATCH 0

/** The most arguments a probe can have: what libbpf (`BPF_USDT_MAX_ARG_CNT`) can read. */
#define RST_MAX_ARGS 12

/** The longest provider name, in bytes: DTrace's 63, less the process id that it appends. */
#define RST_MAX_PROVIDER_NAME 58

/** The longest probe name, in bytes: what DTrace can name. */
#define RST_MAX_PROBE_NAME 127

/** A named group of probes that are loaded and unloaded together. Opaque. */
typedef struct rst_provider rst_provider;

/** A probe's handle. It belongs to its provider and lives until rst_provider_free(). */
typedef struct rst_probe rst_probe;

/**
 * What RST_ENABLED() reads of a handle. Only RST_ENABLED() uses it; programs never write it.
 *
 * This pointer is a frozen part of the ABI. librst keeps more data behind it, so a program can
 * neither copy nor make a handle. The pointer is never NULL: while a probe is disabled, it leads to
 * a zero. JITs and FFIs use rst_probe_semaphore() and rst_probe_function() instead.
 */
struct rst_probe {
    const volatile uint32_t *semaphore; /**< leads to 0 while no tracer is attached */
};

/** A probe's function, to be cast to its own type; see rst_probe_function(). */
typedef void (*rst_function)(void);

/* ---------------------------------------------------------------- providers -- */

/**
 * Make a provider with no probes.
 *
 * @param name  `[A-Za-z_][A-Za-z0-9_]*`, at most RST_MAX_PROVIDER_NAME bytes; copied. Several
 *              providers may have the same name, as long as their probes differ.
 * @returns the provider, to be freed with rst_provider_free(); or NULL and errno:
 *   - EINVAL: `name` is NULL, empty, or has a character that it must not have.
 *   - ENAMETOOLONG: `name` has more than RST_MAX_PROVIDER_NAME bytes.
 *   - ENOMEM: no memory.
 * @since 0.1
 */
RST_EXPORT rst_provider *rst_provider_new(const char *name);

/**
 * Unload a provider and free it, its probes, and every pointer they gave out.
 *
 * No thread may be using any of them. Tracers that are attached stay attached, and see no more
 * hits. With musl, which closes no library, each free leaves a mapping, and a file's inode: a
 * program that shows probes again and again unloads and loads one provider.
 *
 * @param provider  NULL is allowed and does nothing. errno stays as it was.
 * @since 0.1
 */
RST_EXPORT void rst_provider_free(rst_provider *provider);

/** Where a provider's image is kept; see rst_provider_set_backing(). */
enum rst_backing_kind {
    /** A memfd; or a file, if memfd_create() is unavailable, or its memory may not be executed. The
     *  default. */
    RST_BACKING_AUTO = 0,
    /** A sealed memfd: nothing on disk. perf, and `bpftrace -p` from 0.25 on, cannot find it. */
    RST_BACKING_MEMFD = 1,
    /** A regular file, which exists while the provider is loaded. Every tracer finds it. */
    RST_BACKING_FILE = 2
};

/**
 * Say where the provider's image (the shared object with its probes) is kept. Call it before the
 * first load. The environment variable `RST_BACKING` overrides it.
 *
 * A file is made in `DIRECTORY/librst-UID/`, which librst makes with mode 0700 and removes once it
 * is empty. librst removes the file when the provider is unloaded or freed, and when the program
 * exits. If a program was killed, the next program of the same user that loads a file there removes
 * what it left. A program looks for that at its first load in a directory, and
 * again after a minute.
 *
 * Nobody else may be able to exchange what the file's path leads through: each directory from the
 * root to DIRECTORY must belong to root or the user, and be writable by nobody else or have the
 * sticky bit, as /tmp has. The path has no symbolic link in it, whatever DIRECTORY has.
 *
 * @param backing    one of enum rst_backing_kind.
 * @param directory  an absolute path to a directory whose file system is not mounted `noexec`;
 *                   copied. NULL means the first of `$XDG_RUNTIME_DIR`, `$TMPDIR`, `/tmp` and
 *                   `/dev/shm` in which the file can be made.
 * @returns 0, or a negative errno:
 *   - -EINVAL: NULL provider, unknown backing, a directory that is not absolute.
 *   - -EBUSY: the provider has been loaded already.
 *   - -ENOMEM: no memory.
 * @since 0.1
 */
RST_EXPORT int rst_provider_set_backing(rst_provider *provider, int backing, const char *directory);

/**
 * Declare a probe. It is disabled until the next rst_provider_load().
 *
 * A signature is a list of arguments with commas between, each a type and an optional name:
 * `"uint64 order, string customer, int32 cents"`. NULL or "" means a probe without arguments.
 *
 * | type                               | pass                       | a tracer sees             |
 * |------------------------------------|----------------------------|---------------------------|
 * | `bool`                             | `bool`                     | 1-byte unsigned           |
 * | `int8` `int16` `int32` `int64`     | any integer                | sign-extended             |
 * | `uint8` `uint16` `uint32` `uint64` | any integer                | zero-extended             |
 * | `float`                            | `float`                    | its bits, 4-byte unsigned |
 * | `double`                           | `double`                   | its bits, 8-byte unsigned |
 * | `pointer`                          | a pointer to data          | 8-byte unsigned           |
 * | `string`                           | `const char *`, with a NUL | its address               |
 *
 * An integer wider than its type is cut to the low bytes. Floating point travels as bits because
 * most tracers cannot read the note format's own float operands, and some drop the whole probe.
 *
 * @param name       `[A-Za-z_][A-Za-z0-9_]*`, at most RST_MAX_PROBE_NAME bytes; copied.
 * @param signature  copied; argument names are `[A-Za-z_][A-Za-z0-9_]*`, each used once.
 * @returns the handle, which belongs to the provider; or NULL, which can be fired like any handle
 *   and does nothing, and errno:
 *   - EINVAL: a NULL provider or name; a malformed name or signature, which rst_error() quotes.
 *   - ENAMETOOLONG: `name` has more than RST_MAX_PROBE_NAME bytes.
 *   - E2BIG: more than RST_MAX_ARGS arguments.
 *   - EEXIST: the process has `provider:name` already, perhaps by another provider of that name.
 *   - ENOMEM: no memory.
 * @since 0.1
 */
RST_EXPORT rst_probe *rst_provider_add(rst_provider *provider, const char *name,
                                       const char *signature);

/**
 * Show the provider's probes to tracers.
 *
 * It may be called again:
 *  - after rst_provider_add(), it loads what was added since;
 *  - after rst_provider_unload(), it brings back all probes, at the same addresses;
 *  - if the program has closed the memfd, as daemons do that close every descriptor, or somebody
 *    has removed the file, it makes the memfd or the file anew;
 *  - if the program has dropped the memory of a semaphore (madvise(MADV_DONTNEED)), so that it
 *    reads 0 while a tracer is attached, it has the kernel count the tracer in again.
 *
 * Handles, and pointers that they have given out, stay valid throughout.
 *
 * When two threads load at once, each loads the probes that it came first to, and returns when
 * those are loaded. A return of 0 does not say that the other thread's are loaded, too;
 * rst_probe_path() does. When one thread loads and another unloads, the call that came last
 * decides.
 *
 * @returns 0, also when `RST_DISABLE=1` made it do nothing; or a negative errno, and then what was
 *   loaded before is still loaded, and nothing else is:
 *   - -EINVAL: NULL provider; a value of `RST_BACKING` or `RST_NOP` that is not known.
 *   - -ENOTSUP: librst does not know this CPU, or this is not Linux.
 *   - -ECANCELED: the program is exiting.
 *   - -ENOMEM: no memory.
 *   - -EACCES: the directory for the file is on a file system that is mounted `noexec`.
 *   - -EPERM: the directory librst-UID belongs to another user, or others may enter it; or others
 *     may exchange a directory on the way to it.
 *   - -ENOENT: /proc is not mounted, or belongs to another process.
 *   - -EFBIG: the image would have 4 GiB or more, and the kernel takes only 32 bits for a
 *     semaphore's offset; or it would have more than RLIMIT_FSIZE (setrlimit(2)) allows.
 *   - -ENOEXEC: dlopen(3) refused the image; rst_error() has its words. With musl, a static program
 *     has no dlopen(3).
 *   - any errno of memfd_create(2), open(2), write(2), fcntl(2) or mmap(2), named by rst_error().
 * @since 0.1
 */
RST_EXPORT int rst_provider_load(rst_provider *provider);

/**
 * Hide the provider's probes from tracers. Safe while other threads fire.
 *
 * Anonymous memory with the same functions takes the place of the mapped image, at the same
 * addresses, and tracers cannot find it. Every handle is disabled, and pointers that were given out
 * stay readable and callable. If the probes are in a memfd, a tracer that stays attached sees them
 * again after the next load. A file is then a new one, and the tracer must attach again. If the
 * provider is not loaded, this does nothing.
 *
 * Where the program may not make anonymous memory executable (PR_SET_MDWE in prctl(2), systemd's
 * `MemoryDenyWriteExecute=`, SELinux's execmem), the functions are in a nameless file instead, if
 * the file system has those (O_TMPFILE in open(2)).
 *
 * @returns 0, or a negative errno of mmap(2), mprotect(2) or mremap(2); the probes are disabled
 *   even then, but tracers may still find them. -EINVAL: NULL provider.
 * @since 0.1
 */
RST_EXPORT int rst_provider_unload(rst_provider *provider);

/**
 * @returns the provider's name, which lives as long as the provider; NULL for NULL.
 * @since 0.1
 */
RST_EXPORT const char *rst_provider_name(const rst_provider *provider);

/**
 * @returns whether tracers can see the provider: a load has succeeded, and no unload came after it.
 * A later load that fails does not change that. false for NULL, and if `RST_DISABLE` is set.
 * @since 0.1
 */
RST_EXPORT bool rst_provider_loaded(const rst_provider *provider);

/* ------------------------------------------------------------------- probes -- */

/**
 * @returns whether a tracer is attached: RST_ENABLED() as a function. false for NULL.
 * @since 0.1
 */
RST_EXPORT bool rst_probe_enabled(const rst_probe *probe);

/**
 * Fire a probe if a tracer is attached. This is what RST_FIRE() calls, and what bindings call.
 *
 * @param probe  NULL is allowed and does nothing.
 * @param args   the arguments, each as RST_BITS() gives it: integers and pointers converted to
 *               `uint64_t`, floats and doubles as their bits. Read only during the call. NULL is
 *               the same as a count of 0.
 * @param count  how many there are. Missing arguments are fired as 0, excess ones are dropped.
 * @since 0.1
 */
RST_EXPORT void rst_probe_fire(const rst_probe *probe, const uint64_t *args, size_t count);

/**
 * @returns the probe's name, which lives as long as its provider; NULL for NULL.
 * @since 0.1
 */
RST_EXPORT const char *rst_probe_name(const rst_probe *probe);

/**
 * @returns the probe's signature, in its plain form (`"uint64 id, string path"`, "" for no
 * arguments), which lives as long as its provider; NULL for NULL.
 * @since 0.1
 */
RST_EXPORT const char *rst_probe_signature(const rst_probe *probe);

/**
 * Say what a tracer attaches to: `/proc/PID/fd/N`, or the file.
 *
 * @returns the path; or NULL for NULL, while the probe is not loaded, and if the path no longer
 * leads to the image: the program has closed the memfd's descriptor, or somebody has removed the
 * file. rst_provider_load() then makes it anew. The string lives as long as the provider. In a
 * child after fork(2) it names the child, and so does a string that was given out before the fork.
 * @since 0.1
 */
RST_EXPORT const char *rst_probe_path(const rst_probe *probe);

/**
 * Give the address of the probe's semaphore, for a JIT or an FFI that reads it itself.
 *
 * Read all 32 bits: they are not zero while a tracer is attached. The kernel's count is in the
 * 16 bits at the lower address; the other 16 are librst's own, zero for now. Ask after the load.
 * The address stays the same, and readable, until rst_provider_free(). Before the probe's first
 * load, and for NULL, it is the address of a zero that nothing changes.
 * @since 0.1
 */
RST_EXPORT const volatile uint32_t *rst_probe_semaphore(const rst_probe *probe);

/**
 * Give the function that holds the probe's site, for a JIT or an FFI that calls it itself.
 *
 * Cast it to `void (*)(uint64_t, ...)` with one `uint64_t` per argument of the signature, not
 * variadic, and call it by the C calling convention. The call skips what rst_probe_fire() does: it
 * fires whatever the semaphore says, every argument must be there, and strings are not made
 * resident, so a tracer may show one as "". Ask after the load. The address stays the same, and
 * callable, until rst_provider_free(). Before the probe's first load, and for NULL, it is the
 * address of a function that does nothing.
 * @since 0.1
 */
RST_EXPORT rst_function rst_probe_function(const rst_probe *probe);

/* ------------------------------------------------------------------- errors -- */

/**
 * @returns this thread's last failure, in words that say what to do; "" if there was none. The
 * string belongs to the thread and lives until its next failure or its end.
 * @since 0.1
 */
RST_EXPORT const char *rst_error(void);

/**
 * @returns the library's version, "MAJOR.MINOR.PATCH".
 * @since 0.1
 */
RST_EXPORT const char *rst_version(void);

/* ------------------------------------------------------------------- inline -- */

static inline bool rst_enabled_(const rst_probe *probe)
{
    /* A choice rather than a test: a loop makes it once, and elsewhere it takes no branch. */
    static const volatile uint32_t zero = 0;
    static const struct rst_probe nobody = {&zero};
    const rst_probe *any = probe ? probe : &nobody;

    __asm__("" : "+r"(any));
    return *__atomic_load_n(&any->semaphore, __ATOMIC_RELAXED) != 0;
}

/**
 * Whether a tracer is attached: one 32-bit load and a compare, after the load of its address.
 *
 * @param probe  a handle; NULL is a probe that nobody watches.
 */
#define RST_ENABLED(probe) (__builtin_expect(rst_enabled_(probe), 0) != 0)

/**
 * Fire a probe if a tracer is attached.
 *
 *     RST_FIRE(probe)
 *     RST_FIRE(probe, a1)
 *     RST_FIRE(probe, a1, ..., a12)
 *
 * A handle of NULL is a probe that nobody watches. The arguments are evaluated only when a tracer
 * is attached, and go to rst_probe_fire(). Give each the C type that rst_provider_add() lists: a
 * `double` where it says `double` (`3.0`, not `3`), a `float` (`3.0f`) where it says `float`. In C,
 * write a `+` before a bit-field. The tracer reads strings during the call.
 */
#define RST_FIRE(...)                                                                              \
    do {                                                                                           \
        const rst_probe *rst_probe_ = (RST_FIRST_(__VA_ARGS__, 0));                                \
        if (RST_ENABLED(rst_probe_))                                                               \
            RST_CALL_(rst_probe_, RST_COUNT_(__VA_ARGS__), RST_EACH_(__VA_ARGS__));                \
    } while (0)

/**
 * An argument as rst_probe_fire() takes it: an integer of at most 64 bits or a pointer converted to
 * `uint64_t`, a `float` or `double` as its bits.
 */
#ifdef __cplusplus
#define RST_BITS(value) rst_bits_(value)
#else
/* clang-format off */
#define RST_BITS(value)                                     \
    _Generic((value),                                       \
             float: rst_bits_float_,                        \
             double: rst_bits_double_,                      \
             char: rst_bits_signed_,                        \
             signed char: rst_bits_signed_,                 \
             short: rst_bits_signed_,                       \
             int: rst_bits_signed_,                         \
             long: rst_bits_signed_,                        \
             long long: rst_bits_signed_,                   \
             bool: rst_bits_unsigned_,                      \
             unsigned char: rst_bits_unsigned_,             \
             unsigned short: rst_bits_unsigned_,            \
             unsigned int: rst_bits_unsigned_,              \
             unsigned long: rst_bits_unsigned_,             \
             unsigned long long: rst_bits_unsigned_,        \
             default: rst_bits_pointer_)(value)
/* clang-format on */
#endif

/* What the macros above are made of. Programs must not use anything below by its name. */

#ifdef __cplusplus
#define RST_CAST_(type, value) reinterpret_cast<type>(value)
#define RST_STATIC_CAST_(type, value) static_cast<type>(value)
#else
#define RST_CAST_(type, value) ((type)(value))
#define RST_STATIC_CAST_(type, value) ((type)(value))
#endif

static inline uint64_t rst_bits_signed_(long long value)
{
    return RST_STATIC_CAST_(uint64_t, value);
}

static inline uint64_t rst_bits_unsigned_(unsigned long long value)
{
    return value;
}

static inline uint64_t rst_bits_pointer_(const volatile void *value)
{
    return RST_CAST_(uintptr_t, value);
}

static inline uint64_t rst_bits_float_(float value)
{
    uint32_t bits;

    __builtin_memcpy(&bits, &value, sizeof(bits));
    return bits;
}

static inline uint64_t rst_bits_double_(double value)
{
    uint64_t bits;

    __builtin_memcpy(&bits, &value, sizeof(bits));
    return bits;
}

#ifdef __cplusplus
extern "C++" {
/* clang-format off */
static inline uint64_t rst_bits_(signed char value) { return rst_bits_signed_(value); }
static inline uint64_t rst_bits_(short value) { return rst_bits_signed_(value); }
static inline uint64_t rst_bits_(int value) { return rst_bits_signed_(value); }
static inline uint64_t rst_bits_(long value) { return rst_bits_signed_(value); }
static inline uint64_t rst_bits_(long long value) { return rst_bits_signed_(value); }
static inline uint64_t rst_bits_(char value) { return rst_bits_signed_(value); }
static inline uint64_t rst_bits_(bool value) { return rst_bits_unsigned_(value); }
static inline uint64_t rst_bits_(unsigned char value) { return rst_bits_unsigned_(value); }
static inline uint64_t rst_bits_(unsigned short value) { return rst_bits_unsigned_(value); }
static inline uint64_t rst_bits_(unsigned int value) { return rst_bits_unsigned_(value); }
static inline uint64_t rst_bits_(unsigned long value) { return rst_bits_unsigned_(value); }
static inline uint64_t rst_bits_(unsigned long long value) { return rst_bits_unsigned_(value); }
static inline uint64_t rst_bits_(float value) { return rst_bits_float_(value); }
static inline uint64_t rst_bits_(double value) { return rst_bits_double_(value); }
static inline uint64_t rst_bits_(const volatile void *value) { return rst_bits_pointer_(value); }
/* Without these, pointers to functions and to members would become a bool. */
template <typename Rst_> static inline uint64_t rst_bits_(Rst_ *value) { return RST_CAST_(uintptr_t, value); }
template <typename Rst_, typename RstIn_> uint64_t rst_bits_(Rst_ RstIn_::*value) = delete;
/* clang-format on */
}
#endif

/* clang-format off */
#define RST_FIRST_(first, ...) first
#define RST_PICK_(a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, b1, b2, b3, b4, macro,    \
                  ...) macro

#define RST_COUNT_(...)                                                                            \
    RST_PICK_(__VA_ARGS__, 0, 0, 0, 0, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 0)

/* The arguments' bits, and a zero at the end, for an array can't be empty. */
#define RST_EACH_(...)                                                                             \
    RST_PICK_(__VA_ARGS__, RST_MORE_, RST_MORE_, RST_MORE_, RST_MORE_, RST_12_, RST_11_, RST_10_,  \
              RST_9_, RST_8_, RST_7_, RST_6_, RST_5_, RST_4_, RST_3_, RST_2_, RST_1_, RST_0_, 0)   \
    (__VA_ARGS__)
#define RST_MORE_(...) rst_fire_takes_at_most_12_arguments
#define RST_0_(probe) UINT64_C(0)
#define RST_1_(probe, a) RST_BITS(a), UINT64_C(0)
#define RST_2_(probe, a, ...) RST_BITS(a), RST_1_(probe, __VA_ARGS__)
#define RST_3_(probe, a, ...) RST_BITS(a), RST_2_(probe, __VA_ARGS__)
#define RST_4_(probe, a, ...) RST_BITS(a), RST_3_(probe, __VA_ARGS__)
#define RST_5_(probe, a, ...) RST_BITS(a), RST_4_(probe, __VA_ARGS__)
#define RST_6_(probe, a, ...) RST_BITS(a), RST_5_(probe, __VA_ARGS__)
#define RST_7_(probe, a, ...) RST_BITS(a), RST_6_(probe, __VA_ARGS__)
#define RST_8_(probe, a, ...) RST_BITS(a), RST_7_(probe, __VA_ARGS__)
#define RST_9_(probe, a, ...) RST_BITS(a), RST_8_(probe, __VA_ARGS__)
#define RST_10_(probe, a, ...) RST_BITS(a), RST_9_(probe, __VA_ARGS__)
#define RST_11_(probe, a, ...) RST_BITS(a), RST_10_(probe, __VA_ARGS__)
#define RST_12_(probe, a, ...) RST_BITS(a), RST_11_(probe, __VA_ARGS__)

/* The array is inside the parentheses of a call. So a macro that is given a whole RST_FIRE() does
 * not take the array's commas for its own. */
#ifdef __cplusplus
#define RST_CALL_(probe, count, ...) rst_fire_(probe, count, __VA_ARGS__)
extern "C++" {
template <typename... Rst_>
static inline void rst_fire_(const rst_probe *probe, size_t count, Rst_... bits)
{
    const uint64_t args[] = {bits...};

    rst_probe_fire(probe, args, count);
}
}
#else
#define RST_CALL_(probe, count, ...) rst_probe_fire(probe, (const uint64_t[]){__VA_ARGS__}, count)
#endif
/* clang-format on */

#ifdef __cplusplus
}
#endif

#endif /* RST_H */
