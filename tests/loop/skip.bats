#!/usr/bin/env bats
#
# --skip: the first bytes of the input are left out, and count nowhere.

bats_require_minimum_version 1.5.0
load ../helpers
load ../observe

# Prints what is left of the files after SIZE bytes.
rest_of() { # SIZE FILE...
    local size=$1
    shift
    cat "$@" | tail -c +$((size + 1))
}

# --- which bytes ----------------------------------------------------------------------------

@test "the rest of a file, a pipe, a FIFO, a command and a connection, on every way" {
    random_bytes 1300001 >in
    mkfifo fifo
    local size option
    for size in 1 65536 1234567; do
        rest_of $size in >rest
        for option in '' -C '-B 1000' '-z 77777' '-l' '-K' '--start-fill 50 -B 1M'; do
            # shellcheck disable=SC2086
            set -- "$BPIPE" -q --skip $size $option
            "$@" in >out
            equal_files rest out
            "$@" <in >out
            equal_files rest out
            # shellcheck disable=SC2002
            cat in | "$@" >out
            equal_files rest out
            "$@" --from 'cat in' | cmp rest -
        done
        cat in >fifo &
        "$BPIPE" -q --skip $size fifo | cmp rest -
        wait $!
        "$BPIPE" -q --skip $size --frame in | "$BPIPE" -q --unframe | cmp rest -
    done
}

@test "several inputs: the first bytes of all of them together" {
    random_bytes 1000 1 >a
    random_bytes 70000 2 >b
    random_bytes 5000 3 >c
    : >empty
    local size
    for size in 999 1000 71000 71001 76000; do
        rest_of $size a b empty c >rest
        "$BPIPE" -q --skip $size a b empty c | cmp rest -
        # shellcheck disable=SC2002
        cat b | "$BPIPE" -q --skip $size a - empty c | cmp rest -
    done
}

@test "an inherited file: from its position on, and the next command gets the next byte" {
    random_bytes 100000 >in
    { head -c 0 && dd bs=1000 count=1 status=none >first && "$BPIPE" -q --skip 500 -S -s 200 && cat >left; } <in >out
    head -c 1000 in | cmp first -
    head -c 1700 in | tail -c 200 | cmp out -
    tail -c +1701 in | cmp left -
    # From a pipe no byte too many is read, either.
    # shellcheck disable=SC2002
    cat in | { "$BPIPE" -q --skip 70001 -S -s 200 && cat >left; } >out
    head -c 70201 in | tail -c 200 | cmp out -
    tail -c +70202 in | cmp left -
}

@test "a file of more than 4 GiB, of which nothing is read" {
    truncate -s 5G sparse
    random_bytes 100 >>sparse
    local size=$((5 * 1024 * 1024 * 1024 + 10))
    "$BPIPE" -q --skip $size --report json:report sparse >out
    tail -c 90 sparse | cmp out -
    equal $size "$(last_number bytes_skipped report)"
    equal 90 "$(last_number bytes_in report)"
}

@test "packets: no byte of the packet in which SIZE ends is lost" {
    is_portable && skip "a plain read loses the rest of a packet; only splice keeps it"
    random_bytes 200001 >in
    local size
    for size in 1 4095 4096 4097 100001; do
        rest_of $size in >rest
        packetpipe 4096 <in | "$BPIPE" -q --skip $size >out
        equal_files rest out
    done
}

@test "a file whose size is a lie, as in sysfs" {
    local file=/sys/kernel/uevent_seqnum
    [ -r $file ] || skip "$file is not there"
    [ "$(stat -c %s $file)" -ge 4096 ] || skip "$file has an honest size"
    "$BPIPE" -q --skip 1 $file | cmp <(tail -c +2 $file) -
    run -1 "$BPIPE" -q --skip 4000 $file
    [[ $output == "bpipe: $file: ended at byte "[0-9]*", before --skip 4000" ]]
}

@test "a copy that was cut goes on" {
    random_bytes 500000 >in
    head -c 123456 in >copy
    "$BPIPE" --skip "$(size_of copy)" --append -o copy in 2>err
    equal_files in copy
    # Nothing is missing, so nothing is added.
    "$BPIPE" --skip "$(size_of copy)" --append -o copy in 2>err
    equal_files in copy
}

# --- what is counted ------------------------------------------------------------------------

