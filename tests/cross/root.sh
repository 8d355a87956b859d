#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Make a root directory for another CPU: Debian's C library, libelf and cmocka, to build with and to
# run in by qemu-user. Neither root nor dpkg's knowledge of other architectures is needed.
#
# usage: root.sh CPU DIRECTORY
set -euo pipefail

# CPU, Debian's name for it, and the release: the first one that has that CPU.
table='
aarch64 arm64 bookworm
i386 i386 bookworm
arm armhf bookworm
riscv64 riscv64 trixie
ppc64le ppc64el bookworm
s390x s390x bookworm
'
packages=(libc6 libc6-dev linux-libc-dev libgcc-s1 libcmocka0 libcmocka-dev libelf-dev zlib1g zlib1g-dev)

read -r architecture release < <(awk -v cpu="$1" '$1 == cpu { print $2, $3 }' <<<"$table") || {
    echo "root.sh: there is no CPU $1" >&2
    exit 2
}
root=$2
apt=$root.apt
# Where this machine has its own Debian packages from.
# shellcheck disable=SC2016 # apt-get expands it
mirror=$(apt-get indextargets --format '$(REPO_URI)' | grep '/debian/*$' | head -n 1) || true
if [ -z "$mirror" ]; then
    echo "root.sh: apt-get has no Debian mirror, a URI that ends in /debian, to take packages from" >&2
    exit 1
fi
# What the libelf of each release is called, and what it needs.
case $release in
bookworm) packages+=(libelf1) ;;
*) packages+=(libelf1t64 libzstd1 libzstd-dev) ;;
esac
[ ! -e "$root/complete" ] || exit 0

rm -rf "$root" "$apt"
mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial" "$root/usr/lib" "$root/usr/lib64"
ln -s usr/lib "$root/lib"
ln -s usr/lib64 "$root/lib64"
echo "deb [arch=$architecture] $mirror $release main" >"$apt/sources.list"
cat >"$apt/apt.conf" <<END
Dir::State::lists "$apt/lists";
Dir::State::status "/dev/null";
Dir::Cache "$apt/cache";
Dir::Etc::sourcelist "$apt/sources.list";
Dir::Etc::sourceparts "-";
APT::Architecture "$architecture";
APT::Architectures { "$architecture"; };
APT::Sandbox::User "";
Acquire::Languages "none";
END
export APT_CONFIG=$apt/apt.conf
apt-get -q update
(cd "$apt" && apt-get -q download "${packages[@]}")
for package in "$apt"/*.deb; do
    dpkg-deb --fsys-tarfile "$package" | tar -x --keep-directory-symlink -C "$root"
done
# Links from the root lead there.
find "$root" -type l -lname '/*' | while IFS= read -r link; do
    ln -sfn "$root$(readlink "$link")" "$link"
done
rm -rf "$apt"
touch "$root/complete"
