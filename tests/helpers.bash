# shellcheck shell=bash
#
# All bats files share this: put `load helpers` at the top of each.
#
# A file that needs its own setup() or teardown() calls common_setup or common_teardown from it.
# common_teardown must stay the last command.
#
# Things to know when writing a test
# - Never sleep and hope: wait_until polls for the condition, with a deadline.
# - bats runs tests with `set -e`, but a failure of a command on the left of a pipe goes unseen.
#   Write `set -o pipefail` in a test that needs the whole pipeline to succeed, or look at
#   PIPESTATUS. (pipefail is not set for every test, because a producer dies of SIGPIPE if its bpipe
#   ends early.)
# - A command after `!` never fails a test; write `run ! command` or `refute command`.
# - skip works only in the test itself, not in `run`, `$(...)` or a pipe: begin a test with the
#   skip_unless... that it needs.
# - A shell starts `command &` with SIGINT and SIGQUIT ignored. `defsig command &` does not.
# - Background commands hold bats' descriptor 3 open, and the whole file waits for that: end them.
#   teardown() kills the processes that a test leaves, and fails the test, naming them.
#
# - $(...) and (...) are processes: each takes longer than thousands of other commands of the shell.
#
# Tools (tests/tools/*.c, in PATH): size_of, lines_of, adds_up, spawn, defsig, randbytes; the top of
# each says how to use it.

