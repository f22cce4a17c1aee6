#!/usr/bin/env bats
#
# A file that is not in memory must not delay bytes that are ready to be written. While the ring
# holds bytes, bpipe reads only what is in memory (RWF_NOWAIT), and soon asks again for the rest.

bats_require_minimum_version 1.5.0
load ../helpers
load ../observe

setup_file() {
    export FAULT_ONLY=bpipe FAULT_RATE=0
}

skip_unless_told() {
    ! is_portable || skip "the portable build cannot tell what is in memory"
    skip_unless_faults
}

# Counts the reads that may wait although bytes of the ring are unwritten, from strace's trace.
late_reads() {
    awk '/^readv?\([0-9]+<[^>]*\/in>/ { late += taken != written; taken += $NF; reads++ }
        /^writev?\(1</ && $NF > 0 { written += $NF }
        END { print reads ? late + 0 : "no reads seen" }' "$1"
}

slowly_to() { # FILE: takes 20000 bytes at a time
    : >"$1"
    while head -c 20000 >>"$1" && [ "$(size_of "$1")" -gt "${size:=0}" ]; do
        size=$(size_of "$1")
    done
}

has_closed() { # PID FILE
    ! readlink /proc/"$1"/fd/* | grep -q "/$2\$"
}

@test "bpipe waits for a cold file only when the ring is empty" {
    skip_unless_told
    skip_unless strace
    set -o pipefail
    random_bytes 3000003 >in
    no_leak_check with_faults FAULT_SCRIPT='preadv2:*/in:*:EAGAIN;read:*/in:*:delay=5' \
        FAULT_LOG=log strace -y -o trace -e trace=read,readv,write,writev,ppoll \
        "$BPIPE" -C -J 0 -z 512K in --report json:report | slowly_to out
    cmp in out
    adds_up report
    grep -q 'call=preadv2.*EAGAIN' log
    equal 0 "$(late_reads trace)"
    # While the file is cold, bpipe looks at it again within 5 ms.
    [ "$(sed -n 's/^ppoll(.*tv_sec=\([0-9]*\), tv_nsec=\([0-9]*\)}.*/\1 \2/p' trace |
        awk '$1 > 0 || $2 > 5000000' | wc -l)" -eq 0 ]
    grep -q '^ppoll(.*events=POLLOUT.*tv_nsec=' trace
}

@test "cached parts of a file are read while the output takes nothing" {
    skip_unless_told
    mkfifo out
    random_bytes 700001 >in
    FAULT_SCRIPT='preadv2:*/in:1:EAGAIN' FAULT_LOG=log LD_PRELOAD=$FAULT_SO \
        "$BPIPE" -C -J 0 -z 64K -o out in --report json:report &
    exec {reader}<out
    wait_until 10 [ -s log ] # bpipe has asked for it
    wait_until 10 has_closed "$!" in
    cat <&"$reader" | cmp in -
    wait
    adds_up report
    [ "$(last_number peak_bytes report)" -gt 600000 ]
}

@test "without RWF_NOWAIT, or if it is refused, the file is read nevertheless" {
    skip_unless_told
    set -o pipefail
    random_bytes 1500001 >in
    local error
    for error in EOPNOTSUPP ENOSYS EINVAL EIO; do
        echo "$error"
        with_faults FAULT_SCRIPT="preadv2:*/in:*:$error" FAULT_LOG=log \
            "$BPIPE" -q -C -J 0 in | slowly_to out
        cmp in out
        equal 1 "$(grep -c "call=preadv2.*$error" log)" "tried once"
        rm log
    done
    run -1 with_faults FAULT_SCRIPT='preadv2:*/in:*:EIO;read:*/in:3:EIO' "$BPIPE" -q -C -J 0 -z 8K -o out in
    [[ $output =~ ^'bpipe: in: read failed at byte '[0-9]+': Input/output error'$ ]]
}

@test "pipes, and files with -K, are read without RWF_NOWAIT" {
    skip_unless_told
    skip_unless strace
    random_bytes 300001 >in
    no_leak_check strace -o trace -e trace=preadv2 "$BPIPE" -q -C -K in | cmp in -
    # shellcheck disable=SC2002
    cat in | no_leak_check strace -o trace2 -e trace=preadv2 "$BPIPE" -q -C | cmp in -
    equal "" "$(grep preadv2 trace trace2)"
}
