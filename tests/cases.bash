# shellcheck shell=bash disable=SC2002,SC2034,SC2094
#
# Runs of bpipe that together reach every module. Each has a check of what the run must have done if
# it ends with 0. Use `load cases` after `load observe`. memory.bats makes allocations fail in these
# runs, long_faults.bats any call.
#
# A case is a function run_NAME, which calls B in place of bpipe, once or more often, and returns
# its status; and a function good_NAME, which checks that a run with status 0 did what it should.
# The caller defines B, the faulted bpipe. Files that a case makes are called out*, report*, tap or
# odd*.

cases=(file pipe small lines packets stop records merge merge_drop tap spool spool_name from_to several
    program frame unframe atomic expect direct append drop_oldest drop_newest rates format live numeric
    cursor size reports pidfile discard marks version usage query remote asked tcp_to tcp_from unix_to
    unix_from udp_to)

# TEST_CASES="tap spool" runs only these.
[ -z "${TEST_CASES:-}" ] || read -ra cases <<<"$TEST_CASES"

# The data of all cases. The lines in $lines have random lengths, so that records end anywhere.
make_case_data() {
    random_bytes 60000 1 >in
    random_bytes 20000 2 >in2
    cat in in2 >in.both
    seq -f '%.0f of many lines' 3000 >lines
    cat lines lines | LC_ALL=C sort >lines.sorted
    "$BPIPE" -q --frame in >framed
}

out_is() { equal_files "$1" out; }

run_file() { B -q -o out in; }
good_file() { out_is in; }

run_pipe() { cat in | B -q | cat >out; return "${PIPESTATUS[1]}"; }
good_pipe() { out_is in; }

run_small() { cat in | B -q -C -B 4K -z 777 | cat >out; return "${PIPESTATUS[1]}"; }
good_small() { out_is in; }

run_lines() { cat lines | B -q -l | cat >out; return "${PIPESTATUS[1]}"; }
good_lines() { out_is lines; }

run_packets() { B -q -B 8K -o out in in2; }
good_packets() { out_is in.both; }

run_stop() { B -q -S -s 50001 -o out in; }
good_stop() { head -c 50001 in | cmp - out; }

run_records() { tr '\n' '\0' <lines | B -q -0 -C -L 3M -o out; return "${PIPESTATUS[1]}"; }
good_records() { tr '\0' '\n' <out | cmp - lines; }

run_merge() { B -q --merge -l -o out lines lines; }
good_merge() { LC_ALL=C sort out | cmp - lines.sorted; }

run_merge_drop() { B -q --merge -l --overflow drop-oldest -B 4M -o out lines lines; }
good_merge_drop() { LC_ALL=C sort out | cmp - lines.sorted; }

run_tap() { B -q -o out --tap tap in; }
good_tap() { out_is in; }

run_spool() { cat in | B -q -C -B 4K --spool . --spool-max 10M | cat >out; return "${PIPESTATUS[1]}"; }
good_spool() { out_is in; }

run_spool_name() { cat lines | B -q -l -B 4K --spool odd.spool -o out; return "${PIPESTATUS[1]}"; }
good_spool_name() { out_is lines && [ ! -e odd.spool ]; }

run_from_to() { B -q --from 'cat in' --from 'cat in2' --to 'cat >out'; }
good_from_to() { out_is in.both; }

run_several() { B -q --from 'cat in' --to 'cat >out' --to 'cat >out2' -o out3; }
good_several() { out_is in && cmp in out2 && cmp in out3; }

run_program() { B -q -M in -- sh -c 'cat >out' <in; }
good_program() { out_is in; }

run_frame() { cat in | B -q --frame | cat >out; return "${PIPESTATUS[1]}"; }
good_frame() { "$BPIPE" -q --unframe out | cmp - in; }

run_unframe() { cat framed | B -q --unframe | cat >out; return "${PIPESTATUS[1]}"; }
good_unframe() { out_is in; }

run_atomic() { B -q --atomic -o out -o out2 in; }
good_atomic() { out_is in && cmp in out2; }

run_expect() { printf 'all\nEND\n' | B -q --expect-size 8 --expect-end $'END\n' -o out; return "${PIPESTATUS[1]}"; }
good_expect() { equal $'all\nEND' "$(<out)"; }

run_direct() { B -q -K -Y -o out in; }
good_direct() { out_is in; }

run_append() { cat in >out && B -q --append -o out in2; }
good_append() { out_is in.both; }

run_drop_oldest() {
    cat lines | B -q -C -l --overflow drop-oldest --gap-mark -B 1M -o out
    return "${PIPESTATUS[1]}"
}
good_drop_oldest() { out_is lines; }

run_drop_newest() {
    cat lines | B -q -C -l --overflow drop-newest --gap-mark -B 1M -o out
    return "${PIPESTATUS[1]}"
}
good_drop_newest() { out_is lines; }

run_rates() { B -q -L 10M --burst 20K --read-rate 20M -o out in; }
good_rates() { out_is in; }

run_format() {
    cat in | B -f -i 0.1 -F '%t %r %b %p %e %20{A} %{L}' -N name -s 60000 | cat >out
    return "${PIPESTATUS[1]}"
}
good_format() { out_is in; }

run_live() { B -f -i 0.1 -L 300K --burst 20K -o out in; }
good_live() { out_is in; }

run_numeric() { B -n -i 0.1 -L 300K --burst 20K -o out in; }
good_numeric() { out_is in; }

run_cursor() { B -c -f -i 0.1 -L 300K --burst 20K -o out in; }
good_cursor() { out_is in; }

run_size() { mkdir -p odd.size && cp in odd.size && B -q -s @odd.size -o out in; }
good_size() { out_is in; }

