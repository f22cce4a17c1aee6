#!/usr/bin/env bats
#
# Commands as inputs and outputs: --from, --to, -M. If anything fails or is killed, no consumer
# takes a cut stream for a whole one, and nothing that bpipe started outlives it.

# Scripts for sh; files that are only read; a pipe is not the same input as the file itself;
# functions that others call:
# shellcheck disable=SC2016,SC2094,SC2002,SC2317

bats_require_minimum_version 1.5.0
load ../helpers
load ../observe
load ../sockets
load ../terminal
load ../commands

teardown() {
    terminal_close
    common_teardown
}

# A consumer that creates ./out only if it sees the end of its input.
keep='cat >out.tmp && mv out.tmp out'

# kept: the consumer $keep has finished, and has got ./in. not_kept: it has not.
kept() { equal_files in out; }
not_kept() {
    wait_until 5 nobody_left
    refute [ -e out ]
}

# fails MESSAGE OPTION...: status 1, with only this line on stderr. No process remains.
fails() {
    local message=$1
    shift
    run -1 --separate-stderr "$BPIPE" -q "$@"
    equal "$message" "$stderr" "stderr"
    wait_until 5 nobody_left
}

# prefix FILE: FILE is the beginning of stdin. (The consumer is ended with bytes still in its pipe.)
prefix() {
    head -c "$(size_of "$1")" | cmp - "$1"
}

# leaves ARGUMENT...: bpipe dies of SIGPIPE, without a message.
leaves() {
    run -141 --separate-stderr "$BPIPE" -q "$@"
    equal "" "$stderr"
    wait_until 5 nobody_left
}

skip_without_proc() {
    ! is_portable || skip "the portable build $1"
}

# --- streams ----------------------------------------------------------------------------------

@test "--from and --to, alone and together" {
    random_bytes 3M >in
    "$BPIPE" -q --from 'cat in' --to "$keep" && kept && rm out
    "$BPIPE" -q --from 'cat in' >out && kept && rm out
    "$BPIPE" -q --from 'cat in' -o out && kept && rm out
    "$BPIPE" -q --to "$keep" <in && kept && rm out
    cat in | "$BPIPE" -q --to "$keep" && kept && rm out
    "$BPIPE" -q --to "$keep" in && kept && rm out
    "$BPIPE" -q --from true --to "$keep"
    size_is out 0
    equal "in out " "$(files)"
}

@test "inputs are read in the order of the command line, and a command starts in its turn" {
    echo a >a && echo b >b && echo c >c && echo d >d
    cat b | "$BPIPE" -q a --from 'cat c' - --from 'cat d' a >out
    printf '%s\n' a c b d a | cmp - out
    # The second command does not run before the first one has ended.
    "$BPIPE" -q --from 'sleep 0.1; echo 1 | tee made' --from 'cat made' --from 'rm made; cat made a 2>/dev/null || cat b' >out
    printf '%s\n' 1 1 a b | cmp - out
    for size in 1 7 4096; do
        "$BPIPE" -q -z "$size" -B "$size" --from 'cat a b' c --from 'cat d' >out
        cat a b c d | cmp - out
    done
    cat a | "$BPIPE" -q --from 'cat b' --from 'cat; echo it was not given what bpipe reads' - >out
    printf '%s\n' b "it was not given what bpipe reads" a | cmp - out
}

@test "many outputs, some of them commands: each gets everything" {
    random_bytes 2M >in
    "$BPIPE" -q --from 'cat in' --to 'cat >1' -o 2 --to 'cat | cat >3' -o - --tap 4 --to "$keep" >all
    for file in 1 2 3 4 all out; do
        equal_files in "$file"
    done
    # What a command prints goes where bpipe's own output goes, or into the other command.
    "$BPIPE" -q --from 'cat in; echo said >&2' --to 'cat >1; echo heard; echo said too >&2' >told 2>err
    equal heard "$(<told)"
    equal "said
said too" "$(<err)"
}

@test "with rates, buffers, pipes of other sizes" {
    random_bytes 300000 >in
    for options in "-L 3M" "-B 4096 -z 100" "-J 0" "-J 4096" "-C" "-S -s 300000" "-C -B 7 -s 300000"; do
        rm -f out
        # shellcheck disable=SC2086
        "$BPIPE" -q $options --from 'cat in' --to "$keep" || { echo "$options" && false; }
        kept
    done
    "$BPIPE" -q -S -s 100001 --from 'cat in' --to 'cat >part'
    cmp part <(head -c 100001 in)
}

@test "--merge: the lines of all commands" {
    seq 1 20000 >a
    seq 30001 50000 >b
    "$BPIPE" -q --merge -l --from 'cat a' --from 'cat b' a --to 'sort -n >out'
    cat a a b | sort -n | cmp - out
    fails 'bpipe: cat a; exit 3: exited with status 3 at byte 108894' \
        --merge -l --from 'cat a; exit 3' --from 'cat b' --to 'sort -n >out.tmp && mv out.tmp out2'
    refute [ -e out2 ]
}

# The consumer begins when the producer has written everything.
waiting='until [ -e go ]; do sleep 0.01; done; cat >out'

@test "--spool takes the bytes that the consumer does not accept, and leaves no file" {
    random_bytes 5M >in
    "$BPIPE" -q -B 64K --spool . --from 'cat in; : >go' --to "$waiting"
    kept
    equal "go in out " "$(files)"
}

@test "--overflow drop-oldest -l: whole lines, the last ones" {
    seq 300000 >in
    "$BPIPE" -q -B 64K --overflow drop-oldest -l --report json:report --from 'cat in; : >go' --to "$waiting"
    adds_up report
    [ "$(last_number bytes_dropped report)" -gt 1000000 ]
    equal "$(last_number bytes_out report)" "$(size_of out)"
    equal 300000 "$(tail -n 1 out)"
    sort -cnu out
    grep -Fxvf in out | refute grep .
}

@test "reports name the command, its process, and its processor time and memory" {
    random_bytes 2M >in
    "$BPIPE" -q --report json:report --from 'echo $$ >from.pid; cat in' --to 'echo $$ >to.pid; cat >out' -o copy
    adds_up report
    kept
    equal_files in copy
    local usage='"cpu_seconds":[0-9]+\.[0-9]+,"peak_memory_bytes":[1-9][0-9]+'
    ! is_portable || usage='"cpu_seconds":null,"peak_memory_bytes":null'
    for side in from to; do
        grep -qE "\"process\":\{\"pid\":$(<$side.pid),\"exit_status\":0,\"signal\":null,$usage\}" report ||
            { cat report && false; }
    done
    equal 2 "$(grep -o '"process":{' report | wc -l)"
    equal 1 "$(grep -o '"process":null' report | wc -l)"
    run -1 "$BPIPE" -q --report json:killed --from 'cat in; kill -9 $$' -o out
    grep -qE '"process":\{"pid":[0-9]+,"exit_status":null,"signal":9,' killed
    run -1 "$BPIPE" -q --report json:three --from 'cat in; exit 3' -o out
    grep -qE '"process":\{"pid":[0-9]+,"exit_status":3,"signal":null,' three
    adds_up three 1
}

