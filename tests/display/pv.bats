#!/usr/bin/env bats
#
# Command lines of pv(1) as scripts have them, with bpipe in place of pv. The bytes must be the
# same, and so must success or failure and the parts of the line (the amount, the time, the bar
# ...). Numbers for dialog(1) must be the same to the byte.
#
# The installed pv shows what pv writes. The parts of each line are also listed here, so that the
# table is of use where there is no pv. `BPIPE=pv bats tests/display/pv.bats` tests the table
# itself.

bats_require_minimum_version 1.5.0
load ../helpers
load ../observe

# NAME;INPUT;PARTS;ARGUMENTS
#
# INPUT: slow (a pipe that pauses until something is shown), quick (a pipe), file (<data), none
# (</dev/null, for command lines that name files).
# PARTS: the parts that some frame shows: see describe_frames. "silent": nothing is written to stderr. "+"
# marks a line without display switches, where bpipe may show more than pv.
# In ARGUMENTS -f makes the tool show its line where stderr is not a terminal.
# shellcheck disable=SC2016
table='
syncoid;slow;amount bar eta percent rate time;-f -p -t -e -r -b -s 20000
limit, quiet;quick;silent;-L 1m -q
not a terminal;quick;silent;-pterb
cursor, no terminal;quick;silent;-cN name
a tree;slow;+ amount bar eta percent rate time;-f -s $(cat tree.size)
lines;slow;amount rate time;-f -ltrb
everything;slow;amount bar eta percent rate rate time;-f -ptebar -s 20000
everything, no size;slow;amount bar rate rate time;-f -ptebar
pterb, no size;slow;amount bar rate time;-f -pterb
wait;slow;+ amount bar rate time;-f -W
delay;slow;+ amount bar rate time;-f -D 1
delay that never ends;quick;silent;-f -D 100
interval;slow;+ amount bar rate time;-f -i 0.5
interval, attached;slow;amount;-fbi0.5
width;slow;amount bar rate time;-f -w 60 -pterb
format;slow;amount rate;-f -F "%b %r"
format, all;slow;amount bar eta name percent rate rate time;-f -s 20000 -N label -F "%N %b %t %r %a %p %e"
format, percent sign;slow;amount text;-f -F "%% %b"
stop at size;quick;amount bar percent rate time;-f -pterb -S -s 1000
buffer;quick;+ amount bar rate time;-f -B 1m
quiet file;none;silent;-q data
file;none;+ amount bar percent rate time;-f data
two files;none;+ amount bar percent rate time;-f data two
standard input is a file;file;+ amount bar percent rate time;-f
file and standard input;quick;+ amount bar rate time;-f data -
label;slow;amount bar name rate time;-pterb -N label -f
average;slow;rate;-f -a
arrival;slow;fin;-f -I -s 20000
buffer fill;slow;buffer;-f -T
last bytes;slow;text;-f -A 10
records;slow;+ amount bar rate time;-f -0
lines of a size;slow;amount bar eta percent;-f -l -s 200 -bpe
timer;slow;time;-f -t
bar;slow;bar percent;-f -p -s 20000
bar, no size;slow;bar;-f -p
eta, no size;slow;;-f -e
rate;slow;rate;-f -r
amount;slow;amount;-f -b
no splice;slow;amount;-f -b -C
height;slow;amount;-f -b -H 30
pidfile;slow;amount;-f -b -P pidfile
long names;slow;amount bar eta fin name percent rate rate time;--force --progress --timer --eta --fineta --rate --average-rate --bytes --size 20000 --interval 0.5 --width 100 --name label
long names, others;quick;silent;--quiet --rate-limit 10m --buffer-size 64k --no-splice --line-mode
long names with =;slow;amount name;--force --bytes --name=label --interval=0.5 --width=40 --height=10
no such file;none;silent ;-q nowhere
one of them is missing;none;silent ;-q nowhere data
no such option;none;silent ;--nonesuch
'

