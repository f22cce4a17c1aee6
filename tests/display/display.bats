#!/usr/bin/env bats
#
# The live line on a real terminal: what it looks like at each width, that it is one row, that it
# does not disturb anything else on the screen, and that the data never waits for it. pv.bats
# compares its parts with those of pv(1); test_display_format.c tests each number.

bats_require_minimum_version 1.5.0
load ../helpers
load ../terminal
load line

teardown() {
    terminal_close
    common_teardown && equal "" "$(ls -A "$XDG_RUNTIME_DIR")" "left in the runtime folder"
}

# --- shapes ---------------------------------------------------------------------------------

# Starts a bpipe that has half of the expected bytes, or of an unknown size. SHAPE is the whole
# screen.
shape_is() { # COLUMNS SIZE SHAPE
    local size=$2
    rm -f feed
    terminal_open "$1" 10
    open_feed
    terminal_script <<<"$bpipe ${size:+-s $size} <feed >out"
    feed 50000
    wait_screen matches_screen "$3"
    frames_go_on "$3"
    end_of_feed
    terminal_close
}

# Frame after frame, only that line is shown.
frames_go_on() { # SHAPE
    local before i
    for i in 1 2 3; do
        before=$(screen)
        feed 3000
        wait_screen changed "$before"
        matches_screen "$1" || { show_screen && echo "time $i" && return 1; }
    done
}
changed() { [ "$(screen)" != "$1" ]; }

@test "the live line with a known size, in 20 to 200 columns" {
    skip_unless_terminal
    shape_is 20 100000 "$amount +[0-9]+%"
    shape_is 40 100000 "$amount $short_rate +[0-9]+% $short_eta (> |▶ )[^ ]+"
    shape_is 50 100000 "$amount $short_time $short_rate +[0-9]+% $short_eta (> |▶ )slow: [^ ]+"
    shape_is 60 100000 "$amount $short_time $short_rate +[0-9]+% $short_eta $meter $wait_input"
    shape_is 70 100000 "$amount $short_time $short_rate $narrow_bar +[0-9]+% $short_eta $meter $wait_input"
    shape_is 80 100000 "$amount $short_time $short_rate $short_bar +[0-9]+% $short_eta $meter $wait_input"
    shape_is 120 100000 "$amount $time $rate $bar +[0-9]+% $eta  $buffer  $wait_input"
    shape_is 200 100000 "$amount $time $rate $bar +[0-9]+% $eta  $buffer  (> |▶ )waiting for [^ ]+ +[0-9]+%"
}

@test "the live line with an unknown size, in 20 to 200 columns" {
    skip_unless_terminal
    shape_is 20 '' "$amount $short_rate"
    shape_is 40 '' "$amount $short_time $short_rate $meter $wait_input"
    shape_is 80 '' "$amount $time $rate  $buffer  $wait_input"
    shape_is 120 '' "$amount $time $rate $bar  $buffer  $wait_input"
    shape_is 200 '' "$amount $time $rate $bar  $buffer  (> |▶ )waiting for [^ ]+ +[0-9]+%"
}

@test "in any width the live line is one row, with all parts that fit" {
    skip_unless_terminal
    local width
    for width in 10 15 33 50 100; do
        rm -f feed every
        terminal_open "$width" 10
        open_feed
        terminal_script <<<"$bpipe $every -pteIrabT -N 'a long name' -s 100000 <feed >out"
        feed 50000
        wait_screen matches_screen '.*[^ ].*'
        frames_later
        matches_screen '.*[^ ].*' || { show_screen && false; }
        end_of_feed
        equal 2 "$(rows)" "a line and a prompt"
        terminal_close
    done
}

@test "the terminal is resized: the line has the new width, and stays one row" {
    skip_unless_terminal
    terminal_open 80 20
    open_feed
    terminal_script <<<"$bpipe -s 100000 <feed >out"
    feed 50000
    wait_screen row_is 1 "$amount $short_time $short_rate $short_bar +[0-9]+% $short_eta.*"
    terminal_resize 40 20
    wait_screen last_row_is "$amount $short_rate +[0-9]+% $short_eta (> |▶ )[^ ]+"
    stays_in_place "$amount $short_rate +[0-9]+% $short_eta (> |▶ )[^ ]+"
    terminal_resize 120 20
    wait_screen last_row_is "$amount $time $rate $bar +[0-9]+% $eta  $buffer.*"
    stays_in_place "$amount $time $rate $bar +[0-9]+% $eta.*"
    [ "$(last_row | wc -m)" -gt 90 ]
    end_of_feed
}

