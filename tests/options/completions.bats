#!/usr/bin/env bats
#
# The completions for bash, zsh and fish: they are made from this --help, and each offers the right
# words in its shell.

bats_require_minimum_version 1.5.0
load ../helpers
load ../terminal

teardown() {
    terminal_close
    common_teardown
}

made_from_help() { # SHELL FILE
    "$BPIPE" --help | "$ROOT/completions/generate" "$1" >made
    diff -u "$ROOT/completions/$2" made || {
        echo "completions/$2 is not what --help says: make completions"
        return 1
    }
}

options_of_help() { "$BPIPE" --help | sed -n 's/^  \(-.,\|   \) \(--[a-z0-9-]*\).*/\2/p'; }

# Prints the choices that bpipe names when it refuses a value.
choices_of() { # OPTION
    "$BPIPE" "$1" nonsense 2>&1 </dev/null | sed -n 's/.*[( ]choose \([^)]*\))\{0,1\}$/\1/p' |
        sed -e 's/ or / /' -e 's/,//g'
}

# Starts a bpipe; sets $running.
start_bpipe() {
    open_idle
    "$BPIPE" -q <&"$idle" >out &
    running=$!
    wait_until 5 in_poll "$running"
}

# pgrep finds a running bpipe by that name, wherever the program is.
needs_pgrep() {
    skip_unless pgrep
    [ "$(basename "$BPIPE")" = bpipe ] || skip "the program is not called bpipe"
}

# --- bash -----------------------------------------------------------------------------------

