# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# bash completion for rst(1): commands, options, processes that have probes, names of probes and
# recipes.

# The possible values of an option.
_rst_value() {
    case $1 in
    -p | --pid) rst list --json 2>/dev/null | sed -n 's/.*,"pid":\([0-9][0-9]*\),.*/\1/p' | sort -u ;;
    -a | --arch) printf '%s\n' x86_64 aarch64 i386 arm riscv64 ppc64le s390x loongarch64 ;;
    --show) rst recipe 2>/dev/null | sed 's/ .*//' ;;
    --for) printf '%s\n' bpftrace perf gdb bcc dtrace tracefs ;;
    -n | --nop) printf '%s\n' 1 5 10 ;;
    *) return 1 ;;
    esac
}

# The probes' names: of the processes named on the line so far, or of all.
_rst_names() {
    local rest=$1 pids=()

    while [[ $rest =~ [[:space:]](-p|--pid)[[:space:]=]*([0-9]+)(.*) ]]; do
        pids+=(-p "${BASH_REMATCH[2]}") rest=${BASH_REMATCH[3]}
    done
    rst list "${pids[@]}" --names 2>/dev/null
}

_rst() {
    local line=${COMP_LINE:0:COMP_POINT} words current command options previous candidates='' prefix i

    # COMP_WORDS would not do: bash splits it at the colons of names.
    read -ra words <<<"$line"
    current=${line##*[[:space:]]}
    current=${current#[\'\"]}
    [[ $line == *[[:space:]] ]] || unset 'words[-1]'
    previous=${words[-1]}
    command=${words[1]} options=${words[1]}
    [ "$command" = recipe ] && [ "${#words[@]}" -gt 2 ] && options=trace

    if [[ $current == --*=* ]]; then # bash replaces the part after the "="
        candidates=$(_rst_value "${current%%=*}")
        current=${current#*=}
    elif candidates=$(_rst_value "$previous"); then
        :
    elif [[ $current == -* ]]; then # the options, as --help has them
        # shellcheck disable=SC2086 # no command is no word
        candidates=$(rst $options --help 2>/dev/null |
            sed -n 's/^ \{2,\}\(-., *\)\{0,1\}\(--[a-z-]*\) .*/\2/p' | sort)
    elif [ -z "$command" ] || [ "$command" = help ]; then
        candidates=$'list\ntrace\nrecipe\nemit\ncheck'
    elif [[ $current == */* ]]; then
        :
    elif [ "$command" = recipe ] && [ "${#words[@]}" -eq 2 ]; then
        candidates=$(_rst_value --show)
    elif [[ $command =~ ^(list|trace|recipe)$ ]]; then
        candidates=$(_rst_names "$line")
    fi

    COMPREPLY=()
    # compgen -W would expand the words as bash does. A process may give its probes any names, and
    # these must not run as commands here, nor when the line is entered.
    while read -r i; do
        [[ $i == "$current"* && $i =~ ^[A-Za-z0-9_.:-]+$ ]] && COMPREPLY+=("$i")
    done <<<"$candidates"

    # bash replaces only the part after the last colon.
    if [[ $COMP_WORDBREAKS == *:* && $current == *:* ]]; then
        prefix=${current%"${current##*:}"}
        COMPREPLY=("${COMPREPLY[@]#"$prefix"}")
    fi
}

complete -o bashdefault -o default -F _rst rst