# The rows that a terminal makes of a line that it wraps itself stay, but no more are added.
stays_in_place() { # PATTERN
    local count before i
    count=$(rows)
    for i in 1 2 3; do
        before=$(screen)
        feed 1000
        wait_screen changed "$before"
        equal "$count" "$(rows)" "rows, time $i"
        last_row_is "$1" || { show_screen && return 1; }
    done
}

@test "the terminal is resized: there is a new frame at once, even with a long interval" {
    skip_unless_terminal
    terminal_open 130 20
    open_feed
    terminal_script <<<"$BPIPE -D 0.1 -i 600 -s 100000 <feed >out"
    feed 10000
    wait_screen row_is 1 ".*$amount .*"
    feed 40000
    wait_until 15 written 50000
    terminal_resize 60 20
    wait_screen last_row_is '.* 50%.*'
    [ "$(last_row | LC_ALL=C.UTF-8 wc -m)" -le 61 ]
    end_of_feed
}

@test "-w and -H replace the terminal's size" {
    skip_unless_terminal
    terminal_open 130 10
    open_feed
    terminal_script <<<"$bpipe -w 40 -H 5 -s 100000 <feed >out"
    feed 50000
    wait_screen matches_screen "$amount $short_rate +[0-9]+% $short_eta (> |▶ )[^ ]+"
    [ "$(row 1 | LC_ALL=C.UTF-8 wc -m)" -le 41 ]
    end_of_feed
}

# --- the end of the line --------------------------------------------------------------------

@test "the last state stays, with the report under it" {
    skip_unless_terminal
    terminal_open 130 15
    open_feed
    terminal_script <<<"$bpipe -s 100000 <feed >out"
    feed 50000
    wait_screen matches_screen ".* 50% .*$judged"
    feed 50000
    end_of_feed
    matches_screen "$amount $time $rate $bar 100%.*" "$report" "$report" 'bash>'
    equal 100000 "$(size_of out)"
}

@test "without a report the prompt is under the last state" {
    skip_unless_terminal
    terminal_open 130 15
    open_feed
    terminal_script <<<"$bpipe --report none -s 100000 <feed >out"
    feed 50000
    wait_screen matches_screen '.* 50% .*'
    feed 50000
    end_of_feed
    matches_screen "$amount $time $rate $bar 100%.*" 'bash>'
}

@test "nothing is shown with -q, or if stderr is no terminal" {
    skip_unless_terminal
    terminal_open 130 15
    open_feed
    terminal_script <<<"$bpipe -q --report-every 0.3 --report json:every <feed >out"
    feed 50000
    wait_until 15 written 50000
    wait_until 15 more_lines every 2
    equal "" "$(screen)"
    end_of_feed
    equal "bash>" "$(screen)"
    rm feed every out
    open_feed
    terminal_script <<<"$bpipe --report-every 0.3 --report json:every <feed >out 2>err"
    feed 50000
    wait_until 15 written 50000
    wait_until 15 more_lines every 2
    equal "" "$(screen)"
    end_of_feed
    equal "" "$(<err)"
}

@test "^C: the last state stays, the report and the prompt are under it" {
    skip_unless_terminal
    terminal_open 130 15
    open_feed
    terminal_script <<<"$bpipe -s 100000 <feed >out"
    feed 50000
    wait_screen matches_screen '.* 50% .*'
    terminal_keys C-c
    wait_screen prompt_is_last
    row_is 1 "$amount $time $rate $bar +50%.*" || { show_screen && false; }
    [ "$(screen | grep -cxE "$report")" -ge 1 ]
    equal "" "$(screen | sed 1d | grep -vxE "$report|bash>|(\^C)?")"
}

# --- messages -------------------------------------------------------------------------------

