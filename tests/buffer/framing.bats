#!/usr/bin/env bats
#
# --frame and --unframe. The bytes that go through both come out unchanged, by every way. A
# stream that is not whole ends with status 1. (tests/buffer/test_frame_stream.c tries sizes of
# reads and rings.)

# shellcheck disable=SC2016,SC2094 # scripts for sh; files that are only read
# shellcheck disable=SC2002 # cat makes a pipe of a file
bats_require_minimum_version 1.5.0
load ../helpers
load ../observe
load ../sockets
load ../framing

setup() { common_setup; }
teardown() {
    end_processes
    common_teardown
}

# A framed stream of these 9 bytes, and its pieces.
head='\x89bpf\r\n\x1a\x01'
final='\0\0\0\0\0\0\0\0\0\0\0\x09\xe3\x06\x92\x83'

frame() { "$BPIPE" -q --frame "$@"; }
unframe() { "$BPIPE" -q --unframe "$@"; }

# refused REASON OPTION...: stdin, which is framed badly, is refused for that reason, in one line,
# and nothing passes for the whole. ./out has what came out.
refused() {
    local reason=$1 status=0 lines
    shift
    cat >bad
    piped -o out bad "$BPIPE" -q --unframe "$@" >sizes 2>err || status=$?
    mapfile -t lines <err
    equal "bpipe: stdin: $reason" "${lines[*]}"
    equal 1 "$status" status
    status=0
    timeout 20 "$BPIPE" -q --unframe --atomic -o target "$@" bad 2>err || status=$?
    mapfile -t lines <err
    equal "bpipe: bad: $reason" "${lines[*]}"
    equal 1 "$status" status
    refute [ -e target ]
}

# octal FILE: sets the array octal to its bytes, for printf "\\$byte".
octal() {
    read -r -d '' -a octal < <(od -An -v -to1 "$1") || true
    equal "$(size_of "$1")" "${#octal[@]}"
}

# cut_at BYTES: prints the reason for refused
cut_at() { echo "cut off at byte $1: no final record"; }

# --- the format -------------------------------------------------------------------------------

@test "the bytes of a framed stream" {
    printf 123456789 >in
    # shellcheck disable=SC2059
    printf "$head\0\0\0\x09123456789$final" >wanted
    frame <in | cmp - wanted
    frame -o framed in
    cmp framed wanted
    cat in | frame -C -J 0 -B 256 | cmp - wanted
    # shellcheck disable=SC2059
    printf "$head\0\0\0\x041234\0\0\0\x045678\0\0\0\x019$final" >wanted
    frame -z 4 <in | cmp - wanted
    unframe <wanted | cmp - in
    # shellcheck disable=SC2059
    printf "$head\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0" >wanted
    frame </dev/null | cmp - wanted
    equal '' "$(unframe <wanted)"
}

@test "the head is that of the man page" {
    local told
    told=$(sed -n '/^\.Sh FRAMED STREAMS/,/^\.Ed/ s/^\(\([0-9a-f][0-9a-f] \)\{8\}\) .*version$/\1/p' \
        "$ROOT/man/bpipe-formats.5")
    equal "$told" "$(frame </dev/null | head -c 8 | od -An -tx1 | sed 's/^ //') "
}

@test "a chunk has the bytes of one read" {
    mkfifo fifo
    frame fifo >framed &
    exec 5>fifo
    printf one >&5
    wait_until 20 size_is framed 15
    printf four >&5
    wait_until 20 size_is framed 23
    exec 5>&-
    ended $! 0
    # shellcheck disable=SC2059
    printf "$head\0\0\0\x03one\0\0\0\x04four" | cmp - <(head -c 23 framed)
    equal 39 "$(size_of framed)"
    equal onefour "$(unframe <framed)"
}

# --- round trips ------------------------------------------------------------------------------

