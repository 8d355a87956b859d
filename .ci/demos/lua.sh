# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# A part of ./demo, which has the functions that all demos share, and sources this.
# shellcheck disable=SC2034,SC2154

demos[lua]='a game in Lua; bpftrace shows each frame, and a histogram of their times for each scene'

game=$here/bindings/lua/examples/game

compile_lua() {
    step "compile the Lua module in ${build#"$PWD"/}"
    mkdir -p "$build" || die "$build cannot be made"
    watched "$build.log" show_lines make --directory "$here/bindings/lua" BUILD="$(realpath "$build")" LUA=5.4 ||
        { cat "$build.log" >&2; die 'the module could not be compiled'; }
    rm -f "$build.log"
    export LUA_PATH="$here/bindings/lua/lua/?.lua;;" LUA_CPATH="$build/lua5.4/?.so;;"
    unset LUA_PATH_5_4 LUA_CPATH_5_4
}

# The game waits until it is watched, and what watches it ends with it.
watch_game() {
    local watched trace='
usdt:*:game:scene { printf("the scene is %s\n", str(arg0)); }
usdt:*:game:frame
{
    printf("%6d %8d %14d\n", arg0, arg1, arg2);
    @microseconds[arg1] = hist(arg2);
}'

    step "RST_BACKING=file lua5.4 ${game#"$PWD"/}.lua $1"
    env RST_BACKING=file lua5.4 "$game.lua" "$1" &
    program=$!
    wait_for_image || die 'the game did not start'
    step "bpftrace -p $program -e '$trace'"
    printf '%6s %8s %14s\n' frame things microseconds
    run_bpftrace -p "$program" -e "$trace"
    watched=$?
    end_program
    return "$watched"
}

# Until the game has loaded its probes: sets `image` to their file.
wait_for_image() {
    until image=$(grep -o -m 1 '/.*/librst-.*\.so' "/proc/$program/maps"); do
        kill -0 "$program" 2>/dev/null || return
        sleep 0.05
    done
}

show_game_by_gdb() {
    step 'gdb: its probes, and its frames'
    printf '%6s %8s %14s\n' frame things microseconds
    gdb -nx -q -batch -x "$game.gdb" --args lua5.4 "$game.lua" "$1" </dev/null
}

show_game_by_readelf() {
    local image

    step 'readelf: the notes by which tracers find its probes'
    env RST_BACKING=file lua5.4 "$game.lua" "$1" &
    program=$!
    wait_for_image || die 'the game did not start'
    readelf -n "$image"
    end_program
}

demo_lua() {
    local frames=60

    while [ $# -gt 0 ]; do
        case $1 in
        -n | --frames) [ $# -ge 2 ] || die "$1 wants a number" && frames=$2 && shift ;;
        --frames=*) frames=${1#*=} ;;
        -b | --build) [ $# -ge 2 ] || die "$1 wants a directory" && build=$2 && shift ;;
        --build=*) build=${1#*=} ;;
        -h | --help) usage && exit ;;
        -*) die "unknown option $1; see ./demo --help" ;;
        *) die "lua takes no FILE; see ./demo --help" ;;
        esac
        shift
    done
    [[ $frames =~ ^0*[1-9][0-9]*$ ]] || die "--frames $frames: not a number above 0"
    frames=$((10#$frames))
    refuse_blank make "$(realpath -m "$build")" 'name another directory by --build'

    has_root
    need cc gcc libc6-dev
    need make make
    need pkg-config pkg-config
    need lua5.4 lua5.4
    need /usr/include/lua5.4/lua.h liblua5.4-dev
    have gdb || need readelf binutils
    ! has_root || need bpftrace bpftrace
    install_needed || die 'cannot go on without them'
    compile_lua

    if ! has_root; then
        step "$(why_no_root), so no bpftrace; this is what can be seen without"
    elif watch_game "$frames"; then
        step 'done; the game and bpftrace have ended'
        return
    else
        step 'bpftrace could not watch it; this is what can be seen without'
    fi
    if have gdb; then
        show_game_by_gdb "$frames"
    else
        show_game_by_readelf "$frames"
    fi
}