@test "a report in the middle is on rows of its own, and the line continues below" {
    skip_unless_terminal
    terminal_open 130 15
    open_feed
    terminal_script <<<"$bpipe -P pid -s 100000 <feed >out"
    feed 50000
    wait_screen matches_screen ".* 50% .*$judged"
    pid_of_bpipe
    kill -USR1 "$pid"
    wait_screen matches_screen "$report" "$report" "$amount $time $rate $bar +[0-9]+%.*"
    feed 10000
    wait_screen matches_screen "$report" "$report" "$amount $time $rate $bar +60%.*"
    feed 40000
    end_of_feed
    matches_screen "$report" "$report" "$amount $time $rate $bar 100%.*" \
        "$report" "$report" 'bash>'
}

@test "a message in the middle, too" {
    skip_unless_terminal
    terminal_open 150 15
    open_feed
    mkfifo tap
    exec {tap}<>tap
    terminal_script <<<"$bpipe --tap tap -s 100000 --report none <feed >out"
    feed 20000
    wait_screen matches_screen '.* 20% .*'
    head -c 20000 <&"$tap" >/dev/null
    exec {tap}>&-
    feed 30000
    wait_screen matches_screen "bpipe: .*tap.*" '.* 50% .*'
    feed 50000
    end_of_feed
    matches_screen "bpipe: .*tap.*" '.*100%.*' 'bash>'
}

# --- jobs -----------------------------------------------------------------------------------

@test "nothing is shown in the background, and the line returns in the foreground" {
    skip_unless_terminal
    terminal_open 130 20
    open_feed
    terminal_script <<<"$bpipe -s 100000 $every <feed >out &"
    feed 50000
    wait_until 15 written 50000
    frames_later
    refute screen_has '.* 50%.*'
    terminal_type fg
    terminal_keys Enter
    wait_screen last_row_is "$amount $time $rate $bar +50% .*"
    feed 50000
    end_of_feed
    screen_has "$amount $time $rate $bar 100%.*"
}

@test "in the background, with -f" {
    skip_unless_terminal
    terminal_open 130 20
    open_feed
    terminal_script <<<"$bpipe -f -s 100000 $every <feed >out &"
    feed 50000
    wait_screen screen_has ".*$amount $time $rate $bar +50% .*"
    feed 50000
    close_feed
    wait_screen screen_has ".*$amount $time $rate $bar 100%.*"
}

@test "with stty tostop in the background: bpipe is not stopped, and copies on" {
    skip_unless_terminal
    local option
    for option in '' -f; do
        rm -f feed out pid every
        terminal_open 130 20
        open_feed
        terminal_script <<<"stty tostop; $bpipe $option -P pid -s 100000 $every <feed >out &"
        feed 50000
        wait_until 15 written 50000
        frames_later
        pid_of_bpipe
        refute in_state "$pid" T
        [ -z "$option" ] || wait_screen screen_has '.* 50% .*'
        [ -n "$option" ] || refute screen_has '.* 50% .*'
        feed 50000
        close_feed
        wait_until 15 gone "$pid"
        equal 100000 "$(size_of out)"
        terminal_close
    done
}

# bash writes a newline before its message, and dash does not.
@test "^Z: the last state stays whole, and the message of the shell has a row of its own" {
    skip_unless_terminal
    terminal_open 150 20
    open_feed
    terminal_script <<<"$bpipe -s 100000 <feed >out"
    feed 50000
    wait_screen row_is 1 "$amount $time $rate $bar +50% .*"
    terminal_keys C-z
    wait_screen prompt_is_last
    matches_screen "$amount $time $rate $bar +50% .*" '' '\[1\]\+ +Stopped .*' 'bash>'
    terminal_type fg
    terminal_keys Enter
    wait_screen last_row_is "$amount $time $rate $bar +50% .*"
    end_of_feed
    terminal_close
    command -v dash >/dev/null || return 0
    rm feed
    TERMINAL_SHELL='dash -i' terminal_open 150 20
    open_feed
    terminal_script <<<"$bpipe -s 100000 <feed >out"
    feed 50000
    wait_screen row_is 1 "$amount $time $rate $bar +50% .*"
    terminal_keys C-z
    wait_screen prompt_is_last
    matches_screen "$amount $time $rate $bar +50% .*" '\[1\] \+ Stopped .*' 'bash>'
    terminal_type fg
    terminal_keys Enter
    wait_screen last_row_is "$amount $time $rate $bar +50% .*"
    end_of_feed
}