# through IN FRAME_OPTION... -- UNFRAME_OPTION...: sends IN through both, by pipes and by a file.
through() {
    local in=$1
    local -a options=()
    shift
    while [ "$1" != -- ]; do
        options+=("$1")
        shift
    done
    shift
    echo "frame ${options[*]} | unframe $*"
    piped -o out -c "$in" "$in" "$BPIPE" -q --frame "${options[@]}" -- \
        "$BPIPE" -q --unframe "$@" >sizes
    frame "${options[@]}" -o framed "$in"
    unframe "$@" -o out framed
    cmp "$in" out
}

@test "round trips: buffers and chunks of all sizes" {
    local buffer chunk
    random_bytes 2001 >small
    random_bytes 300001 >large
    for buffer in 256 257 1000 64K 16M; do
        for chunk in 1 7; do
            through small -B "$buffer" -z "$chunk" -- -B "$buffer" -z "$chunk"
        done
        for chunk in 4096 1M; do
            through large -B "$buffer" -z "$chunk" -- -B "$buffer" -z "$chunk"
        done
        through large -B "$buffer" -- -B 256
        through large -B 256 -- -B "$buffer"
        through small -z 1 -- -B "$buffer"
        through small -B "$buffer" -- -z 1
    done
}

@test "round trips: the other options of either side" {
    local -a these those
    local one two
    random_bytes 200001 >in
    for one in '-J 0' -C '--block-size 512' '--block-size 4096 -z 1000' '--start-fill 50 -B 100000' \
        '-L 4M' '-J 0 -C -B 1000 -z 333' '--start-fill 100 -B 5000 -z 3000' '--resume-fill 20 -B 9999' \
        '--start-fill 100 -B 256' '--block-size 228 -B 256' '--block-size 972 -B 1000 -z 400' \
        '--expect-size 200001' '-Y'; do
        for two in '' '-J 0 -C --block-size 1000 -B 4000'; do
            read -ra these <<<"$one"
            read -ra those <<<"$two"
            through in "${these[@]}" -- "${those[@]}"
            through in "${those[@]}" -- "${these[@]}"
        done
    done
}

@test "round trips: no bytes, one byte, and bytes that look like framing" {
    : >empty
    printf x >one
    frame <one >once
    frame once >twice
    local in
    for in in empty one once twice; do
        through "$in" -- -B 256
        through "$in" -z 1 -- -C
        through "$in" -C -J 0 -- --start-fill 100
    done
    unframe twice | unframe | cmp - one
}

@test "round trips: many bytes, with other programs in between" {
    set -o pipefail
    random_bytes 20M >in
    frame <in | cat | unframe | cmp - in
    frame <in | "$BPIPE" -q | "$BPIPE" -q -C -z 777777 | unframe | cmp - in
    skip_unless gzip
    random_bytes 2M >in
    frame in | gzip -1 | gzip -d | unframe --atomic -o out
    cmp in out
}

@test "round trips: a FIFO" {
    random_bytes 1000001 >in
    mkfifo fifo
    frame -o fifo in &
    unframe -o out fifo
    ended $! 0
    cmp in out
}

@test "round trips: TCP and unix sockets, either end listening" {
    local family
    random_bytes 1000001 >in
    for family in $(families); do
        echo "$family"
        rm -f out err
        "$BPIPE" -q --unframe --atomic -o out "$(listening "$family")" 2>err &
        await_listener "$family" err
        frame -o "$endpoint" in
        ended $! 0
        cmp in out
        serve "$family" --frame -o LISTEN in
        unframe "$endpoint" | cmp - in
        ended "$server" 0
        says_only_port err
    done
}

@test "several inputs: --frame joins them into one stream, --unframe takes a stream from each" {
    set -o pipefail
    random_bytes 100000 >a
    random_bytes 50001 2 >b
    : >c
    cat a b c a >all
    frame a b c a >framed
    unframe framed | cmp - all
    frame -B 300 - b c a <a | unframe -B 300 | cmp - all
    for file in a b c; do
        frame -z 999 -o "$file.framed" "$file"
    done
    unframe a.framed b.framed c.framed a.framed | cmp - all
    cat b.framed | unframe -B 256 -C a.framed - c.framed a.framed | cmp - all
}