@test "bytes go from command to command without a copy" {
    skip_without_proc "copies everything"
    random_bytes 5M >in
    "$BPIPE" -q --report json:report --from 'cat in' --to "$keep"
    kept
    [ "$(last_number zero_copy_bytes report)" -gt 0 ]
}

@test "a program behind --, without a shell" {
    random_bytes 100000 >in
    "$BPIPE" -q --from - -- printf '<%s>\n' 'a b' "c'd" 'e"f' '' '*' '$HOME' >out
    printf '<%s>\n' 'a b' "c'd" 'e"f' '' '*' '$HOME' | cmp - out
    "$BPIPE" -q --to - -- tee 'my file' <in >out
    kept
    equal_files in 'my file'
    "$BPIPE" -q -M in -o copy -- tee "it's" <in >out
    kept
    equal_files in "it's"
    equal_files in copy
    "$BPIPE" -q -M out -- cat in >out
    kept
    "$BPIPE" -q --from 'cat in' --to - -o copy2 -- sh -c 'cat >"$1"' - 'last one'
    equal_files in 'last one'
    equal_files in copy2
    # options and inputs after -- belong to the program
    "$BPIPE" -q -M out -- printf '%s %s\n' -q --to >out
    equal "-q --to" "$(<out)"
}

# --- producers that fail ----------------------------------------------------------------------

@test "a producer that fails after 5 MiB: status 1, one line, and no output" {
    fails 'bpipe: head -c 5M /dev/urandom; exit 3: exited with status 3 at byte 5242880' \
        --from 'head -c 5M /dev/urandom; exit 3' --to "$keep"
    not_kept
    fails 'bpipe: exit 3: exited with status 3 at byte 0' --from 'exit 3' --to "$keep"
    not_kept
}

@test "a run that fails: the report says which consumers did not see the end of their input" {
    random_bytes 100000 >in
    run -1 --separate-stderr "$BPIPE" --from 'cat in; exit 3' --to "$keep" --atomic -o new
    equal "bpipe: cat >out.tmp ..v out.tmp out: was terminated before the end of its input
bpipe: new: was not created" "$(grep ': was ' <<<"$stderr")"
    not_kept
    refute [ -e new ]
    # a run that is whole
    run -0 --separate-stderr "$BPIPE" --from 'cat in' --to "$keep" --atomic -o new
    refute grep ': was ' <<<"$stderr"
    kept
    # a signal
    mkfifo ready
    "$BPIPE" --from 'cat in; echo >ready; sleep 100' --to 'cat >part' 2>err &
    read -r <ready
    kill -TERM $!
    ended $! 143
    grep -qx 'bpipe: cat >part: was terminated before the end of its input' err
    # after its end
    mkfifo over
    defsig "$BPIPE" --from 'cat in' --to 'cat >part; echo >over; sleep 100' 2>err &
    read -r <over
    kill -INT $!
    ended $! 130
    grep -q '^bpipe: cat >.*: was terminated after the end of its input$' err
    # a consumer that ignores SIGTERM, and ends by itself
    run -1 --separate-stderr "$BPIPE" --from 'echo a; exit 3' --to 'trap "" TERM; exec sleep 0.5'
    refute grep ': was ' <<<"$stderr"
}

@test "a signal, and a consumer that does not end: the report blames the consumer" {
    skip_unless_json
    local seconds
    mkfifo ready
    "$BPIPE" --from 'echo a; exec sleep 100' --to 'trap "" TERM; echo >ready; exec sleep 100' \
        -o copy --kill-after 2 --report json:json --report text:text &
    read -r <ready
    wait_until 5 test -s copy
    kill -TERM $!
    ended $! 143
    # It waited for the command only, however long it waited for the producer before that.
    seconds="$(json '.outputs[0].wait_seconds' json) $(json '.outputs[1].wait_seconds' json)"
    awk '{ exit !($1 >= 1 && $2 < 1) }' <<<"$seconds"
    grep -q 'slow side: output, .*(trap' text
}

@test "a signal, and a producer that does not end: the time counts as waiting for input" {
    skip_unless_json
    local seconds
    mkfifo ready
    "$BPIPE" --from 'trap "" TERM; echo a; echo >ready; exec sleep 100' -o copy --kill-after 2 \
        --report json:json &
    read -r <ready
    wait_until 5 test -s copy
    kill -TERM $!
    ended $! 143
    seconds="$(json '.inputs[0].wait_seconds' json) $(json '.state_seconds.output' json)"
    awk '{ exit !($1 >= 1 && $2 < 1) }' <<<"$seconds"
}

# bad_producers FUNCTION: calls it with a command that cuts ./in, and with bpipe's words for that.
bad_producers() {
    local command how
    while IFS='|' read -r command how; do
        "$1" "cat in; $command" "bpipe: cat in; $command: $how at byte $(size_of in)"
        wait_until 5 nobody_left
    done <<'END'
kill -9 $$|killed by signal 9 (SIGKILL)
exit 3|exited with status 3
kill -TERM $$|killed by signal 15 (SIGTERM)
END
}

@test "a producer cut off, into commands" {
    random_bytes 300000 >in
    one() {
        fails "$2" --from "$1" --to "$keep"
        not_kept
    }
    two() {
        fails "$2" --from "$1" --to 'cat >1.tmp && mv 1.tmp 1' --to "$keep"
        not_kept
        refute [ -e 1 ]
    }
    tree() {
        fails "$2" --from "$1" --to 'cat | cat >x; echo done >y'
        refute [ -e y ]
    }
    first() { # of two: the second input is copied, and no consumer is told an end
        fails "$2" --from "$1" in --to "$keep"
        not_kept
        cat in in | prefix out.tmp
    }
    last() {
        fails "$2" in --from "$1" --to "$keep"
        not_kept
    }
    for kind in one two tree first last; do
        echo "kind: $kind"
        bad_producers "$kind"
    done
}

@test "a producer cut off, into a command that is a whole tree of processes" {
    skip_without_proc "ends only the command's own process"
    random_bytes 300000 >in
    tree() {
        fails "$2" --from "$1" --to '{ cat | { cat >x; echo done >y; }; echo done >z; } | { cat; echo done >w; }; echo done >v'
        refute [ -e y ] && refute [ -e z ] && refute [ -e w ] && refute [ -e v ]
    }
    bad_producers tree
}

@test "a producer cut off, into files, and outputs that see an end" {
    random_bytes 300000 >in
    atomic() {
        fails "$2" --atomic --from "$1" -o out
        equal "in " "$(files)"
    }
    plain() {
        fails "$2" --from "$1" -o file
        equal_files in file
        rm file
    }
    stdout() {
        local status
        { "$BPIPE" -q --from "$1" 2>err && : >succeeded || status=$?; echo "$status" >status; } | cat >file
        equal_files in file
        equal "$2" "$(<err)"
        equal 1 "$(<status)"
        rm file err status
    }
    for kind in atomic plain stdout; do
        echo "kind: $kind"
        bad_producers "$kind"
    done
}

