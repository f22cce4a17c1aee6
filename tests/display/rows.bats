#!/usr/bin/env bats
#
# Several bpipes on one terminal without -c: each draws in a row of its own from the second one on
# (display/cursor.h). display.bats has the tests with -c.

bats_require_minimum_version 1.5.0
load ../helpers
load ../terminal
load line

teardown() {
    terminal_close
    common_teardown && equal "" "$(ls -A "$XDG_RUNTIME_DIR")" "left in the runtime folder"
}

quiet="$bpipe --report none -s 100000"
a="        a:$amount $time $rate $bar" b="        b:$amount $time $rate $bar"
c="        c:$amount $time $rate $bar"

# The files of rows in the runtime folder.
row_files() { find "$XDG_RUNTIME_DIR" -name 'bpipe-rows-*'; }
row_files_are() { [ "$(row_files | wc -l)" -eq "$1" ]; } # COUNT

# --- in a pipeline --------------------------------------------------------------------------

@test "a single bpipe has no row: it uses no escape sequences" {
    skip_unless_terminal
    skip_unless script
    local term
    for term in dumb xterm; do
        rm -f feed
        open_feed
        TERM=$term script -qfc "$bpipe -F %b -s 100000 --report none <feed >out" "shown.$term" </dev/null >seen {feed}<&- &
        feed 50000
        wait_until 30 grep -q '48.8KiB' "shown.$term"
        feed 50000
        wait_until 30 grep -q '97.7KiB' "shown.$term"
        close_feed
        wait $!
        # How often each frame comes does not matter.
        sed -e '/^Script /d' "shown.$term" | tr '\r' '\n' | grep -v '^$' | uniq >"frames.$term"
        tr -cd '\033\n' <"shown.$term" | od -An -c >"controls.$term"
        grep -q 97.7KiB "frames.$term"
    done
    equal_files frames.dumb frames.xterm
    equal_files controls.dumb controls.xterm
}

@test "two, each in a row of its own, in the order of the pipeline, and the prompt below" {
    skip_unless_terminal
    terminal_open 130 20
    open_feed
    terminal_script <<<"$bpipe -s 100000 -N a <feed | $bpipe -s 100000 -N b >out"
    feed 50000
    wait_screen matches_screen "$a +50% .*" "$b +50% .*"
    wait_until 5 row_files_are 1
    feed 20000
    wait_screen matches_screen "$a +70% .*" "$b +70% .*"
    feed 30000
    end_of_feed
    matches_screen "$a +100%.*" "$b +100%.*" 'bpipe: [ab]: .*' 'bpipe: [ab]: .*' \
        'bpipe: [ab]: .*' 'bpipe: [ab]: .*' 'bash>' || { show_screen && return 1; }
}