@test "one input that is badly framed: the others are copied, and the message names it" {
    random_bytes 100000 >a
    frame -o a.framed a
    head -c 50000 a.framed >part
    run -1 "$BPIPE" -q --unframe -o out a.framed part a.framed
    equal "bpipe: part: $(cut_at 50000)" "$output"
    { cat a && head -c 49988 a && cat a; } | cmp - out
    run -1 "$BPIPE" -q --unframe -o out a a.framed
    equal "bpipe: a: is not framed (the sender needs --frame)" "$output"
    cmp a out
    # A bad input of --frame: the stream is not whole.
    run -1 "$BPIPE" -q --frame -o framed a missing a
    equal "bpipe: missing: No such file or directory" "$output"
    run -1 "$BPIPE" -q --unframe -o out framed
    equal "bpipe: framed: $(cut_at "$(size_of framed)")" "$output"
    cat a a | cmp - out
}

@test "several outputs, and --to" {
    random_bytes 300001 >in
    frame -o one -o two -o - in | unframe -o copy --to 'cat >third' -o - >out
    equal '0 0' "${PIPESTATUS[*]}" status
    for file in out copy third; do
        cmp in "$file"
    done
    cmp one two
    unframe one | cmp - in
}

@test "taps of --unframe have the payload" {
    random_bytes 300001 >in
    frame <in | unframe --tap tap >out
    cmp in out
    cmp in tap
}

@test "-l and -0 with --unframe count the records of the payload" {
    for ((i = 0; i < 500; i++)); do echo "line $i"; done >in
    printf unfinished >>in
    local chunk
    for chunk in 1 10 4096 1M; do
        frame -z "$chunk" <in >framed
        unframe -l --report json:report framed | cmp - in
        equal 500 "$(last_number records_in report)"
        adds_up report
        tr '\n' '\0' <in | frame -z "$chunk" | unframe -0 --report json:report >/dev/null
        equal 500 "$(last_number records_in report)"
    done
}

@test "-S: the stream ends there, and is whole" {
    random_bytes 100000 >in
    { frame -z 1000 -S -s 33333 && cat >rest; } <in | unframe --atomic -o out
    equal '0 0' "${PIPESTATUS[*]}" status
    cat out rest | cmp - in
    equal 33333 "$(size_of out)"
}

# --- numbers ----------------------------------------------------------------------------------

@test "reports: framing counts as added bytes in the framing bpipe, and nowhere else" {
    local size chunk chunks
    for size in 0 1 100000; do
        random_bytes "$size" >in
        for chunk in 1000 100000; do
            chunks=$(((size + chunk - 1) / chunk))
            "$BPIPE" --frame -z "$chunk" --report json:sent -o framed -o other in
            adds_up sent
            equal "$size" "$(last_number bytes_in sent)"
            equal $((8 + 4 * chunks + 16)) "$(last_number bytes_added sent)"
            equal "$(size_of framed)" "$(last_number bytes_out sent)"
            equal $((size + 24 + 4 * chunks)) "$(size_of framed)"
            "$BPIPE" --unframe -B 1000 --report json:got --tap tap -o out framed
            adds_up got
            equal "$size" "$(last_number bytes_in got)"
            equal 0 "$(last_number bytes_added got)"
            equal "$size" "$(last_number bytes_out got)"
            cmp in out
        done
    done
    # The same for runs that fail.
    head -c 50500 framed >part
    run -1 "$BPIPE" --unframe --report json:got -o out part
    adds_up got 1
    equal 50488 "$(last_number bytes_in got)"
    run -1 "$BPIPE" --frame --expect-size 1 --report json:sent -o framed in
    adds_up sent 1
    equal 100000 "$(last_number bytes_in sent)"
    equal 12 "$(last_number bytes_added sent)"
    equal 100012 "$(size_of framed)"
}

