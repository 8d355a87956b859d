#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Make a root directory whose only C library is musl, to build with and to run in. Debian has musl,
# but no library built with it: zlib, libelf, libdw and cmocka are built here from Debian's sources.
# Neither root nor a change of the machine's apt configuration is needed.
#
# usage: root.sh DIRECTORY
#
#     DIRECTORY/usr/include, usr/lib   musl's, the kernel's headers, and those libraries
#     DIRECTORY/lib                    the dynamic linker
#     DIRECTORY/bin/musl-gcc           compiles with these and nothing else
#     DIRECTORY/complete               is there when all is done
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
root=$1
work=$root.work
jobs=$(nproc)
sources=(zlib elfutils cmocka)
musl=/usr/lib/x86_64-linux-musl
# What the root was made from; another version of it makes another root.
stamp=$(cat "$0" "$here"/shim/* <(dpkg-query --show musl musl-dev) | sha256sum | cut -c 1-16)
mkdir -p "$(dirname "$root")"
exec {lock}>"$root.lock"
# Who only reads need not wait for those who use it. Who makes it anew does.
for kind in -s -x; do
    flock "$kind" "$lock"
    [ "$(cat "$root/complete" 2>/dev/null)" != "$stamp" ] || exit 0
done

# Into $work/NAME.
get_sources() {
    local apt=$work/apt mirror release name

    mirror=$("$here/../../.ci/debian_mirror.sh")
    release=${mirror#* }
    mirror=${mirror% *}
    mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial"
    echo "deb-src $mirror ${release%-*} main" >"$apt/sources.list"
    cat >"$apt/apt.conf" <<END
Dir::State::lists "$apt/lists";
Dir::Cache "$apt/cache";
Dir::Etc::sourcelist "$apt/sources.list";
Dir::Etc::sourceparts "-";
APT::Sandbox::User "";
Acquire::Languages "none";
END
    export APT_CONFIG=$apt/apt.conf
    apt-get -q update
    (cd "$apt" && apt-get -q source --download-only "${sources[@]}")
    unset APT_CONFIG
    for name in "${sources[@]}"; do
        mkdir "$work/$name"
        tar -x -f "$apt/${name}"_*.orig.tar.*[z2] --strip-components 1 -C "$work/$name"
    done
}

add_musl() {
    mkdir -p "$root/lib" "$root/bin" "$root/usr/include" "$root/usr/lib/pkgconfig"
    cp -R /usr/include/x86_64-linux-musl/. "$root/usr/include/"
    # The kernel's, which know no C library.
    cp -R /usr/include/linux /usr/include/asm-generic /usr/include/x86_64-linux-gnu/asm "$root/usr/include/"
    cp "$musl"/*.[ao] "$root/usr/lib/"
    cp /lib/ld-musl-x86_64.so.1 "$root/lib/"
    ln -sf ../../lib/ld-musl-x86_64.so.1 "$root/usr/lib/libc.so"
    sed -e "s,/usr/include/x86_64-linux-musl,$root/usr/include,g" -e "s,$musl,$root/usr/lib,g" \
        "$musl/musl-gcc.specs" >"$root/usr/lib/musl-gcc.specs"
    # shellcheck disable=SC2016
    printf '#!/bin/sh\nexec gcc "$@" -specs %s\n' "$root/usr/lib/musl-gcc.specs" >"$root/bin/musl-gcc"
    chmod +x "$root/bin/musl-gcc"
}

add_pkgconfig() {
    printf 'Name: %s\nDescription: %s\nVersion: %s\nLibs: -L%s %s\nCflags: -I%s\n' \
        "$1" "$1" "$2" "$root/usr/lib" "$3" "$root/usr/include" >"$root/usr/lib/pkgconfig/$1.pc"
}

build_zlib() {
    cd "$work/zlib"
    ./configure --static --prefix="$root/usr"
    make -j"$jobs" libz.a
    cp zlib.h zconf.h "$root/usr/include/"
    cp libz.a "$root/usr/lib/"
}

# Its parts for programs need more of glibc than its libraries do.
build_elfutils() {
    local part

    cd "$work/elfutils"
    ac_cv_search_argp_parse='none required' ac_cv_search_fts_close='none required' \
        ac_cv_search__obstack_free='none required' CPPFLAGS="-I$here/shim" \
        CFLAGS='-O2 -Wno-error' ./configure --prefix=/usr --disable-debuginfod --disable-libdebuginfod \
        --disable-nls --disable-symbol-versioning --without-bzlib --without-lzma --without-zstd
    make -j"$jobs" -C lib
    make -j"$jobs" -C libelf libelf.a
    for part in libebl libdwelf libdwfl libcpu backends; do
        make -j"$jobs" -C "$part"
    done
    make -j"$jobs" -C libdw libdw.a # of all of these
    mkdir -p "$root/usr/include/elfutils"
    cp libelf/libelf.h libelf/gelf.h libelf/nlist.h libdw/dwarf.h "$root/usr/include/"
    cp libelf/elf-knowledge.h libdw/libdw.h libdwelf/libdwelf.h version.h "$root/usr/include/elfutils/"
    cp lib/libeu.a libelf/libelf.a libdw/libdw.a "$root/usr/lib/"
    add_pkgconfig libelf 0.188 '-lelf -leu -lz'
    add_pkgconfig libdw 0.188 '-ldw -lelf -leu -lz'
}

# One file, without cmake.
build_cmocka() {
    cd "$work/cmocka"
    "$CC" -O2 -fPIC -Iinclude -include "$here/shim/cmocka.h" -c src/cmocka.c -o cmocka.o
    ar rcs "$root/usr/lib/libcmocka.a" cmocka.o
    cp include/cmocka*.h "$root/usr/include/"
    add_pkgconfig cmocka 1.1.5 -lcmocka
}

rm -rf "$root" "$work"
mkdir -p "$work"
get_sources
add_musl
export CC=$root/bin/musl-gcc
(build_zlib)
(build_elfutils)
(build_cmocka)
mkdir -p "$root/dev" "$root/proc" "$root/sys" "$root/tmp"
rm -rf "$work"
echo "$stamp" >"$root/complete"