@test "the bytes that are left out count for no size and no limit" {
    skip_unless_json
    random_bytes 100000 >in
    local input
    for input in in -; do
        "$BPIPE" --skip 60000 -v --report json:report --expect-size 40000 $input <in >out 2>err
        rest_of 60000 in | cmp out -
        equal 60000:40000:40000:40000 "$(json .bytes_skipped report):$(json .bytes_in report):$(
            json .bytes_out report):$(json .size_bytes report)"
        adds_up report
        grep -qx 'bpipe: skipped: 58.6 KiB of the input' err
    done
    # shellcheck disable=SC2002
    cat in | "$BPIPE" -q --skip 60000 --read-rate 1M --report prometheus:report | cmp out -
    grep -qx 'bpipe_skipped_bytes_total 60000' report
    "$BPIPE" -q --skip 60000 -s @in --report json:report in >out
    equal 40000 "$(json .size_bytes report)"
    "$BPIPE" -q --skip 60000 -S -s 100 in | cmp <(head -c 60100 in | tail -c 100) -
    "$BPIPE" -q --skip 60000 -S in | cmp <(rest_of 60000 in) -
    equal "" "$("$BPIPE" -q --skip 60000 -S -s 0 in)"
    # Without --skip there is no such number.
    "$BPIPE" --report json:report -v in 2>err >out
    equal null "$(json .bytes_skipped report)"
    refute grep -q skipped err
    "$BPIPE" --report prometheus:report in 2>err >out
    refute grep -q skipped report
}

@test "an input that ends before: a message and status 1; one that ends there is complete" {
    random_bytes 5000 >in
    local input
    for input in in -; do
        run -0 --separate-stderr "$BPIPE" -q --skip 5000 $input <in
        equal : "$output:$stderr"
        run -1 --separate-stderr "$BPIPE" -q --skip 5001 $input <in
        equal "" "$output"
        equal "bpipe: ${input/-/stdin}: ended at byte 5000, before --skip 5001" "$stderr"
    done
    run -1 --separate-stderr "$BPIPE" -q --skip 20K --atomic -o copy in in
    equal "bpipe: in: ended at byte 10000, before --skip 20480" "$stderr"
    [ ! -e copy ]
    run -1 --separate-stderr "$BPIPE" -q --skip 5001 -S -s 0 in
    equal "bpipe: in: ended at byte 5000, before --skip 5001" "$stderr"
    run -1 --separate-stderr "$BPIPE" -q --skip 5001 --expect-size 0 in
    equal "bpipe: in: ended at byte 5000, before --skip 5001" "$stderr"
    run -1 --separate-stderr "$BPIPE" -q --skip 5001 in missing
    equal "bpipe: missing: No such file or directory" "$stderr"
}

# --- faults ---------------------------------------------------------------------------------

skip_of_pipe() {
    # shellcheck disable=SC2002
    cat in | with_faults FAULT_RATE=30 FAULT_SEED="$1" FAULT_DELAY_US=100 FAULT_LOG="$T/log" \
        timeout -k 1 60 "$BPIPE" -q --skip 300001 | cmp rest -
    with_faults FAULT_RATE=30 FAULT_SEED="$1" FAULT_DELAY_US=100 FAULT_LOG="$T/log" \
        timeout -k 1 60 "$BPIPE" -q --skip 300001 in | cmp rest -
}

@test "random faults" {
    skip_unless_faults
    random_bytes 400000 >in
    rest_of 300001 in >rest
    with_seeds 15 skip_of_pipe
    grep -q 'fault=EINTR' log
    grep -q 'fault=EAGAIN' log
    grep -q 'fault=short' log
}

@test "a read that fails while bytes are left out: the message has the place in the input" {
    skip_unless_faults
    random_bytes 400000 >in
    # shellcheck disable=SC2002
    cat in | { run -1 with_faults FAULT_SCRIPT='read:0:@200000:EIO' "$BPIPE" -q --skip 300001 &&
        equal "bpipe: stdin: read failed at byte 200000: Input/output error" "$output"; }
    # shellcheck disable=SC2002
    cat in | { run -1 --separate-stderr with_faults FAULT_SCRIPT='read:0:@350000:EIO' "$BPIPE" -C -q -o out --skip 300001 &&
        equal "bpipe: stdin: read failed at byte 350000: Input/output error" "$stderr"; }
    head -c 350000 in | tail -c +300002 | cmp - out
    # The byte before the place cannot be read: bpipe reads from the start instead, and fails there
    # if it has to.
    with_faults FAULT_SCRIPT='pread:*/in:*:EIO' FAULT_LOG="$T/log" "$BPIPE" -q --skip 300001 in >out
    grep -q call=pread log
    rest_of 300001 in | cmp - out
}

@test "signals and timeouts while bytes are left out" {
    open_idle
    defsig "$BPIPE" --skip 1M -P pid <&"$idle" >out 2>err &
    wait_until 15 test -s pid
    wait_until 15 in_poll "$(<pid)"
    kill -TERM "$(<pid)"
    ended $! 143
    run -4 "$BPIPE" --skip 1M --idle-timeout 0.1 <&"$idle"
    grep -q '^bpipe: stdin: no data for 100 ms (--idle-timeout)$' <<<"$output" ||
        { echo "$output" && false; }
    run -1 --separate-stderr "$BPIPE" -q --skip 1M --from 'head -c 1000 /dev/zero; exit 3'
    [[ $stderr == *"exited with status 3 at byte 1000"* ]]
}
