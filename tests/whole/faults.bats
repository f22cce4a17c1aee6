#!/usr/bin/env bats
#
# bpipe when system calls fail, do less than asked or are interrupted, by the fault shim
# (tests/fault/shim.c, which fault_shim.bats tests): whole streams under random faults of many
# seeds, and each failure that has a meaning of its own, directed at one call.
#
# TEST_SEED=N begins with another seed; TEST_LONG=1 runs 20 times as many.

bats_require_minimum_version 1.5.0
load ../helpers
load ../observe

setup() {
    common_setup
    skip_unless_faults
}

# --- random faults ----------------------------------------------------------------------------

# storm FUNCTION RATE: runs FUNCTION, which calls faulty, under the faults of many seeds. All runs
# together must have had enough faults, of each kind.
storm() {
    local first=${TEST_SEED:-$((RANDOM * 32768 + RANDOM))} count=25 seed
    [ -z "${TEST_LONG:-}" ] || count=500
    rate=$2
    set -o pipefail
    for ((seed = first; seed < first + count; seed++)); do
        echo "TEST_SEED=$seed"
        "$1"
        adds_up report
        rm -f copy*
    done
    [ "$(lines_of log)" -ge $((count * 5)) ]
    for kind in short EINTR delay; do
        grep -q "fault=$kind" log || { echo "no $kind" && false; }
    done
}

# Runs bpipe under the faults of this seed; with every second seed all bytes go through the buffer.
faulty() {
    ((seed % 2)) || set -- -C "$@"
    with_faults FAULT_RATE="$rate" FAULT_SEED="$seed" FAULT_DELAY_US=200 FAULT_LOG="$T/log" \
        timeout -k 1 60 "$BPIPE" --report json:report "$@"
}

pipe_to_pipe() {
    # shellcheck disable=SC2002
    cat in | faulty -z 8K | cmp in -
}

@test "random faults: a pipe to a pipe" {
    random_bytes 400001 >in
    storm pipe_to_pipe 25
    grep -q 'fault=EAGAIN' log
    grep -q 'fault=wakeup' log
    is_portable || grep -qE 'call=fcntl .*fault=E(PERM|BUSY)' log
}

file_to_file() {
    faulty -z 8K -Y -o copy in
    cmp in copy
}

@test "random faults: a file to a file, synced" {
    random_bytes 300001 >in
    storm file_to_file 25
    grep -qE 'call=f(data)?sync .*fault=EINTR' log
}

to_three() {
    # shellcheck disable=SC2002
    cat in | faulty -B 30000 -z 7001 -o copy -o - -o >(exec cat >copy.other) | cmp in -
    cmp in copy
    wait_until 30 cmp -s in copy.other
}

@test "random faults: three outputs through a small buffer" {
    random_bytes 200001 >in
    storm to_three 25
}

odd_sizes() {
    # shellcheck disable=SC2002
    cat in | faulty -B $((seed % 5000 + 1)) -z $((seed % 777 + 1)) | cmp in -
}

@test "random faults: odd buffers and chunks" {
    random_bytes 20011 >in
    storm odd_sizes 20
}

stopping() {
    local size=$((seed % 100001))
    # shellcheck disable=SC2002
    cat in | { faulty -z 3000 -S -s $((size + 1)) -o copy && cat >copy.rest; }
    cat copy copy.rest | cmp in -
    equal $((size + 1)) "$(size_of copy)"
    { faulty -z 3000 -l -S -s 5 -o copy && cat >copy.rest; } <in
    cat copy copy.rest | cmp in -
    equal 5 "$(wc -l <copy)"
}

@test "random faults: -S, with the next command on the same input" {
    random_bytes 100001 >in
    storm stopping 25
}

in_blocks() {
    # shellcheck disable=SC2002
    cat in | faulty -z 3000 --block-size $((seed % 10000 + 100)) | cmp in -
    faulty -K -z 20000 -o copy in
    cmp in copy
}

@test "random faults: whole blocks, and O_DIRECT" {
    random_bytes 100001 >in
    storm in_blocks 25
}

with_marks() {
    # shellcheck disable=SC2002
    cat in | faulty -B 20000 -z 3000 --start-fill $((seed % 101)) --resume-fill $((seed / 7 % 101)) |
        cmp in -
}

@test "random faults: start and resume marks" {
    random_bytes 100001 >in
    storm with_marks 25
}

