#!/usr/bin/env bats
#
# How a run ends, and what it leaves behind: departures, signals, timeouts, inputs and outputs that
# fail, and which status wins if several apply. The report of every end must add up.

# shellcheck disable=SC2094,SC2261 # FIFOs are opened both ways on purpose, and {var}< is no stderr
# shellcheck disable=SC2153 # BPIPE and bpipe are two things
load ../helpers
load ../observe

setup() {
    common_setup
    ulimit -c 0 # SIGQUIT
}

# --- helpers --------------------------------------------------------------------------------

# finished PID STATUS: it has ended with that status, and the report file says so.
finished() {
    ended "$1" "$2" && adds_up report "$2"
}

# fails STATUS MESSAGE COMMAND...: quickly, with only this line on stderr, and nothing on stdout.
fails() {
    local status=$1 message=$2
    shift 2
    [ "$1" != "$BPIPE" ] || set -- timeout 20 "$@"
    result "$@"
    equal "$status::$message" "$result" "$*"
}

# files: prints the names in the directory, except those that the tests' own functions write.
files() (
    shopt -s dotglob nullglob
    for file in *; do
        [[ $file == result.* || $file == report ]] || printf '%s ' "$file"
    done
)

# draining PID: whether it has closed its standard input.
draining() { [ ! -e "/proc/$1/fd/0" ]; }

taken() { [ "$(last_number "$1" report)" -ge "$2" ]; } # KEY COUNT

# fed PID COUNT: whether it has read COUNT bytes, and waits.
fed() {
    wait_number "$1" report bytes_in "$2" && wait_until 10 in_poll "$1"
}

# --- departures -----------------------------------------------------------------------------

@test "the consumer leaves while the producer is idle: ends at once, quietly" {
    open_idle
    open_consumer
    defsig "$BPIPE" -q --report json:report <&"$idle" >&"$writer" 2>err {reader}<&- &
    wait_until 10 in_poll $!
    exec {reader}<&-
    finished $! 141
    equal "" "$(<err)"
}

@test "the consumer leaves while bytes wait for it" {
    random_bytes 2M >data
    open_idle
    open_consumer
    defsig "$BPIPE" -q --report json:report <&"$idle" >&"$writer" 2>err {reader}<&- &
    cat data >idle
    fed $! 2097152
    exec {reader}<&-
    finished $! 141
    equal "" "$(<err)"
    [ "$(last_number bytes_undelivered report)" -gt 0 ]
}

@test "the consumer leaves while --start-fill and --block-size hold bytes back" {
    open_idle
    open_consumer
    defsig "$BPIPE" -q -B 1M --start-fill 90 --block-size 1K --report json:report \
        <&"$idle" >&"$writer" 2>err {reader}<&- &
    printf 12345 >idle
    fed $! 5
    exec {reader}<&-
    finished $! 141
    equal "" "$(<err)"
    equal 5 "$(last_number bytes_undelivered report)"
}

@test "bpipe big | head -1: no message" {
    seq 1000000 >big
    local -a statuses
    defsig "$BPIPE" -q big 2>err | head -1 >out || true
    statuses=("${PIPESTATUS[@]}")
    equal 1 "$(<out)"
    equal "" "$(<err)"
    yes | defsig "$BPIPE" -q 2>err | head -1 >out
    statuses=("${PIPESTATUS[@]}")
    equal "141 0" "${statuses[*]:1}"
    equal "" "$(<err)"
    # bpipe's own report is there, without a complaint.
    yes | defsig "$BPIPE" 2>err | head -1 >out
    statuses=("${PIPESTATUS[@]}")
    equal "141 0" "${statuses[*]:1}"
    grep -q '^bpipe: .* in ' err
    refute grep -iqE 'broken|fail|error' err
}

@test "the consumer leaves while an input FIFO waits for its first writer" {
    open_consumer
    mkfifo fifo
    defsig "$BPIPE" -q fifo --report json:report >&"$writer" 2>err {reader}<&- &
    wait_until 10 in_poll $!
    exec {reader}<&-
    finished $! 141
    equal "" "$(<err)"
}

@test "the reader of a FIFO that bpipe has opened leaves" {
    open_idle
    mkfifo out
    defsig "$BPIPE" -q -o out --report json:report <&"$idle" 2>err &
    exec {reader}<out
    wait_until 10 holds $! out
    wait_until 10 in_poll $!
    exec {reader}<&-
    finished $! 141
    equal "" "$(<err)"
}

@test "SIGPIPE ignored at the start: a departed consumer is an error" {
    open_idle
    open_consumer
    defsig -i 13 "$BPIPE" -q --report json:report <&"$idle" >&"$writer" 2>err {reader}<&- &
    wait_until 10 in_poll $!
    exec {reader}<&-
    finished $! 1
    equal "bpipe: stdout: write failed at byte 0: Broken pipe" "$(<err)"
    defsig -i 13 "$BPIPE" -q /dev/zero 2>err | head -c 10 >/dev/null || true
    [[ "$(<err)" =~ ^bpipe:\ stdout:\ write\ failed\ at\ byte\ [0-9]+:\ Broken\ pipe$ ]]
}

@test "one of several outputs departs: the others get everything, status 1" {
    random_bytes 2M >data
    open_idle
    open_consumer
    "$BPIPE" -q -S -s 2M -o one -o - -o two --report json:report \
        <&"$idle" >&"$writer" 2>err {reader}<&- &
    head -c 1M data >idle
    fed $! 1048576
    exec {reader}<&-
    wait_until 10 has_lines err 1
    tail -c 1M data >idle
    finished $! 1
    equal "bpipe: stdout: write failed at byte N: Broken pipe" "$(sed 's/byte [0-9]*/byte N/' err)"
    equal_files data one
    equal_files data two
}

@test "outputs that all depart while the producer is idle: ends when none is left, status 1" {
    open_idle
    mkfifo one two
    "$BPIPE" -q -o one -o two --report json:report <&"$idle" 2>err &
    exec {first}<one {second}<two
    wait_until 10 holds $! two
    wait_until 10 in_poll $!
    exec {first}<&-
    wait_until 10 has_lines err 1
    equal "bpipe: one: write failed at byte 0: Broken pipe" "$(<err)"
    refute gone $!
    exec {second}<&-
    finished $! 1
    equal "bpipe: two: write failed at byte 0: Broken pipe" "$(tail -n +2 err)"
}

