#!/usr/bin/env bats
#
# Reports of real runs: their numbers add up and are true, they are valid in their formats whatever
# names files have, they are there when they are asked for, and they never hold up the data.
# test_report*.c tests the details of a report.

bats_require_minimum_version 1.5.0
load ../helpers
load ../observe

# What must be true in every final report, for jq. Times are compared exactly, to the nanosecond.
# shellcheck disable=SC2016
proof='
def ns: . * 1e9 | round;
. as $r
| {
    "it is a final report": (.type == "final" and .schema == 1 and (has("version") | not)),
    "its status": (.exit_status == $status),
    "the states sum to the elapsed time":
        ((.state_seconds | map(ns) | add) == (.elapsed_seconds | ns)),
    "these are the six states":
        ((.state_seconds | keys) == ["absorb", "busy", "connect", "input", "output", "throttle"]),
    "the inputs sum to bytes_in": ((.inputs | map(.bytes) | add) == .bytes_in),
    "no input dropped more than it had":
        (.inputs | all(.bytes_dropped <= .bytes + .bytes_added)),
    "each output and tap adds up":
        (.outputs + .taps | all($r.bytes_in + .bytes_added ==
                                .bytes + .bytes_dropped + .bytes_undelivered)),
    "the totals are those of the least output":
        ((.outputs | min_by(.bytes)) as $least
         | [.bytes_out, .bytes_added, .bytes_dropped, .records_out, .records_dropped,
            .bytes_undelivered, .bytes_unacknowledged] ==
           [$least.bytes, $least.bytes_added, $least.bytes_dropped, $least.records_out,
            $least.records_dropped, $least.bytes_undelivered, $least.bytes_unacknowledged]),
    "it has a process id": (.pid > 0),
    "it ends after it has started": (.start_time <= .end_time),
    "its times are those of RFC 3339, in UTC": ([.start_time, .end_time]
        | all(test("^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}[.][0-9]{6}Z$"))),
    "records are counted everywhere or nowhere":
        ([.records_in, .records_out, .records_dropped,
          (.inputs + .outputs + .taps)[].records_dropped, (.outputs + .taps)[].records_out]
         | all(. == null) or all(. != null)),
    "nobody is waited for longer than it took":
        (.inputs + .outputs + .taps
         | all(.longest_stall_seconds <= .wait_seconds
               and (.connect_seconds | ns) + (.wait_seconds | ns) <= ($r.elapsed_seconds | ns))),
    "the buffer": (.buffer
        | .mean_bytes <= .peak_bytes and .peak_bytes <= .capacity_bytes and .fill_bytes >= 0),
    "the spool": (.spool
        | . == null or (.fill_bytes <= .peak_bytes and .peak_bytes <= .capacity_bytes
                        and .peak_bytes <= .written_bytes)),
    "how long it held bytes": (.residence_seconds
        | .p50 <= .p90 and .p90 <= .p99 and .p99 <= .max and .max <= $r.elapsed_seconds),
    "the rates": (.rate_bytes_per_second | .min <= .max),
    "the verdict": (.bottleneck == (
        (.state_seconds | [["input", .input], ["output", .output], ["throttle", .throttle],
                           ["busy", .busy]]) as $sides
        | ($sides | map(.[1] | ns) | add) as $all
        | ($sides | map(.[1] | ns) | max) as $most
        | ($sides[:3] | map(.[1] | ns) | add) as $waits
        | if ([0, 129, 130, 131, 141, 143] | index($status)) == null or $r.bytes_in == 0
             or ($waits < 100000000 and ($r.state_seconds.busy | ns) < 1000000000)
          then null
          elif $most * 2 >= $all
          then $sides | map(select(.[1] | ns == $most))[0][0] else "balanced" end)),
    "its endpoint": (.bottleneck_endpoint == (
        if .bottleneck == "input" or .bottleneck == "output"
        then .[.bottleneck + "s"] | (map(.wait_seconds) | max) as $longest
             | map(select(.wait_seconds == $longest))[0].name
        else null end))
  }
| to_entries | map(select(.value != true).key)
| if . == [] then true else . end'

# sound FILE [STATUS]: the last line is a final report for which all that is true.
sound() {
    local said
    said=$(tail -n 1 "$1" | jq -c --argjson status "${2:-0}" "$proof") || return 1
    [ "$said" = true ] || {
        echo "wrong: $said"
        tail -n 1 "$1"
        return 1
    }
}

# --- numbers ----------------------------------------------------------------------------------

@test "JSON: the numbers of every run add up" {
    skip_unless jq
    random_bytes 3000001 >in
    "$BPIPE" --report json:report </dev/null
    sound report
    echo x | "$BPIPE" --report json:report >out
    sound report
    "$BPIPE" --report json:report -B 1000 -z 77 <in >out
    sound report
    # shellcheck disable=SC2094
    "$BPIPE" --report json:report -l -o a -o b -o /dev/null in - in <in
    sound report
    equal "$((3 * $(wc -l <in)))" "$(json .records_in report)"
    "$BPIPE" --report json:report -X in
    sound report
    "$BPIPE" --report json:report -S -s 12345 in >out
    sound report
    "$BPIPE" --report json:report --atomic -Y -K -o c in
    sound report
    # shellcheck disable=SC2002
    cat in | "$BPIPE" --report json:report --block-size 512 --start-fill 50 --resume-fill 10 | cat >out
    sound report
}

# fails STATUS COMMAND...: the report, in ./report, of a run with that status.
fails() {
    local want=$1 status=0
    shift
    "$@" 2>err || status=$?
    equal "$want" "$status" "$*: $(<err)"
    sound report "$want"
}

@test "JSON: so do those of runs that failed or were ended" {
    skip_unless jq
    random_bytes 3000001 >in
    fails 1 "$BPIPE" --report json:report -o out in missing in
    equal '6000002 null No such file or directory null' \
        "$(jq -r '"\(.bytes_out) \(.inputs[0].error) \(.inputs[1].error) \(.inputs[2].error)"' report)"
    fails 1 "$BPIPE" --report json:report -o out -o /dev/full in
    equal '3000001 0 3000001' "$(jq -r '"\(.outputs[0].bytes) \(.bytes_out) \(.bytes_undelivered)"' report)"
    fails 1 "$BPIPE" --report json:report -o out /
    fails 1 "$BPIPE" --report json:report -o . in
    fails 4 "$BPIPE" --report json:report --idle-timeout 50ms < <(exec sleep 20)
    fails 4 "$BPIPE" --report json:report -J 0 --stall-timeout 50ms -o >(exec sleep 20) in
    end_processes
    # The reader leaves: all bytes that it did not take are undelivered.
    "$BPIPE" -C --report json:report -J 0 in | head -c 10 >out
    equal 141 "${PIPESTATUS[0]}"
    sound report 141
    [ "$(json .bytes_undelivered report)" -gt 0 ]
    mkfifo fifo
    exec 5<>fifo
    for signal in INT QUIT TERM HUP; do
        rm report
        defsig "$BPIPE" --report json:report -o out fifo 5>&- &
        pid=$!
        head -c 1000 in >&5
        wait_number "$pid" report bytes_out 1000
        kill "-$signal" "$pid"
        ended "$pid" $((128 + $(kill -l "$signal")))
        sound report $((128 + $(kill -l "$signal")))
    done
}

