#!/usr/bin/env bats
#
# The fault shim itself (tests/fault/shim.c): it does inject faults. faults.bats tests what bpipe
# makes of them.

load ../helpers

setup() {
    common_setup
    skip_unless_faults
    export FAULT_ONLY=probe
}

# Prints probe's results, one on a line, under these variables. Its first new descriptor is 3,
# because bats' own is closed.
answers() { # [VARIABLE=VALUE]... CALL...
    local -a variables=()
    while [[ $1 == FAULT_* ]]; do
        variables+=("$1")
        shift
    done
    with_faults "${variables[@]}" FAULT_LOG="$T/log" probe "$@" 2>&1 3>&- 4>&-
}

count_of() { # PATTERN: prints how many lines of the log match
    grep -c -- "$1" "$T/log" || true
}

@test "shim: only processes with the name in FAULT_ONLY are touched" {
    random_bytes 4K >in
    run answers FAULT_RATE=100 FAULT_ONLY=bpipe 50*read:0:100 <in
    equal "" "$(grep -v '= 100$\|= 96$\|= 0$' <<<"$output")"
    [ ! -e log ]
    with_faults FAULT_ONLY=bpipe FAULT_SCRIPT='read:*:*:EIO' cat in | cmp - in
}

@test "shim: an invalid variable is an error" {
    local bad
    for bad in FAULT_RATE=lots FAULT_RATE=101 FAULT_KINDS=short,long FAULT_FDS=a FAULT_SEED=-1 \
        FAULT_SCRIPT=read FAULT_SCRIPT=read:0:1 FAULT_SCRIPT=read:0:1:ENOPE FAULT_SCRIPT=look:0:1:EIO \
        FAULT_SCRIPT=read:0:0:EIO FAULT_SCRIPT=read:0:x:EIO FAULT_SCRIPT=read:0:1:short=x; do
        run answers "$bad" read:0:1 </dev/null
        equal 126 "$status" "$bad"
        [[ $output == *"${bad%%=*}"*"not understood"* ]]
    done
}

@test "shim: without faults every call goes through" {
    random_bytes 10K >in
    run answers read:0:100 readv:0:100 preadv2:0:100 poll:0:0 ppoll:0:0 open:new ftruncate:3:5 \
        fsync:3 fdatasync:3 write:3:100 writev:3:100 close:3 link:new:new2 openat:new close:3 \
        rename:new2:new3 linkat:new3:new4 openat:new close:3 open:new pwrite:3:100 pread:3:200 \
        fallocate:3:4096 <in
    equal 0 "$status"
    refute grep '= E' <<<"$output"
    [ -e new3 ] && [ -e new4 ]
    equal 200 "$(size_of new)"
}

@test "shim: sockets" {
    seq 1000 >in
    # Descriptor 3 is the socket.
    run answers FAULT_SCRIPT='socket:*:2:EMFILE;connect:3:1:ECONNREFUSED;accept:3:*:ECONNABORTED' \
        FAULT_KINDS=short FAULT_RATE=100 socket socket connect:3:missing connect:3:missing accept:3 \
        shutdown:3 getsockopt:3 sendfile:1:0:500 <in
    equal "socket = 3
socket = EMFILE
connect:3:missing = ECONNREFUSED
connect:3:missing = ENOENT
accept:3 = ECONNABORTED
shutdown:3 = 0
getsockopt:3 = 0" "$(grep ' = ' <<<"$output" | grep -v sendfile)"
    equal 1 "$(count_of 'call=sendfile fd=0 .*fault=short')"
    run answers FAULT_SCRIPT='shutdown:*:1:EIO;getsockopt:socket*:1:ENOBUFS;sendfile:0:1:EINVAL' \
        socket shutdown:3 getsockopt:3 sendfile:1:0:500 <in
    equal "socket = 3
shutdown:3 = EIO
getsockopt:3 = ENOBUFS
sendfile:1:0:500 = EINVAL" "$output"
}

