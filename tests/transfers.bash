# shellcheck shell=bash
#
# One random transfer from a bpipe to another, in which one of them may be killed: `load transfers`
# after kills and sockets. transfers.bats plays a few of these, long_transfers.bats hundreds.

# --- one random transfer ------------------------------------------------------------------------

# random_options SIZE: sets $options for one end of the transfer.
random_options() {
    local -a buffers=(64K 100001 1M 16M)
    (($1 > 20000)) || buffers+=(1 7 4096)
    pick "${buffers[@]}"
    options=(-q -B "$picked")
    pick 3000 65537 128K 1M
    (($1 > 20000)) || pick 1 100 128K
    options+=(-z "$picked")
    ((RANDOM % 2)) || options+=(-C)
    ((RANDOM % 3)) || options+=(-J 0)
}

# plan_transfer SEED: sets $data, $size, $kind (tcp or unix), $listener (sender or receiver),
# $victim (sender, receiver or none), $signal, $moment (in microseconds), $from and $to (file or
# pipe), $sender and $receiver (options).
plan_transfer() {
    local bits
    RANDOM=$(($1 % 32768))
    data=$1
    bits=$((RANDOM % 24))
    ((RANDOM % 2)) || bits=$((bits / 2 + 12))
    size=$((bits == 0 ? 0 : (1 << bits - 1) + (RANDOM << 15 | RANDOM) % (1 << bits - 1)))
    pick tcp tcp tcp unix
    kind=$picked
    pick sender receiver receiver receiver
    listener=$picked
    pick file pipe
    from=$picked
    pick file pipe
    to=$picked
    random_options "$size"
    sender=("${options[@]}")
    ((RANDOM % 2)) || sender+=(-L $((size * 25 + 1))) # about 40 ms
    random_options "$size"
    receiver=("${options[@]}")
    pick none none sender sender sender receiver receiver receiver
    victim=$picked
    pick KILL KILL TERM INT HUP
    signal=$picked
    # Half of the moments are early: while connecting, during the first bytes.
    ((RANDOM % 2)) && moment=$((RANDOM % 6000)) || moment=$((RANDOM % 40000))
    [[ $listener != "$victim" ]] || moment=$((moment + 8000)) # the other one has to see it first
}

# one_end NAME ENDPOINT: becomes that end of the planned transfer. NAME.ends, NAME.err, NAME.report
# and NAME.pid record how it went.
one_end() {
    local name=$1 index=0
    local -a events=() before=() after=() command
    case $name in
    sender)
        command=("$BPIPE" "${sender[@]}" -o "$2")
        if [ "$from" = pipe ]; then
            before=(randbytes "$size" "$data" --)
            index=1
        else
            command+=(in)
        fi
        ;;
    receiver)
        command=("$BPIPE" "${receiver[@]}" "$2")
        if [ "$to" = pipe ]; then
            after=(-- randbytes -c "$data")
        else
            command+=(-o out)
        fi
        ;;
    esac
    [ "$victim" != "$name" ] || events=(-e "$moment:$index:$(kill -l "$signal")")
    exec pipeline -w "$index" -o "$name.ends" -l 20 "${events[@]}" "${before[@]}" \
        "${command[@]}" --report "json:$name.report" -P "$name.pid" "${after[@]}" \
        >"$name.out" 2>"$name.err" 3>&-
}

# The listener has told its port or has its name; or it (PID) has ended already.
is_there_or_gone() { # PID
    { [ "$kind" = tcp ] && told_port "$listener.err" >/dev/null; } ||
        { [ "$kind" = unix ] && listens_at socket; } || gone "$1"
}

somebody_listens() {
    if [ "$kind" = tcp ]; then listens "$port"; else listens_at socket; fi
}

# Sets $address to the address of the planned listener, or to nothing if it has ended already.
find_listener() { # PID
    address=
    wait_until 20 is_there_or_gone "$1" || return 1
    if [ "$kind" = unix ]; then
        ! listens_at socket || address=unix://socket
    elif port=$(told_port "$listener.err"); then
        address=tcp://127.0.0.1:$port
    fi
}