# --- bytes on their way -----------------------------------------------------------------------

# came_to WANTED FILE: FILE has exactly WANTED
came_to() { [ "$1" = "$(cat "$2")" ]; }

@test "a byte arrives while the producer is silent" {
    local -a options
    local line
    for line in '' '-z 1M -B 16M' '-J 0 -C' '-B 256 -z 7'; do
        echo "options: $line"
        read -ra options <<<"$line"
        rm -f fifo out
        mkfifo fifo
        frame "${options[@]}" fifo | unframe "${options[@]}" >out &
        exec 5>fifo
        printf a >&5
        wait_until 20 came_to a out
        printf b >&5
        wait_until 20 came_to ab out
        printf cdefghijk >&5
        wait_until 20 came_to abcdefghijk out
        exec 5>&-
        wait $!
        equal abcdefghijk "$(<out)"
    done
}

@test "payload arrives before its chunk is complete" {
    mkfifo fifo
    unframe fifo >out 2>err &
    exec 5>fifo
    # shellcheck disable=SC2059
    printf "$head\0\0\0\x09123" >&5
    wait_until 20 came_to 123 out
    printf 456789 >&5
    wait_until 20 came_to 123456789 out
    # shellcheck disable=SC2059
    printf "$final" >&5
    exec 5>&-
    ended $! 0
    equal '' "$(<err)"
}

@test "a stream that comes byte by byte" {
    random_bytes 7 >in
    frame -z 4 <in >framed
    local byte pid
    local -a octal
    octal framed
    mkfifo fifo
    "$BPIPE" -q --unframe fifo >out 2>err &
    pid=$!
    exec 5>fifo
    for byte in "${octal[@]}"; do
        # shellcheck disable=SC2059
        printf "\\$byte" >&5
        wait_until 20 in_poll "$pid"
    done
    refute gone "$pid"
    exec 5>&-
    ended "$pid" 0
    cmp in out
    equal '' "$(<err)"
}

@test "bad framing is refused while the producer is silent" {
    mkfifo fifo
    unframe fifo >out 2>err &
    exec 5>fifo
    # shellcheck disable=SC2059
    printf "$head\0\0\0\x03abc\xff" >&5
    wait_until 20 came_to abc out
    printf '\0\0\0' >&5
    ended $! 1
    equal "bpipe: fifo: is corrupt: a chunk of 4278190080 bytes at byte 15" "$(<err)"
    equal abc "$(<out)"
    exec 5>&-
}

@test "a reader of the payload that leaves ends both, quietly" {
    mkfifo fifo
    "$BPIPE" -q --frame <fifo 2>err | "$BPIPE" -q --unframe 2>err.other | head -c 3 >out &
    exec 5>fifo
    randbytes 10M >&5 || true
    exec 5>&-
    wait $!
    equal '' "$(cat err err.other)"
    random_bytes 3 | cmp - out
}

# --- false ends -------------------------------------------------------------------------------

# not_whole WANTED MESSAGES OPTION...: sends ./in through --frame with these options to --unframe
# --atomic. The statuses are WANTED and 1. The first one prints MESSAGES.
not_whole() {
    local wanted=$1 messages=$2 states=none
    shift 2
    cat in | "$BPIPE" -q --frame "$@" 2>err | tee framed |
        "$BPIPE" -q --unframe --atomic -o target 2>err.other || states=${PIPESTATUS[*]}
    equal "0 $wanted 0 1" "$states" status
    equal "$messages" "$(<err)"
    if [ -s framed ]; then
        equal "bpipe: stdin: $(cut_at "$(size_of framed)")" "$(<err.other)"
    else
        equal "bpipe: stdin: is empty: no header of a framed stream" "$(<err.other)"
    fi
    refute [ -e target ]
}

