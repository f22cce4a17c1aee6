#!/usr/bin/env bats
#
# poll() gets only descriptors that are open, with any number of inputs and outputs. A poll()
# that fails ends a run.

bats_require_minimum_version 1.5.0
load ../helpers
load ../observe

# numbered COUNT: makes files in/001, in/002 ..., of 1000 bytes each, and ./want with all of them.
numbered() {
    mkdir in
    random_bytes $(($1 * 1000)) >want
    split -b 1000 -a 4 -d want in/
    equal "$1" "$(find in -type f | wc -l)"
}

# few_descriptors COMMAND...: runs it with 64 descriptors. Those that bats has open are below that.
few_descriptors() (
    ulimit -n 64
    exec "$@"
)

@test "more inputs than descriptors: all are copied, and bpipe sleeps while no reader reads" {
    numbered 300
    open_stuck
    { ulimit -n 64 && exec "$BPIPE" -q -J 0 -B 4K --report json:report in/* >stuck {stuck}<&-; } &
    local job=$!
    wait_until 20 in_poll $job
    sha256sum <stuck >got {stuck}<&- &
    local reader=$!
    wait_until 20 holds $reader stuck
    exec {stuck}<&-
    ended $job 0
    wait $reader
    equal "$(sum want)" "$(cut -d' ' -f1 <got)"
    adds_up report
}

@test "more inputs than descriptors, with several outputs and taps" {
    numbered 300
    few_descriptors timeout -k 1 60 "$BPIPE" -q -o out -o out2 --tap tap --tap tap2 \
        --report json:report in/*
    local copy
    for copy in out out2 tap tap2; do
        equal_files want $copy
    done
    adds_up report
}

@test "more inputs than descriptors: as records, through every way" {
    numbered 200
    local -a options
    for options in -C -l '-B 1' '--start-fill 50' '--frame'; do
        # shellcheck disable=SC2086,SC2068
        few_descriptors timeout -k 1 60 "$BPIPE" -q ${options[@]} in/* |
            if [ "$options" = --frame ]; then "$BPIPE" -q --unframe; else cat; fi >out
        equal_files want out
    done
}

@test "--merge: all inputs at once, as many as there are descriptors for" {
    local i
    for ((i = 0; i < 40; i++)); do
        seq "$i" 40 4000
    done >want
    mkdir in
    split -l 100 -a 4 -d want in/
    few_descriptors timeout -k 1 60 "$BPIPE" -q --merge -l -B 8M -o out --report json:report in/*
    equal "$(sort want | sum_stdin)" "$(sort out | sum_stdin)"
    adds_up report
}

@test "--merge: a line for each input that cannot be opened for lack of descriptors" {
    numbered 100
    local status=0 refused
    few_descriptors timeout -k 1 60 "$BPIPE" -q --merge -B 8M -o out --report json:report in/* 2>err ||
        status=$?
    equal 1 "$status"
    refused=$(lines_of err)
    [ "$refused" -gt 36 ]
    equal "$refused" "$(grep -c '^bpipe: in/[0-9]*: Too many open files$' err)"
    equal $(((100 - refused) * 1000)) "$(size_of out)"
    adds_up report 1
}

@test "too many outputs: one line, and nothing is left" {
    printf x >in
    local -a outputs
    local i status=0
    for ((i = 0; i < 80; i++)); do
        outputs+=(-o "out.$i")
    done
    few_descriptors timeout -k 1 60 "$BPIPE" -q "${outputs[@]}" in 2>err || status=$?
    equal 1 "$status"
    equal 1 "$(lines_of err)"
    grep -q '^bpipe: out\.[0-9]*: Too many open files$' err
    equal 'err in' "$(echo *)"
}

# --- poll() fails -----------------------------------------------------------------------------

# fails_by ERROR WHEN COMMAND...: runs it with poll() failing this way.
fails_by() {
    local error=$1 when=$2
    shift 2
    rm -f log report
    with_faults FAULT_SCRIPT="poll:*:$when:$error" FAULT_LOG="$T/log" timeout -k 1 60 "$@"
}

reason() {
    case $1 in
    EINVAL) echo 'Invalid argument' ;;
    ENOMEM) echo 'Cannot allocate memory' ;;
    EAGAIN) echo 'Resource temporarily unavailable' ;;
    esac
}

@test "poll() fails for good: one message, status 1, and no spinning" {
    skip_unless_faults
    open_idle
    local error status
    for error in EINVAL ENOMEM EAGAIN; do
        status=0
        fails_by $error 2+ "$BPIPE" -q --report json:report -o out <idle {idle}<&- 2>err || status=$?
        equal "1 bpipe: poll: $(reason $error)" "$status $(<err)"
        adds_up report 1
        # A shortage of memory may pass, so bpipe waits, but not for ever.
        equal "$([ $error = EINVAL ] && echo 1 || echo 23)" \
            "$(grep -c "call=p*poll .*fault=$error" log)"
    done
}

@test "poll() fails in the middle of a copy: no consumer sees an orderly end" {
    skip_unless_faults
    random_bytes 1M >in
    printf old >old
    local status=0
    # Input from a FIFO whose writer stays, so that there is something to wait for.
    open_idle
    fails_by EINVAL 3+ "$BPIPE" -q --atomic -o old -o new --to 'cat >part; mv part whole' \
        --report json:report <idle 2>err {idle}<&- &
    local job=$!
    cat in >&"$idle" &
    ended $job 1
    end_processes
    grep -qxF "bpipe: poll: $(reason EINVAL)" err
    equal old "$(<old)"
    [ ! -e new ]
    [ ! -e whole ]
    adds_up report 1
}

@test "poll() fails for good: the guard of the commands ends as well" {
    skip_unless_faults
    ! is_portable || skip "only poll() tells there whether a pipe is read"
    local error status
    for error in EINVAL ENOMEM; do
        status=0
        with_faults FAULT_ONLY=bpipe FAULT_SCRIPT="poll:*:2+:$error" timeout -k 1 60 "$BPIPE" -q \
            --to 'cat >part; mv part whole' --from 'sleep 0.2; seq 5' 2>err || status=$?
        equal "1 bpipe: poll: $(reason $error)" "$status $(<err)"
        wait_until 20 none_is_left
        [ ! -e whole ]
    done
}

none_is_left() { [ -z "$(test_processes)" ]; }

@test "poll() fails while bytes are moving" {
    skip_unless_faults
    # Endless input that is always ready: poll() is called only to look.
    local status=0
    fails_by EINVAL 3+ "$BPIPE" -q --report json:report -o /dev/null /dev/zero 2>err || status=$?
    equal "1 bpipe: poll: $(reason EINVAL)" "$status $(<err)"
    adds_up report 1
}

@test "poll() that fails for a moment is no failure" {
    skip_unless_faults
    random_bytes 3M >in
    local error
    for error in ENOMEM EAGAIN EINTR; do
        # shellcheck disable=SC2002
        cat in | with_faults FAULT_LOG="$T/log" \
            FAULT_SCRIPT="poll:*:2:$error;poll:*:3:$error;poll:*:4:$error;poll:*:7:$error" \
            timeout -k 1 60 "$BPIPE" -q -J 0 -B 64K --report json:report | cat >out
        equal_files in out
        adds_up report
    done
}

@test "poll() fails at the end, with a tap behind: the run is complete" {
    skip_unless_faults
    random_bytes 300000 >in
    mkfifo tap
    exec {held}<>tap
    # How often a run calls poll() before its end depends on how busy the machine is. The test looks
    # for a run in which only the last call fails, so that its outputs are complete.
    local first=1
    wait_until 60 complete_with_a_poll_that_failed
    equal_files in out
    equal 'bpipe: tap: tap too slow: skipping data' "$(<err)"
}

complete_with_a_poll_that_failed() {
    first=$((first % 9 + 1))
    fails_by EINVAL $first+ "$BPIPE" -q -J 0 -z 1M -o out --tap tap in 2>err {held}<&- && [ -s log ]
}
