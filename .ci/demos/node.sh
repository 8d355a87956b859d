# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# A part of ./demo, which has the functions that all demos share, and sources this.
# shellcheck disable=SC2034,SC2154

demos[node]='a web shop on Node; bpftrace shows each request and a histogram of times for each path'

node_examples=$here/bindings/node/examples

# Into a directory of its own, from which the shop can require it.
compile_node_package() {
    local to=$build/node

    step "compile the C part of the package in ${build#"$PWD"/}"
    mkdir -p "$to/node_modules" || die "$build cannot be made"
    node "$here/bindings/node/native/stage.js" "$to/node_modules/librst" || die 'the package could not be copied'
    watched "$build.log" show_lines node "$here/bindings/node/native/build.js" "$to/node_modules/librst" ||
        { cat "$build.log" >&2; die 'the package could not be compiled'; }
    rm -f "$build.log"
    cp "$node_examples/shop.js" "$to/"
    node_shop=$to/shop.js
}

# Sets `program` to the shop's process, and `image` to where its probes are.
start_node_shop() {
    local said

    exec {said}< <(exec env RST_BACKING=file node "$node_shop" "$1")
    program=$!
    read -r -t 60 -u "$said" _ _ _ _ _ _ image || die 'the shop did not open'
    exec {said}<&-
    echo "process $program has its probes in $image"
}

watch_node_shop() {
    local trace='
usdt:*:shop:request
{
    printf("%-6s %-12s %6d %12d\n", str(arg0), str(arg1), arg2, arg3);
    @microseconds[str(arg1)] = hist(arg3);
}'

    step 'RST_BACKING=file node shop.js'
    start_node_shop "$1"
    step "bpftrace -p $program -e '$trace'"
    printf '%-6s %-12s %6s %12s\n' method path status microseconds
    run_bpftrace -p "$program" -e "$trace" && end_program
}

# gdb 13 can't show it: it fails when it reads Node's stack.
show_node_shop_by_readelf() {
    step 'readelf: the notes by which tracers find its probes'
    start_node_shop 0
    readelf -n "$image"
    end_program
}

demo_node() {
    local requests=40

    while [ $# -gt 0 ]; do
        case $1 in
        -n | --requests) [ $# -ge 2 ] || die "$1 wants a number" && requests=$2 && shift ;;
        --requests=*) requests=${1#*=} ;;
        -b | --build) [ $# -ge 2 ] || die "$1 wants a directory" && build=$2 && shift ;;
        --build=*) build=${1#*=} ;;
        -h | --help) usage && exit ;;
        -*) die "unknown option $1; see ./demo --help" ;;
        *) die "node takes no FILE; see ./demo --help" ;;
        esac
        shift
    done
    [[ $requests =~ ^[0-9]+$ ]] || die "--requests $requests: not a number"
    requests=$((10#$requests))
    refuse_blank node-gyp "$(realpath -m "$build")" 'name another directory by --build'

    has_root
    need cc gcc libc6-dev
    need make make
    need_node || die 'the node here has no node-gyp, or no headers: see bindings/node/README.md'
    need readelf binutils
    ! has_root || need bpftrace bpftrace
    install_needed || die 'cannot go on without them'
    compile_node_package

    if ! has_root; then
        step "$(why_no_root), so no bpftrace; this is what can be seen without"
    elif watch_node_shop "$requests"; then
        step 'done; the shop and bpftrace have ended'
        return
    else
        step 'bpftrace could not watch it; this is what can be seen without'
    fi
    end_program
    show_node_shop_by_readelf
}
