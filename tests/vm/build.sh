#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Build a clone for a test machine: DIRECTORY/source is what git lists of it, and DIRECTORY/build is
# built by the compiler in the machine's root, or by a cross compiler if that is for another CPU.
#
# usage: build.sh MACHINE CACHE DIRECTORY        (as root, in the clone)
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tests/vm/machines.sh
. "$here/machines.sh"
machine "$1"
root=$2/root
tree=$3

rm -rf "$tree"
mkdir -p "$tree/source"
git ls-files -z | tar -c --null --files-from - | tar -x -C "$tree/source"

in_root() {
    "$here/in_root.sh" "$root" "$tree" "$@"
}

echo "exec tests/vm/job.sh $1 ../build ../results" >"$tree/job"
options=(-Dwerror=false -Dbenchmarks=false -Ddocs=false -Dpython=disabled -Dlua=disabled -Dnode=disabled)
if [ "$architecture" = "$(dpkg --print-architecture)" ]; then
    in_root meson setup --native-file source/build-dev.ini "${options[@]}" build source
    in_root ninja -C build -j "$(nproc)" all meson-test-prereq
elif [ ! -e "tests/cross/$cpu.ini" ]; then
    echo "build.sh: $1 is of $cpu, for which tests/cross has no $cpu.ini: it can only be built on such a machine" >&2
    exit 1
else
    export PATH=/usr/bin:/usr/sbin:/bin:/sbin # tests run by a python3 that the machine has, too
    printf "[constants]\nroot = '%s'\nsource = '%s'\n" "$root" "$tree/source" >"$tree/cross.ini"
    # The machine's own meson, as that reads no build directory of another version, and nothing else of its
    # Python.
    mkdir "$tree/python"
    ln -s "$root/usr/lib/python3/dist-packages/mesonbuild" "$tree/python/mesonbuild"
    export PYTHONPATH=$tree/python
    python3 "$root/usr/bin/meson" setup \
        --native-file build-dev.ini --cross-file "$tree/cross.ini" \
        --cross-file "tests/cross/$cpu.ini" --cross-file tests/cross/common.ini \
        --cross-file tests/vm/machine.ini "${options[@]}" "$tree/build" "$tree/source"
    ninja -C "$tree/build" -j "$(nproc)" all meson-test-prereq
fi
