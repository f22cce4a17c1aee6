#!/usr/bin/env bats
#
# Bytes that go past the ring by splice(2) and copy_file_range(2). If anything refuses them, the
# ring takes over.

# A pipe is not the same input as the file itself:
# shellcheck disable=SC2002

bats_require_minimum_version 1.5.0
load ../helpers
load ../observe

same() {
    local file
    for file; do
        cmp in "$file"
    done
}

skip_portable() {
    ! is_portable || skip "the portable build copies everything"
}

# zero_copy REPORT WANT
zero_copy() {
    equal "$2" "$(last_number zero_copy_bytes "$1")" "zero_copy_bytes"
}

# --- which pairs ------------------------------------------------------------------------------

@test "file to file goes past the ring, all of it" {
    skip_portable
    random_bytes 5000001 >in
    "$BPIPE" -o out in --report json:report
    same out
    adds_up report
    zero_copy report 5000001
    equal 0 "$(last_number peak_bytes report)"
    # from and to the current offsets of the descriptors
    { head -c 10 >/dev/null; "$BPIPE" -q >>/dev/null; } <in
    { printf 0123456789 && "$BPIPE" -q in; } >out
    { printf 0123456789 && cat in; } | cmp - out
}

@test "file to pipe: the bytes that were not read were spliced" {
    skip_portable
    set -o pipefail
    random_bytes 5000001 >in
    "$BPIPE" in --report json:report | cmp in -
    adds_up report
    [ "$(last_number splice report)" -gt 0 ]
    [ "$(last_number zero_copy_bytes report)" -ge 65536 ] # as much as the pipe took at first
}

@test "pipe to file is copied in large writes, which costs less" {
    random_bytes 5000001 >in
    cat in | "$BPIPE" -o out --report json:report
    same out
    adds_up report
    zero_copy report 0
}

@test "zero_copy_bytes counts the bytes that splice moved, to the byte" {
    skip_portable
    skip_unless strace
    set -o pipefail
    random_bytes 3000001 >in
    cat in | no_leak_check strace -o trace -e trace=splice,tee "$BPIPE" --report json:report | cmp in -
    adds_up report
    zero_copy report "$(awk -F'= ' '/splice\([0-9]+, NULL, 1,/ && $NF > 0 { sum += $NF } END { printf "%.0f", sum }' trace)"
    equal "$(grep -cE '^(splice|tee)' trace)" "$(last_number splice report)"
}

# copies OPTION...: nothing goes past the ring.
copies() {
    "$BPIPE" "$@" -o out in --report json:report
    same out
    zero_copy report 0
    equal 0 "$(last_number splice report)" "splice calls"
}

@test "options that look at bytes, or hold them back, copy" {
    random_bytes 300001 >in
    copies -C
    copies -l
    copies -0
    copies -Y
    copies -K
    copies --start-fill 10
    copies --resume-fill 10
    copies --block-size 4096
    copies -o other
    same other
    rm out
    copies --append
    "$BPIPE" -X in --report json:report
    zero_copy report 0
    "$BPIPE" in -q >/dev/null
}

@test "--append and >> keep the old content" {
    random_bytes 300001 >in
    for way in option shell; do
        printf before >out
        if [ "$way" = option ]; then
            "$BPIPE" -q --append -o out in
        else
            "$BPIPE" -q in >>out
        fi
        { printf before && cat in; } | cmp - out
    done
}

@test "files that the kernel makes up, sparse files, empty files" {
    "$BPIPE" -q -o out /proc/self/mountinfo
    cmp -s out /proc/self/mountinfo || grep -q . out
    "$BPIPE" -q /proc/version >out
    cmp out /proc/version
    "$BPIPE" -q /proc/version | cmp - /proc/version
    truncate -s 3000000 in
    "$BPIPE" -q in >out
    same out
    : >in
    "$BPIPE" -q -o out in
    same out
    "$BPIPE" -q in | cmp in -
}

