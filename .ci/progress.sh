# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# Show how far a long command is. For sourcing by bash:
#
#     watched LOG show_counts ninja -C build     # gives ninja's exit status; LOG has its output
#
# On a terminal, one line tells what is being done, and is gone when it is done. Elsewhere a line of
# its own is printed, at most every few seconds.

progress_seconds=5 # at least, from one line to the next where there is no terminal
progress_last=0    # when the last one was printed
progress_columns=80
progress_before= # what the line begins with

progress() {
    local text=$progress_before$*

    if [ -t 1 ]; then
        printf '\r\033[K%s' "${text:0:progress_columns-1}"
    elif [ $((SECONDS - progress_last)) -ge "$progress_seconds" ]; then
        printf '    %s\n' "$text"
        progress_last=$SECONDS
    fi
}

end_progress() {
    [ ! -t 1 ] || printf '\r\033[K%s' "$progress_before"
}

# What ninja and meson say of how far they are:
#     [12/45] Compiling C object src/a.o
#      3/20 librst:unit / golden  OK  0.05s
show_counts() {
    local line

    while IFS= read -r line; do
        [[ $line =~ ^\ *\[?\ *([0-9]+)/([0-9]+)\]?\ +(.*) ]] || continue
        progress "${BASH_REMATCH[1]} of ${BASH_REMATCH[2]}: ${BASH_REMATCH[3]}"
    done
}

show_lines() {
    local line

    while IFS= read -r line; do
        [ -z "$line" ] || progress "$line"
    done
}

watched() {
    local log=$1 show=$2 size status
    shift 2

    if { size=$(stty size <&3 2>/dev/null); } 3<&1 && [ "${size#* }" -gt 0 ]; then
        progress_columns=${size#* }
    fi
    progress_last=$SECONDS
    "$@" </dev/null 2>&1 | tee "$log" | "$show"
    status=${PIPESTATUS[0]}
    end_progress
    return "$status"
}