setup_file() {
    local line number=0
    cd "$BATS_FILE_TMPDIR" || return 1
    export XDG_RUNTIME_DIR=$PWD/run
    mkdir -m 700 run
    seq 1000000 1002499 | tr 0-9 a-j >data
    seq 1000 >two
    echo 20000 >tree.size
    while IFS= read -r line; do
        [ -n "$line" ] || continue
        number=$((number + 1))
        run_case pv "$number" "$line" &
        run_case bpipe "$number" "$line" &
    done <<<"$table"
    wait
    describe ./*/err
}

# Parses the LINE of a case: sets name, input, parts, arguments.
read_case() {
    IFS=';' read -r name input parts arguments <<<"$1"
}

run_case() { # TOOL NUMBER LINE
    local dir=$2.$1 name input parts arguments status=0 tool=pv
    read_case "$3"
    mkdir "$dir"
    cd "$dir" || return 1
    ln ../data ../two ../tree.size .
    # shellcheck disable=SC2153
    [ "$1" = pv ] || tool=$BPIPE
    command -v "$tool" >/dev/null || return 0
    eval "set -- $arguments"
    [ "$tool" != "$BPIPE" ] || [[ $tool == pv || $tool == */pv ]] || set -- --report none "$@"
    export LC_ALL=C TERM=dumb
    case $input in
    slow) produce slowly | timeout 60 "$tool" "$@" >out 2>err 3>&- || status=$? ;;
    quick) produce | timeout 60 "$tool" "$@" >out 2>err 3>&- || status=$? ;;
    file) timeout 60 "$tool" "$@" <data >out 2>err 3>&- || status=$? ;;
    none) timeout 60 "$tool" "$@" </dev/null >out 2>err 3>&- || status=$? ;;
    esac
    echo "$status" >status
}

# Prints half of the data, and the rest once something was shown.
produce() { # [slowly]
    local turn
    exec 3>&-
    head -c 10000 data
    for ((turn = 0; turn < 100 && $# > 0; turn++)); do
        [ ! -s err ] || break
        nap 0.1
    done
    tail -c +10001 data
}

# --- the parts of a line --------------------------------------------------------------------

# The frames of a file, one on a line, without escape sequences.
frames() { tr '\r' '\n' <"$1" | sed -e $'s/\e\\[[0-9;?]*[A-Za-z]//g' | grep '[^ ]'; }

# Writes beside each FILE what its frames show, for all FILEs in one process:
#
#   FILE.parts  the parts of all frames together, sorted: amount, bar, buffer, eta, fin, name,
#               percent, rate (twice if the average is there, too), text (anything else), time
#   FILE.last   the parts of the last frame
#   FILE.width  the columns of the longest frame
# shellcheck disable=SC2016
describe_frames='
function take(pattern, part) {
    if (!match(frame, pattern))
        return 0
    frame = substr(frame, 1, RSTART - 1) " " substr(frame, RSTART + RLENGTH)
    seen[part]++
    return 1
}
function look(part) {
    if (length(frame) > width[FILENAME])
        width[FILENAME] = length(frame)
    split("", seen)
    take("^ *label:", "name")
    take("(FIN|ETA) +([0-9][0-9]|--):([0-9][0-9]|--):([0-9][0-9]|--)", "fin") # pv before 1.7 has ETA there, too
    take("ETA +([0-9]:[0-9][0-9]:[0-9][0-9]|-:--:--)", "eta") # pv has 0 beyond the size
    take("[{][ 0-9-]*%?[}]", "buffer")
    take("[[(] *[0-9.]+ *[kKMGT]?i?B?/s[])]", "rate") # (the average) from pv 1.8 on
    take("[[(] *[0-9.]+ *[kKMGT]?i?B?/s[])]", "rate")
    take("\\[[ =<>-]*\\]", "bar")
    take("[0-9]+:[0-9][0-9]:[0-9][0-9]", "time")
    # The short forms of a line without display switches.
    take("ETA +([0-9]+:[0-9][0-9]|-:--)", "eta")
    take("(^| )[0-9.]+ *[kKMGT]?i?B/s", "rate")
    take("(^| )[.=<]*>[.]*", "bar")
    take("(^| )[0-9]+:[0-9][0-9]", "time")
    take("[0-9]+%", "percent")
    take("(^| )[0-9][0-9.]* *([kKMGT]?i?[Bb]|[kKMGT])?( |$)", "amount")
    if (frame ~ /[^ ]/)
        seen["text"]++
    for (part in seen)
        if (seen[part] > most[FILENAME, part])
            most[FILENAME, part] = seen[part]
    last[FILENAME] = listed("", seen)
}
function listed(prefix, counts, count, list, i, j) {
    list = ""
    for (i = 1; i <= known; i++)
        for (j = 0; j < counts[prefix names[i]]; j++)
            list = list (list == "" ? "" : " ") names[i]
    return list
}
function keep(value, file) {
    print value >file
    close(file)
}
BEGIN {
    RS = "\r"
    known = split("amount bar buffer eta fin name percent rate text time", names, " ")
}
{
    lines = split($0, line, "\n")
    for (n = 1; n <= lines; n++) {
        frame = line[n]
        gsub(/\033\[[0-9;?]*[A-Za-z]/, "", frame)
        if (frame ~ /[^ ]/)
            look()
    }
}
END {
    for (n = 1; n < ARGC; n++) {
        keep(listed(ARGV[n] SUBSEP, most), ARGV[n] ".parts")
        keep(last[ARGV[n]], ARGV[n] ".last")
        keep(width[ARGV[n]] + 0, ARGV[n] ".width")
    }
}'

describe() { # FILE...
    awk "$describe_frames" "$@"
}

# --- the table ------------------------------------------------------------------------------

# each_case COMMAND: runs it for every case, in the directories of its number ($pv, $bpipe), and
# shows all that fail. Fails if a case fails, or if there are none.
each_case() {
    local line number=0 failed=0 name input parts arguments pv bpipe
    while IFS= read -r line; do
        [ -n "$line" ] || continue
        number=$((number + 1))
        read_case "$line"
        pv=$BATS_FILE_TMPDIR/$number.pv bpipe=$BATS_FILE_TMPDIR/$number.bpipe
        "$@" && continue
        echo "  $name: $input, arguments $arguments"
        failed=1
    done <<<"$table"
    ((number >= 40 && failed == 0))
}

has_pv() { # whether this pv knows the options of this case
    [ -e "$pv/status" ] && [[ $(<"$pv/err") != *'invalid option'* ]]
}

# The output without pv: everything, except what -S and a missing file cut.
right_bytes() {
    case $name in
    'stop at size') head -c 1000 "$bpipe/data" ;;
    'two files') cat "$bpipe/data" "$bpipe/two" ;;
    'file and standard input') cat "$bpipe/data" "$bpipe/data" ;;
    'no such file' | 'no such option') ;;
    *) cat "$bpipe/data" ;;
    esac | cmp - "$bpipe/out"
}