@test "a terminal that hangs up has departed" {
    [ -w /dev/ptmx ] || skip "there is no /dev/ptmx"
    open_idle
    exec {master}<>/dev/ptmx
    tty=$(pty name <&"$master")
    exec {slave}<>"$tty"
    defsig "$BPIPE" -q --report json:report <&"$idle" >&"$slave" 2>err {master}>&- {slave}>&- &
    wait_until 10 in_poll $!
    exec {slave}>&- {master}>&-
    finished $! 141
    equal "" "$(<err)"
}

# shellcheck disable=SC2016
@test "a session whose terminal hangs up: SIGHUP, and what is buffered is written" {
    [ -w /dev/ptmx ] || skip "there is no /dev/ptmx"
    open_idle
    exec {master}<>/dev/ptmx
    tty=$(pty name <&"$master")
    exec {slave}<>"$tty"
    # The terminal is stdin for pty, and stderr.
    defsig pty session sh -c 'exec "$BPIPE" --start-fill 50 --report json:report <idle >out' \
        <&"$slave" 2>&"$slave" {master}>&- {slave}>&- {idle}>&- &
    printf 12345 >idle
    fed $! 5
    exec {slave}>&- {master}>&-
    finished $! 129
    equal 12345 "$(<out)"
}

# --- signals --------------------------------------------------------------------------------

@test "SIGINT and SIGQUIT stop at once; unwritten bytes are reported" {
    local signal
    random_bytes 2M >data
    open_idle
    open_stuck
    for signal in 2 3; do
        defsig "$BPIPE" -q --report json:report <&"$idle" >&"$stuck" 2>err &
        cat data >idle
        fed $! 2097152
        kill -"$signal" $!
        finished $! $((128 + signal))
        equal "" "$(<err)"
        [ "$(last_number bytes_undelivered report)" -gt 0 ]
        rm report
    done
}

@test "SIGTERM and SIGHUP stop reading and drain: a slow consumer gets every buffered byte" {
    local signal
    random_bytes 2M >data
    open_idle
    for signal in 15 1; do
        mkfifo slow
        exec {slow}<>slow
        defsig "$BPIPE" -q --report json:report <&"$idle" >&"$slow" {slow}>&- &
        cat data >idle
        fed $! 2097152
        kill -"$signal" $!
        wait_until 10 draining $!
        refute gone $!
        { head -c 1000 && sleep 0.1 && head -c 1000 && head -c 2095152; } <slow >out
        finished $! $((128 + signal))
        equal_files data out
        equal 0 "$(last_number bytes_undelivered report)"
        exec {slow}>&-
        rm slow report
    done
}

@test "SIGTERM: unread bytes remain for the next reader" {
    local bpipe read
    random_bytes 200K >data
    open_idle
    open_stuck
    "$BPIPE" -q -J 0 -B 10000 --report json:report <&"$idle" >&"$stuck" &
    bpipe=$!
    cat data >idle &
    wait_number "$bpipe" report peak_bytes 10000
    wait_until 10 in_poll "$bpipe"
    kill -TERM "$bpipe"
    wait_until 10 draining "$bpipe"
    sample "$bpipe" report
    read=$(last_number bytes_in report)
    head -c "$read" <stuck >out
    finished "$bpipe" 143
    equal "$read" "$(last_number bytes_in report)"
    equal 0 "$(last_number bytes_undelivered report)"
    head -c $((204800 - read)) <&"$idle" >>out
    equal_files data out
}

@test "a second SIGTERM stops at once" {
    local second
    random_bytes 2M >data
    open_idle
    open_stuck
    for second in 15 1 2; do
        defsig "$BPIPE" -q --report json:report <&"$idle" >&"$stuck" 2>err &
        cat data >idle
        fed $! 2097152
        kill -TERM $!
        wait_until 10 draining $!
        refute gone $!
        kill -"$second" $!
        finished $! 143
        equal "" "$(<err)"
        [ "$(last_number bytes_undelivered report)" -gt 0 ]
        rm report
    done
}

@test "SIGTERM: --drain-timeout expires, and bpipe still dies by SIGTERM" {
    local signal
    random_bytes 2M >data
    open_idle
    open_stuck
    for signal in 15 1; do
        defsig "$BPIPE" -q --drain-timeout 100ms --report json:report <&"$idle" >&"$stuck" 2>err &
        cat data >idle
        fed $! 2097152
        kill -"$signal" $!
        finished $! $((128 + signal))
        equal "bpipe: stdout: took no data for 100 ms (--drain-timeout)" "$(<err)"
        [ "$(last_number bytes_undelivered report)" -gt 0 ]
        rm report
    done
}

@test "SIGTERM with an empty buffer ends at once; bytes that were held back are written" {
    open_idle
    defsig "$BPIPE" -q --report json:report <&"$idle" >out &
    printf 12345 >idle
    fed $! 5
    kill -TERM $!
    finished $! 143
    equal 12345 "$(<out)"
    rm report
    defsig "$BPIPE" -q -B 1M --start-fill 50 --block-size 100 --report json:report <&"$idle" >out &
    random_bytes 12345 >data
    cat data >idle
    fed $! 12345
    size_is out 0
    kill -HUP $!
    finished $! 129
    equal_files data out
}

@test "SIGTERM while the consumer is gone, or goes" {
    random_bytes 2M >data
    open_idle
    open_consumer
    defsig "$BPIPE" -q --report json:report <&"$idle" >&"$writer" 2>err {reader}<&- &
    cat data >idle
    fed $! 2097152
    kill -TERM $!
    wait_until 10 draining $!
    exec {reader}<&-
    finished $! 143
    equal "" "$(<err)"
}

@test "signals that are ignored at the start stay ignored" {
    local signal
    open_idle
    for signal in 1 2 3 15 10; do
        defsig -i "$signal" "$BPIPE" -q -S -s 8 --report json:report <&"$idle" >out 2>err &
        printf 1234 >idle
        wait_until 10 size_is out 4
        wait_until 10 in_poll $!
        kill -"$signal" $!
        printf 5678 >idle
        finished $! 0
        equal 12345678 "$(<out)"
        equal "" "$(<err)"
        equal 1 "$(lines_of report)" # no sample either
        rm report
    done
}