@test "shim: the same seed gives the same faults, another seed gives others" {
    random_bytes 1M >in
    local calls=(40*read:0:1000 20*readv:0:1000 20*poll:0:0 20*open:/dev/null)
    answers FAULT_RATE=30 FAULT_SEED=5 FAULT_DELAY_US=1 "${calls[@]}" <in >first
    mv log first.log
    answers FAULT_RATE=30 FAULT_SEED=5 FAULT_DELAY_US=1 "${calls[@]}" <in >second
    cmp first second
    cmp first.log log
    rm log
    answers FAULT_RATE=30 FAULT_SEED=6 FAULT_DELAY_US=1 "${calls[@]}" <in >third
    refute cmp -s first.log log
}

@test "shim: the rate is kept, and a rate of 0 gives no faults" {
    random_bytes 1M >in
    answers FAULT_RATE=20 FAULT_KINDS=short 1000*read:0:100 <in >/dev/null
    local faults
    faults=$(count_of 'call=read')
    ((faults > 140 && faults < 260))
    rm log
    answers FAULT_RATE=0 1000*read:0:100 <in >/dev/null
    [ ! -e log ]
}

@test "shim: short counts are short, and the bytes are the right ones" {
    random_bytes 1M 3 >in
    answers FAULT_RATE=100 FAULT_KINDS=short 100*read:0:1000 100*readv:0:1000 <in >out
    equal 200 "$(count_of 'fault=short asked=1000 bytes=')"
    equal "" "$(awk '$3 < 1 || $3 > 999' out)"
    [ "$(grep -c '= 1$' out)" -gt 20 ] # a quarter is a single byte
    with_faults FAULT_ONLY=cat FAULT_RATE=60 FAULT_KINDS=short FAULT_LOG="$T/cat.log" cat in | cmp - in
    [ -s cat.log ]
}

@test "shim: EINTR, but never more than three in a row" {
    answers FAULT_RATE=100 FAULT_KINDS=eintr 8*read:0:10 8*poll:0:0 8*open:/dev/null 2*fsync:0 \
        </dev/zero >out
    equal 3 "$(sed -n 1,3p out | grep -c '= EINTR')"
    equal "read:0:10 = 10" "$(sed -n 4p out)"
    equal 6 "$(grep -c 'read.*= EINTR' out)"
    equal 6 "$(grep -c 'poll.*= EINTR' out)"
    equal 6 "$(grep -c 'open.*= EINTR' out)"
    answers FAULT_RATE=100 FAULT_KINDS=eintr 4*open:f 4*fallocate:3:9 4*pread:3:9 4*pwrite:3:9 \
        2*fsync:0 </dev/zero >out
    equal 3 "$(grep -c 'fallocate.*= EINTR' out)"
    equal 3 "$(grep -c 'pread.*= EINTR' out)"
    equal 3 "$(grep -c 'pwrite.*= EINTR' out)"
    equal 2 "$(grep -c 'fsync.*= EINTR' out)"
}

@test "shim: EAGAIN only where a real call could return it" {
    random_bytes 64K >in
    answers FAULT_RATE=100 FAULT_KINDS=eagain 4*read:0:10 <in >out # a file
    refute grep EAGAIN out
    answers FAULT_RATE=100 FAULT_KINDS=eagain 4*read:0:10 < <(cat in) >out # a pipe that may block
    refute grep EAGAIN out
    answers FAULT_RATE=100 FAULT_KINDS=eagain nonblock:0 poll:0:5000 4*read:0:10 \
        < <(cat in) >out
    equal 3 "$(grep -c 'read.*EAGAIN' out)"
    answers FAULT_RATE=100 FAULT_KINDS=eagain 4*preadv2:0:10 <in >out
    equal 3 "$(grep -c 'EAGAIN' out)"
}

@test "shim: poll wakes up without an event" {
    answers FAULT_RATE=100 FAULT_KINDS=wakeup 4*poll:0:5000 4*ppoll:0:900 </dev/zero >out
    equal 6 "$(grep -c '= 0$' out)"
    equal 2 "$(grep -c '= 1$' out)"
}