@test "--report-every: samples in order, and the final report last" {
    skip_unless jq
    mkfifo fifo
    "$BPIPE" --report json:report --report-every 10ms -o out fifo &
    pid=$!
    exec 5>fifo
    for i in 1 2 3 4 5; do
        head -c 10000 /dev/zero >&5
        wait_until 20 has_lines report $((i * 3))
    done
    exec 5>&-
    ended "$pid" 0
    sound report
    jq -es '
        def ns: . * 1e9 | round;
        (.[:-1] | all(.type == "sample" and .exit_status == null))
        and all((.state_seconds | map(ns) | add) == (.elapsed_seconds | ns))
        and (map(.elapsed_seconds) | . == sort and (unique | length) == length)
        and (map(.bytes_in) | . == sort)
        and (.[-2:] | map(.bytes_in) == [50000, 50000])
        and all(.bytes_out <= .bytes_in and .buffer.fill_bytes <= .bytes_in)' report
    # As text, a line each, followed by the final report: one line, as nothing came.
    "$BPIPE" --report-every 10ms -o out fifo 2>err &
    pid=$!
    exec 5>fifo
    wait_until 20 has_lines err 3
    exec 5>&-
    ended "$pid" 0
    [ "$(lines_of err)" -ge 4 ]
    equal 0 "$(head -n -1 err | grep -vc '; last ')"
    tail -n 1 err | grep -qE '^bpipe: 0 B in [0-9.]+ m?s$'
}

@test "SIGUSR1: a report at once, while idle and while blocked" {
    skip_unless jq
    random_bytes 500000 >data
    mkfifo in out
    exec 5<>in 6<>out
    "$BPIPE" -J 0 -B 10000 --report json:report <in >out 5>&- 6>&- &
    pid=$!
    wait_until 20 in_poll "$pid"
    # Idle: nothing has come, and no side is blamed before the wait is long enough.
    idle() { sample "$pid" report && tail -n 1 report | jq -e '.state_seconds.input >= 0.1' >idle; }
    wait_until 20 idle
    equal 'sample 0 null' "$(tail -n 1 report | jq -r '"\(.type) \(.bytes_in) \(.exit_status)"')"
    jq -es 'all(.state_seconds.input >= 0.1 or .bottleneck == null)' report
    tail -n 1 report | jq -e '.bottleneck == "input"
        and .inputs[0].wait_seconds > 0 and .inputs[0].longest_stall_seconds > 0'
    cat data >&5 &
    # Blocked: the pipe and the buffer are full. The time of the current wait counts.
    wait_until 20 shows "$pid" report fill_bytes 10000
    before=$(tail -n 1 report | jq .state_seconds.output)
    sample "$pid" report
    tail -n 1 report | jq -e "
        def ns: . * 1e9 | round;
        (.state_seconds | map(ns) | add) == (.elapsed_seconds | ns)
        and .state_seconds.output > $before and .outputs[0].longest_stall_seconds > 0
        and .buffer.peak_bytes == 10000 and .bytes_in == .bytes_out + .buffer.fill_bytes"
    head -c 500000 <&6 | cmp data -
    kill -TERM "$pid"
    ended "$pid" 143
    sound report 143
}

@test "SIGUSR1: as text on stderr where no report was asked for, even with -q" {
    local options
    mkfifo fifo
    for options in '' -q '--report none'; do
        # shellcheck disable=SC2086
        "$BPIPE" $options -o out fifo 2>err &
        pid=$!
        exec 5>fifo
        echo x >&5
        wait_until 20 catches_usr1 "$pid"
        kill -USR1 "$pid"
        wait_until 20 grep -q '^bpipe: .* so far' err
        exec 5>&-
        ended "$pid" 0
        equal x "$(<out)"
    done
}

# now: prints the time of day as reports have it, to be compared as text.
now() { date -u +%Y-%m-%dT%H:%M:%S.%6NZ; }

@test "JSON: the process id, and the times of start and end" {
    skip_unless jq
    local before after
    before=$(now)
    mkfifo fifo
    TZ=Asia/Kathmandu "$BPIPE" -q --report json:report -o out fifo &
    pid=$!
    exec 5>fifo
    echo x >&5
    sample "$pid" report
    after=$(now)
    jq -e --arg before "$before" --arg after "$after" --argjson pid "$pid" '
        .type == "sample" and .pid == $pid and $before <= .start_time and .start_time <= $after
        and .end_time == null' report
    exec 5>&-
    ended "$pid" 0
    sound report
    jq -es --arg after "$after" --arg now "$(now)" --argjson pid "$pid" '
        .[1].pid == $pid and .[0].start_time == .[1].start_time
        and $after <= .[1].end_time and .[1].end_time <= $now' report
}

@test "Prometheus: start and end times" {
    local before
    before=$(date +%s.%N)
    echo x | "$BPIPE" --report prometheus:prom -o out
    awk -v before="$before" -v now="$(date +%s.%N)" '
        /^bpipe_start_time_seconds / { start = $2 }
        /^bpipe_end_time_seconds / { end = $2 }
        END { exit !(before <= start && start <= end && end <= now) }' prom
}

# --- JSON on stderr -----------------------------------------------------------------------------

# apart FILE [COUNT]: every object in FILE is on a line of its own, which begins with "{". There are
# at least COUNT, and no other lines begin that way.
apart() {
    local objects
    LC_ALL=C grep -a '^{' "$1" >objects
    objects=$(lines_of objects)
    refute grep -v '^{"type":"[a-z]*","schema":1,.*}$' objects
    equal "$objects" "$(LC_ALL=C grep -ao '{"type":' "$1" | wc -l | xargs)"
    [ "$objects" -ge "${2:-1}" ]
    ! command -v jq >/dev/null || equal "$objects" "$(jq -c .schema objects | grep -c '^1$')"
}

@test "JSON on stderr: a line of its own, between messages and the live line" {
    local display
    random_bytes 100000 >in
    for display in '' -f '-f -pteIrabT' '-f -T' '-f -F {%b}' '-f -c -T' '-n' '-n -bt'; do
        echo "display: $display"
        mkfifo feed
        # shellcheck disable=SC2086
        "$BPIPE" $display -i 0.1 --report json --report-every 0.15 -l --tap missing/tap -o out \
            feed missing feed2 2>err &
        pid=$!
        exec 5>feed
        cat in >&5
        wait_until 20 size_is out 100000
        samples() { [ "$(LC_ALL=C grep -ao '"type":"sample"' err | wc -l)" -ge 3 ]; }
        wait_until 20 samples
        exec 5>&-
        ended "$pid" 1
        cmp in out
        apart err 4
        tail -n 1 err >last
        adds_up last 1
        rm feed out
    done
}

@test "JSON on a terminal: a line of its own, also behind the live line" {
    skip_unless script
    random_bytes 300000 >in
    local display
    for display in '' -T '-c -T'; do
        script -qec "'$BPIPE' $display -i 0.1 -L 500K --report json --report-every 0.1 -o out in" typescript \
            </dev/null >/dev/null
        cmp in out
        sed 's/\r*$//' typescript >lines
        LC_ALL=C grep -a '^{' lines >objects
        equal "$(LC_ALL=C grep -ao '{"type":' typescript | wc -l)" "$(grep -c '^{"type":.*}$' objects)"
        [ "$(lines_of objects)" -ge 3 ]
        refute grep -v '^{"type"' objects
    done
}