@test "nohup" {
    open_idle
    skip_unless nohup
    nohup "$BPIPE" -q -S -s 8 <&"$idle" >out 2>err &
    printf 1234 >idle
    wait_until 10 size_is out 4
    kill -HUP $!
    printf 5678 >idle
    ended $! 0
    equal 12345678 "$(<out)"
}

@test "SIGUSR1 reports and the run continues, also with -q alone" {
    open_idle
    "$BPIPE" -q -S -s 8 <&"$idle" >out 2>err &
    printf 1234 >idle
    wait_until 10 size_is out 4
    kill -USR1 $!
    wait_until 10 grep -q '^bpipe: 4 B of 8 B' err
    printf 5678 >idle
    ended $! 0
    equal 12345678 "$(<out)"
    refute grep -q '^bpipe: 8 B' err
}

@test "signals while a FIFO waits for its reader: a report, then the end, and nothing is left" {
    local signal
    printf data >in
    mkfifo fifo
    for signal in 2 15 1 3; do
        defsig "$BPIPE" -q -o made -o fifo --report json:report in 2>err &
        sample $! report
        refute gone $!
        kill -"$signal" $!
        ended $! $((128 + signal))
        equal "" "$(<err)"
        equal "err fifo in " "$(files)"
        rm report
    done
    "$BPIPE" -q -o made -o fifo --report json:report in 2>err &
    sample $! report
    equal data "$(cat fifo)"
    finished $! 0
    equal data "$(<made)"
}

@test "signals while a FIFO waits for its writer" {
    local signal
    mkfifo fifo
    for signal in 2 15 1 3; do
        defsig "$BPIPE" -q -o out --report json:report fifo 2>err &
        sample $! report
        wait_until 10 in_poll $!
        kill -"$signal" $!
        finished $! $((128 + signal))
        equal "" "$(<err)"
        rm report
    done
}

# --- timeouts -------------------------------------------------------------------------------

@test "--idle-timeout: received bytes are delivered, status 4" {
    open_idle
    "$BPIPE" -q --idle-timeout 200ms --report json:report <&"$idle" >out 2>err &
    printf 12345 >idle
    finished $! 4
    equal "bpipe: stdin: no data for 200 ms (--idle-timeout)" "$(<err)"
    equal 12345 "$(<out)"
}

@test "--idle-timeout does not run while the buffer is full" {
    random_bytes 300K >data
    mkfifo slow
    exec {slow}<>slow
    "$BPIPE" -q -J 0 -B 10K --idle-timeout 100ms --report-every 100ms --report json:report \
        < <(cat data {slow}>&-) >&"$slow" 2>err {slow}>&- &
    wait_until 20 has_lines report 10
    refute gone $!
    head -c 300K <slow >out
    finished $! 0
    equal "" "$(<err)"
    equal_files data out
}

@test "--stall-timeout: the output takes nothing" {
    open_idle
    open_stuck
    random_bytes 2M >data
    "$BPIPE" -q --stall-timeout 100ms --report json:report <&"$idle" >&"$stuck" 2>err &
    cat data >idle
    finished $! 4
    equal "bpipe: stdout: took no data for 100 ms (--stall-timeout)" "$(<err)"
}

@test "--stall-timeout: one of several outputs is given up, the others get everything" {
    open_idle
    open_stuck
    random_bytes 2M >data
    "$BPIPE" -q -S -s 2M -B 100K --stall-timeout 100ms -o one -o - -o two --report json:report \
        <&"$idle" >&"$stuck" 2>err &
    cat data >idle
    finished $! 4
    equal "bpipe: stdout: took no data for 100 ms (--stall-timeout)" "$(<err)"
    equal_files data one
    equal_files data two
}

@test "--stall-timeout does not run while there is nothing to write" {
    open_idle
    open_stuck
    "$BPIPE" -q -S -s 5 --stall-timeout 100ms --report-every 100ms --report json:report \
        <&"$idle" >&"$stuck" 2>err &
    wait_until 20 has_lines report 5
    printf 12345 >idle
    finished $! 0
    equal "" "$(<err)"
}

@test "--drain-timeout after the end of input: status 4" {
    open_stuck
    random_bytes 2M >data
    status=0
    "$BPIPE" -q --drain-timeout 100ms --report json:report data >&"$stuck" 2>err || status=$?
    equal 4 "$status"
    equal "bpipe: stdout: took no data for 100 ms (--drain-timeout)" "$(<err)"
    adds_up report 4
    status=0
    "$BPIPE" -q --drain-timeout 100ms -o one -o - -o two --report json:report data \
        >&"$stuck" 2>err || status=$?
    equal 4 "$status"
    equal "bpipe: stdout: took no data for 100 ms (--drain-timeout)" "$(<err)"
    equal_files data one
    equal_files data two
}

@test "time in which bpipe is stopped counts for no timeout" {
    open_idle
    "$BPIPE" -q -S -s 8 --idle-timeout 1s --report json:report <&"$idle" >out 2>err &
    printf 1234 >idle
    fed $! 4
    kill -STOP $!
    sleep 1.2 # longer than the limit
    kill -CONT $!
    printf 5678 >idle
    finished $! 0
    equal "" "$(<err)"
    equal 12345678 "$(<out)"
}

# --- which status wins ----------------------------------------------------------------------

@test "a failed input and a departed consumer: 1" {
    open_idle
    open_consumer
    defsig "$BPIPE" -q --report json:report missing - <&"$idle" >&"$writer" 2>err {reader}<&- &
    wait_until 10 in_poll $!
    exec {reader}<&-
    finished $! 1
    equal "bpipe: missing: No such file or directory" "$(<err)"
}

@test "a failed input and a timeout: 4" {
    open_idle
    result "$BPIPE" -q --idle-timeout 100ms --report json:report missing - <&"$idle"
    equal "4::bpipe: missing: No such file or directory
bpipe: stdin: no data for 100 ms (--idle-timeout)" "$result"
    adds_up report 4
}