@test "a producer cut off, through --frame" {
    random_bytes 300000 >in
    framed() {
        local -a both
        set +e
        "$BPIPE" -q --frame --from "$1" 2>err | "$BPIPE" -q --unframe --atomic -o out 2>err2
        both=("${PIPESTATUS[@]}")
        set -e
        equal "1 1" "${both[*]}"
        equal "$2" "$(<err)"
        equal 1 "$(lines_of err2)"
        refute [ -e out ]
    }
    into_command() {
        local -a both
        set +e
        "$BPIPE" -q --frame --from "$1" 2>err | "$BPIPE" -q --unframe --to "$keep" 2>err2
        both=("${PIPESTATUS[@]}")
        set -e
        equal "1 1" "${both[*]}"
        equal 1 "$(lines_of err2)"
        not_kept
    }
    bad_producers framed
    bad_producers into_command
    "$BPIPE" -q --frame --from 'cat in' | "$BPIPE" -q --unframe --to "$keep"
    kept
}

# sent_to FAMILY PRODUCER SAID [OPTION...] : sends by a socket to an --atomic file. The options are
# the sender's; $receiving has those of the receiver.
sent_to() {
    local family=$1 producer=$2 said=$3
    shift 3
    rm -f here in.err
    # shellcheck disable=SC2086
    "$BPIPE" -q --atomic ${receiving-} -o out "$(listening "$family")" 2>in.err &
    receiver=$!
    await_listener "$family" in.err
    fails_beside_receiver "$said" "$@" --from "$producer" -o "$endpoint"
}

fails_beside_receiver() {
    local message=$1
    shift
    run -1 --separate-stderr "$BPIPE" -q "$@"
    equal "$message" "$stderr"
}

@test "a producer cut off, into another bpipe over the network" {
    random_bytes 300000 >in
    local family receiving
    for family in $(families); do
        tcp() {
            receiving='' sent_to "$family" "$1" "$2"
            ended "$receiver" 1
            refute [ -e out ]
        }
        framed() {
            receiving=--unframe sent_to "$family" "$1" "$2" --frame
            ended "$receiver" 1
            refute [ -e out ]
        }
        bytes() { # there a reset and an end look alike
            receiving='' sent_to "$family" "$1" "$2"
            ended "$receiver" 0
            equal_files in out
            rm out
        }
        echo "family: $family"
        if [ "$family" = unix ]; then bad_producers bytes; else bad_producers tcp; fi
        [ "$family" = ip6 ] || bad_producers framed
    done
}

@test "a producer that is killed while it still writes" {
    local kind
    for kind in KILL TERM INT; do
        rm -f report
        defsig "$BPIPE" -q --report json:report --from 'echo $$ >from.pid; exec randbytes -u 200 100G 5' --to "$keep" 2>err &
        pid=$!
        wait_until 20 larger out.tmp 1000000
        kill -"$kind" "$(<from.pid)"
        ended "$pid" 1
        not_kept
        grep -qE '^bpipe: echo .*: killed by signal [0-9]+ \(SIG[A-Z0-9]+\) at byte [0-9]+$' err
        equal 1 "$(lines_of err)"
        adds_up report 1
        randbytes "$(last_number bytes_out report)" 5 | prefix out.tmp
        rm out.tmp from.pid
    done
}

@test "a producer that closes its stdout and still runs: consumers see the end when it has exited" {
    local status
    random_bytes 300000 >in
    for status in 0 4; do
        "$BPIPE" -q --from "cat in; exec >&-; until [ -e go ]; do sleep 0.01; done; exit $status" --to "$keep" 2>err &
        pid=$!
        wait_until 20 size_is out.tmp 300000 >/dev/null
        in_poll "$pid" || wait_until 20 in_poll "$pid"
        refute [ -e out ]
        : >go
        ended "$pid" $((status == 0 ? 0 : 1))
        if ((status == 0)); then kept; else not_kept; fi
        rm -f out go
    done
    equal "bpipe: cat in; exec >&-; until [ -e go ]; do sleep 0.01; done; exit 4: exited with status 4 at byte 300000" \
        "$(<err)"
}

@test "a producer whose child holds the pipe open" {
    random_bytes 300000 >in
    local waits='until [ -e go ]; do sleep 0.01; done'
    # The command has failed: that is the end, even if its child still writes.
    run -1 --separate-stderr "$BPIPE" -q --from "{ $waits; } & cat in; exit 3" --to "$keep"
    : >go
    equal "bpipe: { $waits; } & cat in; exit 3: exited with status 3 at byte 300000" "$stderr"
    not_kept
    rm -f go out.tmp
    # The command has not failed: what the child writes belongs to the stream.
    "$BPIPE" -q --from "{ $waits; cat in; } & cat in; exit 0" --to "$keep" &
    pid=$!
    wait_until 20 size_is out.tmp 300000 >/dev/null
    in_poll "$pid" || wait_until 20 in_poll "$pid"
    refute [ -e out ]
    : >go
    ended "$pid" 0
    cat in in | cmp - out
}

# --- consumers that fail, leave, or stay --------------------------------------------------------

@test "a consumer that fails late" {
    random_bytes 300000 >in
    fails 'bpipe: cat >out; exit 7: exited with status 7 at byte 300000' --from 'cat in' --to 'cat >out; exit 7'
    kept
    fails 'bpipe: cat >out; kill -9 $$: killed by signal 9 (SIGKILL) at byte 300000' in --to 'cat >out; kill -9 $$'
    kept
    # The other outputs had all of it.
    fails 'bpipe: cat >1; exit 7: exited with status 7 at byte 300000' in --to 'cat >1; exit 7' -o out --to 'cat >2'
    kept
    equal_files in 2
    # Except a file that gets its name last.
    fails 'bpipe: cat >1; exit 7: exited with status 7 at byte 300000' \
        --atomic in --to 'cat >1; exit 7' -o atomic
    equal "1 2 in out " "$(files)"
}

@test "a connection sees the end when the commands have exited" {
    random_bytes 300000 >in
    "$BPIPE" -q --atomic -o out tcp-listen://127.0.0.1:0 2>in.err &
    receiver=$!
    await_listener ip4 in.err
    fails_beside_receiver 'bpipe: cat >/dev/null; exit 7: exited with status 7 at byte 300000' \
        in --to 'cat >/dev/null; exit 7' -o "$endpoint"
    ended "$receiver" 1
    refute [ -e out ]
    rm in.err
    "$BPIPE" -q --atomic -o out tcp-listen://127.0.0.1:0 2>in.err &
    receiver=$!
    await_listener ip4 in.err
    "$BPIPE" -q in --to 'cat >copy; until [ -e go ]; do sleep 0.01; done' -o "$endpoint" &
    pid=$!
    wait_until 20 size_is copy 300000 >/dev/null
    in_poll "$pid" || wait_until 20 in_poll "$pid"
    in_poll "$receiver" || wait_until 20 in_poll "$receiver"
    refute [ -e out ]
    : >go
    ended "$pid" 0
    ended "$receiver" 0
    equal_files in out
}

