# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# The test machines, as two tables. For sourcing by bash.
#
#     machine NAME || exit
#
# sets cpu, architecture, suite and kernel, and from the machine's sets packages (to install), tests (a
# name for the log, and what follows `meson test`), environment (for the tests: it says what must be
# there), commands (which run in the machine before the tests) and preparations (commands that run once,
# in the new root file system, by the machine that makes it, which must be of that CPU).

# Name, CPU, Debian's name for the CPU, Debian suite, kernel, sets. What takes longest comes first.
machines='
sid             x86_64   amd64  sid       linux-image-amd64  base load tracers compat i386 ruby systemtap dtrace nop10
bookworm        x86_64   amd64  bookworm  linux-image-amd64  base load tracers compat i386 ruby
bookworm-arm64  aarch64  arm64  bookworm  linux-image-arm64  base load tracers ruby ruby-here
'

# The preparation of systemtap: SystemTap compiles 127 small programs to learn about a kernel, and keeps
# the results. Emulated, that takes ten minutes.
#
# Of DTrace 2.0.7, io.d does not fit newer kernels, and every command reads it (docs/tracing.md).
# shellcheck disable=SC2016 # what runs them expands it
sets='
base       packages     busybox-static kmod mount
base       packages     gcc g++ make libc6-dev pkg-config meson ninja-build clang libcmocka-dev libdw-dev
base       packages     libbpf-dev systemtap-sdt-dev
load       test         load attach dropped fork nop_long resident swap text_mapping
tracers    packages     bpftrace gdb linux-perf bpfcc-tools python3-bpfcc elfutils procps tmux zsh
tracers    packages     liblua5.4-dev libmruby-dev
tracers    test         tracers --suite tracers
tracers    test         cli --suite cli-trace
compat     test         compat compat-tracers compat-document
i386       packages     gcc-i686-linux-gnu libc6-dev-i386-cross
ruby       packages     ruby ruby-dev ruby-ffi ruby-minitest ruby-rspec-mocks ruby-zeitwerk rake
ruby       test         ruby conformance-ruby ruby-auto ruby-bpftrace ruby-compatibility ruby-examples ruby-fork ruby-gdb ruby-integrations ruby-library ruby-raising ruby-tracer ruby-tracer_transparency ruby-verify ruby-watcher
ruby-here  command      tests/vm/compile_ruby.sh "$PWD/../build"
systemtap  packages     linux-headers-amd64 systemtap
systemtap  preparation  stap -p4 -r "$(basename /lib/modules/*)" -e "probe begin { exit() }"
systemtap  environment  RST_STAP=/usr/bin/stap
dtrace     packages     dtrace
dtrace     environment  RST_DTRACE=/usr/sbin/dtrace
dtrace     command      rm -f /usr/lib/x86_64-linux-gnu/dtrace/*/io.d
nop10      environment  RST_REQUIRE_NOP10=1
'

machine_names() {
    awk 'NF { print $1 }' <<<"$machines"
}

# What the sets have of a kind: one line for each row of the table.
of_sets() {
    local set

    for set in $2; do
        awk -v set="$set" -v kind="$1" '$1 == set && $2 == kind { $1 = $2 = ""; print }' <<<"$sets"
    done
}

# shellcheck disable=SC2034 # who sources this uses the variables
machine() {
    local found its_sets

    found=$(awk -v name="$1" '$1 == name' <<<"$machines")
    if [ -z "$found" ]; then
        echo "there is no machine $1; there are: $(machine_names | tr '\n' ' ')" >&2
        return 2
    fi
    read -r _ cpu architecture suite kernel its_sets <<<"$found"
    read -r -a packages <<<"$(of_sets packages "$its_sets" | xargs)"
    read -r -a environment <<<"$(of_sets environment "$its_sets" | xargs)"
    mapfile -t preparations <<<"$(of_sets preparation "$its_sets")"
    mapfile -t tests <<<"$(of_sets test "$its_sets")"
    mapfile -t commands <<<"$(of_sets command "$its_sets")"
}
