#!/usr/bin/env bats
#
# Every byte arrives, once, in order and in the right pieces, with all sizes of buffer, chunk and
# block, all kinds of endpoints, and all options that hold bytes back.

bats_require_minimum_version 1.5.0
load ../helpers
load ../observe

# A bpipe that fails, or that its timeout ends, fails the test also on the left of a pipe.
setup() {
    common_setup
    set -o pipefail
}

# same FILE...: each has the bytes of ./in.
same() {
    local file
    for file; do
        cmp in "$file"
    done
}

# Prints the names of all files in the directory, including hidden ones.
files() (
    shopt -s dotglob
    echo *
)

# expect_sum SUM FILE...: FILE comes from a process substitution, which may end later than bpipe.
expect_sum() {
    local sum=$1 file
    shift
    for file; do
        wait_until 30 has_lines "$file" 1
        equal "$sum" "$(<"$file")" "$file"
    done
}

# --- volume -----------------------------------------------------------------------------------

@test "tar of a real tree through 64M in 64K chunks, into two outputs at once" {
    [ -d /usr/share ] || skip "there is no /usr/share"
    local most=96M
    [ -z "${TEST_LONG:-}" ] || most=100G
    # tar may find files that it cannot read, or that are changing: its own sum is the one that
    # counts.
    { tar -C /usr/share -cf - . 2>/dev/null || true; } | head -c "$most" |
        tee >(sum_stdin >source.sum) |
        "$BPIPE" -B 64M -z 64K -o copy -o >(sum_stdin >other.sum) --report json:report
    wait_until 60 has_lines source.sum 1
    expect_sum "$(<source.sum)" other.sum
    equal "$(<source.sum)" "$(sum copy)"
    equal "$(size_of copy)" "$(last_number bytes_out report)"
    [ "$(size_of copy)" -gt 1000000 ]
    adds_up report
}

# through BUFFER CHUNK SIZE [OPTION]...: sends SIZE bytes from a pipe to a pipe and a file.
through() {
    local buffer=$1 chunk=$2 size=$3 peak number
    shift 3
    randbytes "$size" 7 >in
    randbytes "$size" 7 |
        timeout 60 "$BPIPE" -B "$buffer" -z "$chunk" "$@" -o - -o copy --report json:report | cmp in -
    same copy
    adds_up report
    read_number peak_bytes report
    peak=$number
    read_number capacity_bytes report
    [ "$peak" -le "$number" ]
}

@test "buffers of 1, 7, 4096 and 1M+1 bytes, chunks of 1, 3 and 64K" {
    local buffer chunk
    for buffer in 1 7 4096 1048577; do
        for chunk in 1 3 64K; do
            echo "-B $buffer -z $chunk"
            case $buffer,$chunk in
            1,* | *,1 | *,3) through "$buffer" "$chunk" 20001 ;;
            7,*) through "$buffer" "$chunk" 50001 ;;
            *) through "$buffer" "$chunk" 5000001 ;;
            esac
        done
    done
    # Block sizes that do not divide the data: some bytes are always left over, and the ring wraps
    # around.
    through 7 3 20001 --block-size 5
    through 7 64K 20001 --block-size 4
    through 4096 3 50001 --block-size 3001
    through 4096 64K 500001 --block-size 3001
    through 1048577 64K 5000001 --block-size 700001
}

@test "a buffer that is larger than the data, and one that is not needed" {
    through 1G 1G 3000000
    equal 1073741824 "$(last_number capacity_bytes report)"
    through 16M 128K 0
    through 16M 128K 1
}

@test "an output that takes little at a time" {
    random_bytes 1M >in
    mkfifo out
    exec 8<>out
    if ! is_portable; then
        equal 4096 "$(pipesize 8 4096)"
    fi
    "$BPIPE" -C -J 0 -z 100001 -B 300007 --report json:report in >out 8>&- &
    pid=$!
    wait_until 20 holds "$pid" out
    timeout 60 dd bs=777 iflag=fullblock count=$((1048576 / 777)) <&8 2>/dev/null >copy
    head -c $((1048576 % 777)) <&8 >>copy
    ended "$pid" 0
    same copy
    adds_up report
    # Many writes for one chunk: they were short.
    is_portable || [ "$(last_number write report)" -gt 200 ]
}

@test "any buffer, chunk, block, marks and number of outputs" {
    local seed=${TEST_SEED:-$RANDOM} rounds=8 round i buffer chunk block least
    local -a options
    [ -z "${TEST_LONG:-}" ] || rounds=160
    echo "TEST_SEED=$seed"
    RANDOM=$seed
    for ((round = 0; round < rounds; round++)); do
        # Sizes of all magnitudes, and their neighbours.
        buffer=$(((1 << RANDOM % 20) + RANDOM % 3))
        chunk=$(((1 << RANDOM % 20) + RANDOM % 3))
        least=$((buffer < chunk ? buffer : chunk))
        options=(-B "$buffer" -z "$chunk")
        if ((RANDOM % 3 == 0)); then
            block=$((RANDOM % buffer + 1))
            least=$((block < least ? block : least))
            options+=(--block-size "$block")
        fi
        random_bytes $((least * 500 % 1500000 + RANDOM)) "$RANDOM" >in
        ((RANDOM % 3)) || options+=(--start-fill $((RANDOM % 101)))
        ((RANDOM % 3)) || options+=(--resume-fill $((RANDOM % 101)))
        ((RANDOM % 3)) || options+=(-J 0)
        ((RANDOM % 4)) || options+=(-K)
        ((RANDOM % 2)) || options+=(-C)
        for ((i = RANDOM % 3; i > 0; i--)); do
            options+=(-o "copy.$i")
        done
        echo "${options[*]}: $(size_of in) bytes"
        # A producer and a consumer with odd steps of their own.
        dd if=in obs=$((RANDOM % 9000 + 1000)) 2>/dev/null |
            timeout 60 "$BPIPE" "${options[@]}" -o - --report json:report |
            dd bs=$((RANDOM % 9000 + 1000)) 2>/dev/null | cmp in -
        for ((i = 1; i < 3; i++)); do
            [[ " ${options[*]} " != *" copy.$i "* ]] || same copy.$i
        done
        adds_up report
    done
}