@test "a consumer whose disk is full" {
    random_bytes 4M >in # more than its pipe holds, so that it fails before the end
    run -1 --separate-stderr "$BPIPE" -q --from 'cat in' --to 'cat >/dev/full 2>&-'
    [[ $stderr =~ ^'bpipe: cat >/dev/full 2>&-: exited with status 1 at byte '[0-9]+$ ]]
    run -1 --separate-stderr "$BPIPE" -q --from 'cat in' --to 'cat >/dev/full 2>&-' --to "$keep" -o copy
    [[ $stderr =~ ^'bpipe: cat >/dev/full 2>&-: exited with status 1 at byte '[0-9]+$ ]]
    not_kept
    equal_files in copy
}

@test "a consumer that fails early: the others get everything, a sole one ends it" {
    local first='head -c 1000 >/dev/null; exit 7'
    random_bytes 3M >in
    run -1 --separate-stderr "$BPIPE" -q --from yes --to "$first"
    [[ $stderr =~ ^"bpipe: $first: exited with status 7 at byte "[0-9]+$ ]]
    run -1 --separate-stderr "$BPIPE" -q --from 'cat in' --to "$first" -o out
    [[ $stderr =~ ^"bpipe: $first: exited with status 7 at byte "[0-9]+$ ]]
    kept
    fails 'bpipe: kill -9 $$: killed by signal 9 (SIGKILL) at byte 0' --from 'cat in' --to 'kill -9 $$' -o copy
    equal_files in copy
}

@test "the consumer fails early, and everything fits into its pipe" {
    skip_without_proc "cannot tell what was not read"
    local i
    for i in 1 2 3 4 5; do
        fails 'bpipe: exec dd bs=1 count=1 status=none | false; exit 9: exited with status 9 at byte 1' \
            --from 'seq 10' --to 'exec dd bs=1 count=1 status=none | false; exit 9'
    done
}

@test "both sides fail" {
    local i
    random_bytes 300000 >in
    for i in 1 2 3 4 5; do
        run -1 --separate-stderr "$BPIPE" -q --from 'cat in; exit 3' --to 'head -c 300000 >/dev/null; exit 7'
        equal "" "$(grep -vxE 'bpipe: (cat in; exit 3|head -c 300000 >/dev/null; exit 7): exited with status [37] at byte 300000' <<<"$stderr")"
        run -1 --separate-stderr "$BPIPE" -q --from 'exit 3' --to 'exit 7'
        equal "" "$(grep -vxE 'bpipe: exit [37]: exited with status [37] at byte 0' <<<"$stderr")"
        wait_until 5 nobody_left
    done
}

@test "a sole consumer that exits early with status 0 is no error" {
    run -141 --separate-stderr "$BPIPE" -q --from 'seq 1000000' --to 'head -n 1'
    equal 1 "$output"
    equal "" "$stderr"
    wait_until 5 nobody_left
    leaves --from yes --to 'exit 0'
    leaves --from 'echo 1; exec sleep 100' --to 'read line' # while the input is idle
    seq 1000000 >in
    leaves in --to 'head -n 1'
    # It is an error if SIGPIPE is ignored.
    run -1 --separate-stderr defsig -i 13 "$BPIPE" -q --from 'seq 1000000 2>&-' --to 'head -n 1 >/dev/null'
    [[ $stderr =~ ^'bpipe: head -n 1 >/dev/null: exited at byte '[0-9]+' without reading the rest'$ ]]
    # A consumer that has read everything has not left early.
    echo 1 >line
    "$BPIPE" -q line --to 'head -n 1' >out
    equal 1 "$(<out)"
}

# first_output KEY FILE: prints that number of the first output in the last report.
first_output() {
    local line
    line=$(last_line "$2")
    [[ ! ${line#*\"outputs\":\[} =~ \"$1\":([0-9.]*) ]] || echo "${BASH_REMATCH[1]}"
}

@test "a sole consumer that exits early, if everything fits into its pipe" {
    skip_without_proc "cannot tell what was not read"
    local i
    for i in 1 2 3 4 5; do
        leaves --from 'seq 10' --to 'read line'
        leaves --from 'seq 10; sleep 0.02' --to 'read line'
        "$BPIPE" -q --report json:report --from 'seq 10' --to 'read line' -o out --to "cat >all && mv all whole"
        adds_up report
        equal 0 "$(last_number bytes_undelivered report)"
        equal "2 19 0" "$(first_output bytes report) $(first_output bytes_undelivered report) $(first_output bytes_unacknowledged report)"
        seq 10 | cmp - out
        seq 10 | cmp - whole
        rm out whole report
    done
}

# leaves_early OPTION...: some of several consumers leave, and $keep sees the true end.
leaves_early() {
    echo "leaves: $*"
    rm -f out report
    "$BPIPE" -q --report json:report "$@" --to "$keep" in 2>err
    kept
    [ ! -s err ]
    adds_up report
    wait_until 5 nobody_left
}

@test "one of several consumers exits early: the others get everything, and see the end" {
    random_bytes 5M >in
    local early other
    for early in 'head -c 3 >/dev/null' 'exit 0' 'kill -PIPE $$' 'head -c 3 >/dev/null; exit 141' \
        'exec <&-; exit 0' 'head -c 2M >/dev/null' 'cat >/dev/null & head -c 3 >/dev/null'; do
        leaves_early --to "$early"
        # The report has the bytes that the consumer left in its pipe, and those that were never written to it.
        [ "$early" = 'head -c 2M >/dev/null' ] || is_portable ||
            [ "$(first_output bytes_undelivered report)" -gt 5000000 ]
        for other in "-C" "-B 1000 -z 100" "-J 4096" "-o copy" "--tap tap" "--on-output-error stop" \
            "--overflow drop-oldest" "--atomic -o copy" "--frame -o copy" "-L 50M" "-l -o copy"; do
            [ "$early" = 'head -c 3 >/dev/null' ] || [ "$other" = "-B 1000 -z 100" ] || continue
            case $other in
            --frame*)
                # shellcheck disable=SC2086
                "$BPIPE" -q $other --to "$early" in 2>err
                "$BPIPE" -q --unframe copy | cmp in -
                [ ! -s err ]
                ;;
            --overflow*) # may drop
                # shellcheck disable=SC2086
                "$BPIPE" -q --report json:report $other --to "$early" --to "$keep" in
                adds_up report
                ;;
            *)
                # shellcheck disable=SC2086
                leaves_early --to "$early" $other
                [[ $other != *copy ]] || equal_files in copy
                ;;
            esac
        done
    done
    # In text
    "$BPIPE" --to 'head -c 3 >/dev/null' --to "$keep" in 2>err
    kept
    grep -qxE 'bpipe: head -c 3 >/dev/null: [0-9.]+ MiB undelivered' err
    equal 2 "$(grep -vc 'slow side' err)" # with or without a verdict
    # The totals are those of the outputs that stayed, in each format.
    seq 1000000 >lines
    "$BPIPE" -q -l --report json:report --report prometheus:prom lines --to 'head -c 3 >/dev/null' --to 'cat >got'
    equal_files lines got
    adds_up report
    equal "1000000 1000000 0" \
        "$(last_number records_in report) $(last_number records_out report) $(last_number bytes_undelivered report)"
    grep -qx 'bpipe_out_records_total 1000000' prom
    grep -qx "bpipe_passed_bytes_total $(size_of lines)" prom
    # The same if SIGPIPE is ignored.
    run -0 --separate-stderr defsig -i 13 "$BPIPE" -q --to 'head -c 3 >/dev/null' --to "$keep" in
    kept
}