@test "--expect-size and --expect-end: no final record" {
    { random_bytes 99990 && printf 'more bytes'; } >in
    not_whole 1 "bpipe: stdin: the stream ended after 100000 bytes, not 100001 (--expect-size)" \
        --expect-size 100001
    not_whole 1 "bpipe: stdin: ended with '..tes', not 'end' (--expect-end)" --expect-end end
    cat in | frame --expect-size 100000 | unframe --expect-size 100000 --atomic -o target
    cmp in target
    # On the other side the payload is compared.
    rm target
    run -1 sh -c '"$BPIPE" -q --frame in | "$BPIPE" -q --unframe --expect-size 99999 --atomic -o target'
    equal "bpipe: stdin: the stream ended after 100000 bytes, not 99999 (--expect-size)" "$output"
    refute [ -e target ]
    : >in
    not_whole 1 "bpipe: stdin: the stream ended after 0 bytes, not 1 (--expect-size)" --expect-size 1
}

@test "--from: a command that fails" {
    random_bytes 100000 >data
    : >in
    local script states=none
    for script in 'exit 3' 'cat data; exit 3' 'cat data; kill -KILL $$' \
        'cat data; exec >&-; sleep 0.1; exit 3'; do
        echo "$script"
        "$BPIPE" -q --frame --from "$script" 2>err | tee framed |
            "$BPIPE" -q --unframe --atomic -o target 2>err.other || states=${PIPESTATUS[*]}
        equal '1 0 1' "$states" status
        cat err
        equal 1 "$(lines_of err)"
        grep -qxE 'bpipe: stdin: (cut off .*|is empty: .*)' err.other
        equal 1 "$(lines_of err.other)"
        refute [ -e target ]
    done
    "$BPIPE" -q --frame --from 'cat data' | unframe --atomic -o target
    equal '0 0' "${PIPESTATUS[*]}" status
    cmp data target
}

@test "--to: the command sees no false end" {
    random_bytes 1000000 >in
    frame in >framed
    head -c 500000 framed >part
    run -1 "$BPIPE" -q --unframe --to 'cat >tmp && mv tmp target' part
    refute [ -e target ]
    equal "bpipe: part: $(cut_at 500000)" "$output"
    unframe --to 'cat >tmp && mv tmp target' framed
    cmp in target
}

@test "a peer of --unframe gets a reset instead of an end" {
    random_bytes 100000 >in
    frame in >framed
    head -c 60000 framed >part
    "$BPIPE" -q --atomic -o out "$(listening ip4)" 2>in.err &
    receiver=$!
    await_listener ip4 in.err
    run -1 "$BPIPE" -q --unframe -o "$endpoint" part
    ended "$receiver" 1
    refute [ -e out ]
}

# fed PID COUNT: whether it has read COUNT bytes, and waits.
fed() {
    wait_number "$1" sent bytes_in "$2" && wait_until 20 in_poll "$1"
}

@test "the sender is ended in the middle" {
    local signal framer
    random_bytes 100000 >in
    for signal in TERM KILL INT HUP; do
        echo "$signal"
        rm -f sent source channel
        mkfifo source channel
        defsig "$BPIPE" -q --frame --report json:sent -o channel source 2>err &
        framer=$!
        defsig "$BPIPE" -q --unframe --atomic -o target channel 2>err.other &
        receiver=$!
        exec 5>source
        cat in >&5
        fed "$framer" 100000
        kill "-$signal" "$framer"
        ended "$framer" $((128 + $(kill -l "$signal")))
        ended "$receiver" 1
        exec 5>&-
        grep -qx 'bpipe: channel: cut off at byte 100[0-9]*: no final record' err.other
        equal 1 "$(lines_of err.other)"
        equal '' "$(<err)"
        refute [ -e target ]
    done
}

@test "the sender is killed, and the peer's system reports an orderly end" {
    local family framer
    random_bytes 100000 >in
    for family in $(families); do
        echo "$family"
        rm -f sent source err
        mkfifo source
        defsig "$BPIPE" -q --unframe --atomic -o target "$(listening "$family")" 2>err &
        receiver=$!
        await_listener "$family" err
        defsig "$BPIPE" -q --frame --report json:sent -o "$endpoint" source &
        framer=$!
        exec 5>source
        cat in >&5
        fed "$framer" 100000
        kill -KILL "$framer"
        ended "$framer" 137
        ended "$receiver" 1
        exec 5>&-
        grep -qE '^bpipe: .*: (cut off at byte 100[0-9]*: no final record|lost at .*)$' err
        refute [ -e target ]
    done
}