# --- inputs -----------------------------------------------------------------------------------

@test "inputs in turn, like cat: files, empty ones, the same twice, - among them" {
    random_bytes 300001 1 >a
    random_bytes 10 2 >b
    : >empty
    random_bytes 200001 3 >stdin
    local -a inputs
    for inputs in 'a b' 'b empty a' 'a - b' '- a' 'b -' 'a a b a' 'empty' 'empty - empty' \
        'a /dev/stdin b' 'fd://0 b' '/dev/fd/0 a'; do
        # shellcheck disable=SC2206
        inputs=($inputs)
        echo "${inputs[*]}"
        cat "${inputs[@]/fd:\/\/0/-}" <stdin >in
        "$BPIPE" -q "${inputs[@]}" <stdin | cmp in -                                  # a file
        "$BPIPE" -q -B 1000 -z 77 "${inputs[@]}" < <(exec cat stdin) | cmp in - # a pipe
    done
}

@test "standard input twice, as a file, a pipe, and a FIFO whose writer has left" {
    random_bytes 100001 >in
    printf 'before and after' >a
    cat in a a >want
    "$BPIPE" -q - a - a <in | cmp want -
    # shellcheck disable=SC2002
    cat in | timeout 20 "$BPIPE" -q - a - a | cmp want -
    # shellcheck disable=SC2094
    timeout 20 "$BPIPE" -q - - <in | cmp in -
    # shellcheck disable=SC2002
    cat in | timeout 20 "$BPIPE" -q - - | cmp in -
    mkfifo fifo
    # shellcheck disable=SC2094
    exec 7<>fifo 8<fifo
    head -c 60000 in >&7
    exec 7>&-
    timeout 20 "$BPIPE" -q - - - <&8 | cmp <(head -c 60000 in) -
}

@test "an input that is named twice is restored even if it is read only once" {
    mkfifo in other
    # shellcheck disable=SC2094
    exec 7<>in 8<in
    exec 7>&-
    grep flags /proc/self/fdinfo/8 >before
    pipesize 8 >>before
    "$BPIPE" -q - other - <&8 &
    pid=$!
    wait_until 20 holds "$pid" other
    kill -TERM "$pid"
    ended "$pid" 143
    { grep flags /proc/self/fdinfo/8 && pipesize 8; } | cmp before -
}

@test "an inherited file is read from its current offset" {
    random_bytes 100000 >in
    exec 7<in
    dd bs=12345 count=1 of=first <&7 2>/dev/null
    "$BPIPE" -q -o rest - <&7
    cat first rest | cmp in -
    equal 87655 "$(size_of rest)"
    "$BPIPE" -q fd://7 | cmp - /dev/null # and is at its end now
}

@test "inherited inputs by number, and closed ones" {
    echo seven >a
    echo eight >b
    equal $'eight\nseven\neight' "$("$BPIPE" -q fd://8 /dev/fd/7 /proc/self/fd/9 7<a 8<b 9<b)"
    run -1 "$BPIPE" -q fd://8 8<&-
    equal 'bpipe: fd://8: Bad file descriptor' "$output"
    run -1 "$BPIPE" -q fd://8 8>file
    equal 'bpipe: fd://8: Bad file descriptor' "$output"
}

# --- outputs ----------------------------------------------------------------------------------

@test "outputs of all kinds at once, each with every byte" {
    random_bytes 2M >in
    mkfifo fifo
    cat fifo >from.fifo &
    exec 7>by.number 8>by.path
    "$BPIPE" -B 100000 -o file -o - -o fd://7 -o /dev/fd/8 -o fifo -o /dev/null \
        -o >(sum_stdin >sum) -o >(sleep 0.3; exec cat >late) --report json:report in | cmp in -
    wait_until 20 cmp -s in late
    wait
    same file by.number by.path from.fifo
    expect_sum "$(sum in)" sum
    adds_up report
}

@test "thirty outputs through a small buffer" {
    local i
    local -a outputs
    random_bytes 300000 >in
    for ((i = 0; i < 30; i++)); do
        outputs+=(-o "copy.$i")
    done
    "$BPIPE" -B 10000 -z 3333 "${outputs[@]}" --report json:report in
    same copy.*
    adds_up report
}

@test "a slow output sets the pace, a fast one is ahead by the buffer" {
    mkfifo in slow fast
    exec 5<>in 6<>slow 7<>fast
    random_bytes 300000 >data
    "$BPIPE" -J 0 -B 10240 -z 1024 -o slow -o fast --report json:report <in 5>&- 6>&- 7>&- &
    pid=$!
    wait_until 20 holds "$pid" fast
    cat data >&5 &
    # The fast output is read, the slow one is not: its pipe and the buffer fill.
    head -c 75776 <&7 >fast.part # 65536 in the slow pipe and 10240 in the buffer
    wait_number "$pid" report fill_bytes 10240
    equal 75776 "$(last_number bytes_in report)"
    tail -n 1 report | grep -q '"name":"slow","bytes":65536,'
    tail -n 1 report | grep -q '"name":"fast","bytes":75776,'
    head -c 300000 <&6 >slow.part &
    slow=$!
    head -c 224224 <&7 >>fast.part
    wait "$slow"
    cmp data slow.part
    cmp data fast.part
    kill -TERM "$pid"
    ended "$pid" 143
    adds_up report 143
}

