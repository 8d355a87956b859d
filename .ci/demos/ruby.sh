# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# A part of ./demo, which has the functions that all demos share, and sources this.
# shellcheck disable=SC2034,SC2154

demos[ruby]='a Rack application; bpftrace shows each request and a histogram of times for each path'

rack=$here/bindings/ruby/examples/rack
puma=(-S puma --config - --environment production --threads 2:2 --bind tcp://127.0.0.1:0)

need_ruby() {
    need ruby ruby
    need rake rake
    need make make
    have gdb || need readelf binutils
    need puma puma
    # What a Ruby that isn't Debian's has, it alone can tell.
    ruby -rmkmf -e '' &>/dev/null || need '/usr/include/ruby-*/ruby.h' ruby-dev
    ruby -rffi -e '' &>/dev/null || need '/usr/lib/*/rubygems-integration/*/specifications/ffi-*.gemspec' ruby-ffi
}

compile_gem() {
    step "compile the C parts of the gem in ${build#"$PWD"/}"
    mkdir -p "$build" || die "$build cannot be made"
    export RST_RUBY_BUILD=$build/ruby
    watched "$build.log" show_lines rake --rakefile "$here/bindings/ruby/Rakefile" compile ||
        { cat "$build.log" >&2; die 'the gem could not be compiled'; }
    rm -f "$build.log"
    RUBYLIB=$(rake --silent --rakefile "$here/bindings/ruby/Rakefile" libs) || die 'rake failed'
    export RUBYLIB
}

# start_shop COMMAND...: a command that ends up as puma. Sets `program` to its process, `server` to
# puma's, `url` to where puma listens, and `said` to a descriptor with what it says from there on.
start_shop() {
    local line

    server='' url=''
    exec {said}< <(exec "$@" 2>&1)
    program=$!
    while read -r -t 60 -u "$said" line; do
        case $line in
        *PID:*) server=${line##* } ;;
        *'Listening on '*) url=${line##* } && return ;;
        stap*) printf '%s\n' "$line" ;; # gdb has found the probes
        *rror*) printf '%s\n' "$line" >&2 ;;
        esac
    done
    die 'puma did not start'
}

# When the customers have gone, the shop closes, and what watches it ends with it.
send_customers() {
    ruby "$rack/client.rb" "$url" "$1" "$server" &
    helper=$!
}

watch_shop() {
    local watched trace='
usdt:*:rack:request_finish
{
    printf("%-6s %-12s %6d %12d\n", str(arg0), str(arg1), arg2, arg3);
    @microseconds[str(arg1)] = hist(arg3);
}'

    step "RST_BACKING=file puma ${rack#"$PWD"/}/config.ru"
    start_shop env RST_BACKING=file ruby "${puma[@]}" "$rack/config.ru"
    echo "process $program listens on $url"
    step "bpftrace -p $program -e '$trace'"
    printf '%-6s %-12s %6s %12s\n' method path status microseconds
    send_customers "$1"
    run_bpftrace -p "$program" -e "$trace"
    watched=$?
    end_helper
    end_program
    exec {said}<&-
    return "$watched"
}

show_shop_by_gdb() {
    step 'gdb: its probes, and its requests'
    start_shop gdb -nx -q -batch -x "$rack/requests.gdb" --args ruby "${puma[@]}" "$rack/config.ru"
    send_customers "$1"
    printf '\n%-6s %-12s %6s %12s\n' method path status microseconds
    sed -n '/^[A-Z]\{3,\} *\//p' <&"$said"
    end_helper
    end_program
    exec {said}<&-
}

show_shop_by_readelf() {
    local image

    step 'readelf: the notes by which tracers find its probes'
    start_shop env RST_BACKING=file ruby "${puma[@]}" "$rack/config.ru"
    image=$(grep -o -m 1 '/.*/librst-.*\.so' "/proc/$program/maps")
    readelf -n "$image"
    end_program
    exec {said}<&-
}

demo_ruby() {
    local requests=40

    while [ $# -gt 0 ]; do
        case $1 in
        -n | --requests) [ $# -ge 2 ] || die "$1 wants a number" && requests=$2 && shift ;;
        --requests=*) requests=${1#*=} ;;
        -b | --build) [ $# -ge 2 ] || die "$1 wants a directory" && build=$2 && shift ;;
        --build=*) build=${1#*=} ;;
        -h | --help) usage && exit ;;
        -*) die "unknown option $1; see ./demo --help" ;;
        *) die "ruby takes no FILE; see ./demo --help" ;;
        esac
        shift
    done
    [[ $requests =~ ^[0-9]+$ ]] || die "--requests $requests: not a number"
    requests=$((10#$requests))
    refuse_blank "Ruby's mkmf" "$here" 'move the clone'
    refuse_blank "Ruby's mkmf" "$(realpath -m "$build")" 'name another directory by --build'

    has_root
    need cc gcc libc6-dev
    need_ruby
    ! has_root || need bpftrace bpftrace
    install_needed || die 'cannot go on without them'
    compile_gem

    if ! has_root; then
        step "$(why_no_root), so no bpftrace; this is what can be seen without"
    elif watch_shop "$requests"; then
        step 'done; puma and bpftrace have ended'
        return
    else
        step 'bpftrace could not watch it; this is what can be seen without'
    fi
    if have gdb; then
        show_shop_by_gdb "$requests"
    else
        show_shop_by_readelf
    fi
}
