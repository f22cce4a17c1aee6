#!/usr/bin/env bats
#
# -M both: a bpipe on each side of a program.

# shellcheck disable=SC2016,SC2094,SC2030,SC2031 # scripts for sh; files that are only read
bats_require_minimum_version 1.5.0
load ../helpers
load ../observe

@test "-M both: the bytes are complete on both sides of a program" {
    random_bytes 3M >in
    "$BPIPE" -q -M both -- gzip -1 <in | gzip -dc | cmp in -
    "$BPIPE" -q -B 64K -z 4K -C -M both -- sh -c 'cat; cat "$0"' in <in >out
    cat in in | cmp out -
    # Each prints its own report.
    run -0 --separate-stderr "$BPIPE" -M both -- tr a-z A-Z <<<hello
    equal HELLO "$output"
    local side
    for side in in out; do
        grep -q "^bpipe: $side: 6 B in " <<<"$stderr"
    done
    refute grep -qvE '^bpipe: (in|out): ' <<<"$stderr"
    # Some options are for only one of the two bpipes: only one writes the report.
    "$BPIPE" -q --report json:report -M both -- cat <in | cmp in -
    equal 1 "$(grep -c . report)"
    equal "$(size_of in)" "$(last_number bytes_out report)"
}

@test "-M both: a failure is status 1, with one message" {
    random_bytes 100000 >in
    run -1 --separate-stderr "$BPIPE" -q -M both -o out -- sh -c 'cat; exit 7' <in
    equal "bpipe: sh -c cat; exit 7: exited with status 7 at byte 100000" "$stderr"
    equal_files in out
    run -1 --separate-stderr "$BPIPE" -q -M both -o out --atomic -- "$PWD/none" <in
    equal "bpipe: $PWD/none: cannot be started: No such file or directory" "$stderr"
    run -1 --separate-stderr "$BPIPE" -q -M both -- cat </
    equal "bpipe: stdin: Is a directory" "$stderr"
    run -1 --separate-stderr "$BPIPE" -q -M both -- sh -c 'kill -9 $$' <in
    [[ $stderr == "bpipe: sh -c kill -9 \$\$: killed by signal 9 "* ]]
    equal 1 "$(grep -c . <<<"$stderr")"
}

@test "-M both: a program that has read enough is no failure, and neither is the bpipe before it" {
    seq 100000 >in
    run -0 --separate-stderr "$BPIPE" -q -M both -- head -n 1 <in
    equal 1 "$output"
    equal "" "$stderr"
    yes | "$BPIPE" -q -M both -- cat 2>err | head -n 1 >out
    local -a statuses=("${PIPESTATUS[@]}")
    equal 141 "${statuses[1]}"
    equal "" "$(<err)"
    refute "$BPIPE" -q -M both
}

@test "a consumer whose own reader has gone counts as gone" {
    yes | "$BPIPE" -q --to cat 2>err | head -n 1 >out
    local -a statuses=("${PIPESTATUS[@]}")
    equal 141 "${statuses[1]}"
    equal "" "$(<err)"
    # Beside another output it has left early, which is no failure. The other one gets everything.
    random_bytes 3M >in
    {
        status=0
        "$BPIPE" --to cat -o out2 in 2>err || status=$?
        echo "$status" >status
    } | head -c 1 >out
    cat err
    equal 0 "$(<status)"
    equal_files in out2
    grep -qE '^bpipe: cat: [0-9.]+ .* undelivered' err
}
