# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# What all findings do, for sourcing: a temporary folder of their own, packages in it, and the
# comparison of what is seen with what the finding's head comment shows.
#
# That is every line of the script that begins with "#" and five blanks.

script=$(realpath "$0")
: "${folder:?}" # made by the script
export HOME=$folder LC_ALL=C # nobody's settings; and perf keeps a cache at home
started=()

clean_up() {
    [ "${#started[@]}" -eq 0 ] || kill "${started[@]}" 2>/dev/null || true
    wait
    rm -rf "$folder"
}
trap clean_up EXIT

not_run() {
    echo "not run: $*" >&2
    exit 77
}

need_x86_64() {
    [ "$(uname -m)" = x86_64 ] || not_run "this is not x86_64"
}

need_root() {
    [ "$(id -u)" -eq 0 ] || not_run "a uprobe takes root"
    [ -r /sys/bus/event_source/devices/uprobe/type ] || not_run "this kernel has no uprobes"
}

need_compiler() {
    echo 'int main(void) { return 0; }' | gcc -x c -o "$folder/compiled" - 2>/dev/null ||
        not_run "install gcc and libc6-dev"
}

# package NAME VERSION: the system's, if it is of that version, or else a copy in the folder, with
# what it depends on and the system lacks.
package() {
    local name=$1 version=$2 root=$folder/root debs=$folder/debs deb

    if [ "$(dpkg-query -W -f '${Version}' "$name" 2>/dev/null)" = "$version" ]; then
        echo "$name $version: the system's"
        return
    fi
    command -v apt-get >/dev/null || not_run "this is not Debian, which has $name $version"
    mkdir -p "$debs/partial" "$root"
    apt-get -qq --yes --download-only --no-install-recommends --allow-downgrades \
        -o Debug::NoLocking=1 -o APT::Sandbox::User=root -o Dir::Cache::archives="$debs" \
        install "$name=$version" >"$folder/apt" 2>&1 ||
        not_run "apt-get does not give $name $version: $(tail -n 1 "$folder/apt")"
    for deb in "$debs"/*.deb; do
        dpkg-deb --extract "$deb" "$root"
        rm "$deb"
    done
    echo "$name $version: a copy, downloaded"
    export PATH=$root/usr/bin:$PATH
    export LD_LIBRARY_PATH=$root/usr/lib/x86_64-linux-gnu:$root/lib/x86_64-linux-gnu
    export CPATH=$root/usr/include:$root/usr/include/x86_64-linux-gnu
    export PYTHONPATH=$root/usr/lib/python3/dist-packages
    export RUBYLIB=$root/usr/lib/ruby/vendor_ruby:$root/usr/lib/ruby/3.1.0
    RUBYLIB+=:$root/usr/lib/x86_64-linux-gnu/ruby/3.1.0
}

# compare FILE: is what was seen the output that the script's head comment shows?
compare() {
    echo "$(uname -s) $(uname -r) $(uname -m)"
    cat "$1"
    sed -n 's/^#     //p' "$script" >"$folder/told"
    if diff "$folder/told" "$1" >"$folder/difference"; then
        echo "as told"
        exit 0
    fi
    echo "it has changed (< told, > seen):"
    cat "$folder/difference"
    exit 1
}

# uprobe_program: compile what standard input says, with uprobe.h, run it, and compare its output.
uprobe_program() {
    need_x86_64
    need_root
    need_compiler
    gcc -O1 -Wall -Wextra -I"$(dirname "$script")" -o "$folder/program" -x c -
    "$folder/program" "$folder/place" >"$folder/seen" ||
        not_run "the program ended with status $?: $(tail -n 1 "$folder/seen")"
    compare "$folder/seen"
}