@test "three at the lowest row, and no row above is lost" {
    skip_unless_terminal
    terminal_open 130 8
    open_feed
    terminal_script <<<"seq 20; $quiet -N a <feed | $quiet -N b | $quiet -N c >out"
    feed 50000
    wait_screen rows_end_with "$a +50% .*" "$b +50% .*" "$c +50% .*"
    feed 20000
    wait_screen rows_end_with "$a +70% .*" "$b +70% .*" "$c +70% .*"
    feed 30000
    end_of_feed
    rows_end_with "$a +100%.*" "$b +100%.*" "$c +100%.*" 'bash>' || { show_screen && return 1; }
    equal "" "$(screen | grep -vxE "[1-9]|1[0-9]|20|$a +100%.*|$b +100%.*|$c +100%.*|bash>")"
    equal "$(seq 20)" "$(in_tmux capture-pane -p -S - | grep -xE ' *[0-9]+ *' | tr -d ' ')"
}
rows_end_with() ( # PATTERN...
    last=$(screen | tail -n $#)
    # shellcheck disable=SC2317 # matches_screen calls it
    screen() { echo "$last"; }
    matches_screen "$@"
)

@test "the second comes later, after a message of the first" {
    skip_unless_terminal
    local two=("$a +50% .*" "$b +50% .*")
    terminal_open 130 20
    open_feed
    mkfifo between
    terminal_script <<<"$quiet -P pid -N a <feed | { read -r go <between; $quiet -P pid.b -N b >out; }"
    feed 20000
    wait_screen matches_screen "$a +20% .*"
    wait_screen screen_has ".* 0:00:0[2-9] .*" # a report of two lines
    pid_of_bpipe
    kill -USR1 "$pid"
    wait_screen matches_screen 'bpipe: a: .*' 'bpipe: a: .*' "$a +20% .*"
    echo >between
    feed 30000
    wait_until 15 test -s pid.b
    # Rows are in the order of process ids, and these may have begun again at 1 since the first.
    (($(<pid.b) > pid)) || two=("${two[1]}" "${two[0]}")
    wait_screen matches_screen 'bpipe: a: .*' 'bpipe: a: .*' "${two[@]}"
    kill -USR1 "$pid"
    wait_screen matches_screen 'bpipe: a: .*' 'bpipe: a: .*' "${two[@]}" \
        'bpipe: a: .*' 'bpipe: a: .*'
    feed 50000
    end_of_feed
    matches_screen 'bpipe: a: .*' 'bpipe: a: .*' "${two[@]/50% /100%}" \
        'bpipe: a: .*' 'bpipe: a: .*' 'bash>' || { show_screen && return 1; }
}

@test "one ends before the other" {
    skip_unless_terminal
    terminal_open 130 20
    open_feed
    terminal_script <<<"$bpipe -N a -s 60000 <feed | $bpipe -N b -s 60000 -L 20K >out"
    feed 60000
    wait_screen both_rows "$a +100% .*" "$b +[1-9]?[0-9]% .*"
    close_feed
    wait_screen prompt_is_last
    rows_of "$a +100%.*" 1
    rows_of "$b +100%.*" 1
    rows_of 'bpipe: a: .*' 2
    rows_of 'bpipe: b: .*' 2
    equal 7 "$(rows)" "these, and the prompt"
}

@test "^Z and fg: each in a new row" {
    skip_unless_terminal
    terminal_open 130 20
    open_feed
    terminal_script <<<"$quiet -N a <feed | $quiet -N b >out"
    feed 50000
    wait_screen matches_screen "$a +50% .*" "$b +50% .*"
    terminal_keys C-z
    wait_screen prompt_is_last
    terminal_type "seq 11 15"
    terminal_keys Enter
    wait_screen screen_has 15
    terminal_type fg
    terminal_keys Enter
    feed 20000
    wait_screen both_rows "$a +70% .*" "$b +70% .*"
    feed 30000
    end_of_feed
    rows_of '1[1-5]' 5
    rows_of "$a +50% .*" 1
    rows_of "$b +50% .*" 1
    rows_of '.*\^Z.*' 0
    rows_of "$a +100%.*" 1
    rows_of "$b +100%.*" 1
}

# -f, because otherwise one that goes on alone, in the background, would show nothing.
@test "^Z: one that goes on before the other does not overwrite what the shell wrote" {
    skip_unless_terminal
    local first second i
    for i in '' -c; do
        rm -f feed out pid*
        terminal_open 130 20
        open_feed
        terminal_script <<<"$quiet $i -f -P pid -N a <feed | $quiet $i -f -P pid.b -N b >out"
        feed 50000
        wait_screen matches_screen "$a +50% .*" "$b +50% .*"
        first=$(<pid) second=$(<pid.b)
        terminal_keys C-z
        wait_screen prompt_is_last
        wait_until 15 in_state "$second" T
        row_files_are 0
        terminal_type "seq 11 15"
        terminal_keys Enter
        wait_screen screen_has 15
        kill -CONT "$first"
        wait_screen rows_are "$a +50% .*" 2
        rows_of '1[1-5]' 5
        rows_of "$b +50% .*" 1
        kill -CONT "$second"
        wait_screen rows_are "$b +50% .*" 2
        rows_of '1[1-5]' 5
        terminal_type fg
        terminal_keys Enter
        feed 50000
        close_feed
        wait_until 15 gone "$second"
        rows_of '1[1-5]' 5
        terminal_close
    done
}
rows_are() { [ "$(screen | grep -cxE -e "$1")" -eq "$2" ]; } # PATTERN COUNT

@test "a row that has left the screen: a new one at the lowest row" {
    skip_unless_terminal
    local i
    terminal_open 130 8
    open_feed
    terminal_script <<<"$quiet -P pid -N a <feed | $quiet -N b >out"
    feed 50000
    wait_screen matches_screen "$a +50% .*" "$b +50% .*"
    wait_screen screen_has ".* 0:00:0[2-9] .*" # a report of two lines
    pid_of_bpipe
    for i in 1 2 3 4; do
        kill -USR1 "$pid"
        wait_screen reports_were "$((2 * i))"
    done
    feed 20000
    wait_screen both_rows "$a +70% .*" "$b +70% .*"
    feed 30000
    end_of_feed
    rows_of "$a +100%.*" 1
    rows_of "$b +100%.*" 1
    equal 8 "$(in_tmux capture-pane -p -S - | grep -c 'bpipe: a: ')" "the reports are whole"
}
reports_were() { [ "$(in_tmux capture-pane -p -S - | grep -c 'bpipe: a: ')" -eq "$1" ]; }

@test "more than the terminal has rows: at the end no row on the screen has an old state" {
    skip_unless_terminal
    local line i
    terminal_open 130 8
    open_feed
    line="$quiet -N a <feed"
    for i in b c d e f g h i j k; do
        line+=" | $quiet -N $i"
    done
    terminal_script <<<"$line >out"
    feed 50000
    wait_screen rows_are '        [a-k]:.* 50% .*' 7
    feed 50000
    end_of_feed
    rows_of '        [a-k]:.* 100% .*' 7
    equal 8 "$(rows)" "these, and the prompt"
}

# As the short ones in a loop.
@test "the report of a third one, which has shown no line" {
    skip_unless_terminal
    terminal_open 130 20
    open_feed
    mkfifo between
    echo hello >in
    terminal_script <<<"$quiet -N a <feed | $quiet -N b | { read -r go <between; $BPIPE -N c in >got; cat >out; }"
    feed 50000
    wait_screen matches_screen "$a +50% .*" "$b +50% .*"
    echo >between
    wait_screen matches_screen "$a +50% .*" "$b +50% .*" 'bpipe: c: .*'
    feed 20000
    wait_screen matches_screen "$a +70% .*" "$b +70% .*" 'bpipe: c: .*'
    feed 30000
    end_of_feed
    matches_screen "$a +100%.*" "$b +100%.*" 'bpipe: c: .*' 'bash>' || { show_screen && return 1; }
    equal hello "$(<got)"
}

# --- killed ---------------------------------------------------------------------------------

@test "SIGKILL of one: the other goes on in its row" {
    skip_unless_terminal
    terminal_open 130 20
    open_feed
    terminal_script <<<"$quiet -N a <feed | $quiet -P pid -N b | cat >out"
    feed 50000
    wait_screen matches_screen "$a +50% .*" "$b +50% .*"
    pid_of_bpipe
    kill -KILL "$pid"
    wait_until 15 gone "$pid"
    close_feed
    wait_screen prompt_is_last
    rows_of "$b +50% .*" 1
    rows_of "$a +[0-9]+%.*" 1
    rm -f pid "$XDG_RUNTIME_DIR/bpipe-$pid.sock"
}

@test "the row of a last frame is not given to one that comes later" {
    skip_unless_terminal
    skip_unless_faults
    terminal_open 130 20
    open_feed
    # b stops as it writes its report, behind its last frame. Only then a, which has the lower id and
    # so the upper row, shows its first one.
    cat >both <<SCRIPT
$quiet -c -W -P pid -N a <feed >out &
until [ -s pid ]; do sleep 0.01; done
head -c 100000 /dev/zero | FAULT_SCRIPT='write:*/report:1:raise=19' LD_PRELOAD=$FAULT_SO \\
    $quiet -c -P pid.b -N b --report json:report >copy
wait
SCRIPT
    terminal_script <<<"bash both"
    wait_screen screen_has "$b +100%.*"
    wait_until 15 in_state "$(<pid.b)" T
    feed 50000
    wait_screen screen_has "$a +50% .*"
    rows_of "$b +100%.*" 1
    kill -CONT "$(<pid.b)"
    feed 50000
    end_of_feed
    rows_of "$b +100%.*" 1
    rows_of "$a +100%.*" 1
}

@test "SIGKILL of the only one: the next one of its group is single" {
    skip_unless_terminal
    local file
    terminal_open 130 20
    open_feed
    mkfifo again
    # All processes of this shell are of one group.
    cat >both <<SCRIPT
$quiet -P pid -N a <feed >out
echo
$quiet -N b <again >out
SCRIPT
    terminal_script <<<"bash both"
    feed 50000
    wait_screen matches_screen "$a +50% .*"
    file=$(row_files)
    pid_of_bpipe
    kill -KILL "$pid"
    exec {next}<>again
    head -c 50000 /dev/zero >&"$next"
    wait_screen screen_has "$b +50% .*"
    equal "$file" "$(row_files)"
    exec {next}>&-
    end_of_feed
    rows_of "$b +50%.*" 1
    equal "bash>" "$(screen | sed -n "/b:/{n;p}")" "the prompt is below"
    rm -f pid "$XDG_RUNTIME_DIR/bpipe-$pid.sock"
}

# --- not joined -----------------------------------------------------------------------------

@test "two jobs do not share rows" {
    skip_unless_terminal
    terminal_open 130 20
    open_feed
    mkfifo other
    exec {other}<>other
    terminal_script <<<"$quiet -N a -f -i 600 -D 0.1 <other >out.a &
        $quiet -N b <feed >out"
    feed 50000
    wait_screen screen_has ".*$b +50% .*"
    head -c 50000 /dev/zero >&"$other"
    wait_until 15 row_files_are 2
    feed 20000
    wait_screen last_row_is "$b +70% .*"
    rows_of ".*$b .*" 1
    end_of_feed
    exec {other}>&-
    wait_until 15 row_files_are 0
}

@test "without a runtime folder: no rows, and no message" {
    skip_unless_terminal
    [ ! -e "/run/user/$(id -u)" ] || skip "there is /run/user/$(id -u)"
    terminal_open 130 20 XDG_RUNTIME_DIR="$T/missing" HOME="$T/missing"
    open_feed
    terminal_script <<<"$quiet -N a <feed | $quiet -N b >out"
    feed 50000
    wait_screen screen_has "$a +50% .*"
    wait_screen screen_has "$b +50% .*"
    equal 1 "$(rows)"
    feed 50000
    end_of_feed
    equal "" "$(screen | grep -vxE "$a +[0-9]+%.*|$b +[0-9]+%.*|bash>")"
}

@test "rows by way of HOME/.bpipe, which is removed" {
    skip_unless_terminal
    [ ! -e "/run/user/$(id -u)" ] || skip "there is /run/user/$(id -u)"
    mkdir home
    terminal_open 130 20 XDG_RUNTIME_DIR= HOME="$T/home"
    open_feed
    terminal_script <<<"$quiet -N a <feed | $quiet -N b >out"
    feed 50000
    wait_screen matches_screen "$a +50% .*" "$b +50% .*"
    equal 1 "$(find home/.bpipe -name 'bpipe-rows-*' | wc -l)"
    end_of_feed
    refute test -e home/.bpipe
}

@test "no live line, no file" {
    skip_unless_terminal
    skip_unless strace
    terminal_open 130 20
    terminal_script <<<"for option in -q --version '-n' '--report none -D 9'; do
            head -c 100000 /dev/zero | ASAN_OPTIONS=\${ASAN_OPTIONS:-}:detect_leaks=0 \\
                strace -f -o trace -e trace=open,openat,openat2 $bpipe \$option >out 2>err.\$option
            cat trace >>traces
        done"
    wait_screen prompt_is_last
    grep -q 'libc' traces
    refute grep rows- traces
}
