/* SPDX-License-Identifier: MIT */
/*
 * The jobs of the worker with librst and sys/sdt.h.
 */
#ifndef BENCH_RST_WORKER_JOBS_H
#define BENCH_RST_WORKER_JOBS_H

#include "worker.h"

/* rst_fire.c: the guard while nobody watches. */
void bench_guard_empty(uint64_t count);
void bench_guard_rst_enabled(uint64_t count);
void bench_guard_rst_fire(uint64_t count);
void bench_guard_rst_semaphore(uint64_t count);
void bench_guard_rst_function(uint64_t count);
void bench_loop_empty(uint64_t count);
void bench_loop_rst_enabled(uint64_t count);
void bench_loop_rst_local(uint64_t count);
void bench_loop_rst_fire(uint64_t count);
enum bench_outcome bench_guard_empty_prepare(const char *arg);
enum bench_outcome bench_guard_rst_enabled_prepare(const char *arg);
enum bench_outcome bench_guard_rst_fire_prepare(const char *arg);
enum bench_outcome bench_guard_rst_semaphore_prepare(const char *arg);
enum bench_outcome bench_guard_rst_function_prepare(const char *arg);
enum bench_outcome bench_loop_rst_enabled_prepare(const char *arg);
enum bench_outcome bench_loop_rst_local_prepare(const char *arg);
enum bench_outcome bench_loop_rst_fire_prepare(const char *arg);

/* unwatched_call.c: calls of a probe's function while nobody watches. */
void bench_call_empty(uint64_t count);
void bench_call_pointer(uint64_t count);
void bench_call_rst_function(uint64_t count);
void bench_call_rst_fire(uint64_t count);
enum bench_outcome bench_call_prepare(const char *arg);
enum bench_outcome bench_call_finish(uint64_t total);

/* pointer_fire.c: a guarded fire by the two pointers, unwatched ("") or watched (a way to attach);
 * and a call of an empty function. */
void bench_pointer_fire(uint64_t count);
void bench_loop_call(uint64_t count);
enum bench_outcome bench_pointer_fire_prepare(const char *way);

/* rst_fire.c: fires while a tracer watches; `arg` is a way to attach, from attach_uprobe.h. */
void bench_fire_rst(uint64_t count);
enum bench_outcome bench_fire_rst_prepare(const char *arg);

/* sdt_fire.c: the same for a compiled-in probe of sys/sdt.h. */
void bench_sdt_guard(uint64_t count);
void bench_sdt_loop(uint64_t count);
void bench_sdt_call(uint64_t count);
void bench_sdt_fire(uint64_t count);
enum bench_outcome bench_sdt_guard_prepare(const char *arg);
enum bench_outcome bench_sdt_loop_prepare(const char *arg);
enum bench_outcome bench_sdt_fire_prepare(const char *arg);

#endif
