#!/usr/bin/env bats
#
# Reports that fail after the run has begun: a warning for each, and nothing else changes. The data
# arrives, its end is told as it is, and the exit status is the one in the final report.
#
# Each case is played with outputs that tell an end: --atomic, --to and TCP. reports.bats tests
# reports that cannot be opened.

bats_require_minimum_version 1.5.0
load ../helpers
load ../observe
load ../sockets

setup() {
    common_setup
    random_bytes 300001 >in
    mkfifo feed
}

# start WAY ARGUMENT...: starts $command, a bpipe that reads ./feed and writes ./report, and ./out
# by this way. Its input is what is written to $feed. Sets $pid.
command=("$BPIPE")
start() {
    local way=$1
    local -a output=(--atomic -o out)
    shift
    case $way in
    to) output=(--to 'cat >part && mv part out') ;;
    tcp)
        serve ip4 --atomic -o out LISTEN 8<&-
        output=(-o "$endpoint")
        ;;
    esac
    rm -f out report
    "${command[@]}" -q "${output[@]}" --report json:report "$@" <feed 2>warnings 8<&- &
    pid=$!
    exec {feed}>feed
}

# finish WAY OBJECT: writes everything. The status is 0, here and in the report and at the receiver,
# the data is there, and one warning names the report.
finish() {
    cat in >&"$feed"
    exec {feed}>&-
    ended "$pid" 0
    [ "$1" != tcp ] || ended "$server" 0
    equal_files in out
    adds_up report 0
    equal 1 "$(lines_of warnings)" "$1: $(<warnings)"
    [[ $(<warnings) == "bpipe: $2: the report cannot be written: "* ]] ||
        equal "a warning about $2" "$(<warnings)"
}

@test "a report to a full device: one warning, status 0" {
    local way format
    for way in atomic to tcp; do
        for format in json text prometheus; do
            start "$way" --report "$format:/dev/full"
            finish "$way" /dev/full
        done
    done
}

@test "a full disk: one warning for each report, with any number of samples" {
    skip_unless_faults
    command=(with_faults 'FAULT_SCRIPT=write:*/other*:*:ENOSPC' "FAULT_LOG=$T/log" "$BPIPE")
    local way format
    for way in atomic to tcp; do
        for format in json text prometheus; do
            rm -f log other
            start "$way" --report "$format:other" --report-every 10ms
            wait_until 20 has_lines report 3
            finish "$way" other
            [ "$(lines_of log)" -ge 1 ]
            [ ! -s other ]
        done
    done
}

@test "a descriptor that no longer works: one warning, status 0" {
    skip_unless_faults
    command=(with_faults 'FAULT_SCRIPT=write:*/other*:*:EBADF' "FAULT_LOG=$T/log" "$BPIPE")
    local way
    exec {other}>other
    for way in atomic to tcp; do
        start "$way" --report "json:fd://$other"
        finish "$way" "fd://$other"
    done
    [ "$(lines_of log)" -ge 3 ]
}

@test "a FIFO whose reader has left: one warning, status 0" {
    mkfifo fifo
    local way
    for way in atomic to tcp; do
        exec 8<>fifo # its reader, which start keeps from bpipe
        start "$way" --report json:fifo
        sample "$pid" report
        exec 8>&-
        sample "$pid" report
        sample "$pid" report
        finish "$way" fifo
    done
}

@test "a Prometheus file whose folder has gone: one warning, status 0" {
    local way
    for way in atomic to tcp; do
        mkdir folder
        start "$way" --report prometheus:folder/prom
        sample "$pid" report
        [ -s folder/prom ]
        rm -r folder
        sample "$pid" report
        sample "$pid" report
        finish "$way" folder/prom
    done
}

@test "a Prometheus file that cannot be renamed: one warning, status 0, no temporary file" {
    local way
    for way in atomic to tcp; do
        start "$way" --report prometheus:prom
        sample "$pid" report
        rm prom
        mkdir prom
        sample "$pid" report
        finish "$way" prom
        rmdir prom
        equal '' "$(find . -name '*.tmp')"
    done
}

@test "two reports that fail: a warning for each" {
    start atomic --report json:/dev/full --report prometheus:prom
    sample "$pid" report
    rm prom
    mkdir prom
    cat in >&"$feed"
    exec {feed}>&-
    ended "$pid" 0
    equal_files in out
    adds_up report 0
    equal '/dev/full prom' "$(sed -n 's/^bpipe: \(.*\): the report cannot be written: .*/\1/p' warnings |
        sort | xargs)"
    equal 2 "$(lines_of warnings)"
}

@test "a run that fails has its own status, here and in the report" {
    local status=0
    "$BPIPE" -q --report json:/dev/full --report json:report -o out in missing 2>warnings || status=$?
    equal 1 "$status"
    adds_up report 1
    equal 2 "$(lines_of warnings)"
    equal_files in out
    start atomic --report json:/dev/full --idle-timeout 50ms
    ended "$pid" 4
    exec {feed}>&-
    adds_up report 4
    [ ! -e out ]
    start to --report json:/dev/full
    sample "$pid" report
    kill -TERM "$pid"
    ended "$pid" 143
    exec {feed}>&-
    adds_up report 143
    [ ! -e out ]
    status=0
    "$BPIPE" -q --report json:/dev/full --report json:report --expect-size 5 -o out in 2>warnings || status=$?
    equal 1 "$status"
    adds_up report 1
}
