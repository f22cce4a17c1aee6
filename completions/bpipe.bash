# shellcheck shell=bash
#
# bpipe in bash 4 or later. Made by completions/generate from --help; not to be edited.

# Sets kind, what the argument of an option is, and values, which to choose from; fails for one that
# has none.
_bpipe_kind() { # OPTION
    values=
    case $1 in
    -B | --buffer-size | -z | --chunk-size | --start-fill | --resume-fill | \
        --block-size | -J | --pipe-buffer-size | -L | --rate-limit | --read-rate | \
        --burst | --spool-max | --retry | --allow | --tcp-buffer | --datagram-size | \
        --skip | --kill-after | --expect-size | --connect-timeout | --idle-timeout | \
        --stall-timeout | --drain-timeout | -A | --last-written | -F | --format | \
        -i | --interval | -m | --average-rate-window | -D | --delay-start | -w | --width | \
        -H | --height | --report-every | -N | --name)
        kind=none
        ;;
    --overflow)
        kind=choice values='block drop-newest drop-oldest fail'
        ;;
    --spool | -P | --pidfile)
        kind=path
        ;;
    -o | --output | --tap)
        kind=endpoint
        ;;
    --on-output-error)
        kind=choice values='stop continue'
        ;;
    -s | --size | --expect-end)
        kind=size
        ;;
    --from | --to)
        kind=program
        ;;
    -M | --monitor)
        kind=choice values='both in out'
        ;;
    -u | --bar-style)
        kind=choice values='plain block granular shaded'
        ;;
    -x | --extra-display)
        kind=choice values='windowtitle processtitle windowtitle,processtitle'
        ;;
    --report)
        kind=report values='text json prometheus none'
        ;;
    -R | --remote | -Q | --query)
        kind=pid
        ;;
    *) return 1 ;;
    esac
}

_bpipe_schemes='fd:// tcp:// tcp-listen:// udp:// udp-listen:// unix:// unix-listen://'
_bpipe_options='--buffer-size --chunk-size --start-fill --resume-fill --block-size --pipe-buffer-size
    --no-splice --rate-limit --read-rate --burst --overflow --gap-mark --spool --spool-max
    --merge --output --tap --append --no-clobber --atomic --sync --direct-io --discard
    --on-output-error --ipv4 --ipv6 --retry --allow --tcp-buffer --datagram-size --size
    --stop-at-size --skip --si --from --to --monitor --kill-after --expect-size --expect-end
    --frame --unframe --line-mode --null --connect-timeout --idle-timeout --stall-timeout
    --drain-timeout --progress --timer --eta --fineta --rate --average-rate --bytes --bits
    --buffer-percent --last-written --format --numeric --interval --average-rate-window --wait
    --delay-start --gauge --bar-style --width --height --extra-display --force --cursor
    --report --report-every --stats --quiet --name --remote --query --pidfile --help --version'

_bpipe_pids() {
    pgrep -x bpipe 2>/dev/null
}

# Adds to the array words: the paths behind PREFIX, which is a part of the word.
_bpipe_paths() { # PREFIX WORD
    local path
    while IFS= read -r path; do
        [[ -d $path ]] && path+=/
        words+=("$1$(printf %q "$path")")
    done < <(compgen -f -- "${2#"$1"}")
}

# Sets the array words: what the argument can be. Where it stays empty readline completes paths, if
# $paths is set.
_bpipe_argument() { # WORD
    case $kind in
    path) paths=1 ;;
    pid) mapfile -t words < <(compgen -W "$(_bpipe_pids)" -- "$1") ;;
    program) mapfile -t words < <(compgen -c -- "$1") ;;
    choice) mapfile -t words < <(compgen -W "$values" -- "$1") ;;
    report)
        case $1 in
        *:*) _bpipe_paths "${1%%:*}:" "$1" ;;
        *) mapfile -t words < <(compgen -W "$values" -- "$1") ;;
        esac
        ;;
    size) [[ $1 != @* ]] || _bpipe_paths @ "$1" ;;
    endpoint)
        case $1 in
        unix://* | unix-listen://*) _bpipe_paths "${1%%://*}://" "$1" ;;
        ?*)
            mapfile -t words < <(compgen -W "$_bpipe_schemes" -- "$1")
            [[ $1 == *://* ]] || paths=1
            ((${#words[@]} == 0 || paths == 0)) || _bpipe_paths '' "$1"
            ;;
        *) paths=1 ;;
        esac
        ;;
    esac
}

_bpipe() {
    local word=${COMP_WORDS[COMP_CWORD]} i=$COMP_CWORD before='' option='' kind='' values='' paths=0
    local j cut
    local -a words=()

    # bash has taken the word apart at these, and replaces what comes after the last : or =.
    while ((i > 1)) && [[ $word == [:=@]* || ${COMP_WORDS[i - 1]} == *[:=@] ]] &&
        [[ $COMP_LINE == *"${COMP_WORDS[i - 1]}$word"* ]]; do
        i=$((i - 1))
        word=${COMP_WORDS[i]}$word
    done
    cut=${word%"${word##*[:=]}"}

    for ((j = 1; j < i; j++)); do
        [[ ${COMP_WORDS[j]} == -- ]] && kind=endpoint
    done
    if [[ -z $kind && $word == --*=* ]]; then
        before=${word%%=*}=
        word=${word#*=}
        _bpipe_kind "${before%=}" || kind=none
    elif [[ -z $kind ]] && ((i > 1)); then
        option=${COMP_WORDS[i - 1]}
        case $option in
        --*) _bpipe_kind "$option" ;;
        -?*) # the first letter that takes an argument has the rest for it
            for ((j = 1; j < ${#option}; j++)); do
                _bpipe_kind "-${option:j:1}" || continue
                ((j == ${#option} - 1)) || kind=
                break
            done
            ;;
        esac
    fi

    if [[ -z $kind && $word == -* ]]; then
        mapfile -t words < <(compgen -W "$_bpipe_options" -- "$word")
    else
        : "${kind:=endpoint}"
        _bpipe_argument "$word"
    fi
    COMPREPLY=()
    for word in "${words[@]}"; do
        word=$before$word
        COMPREPLY+=("${word#"$cut"}")
        [[ $word != *[/:] ]] || compopt -o nospace
    done
    ((paths)) || compopt +o default
}

complete -o default -F _bpipe bpipe