@test "JSON on stderr: behind another process's half line in a file" {
    ! is_portable || skip "the portable variant cannot read what stderr was opened to write"
    seq 1000 >in
    { printf 'half a line' >&2; "$BPIPE" --report json -o out in; } 2>err
    equal 'half a line' "$(head -n 1 err)"
    apart err
    printf 'half a line' >err
    "$BPIPE" --report json -o out in 2>>err
    equal 'half a line' "$(head -n 1 err)"
    apart err
    # Nothing is added to a whole line, or to an empty file.
    echo 'a line' >err
    "$BPIPE" --report json -o out in 2>>err
    equal 2 "$(lines_of err)"
    apart err
    "$BPIPE" --report json -o out in 2>err
    equal 1 "$(lines_of err)"
    apart err
    cmp in out
}

@test "JSON apart from the messages: json:fd://3 and json:FILE" {
    seq 1000 >in
    status=0
    "$BPIPE" --report json:fd://3 --report json:file -o out in missing 3>three 2>err || status=$?
    equal 1 "$status"
    equal 'bpipe: missing: No such file or directory' "$(<err)"
    local report
    for report in three file; do
        equal 1 "$(lines_of "$report")"
        apart "$report"
        adds_up "$report" 1
    done
    cmp in out
}

# --- verdicts ---------------------------------------------------------------------------------

@test "verdict: a slow producer, and a slow consumer" {
    {
        # shellcheck disable=SC2216
        (sleep 1; echo hi) | "$BPIPE" --report json:slow.in -v 2>text
    } >out &
    head -c 40M /dev/zero | "$BPIPE" --report json:slow.out -v 2>text.out | (sleep 2; exec cat >/dev/null)
    wait
    equal hi "$(<out)"
    grep -q '"bottleneck":"input","bottleneck_endpoint":"stdin"' slow.in
    grep -q '^bpipe: slow side: input, [0-9]*% .*(.*); .*\(buffer\|absorbed\) ' text
    grep -q '"bottleneck":"output","bottleneck_endpoint":"stdout"' slow.out
    grep -q '^bpipe: slow side: output, [0-9]*% .*(.*); .*\(buffer\|absorbed\) ' text.out
    equal "$(last_number capacity_bytes slow.out)" "$(last_number peak_bytes slow.out)"
    grep -q '^bpipe: buffer 16.0 MiB: mean <\?[0-9]*%, peak 100%, full [0-9]* times\?\(; .*\)\?$' text.out
    [ "$(last_number full_count slow.out)" -ge 1 ]
    adds_up slow.in
    adds_up slow.out
}

@test "verdict: of several endpoints, the one with the longest wait" {
    mkfifo fast slow late.in
    cat fast >out &
    random_bytes 1M >in
    # A reader that begins to read only when the others wait for it.
    exec 6<>slow
    "$BPIPE" -J 0 -B 64K -o fast -o slow --report json:report in 6>&- &
    pid=$!
    wait_until 20 shows "$pid" report fill_bytes 65536
    sleep 0.3
    head -c 1M <&6 | cmp in -
    ended "$pid" 0
    cmp in out
    tail -n 1 report | grep -q '"bottleneck":"output","bottleneck_endpoint":"slow"'
    "$BPIPE" -o out --report json:report in late.in in &
    pid=$!
    exec 5>late.in
    sleep 0.3
    exec 5>&-
    ended "$pid" 0
    tail -n 1 report | grep -q '"bottleneck":"input","bottleneck_endpoint":"late.in"'
    wait
}

# mostly_busy FILE: whether busy is most of that run's time, and long enough for a verdict.
mostly_busy() {
    awk -v busy="$(last_number busy "$1")" -v elapsed="$(last_number elapsed_seconds "$1")" \
        -v least="$2" 'BEGIN { exit !(busy >= least && busy * 2 >= elapsed) }'
}

copy_is_busy() {
    "$BPIPE" -C -o copy --report json:report in
    adds_up report
    mostly_busy report 0
}

@test "verdict: a copy of a cached file is bpipe's own work" {
    random_bytes 32M >in
    # Tried again if a neighbour took the processor away or the disk was slow: that counts as
    # waiting.
    wait_until 60 copy_is_busy
    cmp in copy
    # A run with a second of such work says so. The smaller the pieces, the longer it takes.
    local chunk
    for chunk in 64 16 4 1; do
        "$BPIPE" -C -z $chunk --report json:report --report text:text in >copy
        cmp in copy
        ! mostly_busy report 1 || break
    done
    mostly_busy report 1
    tail -n 1 report | grep -q '"bottleneck":"busy","bottleneck_endpoint":null'
    grep -qx 'bpipe: slow side: bpipe itself, [0-9]*% of the time; buffer <\?[0-9]*% full' text
}

# unjudged STATUS COMMAND...: it ends with STATUS, and its reports, in ./json, ./text, ./prom, have
# no verdict.
unjudged() {
    local want=$1 status=0
    shift
    rm -f json text prom
    "$@" --report json:json --report text:text --report prometheus:prom 2>err || status=$?
    equal "$want" "$status" "$*: $(<err)"
    adds_up json "$want"
    grep -q '"bottleneck":null,"bottleneck_endpoint":null,' <(tail -n 1 json)
    refute grep 'slow side' text
    equal 5 "$(grep -c '^bpipe_bottleneck{side="[a-z]*"} 0$' prom)"
    refute grep '^bpipe_bottleneck.* 1$' prom
}

@test "no verdict: an empty, failed or very short run" {
    random_bytes 300000 >in
    unjudged 0 "$BPIPE" </dev/null
    unjudged 0 "$BPIPE" -o out < <(sleep 0.5) # empty, however long it takes
    unjudged 1 "$BPIPE" -o out missing
    mkfifo fifo slow
    # It fails, after it has waited for its input for a while.
    (exec 5>fifo && sleep 0.3 && cat in >&5) &
    unjudged 1 "$BPIPE" -o out fifo missing
    equal_files in out
    awk -v input="$(last_number input json)" 'BEGIN { exit !(input >= 0.2) }'
    unjudged 4 "$BPIPE" -o out --idle-timeout 200ms < <(echo text; exec sleep 20)
    open_stuck
    unjudged 3 "$BPIPE" -J 0 -B 1000 --overflow fail --drain-timeout 200ms -o stuck < <(cat in)
    end_processes
    # A short run: tried again if the machine was too slow.
    short() {
        "$BPIPE" --report json:json --report text:text in >out && equal_files in out &&
            awk -v busy="$(last_number busy json)" -v input="$(last_number input json)" \
                -v output="$(last_number output json)" \
                'BEGIN { exit !(busy < 1 && input + output < 0.1) }'
    }
    wait_until 60 short
    grep -q '"bottleneck":null,"bottleneck_endpoint":null,' json
    refute grep 'slow side' text
    equal 1 "$(lines_of text)"
}