@test "a timeout and a departed consumer: 4" {
    open_idle
    open_consumer
    random_bytes 2M >data
    defsig "$BPIPE" -q --idle-timeout 100ms --drain-timeout 0 --report json:report \
        <&"$idle" >&"$writer" 2>err {reader}<&- &
    cat data >idle
    wait_until 20 draining $!
    exec {reader}<&-
    finished $! 4
    equal "bpipe: stdin: no data for 100 ms (--idle-timeout)" "$(<err)"
}

@test "a failed input and SIGTERM or SIGINT: the signal" {
    local signal
    open_idle
    for signal in 15 2; do
        defsig "$BPIPE" -q --report json:report missing - <&"$idle" >out 2>err &
        wait_until 10 in_poll $!
        kill -"$signal" $!
        finished $! $((128 + signal))
        rm report
    done
}

@test "a failed output and SIGTERM: the signal" {
    open_idle
    printf data >idle
    defsig "$BPIPE" -q -o /dev/full -o out --report json:report <&"$idle" 2>err &
    wait_until 10 has_lines err 1
    kill -TERM $!
    finished $! 143
    equal "bpipe: /dev/full: write failed at byte 0: No space left on device" "$(<err)"
    equal data "$(<out)"
}

@test "a usage error beats everything, and touches nothing" {
    printf old >old
    local before
    before=$(files)
    result "$BPIPE" -P pid --report json:report -o made -o old --no-such-option missing <&-
    equal 2 "${result%%:*}"
    equal "$before" "$(files)"
    [ ! -e report ]
    equal old "$(<old)"
}

# --- an output that is its own input --------------------------------------------------------

@test "an output that is its own input: refused in every form, and untouched" {
    local how name
    ulimit -f 100000 # a limit, in case it feeds itself
    random_bytes 10K >want
    for how in 'f|f -o f' 'f|f -o ./f' 'f|f -o link' 'link|link -o f' 'f|f -o hard' \
        'f|--append -o f f' 'f|--append -o link f' 'f|f >>f' 'f|f 1<>f' 'stdin|<f >>f' \
        'stdin|<f 1<>f' 'stdin|-o f <f' 'stdin|--append -o f <f' 'stdin|- -o hard <f' \
        'f|f -o made -o f' 'f|f -o /dev/fd/9 9>>f' 'fd://9|fd://9 -o f 9<f' \
        '/dev/stdin|/dev/stdin -o f <f' 'f|in f -o f' 'f|--append in f -o f'; do
        name=${how%%|*}
        cp want f
        ln -s f link
        ln f hard
        printf data >in
        status=0
        eval "timeout 20 \"\$BPIPE\" -q ${how#*|} 2>err" || status=$?
        equal "1 bpipe: $name: input file is output file" "$status $(<err)" "$how"
        equal_files want f
        [ ! -e made ]
        rm f link hard
    done
}

@test "with --merge an input that is an output is refused while it is empty, too" {
    ulimit -f 100000
    local how name
    seq 3000 >a
    for how in 'f|a f -o f' 'f|f a -o f' 'f|a f >f' 'f|a f --append -o f' 'stdin|a - <f >>f' \
        'f|-l a f -o f' 'f|a f --tap f -X' 'f|--from "cat a" f -o f'; do
        name=${how%%|*}
        : >f
        status=0
        eval "timeout 20 \"\$BPIPE\" -q --merge --read-rate 1M ${how#*|} 2>err" || status=$?
        equal "1 bpipe: $name: input file is output file" "$status $(<err)" "$how"
        equal_files a f
    done
    rm f # the output made it; it was not there before
    status=0
    timeout 20 "$BPIPE" -q --merge --read-rate 1M a f -o f 2>err || status=$?
    equal "1 bpipe: f: input file is output file" "$status $(<err)"
    equal_files a f
    : >f # alone it feeds nothing
    "$BPIPE" -q --merge f -o f
    [ ! -s f ]
}

@test "an output that is its own input, found out later: the rest is copied" {
    ulimit -f 100000
    printf 'one ' >a
    printf 'two ' >f
    status=0
    "$BPIPE" -q a f a >>f 2>err || status=$?
    equal "1 bpipe: f: input file is output file" "$status $(<err)"
    equal "two one one " "$(<f)"
}

@test "an output that is its own input is accepted if it is empty or was read to its end" {
    : >f
    result "$BPIPE" -q f -o f
    equal "0::" "$result"
    result "$BPIPE" -q f --append -o f
    equal "0::" "$result"
    printf data >in
    "$BPIPE" -q f in >>f
    equal data "$(<f)"
    { cat >/dev/null && "$BPIPE" -q >>f; } <f
    equal data "$(<f)"
    "$BPIPE" -q <f >f # the shell has emptied it
    size_is f 0
}

@test "--atomic over its own input, like sponge" {
    random_bytes 300K >want
    cp want f
    "$BPIPE" -q --atomic -o f f
    equal_files want f
    "$BPIPE" -q --atomic -o f f f
    cat want want >twice
    equal_files twice f
    ln -s f link
    tr 'a-y' 'b-z' <f >changed
    tr 'a-y' 'b-z' <f | "$BPIPE" -q --atomic -o link
    equal_files changed f
    [ -L link ]
}

@test "two outputs that are one file" {
    local how
    printf data >in
    printf old >old
    ln -s old link
    ln old hard
    for how in '-o old -o old' '-o old -o ./old' '-o old -o link' '-o hard -o old' '-o link -o /dev/fd/9'; do
        # shellcheck disable=SC2086
        result "$BPIPE" -q $how in 9<>old
        equal "1::bpipe: ${how##* }: is already an output" "$result"
        equal old "$(<old)"
    done
    fails 1 "bpipe: ./new: is already an output" "$BPIPE" -q -o new -o ./new in
    for how in '-o new -o unix-listen://new' '-o unix-listen://new -o new' '-o new --tap unix://./new' \
        '-X --tap new --tap unix-listen://new' '-o old -o unix-listen://link'; do
        # shellcheck disable=SC2086
        result timeout 20 "$BPIPE" -q $how in
        equal "1::bpipe: ${how##* }: is already an output" "$result" "$how"
    done
    for how in 'unix://new --retry 1 -o new' 'unix-listen://./new -o new' 'in unix-listen://old --tap link'; do
        # shellcheck disable=SC2086
        result timeout 20 "$BPIPE" -q $how
        [[ $how =~ [^\ ]*unix[^\ ]* ]]
        equal "1::bpipe: ${BASH_REMATCH[0]}: input file is output file" "$result" "$how"
    done
    equal old "$(<old)"
    equal "hard in link old " "$(files)"
}