in_place() {
    printf old >target
    faulty --atomic -z 8K -o target -o copy in
    cmp in target
    cmp in copy
    equal 'in log report target' "$(rm copy && shopt -s dotglob && echo *)"
}

@test "random faults: --atomic" {
    random_bytes 200001 >in
    storm in_place 25
}

from_and_to() {
    faulty -z 8K --from 'cat in' --to 'cat >copy' --to 'cat >copy.other'
    cmp in copy
    cmp in copy.other
}

@test "random faults: commands, also in the guard that holds their pipes" {
    random_bytes 100001 >in
    storm from_and_to 25
}

@test "a guard that gets its messages in pieces" {
    random_bytes 1000 >in
    scripted 'read:pipe*:*:short=3' --from 'cat in' --to 'cat >copy'
    fails 0 ''
    cmp in copy
    # The guard is told to end a command, and does.
    scripted 'read:pipe*:*:short=3' --from 'cat in; exit 3' --to 'cat >part; mv part whole'
    equal 1 "$status"
    [ ! -e whole ]
}

@test "a descriptor cannot be read, once or always, in bpipe or its guard: no process hangs" {
    random_bytes 1000 >in
    local fd times status
    for fd in {5..14}; do
        for times in 1 '*'; do
            status=0
            rm -f out
            # shellcheck disable=SC2094
            with_faults FAULT_SCRIPT="read:$fd:$times:EIO" \
                timeout -k 1 60 "$BPIPE" -q -M in -- sh -c 'cat >out' <in 2>err || status=$?
            echo "read:$fd:$times:EIO: $status"
            [ $status -le 1 ]
            [ $status = 1 ] || cmp in out
            end_processes 2>/dev/null # a command that sees no end, because it could not be ended
        done
    done
}

@test "every call interrupted, every poll() early, every call short or late" {
    random_bytes 30000 >in
    rate=100 seed=1
    set -o pipefail
    for kinds in eintr wakeup short delay eagain eintr,wakeup,eagain,short; do
        echo "$kinds"
        FAULT_KINDS=$kinds pipe_to_pipe
        adds_up report
        FAULT_KINDS=$kinds with_marks
        adds_up report
        FAULT_KINDS=$kinds faulty -z 1000 -Y --atomic -o copy in
        cmp in copy
        adds_up report
    done
    [ "$(grep -c fault=EINTR log)" -gt 100 ]
    [ "$(grep -c fault=wakeup log)" -gt 10 ]
}

# --- directed faults --------------------------------------------------------------------------

# scripted SCRIPT OPTION...: runs bpipe under these rules, with a report; sets $status and $said.
# With -C it reads and writes, as the rules say (passthrough.bats has rules for the other way).
scripted() {
    local script=$1
    shift
    status=0
    rm -f log
    with_faults FAULT_SCRIPT="$script" FAULT_LOG="$T/log" \
        timeout -k 1 30 "$BPIPE" -C --report json:report "$@" 2>err || status=$?
    said=$(<err)
    [ -s log ]
}

# fails STATUS MESSAGE: the last scripted run ended with this, in one line, and its numbers add up.
fails() {
    echo "status $status: $said"
    tail -n 1 log
    equal "$2" "$said" message
    equal "$1" "$status" status
    adds_up report "$1"
}

reason() { # NAME: prints what strerror() says
    case $1 in
    ENOSPC) echo 'No space left on device' ;;
    EIO) echo 'Input/output error' ;;
    EDQUOT) echo 'Disk quota exceeded' ;;
    EFBIG) echo 'File too large' ;;
    EACCES) echo 'Permission denied' ;;
    EXDEV) echo 'Invalid cross-device link' ;;
    EPIPE) echo 'Broken pipe' ;;
    EAGAIN) echo 'Resource temporarily unavailable' ;;
    EMFILE) echo 'Too many open files' ;;
    EINVAL) echo 'Invalid argument' ;;
    EISDIR) echo 'Is a directory' ;;
    esac
}

file_reason() { # NAME [OUTPUT]: the same for a regular file that is being written, full or OUTPUT
    reason "$1"
    case $1 in
    ENOSPC | EDQUOT) echo "bpipe: ${2:-full}: is incomplete" ;;
    esac
}

# has_bytes FILE COUNT: it has exactly the first COUNT bytes of ./in.
has_bytes() {
    equal "$2" "$(size_of "$1")" "size of $1"
    head -c "$2" in | cmp - "$1"
}