# unread BYTES_READ COMMAND OPTION...: the first --to command is COMMAND, which reads BYTES_READ of the
# lines in ./in, and leaves the others in its pipe. Each report says that it got the bytes that it
# read, and the lines that end in these. Sets $status.
unread() {
    local bytes=$1 command=$2 lines total
    shift 2
    echo "unread: $bytes $command, $*"
    lines=$(head -c "$bytes" in | wc -l)
    status=0
    "$BPIPE" -l --report json:report --report prometheus:prom --report text:text --to "$command" "$@" <in 2>err || status=$?
    adds_up report "$status"
    total=$(last_number bytes_in report) # it may be gone before everything was read
    equal "$bytes $lines $((total - bytes)) 0" \
        "$(for key in bytes records_out bytes_undelivered bytes_unacknowledged; do
            first_output "$key" report
        done | paste -sd ' ')"
    equal "$bytes $lines $((total - bytes))" "$(sed -nE 's/^bpipe_output_(bytes_total|undelivered_bytes_total|records_total)\{.*index="0"\} //p' prom | paste -sd ' ')"
    [ "$total" = "$bytes" ] || grep -qE "bpipe: .*: [0-9.]+ (B|KiB|MiB) undelivered\$" text
    [[ $(<text) != *"left unread"* ]]
}

@test "bytes that a command left in its pipe are undelivered, in each report, with their records" {
    skip_without_proc "cannot tell what was not read"
    seq 8000 >in
    local other
    for other in "-l" "-C" "-J 4096" "-B 1000 -z 100" "-L 1M"; do
        # A command that has failed, one that bpipe has ended, one that has read enough
        # shellcheck disable=SC2086
        unread 0 false $other
        equal 1 "$status"
        grep -qx 'bpipe: false: exited with status 1 at byte 0' err
        # shellcheck disable=SC2086
        unread 10003 'dd bs=1 count=10003 2>/dev/null >got; exit 3' $other
        equal 1 "$status"
        grep -qx 'bpipe: dd bs=1 .*: exited with status 3 at byte 10003' err
        # shellcheck disable=SC2086
        unread 10003 'dd bs=1 count=10003 2>/dev/null >got' $other
        equal 141 "$status"
        equal "10003 10003 2222 2222" \
            "$(last_number bytes_out report) $(sed -n 's/^bpipe_passed_bytes_total //p' prom) $(last_number records_out report) $(sed -n 's/^bpipe_out_records_total //p' prom)"
        grep -qE "^bpipe: 9.77 KiB.*, 2222 records in " text
    done
    # The others get everything.
    unread 10003 'dd bs=1 count=10003 2>/dev/null >got' --to 'cat >all' --to 'cat >too'
    equal 0 "$status"
    equal_files in all
    equal_files in too
    equal "$(size_of in) 8000" "$(last_number bytes_out report) $(last_number records_out report)"
    # It has everything in its pipe, and reads nothing until bpipe ends it.
    rm all
    unread 0 "exec sleep 100" --on-output-error stop --to "until [ -s all ]; do sleep 0.01; done; exit 7" -o all
    equal 1 "$status"
    # A timeout gives it up, with more bytes than the pipe holds or fewer, and bpipe ends it then.
    seq 500000 >in
    unread 0 'sleep 100; exit 3' --stall-timeout 0.2 -o all
    equal "4 0" "$status $(last_number bytes_out report)"
    equal_files in all
    unread 0 'exec sleep 100' --drain-timeout 0.2
    equal "4 0" "$status $(last_number bytes_out report)"
    seq 8000 >in
    unread 0 'exec sleep 100' --drain-timeout 0.2
    equal "4 0" "$status $(last_number bytes_out report)"
    # It reads on after it was given up.
    seq 500000 >in
    rm got
    { cat in && until [ -s got ]; do sleep 0.01; done; } |
        "$BPIPE" -q --stall-timeout 1 --report json:report --to 'until [ -s err ]; do sleep 0.01; done; cat >got' \
            --to 'cat >all' 2>err || equal 4 $?
    grep -q 'took no data for 1.00 s (--stall-timeout)' err
    adds_up report 4
    equal_files in all
    [ "$(first_output bytes report)" -gt 0 ]
    equal 0 "$(first_output bytes_unacknowledged report)"
    seq 8000 >in
    # A frame that was not read as a whole: bytes in, and those that were added
    "$BPIPE" -q --frame --report json:report --to 'dd bs=1 count=1000 2>/dev/null >got' in || equal 141 $?
    adds_up report 141
    equal "1000 1000" "$(first_output bytes report) $(last_number bytes_out report)"
    equal 1000 "$(size_of got)"
}

@test "bytes that a child of a command reads after the command was ended are delivered" {
    skip_without_proc "cannot tell what was not read"
    # bpipe gives the command up, then ends it. The child ignores that, and reads once bpipe has seen
    # the end of the command: only then is the command no process any more.
    local command='exec 3<&0; (trap "" TERM; echo >ready; while kill -0 $$; do sleep 0.01; done 2>/dev/null
        head -c 30000 >got) <&3 & wait'
    seq 500000 >in
    unread 30000 "$command" --kill-after 0 --stall-timeout 0.5 -o all \
        --from 'cat in; until [ -s err ] && [ -e ready ]; do sleep 0.01; done'
    equal 4 "$status"
    grep -q 'took no data for 500 ms (--stall-timeout)' err
    equal "$(size_of in) 30000" "$(last_number bytes_in report) $(size_of got)"
    equal_files in all
    cmp -n 30000 in got
}

@test "during the run no count of a command goes back, and no rate is negative" {
    skip_without_proc "cannot tell what was not read"
    random_bytes 400000 >in
    "$BPIPE" -q --report json:report --report-every 0.02 -L 1M in --to 'head -c 3 >/dev/null' --to 'cat >out'
    equal_files in out
    adds_up report
    [ "$(wc -l <report)" -gt 3 ]
    awk '
        function number(key,    text) {
            if (!match($0, "\"" key "\":-?[0-9.]+"))
                exit failed = 1
            text = substr($0, RSTART, RLENGTH)
            sub(/.*:/, "", text)
            return text + 0
        }
        /"type":"sample"/ {
            rate = number("current")
            $0 = substr($0, index($0, "\"outputs\":"))
            if (rate < 0 || number("bytes") < before)
                exit failed = 1
            before = number("bytes")
            samples++
        }
        /"type":"final"/ {
            $0 = substr($0, index($0, "\"outputs\":"))
            if (number("bytes") > before)
                exit failed = 1
        }
        END { exit failed || samples < 3 }
    ' report
}

@test "a connection beside a consumer that leaves early" {
    random_bytes 5M >in
    "$BPIPE" -q --atomic -o out tcp-listen://127.0.0.1:0 2>in.err &
    receiver=$!
    await_listener ip4 in.err
    "$BPIPE" -q in --to 'head -c 3 >/dev/null' -o "$endpoint"
    ended "$receiver" 0
    equal_files in out
}