@test "stdout is shared: bytes written before and after stay" {
    random_bytes 1000 >in
    {
        printf before
        "$BPIPE" -q in
        printf between
        "$BPIPE" -q -o fd://1 in
        "$BPIPE" -q -o /dev/stdout in
        printf after
    } >out
    { printf before && cat in && printf between && cat in in && printf after; } | cmp out -
    printf start >out
    "$BPIPE" -q in >>out
    { printf start && cat in; } | cmp out -
    # A file that bpipe opens is truncated; one that is open already is written from its offset on.
    printf '0123456789' >out
    "$BPIPE" -q -o - <<<'abc' 1<>out
    equal $'abc\n456789' "$(<out)"
}

# --- whole blocks and marks -------------------------------------------------------------------

# writes_of: summarizes the output of packets, with runs shown once: "512*10 100".
writes_of() {
    uniq -c | awk '{ printf "%s%s", sep, ($1 > 1 ? $2 "*" $1 : $2); sep = " " } END { print "" }'
}

@test "--block-size: whole blocks, and one short one at the end" {
    random_bytes 51300 >in
    local size written
    local -a sizes
    # The bytes may arrive in any pieces; buffer and chunk may have any size.
    for size in 512 51300 51301 1 100; do
        head -c $((size * 100 < 51300 ? size * 100 + size / 2 : 51300)) in >part
        for options in '' '-z 77' "-B $size" "-B $((size + 1)) -z 3" '-K' \
            '--start-fill 100' '--resume-fill 0'; do
            echo "--block-size $size $options"
            # shellcheck disable=SC2086
            dd if=part obs=333 2>/dev/null |
                timeout 20 packets copy "$BPIPE" -q --block-size $size $options >sizes
            cmp part copy
            mapfile -t sizes <sizes
            [ "${sizes[-1]}" -le "$size" ]
            for written in "${sizes[@]::${#sizes[@]}-1}"; do
                equal "$size" "$written" "size of a write"
            done
        done
    done
    equal '1*100' "$(head -c 100 in | packets copy "$BPIPE" -q --block-size 1 | writes_of)"
    equal '' "$(packets copy "$BPIPE" -q --block-size 512 </dev/null)"
}

@test "--block-size: a block that is not whole is kept until the input ends" {
    mkfifo in
    packets out "$BPIPE" --block-size 512 --report json:report -P pid <in >sizes &
    tool=$!
    exec 5>in
    wait_until 20 test -s pid
    head -c 700 /dev/zero >&5
    wait_number "$(<pid)" report bytes_in 700
    wait_until 20 has_lines sizes 1
    equal 512 "$(last_number bytes_out report)"
    head -c 323 /dev/zero >&5
    wait_number "$(<pid)" report bytes_in 1023
    equal 512 "$(last_number bytes_out report)"
    printf x >&5
    wait_until 20 has_lines sizes 2
    printf yz >&5
    exec 5>&-
    ended "$tool" 0
    equal '512*2 2' "$(writes_of <sizes)"
    { head -c 1023 /dev/zero && printf xyz; } | cmp out -
    adds_up report
}

@test "--start-fill: writing waits until the buffer is PERCENT full, and again after it ran empty" {
    mkfifo in
    packets out "$BPIPE" -B 8192 --start-fill 50 --report json:report -P pid <in >sizes &
    tool=$!
    exec 5>in
    wait_until 20 test -s pid
    head -c 4095 /dev/zero >&5
    wait_number "$(<pid)" report bytes_in 4095
    equal 0 "$(last_number bytes_out report)"
    printf a >&5
    wait_until 20 has_lines sizes 1
    wait_number "$(<pid)" report fill_bytes 0
    printf b >&5 # the buffer ran dry: this byte waits again
    wait_number "$(<pid)" report bytes_in 4097
    equal 4096 "$(last_number bytes_out report)"
    head -c 9000 /dev/zero >&5
    wait_number "$(<pid)" report bytes_in 13097
    printf c >&5
    exec 5>&- # the end brings the bytes that are there
    ended "$tool" 0
    { head -c 4095 /dev/zero && printf ab && head -c 9000 /dev/zero && printf c; } | cmp out -
    adds_up report
}

@test "--start-fill 100 with a block that does not divide the buffer does not hang" {
    random_bytes 100000 >in
    timeout 20 "$BPIPE" -q -B 1000 --block-size 999 --start-fill 100 --resume-fill 0 in | cmp in -
    timeout 20 "$BPIPE" -q -B 1000 --block-size 501 --start-fill 100 --resume-fill 1 -o a -o b in
    same a b
}