@test "timeouts: no final record" {
    open_idle
    printf text >&"$idle"
    local states=none
    "$BPIPE" -q --frame --idle-timeout 0.2 <&"$idle" 2>err | unframe --atomic -o target 2>err.other ||
        states=${PIPESTATUS[*]}
    equal '4 1' "$states" status
    equal "bpipe: stdin: $(cut_at 16)" "$(<err.other)"
    refute [ -e target ]
}

@test "an output fails: the others are complete if the input was" {
    random_bytes 100000 >in
    run -1 "$BPIPE" -q --frame -o framed -o /dev/full in
    "$BPIPE" -q --unframe framed | cmp in -
    # bpipe waits for the command's exit, even after another failure.
    run -1 "$BPIPE" -q --frame -o framed -o /dev/full --from 'cat in; exec >&-; sleep 0.3; exit 3'
    run -1 "$BPIPE" -q --unframe --atomic -o target framed
    equal "bpipe: framed: $(cut_at "$(size_of framed)")" "$output"
    refute [ -e target ]
}

@test "a known size, of the payload or of the framed stream, gives 100%" {
    random_bytes 100000 >in
    run -0 "$BPIPE" --frame -z 100 -o framed in
    grep -q ' (100%) in ' <<<"$output"
    run -0 "$BPIPE" --frame -z 100 -s 100000 -X <in
    grep -q ' (100%) in ' <<<"$output"
    run -0 "$BPIPE" --unframe -X framed
    grep -q ' (100%) in ' <<<"$output"
    run -0 "$BPIPE" --unframe -X -s 100000 framed
    grep -q ' (100%) in ' <<<"$output"
}

@test "framing without payload resets --idle-timeout" {
    printf '%b' "$head\0\0\0\x09123456789$final" >framed
    local byte
    local -a octal
    octal framed
    for byte in "${octal[@]}"; do
        # shellcheck disable=SC2059
        printf "\\$byte"
        nap 0.02
    done | "$BPIPE" -q --unframe --idle-timeout 500ms >out
    equal 123456789 "$(<out)"
}

# --- damage -----------------------------------------------------------------------------------

@test "cut anywhere, or changed by one bit: never status 0, a sample" {
    local first=${TEST_SEED:-$((RANDOM * 32768 + RANDOM))}
    echo "TEST_SEED=$first"
    refuse_damaged "$first" 14 143 500
}

@test "the tool that damages streams finds wrong results" {
    random_bytes 3000 >in
    frame -z 100 <in >framed
    # A stream without framing; no message; a status that is always 0; a byte that differs.
    damage each 0 100 30 framed "$BPIPE" -q --unframe
    refute damage each 0 100 1 in "$BPIPE" -q --unframe
    refute damage cut 1 1 framed sh -c '"$BPIPE" -q --unframe 2>/dev/null'
    refute damage flip 1 1 framed sh -c '"$BPIPE" -q --unframe; exit 0'
    refute damage flip 1 1 framed sh -c '"$BPIPE" -q --unframe | head -c 2000'
    refute damage flip 1 1 framed cat
}

@test "input that is not framed at all" {
    local not='is not framed (the sender needs --frame)'
    random_bytes 5000 7 | refused "$not"
    equal '' "$(<out)"
    head -c 5000 /dev/urandom >noise
    while [ "$(head -c 1 noise | od -An -tx1)" = ' 89' ]; do
        head -c 5000 /dev/urandom >noise
    done
    refused "$not" <noise
    printf 'some text\nof two lines\n' | refused "$not"
    refused "is empty: no header of a framed stream" </dev/null
    printf '\x89PNG\r\n\x1a\n' | refused "$not"
    # An idle input behind it: it is refused at once.
    open_idle
    printf G >&"$idle"
    run -1 timeout 20 "$BPIPE" -q --unframe <&"$idle"
    equal "bpipe: stdin: $not" "$output"
}