@test "the Nth write fails: of a file among others" {
    random_bytes 100000 >in
    local error n
    for error in ENOSPC EIO EDQUOT EFBIG EPIPE; do
        for n in 1 2 8; do
            scripted "write:*/full:$n:$error" -z 10000 -o copy -o full -o other in
            fails 1 "bpipe: full: write failed at byte $(((n - 1) * 10000)): $(file_reason $error)"
            has_bytes copy 100000
            has_bytes other 100000
            has_bytes full $(((n - 1) * 10000))
            grep -q '"name":"full","bytes":'$(((n - 1) * 10000))',' report
        done
    done
}

@test "a write fails after a number of bytes: the message has the offset" {
    random_bytes 100000 >in
    scripted 'write:*/full:@34567:ENOSPC' -z 10000 -o full in
    fails 1 "bpipe: full: write failed at byte 34567: $(file_reason ENOSPC)"
    has_bytes full 34567
    # One output fails at that byte; the other one gets all bytes.
    scripted 'write:1:@34567:EIO' -z 10000 -o - -o copy in >out
    fails 1 "bpipe: stdout: write failed at byte 34567: $(reason EIO)"
    has_bytes copy 100000
    has_bytes out 34567
    # All of them fail, each with its own message.
    scripted 'write:*/a:@5:EIO;write:*/b:@6:ENOSPC' -o a -o b in
    equal 1 "$status"
    equal $'bpipe: a: write failed at byte 5: Input/output error
bpipe: b: write failed at byte 6: No space left on device
bpipe: b: is incomplete' "$said"
    adds_up report 1
    equal 5 "$(last_number bytes_out report)"
}

@test "a block that was written in part is completed before the next one begins" {
    random_bytes 5200 >in
    scripted 'write:*/out:*:short=300' --block-size 512 -o out in
    fails 0 ''
    cmp in out
    # bpipe asks for 512 bytes, then for the other 212; at last for 80.
    equal '10*(512 212) 80' "$(sed -n 's/.* asked=\([0-9]*\) .*/\1/p' log | paste -sd ' ' |
        awk '{ n = gsub(/512 212 ?/, ""); print n "*(512 212) " $0 }')"
}

@test "a write that returns 0 is an error" {
    random_bytes 100000 >in
    scripted 'write:*/out:3+:zero' -z 10000 -o out in
    fails 1 "bpipe: out: write failed at byte 20000: $(file_reason ENOSPC out)"
    scripted 'write:1:3+:zero' -z 10000 in > >(cat >out)
    fails 1 "bpipe: stdout: write failed at byte 20000: $(reason ENOSPC)"
}

@test "EPIPE: quiet death for a sole pipe, a message for anything else" {
    random_bytes 100000 >in
    scripted 'write:1:3:EPIPE' -z 10000 in > >(cat >out)
    fails 141 ''
    wait_until 20 has_size out 20000
    scripted 'write:1:3:EPIPE' -z 10000 -o - -o copy in > >(cat >out)
    fails 1 "bpipe: stdout: write failed at byte 20000: $(reason EPIPE)"
    has_bytes copy 100000
    scripted 'write:*/out:3:EPIPE' -z 10000 -o out in
    fails 1 "bpipe: out: write failed at byte 20000: $(reason EPIPE)"
}

has_size() { # FILE BYTES
    [ "$(size_of "$1")" = "$2" ]
}

@test "close fails: of a file, and of stdout" {
    random_bytes 100000 >in
    local error
    for error in EIO ENOSPC EDQUOT; do
        scripted "close:*/out:1:$error" -o copy -o out in
        fails 1 "bpipe: out: close failed: $(file_reason $error out)"
        cmp in copy
        scripted "close:1:1:$error" in >out
        fails 1 "bpipe: stdout: close failed: $(file_reason $error stdout)"
        # All bytes were accepted before that.
        grep -q '"name":"stdout","bytes":100000,.*"bytes_undelivered":0,' report
    done
    # An interrupted close() has closed.
    scripted 'close:*/out:1:EINTR' -o out in
    fails 0 ''
    cmp in out
    # A file that was only read has nothing to lose.
    scripted 'close:*/in:1:EIO' -o out in
    fails 0 ''
}