# --- files that cannot be opened -----------------------------------------------------------

@test "directories as input and output" {
    mkdir dir
    printf data >in
    fails 1 "bpipe: dir: Is a directory" "$BPIPE" -q dir
    fails 1 "bpipe: dir: Is a directory" "$BPIPE" -q -o made dir
    fails 1 "bpipe: dir: Is a directory" "$BPIPE" -q -o dir in
    fails 1 "bpipe: dir: Is a directory" "$BPIPE" -q -o made -o dir in
    fails 1 "bpipe: dir/: Is a directory" "$BPIPE" -q -o dir/ in
    fails 1 "bpipe: dir: Is a directory" "$BPIPE" -q --append -o dir in
    fails 1 "bpipe: stdin: Is a directory" "$BPIPE" -q -o made <dir
    equal "dir in " "$(files)"
    result "$BPIPE" -q in dir in --report json:report
    equal "1:datadata:bpipe: dir: Is a directory" "$result"
    adds_up report 1
}

@test "a missing input alone: the output is neither created nor truncated" {
    printf old >old
    fails 1 "bpipe: missing: No such file or directory" "$BPIPE" -q missing
    fails 1 "bpipe: missing: No such file or directory" "$BPIPE" -q -o made missing
    fails 1 "bpipe: missing: No such file or directory" "$BPIPE" -q -o old missing
    fails 1 "bpipe: missing: No such file or directory" "$BPIPE" -q --append -o made -o old missing
    fails 1 "bpipe: missing: No such file or directory" "$BPIPE" -q --atomic -o made -o old missing
    fails 1 "bpipe: missing/x: No such file or directory" "$BPIPE" -q -o made missing/x
    fails 1 "bpipe: old/x: Not a directory" "$BPIPE" -q -o made old/x
    equal "old " "$(files)"
    equal old "$(<old)"
}

@test "several missing inputs, one line each" {
    fails 1 "bpipe: a: No such file or directory
bpipe: b: No such file or directory" "$BPIPE" -q -o made a b
    equal "" "$(files)"
}

@test "one missing input among several: the others are copied, status 1" {
    random_bytes 100K 1 >a
    random_bytes 100K 2 >b
    cat a b >want
    local order
    for order in 'missing a b' 'a missing b' 'a b missing'; do
        # shellcheck disable=SC2086
        fails 1 "bpipe: missing: No such file or directory" \
            "$BPIPE" -q -o out --report json:report $order
        equal_files want out
        adds_up report 1
    done
}

@test "an input and an output that may not be opened" {
    local -a run_as=()
    if [ "$(id -u)" -eq 0 ]; then
        skip_unless_other_user
        run_as=(as_other_user)
    fi
    public_dir
    cd "$public"
    printf secret >secret
    printf data >in
    printf old >old
    chmod 600 secret
    chmod 644 in old
    mkdir closed
    chmod 555 closed
    chmod 444 old
    [ "$(id -u)" -eq 0 ] || chmod 000 secret
    fails 1 "bpipe: secret: Permission denied" "${run_as[@]}" "$BPIPE" -q secret
    fails 1 "bpipe: secret: Permission denied" "${run_as[@]}" "$BPIPE" -q -o made secret
    fails 1 "bpipe: old: Permission denied" "${run_as[@]}" "$BPIPE" -q -o made -o old in
    fails 1 "bpipe: old: Permission denied" "${run_as[@]}" "$BPIPE" -q --append -o old in
    fails 1 "bpipe: old: Permission denied" "${run_as[@]}" "$BPIPE" -q --atomic -o old in
    fails 1 "bpipe: closed/x: Permission denied" "${run_as[@]}" "$BPIPE" -q -o made -o closed/x in
    fails 1 "bpipe: closed/x: Permission denied" "${run_as[@]}" "$BPIPE" -q --atomic -o closed/x in
    fails 1 "bpipe: --pidfile: closed/pid: Permission denied" "${run_as[@]}" "$BPIPE" -q -P closed/pid -o made in
    result "${run_as[@]}" "$BPIPE" -q in secret in
    equal "1:datadata:bpipe: secret: Permission denied" "$result"
    equal "closed in old secret " "$(files)"
    equal old "$(<old)"
    chmod 755 closed
    cd "$T"
}