run_reports() {
    B -v --report json:report.json --report prometheus:report.prom --report text:report.txt \
        --report-every 0.01 -o out in in2
}
good_reports() { out_is in.both; }

run_pidfile() { B -q -P odd.pid -o out in; }
# A pidfile that cannot be opened or read any more stays, because it may belong to another by then.
good_pidfile() { out_is in && { [ ! -e odd.pid ] || grep -q 'call=\(open\|read\) .*fault=E[^IA]\|fault=EIO' log; }; }

run_discard() { B -q -X in; }
good_discard() { true; }

run_marks() {
    cat in | B -q --start-fill 50 --resume-fill 20 --block-size 512 -B 10K | cat >out
    return "${PIPESTATUS[1]}"
}
good_marks() { out_is in; }

run_version() { B --version >out; }
good_version() { grep -q '^bpipe [0-9]' out; }

# A mistake on the command line is status 2, even if something else fails.
run_usage() {
    local status=0
    B --no-such-option || status=$?
    [ $status = 2 ] && return 0
    return $status
}
good_usage() { true; }

# --- a bpipe that answers -R and -Q ------------------------------------------------------------

# with_idle COMMAND...: runs COMMAND while an unfaulted bpipe waits for input as $asked, and returns
# its status.
with_idle() {
    local status=0 idle
    rm -f odd.idle
    mkfifo odd.idle && exec {idle}<>odd.idle
    "$BPIPE" -q -o out <odd.idle {idle}<&- &
    asked=$!
    wait_until 20 has_control $asked
    "$@" || status=$?
    cat in >odd.idle
    exec {idle}<&-
    wait $asked
    return $status
}

run_query() { with_idle query; }
query() { B -Q "$asked" >out.answer; }
good_query() { out_is in && grep -q . out.answer; }

run_remote() { with_idle remote; }
remote() { B -R "$asked" -L 100M -N other -F '%b'; }
good_remote() { out_is in; }

# The faulted bpipe is the one that is asked. The client may get no answer.
run_asked() {
    local idle job
    rm -f odd.idle
    mkfifo odd.idle && exec {idle}<>odd.idle
    B -f -i 0.1 -o out <odd.idle {idle}<&- &
    job=$!
    wait_until 2 asked_or_gone $job || true # without memory for its socket, it cannot be asked
    "$BPIPE" -q -o - in >odd.idle &
    exec {idle}<&-
    wait $!
    wait $job
}
good_asked() { out_is in; }

# B is a function, and timeout is between, so the process to ask is found by its socket.
asked_or_gone() { # PID
    local socket number
    gone "$1" && return 0
    for socket in "$XDG_RUNTIME_DIR"/bpipe-*.sock; do
        number=${socket##*-}
        [ -S "$socket" ] || continue
        "$BPIPE" -R "${number%.sock}" -L 100M -N other -F '%b' 2>odd.asking || true
        "$BPIPE" -Q "${number%.sock}" >odd.answer 2>odd.asking || true
        return 0
    done
    return 1
}

# --- two bpipes, one of them faulted -------------------------------------------------------------

# sends_to LISTENER: the faulted bpipe connects to an unfaulted one that listens. A listener to
# which it never connected is ended.
sends_to() {
    local status=0 job connect=$1
    rm -f odd.sock odd.err
    "$BPIPE" -q "$1" --connect-timeout 20s --report json:odd.report -o out2 2>odd.err &
    job=$!
    case $1 in
    unix*) wait_until 20 [ -S odd.sock ] && connect=unix://odd.sock ;;
    *)
        wait_until 20 grep -q 'listening on ' odd.err
        connect=${1%%-*}://localhost:$(sed -n 's/.*listening on .*:\([0-9]*\)$/\1/p' odd.err)
        ;;
    esac
    B -q -o "$connect" in || status=$?
    [ $status = 0 ] || kill $job 2>/dev/null || true
    received=0
    wait $job || received=$?
    mv out2 out 2>/dev/null || true
    return $status
}

# receives_from LISTENER CONNECT: the faulted bpipe listens; the other one connects to it.
receives_from() {
    local status=0 job
    rm -f odd.sock odd.err
    B -q "$1" --connect-timeout 20s -o out 2>odd.err &
    job=$!
    wait_until 20 listens_or_gone $job "$1"
    if ! gone $job; then
        case $1 in
        unix*) "$BPIPE" -q -o unix://odd.sock in 2>odd.sender || true ;;
        *) "$BPIPE" -q -o "tcp://127.0.0.1:$(sed -n 's/.*listening on .*:\([0-9]*\)$/\1/p' odd.err)" \
            in 2>odd.sender || true ;;
        esac
    fi
    wait $job || status=$?
    grep -v 'listening on ' odd.err >&2 || true
    return $status
}

listens_or_gone() { # PID LISTENER
    gone "$1" && return 0
    case $2 in
    unix*) [ -S odd.sock ] ;;
    *) grep -q 'listening on ' odd.err ;;
    esac
}

run_tcp_to() { sends_to tcp-listen://localhost:0; }
good_tcp_to() { out_is in && equal 0 "$received"; }

run_tcp_from() { receives_from tcp-listen://localhost:0; }
good_tcp_from() { out_is in; }

run_unix_to() { sends_to unix-listen://odd.sock; }
good_unix_to() { out_is in && equal 0 "$received"; }

run_unix_from() { receives_from unix-listen://odd.sock; }
good_unix_from() { out_is in; }

# No process listens there: refusals are counted, and are no failure.
run_udp_to() { B -q -l -o udp://127.0.0.1:9 lines; }
good_udp_to() { true; }