@test "^Z and fg: nothing is shown while bpipe is stopped, and then the line continues" {
    skip_unless_terminal
    terminal_open 130 20
    open_feed
    terminal_script <<<"$bpipe -P pid -s 100000 <feed >out"
    feed 50000
    wait_screen row_is 1 "$amount $time $rate $bar +50% .*"
    pid_of_bpipe
    terminal_keys C-z
    wait_screen prompt_is_last
    in_state "$pid" T
    screen_has '\[1\]\+ +Stopped .*'
    feed 10000
    terminal_keys Enter Enter
    wait_screen prompt_is_last
    refute screen_has '.* 60% .*'
    terminal_type fg
    terminal_keys Enter
    wait_screen last_row_is "$amount $time $rate $bar +60% .*"
    frames_go_on_below "$amount $time $rate $bar +[0-9]+% .*"
    terminal_keys C-z
    wait_screen prompt_is_last
    terminal_type bg
    terminal_keys Enter
    wait_until 5 not_stopped "$pid"
    feed 10000
    terminal_type fg
    terminal_keys Enter
    wait_screen last_row_is "$amount $time $rate $bar +[7-9][0-9]% .*"
    end_of_feed
}
not_stopped() { refute in_state "$1" T >/dev/null; }
frames_go_on_below() { # PATTERN
    local count before i
    count=$(rows)
    for i in 1 2; do
        before=$(screen)
        feed 1000
        wait_screen changed "$before"
        last_row_is "$1" || { show_screen && return 1; }
        equal "$count" "$(rows)" "rows, time $i"
    done
}

# --- a terminal that is shared --------------------------------------------------------------

@test "two in a pipeline, each on a row of its own, which stays" {
    skip_unless_terminal
    local a="        a:$amount $time $rate $bar" b="        b:$amount $time $rate $bar"
    terminal_open 130 20
    open_feed
    terminal_script <<<"$bpipe -c -N a -s 100000 <feed | $bpipe -c -N b -s 100000 >out"
    feed 50000
    wait_screen both_rows "$a +50% .*" "$b +50% .*"
    feed 20000
    wait_screen both_rows "$a +70% .*$judged" "$b +70% .*$judged"
    equal 2 "$(screen | grep -c '[^ ]')" "rows"
    feed 30000
    end_of_feed
    rows_of "$a +100%.*" 1
    rows_of "$b +100%.*" 1
    rows_of 'bpipe: a: .*' 2
    rows_of 'bpipe: b: .*' 2
    equal 7 "$(rows)" "these, and the prompt"
}

@test "two in a pipeline at the lowest row" {
    skip_unless_terminal
    local a="        a:$amount $time $rate $bar" b="        b:$amount $time $rate $bar"
    terminal_open 130 8
    open_feed
    terminal_script <<<"seq 20; $bpipe --report none -c -N a -s 100000 <feed | $bpipe --report none -c -N b -s 100000 >out"
    feed 50000
    wait_screen both_rows "$a +50% .*" "$b +50% .*"
    feed 20000
    wait_screen both_rows "$a +70% .*" "$b +70% .*"
    feed 30000
    end_of_feed
    rows_of "$a +100%.*" 1
    rows_of "$b +100%.*" 1
    equal "" "$(screen | grep -vxE "$a +100%.*|$b +100%.*|1?[0-9]|20|bash>")"
    # The rows that were there have moved up, and none of them is lost.
    equal "$(seq 20)" "$(in_tmux capture-pane -p -S - | grep -xE ' *[0-9]+ *' | tr -d ' ')"
}

@test "two in a pipeline, of which one ends before the other" {
    skip_unless_terminal
    local a="        a:$amount $time $rate $bar" b="        b:$amount $time $rate $bar"
    terminal_open 130 20
    open_feed
    terminal_script <<<"$bpipe -c -N a -s 60000 <feed | $bpipe -c -N b -s 60000 -L 20K >out"
    feed 60000
    wait_screen both_rows "$a +100% .*$judged" "$b +[1-9]?[0-9]% .*"
    close_feed
    wait_screen screen_has 'bpipe: a: slow side: .*' # a has ended
    rows_of "$b +[1-9]?[0-9]% .*" 1
    wait_screen screen_has 'bpipe: b: slow side: .*'
    wait_screen prompt_is_last
    rows_of "$a +100%.*" 1
    rows_of "$b +100%.*" 1
    rows_of 'bpipe: a: .*' 2
    rows_of 'bpipe: b: .*' 2
    equal 7 "$(rows)" "these, and the prompt"
}

