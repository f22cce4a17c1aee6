# shellcheck shell=bash
#
# One random kill in a pipeline with bpipe in it: `load kills` after `load observe`. kill.bats plays
# a few of these, long_kill.bats hundreds.

# pick WORD...: sets $picked to one of them.
pick() {
    local -a words=("$@")
    picked=${words[RANDOM % $#]}
}

# plan_round SEED: sets $data, $producer, $consumer, $options.
plan_round() {
    RANDOM=$(($1 % 32768))
    data=$1
    case $((RANDOM % 3)) in
    0) producer=(randbytes 100G "$data") ;;
    1) producer=(randbytes -b $((RANDOM % 5000 + 1)) -u $((RANDOM % 500)) 100G "$data") ;;
    2) producer=(randbytes -k $((RANDOM * 10)) "$data") ;; # and then nothing more, but no end
    esac
    # Byte by byte only where the pipes hold little: the time to deliver it is not under test.
    pick 1 7 4096 65537 1M 16M
    options=(-B "$picked")
    case $picked in
    1 | 7)
        options+=(-J 0)
        pick 1 3000 128K
        ;;
    *)
        ((RANDOM % 2)) || options+=(-J 0)
        pick 3000 128K
        ;;
    esac
    options+=(-z "$picked")
    ((RANDOM % 2)) || options+=(-C)
    consumer=(randbytes -c "$data")
    if ((RANDOM % 3 == 0)) && [[ ${options[1]} != 16M ]]; then
        consumer=(randbytes -c -b 3000 -u 200 "$data")
    fi
}

# play STATUS EVENT...: runs the planned pipeline with these events. bpipe (process 1) must end with
# that status ("143 130": with either) no later than 5 s after the last event, and its numbers must
# add up. Sets $status, $taken to the consumer's count, and $late_us.
play() {
    local wanted=" $1 " event
    local -a events=()
    shift
    for event; do
        events+=(-e "$event")
    done
    rm -f report
    echo "${producer[*]} | $prefix bpipe ${options[*]} | ${consumer[*]}"
    echo "events: $*"
    # shellcheck disable=SC2086
    pipeline -w 1 -o ends -l 5 "${events[@]}" "${producer[@]}" -- \
        $prefix "$BPIPE" --report none --report json:report "${options[@]}" -- \
        "${consumer[@]}" >taken 2>err || {
        cat ends err
        return 1
    }
    taken=$(<taken)
    status=$(field status <(grep '^process=1 ' ends))
    # shellcheck disable=SC2034
    late_us=$(($(field us <(grep '^process=1 ' ends)) - $(field us <(grep '^event=' ends | tail -n 1))))
    [[ $wanted == *" $status "* ]] || {
        echo "status $status instead of$wanted"
        cat ends err
        return 1
    }
    if [ -s report ]; then
        adds_up report "$status"
        return
    fi
    # A signal may come before bpipe has begun. Then bpipe has not read anything.
    ((status > 128 && ${taken:-0} == 0)) || {
        echo "no report"
        return 1
    }
}

# A consumer that lives to the end has got exactly the bytes that bpipe says it delivered.
all_taken() {
    [ ! -s report ] || equal "$(last_number bytes_out report)" "$taken" "taken and bytes_out"
}

# kill_round SEED: one of the neighbours is killed (-9), or bpipe gets a signal.
kill_round() {
    local moment stop victim prefix='' number
    plan_round "$1"
    # Half of the moments are within the first 3 ms, while everything begins.
    ((RANDOM % 2)) && moment=$((RANDOM % 3000)) || moment=$((RANDOM % 120000))
    stop=$((RANDOM % 20000))
    pick producer consumer consumer stopped several ignored INT TERM HUP QUIT
    victim=$picked
    echo "round $1: $victim"
    case $victim in
    producer) # the input ends: everything is delivered
        play 0 "$moment:0:9"
        all_taken
        equal "$(last_number bytes_in report)" "$taken"
        equal '' "$(<err)"
        ;;
    consumer) # bpipe dies without a message, even if the producer is idle
        play 141 "$moment:2:9"
        equal '' "$(<err)"
        ;;
    stopped) # bpipe is blocked by its reader when the reader dies
        play 141 "$stop:2:19" "$((stop + moment)):2:9"
        equal '' "$(<err)"
        ;;
    several) # the other output goes on, until the end of the input
        options+=(-o - -o /dev/null)
        play 1 "$moment:2:9" "$((moment + 20000)):0:9"
        grep -qx 'bpipe: stdout: write failed at byte [0-9]*: Broken pipe' err
        equal 1 "$(lines_of err)"
        grep -q "\"name\":\"/dev/null\",\"bytes\":$(last_number bytes_in report)," report
        ;;
    ignored) # with SIGPIPE ignored, it is an error
        prefix='defsig -i 13'
        play 1 "$moment:2:9"
        grep -qx 'bpipe: stdout: write failed at byte [0-9]*: Broken pipe' err
        equal 1 "$(lines_of err)"
        ;;
    *)
        number=$(kill -l "$victim")
        if ((RANDOM % 3)); then
            play $((128 + number)) "$moment:1:$number"
        else
            # Another signal follows. If both are there before bpipe runs again, the kernel decides
            # which one comes first.
            play "$((128 + number)) 130" "$moment:1:$number" "$((moment + stop)):1:2"
        fi
        all_taken
        ;;
    esac
}
