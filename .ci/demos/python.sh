# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# A part of ./demo, which has the functions that all demos share, and sources this.
# shellcheck disable=SC2034,SC2154

demos[python]='a WSGI application; bpftrace shows each request and a histogram of times for each path'

web=$here/bindings/python/examples/web

need_python() {
    need python3 python3
    need readelf binutils
    need '/usr/include/python3*/Python.h' python3-dev
    # What a Python that isn't Debian's has, it alone can tell.
    python3 -c 'import setuptools' &>/dev/null || need /usr/lib/python3/dist-packages/setuptools/__init__.py python3-setuptools
}

compile_package() {
    step "build the package in ${build#"$PWD"/}"
    mkdir -p "$build" || die "$build cannot be made"
    watched "$build.log" show_lines "$here/bindings/python/build.sh" python3 "$build/python" ||
        { cat "$build.log" >&2; die 'the package could not be built'; }
    rm -f "$build.log"
    export PYTHONPATH=$build/python/lib PYTHONDONTWRITEBYTECODE=1
}

# Sets `program` to its process, `url` to where it listens, `image` to where its probes are.
start_web() {
    local said

    exec {said}< <(exec env RST_BACKING=file python3 "$web/shop.py" "$1")
    program=$!
    read -r -t 60 -u "$said" url image || die 'the application did not start'
    exec {said}<&-
}

watch_web() {
    local watched trace='
usdt:*:web:request
{
    printf("%-6s %-12s %6d %12d\n", str(arg0), str(arg1), arg2, arg3);
    @microseconds[str(arg1)] = hist(arg3);
}'

    step "RST_BACKING=file python3 ${web#"$PWD"/}/shop.py $1"
    start_web "$1"
    echo "process $program listens on $url"
    step "bpftrace -p $program -e '$trace'"
    printf '%-6s %-12s %6s %12s\n' method path status microseconds
    run_bpftrace -p "$program" -e "$trace"
    watched=$?
    end_program
    return "$watched"
}

show_web_by_readelf() {
    step 'readelf: the note by which tracers find its probe'
    start_web "$1"
    readelf -n "$image"
    end_program
}

demo_python() {
    local requests=40 url image

    while [ $# -gt 0 ]; do
        case $1 in
        -n | --requests) [ $# -ge 2 ] || die "$1 wants a number" && requests=$2 && shift ;;
        --requests=*) requests=${1#*=} ;;
        -b | --build) [ $# -ge 2 ] || die "$1 wants a directory" && build=$2 && shift ;;
        --build=*) build=${1#*=} ;;
        -h | --help) usage && exit ;;
        -*) die "unknown option $1; see ./demo --help" ;;
        *) die "python takes no FILE; see ./demo --help" ;;
        esac
        shift
    done
    [[ $requests =~ ^[0-9]+$ ]] || die "--requests $requests: not a number"
    requests=$((10#$requests))

    has_root
    need cc gcc libc6-dev
    need_python
    ! has_root || need bpftrace bpftrace
    install_needed || die 'cannot go on without them'
    compile_package

    if ! has_root; then
        step "$(why_no_root), so no bpftrace; this is what can be seen without"
    elif watch_web "$requests"; then
        step 'done; the application and bpftrace have ended'
        return
    else
        step 'bpftrace could not watch it; this is what can be seen without'
    fi
    show_web_by_readelf "$requests"
}
