# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# Install what a script needs, and only what is lacking (Debian and Ubuntu). For sourcing by bash:
#
#     . .ci/packages.sh
#     need meson meson                                  # a command, and the package that has it
#     need gcc gcc libc6-dev                            # or the packages
#     need "/usr/include/*/gelf.h" libelf-dev           # a file, told by its slash; * allowed
#     install_needed || exit                            # one run of apt-get, if anything lacks
#
# as_root COMMAND... runs a command as root, by sudo if need be; has_root says whether it can. It
# finds that out once, so that sudo asks once for a password that isn't given.

needed_packages=()
needed_things=()
root_found=

have() {
    case $1 in
    */*) compgen -G "$1" >/dev/null ;;
    *) PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin command -v "$1" >/dev/null ;;
    esac
}

need() {
    local thing=$1
    shift
    have "$thing" && return
    needed_things+=("$thing")
    needed_packages+=("$@")
}

is_root() {
    [ "$(id -u)" -eq 0 ]
}

# Without a terminal, sudo must not ask for a password.
find_root() {
    is_root && return
    have sudo || return
    if [ -t 0 ]; then
        sudo -v
    else
        sudo -n true 2>/dev/null
    fi
}

has_root() {
    if [ -z "$root_found" ]; then
        if find_root; then root_found=yes; else root_found=no; fi
    fi
    [ "$root_found" = yes ]
}

as_root() {
    if is_root; then
        "$@"
    else
        sudo "$@"
    fi
}

install_needed() {
    local thing
    local apt=(env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0)

    [ "${#needed_things[@]}" -eq 0 ] && return
    echo "lacking: ${needed_things[*]}"
    if ! have apt-get; then
        echo "there is no apt-get here to install them with; install them and try again" >&2
        return 1
    fi
    if ! has_root; then
        echo "installing them takes root; run: apt-get install ${needed_packages[*]}" >&2
        return 1
    fi
    echo "installing: ${needed_packages[*]}"
    as_root "${apt[@]}" update || return
    as_root "${apt[@]}" install -y --no-install-recommends "${needed_packages[@]}" >/dev/null || return
    for thing in "${needed_things[@]}"; do
        have "$thing" && continue
        echo "$thing is still lacking after: apt-get install ${needed_packages[*]}" >&2
        return 1
    done
    needed_packages=()
    needed_things=()
}