@test "--resume-fill: after the buffer was full, reading waits until it has drained to that level" {
    mkfifo in out
    exec 5<>in 6<>out
    random_bytes 200000 >data
    "$BPIPE" -J 0 -B 16384 -z 512 --resume-fill 25 --report json:report <in >out 5>&- 6>&- &
    pid=$!
    cat data >&5 &
    # The output's pipe holds 64K in pages, the buffer 16K: bpipe can read 81920 bytes.
    wait_number "$pid" report bytes_in 81920
    equal 16384 "$(last_number fill_bytes report)"
    head -c 4096 <&6 >copy
    wait_number "$pid" report fill_bytes 12288
    equal 81920 "$(last_number bytes_in report)"
    head -c 4096 <&6 >>copy
    wait_number "$pid" report fill_bytes 8192
    equal 81920 "$(last_number bytes_in report)"
    head -c 4096 <&6 >>copy
    wait_number "$pid" report bytes_in 94208 # 4096 were left: filled up again
    equal 16384 "$(last_number fill_bytes report)"
    head -c $((200000 - 3 * 4096)) <&6 >>copy
    cmp data copy
    kill -TERM "$pid"
    ended "$pid" 143
    adds_up report 143
}

# --- request and reply ------------------------------------------------------------------------

@test "a reply comes at once: 64 bytes go to and fro, and never wait for a block" {
    local options
    for options in '' '-B 1' '-B 64 -z 64' '-z 1' '-J 0' '-C' '-l' '-0' '--resume-fill 0' \
        '-o - -o /dev/null' '-o copy -o -'; do
        echo "bpipe -q $options"
        # shellcheck disable=SC2086
        pingpong 200 64 "$BPIPE" -q $options
    done
    pingpong 200 1 "$BPIPE" -q
    pingpong 200 4096 "$BPIPE" -q
    # shellcheck disable=SC2016
    pingpong 200 64 sh -c '"$BPIPE" -q | cat | "$BPIPE" -q'
    # pingpong does notice bytes that are held back:
    run pingpong -t 1 1 64 "$BPIPE" -q --block-size 65
    equal 2 "$status"
    run pingpong 1 64 "$BPIPE" -q -S -s 63
    equal 1 "$status"
}

# --- files ------------------------------------------------------------------------------------

@test "--append: every write goes to the end of the file" {
    random_bytes 100000 >in
    printf start >out
    "$BPIPE" -q --append -o out in
    { printf start && cat in; } | cmp out -
    "$BPIPE" -q --append -o new in
    same new
    # Two at once, with a record in each write: no record is torn or overwritten.
    for name in a b; do
        awk -v name="$name" 'BEGIN { for (i = 0; i < 3000; i++) printf "%s%063d\n", name, i }' >"$name"
        "$BPIPE" -q --append --block-size 65 -o both "$name" &
    done
    wait
    sort both | cmp <(sort a b) -
}

@test "--no-clobber: an existing file stays, anything else is written" {
    random_bytes 1000 >in
    printf old >old
    ln -s old link
    ln -s nowhere dangling
    local name
    for name in old link dangling; do
        run -1 "$BPIPE" -q --no-clobber -o "$name" in
        equal "bpipe: $name: File exists" "$output"
    done
    equal old "$(<old)"
    [ ! -e nowhere ]
    # The other outputs are not created or written to either.
    run -1 "$BPIPE" -q --no-clobber -o new -o old in
    [ ! -e new ]
    "$BPIPE" -q --no-clobber -o new -o /dev/null -o >(sum_stdin >sum) in
    same new
    expect_sum "$(sum in)" sum
}

@test "--atomic: the old file until the end, then the whole new one, with its mode" {
    mkfifo in
    printf old >target
    chmod 640 target
    ln -s target link
    random_bytes 100000 >data
    "$BPIPE" --atomic -o link -o new --report json:report in &
    pid=$!
    exec 5>in
    head -c 60000 data >&5
    wait_number "$pid" report bytes_out 60000
    equal old "$(<target)"
    [ ! -e new ]
    tail -c 40000 data >&5
    exec 5>&-
    ended "$pid" 0
    cmp data target
    cmp data new
    [ -L link ]
    equal 640 "$(stat -c %a target)"
    equal 'data in link new report target' "$(files)" "no stray file"
}

@test "--atomic: after a failure or a signal there is the old file, and no other" {
    printf old >target
    random_bytes 1000 >in
    run -1 "$BPIPE" -q --atomic -o target -o new in missing
    equal old "$(<target)"
    mkfifo fifo
    "$BPIPE" -q --atomic -o target -o new --report json:report fifo &
    pid=$!
    exec 5>fifo
    cat in >&5
    wait_number "$pid" report bytes_out 1000
    kill -TERM "$pid"
    ended "$pid" 143
    equal old "$(<target)"
    equal 'fifo in report target' "$(files)" "no stray file"
    run -1 "$BPIPE" -q --atomic -o fifo in
    equal 'bpipe: fifo: is not a regular file (required by --atomic)' "$output"
}

@test "--sync: every write on the disk before the next, and all of it at the end" {
    random_bytes 100001 >in
    "$BPIPE" -q -Y -z 10000 -o out -o >(sum_stdin >sum) in
    same out
    expect_sum "$(sum in)" sum
    skip_unless strace
    no_leak_check strace -f -o trace -e trace=write,writev,fdatasync,fsync \
        "$BPIPE" -q -Y -z 10000 -o out in
    grep -oE '(write|writev|fdatasync|fsync)\([0-9]+' trace | sed 's/writev/write/' | tr '(' ' ' |
        awk '{ print $2, $1 }' >calls
    fd=$(awk '$2 == "fsync" { print $1 }' calls)
    # A write, its sync, ..., and the last sync.
    equal "11*write+fdatasync fsync" "$(awk -v fd="$fd" '$1 == fd { print $2 }' calls |
        paste -sd ' ' | awk '{ n = gsub(/write fdatasync ?/, ""); print n "*write+fdatasync " $0 }')"
}

