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

# shellcheck source=.ci/progress.sh
. "$(dirname "${BASH_SOURCE[0]}")/progress.sh"

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
        [ "$root_found" = no ] || is_root || keep_root
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

# sudo forgets a password after some minutes: call it now and then, until this script and what it started
# have ended, which closes the pipe.
keep_root() {
    # shellcheck disable=SC2034 # nobody writes to it
    exec {root_keeper}> >(
        while
            read -r -t 60
            [ $? -gt 128 ] # the time is up
        do
            sudo -n -v
        done &>/dev/null
    )
}

# COMMAND as it must be called to run as root.
say_as_root() {
    if is_root; then
        echo "run: $*"
    elif have sudo; then
        echo "run: sudo $*"
    else
        echo "run as root: $*"
    fi
}

# What apt-get says, in English, as how far it is.
show_apt() {
    local line words all='' got=0 unpacked=0 ready=0

    while IFS= read -r line; do
        read -r -a words <<<"$line"
        case $line in
        *' newly installed, '*) all=$((words[0] + words[2])) ;;
        'Need to get '*)
            end_progress
            line=${line#Need to get }
            echo "$all packages, ${line%% of archives*} to download"
            ;;
        Get:*\ * | Hit:*\ *)
            # Get:7 http://deb.debian.org/debian bookworm/main amd64 libelf-dev amd64 0.188-2.1 [74 kB]
            if [ -n "$all" ]; then
                progress "download $((got += 1)) of $all: ${words[4]-}"
            else
                progress "read the lists of packages: ${words[*]:1:2}"
            fi
            ;;
        'Unpacking '*) progress "unpack $((unpacked += 1)) of $all: ${words[1]}" ;;
        'Setting up '*) progress "set up $((ready += 1)) of $all: ${words[2]}" ;;
        *'Could not get lock'*) progress 'wait until another program has installed its packages' ;;
        esac
    done
}

install_packages() {
    local apt=(env LC_ALL=C DEBIAN_FRONTEND=noninteractive apt-get -q
        -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=300)

    # A list that can't be read may be one that isn't needed.
    as_root "${apt[@]}" update || :
    as_root "${apt[@]}" install -y --no-install-recommends "$@"
}

install_needed() {
    local thing log

    [ "${#needed_things[@]}" -eq 0 ] && return
    echo "lacking: ${needed_things[*]}"
    if ! have apt-get; then
        echo "there is no apt-get here to install them with; install them and try again" >&2
        return 1
    fi
    if ! has_root; then
        echo "installing them takes root; $(say_as_root "apt-get install ${needed_packages[*]}")" >&2
        return 1
    fi
    echo "installing: ${needed_packages[*]}"
    log=$(mktemp) || return
    if ! watched "$log" show_apt install_packages "${needed_packages[@]}"; then
        grep -v '^debconf: ' "$log" | tail -n 30 >&2
        rm -f "$log"
        return 1
    fi
    rm -f "$log"
    for thing in "${needed_things[@]}"; do
        have "$thing" && continue
        echo "$thing is still lacking after: apt-get install ${needed_packages[*]}" >&2
        return 1
    done
    needed_packages=()
    needed_things=()
}

# What it takes to compile for the node that is here: node-gyp, and Node's headers. Those of Debian are for
# Debian's node only; beside another they would be wrong, or conflict with it. Fails where another node
# lacks them.
need_node() {
    # shellcheck disable=SC2154
    if have node && node "$here/bindings/node/native/build.js" --find &>/dev/null; then
        return
    fi
    if have node && ! dpkg-query --show --showformat '${Version}' nodejs 2>/dev/null | grep -q dfsg; then
        return 1
    fi
    need node nodejs
    need node-gyp node-gyp
    need /usr/include/node/node_api.h libnode-dev
}