@test "the bytes" {
    each_case right_bytes
}

@test "the bytes are pv's" {
    skip_unless pv
    same_bytes() { has_pv && cmp "$pv/out" "$bpipe/out"; }
    each_case same_bytes
}

right_status() {
    case $name in
    'no such file' | 'one of them is missing' | 'no such option') [ "$(<"$bpipe/status")" -ne 0 ] ;;
    *) equal 0 "$(<"$bpipe/status")" "$(<"$bpipe/err")" ;;
    esac
}

@test "success and failure" {
    each_case right_status
}

@test "success and failure are pv's" {
    skip_unless pv
    same_status() { equal $(($(<"$pv/status") == 0)) $(($(<"$bpipe/status") == 0)); }
    each_case same_status
}

right_parts() {
    local shown
    case $parts in
    silent) [ ! -s "$bpipe/err" ] ;;
    'silent ') true ;; # a message
    +*) # at least these
        shown=" $(<"$bpipe/err.parts") "
        for part in ${parts#+}; do
            [[ $shown == *" $part "* ]] || { echo "no $part in:" && frames "$bpipe/err" && return 1; }
        done
        ;;
    *) equal "$parts" "$(<"$bpipe/err.parts")" || { frames "$bpipe/err" && return 1; } ;;
    esac
}

@test "what the line shows" {
    each_case right_parts
}

# Where pv gets no display switches, bpipe may show more.
same_parts() { # parts|last
    local part shown wanted
    has_pv && [[ $parts != 'silent ' ]] || return 0
    wanted=$(<"$pv/err.$1")
    shown=$(<"$bpipe/err.$1")
    if [[ $parts != +* ]]; then
        equal "$wanted" "$shown" || { frames "$pv/err" && echo / && frames "$bpipe/err" && return 1; }
        return
    fi
    for part in $wanted; do
        [[ " $shown " == *" $part "* ]] || {
            echo "no $part in:"
            frames "$bpipe/err"
            return 1
        }
    done
}

