# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# bash completion for rst(1): commands, options, processes that have probes, names of probes and
# recipes.

# The ids of the processes that have probes.
_rst_pids() {
    rst list --json 2>/dev/null | sed -n 's/.*,"pid":\([0-9][0-9]*\),.*/\1/p' | sort -u
}

# The probes' names: of the processes named on the line so far, or of all.
_rst_names() {
    local words=("$@") pids=() i

    for ((i = 0; i < ${#words[@]}; i++)); do
        case ${words[i]} in
        -p | --pid) [[ ${words[i + 1]} =~ ^[0-9]+$ ]] && pids+=(-p "${words[i + 1]}") ;;
        -p[0-9]* | --pid=[0-9]*) pids+=("${words[i]}") ;;
        esac
    done
    rst list "${pids[@]}" --names 2>/dev/null
}

_rst_recipes() {
    rst recipe 2>/dev/null | sed 's/ .*//'
}

# The possible values of an option.
_rst_value() {
    case $1 in
    -p | --pid) _rst_pids ;;
    -a | --arch) echo x86_64 ;;
    --show) _rst_recipes ;;
    --for) printf '%s\n' bpftrace perf gdb bcc dtrace tracefs ;;
    -n | --nop) printf '%s\n' 1 5 10 ;;
    *) return 1 ;;
    esac
}

# The options of a command, as its --help has them.
_rst_options() {
    # shellcheck disable=SC2086 # no command is no word
    rst $1 --help 2>/dev/null | sed -n 's/^ \{2,\}\(-., *\)\{0,1\}\(--[a-z-]*\) .*/\2/p' | sort
}

_rst() {
    local line=${COMP_LINE:0:COMP_POINT} words current command='' options='' previous candidates='' prefix i

    # COMP_WORDS would not do: bash splits it at the colons of names.
    read -ra words <<<"$line"
    current=${line##*[[:space:]]}
    current=${current#[\'\"]}
    [[ $line == *[[:space:]] ]] || unset 'words[-1]'
    previous=${words[-1]}
    [ "${#words[@]}" -gt 1 ] && command=${words[1]} options=${words[1]}
    [ "$command" = recipe ] && [ "${#words[@]}" -gt 2 ] && options=trace

    if [[ $current == --*=* ]]; then # bash replaces the part after the "="
        candidates=$(_rst_value "${current%%=*}")
        current=${current#*=}
    elif candidates=$(_rst_value "$previous"); then
        :
    elif [[ $current == -* ]]; then
        candidates=$(_rst_options "$options")
    elif [ -z "$command" ] || [ "$command" = help ]; then
        candidates=$'list\ntrace\nrecipe\nemit\ncheck'
    elif [ "$command" = recipe ] && [ "${#words[@]}" -eq 2 ] && [[ $current != */* ]]; then
        candidates=$(_rst_recipes)
    elif [[ $command =~ ^(list|trace|recipe)$ ]] && [[ $current != */* ]]; then
        candidates=$(_rst_names "${words[@]}")
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
