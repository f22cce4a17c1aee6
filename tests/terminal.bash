# shellcheck shell=bash
#
# A real terminal for tests, with tmux: `load terminal` after `load helpers`. Call
# skip_unless_terminal first in each test, and terminal_close in teardown() (before
# common_teardown).
#
# The terminal runs an interactive bash, with job control, in $T; its prompt is PROMPT. A command
# typed at the prompt can be longer than a row, so write long commands into a file: see
# terminal_script. Every test has its own tmux server, on a socket in $T.

# shellcheck disable=SC2034 # for the tests
PROMPT='bash> '

skip_unless_terminal() {
    skip_unless tmux
    local locale
    locale=$(LC_ALL=C.UTF-8 locale charmap 2>/dev/null) || locale=
    [ "$locale" = UTF-8 ] || skip "there is no locale C.UTF-8, which tmux needs"
}

in_tmux() { tmux -u -S "$T/tmux" -f /dev/null "$@"; }

# terminal_open COLUMNS ROWS [VARIABLE=VALUE]...: opens an empty screen with a prompt.
terminal_open() {
    local columns=$1 rows=$2
    shift 2
    # shellcheck disable=SC2086
    LC_ALL=C.UTF-8 in_tmux start-server \; set-option -g status off \; \
        set-option -g default-terminal tmux-256color \; set-option -g history-limit 1000 \; \
        new-session -d -x "$columns" -y "$rows" \
        env -u TMUX -u TMUX_PANE LC_ALL=C.UTF-8 PS1="$PROMPT" HISTFILE= "$@" \
        ${TERMINAL_SHELL:-bash --noprofile --norc -i} 3>&-
    wait_until 10 prompt_is_last
}

# A server that is about to exit still answers, and the next terminal would exit with it.
terminal_close() {
    [ -e "$T/tmux" ] || return 0
    in_tmux kill-server || true
    wait_until 10 terminal_is_gone
    rm -f "$T/tmux"
}

terminal_is_gone() { ! in_tmux list-sessions >/dev/null 2>&1; }

# Keys have tmux's names: Enter, C-z ...; terminal_type takes its text literally.
terminal_keys() { in_tmux send-keys "$@"; }
terminal_type() { in_tmux send-keys -l -- "$1"; }
terminal_resize() { in_tmux resize-window -x "$1" -y "$2"; }
terminal_title() { in_tmux display-message -p '#{pane_title}'; }

# terminal_script <TEXT: empties the screen and types `. ./go`. The file go empties the screen again
# and then has TEXT. Its jobs are those of the terminal's shell.
terminal_script() {
    {
        printf "printf '\\\\033[H\\\\033[2J\\\\033[3J'\n"
        cat
    } >go
    in_tmux send-keys -R \; clear-history
    terminal_type ". ./go"
    terminal_keys Enter
}

# The screen without the blanks at the ends of its rows and the empty rows at its end.
screen() { in_tmux capture-pane -p | sed -e 's/ *$//' | sed -e :a -e '/^\n*$/{$d;N;ba' -e '}'; }
row() { screen | sed -n "${1}p"; }
rows() { screen | wc -l | tr -d ' '; }

# These take extended regular expressions, which a whole row (of that number) has to match.
row_is() { row "$1" | grep -qxE -e "$2"; }
screen_has() { screen | grep -qxE -e "$1"; }
prompt_is_last() { [ "$(screen | tail -n 1)" = "${PROMPT% }" ]; }

# wait_screen COMMAND...: as wait_until, but shows the screen if time is up.
wait_screen() {
    wait_until "${SCREEN_TIMEOUT:-15}" "$@" && return 0
    show_screen
    return 1
}

show_screen() {
    echo "--- the screen:"
    screen | sed 's/^/|/'
    echo "---"
}

# screen_is <PATTERNS: compares all of the screen, row by row. A pattern is an extended regular
# expression for a whole row.
screen_is() {
    local patterns
    mapfile -t patterns
    matches_screen "${patterns[@]}"
}

matches_screen() {
    local i
    local -a rows
    mapfile -t rows < <(screen)
    [ "${#rows[@]}" -eq "$#" ] || return 1
    for ((i = 0; i < ${#rows[@]}; i++)); do
        grep -qxE -e "${*:i+1:1}" <<<"${rows[i]}" || return 1
    done
}