@test "sync fails: fdatasync of a write, fsync at the end" {
    random_bytes 100000 >in
    scripted 'fdatasync:*/out:4:EIO' -Y -z 10000 -o out -o copy in
    equal 1 "$status"
    equal "bpipe: out: write failed at byte 30000: $(reason EIO)" "$said"
    adds_up report 1
    cmp in copy
    scripted 'fsync:*/out:11:ENOSPC' -Y -z 10000 -o out in # the group: 10 fdatasync() before it
    fails 1 "bpipe: out: sync failed: $(file_reason ENOSPC out)"
    # It is no failure if there is nothing to sync.
    scripted 'fsync:*/out:*:EINVAL' -Y -z 10000 -o out in
    fails 0 ''
    scripted 'fsync:*/out:2:EINTR;fsync:*/out:13:EINTR' -Y -z 10000 -o out in
    fails 0 ''
    cmp in out
}

@test "a read fails after a number of bytes: these bytes and the other inputs are delivered" {
    random_bytes 100000 >in
    random_bytes 50000 2 >second
    scripted 'read:*/in:@34567:EIO' -z 10000 -o out in second
    fails 1 "bpipe: in: read failed at byte 34567: $(reason EIO)"
    { head -c 34567 in && cat second; } | cmp out -
    scripted 'read:pipe*:@34567:EIO' -z 10000 -o out - second < <(exec cat in)
    fails 1 "bpipe: stdin: read failed at byte 34567: $(reason EIO)"
    { head -c 34567 in && cat second; } | cmp out -
    scripted 'read:*/in:1:EISDIR' -o out in
    fails 1 "bpipe: in: read failed at byte 0: $(reason EISDIR)"
    # bpipe cannot wait for a file, so EAGAIN from one is an error: waiting would never end.
    scripted 'read:*/in:3+:EAGAIN' -z 10000 -o out in second
    fails 1 "bpipe: in: read failed at byte 20000: $(reason EAGAIN)"
    # An end that comes early is an end.
    scripted 'read:*/in:3:zero' -z 10000 -o out in second
    fails 0 ''
    { head -c 20000 in && cat second; } | cmp out -
}

@test "an endpoint cannot be opened: nothing is touched, or the others are copied" {
    random_bytes 1000 >in
    printf old >old
    scripted 'open:in:1:EACCES' -o old in # the only input
    fails 1 "bpipe: in: $(reason EACCES)"
    equal old "$(<old)"
    scripted 'open:second:1:EMFILE' -o out in second in
    fails 1 "bpipe: second: $(reason EMFILE)"
    cat in in | cmp out -
    rm out
    scripted 'open:out:*:ENOSPC' -o old -o out in
    fails 1 "bpipe: out: $(reason ENOSPC)"
    equal old "$(<old)"
    [ ! -e out ]
    scripted 'ftruncate:*/old:1:EIO' -o out -o old in
    fails 1 "bpipe: old: cannot be truncated: $(reason EIO)"
    equal old "$(<old)"
    # EINTR is not such an error.
    scripted 'open:*in:1:EINTR;open:old:2:EINTR;ftruncate:*:1:EINTR' -s @in -o old in
    fails 0 ''
    cmp in old
}

@test "--atomic: after any failure the old file stays and no other appears" {
    random_bytes 100000 >in
    local script target
    for target in old new; do
        # The same where there is no O_TMPFILE, and the temporary file has a name.
        for script in 'write:*:3:ENOSPC' 'fsync:*:1:EIO' 'read:*/in:2:EIO' 'close:1:1:EIO' \
            'link:*:*:EACCES;rename:*:*:EACCES' 'open:.:*:EOPNOTSUPP;write:*:3:ENOSPC' \
            'open:.:*:EOPNOTSUPP;rename:*:*:EACCES;link:*:*:EACCES'; do
            printf old >old
            rm -f new
            # Standard output is one more output: its close() fails before the target appears.
            scripted "$script" --atomic -z 10000 -o "$target" -o - in >out
            equal 1 "$status"
            equal 1 "$(lines_of err)"
            grep -q "^bpipe: $target: \|^bpipe: stdout: close failed\|^bpipe: in: read failed" err
            adds_up report 1
            equal old "$(<old)"
            equal 'err in log old out report' "$(shopt -s dotglob && echo *)"
        done
    done
    # A filesystem without O_TMPFILE, and one without links: there are other ways.
    printf old >old
    scripted 'open:.:*:EOPNOTSUPP' --atomic -o old -o new in || ! is_portable
    is_portable || fails 0 ''
    cmp in old
    cmp in new
    equal 'err in log new old out report' "$(touch log && shopt -s dotglob && echo *)"
}

