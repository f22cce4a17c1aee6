# shellcheck shell=bash
#
# The live line on a terminal, for the tests of this folder: `load line` after `load ../terminal`.

# shellcheck disable=SC2034 # for the tests

# The parts of the line, as extended regular expressions.
amount=' *[0-9.]+ *([KMG]i)?B'
time='[0-9]+:[0-9]{2}:[0-9]{2}'
rate='\[ *[0-9.]+ *([KMG]i)?B/s\]'
bar='\[[^][]+\]'
eta='ETA +([0-9]+:[0-9]{2}:[0-9]{2}|-:--:--)'
buffer='buf .*[0-9]+%'
wait_input='(> |▶ )(waiting for|slow:) [^ ]+( +[0-9]+%)?'

# The same in the short forms of a line of 80 columns.
short_time='[0-9]+:[0-9]{2}'
short_rate=' *[0-9.]+ *([KMG]i)?B/s'
short_bar='[=>.]{20,}'
narrow_bar='[=>.]{8,}'
short_eta='ETA ([0-9]+:[0-9]{2}|-:--)'
meter='buf[^ ]+'
report='bpipe: .*'

# Sets $feed: `bpipe <feed` reads what is written to it, until it is closed. Call it after
# terminal_open, because tmux would keep it open.
open_feed() {
    mkfifo feed
    exec {feed}<>feed
}
feed() { printf "%$1s" '' >&"$feed"; }
close_feed() { exec {feed}>&-; }

# $bpipe in a terminal script: updates ten times a second.
# shellcheck disable=SC2153
bpipe="$BPIPE -i 0.1"

pid_of_bpipe() { pid=$(<pid); } # of a script that has -P pid

written() { [ -s out ] && [ "$(size_of out)" -ge "$1" ]; }

# A report goes to the file every each 0.3 s. Waits for the frames of a few reports.
frames_later() {
    local lines=()
    [ ! -e every ] || mapfile lines <every
    wait_until 15 more_lines every $((${#lines[@]} + 2))
}
# Without a process. A last line that is not whole does not count.
more_lines() { # FILE COUNT
    local lines
    [ -e "$1" ] && mapfile lines <"$1" && [[ ${lines[$2 - 1]-} == *$'\n' ]]
}
every='--report json:every --report-every 0.3'

# A report has a second line, the slow side, if bpipe has waited for 0.1 s. Call it when the screen
# shows that bpipe has read all of the feed: then it waits for more during the nap.
wait_for_verdict() { nap 0.3; }

# Ends the feed, and waits for the report and the prompt.
end_of_feed() {
    close_feed
    wait_screen prompt_is_last
}

# --- rows: patterns are extended regular expressions for whole rows ------------------------

rows_of() { # PATTERN COUNT
    local count=
    if ! count_rows "$1" || ! equal "$2" "$count" "rows like $1"; then
        show_screen
        return 1
    fi
}
both_rows() { screen_has "$1" && screen_has "$2"; }
# shellcheck disable=SC2154 # read_screen sets it
last_row() { read_screen && echo "${shown[*]: -1}"; }
last_row_is() { read_screen && ((${#shown[@]} > 0)) && is_like "${shown[-1]}" "$1"; }