@test "--direct-io: whole and odd sizes, buffers and chunks" {
    local size options
    random_bytes 1048581 >data
    for size in 0 1 4095 4096 4097 8192 131072 1048581; do
        head -c "$size" data >in
        for options in '' '-z 100000' '-B 5000 -z 3000' '-B 8192' '-B 4095' '--block-size 4096'; do
            echo "$size bytes, -K $options"
            # shellcheck disable=SC2086
            "$BPIPE" -q -K $options -o copy -o other in
            same copy other
        done
        # shellcheck disable=SC2002
        cat in | "$BPIPE" -q -K -o copy
        same copy
        "$BPIPE" -q -K in | cmp in -
    done
    # After an odd end, from an odd place, in small pieces.
    printf odd >out
    dd if=data obs=1111 2>/dev/null | "$BPIPE" -q -K --append -o out
    { printf odd && cat data; } | cmp out -
    exec 7<data
    dd bs=1 count=5 <&7 >/dev/null 2>&1
    "$BPIPE" -q -K fd://7 | cmp <(tail -c +6 data) -
}

@test "--direct-io: O_DIRECT is used where possible, and never on a shared description" {
    skip_unless strace
    ! is_portable || skip "the portable variant has no O_DIRECT"
    dd if=/dev/zero of=probe bs=4096 count=1 oflag=direct 2>/dev/null ||
        skip "the filesystem of $T has no O_DIRECT"
    random_bytes 1000000 >in
    no_leak_check strace -o trace -e trace=fcntl "$BPIPE" -q -K -o out in
    same out
    equal 2 "$(grep -o 'fcntl([0-9]*, F_SETFL, .*O_DIRECT.*) = 0' trace | cut -d, -f1 | sort -u | wc -l)"
    rm out
    # Another process that has the same file open would get errors from its own writes.
    no_leak_check strace -o trace -e trace=fcntl "$BPIPE" -q -K <in >out
    same out
    refute grep -q 'F_SETFL.*O_DIRECT' trace
}

@test "--discard: counts, and writes nothing" {
    random_bytes 3000001 >in
    # shellcheck disable=SC2002
    cat in | "$BPIPE" -X -B 100000 --report json:report | cmp - /dev/null
    equal 3000001 "$(last_number bytes_in report)"
    equal 3000001 "$(last_number bytes_out report)"
    adds_up report
    "$BPIPE" -X --report json:report in >&- # stdout is not needed
    equal 3000001 "$(last_number bytes_out report)"
}

# --- size -------------------------------------------------------------------------------------

# rest_follows SIZE OPTION...: bpipe takes the first SIZE bytes of ./in and the next command takes
# the others, from a file, a pipe and a FIFO.
rest_follows() {
    local size=$1
    shift
    echo "$size: $*"
    if [ "$size" != "${split_at:-}" ]; then
        head -c "$size" in >first
        tail -c +$((size + 1)) in >rest
        split_at=$size
    fi
    { "$BPIPE" -q -S "$@" -o got; cmp rest -; } <in
    cmp first got
    # shellcheck disable=SC2002
    cat in | { timeout 20 "$BPIPE" -q -S "$@" >got; exec cmp rest -; }
    cmp first got
    cat in >fifo &
    { timeout 20 "$BPIPE" -q -S "$@" >got; cmp rest -; } <fifo
    cmp first got
}

@test "-S: the next command finds the next byte" {
    random_bytes 300000 >in
    mkfifo fifo
    local size
    for size in 1 511 65536 131072 131073 200001 299999 300000; do
        rest_follows $size -s $size
        rest_follows $size -s $size -B 1000 -z 333
        rest_follows $size -s $size -C
    done
    rest_follows 300000 -s 300001 # there are not that many
    rest_follows 100 -s 100 --start-fill 100
    rest_follows 1000 -s 1000 --block-size 512
    rest_follows 5000 -s 5000 -K
}

@test "-S with -l and -0: stops after that number of records" {
    mkfifo fifo
    # Records of 0 to 299 bytes; the last one is unfinished.
    awk 'BEGIN { srand(5); for (i = 0; i < 1000; i++) printf "%*s\n", rand() * 300, ""; printf "end" }' \
        >in
    local count
    for count in 1 2 17 500 999 1000; do
        rest_follows "$(head -n $count in | wc -c)" -l -s $count
    done
    rest_follows "$(size_of in)" -l -s 1001
    tr '\n' '\0' <in >nul && mv nul in
    split_at=
    rest_follows "$(head -z -n 333 in | wc -c)" -0 -s 333 -B 50
    rest_follows "$(head -z -n 333 in | wc -c)" -0 -s 333 -z 1
}