@test "a verdict: a run that a signal or its reader ended, after a while" {
    echo text >in
    mkfifo fifo
    exec 5<>fifo
    defsig "$BPIPE" --report json:json --report text:text -o out fifo 5>&- &
    pid=$!
    cat in >&5
    judged() { sample "$pid" json && grep -q '"bottleneck":"input"' <(tail -n 1 json); }
    wait_until 20 judged
    kill -INT "$pid"
    ended "$pid" 130
    equal_files in out
    adds_up json 130
    grep -q '"bottleneck":"input","bottleneck_endpoint":"fifo"' <(tail -n 1 json)
    grep -qE '^bpipe: slow side: input, [0-9]+%( of the time)? \(.*\); (the buffer|buffer|absorbed) ' text
    rm json
    open_consumer
    defsig "$BPIPE" --report json:json fifo >&"$writer" 5>&- {reader}<&- {writer}>&- &
    pid=$!
    cat in >&5
    head -c 5 <&"$reader" | cmp in -
    wait_until 20 judged
    exec {reader}<&-
    ended "$pid" 141
    adds_up json 141
    grep -q '"bottleneck":"input","bottleneck_endpoint":"fifo"' <(tail -n 1 json)
}

@test "verdict: a side is not blamed alone if the buffer absorbed more" {
    mkfifo feed
    open_stuck
    exec {feed}<>feed
    "$BPIPE" -C -J 0 --report text:text --report json:json feed >stuck {feed}<&- {stuck}<&- 2>err &
    pid=$!
    # First it waits for its input, long enough for a verdict. Then its output is stuck, and the
    # buffer has room.
    input_is_slow() { sample "$pid" json && grep -q '"bottleneck":"input"' <(tail -n 1 json); }
    wait_until 20 input_is_slow
    head -c 200K /dev/zero >&"$feed"
    absorbed() {
        sample "$pid" text && grep 'slow side' text | tail -n 1 |
            grep -qE '^bpipe: slow side: input, [0-9]+%( of the time)? \(.*\); (the )?(buffer )?absorbed [5-9][0-9]%$'
    }
    wait_until 20 absorbed
    exec {feed}>&-
    head -c 200K <stuck | cmp - <(head -c 200K /dev/zero)
    ended "$pid" 0
}

# --- a run that ended early ------------------------------------------------------------------

# early FILE WORDS: the text report in FILE says in one line, WORDS, what ended the run early. The
# line follows the amount and the slow side.
early() {
    equal "bpipe: ended early: $2" "$(grep 'ended early' "$1")"
    equal "bpipe: ended early: $2" "$(sed -n '1d; /slow side/d; p; q' "$1")"
}

@test "a signal before the run begins: a text report says so, too" {
    mkfifo fifo
    local options
    for options in '' -v; do
        # shellcheck disable=SC2086
        defsig "$BPIPE" $options -o fifo </dev/null 2>err &
        pid=$!
        wait_until 20 catches_usr1 "$pid"
        kill -TERM "$pid"
        ended "$pid" 143
        cat err
        equal 'bpipe: waiting for a peer (fifo)' "$(sed -n 2p err)"
        equal 'bpipe: ended early: SIGTERM' "$(sed -n 3p err)"
    done
    status=0
    "$BPIPE" -o nowhere/out </dev/null 2>err || status=$?
    equal "1 1" "$status $(lines_of err)"
}

@test "a run that a signal ended says which" {
    local signal options
    echo text >in
    mkfifo fifo
    exec 5<>fifo
    for signal in INT TERM HUP QUIT; do
        for options in '' -v '-n -v'; do
            rm -f out
            # shellcheck disable=SC2086
            defsig "$BPIPE" $options -o out fifo 5>&- 2>err &
            pid=$!
            cat in >&5
            wait_until 20 size_is out 5
            kill "-$signal" "$pid"
            ended "$pid" $((128 + $(kill -l "$signal")))
            equal_files in out
            early err "SIG$signal"
        done
    done
}

@test "a run that its reader ended says whose" {
    local output status=0
    random_bytes 300000 >in
    # An endless input, and a reader that has left.
    mkfifo fifo
    exec 5<>fifo
    cat in >&5 &
    open_consumer
    for output in stdout consumer; do
        if [ "$output" = stdout ]; then
            "$BPIPE" -J 0 fifo >&"$writer" 2>err 5>&- {reader}<&- {writer}>&- &
        else
            "$BPIPE" -J 0 -v -o consumer fifo 2>err 5>&- {reader}<&- {writer}>&- &
        fi
        pid=$!
        equal 100 "$(head -c 100 <&"$reader" | wc -c)"
        exec {reader}<&- {writer}>&-
        ended "$pid" 141
        early err "$output has no reader"
        rm consumer
        end_processes
        cat in >&5 &
        open_consumer
    done
    end_processes
    # A command that wants no more is named, but not if it was one of several.
    cat in >&5 &
    "$BPIPE" --to 'head -c 100 >out' fifo 2>err 5>&- || status=$?
    equal '141 100' "$status $(size_of out)"
    early err 'head -c 100 >out stopped reading'
    cat in >&5 &
    status=0
    "$BPIPE" --to 'head -c 100 >a' --to 'head -c 200 >b' fifo 2>err 5>&- || status=$?
    equal '141 100 200' "$status $(size_of a) $(size_of b)"
    early err 'no output has a reader'
}

@test "a run that did not end early has no such line, nor one whose message says why" {
    local status=0
    random_bytes 300000 >in
    mkfifo fifo
    "$BPIPE" -v -o out in 2>err
    equal_files in out
    "$BPIPE" <in 2>>err | cat >out
    equal_files in out
    # A reader that leaves when it has everything, and no more comes.
    "$BPIPE" --to 'head -c 300000 >out' in 2>>err
    equal_files in out
    equal 3 "$(grep -c '^bpipe: 293 KiB ' err)"
    refute grep 'ended early' err
    "$BPIPE" -o out in missing 2>err || status=$?
    equal 1 "$status"
    grep -q '^bpipe: missing: ' err
    "$BPIPE" --to 'exit 3' in 2>>err || status=$?
    equal 1 "$status"
    refute grep 'ended early' err
    # -q: not a word, however it ends.
    exec 5<>fifo
    defsig "$BPIPE" -q -o out fifo 5>&- 2>err &
    pid=$!
    cat in >&5
    wait_until 20 size_is out 300000
    kill -TERM "$pid"
    ended "$pid" 143
    equal 0 "$(size_of err)"
}

# --- names ------------------------------------------------------------------------------------

# shellcheck disable=SC2016
nasty=('with "quotes"' $'new\nline' 'back\slash' $'tab\tescape\e[31mdel\x7f' 'ünïcödé' ' ' 'a{b}' \
    "it's" '%s%n' '$(x)`y`' '#')
broken=($'\xff\xfe' $'half\xc3' $'\xed\xa0\x80')