: "${ROOT:=$(cd "${BASH_SOURCE[0]%/*}/.." && pwd)}"
: "${BPIPE:=$ROOT/bpipe}"                  # the binary, an absolute path
: "${BPIPE_VARIANT:=linux}"                # linux, portable, sanitize, portable-sanitize
: "${FAULT_SO:=$ROOT/build/fault.so}"      # the fault shim (tests/fault/shim.c)
export BPIPE BPIPE_VARIANT FAULT_SO
! declare -F bats_require_minimum_version >/dev/null || bats_require_minimum_version 1.5.0
case :$PATH: in
*":$ROOT/build/tools:"*) ;;
*) PATH=$ROOT/build/tools:$PATH ;;
esac

# --- before and after -----------------------------------------------------------------------

setup() { common_setup; }
teardown() { common_teardown; }

# Every test begins in an empty directory of its own, $T, and marks its processes. XDG_RUNTIME_DIR
# keeps control sockets out of the user's own folder.
common_setup() {
    trace_errors_only
    T=${BATS_TEST_TMPDIR:?}/t
    export XDG_RUNTIME_DIR=$BATS_TEST_TMPDIR/run
    mkdir -m 700 "$T" "$XDG_RUNTIME_DIR" && cd "$T" || return 1
    export BPIPE_TEST_CASE=$$.$BATS_TEST_NUMBER.$RANDOM
}

# bats notes its position before each command, to tell which command failed. That takes longer than
# most commands. Where bats has the functions for it, this notes the position only after a failure.
# (The message of bats then names the line of the test, not the line in a helper.)
trace_errors_only() {
    declare -F bats_error_trap bats_capture_stack_trace >/dev/null || return 0
    trap - DEBUG
    trap trace_error ERR
    # shellcheck disable=SC2034 # for bats
    BATS_DEBUG_LAST_STACK_TRACE=() BATS_DEBUG_LASTLAST_STACK_TRACE=()
}

trace_error() {
    bats_error_trap
    bats_capture_stack_trace
}

# Prints the processes that the test started and that still run. (The test's own shell and its
# subshells do not have the mark in the environment that they were started with.)
test_processes() { # [-w SECONDS]: waits up to SECONDS until there are none
    marked "$@" "BPIPE_TEST_CASE=${BPIPE_TEST_CASE:-}"
}

# Ends the processes that the test started and no longer needs: bpipe's neighbours. A process that
# still runs at the end of the test is a failure, so a test that leaves a bpipe running on purpose
# calls this.
end_processes() {
    local pid
    for pid in $(test_processes) $(jobs -p); do
        kill -KILL "$pid" || continue
    done 2>/dev/null
    wait || true
}

# Gives a process that is just ending two seconds.
common_teardown() {
    local pid left failed=0
    left=$(test_processes -w 2)
    for pid in $left; do
        echo "left over: process $pid ($(tr '\0' ' ' <"/proc/$pid/cmdline"))" || continue
        kill -KILL "$pid"
        failed=1
    done 2>/dev/null
    [ -z "${!:-}" ] || for pid in $(jobs -p); do # subshells, which have no mark
        kill -KILL "$pid" 2>/dev/null
    done
    rm_public
    return "$failed"
}

# --- conditions -----------------------------------------------------------------------------

# nap SECONDS: sleep(1) without a process, which would cost more than many of the conditions that
# are waited for. Waits for input from a FIFO that has no writer.
nap() {
    local fifo=${BATS_RUN_TMPDIR:?}/nap
    [ -p "$fifo" ] || mkfifo "$fifo" 2>/dev/null || true # two may be the first
    read -rt "$1" <>"$fifo" || true
}

# wait_until SECONDS COMMAND...: waits until COMMAND succeeds; fails, naming it, when time is up.
# Runs it every 10 ms, then more rarely, because the processes under test need the processors, too.
wait_until() {
    local limit=$1 deadline pause=10
    deadline=$((${EPOCHREALTIME/[.,]/} + limit * 1000000))
    shift
    until "$@"; do
        if ((${EPOCHREALTIME/[.,]/} > deadline)); then
            echo "not within $limit s: $*"
            return 1
        fi
        nap "0.0$pause"
        ((pause > 40)) || pause=$((pause + pause / 4))
    done
}

# refute COMMAND...: COMMAND must fail (`! COMMAND` never fails a test).
refute() {
    if "$@"; then
        echo "should have failed: $*"
        return 1
    fi
}

# equal WANT GOT [WHAT]: fails if they differ, and shows both.
equal() {
    [ "$1" = "$2" ] || {
        printf '%s\n  wanted: %q\n  got:    %q\n' "${3:-not equal}" "$1" "$2"
        return 1
    }
}

# gone PID: whether the process has gone (a zombie counts as gone).
gone() {
    local state
    read_state "$1" || return 0
    [ "$state" = Z ] || [ "$state" = X ]
}

# state_of PID: prints R, S, D, T (stopped), Z ...; fails when there is no such process.
state_of() {
    local state
    read_state "$1" && echo "$state"
}

# read_state PID: sets $state to that, without the process that $(...) takes: a condition that is
# waited for is checked often. It reads all of the file (proc(5), stat): if the process ends before
# bash has put back what it has read too much, the next `read` from another file gets that.
read_state() {
    local stat=
    { IFS= read -rd '' stat <"/proc/$1/stat"; } 2>/dev/null || true # there is no NUL
    state=${stat##*) } state=${state%% *}
    [ -n "$state" ]
}

in_state() { # PID STATE
    local state
    read_state "$1" && [ "$state" = "$2" ]
}

# in_poll PID: whether the process sleeps in poll() or ppoll(). Linux shows that to root, and mostly
# to the owner.
in_poll() {
    local state channel='' call
    read_state "$1" && [ "$state" = S ] || return 1
    # Some kernels end it with a NUL, some with nothing. read fails then, but has set it.
    IFS= read -r -d '' channel 2>/dev/null <"/proc/$1/wchan" || true
    case $channel in
    *poll*) return 0 ;;
    '' | 0) ;;
    *) return 1 ;;
    esac
    read -r call _ 2>/dev/null <"/proc/$1/syscall" || return 1
    case $HOSTTYPE.$call in
    x86_64.7 | x86_64.271 | aarch64.73 | riscv64.73) return 0 ;;
    esac
    return 1
}

# --- at random ------------------------------------------------------------------------------

# with_seeds COUNT COMMAND...: runs COMMAND SEED for COUNT seeds in a row, from TEST_SEED on, or
# from a random one. COMMAND may rely on set -e.
with_seeds() {
    local count=$1 first=${TEST_SEED:-$((RANDOM * 32768 + RANDOM))} seed
    shift
    for ((seed = first; seed < first + count; seed++)); do
        echo "TEST_SEED=$seed"
        "$@" "$seed"
    done
}

# --- data -----------------------------------------------------------------------------------

# random_bytes COUNT [SEED]: the same bytes for the same seed. COUNT may end in K, M or G.
random_bytes() { randbytes "$@"; }

# sum FILE, sum_stdin: print only the SHA-256.
sum() { sum_stdin <"$1"; }
sum_stdin() {
    local line
    line=$(sha256sum) && echo "${line%% *}"
}

# field KEY FILE: prints a value of a line "KEY=value KEY=value", as spawn and the fault log write
# them.
field() {
    sed -nE "s/^(.* )?$1=([^ ]*).*/\2/p" "$2"
}

# json PATH [FILE]: prints the value at PATH (".", ".a.b", ".a[0].b") in every JSON document of FILE
# or stdin, one on a line; strings raw, objects and arrays compact. Fails where there is no JSON.
# The tools differ in how many digits they show for a number with a fraction: compare those by awk.
json() {
    local path=$1 file=${2:-/dev/stdin}
    if command -v jq >/dev/null; then
        jq -rc "$path" <"$file"
    elif command -v python3 >/dev/null; then
        python3 -c "$json_python" "$path" <"$file"
    elif command -v node >/dev/null; then
        node -e "$json_node" "$path" <"$file"
    else
        echo "json: jq, python3 and node are all missing (skip_unless_json)" >&2
        return 1
    fi
}

