#!/usr/bin/env bats
#
# What the live line shows, and where, without tmux. Frames are read from a file or from the master
# side of a pseudo-terminal (tests/tools/pty.c). display.bats tests what the line looks like on a
# screen; test_display_format.c tests each number.

bats_require_minimum_version 1.5.0
load ../helpers
load ../observe

# The frames of a file, one on a line, without the blanks at their ends.
frames() { tr '\r' '\n' <"$1" | sed -e 's/ *$//' -e '/^$/d'; }
last_frame() { frames "$1" | tail -n 1; }
has_frame() { frames "$1" | grep -qxE -e "$2"; } # FILE PATTERN: a whole frame

# --- the buffer -----------------------------------------------------------------------------

# fill FILE: prints the percentage of the last frame, or nothing.
fill() { last_frame "$1" | tr -cd 0-9; }
fill_is_between() { # FILE LEAST MOST
    local percent
    percent=$(fill "$1")
    [ -n "$percent" ] && [ "$percent" -ge "$2" ] && [ "$percent" -le "$3" ]
}

# fill_follows COMMAND...: sends 640K to COMMAND, which has a buffer of 1M and writes to a pipe. The
# consumer takes nothing, then two parts, then the rest. The pipe behind COMMAND holds 64K.
fill_follows() {
    echo "$*"
    rm -f stuck feed err got
    mkfifo feed
    open_stuck
    exec {feed}<>feed
    "$@" <feed >stuck 2>err {feed}<&- {stuck}<&- &
    pid=$!
    head -c 640K in >&"$feed"
    wait_until 60 fill_is_between err 50 62
    head -c 256K <stuck >got
    wait_until 60 fill_is_between err 25 37
    head -c 256K <stuck >>got
    wait_until 60 fill_is_between err 1 12
    head -c 128K <stuck >>got
    wait_until 60 fill_is_between err 0 0
    exec {feed}>&-
    ended "$pid" 0
    exec {stuck}>&-
    equal_files in got
}

@test "-T: the buffer fills and empties, whatever pipes are on both sides" {
    random_bytes 640K >in
    fill_follows "$BPIPE" --report none -f -T -i 0.1 -B 1M
    fill_follows "$BPIPE" --report none -f -T -i 0.1 -B 1M --merge
    fill_follows "$BPIPE" --report none -f -i 0.1 -B 1M -C -F '%{buffer-fill}'
    # Without -C bytes wait in pipes of bpipe's own, and are counted.
    fill_follows "$BPIPE" --report none -f -i 0.1 -B 1M -F '%{buffer-fill}'
    fill_follows "$BPIPE" --report none -f -i 0.1 -B 1M -F '%{buffer-fill}' -l
}

# A buffer that is smaller than a pipe: sends 1M; the consumer takes it in two parts.
# shellcheck disable=SC2094
small_buffer() { # COMMAND...
    echo "$*"
    rm -f err got
    touch err
    {
        cat in
        wait_until 60 has_frame err '\{100%\}'
        wait_until 60 fill_is_between err 0 0
    } | "$@" 2>err | {
        wait_until 60 fill_is_between err 100 100
        head -c 512K
        wait_until 60 fill_is_between err 100 100
        cat
    } >got
    equal_files in got
}

@test "-T with a small buffer: the pipes do not hide it" {
    random_bytes 1M >in
    small_buffer "$BPIPE" --report none -f -T -i 0.1 -B 1024
    small_buffer "$BPIPE" --report none -f -F '{%{buffer-fill}}' -C -i 0.1 -B 1024
    small_buffer "$BPIPE" --report none -f -F '%T' -C -i 0.1 -B 1024
    ! command -v pv >/dev/null || small_buffer pv -f -T -i 0.1 -B 1024
}

# --- losses -----------------------------------------------------------------------------------