@test "what the line shows is what pv's shows" {
    skip_unless pv
    each_case same_parts parts
}

@test "what the last line shows is what pv's last one shows" {
    skip_unless pv
    each_case same_parts last
}

# --- the form of the line -------------------------------------------------------------------

# The frames begin (or end) with \r, and there is a newline after the last one: one line in all.
one_line() {
    local written=
    [[ $parts != silent* ]] || return 0
    IFS= read -rd '' written <"$bpipe/err" || true
    equal $'\n' "${written//[!$'\n']/}" "newlines" && equal $'\n' "${written: -1}" "the last byte"
}

@test "any number of frames is one line, with an end" {
    each_case one_line
}

right_width() {
    local width=80 longest
    case $arguments in
    *'-w 60'*) width=60 ;;
    *--width*) width=${arguments##*--width?} width=${width%% *} ;;
    esac
    [[ $parts != silent* ]] || return 0
    longest=$(<"$bpipe/err.width")
    ((longest <= width)) || { echo "$longest columns" && return 1; }
    [[ $parts != *bar* ]] || ((longest >= width - 2)) || { echo "only $longest columns" && return 1; }
}

@test "no line is wider than the terminal, and a bar fills it" {
    each_case right_width
}

# --- numbers --------------------------------------------------------------------------------

# LINE;INPUT;ARGUMENTS: LINE is all that is written when there is time for only one line; T is a
# time.
numbers='
100;file;-n
20000;file;-nb
20000;file;-n -b -s 20000
T 20000;file;-nbt
T 20000;file;-ntb -s 400000
T 100;file;-nt
2500;file;-nbl
100;file;-nl -s 2500
50;file;-nl -s 5000
5;file;-n -s 400000
100;quick;-n -s 20000
20000;quick;-nb
20000;quick;-nbf
T 20000;quick;-nbt
2500;quick;-nbl
T 2500;quick;-nblt
0;none;-n -s 100
0;none;-nb
;file;-nq
;quick;-n -D 100 -s 20000
100;quick;-n -W -s 20000
100;quick;-n -S -s 20000
5;quick;-n -S -s 1000 -s 400000
100;file;-nN name
100;file;-npe
100;names;-n data
23893;names;-nb data two
20000;file;--numeric --bytes --interval 100
'

# Prints what the tool writes to stderr, with T for the time.
number_case() { # TOOL INPUT ARGUMENT...
    local input=$2 tool=$1
    shift 2
    [[ $tool == pv || $tool == */pv ]] || set -- --report none "$@"
    case $input in
    file) "$tool" -i 100 "$@" <data ;;
    quick) "$tool" -i 100 "$@" < <(cat data) ;;
    *) "$tool" -i 100 "$@" </dev/null ;;
    esac 2>err >out
    local shown=
    IFS= read -rd '' shown <err || true
    [[ ! $shown =~ ^[0-9]+\.[0-9]{4}' ' ]] || shown="T ${shown#* }"
    printf %s "$shown"
}

# each_number COMMAND: sets line, input and arguments.
each_number() {
    local line input arguments count=0 failed=0
    seq 1000000 1002499 | tr 0-9 a-j >data
    seq 1000 >two
    while IFS=';' read -r line input arguments; do
        [ -n "$input" ] || continue
        count=$((count + 1))
        "$@" && continue
        echo "  $input, arguments $arguments"
        failed=1
    done <<<"$numbers"
    ((count >= 25 && failed == 0))
}

# shellcheck disable=SC2086
right_numbers() {
    equal "$line" "$(number_case "$BPIPE" "$input" $arguments)"
}

@test "numbers: the line at the end" {
    each_number right_numbers
}

# shellcheck disable=SC2086
same_numbers() {
    equal "$(number_case pv "$input" $arguments)" "$(number_case "$BPIPE" "$input" $arguments)"
}

@test "numbers: the line at the end is pv's" {
    skip_unless pv
    each_number same_numbers
}

shown_more_than() { # COUNT
    [ "$(wc -l <shown)" -gt "$1" ]
}

