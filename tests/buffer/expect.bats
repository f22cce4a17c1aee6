#!/usr/bin/env bats
#
# --expect-size and --expect-end: bpipe never takes a stream that was cut for a complete one.

# shellcheck disable=SC2016,SC2094 # scripts for sh; files that are only read
bats_require_minimum_version 1.5.0
load ../helpers
load ../observe
load ../sockets

setup() { common_setup; }
teardown() {
    end_processes
    common_teardown
}

dump='-- dump completed
'

# cut_off STATUS MESSAGE OPTION...: all of `in` goes to `out`; the status and the message are these.
cut_off() {
    local status=$1 message=$2
    shift 2
    run -"$status" "$BPIPE" -q -o out "$@" <in
    equal "$message" "$output"
    equal_files in out
}

@test "--expect-size: an input of exactly that size" {
    random_bytes 300000 >in
    cut_off 0 "" --expect-size 300000
    head -c 0 in >empty
    "$BPIPE" -q --expect-size 0 empty
    "$BPIPE" -q -X --expect-size 600000 in in
    "$BPIPE" -q --expect-size 300000 <in | cmp in -
    "$BPIPE" -q --merge -X --expect-size 600000 in in
}

@test "--expect-size: an input that is shorter, longer or empty" {
    random_bytes 300000 >in
    cut_off 1 "bpipe: stdin: the stream ended after 300000 bytes, not 300001 (--expect-size)" --expect-size 300001
    cut_off 1 "bpipe: stdin: the stream ended after 300000 bytes, not 299999 (--expect-size)" --expect-size 299999
    run -1 "$BPIPE" -q --expect-size 1 /dev/null
    equal "bpipe: /dev/null: the stream ended after 0 bytes, not 1 (--expect-size)" "$output"
}

@test "bytes that pass without a copy are counted as well" {
    random_bytes 3M >in
    run -1 sh -c 'cat in | "$BPIPE" -q --expect-size 4M | cat >out; exit 1'
    equal "bpipe: stdin: the stream ended after 3145728 bytes, not 4194304 (--expect-size)" "$output"
    equal_files in out
}

@test "--expect-end: in pieces of any size" {
    local size
    { random_bytes 5000 && printf %s "$dump"; } >in
    for size in 1 2 7 17 18 19 4096; do
        cut_off 0 "" --expect-end "$dump" -z "$size"
        cut_off 0 "" --expect-end "$dump" -B "$size"
    done
    printf %s "$dump" >in
    cut_off 0 "" --expect-end "$dump"
    printf %s "$dump" >end
    cut_off 0 "" --expect-end @end
    dribbling() { for c in - - ' ' d u m p ' ' c o m p l e t e d; do printf %s "$c"; done && echo; }
    dribbling | "$BPIPE" -q --expect-end "$dump" >out
    equal_files in out
}

@test "--expect-end: another end, a part of it, or no end: the message shows both" {
    # unlike IN END SHOWN SHOWN_END: IN may have the escapes of printf's %b
    unlike() {
        printf %b "$1" >in
        cut_off 1 "bpipe: stdin: ended $3, not $4 (--expect-end)" --expect-end "$2"
    }
    unlike '-- dump complete' "$dump" "with '..ump complete'" "'.. completed\n'"
    unlike '-- dump completed' "$dump" "with '..mp completed'" "'.. completed\n'"
    unlike 'some text\n' "$dump" "with 'some text\n'" "'.. completed\n'"
    unlike '' "$dump" 'without a byte' "with '.. completed\n'"
    unlike '- dump completed\n' "$dump" "with '- du..'" "'-- du..'"
    unlike 'x- dump completed\n' "$dump" "with 'x- du..'" "'-- du..'"
    unlike 'a\0b\0\0' abc "with '..b\x00\x00'" "'abc'"
    unlike '\0' abc "with '\x00'" "'abc'"
    unlike '\377\033[1m\001' "$dump" "with '..\x1b[1m\x01'" "'.. completed\n'"
    unlike 'done\n' 'done\n' "with 'done\n'" "'done\\\\n'" # no escapes: a backslash and an n
    unlike 'm\303\274ll' 'a mill' "with 'müll'" "'a mill'"
    unlike "$(printf '\\200%.0s' {1..29})\\201" "$(printf '\200%.0s' {1..30})" "with '..\x80\x80\x81'" "'..\x80\x80\x80'"
    unlike 'abc' "$(printf '\200%.0s' {1..30})" "with 'abc'" "'..\x80\x80\x80'"
    unlike '漢字漢字漢字漢字漢字漢字漢字' x漢字漢字漢字漢字漢字漢字漢字 "with '漢字..'" "'x漢字..'"
    unlike "$(printf '\\303\\274%.0s' {1..20})" "$(printf x%.0s {1..40})" "with '..üüüüüü'" "'..xxxxxxxxxxxx'"
}

@test "under policies that drop, the input is compared, not the output" {
    { random_bytes 2M && printf %s "$dump"; } >in
    local policy
    for policy in drop-oldest drop-newest; do
        "$BPIPE" -q -B 64K --overflow "$policy" --expect-end "$dump" <in | cat >out
        run -1 sh -c '"$BPIPE" -q -B 64K --overflow "$1" --expect-end other <in | cat >out; exit 1' - "$policy"
        equal "bpipe: stdin: ended with '..eted\n', not 'other' (--expect-end)" "$output"
    done
    "$BPIPE" -q -B 64K --spool . --expect-end "$dump" <in | cmp in -
}

@test "an --atomic file does not appear" {
    echo text >in
    run -1 "$BPIPE" -q --atomic -o out --expect-size 6 in
    refute [ -e out ]
    "$BPIPE" -q --atomic -o out --expect-size 5 in
    equal_files in out
}

@test "a peer sees a reset, not the end of a complete stream" {
    local family
    random_bytes 100000 >in
    for family in $(families); do
        [ "$family" != unix ] || continue # a unix peer cannot tell a reset from an end
        rm -f out in.err
        "$BPIPE" -q --atomic -o out "$(listening "$family")" 2>in.err &
        receiver=$!
        await_listener "$family" in.err
        run -1 "$BPIPE" -q --expect-end none -o "$endpoint" in
        ended "$receiver" 1
        refute [ -e out ]
    done
}

@test "bad input" {
    refused() { # MESSAGE OPTION...
        local message=$1
        shift
        run -"$status_wanted" "$BPIPE" "$@" </dev/null
        equal "bpipe: $message" "$output"
    }
    status_wanted=2
    refused "--expect-end: '': is empty" --expect-end ''
    refused "--expect-end: '@': missing path after @" --expect-end @
    refused "--merge: cannot be used with --expect-end" --merge --expect-end x
    refused "--expect-size: invalid size 'x' (try 4096, 64K, 1.5G, 10MB)" --expect-size x
    status_wanted=1
    : >empty
    head -c 65537 /dev/zero >long
    refused "--expect-end: missing: No such file or directory" -o out --expect-end @missing
    refused "--expect-end: empty: is empty" -o out --expect-end @empty
    refused "--expect-end: long: is larger than 64K" -o out --expect-end @long
    refute [ -e out ]
}