@test "the default line says how much was dropped, once something was" {
    local options loss
    while IFS='|' read -r options loss; do
        echo "$options"
        rm -f stuck feed err
        mkfifo feed
        open_stuck
        exec {feed}<>feed
        # shellcheck disable=SC2086
        "$BPIPE" --report none -f -i 0.1 -w 80 -B 64K --overflow drop-oldest $options <feed >stuck 2>err \
            {feed}<&- {stuck}<&- &
        pid=$!
        echo >&"$feed"
        wait_until 30 has_frame err '.*0:00.*/s.*'
        ! grep dropped err
        yes | head -c 1M >&"$feed"
        wait_until 30 has_frame err ".* \($loss dropped\) .*"
        kill "$pid"
        exec {feed}>&-
        wait "$pid" || true
        exec {stuck}>&-
        last_frame err | grep -E " \($loss dropped\) "
    done <<'EOF'
|[ 0-9.]+KiB
-l|[ 0-9.]+k records
EOF
}

# --- the slow side --------------------------------------------------------------------------

@test "of several commands the line names the slow one, as the report does" {
    mkfifo gate
    random_bytes 1M >in
    "$BPIPE" --report text:report -f -i 0.1 -w 130 -B 64K --to 'cat >one' --to 'cat gate - >two' in 2>err &
    wait_until 30 has_frame err '.* [<◀] waiting for cat gate - >two.*'
    : >gate
    ended $! 0
    grep -F '(cat gate - >two, pid' report
    equal_files in one
    equal_files in two
}

# --- connecting -----------------------------------------------------------------------------

@test "until bytes can move, the line says that bpipe connects, or waits for a peer" {
    local peers
    mkfifo fifo
    "$BPIPE" --report none -f -i 0.1 -w 80 --connect-timeout 60 -o fifo <<<text 2>err &
    wait_until 30 has_frame err '.*  waiting for a peer'
    equal text "$(cat fifo)"
    ended $! 0
    peers=$(frames err | grep -c 'waiting for a peer')
    equal "$peers" "$(frames err | head -n "$peers" | grep -c 'waiting for a peer')"
    "$BPIPE" --report none -f -i 0.1 -w 80 --retry 1000 -o unix://nobody <<<text 2>err &
    pid=$!
    wait_until 30 has_frame err '.*  connecting'
    kill "$pid"
    wait "$pid" || true
}

# --- unknown values -------------------------------------------------------------------------

# With -n a line that would have no number is not written; in other text an unknown number is null.
@test "-n: no size, no percentage" {
    skip_unless_json
    seq 20 >in
    result "$BPIPE" --report none -n < <(cat in)
    equal "0:$(<in):" "$result"
    result "$BPIPE" --report none -n -e -I </dev/null
    equal "0::" "$result"
    result "$BPIPE" --report none -n -l < <(cat in)
    equal "0:$(<in):" "$result"
    "$BPIPE" --report none -n -t < <(cat in) 2>err | cmp in -
    grep -qxE '[0-9]+\.[0-9]{4}' err
    "$BPIPE" --report none -n -t -b < <(cat in) 2>err | cmp in -
    grep -qxE '[0-9]+\.[0-9]{4} 51' err
    "$BPIPE" --report none -n -F '{"elapsed":%t,"bytes":%b,"percent":%p,"amount":%{progress-amount-only},"eta":%e}' \
        < <(cat in) 2>err | cmp in -
    equal 'null null null 51' "$(json .percent err) $(json .amount err) $(json .eta err) $(json .bytes err)"
    # A known value is a number; at the end, the time left is 0.
    "$BPIPE" --report none -n -F '{"percent":%p,"eta":%e}' in 2>err | cmp in -
    equal '{"percent":100,"eta":0}' "$(<err)"
    # The same holds for a word or a time of day: the value alone, or null.
    "$BPIPE" --report none -n -F '%I|%{state}|%{bottleneck}|%N' in 2>err | cmp in -
    grep -qxE '[0-9]{2}:[0-9]{2}:[0-9]{2}\|[a-z]+\|null\|null' err
    "$BPIPE" --report none -n -F '%I|%2A|%L|%N' -N me < <(printf 'one\ntwo') 2>err >out
    equal 'null|wo|one|me' "$(<err)"
}