@test "numbers: as dialog(1) reads them: percents that grow, and 100" {
    local last=-1 count percent
    touch shown
    {
        for count in {0..9}; do
            head -c 2000 /dev/zero
            wait_until 10 shown_more_than "$count"
        done
    } | "$BPIPE" -n -i 0.1 -s 20000 >out 2>shown
    equal 20000 "$(size_of out)"
    while read -r percent; do
        [[ $percent =~ ^[0-9]+$ ]]
        ((percent >= last && percent <= 100))
        last=$percent
    done <shown
    equal 100 "$last"
    [ "$(wc -l <shown)" -ge 10 ]
}

@test "numbers: the time, and how much, line by line" {
    touch shown
    {
        head -c 2000 /dev/zero
        wait_until 10 shown_more_than 3
    } | "$BPIPE" -nbt -i 0.1 >out 2>shown
    refute grep -vxE '[0-9]+\.[0-9]{4} 2000' shown
    sort -n -c shown
    [ "$(wc -l <shown)" -ge 4 ]
}

# counted TOOL ARGUMENT...: shows a hundred lines at fifty a second as numbers.
counted() {
    seq 100 | "$@" -l -b -n -i 0.2 -L 50 >out 2>shown
}

# The numbers grow to LAST, and the first is only a part of it.
grow_to() { # LAST
    sort -n -c shown
    equal "$1" "$(tail -n 1 shown)"
    [ "$(head -n 1 shown)" -lt "$1" ]
}

@test "numbers: lines are counted as they leave" {
    counted "$BPIPE"
    grow_to 100
    equal "$(seq 100)" "$(<out)"
}

@test "numbers: lines are counted as they leave, as pv does" {
    skip_unless pv
    counted pv
    grow_to 100
    seq 300000 >data
    pv -l -b -n data 2>theirs >out
    "$BPIPE" -l -b -n data 2>shown >out
    equal "$(tail -n 1 theirs)" "$(tail -n 1 shown)" "of a whole file"
    printf 'a\nb' >data
    pv -l -b -n data 2>theirs >out
    "$BPIPE" -l -b -n data 2>shown >out
    equal "$(tail -n 1 theirs)" "$(tail -n 1 shown)" "a last line without its end"
}

# --- newer than 1.6 -------------------------------------------------------------------------

# One line of a million bytes, and a hundred thousand lines of ten bytes.
unequal_lines() {
    head -c 999999 /dev/zero | tr '\0' x
    echo
    yes 123456789 | head -n 100000
}

@test "-l FILE: the percentage is that of the bytes, and there is an ETA" {
    [[ $BPIPE != pv && $BPIPE != */pv ]] || skip "what pv is installed is not asked"
    unequal_lines >data
    "$BPIPE" -l -n -i 0.1 -L 60000 -F 'p %{progress-amount-only} b %b e %e' data >out 2>shown
    cmp data out
    awk '
        $2 !~ /^[0-9]+$/ || $4 !~ /^[0-9]+$/ { print "no numbers"; failed = 1 }
        # In percent, the bytes of that many whole lines, and of one more.
        { least = $4 == 0 ? 0 : 50 + ($4 - 1) / 2000; most = $4 == 0 ? 50 : least + 1 / 2000 }
        $2 < int(least) || $2 > most + 0.5 { print "not " least ": " $0; failed = 1 }
        $4 > 0 && $4 < 50000 && $6 !~ /^[0-9]+$/ { print "no ETA: " $0; failed = 1 }
        END { exit failed || $2 != 100 || $4 != 100001 }' shown
    # With the number of lines as the size, the percentage is that of the lines.
    "$BPIPE" -l -n -i 0.1 -L 60000 -s 200000 -F 'p %{progress-amount-only} b %b' data >out 2>shown
    awk '{ exact = $4 / 2000 } $2 < int(exact) || $2 > exact + 0.5 { print exact ": " $0; failed = 1 }
         END { exit failed || $2 != 50 || $4 != 100001 }' shown
    "$BPIPE" --report none -l -f -pe data 2>err >out
    describe err
    [[ $(<err.parts) == *bar*percent* ]]
}

@test "-l of an input without a size: no percentage" {
    [[ $BPIPE != pv && $BPIPE != */pv ]] || skip "what pv is installed is not asked"
    seq 1000 >data
    # shellcheck disable=SC2002
    cat data | "$BPIPE" --report none -l -f -p 2>err >out
    describe err
    equal bar "$(<err.parts)"
}