# --- the ways of reading and writing without waiting ------------------------------------------

flags_of() { # FD
    sed -n 's/^flags:[[:space:]]*//p' "/proc/self/fdinfo/$1"
}

# stays_shared SCRIPT: under it, bpipe copies from the pipe on 5 to that on 6, and both have the
# flags that they had before.
stays_shared() {
    local in_flags out_flags
    mkfifo a b
    # shellcheck disable=SC2094
    exec 7<>a 5<a 8<>b 6>b
    rm a b
    in_flags=$(flags_of 5) out_flags=$(flags_of 6)
    head -c 60000 in >&7
    exec 7>&-
    scripted "$1" -J 0 -z 1000 <&5 >&6
    fails 0 ''
    head -c 60000 <&8 | cmp <(head -c 60000 in) -
    equal "$in_flags" "$(flags_of 5)" "flags of stdin"
    equal "$out_flags" "$(flags_of 6)" "flags of stdout"
    exec 5<&- 6>&- 8>&-
}

@test "a pipe that cannot be opened again is read by RWF_NOWAIT, or by its flag, given back" {
    ! is_portable || skip "the portable variant has but one way"
    random_bytes 60000 >in
    local error
    for error in EACCES ENOENT ELOOP EMFILE; do
        # Named FIFOs: the kernel refuses RWF_NOWAIT, so only the flag is left.
        stays_shared "open:/proc/self/fd/*:*:$error"
        grep -q 'call=open fd=-1 .*path=/proc/self/fd/0' log
        grep -q 'call=open fd=-1 .*path=/proc/self/fd/1' log
    done
    # Anonymous pipes: each call says that it must not wait.
    # shellcheck disable=SC2002
    cat in | {
        scripted 'open:/proc/self/fd/*:*:EACCES;preadv2:0:1+:short=777;pwritev2:1:1+:short=555'
        fails 0 '' >&2
    } | cmp in -
    grep -q 'call=preadv2 fd=0 .*short' log
    grep -q 'call=pwritev2 fd=1 .*short' log
    # ... unless the kernel does not know that.
    for error in EOPNOTSUPP ENOSYS EINVAL; do
        # shellcheck disable=SC2002
        cat in | {
            scripted "open:/proc/self/fd/*:*:EACCES;preadv2:*:*:$error;pwritev2:*:*:$error"
            fails 0 '' >&2
        } | cmp in -
        equal 1 "$(grep -c call=preadv2 log)"
        equal 1 "$(grep -c call=pwritev2 log)"
    done
}

@test "a pipe that may not grow keeps its size" {
    ! is_portable || skip "the portable variant leaves the size of pipes alone"
    random_bytes 60000 >in
    mkfifo out
    exec 6<>out
    local before
    before=$(pipesize 6)
    scripted 'fcntl:1:*:EPERM' in >out
    fails 0 ''
    equal 2 "$(grep -c call=fcntl log)" # 1 MiB, then 256 KiB
    equal "$before" "$(pipesize 6)"
    head -c 60000 <&6 | cmp in -
    scripted 'fcntl:1:1:EPERM' in >out
    fails 0 ''
    head -c 60000 <&6 | cmp in -
    equal "$before" "$(pipesize 6)"
}

# --- reports ----------------------------------------------------------------------------------

@test "a report that cannot be written is a warning, and the data are complete" {
    random_bytes 100000 >in
    local format
    for format in json text prometheus; do
        rm -f other*
        scripted 'write:*/other*:*:ENOSPC' --report "$format:other" -o copy in
        equal 0 "$status"
        equal "bpipe: other: the report cannot be written: $(reason ENOSPC)" "$said"
        cmp in copy
        [ ! -s other ]
    done
    scripted 'rename:*:*:EACCES' --report prometheus:other -o copy in
    equal 0 "$status"
    equal "bpipe: other: the report cannot be written: $(reason EACCES)" "$said"
    equal 'copy err in log report' "$(rm -f other && shopt -s dotglob && echo *)"
}

@test "a message survives an interrupted and a short write" {
    with_faults FAULT_RATE=100 FAULT_KINDS=short,eintr FAULT_FDS=2 FAULT_LOG="$T/log" \
        "$BPIPE" -v -o copy missing 2>err || status=$?
    equal 1 "${status:-0}"
    equal 'bpipe: missing: No such file or directory' "$(<err)"
    grep -q 'fd=2 .*fault=short' log
}