@test "two in a pipeline that end at once: both last states stay, time after time" {
    skip_unless_terminal
    local i
    terminal_open 130 20
    for i in {1..10}; do
        terminal_script <<<"head -c 100000 /dev/zero | $bpipe -pb -c -N a -s 100000 | $bpipe -pb -c -N b -s 100000 >out
            touch done.$i"
        wait_until 15 test -e "done.$i"
        wait_screen prompt_is_last
        rows_of '        a: 97.7KiB .* 100%.*' 1
        rows_of '        b: 97.7KiB .* 100%.*' 1
        equal 3 "$(rows)" "these, and the prompt"
    done
}

@test "two in a pipeline: a report in the middle" {
    skip_unless_terminal
    local a="        a:$amount $time $rate $bar" b="        b:$amount $time $rate $bar"
    terminal_open 130 20
    open_feed
    terminal_script <<<"$bpipe --report none -c -N a -s 100000 <feed | $bpipe --report none -P pid -c -N b -s 100000 >out"
    feed 50000
    wait_screen both_rows "$a +50% .*$judged" "$b +50% .*$judged"
    pid_of_bpipe
    kill -USR1 "$pid"
    wait_screen screen_has 'bpipe: b: slow side: .*'
    feed 20000
    wait_screen both_rows "$a +70% .*" "$b +70% .*"
    rows_of 'bpipe: b: .*' 2
    equal 4 "$(rows)"
    feed 30000
    end_of_feed
    rows_of "$a +100%.*" 1
    rows_of "$b +100%.*" 1
    rows_of 'bpipe: b: .*' 2
    equal 5 "$(rows)"
}

@test "two in a pipeline: ^Z and fg, each on a new row" {
    skip_unless_terminal
    local a="        a:$amount $time $rate $bar" b="        b:$amount $time $rate $bar"
    terminal_open 130 20
    open_feed
    terminal_script <<<"$bpipe --report none -c -N a -s 100000 <feed | $bpipe --report none -c -N b -s 100000 >out"
    feed 50000
    wait_screen both_rows "$a +50% .*" "$b +50% .*"
    terminal_keys C-z
    wait_screen prompt_is_last
    terminal_type "echo hello"
    terminal_keys Enter
    wait_screen screen_has hello
    terminal_type fg
    terminal_keys Enter
    feed 20000
    wait_screen both_rows "$a +70% .*" "$b +70% .*"
    feed 30000
    end_of_feed
    rows_of "$a +50% .*" 1
    rows_of "$b +50% .*" 1
    rows_of '.*\^Z.*' 0
    rows_of '(bash> echo )?hello' 2
    rows_of 'bash> fg' 1
    rows_of "$a +100%.*" 1
    rows_of "$b +100%.*" 1
}

@test "two in a pipeline: the terminal is resized" {
    skip_unless_terminal
    terminal_open 130 20
    open_feed
    terminal_script <<<"$bpipe --report none -c -N a -s 100000 <feed | $bpipe --report none -c -N b -s 100000 >out"
    feed 50000
    wait_screen both_rows ' +a:.* 50% ETA .* buf.*' ' +b:.* 50% ETA .* buf.*'
    terminal_resize 160 20
    feed 10000
    wait_screen both_rows ' +a:.{120,} *' ' +b:.{120,} *'
    wait_screen both_rows ' +a:.* 60% ETA .* buf .*' ' +b:.* 60% ETA .* buf .*'
    equal 2 "$(rows)"
    feed 40000
    end_of_feed
}

# --- characters and colours -----------------------------------------------------------------

@test "ASCII in the locale C, other signs in a UTF-8 locale" {
    skip_unless_terminal
    local style
    for style in '' '-u block' '-u granular' '-u shaded'; do
        rm -f feed
        terminal_open 200 10
        open_feed
        terminal_script <<<"LC_ALL=C $bpipe $style -s 100000 <feed >out"
        feed 45000
        wait_screen matches_screen '.* 45% .*'
        equal "" "$(screen | LC_ALL=C tr -d '[:print:]\n')"
        end_of_feed
        rm feed
        open_feed
        terminal_script <<<"LC_ALL=C.UTF-8 $bpipe $style -s 100000 <feed >out"
        feed 45000
        wait_screen matches_screen '.* 45% .*'
        [ -n "$(screen | LC_ALL=C tr -d '[:print:]\n')" ]
        end_of_feed
        terminal_close
    done
}