@test "switches of newer versions of pv: bits, 1000s, a bar's style, the gauge" {
    [[ $BPIPE != pv && $BPIPE != */pv ]] || skip "what pv is installed is not asked"
    head -c 20000 /dev/zero >data
    "$BPIPE" --report none -f -b -8 data 2>err >out
    equal 156Kib "$(frames err | tail -n 1 | tr -d ' ')"
    "$BPIPE" --report none -f -b -k data 2>err >out
    equal 20.0kB "$(frames err | tail -n 1 | tr -d ' ')"
    for style in plain block granular shaded; do
        LC_ALL=C "$BPIPE" --report none -f -p -u "$style" data 2>err >out
        frames err | tail -n 1 | grep -qE '^\[.*\] *100% *$'
        refute grep -q '[^[:print:][:cntrl:]]' err
    done
    "$BPIPE" --report none -f -p -g -s 0 2>err >out < <(cat data)
    frames err | tail -n 1 | grep -qE '^\[.*\]'
    cmp data out
}

# --- clocks ---------------------------------------------------------------------------------------

# elapsed: the time in the report; last_time: the time in the last line of numbers.
elapsed() { jq .elapsed_seconds report; }
last_time() { tail -n 1 numbers | cut -d ' ' -f 1; }

@test "-W: the time counts from the first byte" {
    skip_unless jq
    mkfifo pipe
    "$BPIPE" -nWtb --report json:report <pipe 2>numbers >/dev/null &
    exec {writer}>pipe
    wait_until 20 catches_usr1 $!
    sleep 0.6
    echo one >&"$writer"
    wait_until 20 has_lines numbers 1 # after a second
    exec {writer}>&-
    ended $! 0
    awk -v all="$(elapsed)" -v seen="$(last_time)" 'BEGIN { exit !(all - seen > 0.55 && seen > 0.95) }'
}

@test "-W: if no byte comes, nothing is shown" {
    sleep 0.2 | "$BPIPE" -Wtf 2>err >/dev/null
    equal "" "$(<err)"
}

@test "time for which bpipe was stopped does not count" {
    skip_unless jq
    local start=$EPOCHREALTIME
    mkfifo pipe
    "$BPIPE" -nt --report json:report <pipe 2>numbers >/dev/null &
    exec {writer}>pipe
    wait_until 10 has_lines numbers 1
    kill -TSTP $!
    wait_until 10 in_state $! T
    sleep 1
    kill -CONT $!
    wait_until 10 has_lines numbers 2
    exec {writer}>&-
    ended $! 0
    awk -v all="$(elapsed)" -v seen="$(last_time)" -v wall="$(awk -v a="$start" -v b="$EPOCHREALTIME" 'BEGIN { print b - a }')" \
        'BEGIN { exit !(all - seen < 0.1 && seen - all < 0.1 && wall - seen > 0.95) }'
}

@test "-n: a resized terminal causes no number" {
    mkfifo pipe
    "$BPIPE" -nb <pipe 2>numbers >/dev/null &
    exec {writer}>pipe
    wait_until 10 catches_usr1 $!
    echo text >&"$writer"
    for _ in 1 2 3; do kill -WINCH $! && sleep 0.1; done
    wait_until 10 has_lines numbers 1
    for _ in 1 2 3; do kill -WINCH $! && sleep 0.1; done
    exec {writer}>&-
    ended $! 0
    equal $'5\n5' "$(<numbers)"
}

# --- sizes ----------------------------------------------------------------------------------------

@test "the size of a disk is known, on either side" {
    skip_unless losetup
    head -c 1M /dev/zero >image
    local disk
    disk=$(losetup -f --show image 2>/dev/null) || skip "no loop device can be had here"
    "$BPIPE" -n -X "$disk" 2>by_name || true
    "$BPIPE" -n -X <"$disk" 2>by_number || true
    head -c 256K image | "$BPIPE" -n -o "$disk" 2>written || true
    losetup -d "$disk"
    equal 100 "$(tail -n 1 by_name)"
    equal 100 "$(tail -n 1 by_number)"
    equal 25 "$(tail -n 1 written)"
}