@test "-n: no ETA while nothing moves, if it would be endless, and beyond the size" {
    mkfifo feed
    exec {feed}<>feed
    "$BPIPE" --report none -n -i 0.1 -m 1 -s 1000 -F '[%b,%p,%e]' <feed 2>err >got {feed}<&- &
    wait_until 30 has_frame err '\[0,0,null\]'
    head -c 500 /dev/zero >&"$feed"
    wait_until 30 has_frame err '\[500,50,[0-9]+\]'
    wait_until 60 last_is err '[500,50,null]'
    head -c 600 /dev/zero >&"$feed"
    wait_until 30 has_frame err '\[1100,110,null\]'
    exec {feed}>&-
    ended $! 0
    equal '[1100,110,0]' "$(last_frame err)"
    equal "" "$(frames err | grep -E '^\[1100,110,[1-9]')"
    equal 1100 "$(size_of got)"
    exec {feed}<>feed
    "$BPIPE" --report none -f -i 0.1 -s 4E -F '%b;%e;%I' <feed 2>err >got {feed}<&- &
    echo hello >&"$feed"
    wait_until 30 has_frame err ' *6\.00  B;ETA -:--:--;FIN --:--:--'
    exec {feed}>&-
    ended $! 0
}
last_is() { [ "$(last_frame "$1")" = "$2" ]; } # FILE FRAME

# --- times ----------------------------------------------------------------------------------

# The report that follows, and the JSON report, have the same end time as the last line.
@test "the elapsed time is rounded, as in the report under it" {
    skip_unless_json
    local i line report exact
    for i in 0.55 0.6 0.1; do
        sleep "$i" | "$BPIPE" -f -t -v --report json:json 2>err
        line=$(grep -oE '0:00:[0-9]{2}' err | tail -n 1)
        report=$(sed -nE 's/.* in ([0-9.]+ m?s).*/\1/p' err)
        exact=$(json .elapsed_seconds json)
        awk -v line="$line" -v report="$report" -v exact="$exact" 'BEGIN {
            split(line, parts, ":")
            shown = parts[3] + 0
            said = report * (report ~ /ms$/ ? 0.001 : 1)
            print line ", " report ", " exact
            exit !(shown == int(exact + 0.5) && said >= exact - 0.0051 && said <= exact + 0.0051)
        }'
    done
}

# The last frame and the report under it name the same side, with the same share.
same_side() { # SIDE PERCENT (of the last frame)
    local side percent
    read -r side percent < <(sed -nE 's/^bpipe: slow side: ([a-z]+)( \(balanced\))?,? ?([0-9]*).*/\1 \3/p' err)
    echo "frame: $1 $2, report: $side $percent"
    [ "$1" = "$side" ] && [ "${2%\%}" = "$percent" ]
}

@test "the last frame shows the slow side of the whole run, as the report under it, also at SIGINT" {
    local end side percent
    for end in end INT; do
        echo "$end"
        rm -f feed stuck err got
        mkfifo feed
        open_stuck
        exec {feed}<>feed
        "$BPIPE" -C -f -i 0.1 -B 4K -F '%{bottleneck};' --report text <feed >stuck 2>err {feed}<&- {stuck}<&- &
        pid=$!
        echo >&"$feed"
        wait_until 30 some_frames 10 '[<▶>] ?input'
        head -c 100K /dev/zero >&"$feed"
        wait_until 30 has_frame err '[<◀] output.*'
        [ "$end" = end ] || kill -INT "$pid"
        head -c 100K <stuck >got
        exec {feed}>&-
        wait "$pid" || [ "$end" = INT ]
        exec {stuck}>&-
        read -r side percent < <(frames err | grep ';$' | tail -n 1 | sed -E 's/ *(\(.*\))?;$//; s/^[^a-z]*//')
        same_side "$side" "$percent"
    done
}
some_frames() { [ "$(frames err | grep -cE -e "$2")" -ge "$1" ]; } # COUNT PATTERN

# --- where it is shown ------------------------------------------------------------------------