@test "NO_COLOR" {
    skip_unless_terminal
    local escape=$'\e\\['
    coloured() { in_tmux capture-pane -p -e | grep "$escape" | grep -q 1000B; }
    terminal_open 80 10
    open_feed
    terminal_script <<<"$bpipe -F '%{sgr:red,bold}%b%{sgr:reset}' <feed >out"
    feed 1000
    wait_screen row_is 1 ' *1000 *B'
    in_tmux capture-pane -p -e | sed -n 1p | grep -q "$escape"
    end_of_feed
    rm feed
    open_feed
    terminal_script <<<"NO_COLOR=1 $bpipe -F '%{sgr:red,bold}%b%{sgr:reset}' <feed >out"
    feed 1000
    wait_screen row_is 1 ' *1000 *B'
    refute grep -q "$escape" <(in_tmux capture-pane -p -e | sed -n 1p)
    end_of_feed
}

# --- a terminal that takes nothing ----------------------------------------------------------

@test "^S does not hold up the data" {
    skip_unless_terminal
    terminal_open 130 15
    open_feed
    terminal_script <<<"stty ixon -ixany; $bpipe -s 400000 $every <feed >out"
    feed 100000
    wait_screen row_is 1 '.* 25% .*'
    terminal_keys C-s
    feed 100000
    wait_until 15 written 200000
    feed 100000
    wait_until 15 written 300000
    frames_later
    refute row_is 1 '.* 75% .*' # it is really stopped
    terminal_keys C-q
    wait_screen row_is 1 '.* 75% .*'
    feed 100000
    end_of_feed
    row_is 1 '.*100%.*'
}

@test "^S does not hold up the end" {
    skip_unless_terminal
    terminal_open 130 15
    open_feed
    terminal_script <<<"stty ixon -ixany; $bpipe -P pid -s 400000 $every <feed >out; echo \$? >status"
    feed 100000
    wait_screen row_is 1 '.* 25% .*'
    pid_of_bpipe
    terminal_keys C-s
    feed 100000
    wait_until 15 written 200000
    feed 100000
    wait_until 15 written 300000
    frames_later
    close_feed
    wait_until 15 gone "$pid"
    wait_until 15 test -s status
    equal 0 "$(<status)"
    terminal_keys C-q # the last frame may be lost, and with it the end of the line
    wait_screen last_row_is 'bash>.*'
}

# --- the title ------------------------------------------------------------------------------

title_has() { [[ $(terminal_title) == *"$1"* ]]; }

@test "-x windowtitle, which is as before at the end" {
    skip_unless_terminal
    terminal_open 130 15
    open_feed
    terminal_script <<<"printf '\\033]2;the title before\\007'; $bpipe -x windowtitle -s 100000 <feed >out"
    feed 50000
    wait_screen title_has ' 50%'
    wait_screen matches_screen '.* 50% .*'
    feed 10000
    wait_screen title_has ' 60%'
    end_of_feed
    wait_screen title_has 'the title before'
    rm feed
    open_feed
    terminal_script <<<"$bpipe -x 'windowtitle:copied %b' -s 100000 <feed >out"
    feed 2000
    wait_screen title_has copied
    refute title_has ' 2%'
    end_of_feed
    wait_screen title_has 'the title before'
}

@test "-x processtitle" {
    skip_unless_terminal
    [ "$(uname -s)" = Linux ] || skip "the title of a process is shown by Linux here"
    is_portable && skip "PORTABLE=1 has no title of the process"
    terminal_open 130 15
    open_feed
    terminal_script <<<"$bpipe -P pid -x processtitle -s 100000 <feed >out"
    feed 50000
    wait_screen matches_screen '.* 50% .*'
    pid_of_bpipe
    wait_until 15 process_has 48.8KiB
    feed 50000
    wait_until 15 process_has 97.7KiB
    end_of_feed
}
process_has() { grep -q "$1" "/proc/$pid/comm"; } # its first 15 bytes
