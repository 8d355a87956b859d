#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Make a test machine's root file system, or leave it if it is there and has the packages that it
# should: DIRECTORY/root, its image DIRECTORY/root.img, and the kernel and initramfs to start it with. The
# machine's preparations run in the image, which takes a loop device.
#
# usage: root.sh MACHINE DIRECTORY        (as root)
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tests/vm/machines.sh
. "$here/machines.sh"
machine "$1"
directory=$2
root=$directory/root
PATH=$PATH:/usr/sbin:/sbin

mirror=$("$here/../../.ci/debian_mirror.sh")
mirror=${mirror% *}

in_root() {
    "$here/in_root.sh" "$root" /tmp "$@"
}

# By debootstrap and apt-get, in the root itself.
install_root() {
    debootstrap --variant=minbase --arch="$architecture" "$suite" "$root" "$mirror"
    # No service starts, no initramfs is made (ours is smaller), and no documents are kept.
    printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
    chmod +x "$root/usr/sbin/policy-rc.d"
    printf 'path-exclude=/usr/share/%s/*\n' doc locale man >"$root/etc/dpkg/dpkg.cfg.d/small"
    in_root env INITRD=No apt-get install -y -q --no-install-recommends "$kernel" "${packages[@]}"
    in_root apt-get clean
}

# Of a CPU whose programs don't run here: what apt-get would install, unpacked, and the few things that
# the packages' scripts would have made of it for what runs in the machine.
unpack_root() {
    local apt=$directory/apt name link package

    mkdir -p "$apt/lists/partial" "$apt/archives/partial" "$root/usr"
    for name in bin lib sbin; do
        mkdir "$root/usr/$name"
        ln -s "usr/$name" "$root/$name"
    done
    echo "deb [arch=$architecture] $mirror $suite main" >"$apt/sources.list"
    : >"$apt/status"
    cat >"$apt/apt.conf" <<END
Dir::State::lists "$apt/lists";
Dir::State::status "$apt/status";
Dir::Cache "$apt";
Dir::Etc::sourcelist "$apt/sources.list";
Dir::Etc::sourceparts "-";
APT::Architecture "$architecture";
APT::Architectures { "$architecture"; };
APT::Sandbox::User "";
Acquire::Languages "none";
END
    export APT_CONFIG=$apt/apt.conf
    apt-get -q update
    apt-get -q install -y --no-install-recommends --download-only '?essential' "$kernel" "${packages[@]}"
    for package in "$apt"/archives/*.deb; do
        dpkg-deb --fsys-tarfile "$package" | tar -x --keep-directory-symlink -C "$root" \
            --exclude='./usr/share/doc/*' --exclude='./usr/share/locale/*' --exclude='./usr/share/man/*'
    done
    rm -rf "$apt"
    for name in passwd group; do
        cp "$root/usr/share/base-passwd/$name.master" "$root/etc/$name"
    done
    mkdir -p "$root/mnt" "$root/root"
    [ -e "$root/bin/awk" ] || ln -s mawk "$root/bin/awk"
    [ -e "$root/bin/sh" ] || ln -s dash "$root/bin/sh"
    ln -s gcc "$root/bin/cc"
    ln -s g++ "$root/bin/c++"
    depmod -b "$root" "$(basename "$root"/lib/modules/*)"
    # A cross compiler, too, follows the links of development packages.
    find "$root/usr" -type l -lname '/*' | while IFS= read -r link; do
        ln -sfn "$(realpath -ms --relative-to "${link%/*}" "$root$(readlink "$link")")" "$link"
    done
}

make_root() {
    rm -rf "$directory"
    mkdir -p "$directory"
    if [ "$architecture" = "$(dpkg --print-architecture)" ]; then
        install_root
    else
        unpack_root
    fi
}

# The modules that the root file system needs, in order, and busybox.
make_initramfs() {
    local version stage=$directory/initramfs module line

    version=$(basename "$root"/lib/modules/*)
    cp "$root/boot/vmlinuz-$version" "$directory/kernel"
    rm -rf "$stage"
    mkdir -p "$stage/bin" "$stage/root"
    cp "$root/bin/busybox" "$stage/bin/"
    cp "$here/init" "$stage/"
    for module in virtio_pci virtio_blk ext4; do
        modprobe -d "$root" -S "$version" --show-depends "$module"
    done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }' >"$directory/modules"
    while read -r module; do
        line=$(basename "$module")
        case $module in
        *.xz) xz -dc "$module" >"$stage/${line%.xz}" ;;
        *.zst) zstd -qdc "$module" >"$stage/${line%.zst}" ;;
        *) cp "$module" "$stage/" ;;
        esac
        echo "${line%.[xz]*}" >>"$stage/modules"
    done <"$directory/modules"
    (cd "$stage" && find . | cpio -o -H newc --quiet) | gzip -1 >"$directory/initramfs.gz"
    rm -rf "$stage"
}

make_image() {
    local size

    size=$(du -sm "$root" | cut -f 1)
    rm -f "$directory/root.img"
    mke2fs -q -t ext4 -O ^has_journal -d "$root" "$directory/root.img" $((size + size / 5 + 1024))M
}

# In the image, not in the directory: SystemTap asks for the sizes of directories, too.
prepare_image() {
    local command

    mkdir -p "$directory/image"
    for command in "${preparations[@]}"; do
        # shellcheck disable=SC2016 # the inner shell expands it
        [ -z "$command" ] || unshare --mount sh -euc '
            mount -o loop "$0" "$1"
            "$2" "$1" /tmp sh -c "$3"
            umount "$1"' "$directory/root.img" "$directory/image" "$here/in_root.sh" "$command"
    done
}

stamp=$(cat "$here/root.sh" "$here/init" && echo "$suite $architecture $kernel ${packages[*]} ${preparations[*]}")
umask 022 # the user looks at the lock
exec {lock}>"$directory.lock"
# Who only reads need not wait for those who use it. Who makes it anew does.
for kind in -s -x; do
    flock "$kind" "$lock"
    [ "$stamp" != "$(cat "$directory/stamp" 2>/dev/null)" ] || exit 0
done
make_root
make_image
prepare_image
make_initramfs
echo "$stamp" >"$directory/stamp"
