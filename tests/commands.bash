# shellcheck shell=bash
#
# Commands that bpipe starts: `load commands` after `load helpers`.

# nobody_left: whether none of the processes that the test started is left, except this shell.
nobody_left() {
    local left
    left=$(test_processes) || true
    [ -z "$left" ]
}

# files: prints the names of all files in this directory, with a blank after each.
files() {
    find . -mindepth 1 -maxdepth 1 -printf '%P\n' | sort | tr '\n' ' '
}

larger() { # FILE BYTES: whether the file is larger
    [ -e "$1" ] && [ "$(size_of "$1")" -gt "$2" ]
}

# --- one random kill ----------------------------------------------------------------------------

# plan_commands SEED: sets $data, $size, $producer, $consumer, $options, $fails (1: the producer
# fails), $victim, $signal, $moment (in microseconds).
plan_commands() {
    local bits pace=''
    RANDOM=$(($1 % 32768))
    data=$1
    bits=$((RANDOM % 22))
    size=$((bits == 0 ? 0 : (1 << bits) + (RANDOM << 15 | RANDOM) % (1 << bits)))
    ((RANDOM % 2)) || pace="-b $((RANDOM % 60000 + 5000)) -u $((RANDOM % 1000))"
    fails=$((RANDOM % 4 == 0))
    producer="echo \$\$ >from.pid; randbytes $pace $size $data"
    ((RANDOM % 2)) || producer="$producer; sleep 0.0$((RANDOM % 3))"
    ((!fails)) || producer="$producer; exit 3"
    consumer='echo $$ >to.pid; cat >tmp && mv tmp whole'
    ((RANDOM % 3)) || consumer="echo \$\$ >to.pid; randbytes -c -b 5000 -u $((RANDOM % 500)) $data >count && \
randbytes \$(cat count) $data >tmp && mv tmp whole"
    options=(-q)
    ((RANDOM % 2)) || options+=(-C)
    ((RANDOM % 2)) || options+=(-B $((RANDOM * 30 + 1000)))
    ((RANDOM % 3)) || options+=(-J 0)
    ((RANDOM % 3)) || options+=(-o copy)
    ((RANDOM % 3)) || options+=(--kill-after 0.1)
    case $((RANDOM % 8)) in
    0) victim=none signal=0 ;;
    1) victim=from signal=KILL ;;
    2) victim=from signal=TERM ;;
    3) victim=to signal=KILL ;;
    4) victim=to signal=TERM ;;
    5) victim=bpipe signal=KILL ;;
    6) victim=bpipe signal=TERM ;;
    7) victim=bpipe signal=INT ;;
    esac
    # Half of the moments are early, while everything begins.
    ((RANDOM % 2)) && moment=$((RANDOM % 10000)) || moment=$((RANDOM % 80000))
}

# The portable build does not know the children of a shell that was killed. They see no end, because
# the pipe that they read is kept open. So they stay until something ends them.
nobody_left_once_orphans_ended() {
    local pid
    for pid in $(test_processes); do
        case $(cat "/proc/$pid/comm") in
        cat | randbytes) kill -KILL "$pid" ;;
        esac
    done 2>/dev/null
    nobody_left
}

# command_round SEED: runs bpipe between two commands, and kills one of the three. The consumer may
# end well only if it has got everything, and bpipe may end with 0 only if the consumer has.
command_round() {
    local pid target status=0
    rm -rf round && mkdir round && cd round || return 1
    plan_commands "$1"
    echo "round $1: bpipe ${options[*]} --from '$producer' --to '$consumer'"
    echo "  $victim gets $signal after $moment us"
    # shellcheck disable=SC2094
    defsig "$BPIPE" "${options[@]}" --from "$producer" --to "$consumer" 2>err &
    pid=$!
    sleep "0.$(printf %06d "$moment")"
    case $victim in
    none) ;;
    bpipe) kill -"$signal" "$pid" 2>/dev/null || true ;;
    *)
        target=$(cat "$victim.pid" 2>/dev/null) || true
        [ -z "$target" ] || kill -"$signal" "$target" 2>/dev/null || true
        ;;
    esac
    wait_until 30 gone "$pid" || return 1
    wait "$pid" || status=$?
    if is_portable && [ "$victim" = to ]; then
        wait_until 10 nobody_left_once_orphans_ended || return 1
    else
        wait_until 10 nobody_left || return 1
    fi
    echo "  status $status, $(files), $(tr '\n' ';' <err)"
    if [ -e whole ]; then
        randbytes "$size" "$data" | cmp - whole || return 1
        equal 0 "$fails" "is whole, though the producer failed" || return 1
    fi
    case $status in
    0)
        [ -e whole ] && [ ! -s err ] || return 1
        [[ " ${options[*]} " != *' copy '* ]] || cmp whole copy || return 1
        ;;
    1) grep -q '^bpipe: ' err || return 1 ;;
    130 | 137 | 143) equal bpipe "$victim" || return 1 ;;
    *) return 1 ;;
    esac
    # Without a victim, only the producer's own failure may change the status.
    if [ "$victim" = none ]; then
        equal "$fails" "$status" "status without a victim" || return 1
    fi
    cd ..
}
