#!/usr/bin/env bats
#
# -s @PATH: the size of each kind of path, paths without a size, and unreadable paths. -S shows
# which size bpipe uses: that many bytes (or records) pass.

bats_require_minimum_version 1.5.0
load ../helpers
load ../observe

# passes COUNT OPTION...: with -S and these options COUNT bytes of `in` pass, with status 0. $stderr
# has the messages.
passes() {
    local count=$1 status=0
    shift
    "$BPIPE" -q -S "$@" <in >got 2>err || status=$?
    stderr=$(<err)
    equal 0 "$status" "$stderr"
    equal "$count" "$(size_of got)" "$*"
    head -c "$count" in | cmp - got
}

one=$'\nbpipe: --size: a lower bound: 1 file or directory not counted'
two=$'\nbpipe: --size: a lower bound: 2 files or directories not counted'

# Makes tree/a of 1000 bytes, tree/sub/b of 500, and in, which is longer; all in lines of two bytes.
make_tree() {
    mkdir -p tree/sub
    yes | head -c 1000 >tree/a
    head -c 500 tree/a >tree/sub/b
    yes | head -c 10000 >in
}

@test "a directory: the regular files below it, and nothing else" {
    make_tree
    ln -s ../in tree/link
    ln -s nowhere tree/dangling
    ln -s .. tree/sub/up
    mkfifo tree/fifo
    passes 1500 -s @tree
    equal "" "$stderr"
    passes 1500 -s @tree/
    ln -s tree other
    passes 1500 -s @other
    mkdir tree/empty
    : >tree/sub/nothing
    passes 1500 -s @tree
    passes 1500 -l -s @tree
    equal "" "$stderr"
}

@test "a directory: a file with several names counts once" {
    make_tree
    ln tree/a tree/sub/a
    ln tree/a tree/again
    ln tree/sub/b tree/b
    ln tree/sub/b outside
    passes 1500 -s @tree
    passes 1500 -l -s @tree
    local i
    mkdir many
    for i in {1..200}; do
        echo x >"many/$i"
    done
    mkdir links
    ln many/* links
    passes 400 -s @links # their other names are not below it
    mv many links/many
    passes 400 -s @links
    equal 400 "$(cat links/many/* | wc -c)"
    equal "" "$stderr"
}

@test "a directory: other filesystems count" {
    skip_unless_root
    skip_unless unshare
    unshare -m true 2>/dev/null || skip "no mount namespace can be had here"
    make_tree
    mkdir tree/mounted
    # shellcheck disable=SC2016
    unshare -m sh -c 'mount -t tmpfs none tree/mounted && cp tree/a tree/mounted &&
        "$BPIPE" -q -S -s @tree <in >got'
    equal 2500 "$(size_of got)"
}

@test "a folder that may not be read: the rest counts, with one message, and everything is copied" {
    skip_unless_other_user
    public_dir
    cd "$public"
    make_tree
    mkdir -p tree/secret/deep tree/sub/other
    cp tree/a tree/secret
    chmod 0 tree/secret
    chown -R 65534 .
    run -0 --separate-stderr as_other_user "$BPIPE" -q -s @tree -o got in
    equal "bpipe: --size: tree/secret: Permission denied$one" "$stderr"
    as_other_user cmp in got
    run -0 --separate-stderr as_other_user "$BPIPE" -q -S -s @tree -o got in
    equal 1500 "$(size_of got)"
    chmod 0 tree/sub/other
    run -0 --separate-stderr as_other_user "$BPIPE" -q -S -s @tree -o got in
    equal 1500 "$(size_of got)"
    [[ $stderr =~ ^'bpipe: --size: tree/'(secret|sub/other)": Permission denied$two"$ ]]
    # Names and lengths are readable, contents are not: that matters only to -l.
    chmod 0 tree/sub/b
    chmod 755 tree/secret tree/sub/other
    run -0 --separate-stderr as_other_user "$BPIPE" -q -S -s @tree -o got in
    equal "2500:" "$(size_of got):$stderr"
    run -0 --separate-stderr as_other_user "$BPIPE" -q -l -S -s @tree -o got in
    equal 2000 "$(size_of got)"
    equal "bpipe: --size: tree/sub/b: Permission denied$one" "$stderr"
    # If the named path itself cannot be read, that is a failure.
    chmod 0 tree
    run -1 as_other_user "$BPIPE" -q -s @tree -o new in
    equal "bpipe: --size: tree: Permission denied" "$output"
    [ ! -e new ]
    chmod 755 tree
}

@test "a file that vanishes during the count: the rest counts, and everything is copied" {
    skip_unless_faults
    make_tree
    result with_faults FAULT_SCRIPT='open:sub:1:ENOENT' "$BPIPE" -q -s @tree -o got in
    equal "0::bpipe: --size: tree/sub: No such file or directory$one" "$result"
    equal_files in got
    result with_faults FAULT_SCRIPT='open:sub:1:ENOENT' "$BPIPE" -q -S -s @tree -o got in
    equal 1000 "$(size_of got)"
    result with_faults FAULT_SCRIPT='open:b:1:ENOENT' "$BPIPE" -q -l -S -s @tree -o got in
    equal "0::bpipe: --size: tree/sub/b: No such file or directory$one" "$result"
    equal 1000 "$(size_of got)"
    result with_faults FAULT_SCRIPT='read:*/b:1:EIO;read:*/a:2:EIO' "$BPIPE" -q -l -S -s @tree -o got in
    [[ $result =~ ^'0::bpipe: --size: tree/'(a|sub/b)": Input/output error$two"$ ]]
    equal 1000 "$(size_of got)"
}