# Sets $name, the path of a terminal. What is written to it goes to the file shown. end_terminal
# waits for the last of that. (The slave side is held open, because a master whose slave was closed
# has ended.)
open_terminal() {
    exec {master}<>/dev/ptmx
    name=$(pty name <&"$master")
    exec {slave}<>"$name"
    pty raw <&"$slave"
    rm -f shown
    cat <&"$master" >shown 2>/dev/null {slave}<&- &
    reader=$!
}
end_terminal() {
    exec {slave}<&-
    wait_until 30 gone "$reader"
    wait "$reader" || true
    exec {master}<&-
}

# live OPTION...: starts $live OPTION... with $stderr, sets $pid, and gives it half of 1000 bytes.
live() {
    rm -f feed out
    mkfifo feed
    exec {feed}<>feed
    # shellcheck disable=SC2086
    $live "$BPIPE" --report none -i 0.1 -s 1000 "$@" <feed >out 2>"$stderr" {feed}<&- &
    pid=$!
    head -c 500 /dev/zero >&"$feed"
}
end_live() {
    head -c 500 /dev/zero >&"$feed"
    exec {feed}>&-
    ended "$pid" 0
    equal 1000 "$(size_of out)"
}

# A slow side follows only if there was enough time to judge.
half='.* 50% .*' whole='.* 100%( .*)?'

@test "a terminal that is not the controlling one shows the line" {
    skip_unless setsid
    export TERM=xterm LC_ALL=C
    local live stderr name reader master slave pid
    # Without a session of its own, and in a session that has no terminal.
    for live in env setsid; do
        open_terminal
        stderr=$name
        live
        wait_until 30 has_frame shown "$half"
        end_live
        end_terminal
        has_frame shown "$whole"
    done
    open_terminal
    stderr=$name live='setsid'
    live -q
    wait_until 30 size_is out 500
    end_live
    end_terminal
    equal "" "$(<shown)"
}

# Makes live, a script for a session. The script runs its arguments as a background job of the
# controlling terminal, <feed >out 2>$err. Opens $feed; call it after open_terminal, whose reader
# would keep it open.
make_session() {
    rm -f feed
    cat >live <<'SCRIPT'
set -m # a job is a process group of its own
"$@" <feed >out 2>"$err" &
echo $! >pid
wait $!
SCRIPT
    mkfifo feed
    exec {feed}<>feed
}

@test "a terminal that is not the controlling one, beside the controlling one" {
    export TERM=xterm LC_ALL=C
    local name reader master slave controlling other
    exec {other}<>/dev/ptmx
    controlling=$(pty name <&"$other")
    open_terminal
    make_session
    err=$name pty session bash live "$BPIPE" --report none -i 0.1 -s 1000 <>"$controlling" >&0 {feed}<&- {slave}<&- &
    head -c 500 /dev/zero >&"$feed"
    wait_until 30 has_frame shown "$half"
    exec {feed}>&-
    wait $!
    end_terminal
    exec {other}<&-
}

@test "in the background of the controlling terminal: nothing without -f" {
    export TERM=xterm LC_ALL=C
    local name reader master slave force
    for force in '' -f; do
        rm -f every out
        open_terminal
        make_session
        # shellcheck disable=SC2086
        err=$name pty session bash live "$BPIPE" --report json:every --report-every 0.2 -i 0.1 -s 1000 $force \
            <>"$name" >&0 {feed}<&- {slave}<&- &
        head -c 500 /dev/zero >&"$feed"
        wait_until 30 size_is out 500
        wait_until 30 has_lines every 4
        [ -n "$force" ] || equal "" "$(<shown)"
        [ -z "$force" ] || wait_until 30 has_frame shown "$half"
        exec {feed}>&-
        wait $!
        end_terminal
    done
}

# --- titles -----------------------------------------------------------------------------------

skip_unless_process_title() {
    [ "$(uname -s)" = Linux ] || skip "the title of a process is shown by Linux here"
    ! is_portable || skip "PORTABLE=1 has no title of the process"
}
process_is() { [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = "$1" ]; }
process_begins() { [[ $(cat "/proc/$pid/comm" 2>/dev/null) == "$1"* ]]; }