@test "-S with a size of 0 passes nothing, and leaves everything to the next reader" {
    printf 12345 >in
    : >empty
    mkdir -p bare/folder
    local option
    mkfifo fifo
    for option in "-s 0" "-s 0 -C" "-s 0 -B 1" "-s @empty" "-s @bare" "-l -s 0" "-0 -s @empty" "-s 0 -K" \
        "-s 0 --overflow drop-oldest" "-s 0 --frame -X" "-s 0 --tap tap" "-s 0 -L 1" "-s 0 --expect-size 0"; do
        echo "options: $option"
        # shellcheck disable=SC2086
        case $option in
        *-X*) { "$BPIPE" -q -S $option && cat >left; } <in && cmp in left ;;
        *) rest_follows 0 $option ;;
        esac
    done
    # Several inputs; bpipe does not even look at the second one.
    { "$BPIPE" -q -S -s 0 -o got - missing && cat >left; } <in
    cmp in left
    size_is got 0
    # A terminal keeps the line that was typed.
    if command -v python3 >/dev/null; then
        python3 -c "$typed" "$BPIPE" -q -S -s 0 >out
        equal "status 0, left b'12345\\n'" "$(<out)"
    fi
    # A command is not started if no byte of its output is needed.
    "$BPIPE" -q -S -s 0 --from ': >started' -o got
    refute [ -e started ]
    # Errors are found nevertheless.
    run -1 --separate-stderr "$BPIPE" -q -S -s 0 missing -o new
    equal 'bpipe: missing: No such file or directory' "$stderr"
    refute [ -e new ]
    run -1 --separate-stderr "$BPIPE" -q -S -s 0 --expect-size 5 in
    equal 'bpipe: in: the stream ended after 0 bytes, not 5 (--expect-size)' "$stderr"
}

# Types a line, runs the arguments on that terminal, and prints what is left.
typed='
import os, pty, subprocess, sys
master, slave = pty.openpty()
os.write(master, b"12345\n")
status = subprocess.call(sys.argv[1:], stdin=slave)
print("status %d, left %r" % (status, os.read(slave, 100)))
'

@test "a size of 0 is a size" {
    : >empty
    printf 12345 >in
    local option
    for option in "-s 0" "-s @empty"; do
        # shellcheck disable=SC2086
        "$BPIPE" $option -f -n --report json:report </dev/null 2>err
        equal 0 "$(last_number size_bytes report)"
        equal 100 "$(tail -n 1 err)"
        # shellcheck disable=SC2086
        "$BPIPE" $option 2>&1 </dev/null | head -n 1 | grep -qx 'bpipe: 0 B of 0 B (100%) in .*'
        # If bytes come nevertheless, there is no percentage.
        # shellcheck disable=SC2086
        "$BPIPE" $option --report none -n -F '[%b,%p,%e,%I]' in 2>err | cmp in -
        equal '[5,null,null,null]' "$(<err)"
        # shellcheck disable=SC2086
        "$BPIPE" $option --report none -n in 2>err | cmp in -
        equal "" "$(<err)"
        # shellcheck disable=SC2086
        "$BPIPE" $option in 2>&1 >out | head -n 1 | grep -qx 'bpipe: 5 B of 0 B in .*'
        # shellcheck disable=SC2086
        "$BPIPE" $option --report prometheus:report in | cmp in -
        grep -qx 'bpipe_expected_bytes 0' report
        rm report
    done
    "$BPIPE" -l -s 0 in 2>&1 >out | head -n 1 | grep -qx 'bpipe: 5 B, 0 of 0 records (100%) in .*'
    printf '1\n' | "$BPIPE" -l -s 0 2>&1 >out | head -n 1 | grep -qx 'bpipe: 2 B, 1 of 0 records in .*'
    "$BPIPE" -f -p -e -s 0 2>err </dev/null
    tr '\r' '\n' <err | grep -qE '^\[=+>\] 100% *$'
    "$BPIPE" --report none -f -p -e -s 0 in 2>err >out
    tr '\r' '\n' <err | grep -qE '^\[ *<=> *\] *$'
    refute grep -q -e % -e ETA err
    # A file that was read to its end has 0 bytes left. A file without bytes may be one in /proc,
    # and its size is not known.
    { cat >/dev/null; "$BPIPE" -q -S --report json:report; } <in
    equal 0 "$(last_number size_bytes report)"
    "$BPIPE" -q --report json:report empty
    tail -n 1 report | grep -q '"size_bytes":null'
    "$BPIPE" -q -S /proc/self/status | grep -q ^Name:
}

@test "a file in /proc among others: the sum of the sizes is not known once it yields a byte" {
    : >empty
    random_bytes 10K >in
    cat in /proc/version >both
    local option
    for option in "" -C -l "--merge -l" "-B 1000"; do
        # shellcheck disable=SC2086
        "$BPIPE" -q $option --report json:report in empty >out
        equal 10240 "$(last_number size_bytes report)" "$option"
        # shellcheck disable=SC2086
        "$BPIPE" -q $option --report json:report in /proc/version | cat >out
        tail -n 1 report | grep -q '"size_bytes":null'
        [ "$option" = "--merge -l" ] || equal_files both out
    done
    cat /proc/version in | cmp - <("$BPIPE" --report none -n -F '[%p,%e]' /proc/version in 2>err)
    equal '[null,null]' "$(<err)"
    # A size that was given stays.
    "$BPIPE" -q -s 20480 --report json:report /proc/version in >out
    equal 20480 "$(last_number size_bytes report)"
    # -S does not lose the bytes that are not in the sum.
    "$BPIPE" -q -S in /proc/version | cmp both -
    "$BPIPE" -S --report none in /proc/version 2>err | cmp both -
    equal 'bpipe: --stop-at-size: size unknown: copying all (use --size)' "$(<err)"
}