@test "names of all kinds: JSON" {
    skip_unless jq
    local i
    local -a names=("${nasty[@]}" "${broken[@]}")
    for name in "${names[@]}"; do
        echo "$name" >"$name"
    done
    "$BPIPE" --report json:report -N "${nasty[*]}" -o $'out"\n\xff' "${names[@]}"
    equal 1 "$(lines_of report)"
    sound report
    for ((i = 0; i < ${#nasty[@]}; i++)); do
        equal "${nasty[i]}." "$(jq -j ".inputs[$i].name, \".\"" report)"
    done
    local bad=$'\xef\xbf\xbd' # U+FFFD
    equal "$bad$bad|half$bad|$bad$bad$bad" \
        "$(jq -r '[.inputs[-3:][].name] | join("|")' report)"
    equal $'out"\n'"$bad" "$(jq -r '.outputs[0].name' report)"
    equal "${nasty[*]}" "$(jq -r .name report)"
    # The whole file is valid UTF-8, and has no control characters in its strings:
    iconv -f UTF-8 -t UTF-8 report >/dev/null
    refute grep -q '[[:cntrl:]]' report
}

@test "names of all kinds: text, and every message, a line each" {
    local -a names=("${nasty[@]}" "${broken[@]}")
    for name in "${names[@]}"; do
        echo "$name" >"$name"
    done
    "$BPIPE" --report none -v -N $'a\nb' "${names[@]}" >/dev/null 2>err
    equal $((4 + ${#names[@]} + 2)) "$(grep -vc ': slow side: \|: rate: ' err)" # a long run has these
    refute grep -vF 'bpipe: a\nb: ' err
    refute env LC_ALL=C grep -q $'[\x01-\x09\x0b-\x1f\x7f]' err
    iconv -f UTF-8 -t UTF-8 err >/dev/null
    grep -qF 'input new\nline: ' err
    grep -qF 'input \xff\xfe: ' err
    grep -qF 'input tab\tescape\x1b[31mdel\x7f: ' err
    rm -- "${names[@]}"
    run -1 "$BPIPE" --report none "${names[@]}"
    equal "${#names[@]}" "${#lines[@]}"
    refute grep -v '^bpipe: .*: No such file or directory$' <<<"$output"
    refute env LC_ALL=C grep -q $'[\x01-\x09\x0b-\x1f\x7f]' <<<"$output"
}

@test "names of all kinds: Prometheus" {
    local -a names=("${nasty[@]}" "${broken[@]}")
    for name in "${names[@]}"; do
        echo "$name" >"$name"
    done
    "$BPIPE" --report prometheus:prom -N $'n"\n\\' -l -s 5 -o $'o"\n\xff' -o /dev/null "${names[@]}"
    grep -qF 'input="with \"quotes\"",index="0"} ' prom
    grep -qF 'input="new\nline",index="1"} ' prom
    grep -qF 'input="back\\slash",index="2"} ' prom
    grep -qF 'bpipe_elapsed_seconds{name="n\"\n\\"} ' prom
    iconv -f UTF-8 -t UTF-8 prom >/dev/null
    # Every line is a comment or a sample.
    refute grep -vE '^# (HELP|TYPE) bpipe_|^bpipe_[a-z0-9_]+(\{.*\})? [0-9.]+$' prom
    skip_unless promtool
    run -0 promtool check metrics <prom
    equal '' "$output"
}

# harmless FILE: it has nothing that a terminal acts on or that is invisible.
harmless() {
    iconv -f UTF-8 -t UTF-8 "$1" >/dev/null
    refute env LC_ALL=C grep -n $'[\x01-\x09\x0b-\x1f\x7f]' "$1"
    refute env LC_ALL=C grep -nE $'\xc2[\x80-\x9f\xad]|\xd8\x9c' "$1"
    refute env LC_ALL=C grep -nE $'\xe2(\x80[\x8b\x8e\x8f\xa8-\xae]|\x81[\xa0-\xaf])' "$1"
    refute env LC_ALL=C grep -nE $'\xef\xbb\xbf|\xf3\xa0' "$1"
}

# ESC, DEL, C1, right-to-left overrides and isolates, marks, separators, and invisible characters.
hostile=$'\e[31mred\x7f \xc2\x9b31m \xe2\x80\xaefdp.exe\xe2\x80\xac \xe2\x81\xa6x\xe2\x81\xa9'
hostile+=$'\xe2\x80\x8e\xe2\x80\x8f\xd8\x9c \xe2\x80\xa8\xe2\x80\xa9 \xe2\x80\x8b\xef\xbb\xbf\xc2\xad\xf3\xa0\x81\x81'

@test "names that a terminal would act on: no output shows them raw" {
    local format script='printf x; : '
    printf data >"$hostile"
    script+="'$hostile'"$'\xff'
    for format in text json prometheus; do
        # shellcheck disable=SC2094
        "$BPIPE" -v --report "$format" -N "$hostile" -o "$hostile.out" --tap "$hostile.tap" --from "$script" \
            --to "cat >/dev/null; : '$hostile'"$'\xff' "$hostile" 2>err
        cmp <(printf xdata) "$hostile.out"
        harmless err
        [ "$(lines_of err)" -ge 8 ]
    done
    grep -qF 'output="'"\\\\x1b[31mred\\\\x7f \\\\xc2\\\\x9b31m \\\\xe2\\\\x80\\\\xaefdp.exe" err
    # Messages, and the live line with its name and its text.
    "$BPIPE" "$hostile.missing" "$hostile/x" 2>err || true
    harmless err
    "$BPIPE" --no-such"$hostile" 2>err || true
    harmless err
    "$BPIPE" -P "$hostile" "$hostile" 2>err || true
    harmless err
    for format in "-pterabN" "-nbN" "-F%N$hostile%b%{20L}%nN"; do
        # shellcheck disable=SC2086
        LC_ALL=C.UTF-8 "$BPIPE" -f -i 0.1 "$format" "$hostile" --read-rate 20 "$hostile" >/dev/null 2>shown || cat shown
        tr '\r' '\n' <shown | sed $'s/\e\\[[0-9;]*[a-zA-Z]//g' >plain
        [ -s plain ]
        harmless plain
    done
}

@test "a process with a hostile name, as the culprit in reports and on the live line" {
    is_portable && skip "the portable build looks at no other process"
    local format
    mkfifo feed
    printf '%s' $'a\e[1m\xe2\x80\xaeb' >name
    open_idle
    # A shell that gives itself this name (proc(5), comm).
    # shellcheck disable=SC2016
    sh -c 'printf "%s" "$(cat name)" >/proc/$$/comm; exec 5>feed; read -r line' <&"$idle" &
    "$BPIPE" -f -i 0.1 -F '%{bottleneck}' -P pid feed >out 2>shown &
    wait_until 20 [ -s pid ]
    wait_until 20 has_control $!
    wait_until 20 knows_peer $!
    for format in text json; do
        "$BPIPE" -Q $! --report "$format" -v >report
        harmless report
    done
    grep -qF '"command":"a\u001b[1m\u202eb"' report
    end_processes
    tr '\r' '\n' <shown | sed $'s/\e\\[[0-9;]*[a-zA-Z]//g' >plain
    harmless plain
}

knows_peer() {
    "$BPIPE" -Q "$1" --report json | grep -qF '"command":"a'
}

# --- Prometheus -------------------------------------------------------------------------------

@test "Prometheus: promtool finds no fault" {
    skip_unless promtool
    random_bytes 100000 >in
    "$BPIPE" --report prometheus:prom -o a -o b in missing 2>/dev/null || true
    run -0 promtool check metrics <prom
    equal '' "$output"
    grep -q '^bpipe_exit_status 1$' prom
    grep -q '^bpipe_finished 1$' prom
    grep -q '^bpipe_in_bytes_total 100000$' prom
    "$BPIPE" --report prometheus:prom -l -s 77 -N name <in >out
    run -0 promtool check metrics <prom
    equal '' "$output"
}

# Reads ./prom that many times; fails if it is not whole.
read_whole() {
    local i text
    for ((i = 0; i < $1; i++)); do
        text=$(<prom)
        [[ $text == '# HELP bpipe_elapsed_seconds '* && $text == *$'\nbpipe_finished 0' ]] || {
            echo "not whole: $text"
            return 1
        }
    done
}

@test "Prometheus: written beside and renamed: no half file, no temporary one left" {
    mkfifo fifo
    echo 'old' >prom
    ln -s prom link
    "$BPIPE" --report prometheus:link --report-every 1ms -o out fifo &
    pid=$!
    exec 5>fifo
    echo x >&5
    wait_until 20 grep -q '^bpipe_in_bytes_total 2$' prom
    # It is another file each time, and a process that has opened one keeps it.
    exec 6<prom
    wait_until 20 refute test prom -ef /dev/fd/6
    read_whole 200
    cat <&6 >kept
    [[ $(<kept) == *$'\nbpipe_finished 0' ]]
    exec 5>&-
    ended "$pid" 0
    grep -q '^bpipe_finished 1$' prom
    [ -L link ]
    equal 'fifo kept link out prom' "$(echo .[!.]* *)" "left" ||
        equal '.[!.]* fifo kept link out prom' "$(echo .[!.]* *)" "left"
}

# --- where reports go -------------------------------------------------------------------------

@test "a report file that cannot be opened is found out before a byte moves" {
    random_bytes 100000 >in
    printf old >old
    mkdir directory
    mkfifo fifo
    local format path
    for format in text json prometheus; do
        for path in missing/report directory/ fifo fd://9 /dev/fd/9 in/report; do
            echo "--report $format:$path"
            # A FIFO without a reader. It is opened by name only if it cannot be replaced.
            {
                run -1 "$BPIPE" --report "$format:$path" -o old -o new - 9>&-
                cat >rest
            } <in
            [[ $output == "bpipe: $path: "* ]]
            equal 1 "${#lines[@]}"
            cmp in rest
            equal old "$(<old)"
            [ ! -e new ]
        done
    done
    equal 'directory fifo in old rest' "$(echo *)"
    if [ "$(id -u)" -ne 0 ]; then
        chmod 500 directory
        run -1 "$BPIPE" --report json:directory/report -o new in
        equal 'bpipe: directory/report: Permission denied' "$output"
        [ ! -e new ]
    fi
}

@test "a report never replaces the data: under another name, through a link, or what stdout is" {
    random_bytes 1000 >in
    ln -s in link
    printf old >old
    local arguments
    for arguments in 'new -o new' './new -o new' 'new -o ./new' 'old -o link2' 'old -o ./old' \
        'in -X' './in -X' 'link -o new'; do
        ln -sf old link2
        echo "--report json:$arguments"
        # shellcheck disable=SC2086
        run -1 "$BPIPE" --report json:$arguments in
        [[ $output == "bpipe: ${arguments%% *}: is an "@(input; the report would*|output too: give the report *) ]]
        equal 1 "${#lines[@]}"
        random_bytes 1000 | cmp in -
        equal old "$(<old)"
        [ ! -e new ]
    done
    for arguments in '--report json:old in' '--report json:link -X' '--report json:- in'; do
        status=0
        # shellcheck disable=SC2086
        "$BPIPE" $arguments <in >>old 2>/dev/null || status=$?
        equal 1 "$status" "$arguments"
    done
    run -1 "$BPIPE" --report json:new --report text:./new in
    equal old "$(<old)"
    random_bytes 1000 | cmp in -
}

@test "reports are written when the outputs are closed and in place" {
    mkfifo report
    exec 5<>report
    { IFS= read -r seen && [ -e target ] && echo "$seen" >seen; } <&5 &
    seq 1000 | "$BPIPE" --atomic -o target --report json:report
    wait
    exec 5>&-
    grep -q '"exit_status":0' seen
}

@test "several reports, to files and descriptors; the default one is gone" {
    seq 1000 >in
    exec 5>by.number
    "$BPIPE" --report json:a --report text:b --report prometheus:c --report json:fd://5 \
        --report text:/dev/null -o out in 2>err
    adds_up a
    adds_up by.number
    grep -q '^bpipe: .* in ' b
    grep -q '^bpipe_finished 1' c
    [ ! -s err ]
    "$BPIPE" --report json -o out in 2>err
    adds_up err
    # A file is replaced, a descriptor is not.
    "$BPIPE" --report text:a -o out in
    equal 1 "$(grep -vc 'slow side' a)"
    echo before >kept
    "$BPIPE" --report text -o out in 2>>kept
    equal 'before 2' "$(head -n 1 kept) $(grep -vc 'slow side' kept)"
}

@test "text: one line or two, and all details with -v; the name of -N comes first" {
    local number='[0-9]+(\.[0-9]+)?' verdict
    random_bytes 3M >in
    "$BPIPE" -C -o out in 2>err
    verdict=$(grep -c 'slow side' err) || true # if the run took long
    equal $((1 + verdict)) "$(lines_of err)"
    grep -qE "^bpipe: 3.00 MiB of 3.00 MiB \(100%\) in $number m?s(, $number [KMG]iB/s)?\$" err
    equal "$verdict" \
        "$(grep -cE '^bpipe: slow side: .*, [0-9]+%( of the time)?( \([^)]*\))?; (buffer <?[0-9]+% full|(the |buffer )*absorbed [0-9]+%)$' err)"
    "$BPIPE" -v -C -o out in 2>err
    grep -qE '^bpipe: time: input [0-9]+%, output [0-9]+%, absorb [0-9]+%, throttle 0%, busy [0-9]+%$' err
    grep -qE '^bpipe: buffer 16.0 MiB: mean <?[0-9]+%, peak <?[0-9]+%, full 0 times$' err
    grep -qE "^bpipe: residence time: p50 $number [mun]?s, p99 $number [mun]?s, max $number [mun]?s\$" err
    equal 100 "$(sed -n 's/^bpipe: time: //p' err | tr -dc '0-9 ' |
        awk '{ for (i = 1; i <= NF; i++) sum += $i } END { print sum }')"
    "$BPIPE" -v -k -N 'my name' -o out -o other in in 2>err
    equal 9 "$(grep -vc ': slow side: \|: rate: ' err)"
    refute grep -v '^bpipe: my name: ' err
    grep -q '^bpipe: my name: 6.29 MB ' err
    grep -qE '^bpipe: my name: system calls: read [0-9]+, write [0-9]+, ' err
    equal 2 "$(grep -c ' output o' err)"
}

@test "text: no line of a report has more than 79 columns" {
    local long=a-file-with-a-name-that-is-much-longer-than-anybody-would-like-it-to-be
    random_bytes 3M >"$long"
    seq 100000 >lines
    {
        (sleep 0.3; cat "$long"; sleep 0.3) |
            "$BPIPE" -v -N "$long" -o "$long.1" --tap "$long.2" -B 64K --spool .
        "$BPIPE" -v --from "cat $long; sleep 0.3 # and a comment" --to "cat >$long.3; sleep 0.3"
        "$BPIPE" -l -B 5K --overflow drop-newest -s 200000 -o "$long.4" lines lines
        "$BPIPE" -L 10M -o "$long.5" "$long"
    } 2>err
    cmp "$long" "$long.1"
    cmp "$long" "$long.3"
    cmp "$long" "$long.5"
    refute grep -E '.{80}' err
    [ "$(grep -c 'slow side' err)" -ge 3 ]
}

# wc -L knows how wide a character is.
@test "text: wide characters count as two columns, in any locale, with and without a live line" {
    local wide=压缩压缩压缩压缩 option locale
    [ "$(LC_ALL=C.UTF-8 wc -L <<<"$wide")" -eq 16 ] || skip "there is no locale C.UTF-8, or wc -L counts bytes"
    ln -s "$(command -v cat)" 压缩程序
    random_bytes 300K >"$wide$wide$wide"
    for locale in C C.UTF-8; do
        for option in '' '-f -i 0.1' '-v' '-v -N '"$wide$wide"; do
            # shellcheck disable=SC2086
            LC_ALL=$locale "$BPIPE" --report text -L 1M $option "$wide$wide$wide" 2>err |
                ./压缩程序 >out
            tr '\r' '\n' <err | grep '^bpipe: ' >lines
            [ "$(LC_ALL=C.UTF-8 wc -L <lines)" -le 79 ] || { cat lines && return 1; }
            # shellcheck disable=SC2086
            LC_ALL=$locale "$BPIPE" --report text -L 1M $option -N "$wide$wide" \
                --from "cat $wide$wide$wide # $wide$wide" --to "sleep 0.2; cat >out # $wide$wide" 2>err
            tr '\r' '\n' <err | grep '^bpipe: ' >lines
            [ "$(LC_ALL=C.UTF-8 wc -L <lines)" -le 79 ] || { cat lines && return 1; }
            # How short it is depends on the longest line, which has the shares of up to five states.
            grep -qE '^bpipe: 压缩(压)?[.][.](缩)?(压)?缩: ' lines
        done
    done
}

@test "-q: nothing but errors" {
    seq 1000 >in
    run -0 "$BPIPE" -q -o out in
    equal '' "$output"
    run -1 "$BPIPE" -q -o out in missing
    equal 'bpipe: missing: No such file or directory' "$output"
}

@test "records are counted, over chunks, wraps and files" {
    random_bytes 30000 >in
    local options
    for options in '' '-z 1 -B 7' '-z 777' '-B 1000 -z 999' '-B 1000 -z 999 --block-size 700'; do
        # shellcheck disable=SC2086
        "$BPIPE" $options -l -o out --report json:report in
        equal "$(wc -l <in)" "$(last_number records_in report)" "lines, $options"
        equal "$(wc -l <in)" "$(last_number records_out report)" "lines that went out, $options"
        # shellcheck disable=SC2086
        "$BPIPE" $options -0 -o out --report json:report in
        equal "$(tr -dc '\0' <in | wc -c)" "$(last_number records_in report)" "NULs, $options"
        equal "$(tr -dc '\0' <in | wc -c)" "$(last_number records_out report)" "NULs out, $options"
    done
    # A record may begin in one file and end in the next.
    printf 'a\nb' >one
    printf 'c\nd' >two
    "$BPIPE" -l -o out --report json:report one two
    equal 2 "$(last_number records_in report)"
    "$BPIPE" -o out --report json:report one
    grep -q '"records_in":null' report
}

# The last report counts the records that end in the bytes that it says have gone out. Sets
# $bytes_out.
tells_what_left() {
    bytes_out=$(last_number bytes_out report)
    equal "$(head -c "$bytes_out" in | wc -l)" "$(last_number records_out report)" "records, $1"
}

bytes_left() { # PID MORE: whether the output has got more than MORE bytes
    sample "$1" report && [ "$(last_number bytes_out report)" -gt "$2" ]
}

@test "the records that went out are those in the bytes that went out" {
    seq 1 400000 >in
    open_stuck
    local options pid reader number before
    for options in '-C' '-C -B 150000 -z 777' '-C -B 100 -z 99' '' '-B 300000'; do
        rm -f report
        # shellcheck disable=SC2086,SC2002
        cat in | "$BPIPE" -q -J 0 -l $options --report json:report -o stuck {stuck}>&- &
        pid=$!
        wait_until 20 bytes_left "$pid" 0
        tells_what_left "$options, stuck"
        for number in 70000 100000 400000; do
            before=$bytes_out
            head -c "$number" stuck >/dev/null
            wait_until 20 bytes_left "$pid" "$before"
            tells_what_left "$options, after $number bytes"
        done
        [ "$bytes_out" -lt "$(size_of in)" ]
        cat stuck >/dev/null {stuck}>&- &
        reader=$!
        ended "$pid" 0
        tells_what_left "$options, the end"
        equal "$(size_of in)" "$bytes_out"
        equal "$(last_number records_in report)" "$(last_number records_out report)"
        kill "$reader"
        wait "$reader" || true
    done
}

@test "size_bytes: with -l those of the inputs, but not a size in records" {
    seq 100000 >in
    open_stuck
    "$BPIPE" -q -l -J 0 --report json:report -o stuck in {stuck}>&- &
    local pid=$!
    wait_number "$pid" report size_bytes 588895
    "$BPIPE" -R "$pid" -s 100000
    sample "$pid" report
    [[ $(last_line report) == *'"size_bytes":null,'* ]]
    end_processes
    "$BPIPE" -l --report json:report -o out -s 100000 in
    grep -q '"size_bytes":null,' report
    "$BPIPE" -l --report text:said -o out in
    grep -q '^bpipe: 575 KiB of 575 KiB (100%), 100000 records in ' said
    "$BPIPE" -l --report text:said -o out -s 100000 in
    grep -q '^bpipe: 575 KiB, 100000 of 100000 records (100%) in ' said
    # -S needs a number of records; the bytes are no such number.
    "$BPIPE" -l -S --report text:said -o out in 2>err
    cmp in out
    grep -q -e '--stop-at-size: number of records unknown' err
}

# Bytes that come and leave in one turn were held for as long as the calls took.
@test "residence: bytes that are written at once have a residence time, too" {
    skip_unless_faults
    local i option
    for option in -C "-C -B 100K" "-C -l -J 0" "-C -l -J 0 -B 1000"; do
        # shellcheck disable=SC2086
        for i in {1..50}; do echo "$i $option" || break; done |
            with_faults FAULT_ONLY=bpipe FAULT_SCRIPT="write:1:*:delay=2" \
                "$BPIPE" -q $option --report json:report | cat >out
        equal 50 "$(lines_of out)"
        adds_up report
        [[ $(last_line report) =~ \"residence_seconds\":\{[^\}]*\"max\":([0-9.]+)\} ]]
        awk -v max="${BASH_REMATCH[1]}" 'BEGIN { exit !(max >= 0.002) }'
    done
}

@test "system calls: as many as strace sees" {
    skip_unless strace
    random_bytes 300000 >in
    mkfifo fifo
    local poll=ppoll
    ! is_portable || poll=poll
    (for i in 1 2 3 4 5; do
        head -c 20000 in
        sleep 0.02
    done) >fifo &
    no_leak_check strace -o trace -e trace=read,readv,write,writev,poll,ppoll,splice,tee \
        "$BPIPE" -z 3000 -B 10000 -o - -o file --report json:report <fifo >out
    wait
    equal 100000 "$(size_of out)"
    # Up to the end of stdin: a file that the C library opens later (its time zone) may get that
    # number.
    equal "$(awk '/^readv?\(0,/ { n++; if (/ = 0$/) exit } END { print n }' trace)" \
        "$(last_number read report)" read
    file=$(sed -n 's/^writev\{0,1\}(\([0-9]*\),.* = [0-9]*$/\1/p' trace | sort | uniq -c | sort -rn |
        awk '$2 != 1 { print $2; exit }')
    equal "$(grep -cE "^writev?\\((1|$file)," trace)" "$(last_number write report)" write
    # No call moves more than a chunk.
    [ "$(sed -nE "s/^(read|write)v?\\((0|1|$file),.* = ([0-9]+)\$/\\3/p" trace | sort -n | tail -n 1)" -le 3000 ]
    # The polls of the loop have the self-pipe first, and mostly more.
    first=$(sed -n "s/^$poll(\[{fd=\([0-9]*\), events=POLLIN}, .*/\1/p" trace | head -n 1)
    equal "$(grep -cE "^$poll\\(\\[\\{fd=$first, events=POLLIN\\}" trace)" \
        "$(last_number poll report)" poll
    # bpipe checks the pipe for packets, because chunks are smaller than packets may be.
    equal "$(grep -cE '^(splice|tee)\(' trace)" "$(last_number splice report)" splice
    [ "$(last_number splice report)" -lt 20 ]
}

# --- stderr holds nothing up ------------------------------------------------------------------

# Makes ./err, a pipe on 9 without a byte of room.
full_stderr() {
    mkfifo err
    exec 9<>err
    head -c "$(pipesize 9)" /dev/zero >&9
}

# Prints what was written to it, after what was there.
said_to_full_stderr() {
    dd if=err iflag=nonblock bs=1M 2>/dev/null | tr -d '\0'
}

@test "stderr is a full pipe: the data flow, and bpipe ends" {
    random_bytes 3000000 >in
    full_stderr
    timeout 20 "$BPIPE" -v --report-every 1ms -o copy in 2>&9
    cmp in copy
    pingpong -t 20 300 64 "$BPIPE" -v --report-every 1ms 2>&9
    # Messages while it runs do not stall it either.
    status=0
    timeout 20 "$BPIPE" -v -o /dev/full -o copy in 2>&9 || status=$?
    equal 1 "$status"
    cmp in copy
    equal '' "$(said_to_full_stderr)"
}

@test "stderr is a full pipe that is read again: every line is whole" {
    random_bytes 300000 >in
    full_stderr
    "$BPIPE" -v -N name -o out in 2>&9 &
    pid=$!
    wait_until 20 cmp -s in out
    { dd if=err iflag=nonblock bs=1M; cat err; } 2>/dev/null | tr -d '\0' >said &
    reader=$!
    wait_until 20 gone "$pid"
    wait "$pid"
    exec 9>&-
    wait_until 20 gone "$reader"
    [ "$(lines_of said)" -le 8 ] # the slow side is there only if the run took long
    refute grep -v '^bpipe: name: ' said
}

@test "stderr is a terminal that was stopped" {
    skip_unless pty
    random_bytes 1000000 >in
    exec {master}<>/dev/ptmx
    name=$(pty name <&"$master")
    printf '\023' >&"$master" # ^S
    timeout 20 "$BPIPE" -v --report-every 1ms -o out in 2>"$name"
    cmp in out
    pingpong -t 20 300 64 "$BPIPE" -v --report-every 1ms 2>"$name"
}

@test "stderr is closed, full, or has lost its reader: no message, and no bytes in other files" {
    random_bytes 100000 >in
    "$BPIPE" -v --report-every 1ms -o copy in 2>&-
    cmp in copy
    "$BPIPE" -v in 2>&- | cmp in -
    "$BPIPE" -v -o copy -o other <in >&- 2>&-
    cmp in copy
    cmp in other
    "$BPIPE" -v -o copy in 2>/dev/full
    cmp in copy
    mkfifo err
    # shellcheck disable=SC2094
    exec 5<>err 6>err 5>&-
    "$BPIPE" -v -o copy in 2>&6
    cmp in copy
    # Its failures are those of the data.
    status=0
    "$BPIPE" -v -o copy in missing 2>&- || status=$?
    equal 1 "$status"
    # And it does not become an output that was not asked for.
    "$BPIPE" -v -o copy --report json:report in 2>&- <&- >&-
    adds_up report
    equal 1 "$(lines_of report)"
    cmp in copy
}

@test "time for which ^Z stopped bpipe is in no state" {
    mkfifo fifo
    "$BPIPE" -q --report json:report <fifo >out &
    local pid=$!
    exec {to}>fifo
    wait_until 20 catches_usr1 "$pid"
    sample "$pid" report
    kill -TSTP "$pid"
    wait_until 20 in_state "$pid" T
    sleep 3 # the time that must not count
    kill -CONT "$pid"
    sample "$pid" report
    exec {to}>&-
    wait "$pid"
    adds_up report
    awk -v s="$(last_number elapsed_seconds report)" 'BEGIN { exit !(s < 3) }'
}

@test "time for which ^Z stopped bpipe is in no residence time" {
    mkfifo fifo
    open_stuck
    head -c 400000 /dev/zero >in
    "$BPIPE" -q -J 0 --report json:report <fifo >stuck &
    local pid=$!
    exec {to}>fifo
    cat in >&"$to"
    sampled() { sample "$pid" report && equal 400000 "$(last_number bytes_in report)"; }
    wait_until 20 sampled
    kill -TSTP "$pid"
    wait_until 20 in_state "$pid" T
    sleep 3 # the time that must not count
    kill -CONT "$pid"
    head -c 400000 <stuck | cmp in -
    exec {to}>&-
    wait "$pid"
    adds_up report
    local max
    max=$(sed 's/.*"residence_seconds":{[^}]*"max":\([0-9.]*\).*/\1/' report | tail -n 1)
    awk -v max="$max" 'BEGIN { exit !(max > 0 && max < 3) }'
}

@test "a copy of a cached file names busy, though others take the processor" {
    head -c 30M /dev/zero >in
    cat in >/dev/null
    local i
    for i in 1 2 3; do # they keep the processors busy
        timeout 20 sh -c 'while :; do :; done' &
    done
    for i in 1 2 3 4; do
        "$BPIPE" -q -C --report json:report in >/dev/null
        mostly_busy report 0
    done
    end_processes
}