@test "shim: a call that the system lacks fails from the first call to the last" {
    local seed missing=0
    for seed in {1..16}; do
        answers FAULT_RATE=1 "FAULT_SEED=$seed" FAULT_KINDS=nosys 5*preadv2:0:10 </dev/zero >out
        equal 1 "$(sort -u out | wc -l)" "seed $seed"
        answers FAULT_RATE=1 "FAULT_SEED=$seed" FAULT_KINDS=nosys open:f 5*fallocate:3:10 >holes
        equal 2 "$(sort -u holes | wc -l)" "seed $seed"
        if grep -qE '= (ENOSYS|EOPNOTSUPP|EINVAL)$' out; then
            missing=$((missing + 1))
        fi
    done
    ((missing > 3 && missing < 13))
}

@test "shim: F_SETPIPE_SZ is refused" {
    answers FAULT_RATE=100 FAULT_KINDS=pipe 3*setpipe:0:65536 < <(:) >out
    equal 3 "$(grep -cE 'EPERM|EBUSY' out)"
}

@test "shim: random faults can be limited to some descriptors" {
    answers FAULT_RATE=100 FAULT_FDS=3,5 FAULT_KINDS=short open:/dev/zero 9*read:0:100 \
        9*read:3:100 </dev/zero >/dev/null
    equal 0 "$(count_of fd=0)"
    equal 9 "$(count_of fd=3)"
}

@test "shim: script: the Nth call, from the Nth on, all, by descriptor and path" {
    answers FAULT_SCRIPT='read:0:2:EIO' 3*read:0:10 </dev/zero >out
    equal "10 EIO 10" "$(cut -d' ' -f3 out | xargs)"
    answers FAULT_SCRIPT='write:3:2+:ENOSPC' open:f 3*write:3:10 >out
    equal "3 10 ENOSPC ENOSPC" "$(cut -d' ' -f3 out | xargs)"
    answers FAULT_SCRIPT='write:*/f:*:EDQUOT;open:*g:1:EACCES' open:f writev:3:10 open:g open:g >out
    equal "3 EDQUOT EACCES 4" "$(cut -d' ' -f3 out | xargs)"
    answers FAULT_SCRIPT='open:/proc/self/fd/0:*:EACCES' openat:/proc/self/fd/0 openat:/dev/null \
        </dev/zero >out
    equal "EACCES 3" "$(cut -d' ' -f3 out | xargs)"
    answers FAULT_SCRIPT='readv:*:*:EIO' read:0:10 readv:0:10 </dev/zero >out
    equal "10 EIO" "$(cut -d' ' -f3 out | xargs)"
    equal "call=readv fd=0 n=1 fault=EIO" "$(tail -n 1 log)"
}

@test "shim: script: after a number of bytes, at which the last call is cut" {
    answers FAULT_SCRIPT='read:0:@25:EIO' 4*read:0:10 2*readv:0:10 </dev/zero >out
    equal "10 10 5 EIO EIO EIO" "$(cut -d' ' -f3 out | xargs)"
    answers FAULT_SCRIPT='write:3:@25:ENOSPC' open:f 2*write:3:10 2*writev:3:10 >out
    equal "3 10 10 5 ENOSPC" "$(cut -d' ' -f3 out | xargs)"
    equal 25 "$(size_of f)"
}

@test "shim: script: calls with an offset in the file, and calls that allocate and free its space" {
    answers FAULT_SCRIPT='pread:*/f:2:EIO;pwrite:*/f:2:short=3;pwrite:*/f:3+:ENOSPC' open:f \
        3*pwrite:3:10 3*pread:3:10 >out
    equal "3 10 3 ENOSPC 10 EIO 10" "$(cut -d' ' -f3 out | xargs)"
    answers FAULT_SCRIPT='fallocate:3:2:EOPNOTSUPP;fallocate:3:3:EINTR;ftruncate:3:1:EINTR' open:f \
        4*fallocate:3:10 2*ftruncate:3:0 >out
    equal "3 0 EOPNOTSUPP EINTR 0 EINTR 0" "$(cut -d' ' -f3 out | xargs)"
    answers FAULT_SCRIPT='write:3:@25:EDQUOT' open:f 4*pwrite:3:10 >out
    equal "3 10 10 5 EDQUOT" "$(cut -d' ' -f3 out | xargs)"
}