@test "-S over several inputs, and with the size of a file or tree" {
    random_bytes 1000 1 >a
    random_bytes 500 2 >b
    random_bytes 5000 3 >in
    { "$BPIPE" -q -S -s 1700 -o got a b - && cat >left; } <in
    cat a b <(head -c 200 in) | cmp got -
    tail -c +201 in | cmp left -
    # shellcheck disable=SC2094
    { "$BPIPE" -q -S -s @a && cat >left; } <in | cmp <(head -c 1000 in) -
    tail -c +1001 in | cmp left -
    mkdir -p tree/sub
    ln -s /etc tree/link
    cp a tree
    cp b tree/sub
    # shellcheck disable=SC2094
    { "$BPIPE" -q -S -s @tree && cat >left; } <in | cmp <(head -c 1500 in) -
    tail -c +1501 in | cmp left -
    printf '1\n2\n' >lines
    equal $'a\nb' "$(printf 'a\nb\nc\n' | "$BPIPE" -q -l -S -s @lines)"
    # Without -s it is the current size of the input.
    "$BPIPE" -q -S in | cmp in -
    # No size at all: everything is copied, with a message.
    run -0 --separate-stderr "$BPIPE" --report none -S < <(echo 'all of it')
    equal 'all of it' "$output"
    equal 'bpipe: --stop-at-size: size unknown: copying all (use --size)' "$stderr"
    run -0 --separate-stderr "$BPIPE" --report none -S -l lines
    equal $'1\n2' "$output"
    local reason='number of records unknown: copying all (use --size)'
    equal "bpipe: --stop-at-size: $reason" "$stderr"
    : >empty
    # shellcheck disable=SC2094
    { "$BPIPE" -q -S -s @empty && cat >left; } <in | cmp <(:) -
    cmp in left
    run -1 "$BPIPE" -q -s @missing in
    equal 'bpipe: --size: missing: No such file or directory' "$output"
}

# --- FIFOs ------------------------------------------------------------------------------------

@test "an input FIFO that is opened before its writer comes" {
    random_bytes 200000 >in
    mkfifo fifo
    "$BPIPE" -q -o copy fifo &
    pid=$!
    wait_until 20 holds "$pid" fifo
    wait_until 20 in_poll "$pid" # a FIFO without a writer has not ended
    cat in >fifo
    ended "$pid" 0
    same copy
}

@test "an input FIFO whose writer is there, and one whose writer left before" {
    random_bytes 50000 >in
    mkfifo fifo
    exec 5<>fifo
    cat in >&5
    "$BPIPE" -q -o copy fifo 5>&- &
    pid=$!
    wait_until 20 holds "$pid" fifo
    wait_until 20 cmp -s in copy
    exec 5>&-
    ended "$pid" 0
    same copy
    # Writers come one after the other while the FIFO is held open.
    "$BPIPE" -q -o copy fifo &
    pid=$!
    exec 5>fifo
    head -c 20000 in >fifo
    tail -c 30000 in >fifo
    exec 5>&-
    ended "$pid" 0
    same copy
}

@test "an inherited FIFO whose writer has left: its bytes, and then the end" {
    random_bytes 60000 >in
    mkfifo fifo
    for size in 60000 1 0; do
        # shellcheck disable=SC2094
        exec 5<>fifo 6<fifo
        head -c "$size" in >&5
        exec 5>&-
        timeout 20 "$BPIPE" -q -B 1000 <&6 | cmp <(head -c "$size" in) -
        # Again: it is still at its end, for every reader.
        timeout 20 "$BPIPE" -q <&6 | cmp - /dev/null
        exec 6<&-
    done
}

# splice(2) says EAGAIN then, as if more could come.
@test "an inherited FIFO whose writer has left: its last byte fills the pipe behind bpipe" {
    random_bytes 4096 >in
    mkfifo fifo
    local option
    for option in '-J 0' '-J 0 -C' '-J 0 -l'; do
        # shellcheck disable=SC2094
        exec 5<>fifo 6<fifo
        cat in >&5
        exec 5>&-
        # shellcheck disable=SC2086
        {
            pipesize 3 4096 3>&1 >size
            timeout 20 "$BPIPE" -q $option <&6 6<&- || touch failed
            touch ended
        } | { wait_until 30 test -e ended && cat >out; }
        rm ended
        [ ! -e failed ]
        equal_files in out
        exec 6<&-
    done
}

@test "an inherited FIFO whose writer leaves while bpipe waits" {
    mkfifo fifo
    # shellcheck disable=SC2094
    exec 5<>fifo 6<fifo
    "$BPIPE" -q -o copy <&6 5>&- &
    pid=$!
    wait_until 20 in_poll "$pid"
    exec 5>&-
    ended "$pid" 0
    [ ! -s copy ]
}

@test "an output FIFO that is opened before its reader comes" {
    random_bytes 200000 >in
    mkfifo fifo source
    "$BPIPE" -q -o fifo -o copy in &
    pid=$!
    wait_until 20 holds "$pid" copy
    cat fifo >got
    ended "$pid" 0
    same got copy
    # Nothing is read before all outputs are there: the input is left to others.
    exec 5<>source
    head -c 1000 in >&5
    "$BPIPE" -q -o fifo <source 5>&- &
    pid=$!
    wait_until 20 catches_usr1 "$pid"
    timeout 20 head -c 1000 <&5 | cmp <(head -c 1000 in) -
    kill -TERM "$pid"
    ended "$pid" 143
}

@test "an output FIFO whose reader is there already" {
    random_bytes 200000 >in
    mkfifo fifo
    cat fifo >got &
    "$BPIPE" -q -o fifo in
    wait
    same got
    # And an output FIFO whose reader is slow to begin.
    exec 6<>fifo
    "$BPIPE" -q -J 0 -o fifo in 6>&- &
    pid=$!
    wait_until 20 holds "$pid" fifo
    wait_until 20 in_poll "$pid"
    timeout 20 head -c 200000 <&6 >got
    ended "$pid" 0
    same got
}