@test "a tree with more levels than descriptors: bpipe counts what it can open" {
    make_tree
    local deep=tree i
    for i in {1..40}; do
        deep=$deep/d
    done
    mkdir -p "$deep"
    (
        ulimit -n 32
        passes 1500 -s @tree
        [[ $stderr =~ ^'bpipe: --size: tree/d/d'[d/]*': Too many open files'"$one"$ ]]
    )
    passes 1500 -s @tree
    equal "" "$stderr"
}

@test "a disk: its size, or the records on it" {
    skip_unless losetup
    local disk failed=0
    yes | head -c 1M >image
    yes | head -c 2M >in
    disk=$(losetup -f --show image 2>/dev/null) || skip "no loop device can be had here"
    { passes 1048576 -s "@$disk" && passes 1048576 -l -s "@$disk" && equal "" "$stderr"; } || failed=1
    losetup -d "$disk"
    ((failed == 0))
}

@test "a path without a size: a message, and nothing is copied" {
    local path name
    make_tree
    mkfifo fifo
    exec {master}<>/dev/ptmx
    name=$(pty name <&"$master")
    local -a paths=(/dev/null /dev/zero fifo "$name" /dev/stdin)
    [ ! -e /proc/version ] || paths+=(/proc/version)
    for path in "${paths[@]}"; do
        result "$BPIPE" -q -s "@$path" -o new in < <(:)
        equal "1::bpipe: --size: $path: has no size" "$result"
        [ ! -e new ]
    done
    exec {master}>&-
    "$BPIPE" -q --connect-timeout 20 -o got "unix-listen://$PWD/socket" &
    wait_until 30 test -S socket
    result "$BPIPE" -q -l -s @socket -o new in
    equal "1::bpipe: --size: socket: has no size" "$result"
    kill -TERM $!
    ended $! 143
    "$BPIPE" -q -P pid fifo -o got &
    exec {writer}>fifo
    wait_until 30 has_control $!
    result "$BPIPE" -R $! -s @fifo
    equal "1::bpipe: --size: fifo: has no size" "$result"
    exec {writer}>&-
    ended $! 0
}

# However slow the rest is, the run is shorter than the whole by at least the time of the counting.
@test "the time that -s @DIR takes to count is not part of the run" {
    skip_unless_faults
    random_bytes 100000 >in
    mkdir tree
    cp in tree
    local before after elapsed
    before=$(date +%s%N)
    with_faults FAULT_ONLY=bpipe FAULT_SCRIPT="open:*tree:1:delay=700" FAULT_LOG="$T/log" \
        "$BPIPE" -q -s @tree --report json:report in >out
    after=$(date +%s%N)
    equal_files in out
    grep -q "openat.*delay.*tree" log
    elapsed=$(last_number elapsed_seconds report)
    ((10#${elapsed/./} <= after - before - 700000000))
    equal 100000 "$(last_number size_bytes report)"
}
