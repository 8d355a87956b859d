# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# A part of ./demo, which has the functions that all demos share, and sources this.
# shellcheck disable=SC2034,SC2154

demos[lines]='a program that reads a text; rst trace shows each line and a histogram of their lengths'

# Start rst-demo and read what it says: sets `program` to its process and `path` to its image.
start_lines() {
    local word said

    exec {said}< <(exec "$build/src/cli/rst-demo" "$@")
    program=$!
    read -r -t 10 -u "$said" word _ path || true
    exec {said}<&-
    [ "${word-}" = ready ] || die 'rst-demo did not start'
}

# Once for the lines, once, faster, for how long they are. rst ends with the program.
watch_lines() {
    local lines=$1 file=$2

    step "rst-demo --wait 60 --lines $lines ${file#"$PWD"/}"
    start_lines --wait 60 --lines "$lines" -- "$file"
    echo "process $program; its probes are in $path"
    run_rst -p "$program" demo:line && end_program || return
    start_lines --wait 60 --lines "$lines" --pace 1 -- "$file"
    run_rst -p "$program" demo:line --hist length && end_program
}

# What a debugger shows of a program that it starts itself takes no privilege.
show_lines_by_gdb() {
    step 'gdb: its probes, and its lines'
    gdb -nx -q -batch -x "$here/src/cli/demo/demo.gdb" --args "$build/src/cli/rst-demo" "$@" </dev/null
}

show_lines_by_readelf() {
    step 'readelf: the notes by which tracers find its probes'
    start_lines "$@"
    readelf -n "$path"
    end_program
}

demo_lines() {
    local file=$here/docs/demo.txt lines=40

    while [ $# -gt 0 ]; do
        case $1 in
        -n | --lines) [ $# -ge 2 ] || die "$1 wants a number" && lines=$2 && shift ;;
        --lines=*) lines=${1#*=} ;;
        -b | --build) [ $# -ge 2 ] || die "$1 wants a directory" && build=$2 && shift ;;
        --build=*) build=${1#*=} ;;
        -h | --help) usage && exit ;;
        --) shift && break ;;
        -*) die "unknown option $1; see ./demo --help" ;;
        *) break ;;
        esac
        shift
    done
    [ $# -le 1 ] || die 'one FILE at most; see ./demo --help'
    [ $# -eq 0 ] || file=$1
    [ -n "$file" ] || die 'the name of FILE is empty; see ./demo --help'
    [[ $lines =~ ^[0-9]+$ ]] || die "--lines $lines: not a number"
    [ -r "$file" ] || die "$file cannot be read"
    [ ! -d "$file" ] || die "$file is a directory"
    [ ! -f "$file" ] || grep -q '' "$file" || die "$file is empty: there are no lines to show"
    lines=$((10#$lines))

    has_root # asks for the password, if sudo wants one, before anything is done
    need cc gcc libc6-dev
    need meson meson
    need ninja ninja-build
    need /usr/include/elfutils/libdw.h libdw-dev
    need /usr/include/bpf/bpf.h libbpf-dev
    install_needed || die 'cannot go on without them'
    build_librst

    if ! has_root; then
        step "$(why_no_root), so no tracing; this is what can be seen without"
    elif watch_lines "$lines" "$file"; then
        step 'done; rst-demo and rst have ended'
        return
    else
        step 'rst could not watch it; this is what can be seen without'
    fi
    if have gdb; then
        show_lines_by_gdb --lines "$lines" -- "$file"
    else
        show_lines_by_readelf -- "$file"
    fi
}