# --- pipes that grow --------------------------------------------------------------------------

has_size() { # FD BYTES
    [ "$(pipesize "$1")" = "$2" ]
}

# grows WANT OPTION...: the pipes on 5 and 6, at both sides of bpipe, have WANT bytes while it runs,
# and their old size after it.
grows() {
    local want=$1 fd
    shift
    echo "$*: $want"
    "$BPIPE" -q "$@" --report json:report <in >out 5>&- 6>&- &
    pid=$!
    printf x >&5
    wait_number "$pid" report bytes_out 1
    for fd in 5 6; do
        equal "$want" "$(pipesize $fd)" "size of the pipe on $fd"
    done
    kill -TERM "$pid"
    ended "$pid" 143
    for fd in 5 6; do
        equal "$before" "$(pipesize $fd)" "size of the pipe on $fd, after"
    done
    rm report
}

@test "-J: pipes grow, and are given back" {
    ! is_portable || skip "the portable variant leaves the size of pipes alone"
    local before
    mkfifo in out
    exec 5<>in 6<>out
    before=$(pipesize 5)
    pipesize 6 "$before"
    [ "$(pipesize 5 1048576 2>/dev/null)" = 1048576 ] || skip "this user may not grow a pipe to 1M"
    pipesize 5 "$before"
    grows 1048576
    grows 262144 -J 256K
    grows 131072 -J 100000
    grows "$before" -J 0
    grows "$before" -J 4096 # never smaller
    grows 1048576 -J 2000M # more than any kernel gives: same as without -J
    # Not where the buffer is shown or is small, unless -J is given.
    grows "$before" -T
    grows "$before" -F '%b %T'
    grows "$before" -F '%{buffer-bar}'
    grows "$before" -x 'processtitle:%{buffer-fill}'
    grows "$before" -B 65535
    grows 1048576 -B 64K
    grows 1048576 -F '%b %{bottleneck}'
    grows 1048576 -T -J 1M
    grows 131072 -B 1K -F %T -J 128K
    before=$(pipesize 5 524288)
    pipesize 6 524288
    grows 1048576
    grows 524288 -J 256K
}

@test "-J: the pipes to and from commands" {
    ! is_portable || skip "the portable variant leaves the size of pipes alone"
    mkfifo probe
    exec 5<>probe
    local before
    before=$(pipesize 5)
    [ "$(pipesize 5 1048576 2>/dev/null)" = 1048576 ] || skip "this user may not grow a pipe to 1M"
    sizes() { # WANT OPTION...
        local want=$1
        shift
        "$BPIPE" -q "$@" --from 'pipesize 1' --to 'pipesize 0 >to; cat >from'
        equal "$want $want" "$(<from) $(<to)" "$*"
    }
    sizes 262144 -J 256K
    sizes "$before" -J 0
    sizes "$before" -T
    sizes "$before" -B 32K
    sizes 262144 -T -J 256K
}

@test "-J: bytes that a grown pipe still holds at the end are not lost" {
    ! is_portable || skip "the portable variant leaves the size of pipes alone"
    random_bytes 1000000 >in
    mkfifo out
    exec 6<>out
    [ "$(pipesize 6 1048576 2>/dev/null)" = 1048576 ] || skip "this user may not grow a pipe to 1M"
    pipesize 6 65536
    timeout 20 "$BPIPE" -q in >out 6>&- # all of it fits
    timeout 20 head -c 1000000 <&6 | cmp in -
}

# --- memory -----------------------------------------------------------------------------------

# needs BYTES OPTION...: 24M through bpipe hold at most BYTES in the buffer, and the memory of bpipe
# is at most that and 3 MiB.
needs() {
    local want=$1 peak rss
    shift
    echo "$*"
    random_bytes 24M | spawn -o used timeout 60 "$BPIPE" "$@" --report json:report >/dev/null
    peak=$(last_number peak_bytes report)
    rss=$(($(field maxrss_kib used) * 1024))
    echo "peak $peak, memory $rss"
    [ "$peak" -le "$want" ]
    ((rss <= peak + 3 * 1048576))
}

rss_below() { # PID MEBIBYTES
    [ "$(sed -n 's/^VmRSS:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$1/status")" -lt $(($2 * 1024)) ]
}

@test "memory: after a burst, memory is returned" {
    ! is_sanitized || skip "the sanitizers need memory of their own"
    ! is_portable || skip "POSIX has no way to give memory back"
    mkfifo feed out
    random_bytes 12M >in
    "$BPIPE" -q -C <feed >out &
    local pid=$!
    exec {to}>feed {from}<out
    cat in >&"$to"
    refute rss_below "$pid" 9
    head -c 12M <&"$from" | cmp in -
    wait_until 10 rss_below "$pid" 4
    cat in >&"$to" # the buffer serves again
    refute rss_below "$pid" 9
    exec {to}>&-
    cat <&"$from" | cmp in -
    wait "$pid"
}

@test "memory: the bytes that the buffer had to hold, and 3 MiB" {
    ! is_sanitized || skip "the sanitizers need memory of their own"
    needs $((1 << 30)) -B 1G
    needs $((16 << 20)) -B 16M --start-fill 100
    equal 16777216 "$(last_number peak_bytes report)"
    needs $((8 << 20)) -B 8M --start-fill 100 -z 8M -o - -o /dev/null -o copy
    needs 100000 -B 100000 -z 1G
    needs 5000 -B 5000 -z 1000 -l
    needs $((16 << 20)) -X
}