@test "shim: script: zero, short, delay, close, fsync, rename, poll" {
    answers FAULT_SCRIPT='read:0:2:zero;read:0:3:short=4' 3*read:0:10 </dev/zero >out
    equal "10 0 4" "$(cut -d' ' -f3 out | xargs)"
    answers FAULT_SCRIPT='close:3:1:EIO;fsync:*:2:EIO;rename:*:1:EXDEV;ftruncate:*:1:EIO' \
        open:f fsync:3 fdatasync:3 ftruncate:3:1 rename:f:g close:3 close:3 >out
    equal "3 0 EIO EIO EXDEV EIO EBADF" "$(cut -d' ' -f3 out | xargs)"
    answers FAULT_SCRIPT='poll:*:2:zero;poll:*:3:EINTR' 3*poll:0:9000 ppoll:0:9 </dev/zero >out
    equal "1 0 EINTR 1" "$(cut -d' ' -f3 out | xargs)"
    spawn -o used env FAULT_SCRIPT='read:*:2:delay=120' LD_PRELOAD="$FAULT_SO" probe 3*read:0:10 \
        </dev/zero
    [ "$(field wall_s used | awk '{ print ($1 >= 0.12) }')" = 1 ]
}

@test "shim: script: an allocation by any function, also one in libc" {
    local -a functions=(malloc calloc realloc aligned_alloc posix_memalign strdup getaddrinfo)
    local i
    # probe makes one allocation of its own before each of these.
    for ((i = 0; i < ${#functions[@]}; i++)); do
        rm -f log
        run answers FAULT_SCRIPT="malloc:*:$((2 * i + 2)):ENOMEM" "${functions[@]}"
        equal "${functions[i]} = ENOMEM" "$(grep ENOMEM <<<"$output")"
        equal 6 "$(grep -c ' = 0$' <<<"$output")"
        equal 1 "$(count_of 'fd=-1 .*fault=ENOMEM')"
    done
    run answers FAULT_RATE=100 "${functions[@]}"
    equal 7 "$(grep -c ' = 0$' <<<"$output")"
}

@test "shim: script: a signal arrives as a call begins, and the call is made" {
    FAULT_SCRIPT='read:0:2:raise=15' FAULT_LOG=$T/log LD_PRELOAD=$FAULT_SO \
        run defsig probe 3*read:0:10 </dev/zero
    equal 143 "$status"
    equal "read:0:10 = 10" "$output"
    FAULT_SCRIPT='read:0:2:raise=15' LD_PRELOAD=$FAULT_SO \
        run defsig -i 15 probe 3*read:0:10 </dev/zero
    equal 0 "$status"
    equal 3 "${#lines[@]}"
}

@test "shim: only writes to a pipe of the process's own are exempt" {
    answers FAULT_RATE=100 FAULT_KINDS=eintr FAULT_SCRIPT='write:4:1+:EIO;write:0:1:EPIPE' pipe \
        4*write:4:1 2*write:4:100 write:0:1 close:4 4*open:f write:4:1 </dev/zero >out
    equal "4 1 1 1 1 100 100 EPIPE 0 EINTR EINTR EINTR 4 EIO" "$(cut -d' ' -f3 out | xargs)"
}

@test "shim: datagrams never come short" {
    skip_unless python3
    cat >datagrams.py <<'EOF'
import os, socket, subprocess, sys
here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
subprocess.run(["probe", "5*send:0:100", "5*sendmsg:0:100"], stdin=here)
print([len(there.recv(1000)) for _ in range(10)])
stream, other = socket.socketpair()
other.sendall(bytes(100000))
subprocess.run(["probe", "5*recv:0:100", "5*recvmsg:0:100"], stdin=stream)
EOF
    FAULT_RATE=100 FAULT_KINDS=short FAULT_LOG=$T/log LD_PRELOAD=$FAULT_SO \
        run python3 datagrams.py
    [[ $output == *"[100, 100, 100, 100, 100, 100, 100, 100, 100, 100]"* ]]
    equal 0 "$(count_of 'call=send')"
    equal 10 "$(count_of 'call=recv')"
}
