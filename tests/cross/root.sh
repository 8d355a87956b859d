#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Make a root directory for another CPU: Debian's C library, libelf and cmocka, to build with and to
# run in by qemu-user. Or make one with newer tools for this machine: `tools`, where Debian 12's qemu and
# gdb do not know a CPU, or `emulators`, qemu for whole machines. Neither root nor dpkg's knowledge of
# other architectures is needed.
#
# usage: root.sh CPU|tools|emulators DIRECTORY
#
# The directory is made anew only if the packages or the release, as named here, have changed.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# CPU, Debian's name for it, and the release: the first one that has that CPU.
table="
aarch64 arm64 bookworm
i386 i386 bookworm
arm armhf bookworm
riscv64 riscv64 trixie
ppc64le ppc64el bookworm
s390x s390x bookworm
loongarch64 loong64 forky
tools $(dpkg --print-architecture) trixie
emulators $(dpkg --print-architecture) trixie
"
packages=(libc6 libc6-dev linux-libc-dev libgcc-s1 libcmocka0 libcmocka-dev libelf-dev zlib1g zlib1g-dev)

read -r architecture release < <(awk -v cpu="$1" '$1 == cpu { print $2, $3 }' <<<"$table") || {
    echo "root.sh: there is no CPU $1" >&2
    exit 2
}
# What the libelf of each release is called, and what it needs.
case $release in
bookworm) packages+=(libelf1) ;;
*) packages+=(libelf1t64 libzstd1 libzstd-dev) ;;
esac
case $1 in
loongarch64) packages+=(libgcc-14-dev libstdc++-14-dev libstdc++6) ;; # GCC's cross compilers have theirs
tools) packages=(qemu-user gdb-multiarch) ;;
emulators) packages=(qemu-system-x86 qemu-system-arm) ;;
esac

root=$2
new=$root.new
apt=$new/apt
stamp="$release $architecture ${packages[*]} $(cksum <"$0")"
mkdir -p "$(dirname "$root")"
exec {lock}>"$root.lock"
# Who only reads need not wait for those who use it. Who makes it anew does.
for kind in -s -x; do
    flock "$kind" "$lock"
    [ "$(cat "$root/complete" 2>/dev/null)" != "$stamp" ] || exit 0
done

mirror=$("$here/../../.ci/debian_mirror.sh")
mirror=${mirror% *}

rm -rf "$root" "$new"
mkdir -p "$apt/lists/partial" "$apt/archives/partial" "$new/usr/lib" "$new/usr/lib64"
ln -s usr/lib "$new/lib"
ln -s usr/lib64 "$new/lib64"
echo "deb [arch=$architecture] $mirror $release main" >"$apt/sources.list"
: >"$apt/status"
# The list of a release that is not out yet says how long it is valid. A mirror may have an older one.
cat >"$apt/apt.conf" <<END
Dir::State::lists "$apt/lists";
Dir::State::status "$apt/status";
Dir::State::extended_states "$apt/extended_states";
Dir::Cache "$apt";
Dir::Etc::sourcelist "$apt/sources.list";
Dir::Etc::sourceparts "-";
APT::Architecture "$architecture";
APT::Architectures { "$architecture"; };
APT::Sandbox::User "";
Acquire::Check-Valid-Until "false";
Acquire::Languages "none";
END
export APT_CONFIG=$apt/apt.conf
apt-get -q update
case $1 in
tools | emulators) # with what they depend on
    apt-get -q -y install --download-only --no-install-recommends -o Debug::NoLocking=1 "${packages[@]}"
    ;;
*) (cd "$apt/archives" && apt-get -q download "${packages[@]}") ;;
esac
for package in "$apt"/archives/*.deb; do
    dpkg-deb --fsys-tarfile "$package" | tar -x --keep-directory-symlink -C "$new"
done
# Links from the root lead there.
find "$new" -type l -lname '/*' | while IFS= read -r link; do
    ln -sfnr "$new$(readlink "$link")" "$link"
done
rm -rf "$apt"

# Make a command of a program in the root that takes its own libraries, with an environment and arguments.
command_of() {
    cat >"$new/$1" <<END
#!/bin/sh
root=\$(dirname "\$(readlink -f "\$0")")
libraries=\$(dirname "\$root"/usr/lib/*/libc.so.6)
$2 exec "\$libraries"/ld-linux*.so.* --library-path "\$libraries" "\$root/usr/bin/$1" $3 "\$@"
END
    chmod +x "$new/$1"
}

# shellcheck disable=SC2016 # the commands expand it
case $1 in
tools) # qemu-user is linked statically
    command_of gdb-multiarch 'PYTHONHOME=$root/usr' '--data-directory="$root/usr/share/gdb"'
    ;;
emulators)
    for program in qemu-system-x86_64 qemu-system-aarch64; do
        command_of "$program" 'QEMU_MODULE_DIR=$libraries/qemu' \
            '-L "$root/usr/share/qemu" -L "$root/usr/share/seabios"'
    done
    ;;
esac
echo "$stamp" >"$new/complete"
mv "$new" "$root"
