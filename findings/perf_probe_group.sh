#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# perf 6.1: "perf probe --add GROUP:EVENT=..." refuses an event name that any other group has, even
# one that perf did not make. The kernel tells groups apart, and so does what perf prints
# ("GROUP:EVENT"), but a group of one's own does not keep two users of a machine out of each other's
# way. With --force, perf makes EVENT_1 instead, and a script that goes on to record GROUP:EVENT
# does not find it.
#
# probe_trace_event__set_name() in tools/perf/util/probe-event.c looks in a list of names that
# probe_file__get_namelist() makes without groups.
#
# The other group's event is made by writing to uprobe_events, and so, at last, is the one that perf
# refused. Seen on Linux 6.18.44 x86_64, Debian 12 (EVENT, ONE and TWO stand for
# names with a number in them):
#
#     the kernel: ONE:EVENT made
#     perf probe --add TWO:EVENT: Error: event "EVENT" already exists.
#     perf probe --force --add TWO:EVENT: made TWO:EVENT_1
#     the kernel: TWO:EVENT made
set -euo pipefail
folder=$(mktemp -d)
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=findings/lib.bash
. "$here/lib.bash"

need_x86_64
need_root
need_compiler
events=/sys/kernel/tracing/uprobe_events
[ -w "$events" ] || not_run "tracefs is not mounted at ${events%/*}"
package linux-perf 6.1.192-3

one=one_$$ two=two_$$ event=event_$$

# shellcheck disable=SC2317 # the trap calls it
remove_events() {
    local made

    for made in "$one/$event" "$two/$event" "$two/${event}_1"; do
        grep -q ":$made " "$events" && echo "-:$made" >>"$events"
    done
    clean_up
}
trap remove_events EXIT

# librst's tests, which make events too, wait for this lock.
exec 4</sys/bus/event_source/devices/uprobe/type
flock 4

echo 'int main(void) { return 0; }' | gcc -o "$folder/program" -x c -
offset=$(readelf --syms --wide "$folder/program" | awk '$NF == "main" { print $2; exit }')

# made NAME: makes it without perf, and says so.
made() {
    echo "p:$1 $folder/program:0x$offset" >>"$events"
    echo "the kernel: ${1/\//:} made"
}

add() {
    perf probe --exec "$folder/program" "$@" --add "$two:$event=main" 2>&1 | sed -n \
        -e "s/^Error: event/perf probe $* --add $two:$event: &/p" \
        -e "s/^  *\\($two:[^ ]*\\) .*/perf probe $* --add $two:$event: made \\1/p"
}

{
    made "$one/$event"
    add || true
    add --force || true
    made "$two/$event"
} | sed -e "s/$one/ONE/g" -e "s/$two/TWO/g" -e "s/$event/EVENT/g" -e 's/probe  --/probe --/' \
    >"$folder/seen"

compare "$folder/seen"