@test "several inputs: each goes by its own way" {
    skip_portable
    set -o pipefail
    random_bytes 700001 >a
    random_bytes 300001 8 >b
    cat b | "$BPIPE" a - a /proc/version -o out --report json:report
    cat a b a /proc/version | cmp - out
    adds_up report
    [ "$(last_number zero_copy_bytes report)" -ge 1400002 ]
}

# --- -S stops exactly -------------------------------------------------------------------------

@test "-S stops exactly, and the next command finds the next byte" {
    random_bytes 3000000 >in
    local size
    for size in 1 4095 65536 1048576 1048577 2999999; do
        { "$BPIPE" -q -S -s "$size" -o first && cat >rest; } <in
        equal "$size" "$(size_of first)"
        cat first rest | cmp in -
        { "$BPIPE" -q -S -s "$size" | cat >first && cat >rest; } <in
        equal "$size" "$(size_of first)"
        cat first rest | cmp in -
        cat in | { "$BPIPE" -q -S -s "$size" >first && cat >rest; }
        equal "$size" "$(size_of first)"
        cat first rest | cmp in -
    done
}

# --- refusals ---------------------------------------------------------------------------------

@test "every refusal falls back to the ring, at the first call and later, and loses nothing" {
    skip_portable
    skip_unless_faults
    set -o pipefail
    random_bytes 2500001 >in
    local error when
    for error in EINVAL EBADF EXDEV ENOSYS EPERM EOPNOTSUPP ETXTBSY EIO ENOMEM; do
        for when in 1+ 2+; do
            echo "$error $when"
            cat in | with_faults FAULT_RATE=0 "FAULT_SCRIPT=splice:0:$when:$error" FAULT_LOG=log \
                "$BPIPE" -q | cmp in -
            grep -q "call=splice.*$error" log
            with_faults FAULT_RATE=0 "FAULT_SCRIPT=copy_file_range:*/in:$when:$error" FAULT_LOG=log \
                "$BPIPE" -q -o out in
            same out
            rm log
        done
    done
}

@test "a refusal is permanent for this input and output, but not for the next input" {
    skip_portable
    skip_unless_faults
    random_bytes 2500001 >in
    cp in other
    with_faults FAULT_RATE=0 'FAULT_SCRIPT=copy_file_range:*/in:1+:EXDEV' FAULT_LOG=log \
        "$BPIPE" -o out in other --report json:report
    cat in other | cmp - out
    equal 1 "$(grep -c EXDEV log)"
    zero_copy report 2500001
}

@test "random faults on the way past the ring: 20 seeds" {
    skip_portable
    skip_unless_faults
    set -o pipefail
    local seed first=$RANDOM runs=20
    [ -z "${TEST_LONG:-}" ] || runs=400
    echo "first seed $first"
    random_bytes 1500001 >in
    for ((seed = first; seed < first + runs; seed++)); do
        echo "seed $seed"
        random_bytes 1500001 | with_faults FAULT_SEED=$seed FAULT_RATE=30 FAULT_LOG=log \
            FAULT_KINDS=short,eintr,eagain,wakeup "$BPIPE" -q | cmp in -
        with_faults FAULT_SEED=$seed FAULT_RATE=30 FAULT_LOG=log "$BPIPE" -q -o out in
        same out
        random_bytes 1500001 | with_faults FAULT_SEED=$seed FAULT_RATE=30 "$BPIPE" -q -o out
        same out
        with_faults FAULT_SEED=$seed FAULT_RATE=30 "$BPIPE" -q in | cmp in -
    done
    grep -q 'call=splice' log
    grep -q 'call=copy_file_range' log
}