@test "bytes that a channel changed are detected" {
    printf 'some text\n' | frame >framed
    sed 's/$/\r/' framed | refused 'is not framed (the sender needs --frame)'
    tr -d '\r' <framed | refused 'is not framed (the sender needs --frame)'
    LC_ALL=C tr '\200-\377' '\000-\177' <framed | refused 'is not framed (the sender needs --frame)'
    equal '' "$(<out)"
    { cat framed && echo; } | refused "continues after its final record (byte $(size_of framed))"
    equal 'some text' "$(<out)"
    LC_ALL=C tr s S <framed | refused "is corrupt: checksum mismatch"
    equal 'Some text' "$(<out)"
}

@test "two streams, one after the other" {
    random_bytes 10000 >in
    frame in >framed
    cat framed framed | refused "continues after its final record (byte $(size_of framed))"
    cmp in out
    cat framed framed | refused "continues after its final record (byte $(size_of framed))" -B 256 -z 10
    cmp in out
}

@test "versions, lengths, totals and checksums" {
    # shellcheck disable=SC2059
    bytes() { printf "$1"; }
    bytes '\x89bpf\r\n\x1a\x02' | refused 'has framing version 2, which is not supported'
    bytes "${head%1}2\0\0\0\x09123456789$final" | refused 'has framing version 2, which is not supported'
    equal '' "$(<out)"
    bytes "${head%1}0\0\0\0\x09123456789$final" | refused 'is not framed (the sender needs --frame)'
    bytes "$head\xff\xff\xff\xff123456789" | refused 'is corrupt: a chunk of 4294967295 bytes at byte 8'
    equal '' "$(<out)"
    bytes "$head\0\0\0\x03123\xff\xff\xff\xff" | refused 'is corrupt: a chunk of 4294967295 bytes at byte 15'
    equal 123 "$(<out)"
    bytes "$head\x01\0\0\x01" | refused 'is corrupt: a chunk of 16777217 bytes at byte 8'
    bytes "$head\x01\0\0\x00123" | refused "$(cut_at 15)"
    equal 123 "$(<out)"
    bytes "$head" | refused "$(cut_at 8)"
    bytes "$head\0\0\0\x09123456789" | refused "$(cut_at 21)"
    bytes "$head\0\0\0\x0812345678$final" | refused 'is corrupt: 8 bytes came, 9 were sent'
    bytes "$head\0\0\0\x09123456780$final" | refused 'is corrupt: checksum mismatch'
    bytes "$head\0\0\0\x09123456789${final%3}2" | refused 'is corrupt: checksum mismatch'
    bytes "$head\0\0\0\x09123456789$final\0" | refused 'continues after its final record (byte 37)'
    # A chunk of 16 MiB is the largest.
    random_bytes 16M >in
    { bytes "$head\x01\0\0\0" && cat in && frame in | tail -c 16; } | unframe | cmp - in
}

# --- usage ------------------------------------------------------------------------------------

# usage MESSAGE OPTION...: the status is 2, and nothing is touched.
usage() {
    local message=$1
    shift
    run -2 timeout 20 "$BPIPE" -o out "$@" </dev/null
    equal "bpipe: $message" "$output"
    refute [ -e out ]
}