json_python='
import json, re, sys
text = sys.stdin.buffer.read().decode("utf-8")
steps = re.findall(r"\.(\w+)|\[(-?\d+)\]", sys.argv[1])
decoder, at, count = json.JSONDecoder(), 0, 0
while True:
    while at < len(text) and text[at].isspace(): at += 1
    if at == len(text): break
    value, at = decoder.raw_decode(text, at)
    for key, index in steps:
        value = value[int(index)] if index else None if value is None else value.get(key)
    print(value if isinstance(value, str) else
          json.dumps(value, separators=(",", ":"), ensure_ascii=False))
'
# One document on a line: that is how bpipe writes them.
json_node='
const text = new TextDecoder("utf-8", {fatal: true}).decode(require("fs").readFileSync(0));
for (const line of text.split("\n").filter((l) => l.trim() !== "")) {
    let value = JSON.parse(line);
    for (const step of process.argv[1].matchAll(/\.(\w+)|\[(-?\d+)\]/g))
        value = value == null ? null : step[2] ? value.at(+step[2]) : value[step[1]] ?? null;
    console.log(typeof value === "string" ? value : JSON.stringify(value));
}
'

# --- features of this run -------------------------------------------------------------------

is_portable() { [[ $BPIPE_VARIANT == *portable* ]]; }
is_sanitized() { [[ $BPIPE_VARIANT == *sanitize* ]]; }

# skip_unless COMMAND...: skips the test if one of them is not installed.
skip_unless() {
    local command
    for command; do
        command -v "$command" >/dev/null || skip "$command is not installed"
    done
}

skip_unless_root() { [ "$(id -u)" -eq 0 ] || skip "needs root"; }

# For tests that call json.
skip_unless_json() {
    command -v jq >/dev/null || command -v python3 >/dev/null || command -v node >/dev/null ||
        skip "jq, python3 and node are all missing"
}

# For tests that call with_faults.
skip_unless_faults() { [ -e "$FAULT_SO" ] || skip "the fault shim is not built here"; }

# For tests that call as_other_user.
skip_unless_other_user() {
    skip_unless_root
    skip_unless setpriv
    as_other_user test -x "$BPIPE" || skip "another user cannot run $BPIPE; tests/run makes it so"
}

# no_leak_check COMMAND...: the leak checker cannot work under strace or gdb, and exits with 99.
no_leak_check() {
    ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0 "$@"
}

# with_faults [VARIABLE=VALUE]... COMMAND...: runs it under the fault shim, which touches only
# processes called bpipe; the variables are those of tests/fault/shim.c.
with_faults() {
    local -a variables=()
    while [[ $1 == FAULT_*=* ]]; do
        variables+=("$1")
        shift
    done
    env "${variables[@]}" LD_PRELOAD="$FAULT_SO" "$@"
}

# as_other_user COMMAND...: runs it as nobody. That user can reach neither $T nor (mostly) the tree.
# public_dir makes a place that it can reach, and under tests/run $BPIPE is in one.
as_other_user() {
    setpriv --reuid=65534 --regid=65534 --clear-groups "$@"
}

# Sets $public to a directory where every user may write; it goes away with the test.
public_dir() {
    public=$(mktemp -d /tmp/bpipe-public.XXXXXX) && chmod 1777 "$public"
}

rm_public() {
    [ -z "${public:-}" ] || rm -rf "$public"
}

# has_control PID: whether its control socket is there (or its name is too long for a socket).
has_control() {
    local socket=$XDG_RUNTIME_DIR/bpipe-$1.sock
    [ -S "$socket" ] || ((${#socket} > 100))
}

# --- a bpipe in the background, and its neighbours --------------------------------------------

# result COMMAND...: sets $result to "STATUS:STDOUT:STDERR". Unlike `run` it leaves closed
# descriptors closed.
# shellcheck disable=SC2034 # for the test
result() {
    local status=0
    "$@" >result.out 2>result.err || status=$?
    result=$status:$(<result.out):$(<result.err)
}

# Sets $idle: a descriptor that brings neither bytes nor an end. Bytes written to it can be read.
# shellcheck disable=SC2034
open_idle() {
    mkfifo idle
    exec {idle}<>idle
}

# Sets $stuck: a descriptor that takes as much as a pipe holds and no more, unless a process reads
# from the FIFO stuck. (Do not read from the descriptor itself: a portable bpipe makes it
# nonblocking.)
# shellcheck disable=SC2034
open_stuck() {
    mkfifo stuck
    exec {stuck}<>stuck
}

# Sets $writer, a FIFO called consumer, and $reader. The consumer departs when $reader is closed
# everywhere, so start a process that has to see that with {reader}<&-.
# shellcheck disable=SC2034,SC2094
open_consumer() {
    local both
    mkfifo consumer
    exec {both}<>consumer {reader}<consumer {writer}>consumer {both}>&-
}

size_is() { # FILE BYTES
    [ -e "$1" ] && equal "$2" "$(size_of "$1")"
}

equal_files() { # FILE FILE
    cmp -s "$1" "$2" || { equal "$(sum "$1")" "$(sum "$2")" "$2 is not $1" && return 1; }
}
