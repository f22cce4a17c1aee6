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

# The end of a row that names a slow side: bpipe has waited for long enough that a report from now
# on has a verdict, too.
judged='(waiting for|slow:) .*'

# Sets $feed: `bpipe <feed` reads what is written to it, until it is closed. Call it after
# terminal_open, because tmux would keep it open.
open_feed() {
    mkfifo feed
    exec {feed}<>feed
}
feed() { head -c "$1" /dev/zero >&"$feed"; }
close_feed() { exec {feed}>&-; }

# $bpipe in a terminal script: updates ten times a second.
# shellcheck disable=SC2153
bpipe="$BPIPE -i 0.1"

pid_of_bpipe() { pid=$(<pid); } # of a script that has -P pid

written() { [ -s out ] && [ "$(size_of out)" -ge "$1" ]; }

# A report goes to the file every each 0.3 s. Waits for the frames of a few reports.
frames_later() {
    local before
    before=$(wc -l <every)
    wait_until 15 more_lines every $((before + 2))
}
more_lines() { [ "$(wc -l <"$1")" -ge "$2" ]; }
every='--report json:every --report-every 0.3'

# Ends the feed, and waits for the report and the prompt.
end_of_feed() {
    close_feed
    wait_screen prompt_is_last
}

# --- rows: patterns are extended regular expressions for whole rows ------------------------

rows_of() { # PATTERN COUNT
    equal "$2" "$(screen | grep -cxE -e "$1")" "rows like $1" || { show_screen && return 1; }
}
both_rows() { screen_has "$1" && screen_has "$2"; }
last_row() { screen | tail -n 1; }
last_row_is() { last_row | grep -qxE -e "$1"; }
