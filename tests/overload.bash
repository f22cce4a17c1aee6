# shellcheck shell=bash
#
# A producer that is not held up, and the part of its stream that arrived: `load overload` after
# `load observe`. For the files about --overflow, --tap and --spool.

# numbered COUNT LONGEST: prints COUNT lines that are all different, each with its number first.
numbered() {
    awk -v count="$1" -v longest="$2" 'BEGIN {
        for (pad = "-"; length(pad) < longest; pad = pad pad)
            ;
        for (i = 1; i <= count; i++)
            print i substr(pad, 1, (i * 7919) % (longest + 1)) }'
}

# flood OPTION...: sends ./in through a bpipe whose consumer takes nothing until all of it has been
# read or bpipe has given up (tests/tools/flood.c). The consumer's bytes go to ./out, stderr to
# ./err, the report to ./report, with a sample every $every seconds (default: 0.02).
flood() {
    local came status=0 number bytes lines nuls said
    command flood "$BPIPE" -J 0 "$@" --report json:report --report-every "${every:-0.02}" >flooded ||
        status=$?
    read -r came <flooded || return 1
    [[ $came =~ ^bytes=([0-9]+)\ lines=([0-9]+)\ nuls=([0-9]+)$ ]] || return 1
    bytes=${BASH_REMATCH[1]} lines=${BASH_REMATCH[2]} nuls=${BASH_REMATCH[3]}
    read_of_output stdout bytes
    equal "$number" "$bytes" "bytes written, and got" || return 1
    read_of_output stdout records_out
    [ -n "${nul:-}" ] && lines=$nuls
    [ -z "$number" ] || equal "$lines" "$number" "records that stdout got" || return 1
    adds_up report "$status" || return 1
    mapfile -t said <err
    echo "said: ${said[*]}"
}

is_final() {
    local lines
    [ -s report ] && mapfile -t lines <report && [[ ${lines[*]: -1} == *'"type":"final"'* ]]
}

has_size() { # FILE BYTES
    [ "$(size_of "$1")" = "$2" ]
}

has_more_than() { # FILE BYTES
    [ "$(size_of "$1")" -gt "$2" ]
}

all_came() {
    [ -s report ] && [ "$(last_number bytes_in report)" = "$(size_of in)" ]
}

# drained PID STATUS: lets the consumer called stuck (open_stuck) read until bpipe ends with STATUS.
# ./out is all that the consumer got.
drained() {
    local reader
    # shellcheck disable=SC2154 # by open_stuck
    cat <stuck >out {stuck}<&- &
    reader=$!
    ended "$1" "$2" || return 1
    wait_until 20 has_size out "$(of_output stdout bytes)" || return 1
    kill "$reader"
    wait "$reader" || true
}

# of_output NAME KEY: prints a number of that output, tap or input in the last line of ./report.
of_output() {
    local number
    read_of_output "$1" "$2"
    [ -z "$number" ] || echo "$number"
}

# read_of_output NAME KEY: sets $number to it, or to nothing if there is none.
read_of_output() {
    local lines
    number=
    mapfile -t lines <report || return 1
    [[ ! ${lines[*]: -1} =~ .*\{\"name\":\"[^\"]*"$1"\",([^}]*)\} ]] ||
        [[ ! ${BASH_REMATCH[1]} =~ .*\""$2"\":([0-9.]*) ]] || number=${BASH_REMATCH[1]}
}

# loses_whole_records [OUT [NAME]]: OUT (./out) is ./in (from numbered) without some whole records.
# The report says how many these are, with how many bytes. With $marking=1 there are marks in their
# place, and these say how many are missing. With $nul set the records end in NUL. Prints what is
# missing.
loses_whole_records() {
    local out=${1:-out} name=${2:-stdout} number records bytes added ended
    holes in "$out" >found || { cat found && return 1; }
    read -r records bytes added ended <found
    read_of_output "$name" records_dropped
    equal "$number" "$records" "records that are missing in $out" || return 1
    read_of_output "$name" bytes_dropped
    equal "$number" "$bytes" "bytes that are missing in $out" || return 1
    read_of_output "$name" records_out
    [ -z "$number" ] || equal "$ended" "$number" "records that $name got" || return 1
    read_of_output "$name" bytes_added
    equal "$number" "$added" "bytes of marks" || return 1
    echo "missing: $records $bytes $added"
}

# holes IN OUT (tests/tools/holes.c): prints how many records are missing, their bytes, the bytes of
# marks, and how many records end in OUT.
holes() {
    command holes ${marking:+-m} ${nul:+-0} "$1" "$2"
}

# said_once PATTERN: ./err is exactly one line, which matches.
said_once() {
    local lines
    mapfile -t lines <err
    if [ "${#lines[@]}" = 1 ] && grep -qx "$1" err; then return 0; fi
    echo "wanted: $1"
    sed 's/^/said:   /' err
    return 1
}
# shellcheck disable=SC2034 # for the tests
{
    dropping_newest='bpipe: input: buffer full (.*): dropping new data'
    dropping_oldest='bpipe: stdout: buffer full (.*): dropping old data'
    giving_up='bpipe: input: buffer full (.*): giving up (--overflow)'
}