# offered LINE WORD...: calls the function itself and prints what it offers for the last WORD, one
# on a line. The words are those that bash makes of LINE. Sets $with_paths if readline may complete
# paths.
offered() {
    # shellcheck disable=SC2034
    local COMP_LINE=$1 COMP_POINT=${#1} COMP_CWORD=$(($# - 2))
    local -a COMP_WORDS=("${@:2}") COMPREPLY=()
    with_paths=yes
    # shellcheck disable=SC2317
    compopt() { [ "$*" != '+o default' ] || with_paths=no; }
    _bpipe
    unset -f compopt
    printf '%s\n' "${COMPREPLY[@]}" >offered
}

# offers WANT LINE WORD...: exactly these (separated by blanks, in any order), and no paths.
offers() {
    local want=$1
    shift
    offered "$@"
    equal "$(tr ' ' '\n' <<<"$want" | sort)" "$(sort offered)" "$1"
    equal no "$with_paths" "paths for $1"
}

# offers_mixed WANT LINE WORD...: the same, and readline may complete paths.
offers_mixed() {
    local want=$1
    shift
    offered "$@"
    equal "$(tr ' ' '\n' <<<"$want" | sort)" "$(sort offered)" "$1"
    equal yes "$with_paths" "paths for $1"
}

load_bash() {
    # shellcheck source=/dev/null
    . "$ROOT/completions/bpipe.bash"
}

@test "bash: the committed file is made from --help" {
    made_from_help bash bpipe.bash
}

@test "bash: every long option, and no other" {
    load_bash
    [ "$(options_of_help | wc -l)" -gt 60 ]
    offers "$(options_of_help | xargs)" 'bpipe --' bpipe --
    offers '--report --report-every' 'bpipe --rep' bpipe --rep
    offers '--report --report-every' 'bpipe -q file --rep' bpipe -q file --rep
}

@test "bash: after -- there are paths only" {
    load_bash
    offered 'bpipe -- --re' bpipe -- --re
    equal "" "$(<offered)"
    equal yes "$with_paths"
}

@test "bash: the values of an option are those that bpipe names when it refuses one" {
    local option
    load_bash
    for option in --overflow --bar-style --on-output-error --report; do
        echo "$option"
        [ "$(choices_of "$option" | wc -w)" -ge 2 ]
        offers "$(choices_of "$option")" "bpipe $option " bpipe "$option" ''
        offers "$(choices_of "$option")" "bpipe $option=" bpipe "$option" =
    done
    offers 'text json prometheus none' 'bpipe --report ' bpipe --report ''
    offers 'block drop-newest drop-oldest fail' 'bpipe --overflow ' bpipe --overflow ''
    offers 'plain block granular shaded' 'bpipe -qu ' bpipe -qu ''
    offers 'drop-newest drop-oldest' 'bpipe --overflow=dr' bpipe --overflow = dr
    offers 'windowtitle windowtitle,processtitle' 'bpipe -x w' bpipe -x w
}

@test "bash: bpipe accepts every value" {
    local option value
    load_bash
    for option in --overflow --bar-style --on-output-error --report --extra-display; do
        offered "bpipe $option " bpipe "$option" ''
        while read -r value; do
            echo "$option $value"
            "$BPIPE" "$option" "$value" </dev/null
        done <offered
    done
}

@test "bash: a report's file, a size's file, the path of a unix socket" {
    load_bash
    touch file2
    mkdir files
    offers 'file2 files/' 'bpipe --report json:fi' bpipe --report json : 'fi'
    offers file2 'bpipe --report=json:file2' bpipe --report = json : file2
    offers @file2 'bpipe -s @file2' bpipe -s @ file2
    offers @file2 'bpipe -s @file2' bpipe -s @file2
    offers //file2 'bpipe -o unix://file2' bpipe -o unix : //file2
    touch 'with blank'
    offered 'bpipe -s @wi' bpipe -s @ wi
    equal '@with\ blank' "$(<offered)"
}

@test "bash: endpoints are paths, and the beginnings of addresses" {
    local option
    load_bash
    for option in -o --tap -qo --output -P --spool; do
        offered "bpipe $option " bpipe "$option" ''
        equal "" "$(<offered)"
        equal yes "$with_paths"
    done
    touch ucp
    offered 'bpipe -o tc' bpipe -o tc
    equal 'tcp-listen:// tcp://' "$(sort offered | xargs)"
    offered 'bpipe u' bpipe u
    equal 'ucp udp-listen:// udp:// unix-listen:// unix://' "$(sort offered | xargs)"
    offered 'bpipe --tap tcp:' bpipe --tap tcp :
    equal // "$(<offered)"
    "$BPIPE" --help | grep -oE '[a-z-]+://' | sort -u >schemes
    offered 'bpipe -o ' bpipe -o ''
    equal "$(sort schemes)" "$(tr ' ' '\n' <<<"$_bpipe_schemes" | sort)"
}

@test "bash: a file whose name begins like a scheme is offered beside the schemes" {
    local before
    load_bash
    touch fifo tcp.log udp1 unix.c
    mkdir unixes
    for before in '' '-q ' '-o ' '--output ' '--tap ' '-- '; do
        # shellcheck disable=SC2086
        {
            offers_mixed 'fd:// fifo' "bpipe ${before}f" bpipe $before f
            offers_mixed 'tcp-listen:// tcp.log tcp://' "bpipe ${before}t" bpipe $before t
            offers_mixed 'udp-listen:// udp1 udp:// unix-listen:// unix.c unix:// unixes/' \
                "bpipe ${before}u" bpipe $before u
        }
    done
    offers_mixed 'fd:// fifo' 'bpipe --output=f' bpipe --output = f
}

@test "bash: nothing for values that cannot be guessed" {
    local option
    load_bash
    for option in -B --rate-limit -qL --retry -N; do
        offers "" "bpipe $option " bpipe "$option" ''
    done
}

@test "bash: -R and -Q offer the running bpipes" {
    needs_pgrep
    load_bash
    start_bpipe
    for option in -R -Q --remote --query; do
        offered "bpipe $option " bpipe "$option" ''
        grep -qx "$running" offered
        equal no "$with_paths"
    done
    kill "$running"
    wait "$running" || true
    offered 'bpipe -R ' bpipe -R ''
    refute grep -qx "$running" offered
}

# --- at a prompt ----------------------------------------------------------------------------

# completes TYPED WANT: what a prompt makes of the typed text and the Tab key.
completes() {
    terminal_type "$1"
    terminal_keys Tab
    wait_screen row_shows "$PROMPT$2"
    terminal_keys C-u C-l
    wait_screen row_shows "${PROMPT% }"
}

row_shows() { [ "$(row 1)" = "$1" ]; }

# Opens a prompt that has run SETUP, with a bpipe in PATH and some files.
open_prompt() { # SETUP
    touch data1 'with blank' fifo tcp.log udp1 unix.c
    mkdir bin
    ln -s "$BPIPE" bin/bpipe
    echo "$1" >setup
    terminal_open 80 24 PATH="$PWD/bin:$PATH"
    terminal_type ". ./setup"
    terminal_keys Enter C-l
    wait_screen row_shows "${PROMPT% }"
}

# Lines that all three shells must complete. (The screen is captured without the blank after a
# word.)
completes_all() {
    completes 'bpipe --on-o' 'bpipe --on-output-error'"${1:-}"
    completes 'bpipe --overflow b' 'bpipe --overflow block'
    completes 'bpipe --overflow=b' 'bpipe --overflow=block'
    completes 'bpipe -qu gr' 'bpipe -qu granular'
    completes 'bpipe --report pr' 'bpipe --report prometheus'
    completes 'bpipe --report json:da' 'bpipe --report json:data1'
    completes 'bpipe -s @da' 'bpipe -s @data1'
    completes 'bpipe --size=@da' 'bpipe --size=@data1'
    completes 'bpipe -o da' 'bpipe -o data1'
    completes 'bpipe da' 'bpipe data1'
    completes 'bpipe fi' 'bpipe fifo'
    completes 'bpipe -o tcp.' 'bpipe -o tcp.log'
    completes 'bpipe --tap unix.' 'bpipe --tap unix.c'
    completes 'bpipe -q wi' 'bpipe -q with\ blank'
    completes 'bpipe -o tcp-' 'bpipe -o tcp-listen://'
    completes 'bpipe --tap unix://da' 'bpipe --tap unix://data1'
    completes 'bpipe -B da' 'bpipe -B da'
}

@test "bash: at a prompt" {
    skip_unless_terminal
    open_prompt ". $ROOT/completions/bpipe.bash"
    completes_all
}

@test "zsh: the committed file is made from --help" {
    made_from_help zsh _bpipe
}

@test "zsh: it can be read" {
    skip_unless zsh
    run -0 zsh -n "$ROOT/completions/_bpipe"
    equal "" "$output"
}

@test "zsh: at a prompt" {
    skip_unless zsh
    skip_unless_terminal
    TERMINAL_SHELL='zsh -f' open_prompt "fpath=($ROOT/completions \$fpath)
autoload -U compinit; compinit -D -u; unsetopt auto_menu"
    completes_all '='
}

@test "fish: the committed file is made from --help" {
    made_from_help fish bpipe.fish
}

# fish_offers LINE: writes the words that fish offers to the file offered.
fish_offers() {
    HOME=$T XDG_CONFIG_HOME=$T XDG_DATA_HOME=$T fish --no-config -c \
        "source $ROOT/completions/bpipe.fish; complete -C '$1'" >out
    cut -f1 <out | sort >offered
}

@test "fish: options, values, files, addresses" {
    skip_unless fish
    mkdir bin
    ln -s "$BPIPE" bin/bpipe
    PATH=$PWD/bin:$PATH
    touch data1
    fish_offers 'bpipe --'
    equal "$(options_of_help | sort)" "$(<offered)"
    fish_offers 'bpipe --re'
    equal '--read-rate --remote --report --report-every --resume-fill --retry' "$(xargs <offered)"
    fish_offers 'bpipe --report '
    equal 'json none prometheus text' "$(xargs <offered)"
    fish_offers 'bpipe --report json:da'
    equal json:data1 "$(<offered)"
    fish_offers 'bpipe --report=json:da'
    equal --report=json:data1 "$(<offered)"
    fish_offers 'bpipe -qu '
    equal 'block granular plain shaded' "$(sed 's/^-qu//' offered | xargs)"
    fish_offers 'bpipe -s @da'
    equal @data1 "$(<offered)"
    fish_offers 'bpipe -o da'
    equal data1 "$(<offered)"
    fish_offers 'bpipe -o tc'
    equal 'tcp-listen:// tcp://' "$(xargs <offered)"
    fish_offers 'bpipe --tap unix://da'
    equal unix://data1 "$(<offered)"
    fish_offers 'bpipe da'
    equal data1 "$(<offered)"
    fish_offers 'bpipe -B da'
    equal "" "$(<offered)"
}

@test "fish: -R and -Q offer the running bpipes" {
    skip_unless fish
    needs_pgrep
    start_bpipe
    fish_offers 'bpipe -R '
    grep -qx "$running" offered
    fish_offers 'bpipe --query '
    grep -qx "$running" offered
    kill "$running"
    wait "$running" || true
}