# check_end NAME: sets status_NAME to how that end exited. Its numbers must add up, and it may have
# printed at most one line.
check_end() {
    local name=$1 index=0 status wanted
    [ "$name:$from" != sender:pipe ] || index=1
    status=$(field status <(grep "^process=$index " "$name.ends"))
    printf -v "status_$name" %s "$status"
    if [ "$victim" = "$name" ]; then
        wanted="0 1 $((128 + $(kill -l "$signal")))"
    elif [ "$abandoned" = "$name" ]; then
        wanted='1 143'
    elif [ "$victim" = none ]; then
        wanted=0
    else
        wanted='0 1'
    fi
    [[ " $wanted " == *" $status "* ]] || {
        echo "$name: status $status instead of $wanted"
        return 1
    }
    sed -i '/: listening on /d' "$name.err"
    # A lost connection may have left bytes in doubt, which a second message tells.
    if grep -q ': lost at byte ' "$name.err"; then
        sed -i -E '2{/: ([0-9]+ bytes sent were|1 byte sent was) not acknowledged$/d}' "$name.err"
    fi
    equal "$((status == 1))" "$(lines_of "$name.err")" "lines of the $name" || return 1
    if [ "$status" = 1 ]; then
        grep -qE "^bpipe: (tcp|unix)[^ ]*: (Connection refused( \(--retry tries again\))?\
|No such file or directory|Connection reset by peer\
|lost at byte [0-9]+: (closed by the peer|Connection reset by peer))\$" "$name.err" || return 1
    fi
    # SIGKILL may come after the report. A bpipe that is killed before it has begun has no report.
    if [ -s "$name.report" ]; then
        [ "$status" != 137 ] || status=$(last_number exit_status "$name.report")
        adds_up "$name.report" "$status"
    else
        ((status > 128))
    fi
}

# transfer_round SEED: sets $cut if the receiver got some of the bytes, but not all.
transfer_round() {
    local options data size kind listener victim signal moment from to sender receiver
    local dialer address port='' pid abandoned=none taken status_sender status_receiver
    rm -f sender.* receiver.* in out
    plan_transfer "$1"
    [ "$listener" = sender ] && dialer=receiver || dialer=sender
    echo "round $1: $size bytes by $kind, $listener listens; $victim gets $signal after $moment us"
    echo "$from | bpipe ${sender[*]}; bpipe ${receiver[*]} | $to"
    [ "$from" = pipe ] || randbytes "$size" "$data" >in
    case $kind in
    tcp) address=tcp-listen://:0 ;;
    unix) address=unix-listen://socket ;;
    esac
    one_end "$listener" "$address" &
    local listener_job=$!
    find_listener $listener_job || return 1
    if [ -n "$address" ]; then
        one_end "$dialer" "$address" &
        wait $! || transfer_failed "the $dialer does not end" || return 1
        # The dialer may have ended before it connected. Then no process connects any more.
        if [ "$victim" = "$dialer" ] && somebody_listens; then
            abandoned=$listener
            ! read -r pid <"$listener.pid" || kill -TERM "$pid" || true
        fi
    fi
    wait $listener_job || transfer_failed "the $listener does not end" || return 1
    check_end "$listener" || transfer_failed || return 1
    [ -z "$address" ] || check_end "$dialer" || transfer_failed || return 1
    check_bytes || transfer_failed || return 1
}

# The received bytes are the beginning of those that were sent. They are all of them if both ends
# say so; by TCP, which can tell a reset from an end, if the receiver says so. Sets $cut.
check_bytes() {
    if [ ! -e receiver.ends ]; then
        taken=0
    elif [ "$to" = pipe ]; then
        taken=$(<receiver.out)
    else
        [ -e out ] || : >out
        taken=$(randbytes -c "$data" <out) || return 1
    fi
    cut=$((taken > 0 && taken < size))
    ((taken <= size)) || return 1
    if [ "${status_receiver:-1}" = 0 ] && { [ "$kind" = tcp ] || [ "${status_sender:-1}" = 0 ]; }; then
        equal "$size" "$taken" "bytes of a transfer that is complete" || return 1
    fi
    if [ "${status_sender:-1}" = 0 ]; then
        equal "$size" "$(last_number bytes_out sender.report)" "bytes_out of a sender" || return 1
    fi
    # The consumer lives to the end, and has got the bytes that the receiver says it delivered.
    [ ! -s receiver.report ] || equal "$(last_number bytes_out receiver.report)" "$taken" || return 1
    # Only a killed listener may leave its name behind; the next one takes the name over.
    [ "$kind" = tcp ] || [ ! -e socket ] || [ "$victim:$signal" = "$listener:KILL" ]
}

# shellcheck disable=SC2317
transfer_failed() { # [WHY]
    echo "$*"
    tail -n 5 sender.* receiver.*
    return 1
}

# transfers COUNT: plays COUNT transfers, from TEST_SEED on. Sets $cuts to how many were cut short.
transfers() {
    local first=${TEST_SEED:-$((RANDOM * 32768 + RANDOM))} seed cut
    ulimit -c 0
    # shellcheck disable=SC2034
    cuts=0
    echo "# TEST_SEED=$first" >&3
    for ((seed = first; seed < first + $1; seed++)); do
        transfer_round "$seed" || { echo "TEST_SEED=$seed" && return 1; }
        cuts=$((cuts + cut))
    done
}