@test "consumers that all leave early end it as a sole one does" {
    random_bytes 5M >in
    leaves in --to 'head -c 3 >/dev/null' --to 'exit 0'
    leaves in --to 'head -c 3 >/dev/null' --to 'head -c 2M >/dev/null' --to 'kill -PIPE $$'
    leaves --from 'echo 1; exec sleep 100' --to 'read line' --to 'read line' # while the input is idle
    # The last consumer has got everything.
    "$BPIPE" -q in --to 'head -c 3 >/dev/null' --to 'head -c 5M >out'
    kept
    local i
    for i in 1 2 3 4 5; do
        "$BPIPE" -q --from 'echo 1; sleep 0.02' --to 'read line' --to 'read line'
    done
    # It is an error of the last one if SIGPIPE is ignored.
    run -1 --separate-stderr defsig -i 13 "$BPIPE" -q in --to 'head -c 3 >/dev/null' --to 'head -c 4 >/dev/null'
    [[ $stderr =~ ^'bpipe: head -c '[34]' >/dev/null: exited at byte '[0-9]+' without reading the rest'$ ]]
    # One of them fails, or is no command: that is a failure.
    run -1 --separate-stderr "$BPIPE" -q in --to 'head -c 3 >/dev/null' --to 'head -c 3 >/dev/null; exit 7'
    [[ $stderr =~ ^'bpipe: head -c 3 >/dev/null; exit 7: exited with status 7 at byte '[0-9]+$ ]]
}

@test "a plain pipe whose reader leaves, beside commands: a failure, and no command sees an end" {
    random_bytes 5M >in
    mkfifo plain
    head -c 3 plain >/dev/null &
    run -1 --separate-stderr "$BPIPE" -q -o plain --to 'head -c 3 >/dev/null' --to "$keep" -o copy in
    [[ $stderr =~ ^'bpipe: plain: write failed at byte '[0-9]+': Broken pipe'$ ]]
    not_kept
    equal_files in copy
    prefix out.tmp <in
}

@test "a consumer that exits and leaves a reader of its input behind" {
    skip_without_proc "cannot tell what was not read"
    random_bytes 300000 >in
    "$BPIPE" -q --report json:report in -o copy \
        --to 'exec 3<&0; { until [ -e go ]; do sleep 0.01; done; cat >out.tmp && mv out.tmp out; } <&3 & exit 0'
    tail -n 1 report | sed 's/.*"name":"exec//' >told # without the other output
    adds_up report
    equal_files in copy
    equal 300000 "$(last_number bytes_unacknowledged told)"
    : >go
    wait_until 10 [ -e out ]
    kept
}

@test "the producer fails beside a consumer that has left early: the others see no end" {
    random_bytes 5M >in
    run -1 --separate-stderr "$BPIPE" -q --from 'cat in; exit 3' --to 'head -c 3 >/dev/null' --to "$keep"
    equal 'bpipe: cat in; exit 3: exited with status 3 at byte 5242880' "$stderr"
    not_kept
}

@test "a consumer that closes its stdin and still runs" {
    random_bytes 1M >in
    local waits='exec <&-; until [ -e go ]; do sleep 0.01; done'
    local status i
    for i in 0 7; do
        rm -f go
        "$BPIPE" -q in --to "$waits; exit $i" 2>err &
        pid=$!
        wait_until 20 in_poll "$pid"
        : >go
        ended "$pid" $((i == 0 ? 141 : 1))
    done
    [[ $(<err) =~ ^"bpipe: $waits; exit 7: exited with status 7 at byte "[0-9]+$ ]]
    # With other outputs, which get everything meanwhile.
    rm -f go
    "$BPIPE" -q in --to "$waits; exit 0" -o out 2>err &
    pid=$!
    wait_until 20 size_is out 1048576 >/dev/null
    : >go
    ended "$pid" 0
    kept
    [ ! -s err ]
    # It may need time after the end.
    "$BPIPE" -q in --to 'cat >out; exec <&-; sleep 0.1; cp out slow'
    equal_files in slow
}

@test "a consumer that ignores SIGTERM is killed" {
    random_bytes 30000 >in
    fails 'bpipe: cat in; exit 3: exited with status 3 at byte 30000' --kill-after 0.2 \
        --from 'cat in; exit 3' --to "trap '' TERM; $keep"
    not_kept
    # (The text fits into its pipe: bytes that have come are written first.)
    fails 'bpipe: echo text; exit 3: exited with status 3 at byte 5' --kill-after 0.2 \
        --from 'echo text; exit 3' --to "trap '' TERM; exec sleep 100"
    # With --kill-after 0 it has all the time it needs.
    "$BPIPE" -q --kill-after 0 --from 'cat in; until [ -e ready ]; do sleep 0.01; done; exit 3' \
        --to "exec 2>&-; trap ': >termed' TERM; : >ready; until [ -e termed ] && [ -e go ]; do sleep 0.01; done; : >gone" 2>err &
    pid=$!
    wait_until 20 test -e termed
    refute gone "$pid"
    refute [ -e gone ]
    : >go
    ended "$pid" 1
    [ -e gone ]
    equal 'bpipe: cat in; until [ -e ready ]; do sleep 0.01; done; exit 3: exited with status 3 at byte 30000' "$(<err)"
}

@test "a producer that ignores SIGTERM is killed" {
    run -1 --separate-stderr "$BPIPE" -q --kill-after 0.2 --from "trap '' TERM; exec sleep 100" --to 'exit 7'
    equal 'bpipe: exit 7: exited with status 7 at byte 0' "$stderr"
    wait_until 5 nobody_left
    run -1 --separate-stderr "$BPIPE" -q --kill-after 0.2 --from "trap '' PIPE TERM; while :; do echo x; done 2>&-" --to 'exit 7'
    wait_until 5 nobody_left
}

@test "a consumer that is stopped is still ended" {
    random_bytes 30000 >in
    fails 'bpipe: cat in; exit 3: exited with status 3 at byte 30000' \
        --from 'cat in; exit 3' --to "kill -STOP \$\$; $keep"
    not_kept
}

# --- commands that cannot be run ----------------------------------------------------------------

@test "commands that cannot be started" {
    echo text >in
    echo kept >out
    : >plain
    fails_with() { # MESSAGE OPTION...: compares the last line
        local message=$1
        shift
        run -1 --separate-stderr "$BPIPE" -q "$@"
        equal "$message" "$(tail -n 1 <<<"$stderr")"
        wait_until 5 nobody_left
    }
    for side in --from --to; do
        fails_with 'bpipe: ./missing: exited with status 127 (not found) at byte 0' $side ./missing </dev/null
        fails_with 'bpipe: ./plain: exited with status 126 (cannot be executed) at byte 0' $side ./plain </dev/null
        fails 'bpipe: ./missing: cannot be started: No such file or directory' $side - -o out -- ./missing <in
        fails 'bpipe: ./plain x: cannot be started: Permission denied' $side - -o out -- ./plain x <in
        equal kept "$(<out)"
    done
    fails 'bpipe: /: cannot be started: Permission denied' -M out -- /
    # A consumer that was started already sees no end.
    fails 'bpipe: ./missing: cannot be started: No such file or directory' \
        in --to 'cat >x; echo done >y' --to - -- ./missing
    refute [ -e y ]
    fails 'bpipe: ./missing: cannot be started: No such file or directory' \
        --from - --to 'cat >x; echo done >y' -- ./missing
    refute [ -e y ]
    fails 'bpipe: missing: No such file or directory' missing --to 'cat >x; echo done >y'
    refute [ -e y ]
    # An output cannot be opened: no command is started.
    fails 'bpipe: no/where: No such file or directory' in --to ': >made' --from ': >made' -o no/where
    refute [ -e made ]
    # The other inputs are copied.
    fails 'bpipe: ./missing: cannot be started: No such file or directory' in --from - in -o copy -- ./missing
    cat in in | cmp - copy
}

