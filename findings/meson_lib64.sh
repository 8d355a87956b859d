#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# meson 1.0.1 on Debian 12 installs libraries into another directory where dpkg-dev is missing: into
# /usr/local/lib64, which neither pkg-config nor the dynamic linker searches, instead of
# /usr/local/lib/x86_64-linux-gnu, which both do. meson does not depend on dpkg-dev, and says
# nothing: what is built with the library fails, later, on minimal systems only.
#
# default_libdir() in mesonbuild/utils/universal.py asks dpkg-architecture. Where that fails, it
# takes lib64 if /usr/lib64 is a directory; on amd64 it is one, for libc6 has the dynamic linker
# there.
#
# meson is run with a PATH that has only ninja, and with one that has a dpkg-architecture, too,
# which gives Debian's answer. Where neither of the last two lines names lib64, nobody searches it.
# Seen on Linux 6.18.44 x86_64, Debian 12:
#
#     with dpkg-architecture: lib/x86_64-linux-gnu
#     without: lib64
#     the dynamic linker searches /usr/local/lib/x86_64-linux-gnu
#     pkg-config searches /usr/local/lib/x86_64-linux-gnu/pkgconfig
set -euo pipefail
folder=$(mktemp -d)
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=findings/lib.bash
. "$here/lib.bash"

need_x86_64
package meson 1.0.1-5
command -v ninja >/dev/null || package ninja-build 1.11.1-2~deb12u1
command -v pkg-config >/dev/null || package pkgconf 1.8.1-1
python3=$(PATH=$folder/root/usr/bin:/usr/bin command -v python3) || not_run "install python3"

mkdir "$folder/source" "$folder/with" "$folder/without"
echo "project('shop')" >"$folder/source/meson.build"
ln -s "$(command -v ninja)" "$folder/without"
cp -P "$folder/without/ninja" "$folder/with"
printf '#!/bin/sh\necho x86_64-linux-gnu\n' >"$folder/with/dpkg-architecture"
chmod +x "$folder/with/dpkg-architecture"
meson=$(command -v meson)

# libdir PATH BUILD: what meson takes for libdir with only those programs.
libdir() {
    PATH=$1 "$python3" "$meson" setup "$2" "$folder/source" >"$folder/meson" 2>&1 ||
        not_run "$(tail -n 1 "$folder/meson")"
    PATH=$1 "$python3" "$meson" introspect --buildoptions "$2" |
        "$python3" -c 'import json, sys
print(*(o["value"] for o in json.load(sys.stdin) if o["name"] == "libdir"))'
}

{
    echo "with dpkg-architecture: $(libdir "$folder/with" "$folder/one")"
    echo "without: $(libdir "$folder/without" "$folder/two")"
    for directory in /usr/local/lib64 /usr/local/lib/x86_64-linux-gnu; do
        if grep -rqsx "$directory" /etc/ld.so.conf /etc/ld.so.conf.d; then
            echo "the dynamic linker searches $directory"
        fi
        if pkg-config --variable=pc_path pkg-config | tr : '\n' |
            grep -qx "$directory/pkgconfig"; then
            echo "pkg-config searches $directory/pkgconfig"
        fi
    done
} >"$folder/seen"

compare "$folder/seen"