@test "a full disk on the way past the ring names the output and the byte" {
    skip_portable
    skip_unless_faults
    random_bytes 3000000 >in
    run -1 with_faults FAULT_RATE=0 \
        'FAULT_SCRIPT=copy_file_range:*/in:2+:ENOSPC;write:*/out:1+:ENOSPC' "$BPIPE" -q -o out in
    [[ $output =~ ^'bpipe: out: write failed at byte '[0-9]+': No space left on device
bpipe: out: is incomplete'$ ]]
    cmp -n "$(size_of out)" in out
}

# --- absorbing --------------------------------------------------------------------------------

# The producer of a burst that fits into the buffer is done while the consumer takes nothing.
burst() { # COMMAND...
    mkfifo feed
    "$@" <feed | { wait_until 30 [ -e go ] && cat >out; } &
    { cat in && touch finished; } >feed
    [ -e finished ]
    touch go
    wait_until 30 same out
}

@test "a burst that fits the buffer does not delay its producer" {
    random_bytes 12M >in
    burst "$BPIPE" -q -B 16M
    end_processes
}

two_in_a_row() { "$BPIPE" -q -B 8M | "$BPIPE" -q -B 8M; }

@test "a burst of small writes through two bpipes in a row does not delay its producer" {
    random_bytes 12M >in
    burst two_in_a_row
    end_processes
}

small_writes() { # many pages with few bytes in each
    awk 'BEGIN { for (i = 0; i < 100000; i++) { print i; fflush() } }'
}

@test "small writes fill a pipe by pages: they are absorbed as well" {
    small_writes >in
    mkfifo feed
    "$BPIPE" -q <feed | "$BPIPE" -q -J 0 | { wait_until 30 [ -e go ] && cat >out; } &
    { small_writes && touch finished; } >feed
    [ -e finished ]
    touch go
    wait_until 30 same out
    end_processes
}

@test "after a burst was absorbed, bytes go past the ring again" {
    skip_portable
    mkfifo feed
    random_bytes 12M >in
    "$BPIPE" --report json:report <feed | { wait_until 30 [ -e go ] && cat >out; } &
    local pid=$!
    exec {to}>feed
    cat in >&"$to"
    touch go
    wait_until 30 same out
    for _ in 1 2 3; do
        cat in >&"$to"
    done
    exec {to}>&-
    wait "$pid"
    cat in in in in | cmp - out
    adds_up report
    [ "$(last_number zero_copy_bytes report)" -gt 5000000 ]
}

@test "small pieces are copied, and large ones go past the ring again" {
    skip_portable
    set -o pipefail
    seq 0 19999 >small
    dribble 20000 | "$BPIPE" --report json:report | cmp small -
    adds_up report
    [ $(($(last_number zero_copy_bytes report) * 2)) -lt "$(size_of small)" ]
    dribble 20000 | "$BPIPE" -l --report json:report | cmp small -
    [ $(($(last_number zero_copy_bytes report) * 2)) -lt "$(size_of small)" ]
    equal 20000 "$(last_number records_in report)"
    random_bytes 9M >in
    { dribble 20000 && cat in; } | "$BPIPE" --report json:report | cat >out
    cat small in | cmp - out
    adds_up report
    [ "$(last_number zero_copy_bytes report)" -gt 2000000 ]
}

# --- other behaviour is unchanged -------------------------------------------------------------

@test "a reader that leaves ends the run, with or without bytes on their way" {
    local -a statuses
    yes | "$BPIPE" -q | head -n 1 >/dev/null
    statuses=("${PIPESTATUS[@]}")
    equal 141 "${statuses[1]}"
    random_bytes 3M >in
    "$BPIPE" -q in | head -c 1 >/dev/null
    statuses=("${PIPESTATUS[@]}")
    equal 141 "${statuses[0]}"
}

@test "timeouts, samples and the verdict count bytes that pass without a copy" {
    random_bytes 100000 >in
    # shellcheck disable=SC2016
    run -4 bash -c 'set -o pipefail; { cat in; sleep 5; } | "$BPIPE" -q --idle-timeout 0.3 >out'
    same out
    [[ $output == 'bpipe: stdin: no data for 300 ms (--idle-timeout)' ]]
    # shellcheck disable=SC2016
    run -4 bash -c 'yes | head -c 64M | { "$BPIPE" -q --stall-timeout 0.3; } | { sleep 3; }
        exit "${PIPESTATUS[2]}"'
    [[ $output == 'bpipe: stdout: took no data for 300 ms (--stall-timeout)' ]]
}