# --- what a command inherits --------------------------------------------------------------------

# Writes to ./NAME.* what is open in the command, and what else it inherited.
show='show() { ls /proc/$$/fd >$1.fds; fdflags 0 1 2 >$1.flags
# The shell itself reads this: it blocks signals while it forks.
while read -r line; do case $line in SigIgn:*|SigBlk:*) echo $line ;; esac; done </proc/$$/status >$1.signals
cut -d" " -f5 /proc/$$/stat >$1.group; cut -d" " -f5 /proc/$PPID/stat >$1.parent; }; show'

@test "a command has three descriptors, and those that bpipe was given" {
    random_bytes 1000 >in
    local side
    exec 7<in 8<in
    "$BPIPE" -q --spool . -B 64K --report json:report --tap tap --atomic -o out --from "$show from" --to "$show to; cat >/dev/null" \
        --to "$show to2; cat >/dev/null" in --from "$show later" fd://8 -o - 3>&- >stdout
    sh -c "$show shell" 3>&- 8<&-
    exec 7<&- 8<&-
    grep -qx 7 shell.fds
    for side in from to to2 later; do
        cmp shell.fds $side.fds
        equal "$(<$side.parent)" "$(<$side.group)" "process group"
    done
    # Closed descriptors stay closed, and are not reused for others.
    "$BPIPE" -q -o out --from 'ls /proc/$$/fd >from.fds; :' --to 'ls /proc/$$/fd >to.fds; cat >/dev/null' <&- >&- 2>&-
    equal 1 "$(grep -x '[012]' from.fds)"
    refute grep -qx 2 to.fds # 1 is opened there by the shell itself
    run -1 sh -c '"$BPIPE" -q --from "echo x" --to cat 2>err >&-'
    grep -q '^bpipe: cat: exited with status 1 at byte' err
}

@test "O_NONBLOCK is not seen by a command" {
    skip_without_proc "sets it on what it shares with others"
    random_bytes 1000 >in
    open_idle
    "$BPIPE" -q --from "cat in; $show from" --to "$show to; cat >/dev/null" -o - <&"$idle" 2>&1 | cat >out
    for side in from to; do
        equal "0 1 2 " "$(cut -d' ' -f1 $side.flags | tr '\n' ' ')"
        refute grep nonblocking $side.flags
    done
    exec {idle}<&-
}

@test "signals are ignored and blocked as bpipe found them" {
    local side
    random_bytes 1000 >in
    for options in "" "-i 2" "-i 13" "-i 2 -i 13 -i 17 -i 25"; do
        # shellcheck disable=SC2086
        defsig $options sh -c "$show shell"
        [ -z "$options" ] || refute grep -qE '^SigIgn: 0*$' shell.signals
        # shellcheck disable=SC2086
        defsig $options "$BPIPE" -q in --from "$show from" --to "$show to; cat >/dev/null"
        for side in from to; do
            cmp shell.signals $side.signals || { cat shell.signals $side.signals && false; }
        done
    done
    # (Not through a shell: dash has its own mask.)
    env --block-signal=USR2 true 2>/dev/null || skip "env has no --block-signal"
    defsig env --block-signal=USR2 "$BPIPE" -q -M out -- grep SigBlk /proc/self/status >blocked
    grep -qE '^SigBlk:[[:space:]]0*800$' blocked
}

@test "commands that have ended are no zombies while others run" {
    local states='for p in /proc/[0-9]*/stat; do cut -d" " -f1,3,4 $p; done 2>&- | grep " $PPID\$" >states'
    "$BPIPE" -q --from true --from 'exit 0' --from "$states" --to cat
    grep -q ' [RS] ' states
    refute grep ' Z ' states
}

# --- signals to bpipe ---------------------------------------------------------------------------

# middle: bpipe, process $pid, has written 100000 bytes to $keep and waits for more.
middle() {
    rm -f out out.tmp
    defsig "$BPIPE" -q --from 'cat in; exec sleep 100' --to "$keep" 2>err &
    pid=$!
    wait_until 20 size_is out.tmp 100000 >/dev/null
}

forty_runs() {
    local run
    for ((run = 0; run < 20; run++)); do
        "$BPIPE" -q --from 'echo text' --to 'read line'
        "$BPIPE" -q --from yes --to 'read line' || equal 141 "$?"
    done
    : >all
}

@test "forty runs end without a wait" { # each run once took a second: 40 in all
    forty_runs &
    wait_until 39 test -e all
    wait
}

@test "bpipe gets a signal: the consumer sees no end" {
    local kind status
    random_bytes 100000 >in
    for kind in INT QUIT TERM HUP KILL; do
        echo "signal: $kind"
        middle
        kill -"$kind" "$pid"
        ended "$pid" $((128 + $(kill -l "$kind")))
        not_kept
        cmp in out.tmp
        equal "" "$(<err)"
    done
    middle # a signal that bpipe does not know
    kill -ALRM "$pid"
    ended "$pid" 142 || { cat err && false; }
    not_kept
}

@test "a signal after the consumer has seen the end: SIGTERM and SIGHUP wait for it, SIGINT ends it" {
    local kind
    for kind in TERM HUP INT; do
        echo "signal: $kind"
        rm -f told go over
        defsig "$BPIPE" -q --from 'echo text' \
            --to 'cat >got; : >told; while [ ! -e go ]; do sleep 0.02; done; : >over' 2>err &
        pid=$!
        wait_until 20 test -e told
        kill -"$kind" "$pid"
        [ "$kind" = INT ] || : >go
        ended "$pid" $((128 + $(kill -l "$kind")))
        [ "$kind" = INT ] || test -e over
        equal "" "$(<err)"
        : >go
        wait_until 5 nobody_left
        [ "$kind" != INT ] || refute test -e over
    done
}

@test "bpipe is killed with a whole tree of processes as its consumer" {
    skip_without_proc "ends only the command's own process"
    random_bytes 100000 >in
    "$BPIPE" -q --kill-after 0.2 --from 'cat in; exec sleep 100' \
        --to "trap '' TERM; cat | { cat >x; echo done >y; }" --to 'cat | { cat >z; echo done >y; }' &
    pid=$!
    wait_until 20 size_is x 100000 >/dev/null
    wait_until 20 size_is z 100000 >/dev/null
    kill -KILL "$pid"
    ended "$pid" 137
    wait_until 10 nobody_left
    refute [ -e y ]
}

