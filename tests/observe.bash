# shellcheck shell=bash
#
# Looks into a running bpipe, and checks the numbers of one that has ended: `load observe` after
# `load helpers`. This is for files with JSON reports. It needs no JSON tool, but the names of
# endpoints must be plain (no braces, no quotes).

# --- a running bpipe --------------------------------------------------------------------------

# catches_usr1 PID: whether it is a bpipe (not the shell that is about to become one, which catches
# signals, too), and has come so far that SIGUSR1 no longer kills it.
catches_usr1() {
    local key value mask=
    [ "/proc/$1/exe" -ef "$BPIPE" ] || return 1
    while read -r key value; do
        [ "$key" != SigCgt: ] || mask=$value
    done 2>/dev/null <"/proc/$1/status"
    [ -n "$mask" ] && (((16#$mask >> 9) & 1))
}

has_lines() { # FILE COUNT: whether the file has at least COUNT lines
    local line
    (($2 == 0)) ||
        { mapfile -s $(($2 - 1)) -n 1 line <"$1" && [[ ${line-} == *$'\n' ]]; } 2>/dev/null
}

# sample PID FILE: asks for a report and waits for it. FILE is that of --report json:FILE, and must
# not have existed before this bpipe.
sample() {
    local before
    before=$(lines_of "$2")
    wait_until 20 catches_usr1 "$1" && kill -USR1 "$1" || return 1
    wait_until 20 has_lines "$2" $((before + 1))
}

# shows PID FILE KEY VALUE: samples once; whether the number of that name has this value.
shows() {
    local number
    sample "$1" "$2" || return 1
    read_number "$3" "$2" && [ "$number" = "$4" ]
}

# wait_number PID FILE KEY VALUE: waits until shows succeeds.
wait_number() {
    wait_until 30 shows "$@" || {
        tail -n 1 "$2"
        return 1
    }
}

# holds PID PATH: whether one of the process's descriptors is this file or FIFO.
holds() {
    local fd
    for fd in "/proc/$1/fd"/*; do
        [ "$fd" -ef "$2" ] && return 0
    done
    return 1
}

# ended PID WANT: waits for the process and compares its status.
ended() {
    local status=0
    wait_until 30 gone "$1" || return 1
    wait "$1" || status=$?
    equal "$2" "$status" "status of bpipe"
}

# --- numbers ----------------------------------------------------------------------------------

# The shell itself looks up numbers that are often asked for: a process takes longer than the rest.
# So does $(...), which is a process: a condition that is waited for calls read_number.

# last_line FILE
last_line() {
    local lines
    mapfile -t lines <"$1" && printf '%s\n' "${lines[@]: -1}"
}

# last_number KEY FILE: prints the first value of that name in the last line.
last_number() {
    local number
    read_number "$1" "$2" || return 1
    [ -z "$number" ] || echo "$number"
}

# read_number KEY FILE: sets $number to it, or to nothing if there is none.
read_number() {
    local lines
    number=
    mapfile -t lines <"$2" || return 1
    [[ ! ${lines[*]: -1} =~ \"$1\":([0-9.]*) ]] || number=${BASH_REMATCH[1]}
}

# adds_up FILE [STATUS]: the last line of FILE is a final report. In it the states sum to the
# elapsed time, to the nanosecond, and the inputs to bytes_in. For every output and tap,
# in + added = out + dropped + undelivered. No input dropped more than it had. The totals are those
# of the output with the least bytes, and the exit status is STATUS.
adds_up() {
    local lines
    mapfile -t lines <"$1" || return 1
    awk -v status="${2:-0}" '
        # The number after "key": in text; times become nanoseconds.
        function number(text, key) {
            if (!match(text, "\"" key "\":[0-9.]+"))
                wrong(key " is missing in " text)
            text = substr(text, RSTART + length(key) + 3, RLENGTH - length(key) - 3)
            sub(/\./, "", text)
            return text + 0
        }
        function wrong(what) {
            print "the report does not add up: " what
            failed = 1
        }
        function equal(a, b, what) {
            if (a != b)
                wrong(what ": " a " and " b)
        }
        {
            if ($0 !~ /^\{"type":"final",.*\}$/)
                wrong("it is no final one")
            gsub(/"process":\{[^}]*\}/, "\"process\":null") # has an exit status, too
            states = $0
            sub(/.*"state_seconds":\{/, "", states)
            sub(/\}.*/, "", states)
            equal(gsub(/:/, ":", states), 6, "states")
            equal(number(states, "busy") + number(states, "throttle") + number(states, "input") + \
                  number(states, "output") + number(states, "absorb") + number(states, "connect"),
                  number($0, "elapsed_seconds"), "states and elapsed time")
            in_total = number($0, "bytes_in")
            split($0, sides, "\"inputs\":")
            count = split(sides[2], objects, "{\"name\":")
            for (i = 2; i <= count; i++) {
                bytes = number(objects[i], "bytes")
                added = number(objects[i], "bytes_added")
                dropped = number(objects[i], "bytes_dropped")
                if (objects[i] !~ /"bytes_undelivered":/) {
                    in_sum += bytes
                    if (dropped > bytes + added)
                        wrong("an input dropped " dropped " of " bytes + added)
                    continue
                }
                lost = number(objects[i], "bytes_undelivered")
                equal(in_total + added, bytes + dropped + lost, (taps ? "tap " : "output ") i)
                if (!taps) {
                    outputs++
                    counts = added " added, " bytes " out, " dropped " dropped, " lost " undelivered"
                    if (least == "" || bytes < least_bytes) {
                        least = counts
                        least_bytes = bytes
                    }
                    # A command that had enough is left out.
                    if ((lost == 0 || objects[i] !~ /"error":null/) && (other == "" || bytes < other_bytes)) {
                        other = counts
                        other_bytes = bytes
                    }
                }
                if (objects[i] ~ /"taps":\[/) # what follows is after the last output
                    taps = 1
            }
            if (!taps)
                wrong("there is no list of taps")
            equal(in_sum, in_total, "inputs and bytes_in")
            counts = number($0, "bytes_added") " added, " number($0, "bytes_out") " out, " \
                number($0, "bytes_dropped") " dropped, " number($0, "bytes_undelivered") " undelivered"
            if (counts != least && counts != other)
                wrong("in all " counts "; the least output: " least)
            equal(number($0, "exit_status"), status + 0, "exit_status")
        }
        END {
            if (NR == 0 || outputs == 0)
                wrong("there is none")
            if (failed)
                print
            exit failed
        }' <<<"${lines[*]: -1}"
}
