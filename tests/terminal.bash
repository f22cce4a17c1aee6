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

# terminal_open COLUMNS ROWS [VARIABLE=VALUE]...: opens an empty screen with a prompt. A client in
# control mode stays, and ask_tmux uses it: a client for each look at the screen takes 40 times as
# much processor time.
terminal_open() {
    local columns=$1 rows=$2 hello=
    shift 2
    # shellcheck disable=SC2086
    coproc TMUX_CLIENT {
        LC_ALL=C.UTF-8 exec tmux -u -C -S "$T/tmux" -f /dev/null start-server \; \
            set-option -g status off \; set-option -g default-terminal tmux-256color \; \
            set-option -g history-limit 1000 \; new-session -d -x "$columns" -y "$rows" \
            env -u TMUX -u TMUX_PANE LC_ALL=C.UTF-8 PS1="$PROMPT" HISTFILE= "$@" \
            ${TERMINAL_SHELL:-bash --noprofile --norc -i} \; attach-session 3>&-
    }
    tmux_client=$TMUX_CLIENT_PID tmux_server=
    exec {tmux_in}>&"${TMUX_CLIENT[1]}" {tmux_out}<&"${TMUX_CLIENT[0]}"
    echo "display-message -p 'server #{pid}'" >&"$tmux_in"
    # The answers to the commands above come first.
    until [[ $hello == 'server '* ]]; do
        IFS= read -rt 20 hello <&"$tmux_out" || { echo "tmux does not answer" && return 1; }
    done
    tmux_server=${hello#* }
    wait_until 10 prompt_is_last
}

# ask_tmux COMMAND [ARGUMENT]...: sets $answer to the lines that tmux prints.
ask_tmux() {
    local line mark='' quote="'\\''"
    local -a words=()
    answer=()
    for line; do
        words+=("'${line//\'/$quote}'")
    done
    echo "${words[*]}" >&"$tmux_in"
    while IFS= read -rt 20 line <&"$tmux_out"; do
        case $line in
        '%begin '*) mark=${mark:-${line#* }} ;;
        "%end $mark") return 0 ;;
        "%error $mark") return 1 ;;
        *) [ -z "$mark" ] || answer+=("$line") ;;
        esac
    done
    echo "tmux does not answer: $*"
    return 1
}

# Both are killed: a server that is told to exit may wait for a client in control mode. The shell of
# the terminal gets SIGHUP either way.
terminal_close() {
    [ -n "${tmux_client:-}" ] || return 0
    kill -KILL "$tmux_client" ${tmux_server:+"$tmux_server"} 2>/dev/null || true
    exec {tmux_in}>&- {tmux_out}<&-
    wait "$tmux_client" 2>/dev/null || true
    [ -z "$tmux_server" ] || wait_until 10 gone "$tmux_server"
    tmux_client='' tmux_server=''
    rm -f "$T/tmux"
}

# Keys have tmux's names: Enter, C-z ...; terminal_type takes its text literally.
terminal_keys() { ask_tmux send-keys "$@"; }
terminal_type() { ask_tmux send-keys -l -- "$1"; }
terminal_resize() { ask_tmux resize-window -x "$1" -y "$2"; }
title_has() { ask_tmux display-message -p '#{pane_title}' && [[ ${answer[*]} == *"$1"* ]]; }

# terminal_script <TEXT: empties the screen and types `. ./go`. The file go empties the screen again
# and then has TEXT. Its jobs are those of the terminal's shell.
terminal_script() {
    local text
    IFS= read -rd '' text || true
    printf "printf '\\\\033[H\\\\033[2J\\\\033[3J'\n%s" "$text" >go
    ask_tmux send-keys -R
    ask_tmux clear-history
    terminal_type ". ./go"
    terminal_keys Enter
}

# Sets $shown to the rows of the screen, without the blanks at their ends and the empty rows at its
# end. This and what calls it take no process, because they are called until something is shown.
read_screen() {
    local i
    ask_tmux capture-pane -p || return 1
    shown=()
    for i in "${!answer[@]}"; do
        answer[i]=${answer[i]%"${answer[i]##*[! ]}"}
        [ -z "${answer[i]}" ] || shown=("${answer[@]:0:i+1}")
    done
}

screen() {
    read_screen || return 1
    ((${#shown[@]} == 0)) || printf '%s\n' "${shown[@]}"
}
row() { read_screen && echo "${shown[$1 - 1]-}"; }
rows() { read_screen && echo ${#shown[@]}; }

# These take extended regular expressions, which a whole row (of that number) has to match.
row_is() { read_screen && (($1 <= ${#shown[@]})) && is_like "${shown[$1 - 1]}" "$2"; }
screen_has() { count_rows "$1" && ((count > 0)); }
prompt_is_last() { read_screen && [ "${shown[*]: -1}" = "${PROMPT% }" ]; }
is_like() { [[ $1 =~ ^($2)$ ]]; } # TEXT PATTERN

# count_rows PATTERN: sets $count to how many rows match.
count_rows() {
    local row
    read_screen || return 1
    count=0
    for row in "${shown[@]}"; do
        ! is_like "$row" "$1" || count=$((count + 1))
    done
}

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

matches_screen() { read_screen && matches_shown "$@"; }

matches_shown() {
    local row
    [ "${#shown[@]}" -eq "$#" ] || return 1
    for row in "${shown[@]}"; do
        is_like "$row" "$1" || return 1
        shift
    done
}