@test "bpipe is killed with all of its process group: a consumer in another one sees no end" {
    skip_without_proc "ends only the command's own process"
    random_bytes 100000 >in
    setsid -w "$BPIPE" -q --from 'echo $PPID >pid; cat in; exec sleep 100' \
        --to "exec setsid sh -c 'cat >x && echo done >y'" &
    wait_until 20 size_is x 100000 >/dev/null
    pid=$(<pid)
    kill -KILL -- "-$pid"
    wait || true
    wait_until 10 nobody_left
    refute [ -e y ]
}

@test "SIGTERM again and again: consumers that take nothing and ignore it are killed" {
    term_again() { kill -TERM "$1" 2>/dev/null && refute true >/dev/null || gone "$1"; }
    defsig "$BPIPE" -q --kill-after 100 --from yes --to ': >ready; trap "" TERM; exec sleep 100' &
    pid=$!
    wait_until 20 test -e ready
    wait_until 20 in_poll "$pid"
    wait_until 20 term_again "$pid"
    ended "$pid" 143
    wait_until 5 nobody_left
}

@test "a signal that ends bpipe and its commands is handled before the ends of the commands" {
    local side
    printf text >in
    for side in from to; do
        case $side in
        from) set -- --from 'echo $$ >pid; trap "exit 1" INT; cat in; while :; do sleep 0.02; done' -o out ;;
        to) set -- --from 'cat in; exec sleep 100' --to 'trap "exit 1" INT; head -c 4 >out; echo $$ >pid; while :; do sleep 0.02; done' ;;
        esac
        rm -f pid out
        defsig "$BPIPE" -q "$@" 2>err &
        pid=$!
        wait_until 20 size_is out 4 >/dev/null
        wait_until 20 test -s pid
        kill -STOP "$pid"
        wait_until 20 in_state "$pid" T
        kill -INT "$(<pid)"
        wait_until 20 gone "$(<pid)"
        kill -INT "$pid"
        kill -CONT "$pid"
        ended "$pid" 130
        equal "" "$(<err)"
        wait_until 5 nobody_left
    done
}

@test "^C at a terminal reaches all" {
    skip_unless_terminal
    terminal_open 80 24
    echo text >in
    terminal_script <<END
$BPIPE -q --from 'trap "" TERM; trap "echo from >>heard; exit 1" INT; cat in; : >from; while :; do sleep 0.05; done' \
    --to 'trap "" TERM; trap "echo to >>heard; exit 1" INT; cat in; : >to; while :; do sleep 0.05; done; : >out'
END
    wait_until 20 test -e from
    wait_until 20 test -e to
    terminal_keys C-c
    wait_screen prompt_is_last
    terminal_type 'echo "status $?"'
    terminal_keys Enter
    wait_screen screen_has 'status 130'
    equal "from to " "$(sort heard | tr '\n' ' ')"
    refute [ -e out ]
    terminal_close
}

@test "^Z while bpipe ends its commands stops all, and against no limit of time" {
    skip_unless_terminal
    terminal_open 80 24
    terminal_script <<END
$BPIPE -q -P pid --kill-after 3 --from 'until [ -e to ]; do sleep 0.05; done; exit 3' \
    --to 'trap ": >told" TERM; : >to; until [ -e end ]; do sleep 0.05; done; echo \$? >result; exit 4'
END
    wait_until 20 test -e told
    terminal_keys C-z
    wait_screen prompt_is_last
    in_state "$(<pid)" T
    # More time than --kill-after goes by.
    terminal_type 'sleep 3.2; : >end; fg; echo "status $?"'
    terminal_keys Enter
    wait_screen screen_has 'status 1'
    wait_until 20 test -e result
    equal 0 "$(<result)"
    refute [ -e pid ]
    terminal_close
}

# --- limits of time -----------------------------------------------------------------------------

@test "-S: the size is reached, and the producer ends" {
    yes | head -c 1000001 >in
    for options in "" "-C" "-B 4096"; do
        rm -f out
        # shellcheck disable=SC2086
        "$BPIPE" -q $options -S -s 1000001 --from yes --to "$keep"
        kept
        wait_until 5 nobody_left
    done
    "$BPIPE" -q -S -s 1000001 --from 'yes; exit 3' --from 'echo never' --to 'cat >out'
    kept
}

@test "timeouts end the commands: status 4" {
    random_bytes 100000 >in
    times_out() { # MESSAGE OPTION...
        local message=$1
        shift
        run -4 --separate-stderr "$BPIPE" -q "$@"
        equal "$message" "$stderr"
        wait_until 5 nobody_left
    }
    times_out 'bpipe: cat in; exec sleep 100: no data for 200 ms (--idle-timeout)' \
        --idle-timeout 0.2 --from 'cat in; exec sleep 100' --to "$keep"
    not_kept
    times_out 'bpipe: exec sleep 100: took no data for 200 ms (--stall-timeout)' \
        --stall-timeout 0.2 --from yes --to 'exec sleep 100'
    times_out 'bpipe: cat >out; exec sleep 100: did not exit for 200 ms (--drain-timeout)' \
        --drain-timeout 0.2 --from 'cat in' --to 'cat >out; exec sleep 100'
    kept
    times_out "bpipe: cat >out; trap '' TERM; exec sleep 100: did not exit for 200 ms (--drain-timeout)" \
        --drain-timeout 0.2 --kill-after 0.2 --from 'cat in' --to "cat >out; trap '' TERM; exec sleep 100"
}

# --- bad usage ----------------------------------------------------------------------------------

@test "bad usage: one line, status 2, and nothing is started" {
    refused() {
        run -2 --separate-stderr "$BPIPE" "$@" </dev/null
        equal 1 "$(wc -l <<<"$stderr")" "lines of: $stderr"
        [[ $stderr == 'bpipe: '* ]]
        refute [ -e made ]
        refute [ -e out ]
    }
    local made=': >made' side
    for side in --from --to; do
        refused --from "$made" -o out $side
        refused --from "$made" -o out $side ''
        refused --from "$made" -o out $side -
        refused --from "$made" -o out $side - --
        refused --from "$made" -o out $side - -- ''
        refused --from "$made" -o out $side - $side - -- sh -c "$made"
        refused -M in $side - -- sh -c "$made"
    done
    refused --from - --to - -- sh -c "$made"
    refused -M x -- sh -c "$made"
    refused -M other -- sh -c "$made"
    refused -M both in -- sh -c "$made"
    refused -M in
    refused -M in -M out -- sh -c "$made"
    refused --kill-after x --from "$made"
    refused --kill-after -1 --from "$made"
    refused --frame --unframe --from "$made" -o out
    refused --frame --merge --from "$made" -o out
    refused --frame --tap tap --from "$made" -o out
    refused --frame -l --from "$made" -o out
    refused -X --from "$made" --to "$made"
    refused --no-such-option --from "$made" --to "$made"
    equal "" "$(files)"
}

# --- at random ----------------------------------------------------------------------------------

@test "killed at random moments, a sample" {
    ulimit -c 0
    with_seeds 10 command_round
}