@test "an output that cannot be opened: the other outputs are not touched, the input not read" {
    local bad reason
    printf old >old
    printf data >in
    mkdir dir
    : >file
    for bad in missing/x:'No such file or directory' dir:'Is a directory' file/x:'Not a directory' \
        fd://9:'Bad file descriptor'; do
        reason=${bad##*:}
        bad=${bad%:*}
        fails 1 "bpipe: $bad: $reason" "$BPIPE" -q -o made -o old -o "$bad" in 9<&-
        fails 1 "bpipe: $bad: $reason" "$BPIPE" -q -o "$bad" -o made -o old in 9<&-
        fails 1 "bpipe: $bad: $reason" "$BPIPE" -q --append -o made -o old -o "$bad" in 9<&-
    done
    fails 1 "bpipe: old: File exists" "$BPIPE" -q --no-clobber -o made -o old in
    fails 1 "bpipe: old: File exists" "$BPIPE" -q --no-clobber --atomic -o made -o old in
    fails 1 "bpipe: dir: is not a regular file (required by --atomic)" "$BPIPE" -q --atomic -o made -o old -o dir in
    equal "dir file in old " "$(files)"
    equal old "$(<old)"
    { "$BPIPE" -q -o missing/x 2>/dev/null || true; cat; } <in >out
    equal data "$(<out)"
}

# shellcheck disable=SC2016
@test "too few descriptors: a message, and nothing is left" {
    ! is_sanitized || skip "the sanitizers need some themselves"
    local limit finished=0
    random_bytes 100K >in
    for limit in {4..12}; do
        status=0
        sh -c 'ulimit -n "$0" && exec "$BPIPE" -q -o one -o two in' "$limit" \
            2>err 3>&- 4>&- || status=$?
        if [ "$status" -eq 0 ]; then
            equal_files in one
            equal_files in two
            finished=1
            break
        fi
        equal 1 "$status" "with $limit"
        [[ "$(<err)" =~ ^bpipe:\ (pipe|one|two|in):\ Too\ many\ open\ files$ ]]
        [ ! -e one ] && [ ! -e two ]
    done
    equal 1 "$finished"
}

@test "a report or pid file that cannot be opened: found out before a byte moves" {
    printf data >in
    printf old >old
    fails 1 "bpipe: missing/r: No such file or directory" \
        "$BPIPE" -q --report json:missing/r -o made -o old in
    fails 1 "bpipe: missing/r: No such file or directory" \
        "$BPIPE" -q --report prometheus:missing/r -o made -o old in
    fails 1 "bpipe: --pidfile: missing/p: No such file or directory" "$BPIPE" -q -P missing/p -o made -o old in
    equal "in old " "$(files)"
    equal old "$(<old)"
}

# --- no room --------------------------------------------------------------------------------

@test "/dev/full as stdout, by path, and among several outputs" {
    [ -c /dev/full ] || skip "there is no /dev/full"
    random_bytes 300K >data
    status=0
    "$BPIPE" -q --report json:report data >/dev/full 2>err || status=$?
    equal 1 "$status"
    equal "bpipe: stdout: write failed at byte 0: No space left on device" "$(<err)"
    adds_up report 1
    fails 1 "bpipe: /dev/full: write failed at byte 0: No space left on device" \
        "$BPIPE" -q --report json:report -o /dev/full data
    adds_up report 1
    fails 1 "bpipe: /dev/full: write failed at byte 0: No space left on device" \
        "$BPIPE" -q --report json:report -o one -o /dev/full -o two data
    adds_up report 1
    equal_files data one
    equal_files data two
    "$BPIPE" -q /dev/null >/dev/full # nothing to write, so nothing fails
}

@test "/dev/full while the producer is idle ends at once" {
    [ -c /dev/full ] || skip "there is no /dev/full"
    open_idle
    "$BPIPE" -q -o /dev/full <&"$idle" 2>err &
    printf x >idle
    ended $! 1
}

@test "a file that may not grow: EFBIG, not a death by SIGXFSZ" {
    random_bytes 300K >data
    (
        ulimit -f 16 # KiB
        defsig "$BPIPE" -q -z 7K -o out --report json:report data 2>err
    ) || status=$?
    equal 1 "$status"
    equal "bpipe: out: write failed at byte 16384: File too large" "$(<err)"
    head -c 16384 data | cmp - out
    adds_up report 1
    status=0
    (
        ulimit -f 16
        "$BPIPE" -q --atomic -o new -o out data 2>err
    ) || status=$?
    equal 1 "$status"
    [ ! -e new ]
    head -c 16384 data | cmp - out
}

# on_tmpfs SIZE SCRIPT: runs SCRIPT; the directory tmp holds no more than SIZE.
on_tmpfs() {
    mkdir -p tmp
    unshare -m sh -c "mount -t tmpfs -o size=$1 none tmp && $2"
}

# shellcheck disable=SC2016
@test "a full filesystem: ENOSPC, the reason and the place named; --atomic leaves nothing" {
    skip_unless_root
    skip_unless unshare
    on_tmpfs 64k : 2>/dev/null || skip "a tmpfs cannot be mounted here"
    random_bytes 1M >data
    on_tmpfs 256k '
        "$BPIPE" -q -o tmp/out -o other --report json:report data 2>err; echo $? >status
        wc -c <tmp/out >size'
    equal 1 "$(<status)"
    equal "bpipe: tmp/out: write failed at byte $(($(<size))): No space left on device
bpipe: tmp/out: is incomplete" "$(<err)"
    equal_files data other
    adds_up report 1
    on_tmpfs 256k '
        printf old >tmp/old
        "$BPIPE" -q --atomic -o tmp/new data 2>err; echo $? >status
        "$BPIPE" -q --atomic -o tmp/old data 2>>err; echo $? >>status
        ls -A tmp >left; cat tmp/old >old'
    equal $'1\n1' "$(<status)"
    equal "old" "$(<left)"
    equal old "$(<old)"
    equal 2 "$(grep -c '^bpipe: tmp/[a-z]*: write failed at byte [0-9]*: No space left on device$' err)"
}

# --- --atomic, --no-clobber, --append ----------------------------------------------------------

@test "--atomic: no target and no temporary after a signal, a failure, a timeout or a kill" {
    local how status files
    mkdir dir
    printf old >dir/old
    printf data >data
    open_idle
    for how in 2:130 15:143 1:129 3:131; do
        defsig "$BPIPE" -q --atomic -o dir/new -o dir/old --report json:report <&"$idle" &
        printf 12345 >idle
        fed $! 5
        kill -"${how%:*}" $!
        finished $! "${how#*:}"
        rm report
        equal old "$(ls -A dir)"
        equal old "$(<dir/old)"
    done
    fails 4 "bpipe: stdin: no data for 100 ms (--idle-timeout)" timeout_atomically
    equal old "$(ls -A dir)"
    fails 1 "bpipe: missing: No such file or directory" \
        "$BPIPE" -q --atomic -o dir/new -o dir/old data missing
    equal old "$(ls -A dir)"
    equal old "$(<dir/old)"
    "$BPIPE" -q --atomic -o dir/new -o dir/old --report json:report <&"$idle" &
    printf 12345 >idle
    fed $! 5
    files=$(ls -A dir)
    kill -KILL $!
    ended $! 137
    # If the filesystem has files without a name, nothing can be left behind.
    if [ "$files" = old ]; then
        equal old "$(ls -A dir)"
    else
        is_portable || echo "note: no O_TMPFILE here"
    fi
    equal old "$(<dir/old)"
}

@test "--atomic: the report says what a run that fails has left of each file" {
    echo old >old
    run -1 --separate-stderr "$BPIPE" --atomic -o old -o new - missing <<<new
    equal "bpipe: old: is unchanged
bpipe: new: was not created" "$(grep -E ': (is|was) ' <<<"$stderr")"
    equal old "$(<old)"
    refute [ -e new ]
    # an output that fails itself, and one that is still open while another waits for its peer
    head -c 100000 /dev/zero >in
    run -1 --separate-stderr bash -c "ulimit -f 8; trap '' XFSZ; exec '$BPIPE' --atomic -o new in"
    grep -qx 'bpipe: new: was not created' <<<"$stderr"
    mkfifo fifo
    "$BPIPE" --atomic -o new --report-every 0.1 --tap fifo -o unix-listen://peer </dev/null 2>err &
    wait_until 20 grep -q 'waiting for a peer' err
    kill -TERM $!
    ended $! 143
    grep -qx 'bpipe: new: was not created' err
}

timeout_atomically() {
    "$BPIPE" -q --idle-timeout 100ms --atomic -o dir/new -o dir/old <&"$idle"
}

@test "--atomic: readers see the old file or the whole new one" {
    random_bytes 1M 1 >old
    random_bytes 1M 2 >new
    cp old target
    exec {before}<target
    open_idle
    "$BPIPE" -q -S -s 1M --atomic -o target --report json:report <&"$idle" &
    head -c 1000000 new >idle
    fed $! 1000000
    equal_files old target
    tail -c +1000001 new >idle
    finished $! 0
    equal_files new target
    equal "$(sum old)" "$(sum_stdin <&"$before")" # a process that has the old file open keeps it
    equal "idle new old target " "$(files)"
}

@test "--atomic: symbolic links are followed and kept, modes are kept, new files get the usual one" {
    printf data >in
    mkdir dir
    ln -s dir/target link
    ln -s link chain
    "$BPIPE" -q --atomic -o chain in # both dangle
    equal data "$(<dir/target)"
    printf old >dir/target
    chmod 604 dir/target
    (umask 077 && "$BPIPE" -q --atomic -o chain in)
    equal data "$(<dir/target)"
    [ -L chain ] && [ -L link ] && [ ! -L dir/target ]
    equal 604 "$(stat -c %a dir/target)"
    (umask 027 && "$BPIPE" -q --atomic -o new in)
    equal 640 "$(stat -c %a new)"
    equal "chain dir in link new " "$(files)"
    ln -s loop loop
    fails 1 "bpipe: loop: Too many levels of symbolic links" "$BPIPE" -q --atomic -o loop in
}

@test "--atomic: anything except a regular file is refused, also behind a link" {
    printf data >in
    mkfifo fifo
    mkdir dir
    local target
    for target in fifo dir /dev/null; do
        ln -sf "$target" link
        fails 1 "bpipe: $target: is not a regular file (required by --atomic)" \
            "$BPIPE" -q --atomic -o made -o "$target" in
        fails 1 "bpipe: link: is not a regular file (required by --atomic)" \
            "$BPIPE" -q --atomic -o link in
        rm link
    done
    [ -p fifo ] && [ -c /dev/null ]
    equal "dir fifo in " "$(files)"
}

# shellcheck disable=SC2016
@test "--atomic without /proc" {
    skip_unless_root
    skip_unless unshare
    ! is_sanitized || skip "the sanitizers need /proc"
    unshare -m mount -t tmpfs none /proc 2>/dev/null || skip "/proc cannot be covered here"
    printf data >in
    printf old >old
    unshare -m sh -c 'mount -t tmpfs none /proc && exec "$BPIPE" -q --atomic -o new -o old in'
    equal "data data" "$(<new) $(<old)"
    equal "in new old " "$(files)"
}

@test "--atomic: the owner is kept by root" {
    skip_unless_root
    printf data >in
    printf old >target
    chown 65534:65534 target
    "$BPIPE" -q --atomic -o target in
    equal 65534:65534 "$(stat -c %u:%g target)"
    equal data "$(<target)"
}

@test "--no-clobber: of many bpipes at once one wins, and its file is complete" {
    local round i winner
    for i in {1..8}; do random_bytes 10K "$i" >"data.$i"; done
    for round in '' --atomic; do
        local -a pids=()
        for i in {1..8}; do
            # shellcheck disable=SC2086
            "$BPIPE" -q --no-clobber $round -o target "data.$i" 2>"err.$i" &
            pids+=($!)
        done
        winner=
        for i in {1..8}; do
            status=0
            wait "${pids[i - 1]}" || status=$?
            if [ "$status" -eq 0 ]; then
                equal "" "$winner" "a second winner"
                winner=$i
            else
                equal 1 "$status"
                grep -q '^bpipe: target: .*File exists$' "err.$i"
            fi
        done
        [ -n "$winner" ]
        equal_files "data.$winner" target
        rm target
    done
    equal "" "$(files | grep -o '\.target[^ ]*' || true)"
}

@test "--no-clobber --atomic: a file that appears during the run stays" {
    open_idle
    "$BPIPE" -q --no-clobber --atomic -S -s 5 -o target <&"$idle" 2>err &
    wait_until 10 in_poll $!
    printf theirs >target
    printf 12345 >idle
    ended $! 1
    equal "bpipe: target: cannot be put in place: File exists" "$(<err)"
    equal theirs "$(<target)"
    equal "err idle target " "$(files)"
}

@test "--append and --no-clobber on FIFOs and devices" {
    local how
    random_bytes 100K >data
    mkfifo fifo
    for how in --append --no-clobber; do
        "$BPIPE" -q "$how" -o fifo -o /dev/null data &
        cat fifo >out
        ended $! 0
        equal_files data out
        fails 1 "bpipe: /dev/full: write failed at byte 0: No space left on device" \
            "$BPIPE" -q "$how" -o /dev/full data
    done
    [ -c /dev/null ] && [ -p fifo ]
}

# --- the pid file ---------------------------------------------------------------------------

@test "-P: the pid file is written at the start, and removed after every ending" {
    local signal
    printf data >in
    open_idle
    printf old >pid
    for signal in 1 2 3 15; do
        defsig "$BPIPE" -q -P pid --report json:report <&"$idle" >out &
        sample $! report
        equal "$!" "$(<pid)"
        kill -"$signal" $!
        finished $! $((128 + signal))
        [ ! -e pid ]
        rm report
    done
    "$BPIPE" -q -P pid in >out
    [ ! -e pid ]
    result "$BPIPE" -q -P pid missing
    equal 1 "${result%%:*}"
    result "$BPIPE" -q -P pid -o dir/x in
    equal 1 "${result%%:*}"
    result "$BPIPE" -q -P pid --idle-timeout 20ms <&"$idle"
    equal 4 "${result%%:*}"
    result "$BPIPE" -q -P pid --report json:dir/x in
    equal 1 "${result%%:*}"
    result "$BPIPE" -q -P pid -s @missing in
    equal 1 "${result%%:*}"
    yes | defsig "$BPIPE" -q -P pid | head -c 10 >/dev/null
    [ ! -e pid ]
    result "$BPIPE" -q -P pid --no-such-option
    equal 2 "${result%%:*}"
    [ ! -e pid ]
}

@test "-P: a pid file that another process has replaced is not removed" {
    open_idle
    "$BPIPE" -q -P pid -S -s 5 --report json:report <&"$idle" >out &
    sample $! report
    printf '1\n' >pid
    printf 12345 >idle
    finished $! 0
    equal 1 "$(<pid)"
}

@test "-P: a symbolic link stays, and its target is removed after every ending" {
    local signal target
    printf data >in
    mkdir dir
    ln -s dir/pid link
    ln -s "$PWD/link" other
    open_idle
    for signal in 2 15; do
        defsig "$BPIPE" -q -P other --report json:report <&"$idle" >out &
        sample $! report
        equal "$!" "$(<dir/pid)"
        kill -"$signal" $!
        finished $! $((128 + signal))
        only_links
        rm report
    done
    printf old >dir/pid
    "$BPIPE" -q -P other in >out
    only_links
    fails 1 "bpipe: missing: No such file or directory" "$BPIPE" -q -P link missing
    only_links
    result "$BPIPE" -q -P link --idle-timeout 20ms <&"$idle"
    equal 4 "${result%%:*}"
    only_links
}

only_links() {
    equal "dir/pid $PWD/link" "$(readlink link) $(readlink other)"
    [ ! -e dir/pid ]
}

@test "-P: a pidfile that cannot be written is removed, and a link to it stays" {
    skip_unless_faults
    printf data >in
    ln -s target link
    local status=0
    with_faults FAULT_ONLY=bpipe FAULT_SCRIPT="write:*/target:1+:ENOSPC" timeout -k 1 60 \
        "$BPIPE" -q -P link in >out 2>err || status=$?
    equal "1 bpipe: --pidfile: link: No space left on device" "$status $(<err)"
    equal target "$(readlink link)"
    [ ! -e target ]
}

# --- found by an outsider ---------------------------------------------------------------------

@test "an output FIFO that never gets a reader ends by --stall-timeout, and nothing else was touched" {
    mkfifo fifo
    echo kept >kept
    fails 4 "bpipe: fifo: no reader for 300 ms (--stall-timeout)" \
        timeout 20 "$BPIPE" -q --stall-timeout 0.3 -o kept -o fifo -o made </dev/null
    equal kept "$(<kept)"
    [ ! -e made ]
}

@test "-P: inputs, outputs, reports and anything except regular files are refused, without a wait" {
    local reason='is also an input, output or report'
    echo precious >in
    ln -s in link
    fails 1 "bpipe: --pidfile: in: $reason" "$BPIPE" -q -P in in
    fails 1 "bpipe: --pidfile: link: $reason" "$BPIPE" -q -P link -o copy <in
    fails 1 "bpipe: --pidfile: out: $reason" "$BPIPE" -q -P out -o out in
    fails 1 "bpipe: --pidfile: new: $reason" "$BPIPE" -q -P new --report json:./new in
    equal precious "$(<in)"
    [ ! -e copy ] && [ ! -e out ] && [ ! -e new ]
    mkfifo fifo
    fails 1 "bpipe: --pidfile: fifo: is not a regular file" timeout 20 "$BPIPE" -q -P fifo in
    cat fifo >/dev/null &
    fails 1 "bpipe: --pidfile: fifo: is not a regular file" timeout 20 "$BPIPE" -q -P fifo in
    end_processes
    fails 1 "bpipe: --pidfile: /dev/null: is not a regular file" "$BPIPE" -q -P /dev/null in
    echo 1 >pid
    "$BPIPE" -q -P pid in >out
    cmp in out
    [ ! -e pid ]
}

@test "--atomic: a target that ends in a slash is refused before anything is written" {
    echo x >in
    fails 1 "bpipe: missing/: Is a directory" "$BPIPE" -q --atomic -o good -o missing/ in
    [ ! -e good ]
}

@test "a reader that leaves after the last byte: the input may still end" {
    local option i
    mkfifo feed
    for option in '' -C -l; do
        for ((i = 0; i < 10; i++)); do
            # The consumer is also the producer, so both ends come at the same time.
            # shellcheck disable=SC2086
            "$BPIPE" -q --report json:report $option <feed | {
                exec 7>feed
                echo text >&7
                head -n 1 >out
            }
            equal '0 0' "${PIPESTATUS[*]}" "round $i with $option"
            equal text "$(<out)"
            adds_up report 0
            rm report
        done
    done
}

@test "a reader leaves a full pipe, and the input then ends: bpipe ends, too" {
    local round
    local -a statuses
    for ((round = 0; round < 5; round++)); do
        # The bytes that come after the reader has left have nowhere to go. Then the input ends.
        sh -c 'head -c 1M /dev/zero; sleep 0.1; printf abc' | timeout -s KILL 20 "$BPIPE" -q |
            sh -c 'sleep 0.05; head -c 10 >/dev/null'
        statuses=("${PIPESTATUS[@]}")
        equal 141 "${statuses[1]}"
    done
}

@test "a reader that leaves after the last byte: one more byte ends bpipe, and so does the time limit" {
    local option
    open_idle
    for option in '' -C -l; do
        # shellcheck disable=SC2086
        defsig "$BPIPE" -q --report json:report $option <idle > >(head -n 1 >out) 2>err {idle}<&- &
        pid=$!
        echo text >&"$idle"
        wait_until 20 size_is out 5
        [ "$option" != -C ] || echo more >&"$idle" # otherwise no byte comes any more
        wait_until 20 gone "$pid"
        status=0
        wait "$pid" || status=$?
        equal 141 $status
        equal '' "$(<err)"
        adds_up report 141
        rm report out
    done
}