@test "-x processtitle, with any standard error" {
    skip_unless_process_title
    local live=env stderr pid options
    for stderr in err /dev/null /dev/full; do
        for options in '' -q -n -f; do
            echo "$stderr $options"
            # shellcheck disable=SC2086
            live -x 'process:%b' $options
            wait_until 30 process_is ' 500  B'
            end_live
        done
    done
    live -x processtitle -B 1M
    wait_until 30 process_begins ' 500  B 0:'
    end_live
    stderr=err
    live -x processtitle:%b
    wait_until 30 process_is ' 500  B'
    end_live
    equal "" "$(<err)"
    # With stderr closed, and with pv's abbreviation.
    mkfifo closed
    exec {feed}<>closed
    "$BPIPE" -q -i 0.1 -x process:%b <closed >out 2>&- {feed}<&- &
    pid=$!
    head -c 500 /dev/zero >&"$feed"
    wait_until 30 process_is ' 500  B'
    exec {feed}>&-
    ended "$pid" 0
    equal 500 "$(size_of out)"
}

@test "-x processtitle in the background of the controlling terminal" {
    skip_unless_process_title
    local name reader master slave pid
    open_terminal
    make_session
    err=$name pty session bash live "$BPIPE" --report none -i 0.1 -x process:%b <>"$name" >&0 {feed}<&- {slave}<&- &
    head -c 500 /dev/zero >&"$feed"
    wait_until 30 test -s pid
    pid=$(<pid)
    wait_until 30 process_is ' 500  B'
    equal "" "$(<shown)"
    exec {feed}>&-
    wait $!
    end_terminal
}

@test "-x processtitle is cut between characters, and follows a line of any length" {
    skip_unless_process_title
    local live='env LC_ALL=C.UTF-8' stderr=/dev/null pid
    live -x 'processtitle:ääääääääää'
    wait_until 30 process_is äääääää
    end_live
    live -x 'processtitle:%b %p' -w 2000 -u block
    wait_until 30 process_is ' 500  B [██'
    end_live
}

# The titles that escape sequences in a file set, one on a line.
titles() { tr '\a' '\n' <"$1" | sed -n $'s/.*\e\\]2;//p'; }
has_title() { titles shown | grep -qxE -e "$1"; }

@test "-x windowtitle: on any terminal, also with -q and -n, and nowhere else" {
    skip_unless setsid
    export TERM=xterm LC_ALL=C
    local live=setsid stderr name reader master slave pid options
    for options in '' -q -n; do
        open_terminal
        stderr=$name
        # shellcheck disable=SC2086
        live -x 'window:copied %b' $options
        wait_until 30 has_title 'copied  500  B'
        end_live
        end_terminal
        case $options in
        '') has_frame <(tr '\a' '\r' <shown) "$half" ;;
        -q) equal "" "$(tr '\a' '\n' <shown | sed -e $'s/^\\(\e\\[2[23];2t\\)*\\(\e\\]2;.*\\)*$//' -e '/^$/d')" ;;
        -n) tr '\a' '\n' <shown | grep -qx 100 ;;
        esac
        grep -q $'\e\\[23;2t' shown # the earlier title comes back
    done
    stderr=err
    live -x windowtitle
    wait_until 30 size_is out 500
    end_live
    live -f -x windowtitle
    wait_until 30 has_frame err "$half"
    end_live
    equal "" "$(titles err)"
    refute grep -q $'\e' err
}

@test "a command that prints its result at the end: on a line of its own" {
    local before
    head -c 300000 /dev/zero >data
    "$BPIPE" -f --report none -D 0.1 -i 600 -L 1M --to 'cat >copy; echo RESULT >&2' data 2>err
    cmp data copy
    tr '\r' '\n' <err >lines
    grep -qx RESULT lines
    before=$(grep -x -B 1 RESULT lines | head -n 1)
    equal "" "${before// /}" "what was on the line"
    # The last frame follows.
    grep -A 5 -x RESULT lines | grep -q '100%'
}