@test "usage errors" {
    local side
    usage "--frame: cannot be used with --unframe" --frame --unframe
    for side in --frame --unframe; do
        usage "$side: cannot be used with --merge" "$side" --merge
        usage "$side: cannot be used with --overflow" "$side" --overflow drop-newest
        usage "$side: cannot be used with --overflow" "$side" --overflow drop-oldest
        usage "$side: cannot be used with --spool" "$side" --spool .
        usage "--buffer-size: '100': is too small for $side (at least 256)" "$side" -B 100
        usage "--buffer-size: '255': is too small for $side (at least 256)" "$side" -B 255
    done
    usage "--frame: cannot be used with --tap" --frame --tap tap
    usage "--frame: cannot be used with --line-mode" --frame -l
    usage "--frame: cannot be used with --null" --frame -0
    refute [ -e tap ]
    usage "--unframe: cannot be used with --stop-at-size" --unframe -S -s 3
    usage "--frame: cannot be used with udp://127.0.0.1:9" --frame -o udp://127.0.0.1:9
    usage "--block-size: '229': is larger than --buffer-size minus 28 (--frame)" \
        --frame -B 256 --block-size 229
    usage "--unframe: cannot be used with udp-listen://127.0.0.1:9" --unframe -l udp-listen://127.0.0.1:9
    # --overflow block does not drop.
    frame --overflow block </dev/null | unframe --overflow block
}

# --- faults -----------------------------------------------------------------------------------

# faulty SIDE OPTION...: sets the array faulty to a command that runs bpipe under the faults of this
# seed.
faulty() {
    local side=$1
    shift
    ((seed % 2)) || set -- -C "$@"
    faulty=(env FAULT_RATE=25 FAULT_SEED="$seed" FAULT_DELAY_US=200 FAULT_LOG="$T/log.$side"
        LD_PRELOAD="$FAULT_SO" "$BPIPE" "--$side" -q --report "json:$side" "$@")
}

@test "random faults on both sides" {
    skip_unless_faults
    local first=${TEST_SEED:-$((RANDOM * 32768 + RANDOM))} count=12 seed side kind status lines came number
    local -a faulty sender
    [ -z "${TEST_LONG:-}" ] || count=300
    random_bytes 60001 >in
    for ((seed = first; seed < first + count; seed++)); do
        echo "TEST_SEED=$seed"
        faulty frame -B $((seed % 7000 + 256)) -z $((seed % 3001 + 30))
        sender=("${faulty[@]}")
        faulty unframe -B $((seed / 3 % 7000 + 256)) -z $((seed / 2 % 5000 + 30))
        piped -o out -c in in "${sender[@]}" -- tee framed -- "${faulty[@]}" >sizes
        adds_up frame
        adds_up unframe
        read_number bytes_out frame
        size_is framed "$number"
        # And a stream that was cut: its payload comes out, with status 1.
        head -c $((seed % 60000 + 9)) framed >part
        faulty unframe -z 3000
        status=0
        piped -o out -b in part "${faulty[@]}" >sizes 2>err || status=$?
        equal 1 "$status" status
        mapfile -t lines <err
        equal "bpipe: stdin: cut off at byte $((seed % 60000 + 9)): no final record" "${lines[*]}"
        read -r came _ <sizes
        read_number bytes_in unframe
        equal "$number" "$came" bytes_in
        adds_up unframe 1
    done
    for side in frame unframe; do
        for kind in short EINTR EAGAIN; do
            grep -q "fault=$kind" "log.$side" || { echo "no $kind for $side" && false; }
        done
    done
}

# failing SIDE SCRIPT OPTION...: runs bpipe under these rules; sets $status.
failing() {
    local side=$1 script=$2
    shift 2
    status=0
    with_faults FAULT_SCRIPT="$script" FAULT_LOG="$T/log" \
        timeout -k 1 30 "$BPIPE" -C -q "--$side" "$@" 2>err || status=$?
}

@test "a read that fails: no final record, and a message with the error" {
    skip_unless_faults
    random_bytes 100000 >in
    failing frame 'read:*/in:@34567:EIO' -z 10000 -o framed in
    equal 1 "$status"
    equal 'bpipe: in: read failed at byte 34567: Input/output error' "$(<err)"
    run -1 "$BPIPE" -q --unframe -o out framed
    equal "bpipe: framed: $(cut_at "$(size_of framed)")" "$output"
    head -c 34567 in | cmp - out
}
