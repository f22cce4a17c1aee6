# cases.bash - what is measured, and beside which tools. bench/run reads it.
#
# define_case NAME defines everything about a case:
#   title    for people
#   kind     of table: throughput, latency, burst, start, rate, idle (figures.awk)
#   shape    the pipeline (shapes.bash), and what it needs: bytes, gen, sink, outputs, rate,
#            transport
#   repetitions: how many runs
#   labels   the tools as the tables and bench/targets call them: bpipe..., "no tool"..., peers
#   commands their words; none: no tool; @NAME: no tool, and another shape
#
# From bench/run: size, rounds, stall, rate_s, pause, runs, rate_runs, and absent, which gets the
# reasons why tools are left out. From the user: TOOLS.
#
# shellcheck shell=bash disable=SC2034,SC2154

MiB=$((1 << 20))
slow_rate=256M # bytes a second that the slow consumer takes

unlimited_cases=(pipe two ring frame lines display slow file-pipe pipe-file file-file file-null outputs-2
    outputs-4 outputs-8 pingpong dribble burst-4 burst-16 burst-64 startup
    tcp tcp-file tcp-pingpong unix)
all_cases=("${unlimited_cases[@]}" rate-10K rate-1M rate-100M rate-1G rate-idle)
quick_cases=("${unlimited_cases[@]}" rate-1M rate-idle) # a rate takes its time, however few bytes

no_tool() {
    labels+=("no tool") commands+=("")
}

tool() { # LABEL COMMAND...: adds it, if it is installed and wanted
    [[ -z ${TOOLS:-} || " $TOOLS " == *" $2 "* ]] || return 0
    command -v "$2" >/dev/null || { absent[$2]="is not installed" && return 0; }
    labels+=("$1")
    shift
    commands+=("$*")
}

# The peers, quiet, at their best with blocks of 128 KiB. BUFFER: for those that have a buffer.
peers() { # BUFFER
    tool cat cat
    tool "dd bs=128k" dd bs=128k status=none
    tool pv pv -q
    tool mbuffer mbuffer -q
    tool "mbuffer -s 128k -m $1" mbuffer -q -s 128k -m "$1"
    tool "buffer -s 128k -m ${1,,}" buffer -s 128k -m "${1,,}"
    tool "cstream -b 128k" cstream -b 131072
    tool "socat -b 128k" socat -u -b 131072 STDIN STDOUT
}

# The same peers, set up to hold as much as bpipe.
buffering_peers() { # BUFFER
    tool cat cat
    tool "dd bs=128k" dd bs=128k status=none
    tool "pv -C -B $1" pv -q -C -B "$1"
    tool mbuffer mbuffer -q
    tool "mbuffer -s 128k -m $1" mbuffer -q -s 128k -m "$1"
    tool "buffer -s 128k -m ${1,,}" buffer -s 128k -m "${1,,}"
    tool "cstream -c 1 -B $1" cstream -c 1 -b 131072 -B "$1"
    tool "socat -b 128k" socat -u -b 131072 STDIN STDOUT
}

# Pairs of sender and receiver over loopback; sets the "transport" of the case.
tcp_tools() {
    transport=tcp
    if bpipe_knows tcp://; then
        tool bpipe bpipe -q -o tcp://127.0.0.1:% :: bpipe -q tcp-listen://127.0.0.1:%
        tool "bpipe -C" bpipe -q -C -o tcp://127.0.0.1:% :: bpipe -q -C tcp-listen://127.0.0.1:%
    fi
    tool socat socat -u STDIN TCP:127.0.0.1:% \
        :: socat -u TCP-LISTEN:%,bind=127.0.0.1,reuseaddr STDOUT
    tool "socat -b 128k" socat -u -b 131072 STDIN TCP:127.0.0.1:% \
        :: socat -u -b 131072 TCP-LISTEN:%,bind=127.0.0.1,reuseaddr STDOUT
    tool mbuffer mbuffer -q -O 127.0.0.1:% :: mbuffer -q -I 127.0.0.1:%
    tool "mbuffer -s 128k -m 16M" mbuffer -q -s 128k -m 16M -O 127.0.0.1:% \
        :: mbuffer -q -s 128k -m 16M -I 127.0.0.1:%
    tool nc nc -N 127.0.0.1 % :: nc -l 127.0.0.1 %
}

unix_tools() {
    transport=unix
    if bpipe_knows unix://; then
        tool bpipe bpipe -q -o unix://% :: bpipe -q unix-listen://%
        tool "bpipe -C" bpipe -q -C -o unix://% :: bpipe -q -C unix-listen://%
    fi
    tool socat socat -u STDIN UNIX-CONNECT:% :: socat -u UNIX-LISTEN:% STDOUT
    tool "socat -b 128k" socat -u -b 131072 STDIN UNIX-CONNECT:% \
        :: socat -u -b 131072 UNIX-LISTEN:% STDOUT
    tool nc nc -N -U % :: nc -l -U %
}

bpipe_knows() { # SCHEME
    ! timeout 5 bpipe "$1" </dev/null 2>&1 | grep -q 'not supported' || {
        absent["bpipe over $1"]="is not in this binary"
        return 1
    }
}

define_outputs() { # NUMBER
    local number files=() options=() mbuffer_options=()
    outputs=$1
    for ((number = 2; number <= outputs; number++)); do
        files+=("o.$number")
        options+=(-o "o.$number")
        mbuffer_options+=(-f -o "o.$number") # -f is for the next output only
    done
    title="one pipe -> $outputs pipes" shape=many_outputs bytes=$((size / 4))
    tool bpipe bpipe -q "${options[@]}" -o -
    tool tee tee "${files[@]}"
    tool mbuffer mbuffer -q "${mbuffer_options[@]}" -o -
    tool "mbuffer -s 128k -m 16M" mbuffer -q -s 128k -m 16M "${mbuffer_options[@]}" -o -
}

define_burst() { # MEBIBYTES
    local buffer=$(($1 > 16 ? $1 : 16))M
    title="a burst of $1 MiB into a consumer that stalls for $stall s; buffers of $buffer"
    kind=burst shape=burst bytes=$(($1 * MiB))
    no_tool
    tool bpipe bpipe -q
    [ "$buffer" = 16M ] || tool "bpipe -B $buffer" bpipe -q -B "$buffer"
    buffering_peers "$buffer"
}

# The tools that limit rates. mbuffer and cstream limit block by block, and smoothly only with small
# blocks (mbuffer's default is 4 MiB): here at most a quarter of a window, and at most 128 KiB.
define_rate() { # RATE
    local block=128k small=()
    rate=$(numfmt --from=iec "$1") repetitions=$rate_runs
    case $1 in
    10K) block=128 ;;
    1M) block=4k ;;
    *) small=(-m 16M) ;;
    esac
    tool bpipe bpipe -q -L "$rate"
    tool pv pv -q -L "$rate"
    tool "mbuffer -s $block${small:+ ${small[*]}}" mbuffer -q -s "$block" "${small[@]}" -R "$rate"
    tool "cstream -b $block" cstream -b "$block" -t "$rate"
}

# Sets the variables that the top of this file describes.
define_case() { # NAME
    labels=() commands=() gen=(gen) sink=(sink) kind=throughput bytes=$size repetitions=$runs
    case $1 in
    pipe)
        title="pipe -> pipe" shape=through
        no_tool
        labels+=("no tool, pipe of 1 MiB") commands+=(@large_pipe)
        tool bpipe bpipe -q
        peers 16M
        ;;
    frame)
        title="pipe -> pipe, two in a row, in chunks of 128 KiB: --frame and --unframe" shape=two_in_a_row
        tool bpipe bpipe -q -z 128K --frame :: bpipe -q -z 128K --unframe
        tool "bpipe -C" bpipe -q -z 128K -C
        tool "bpipe plain" bpipe -q -z 128K
        ;;
    two)
        title="pipe -> pipe, two of the same in a row" shape=two_in_a_row
        no_tool
        tool bpipe bpipe -q
        peers 16M
        ;;
    ring)
        title="pipe -> pipe, by way of the buffer" shape=through
        no_tool
        tool "bpipe -C" bpipe -q -C
        tool "pv -C" pv -q -C
        peers 16M
        ;;
    lines)
        title="pipe -> pipe, counting lines" shape=through gen=(gen -l) sink=(sink -l)
        no_tool
        tool "bpipe -l" bpipe -q -l
        tool "bpipe -l -C" bpipe -q -l -C
        tool "pv -l" pv -q -l
        tool cat cat
        ;;
    display)
        title="pipe -> pipe, with the live line, ten times a second" shape=through gen=(gen) sink=(sink)
        no_tool
        tool bpipe bpipe -q
        tool "bpipe -fi0.1" bpipe -pterb -f -i 0.1
        tool pv pv -q
        tool "pv -fi0.1" pv -pterb -f -i 0.1
        ;;
    slow)
        title="pipe -> pipe, the consumer takes $slow_rate a second" shape=through
        bytes=$((size / 8)) sink=(sink -r "$slow_rate")
        no_tool
        tool bpipe bpipe -q
        peers 16M
        ;;
    file-pipe)
        title="file -> pipe" shape=file_to_pipe bytes=$((size / 2))
        no_tool
        tool bpipe bpipe -q
        peers 16M
        ;;
    pipe-file)
        title="pipe -> file" shape=pipe_to_file bytes=$((size / 2))
        no_tool
        tool bpipe bpipe -q
        peers 16M
        ;;
    file-file)
        title="file -> file" shape=file_to_file bytes=$((size / 2))
        tool bpipe bpipe -q
        tool cp cp ../in out
        peers 16M
        ;;
    file-null)
        title="file -> /dev/null" shape=file_to_null bytes=$((size / 2))
        tool bpipe bpipe -q
        peers 16M
        ;;
    outputs-*) define_outputs "${1#*-}" ;;
    pingpong)
        title="a request of 64 bytes and its reply, $rounds times" kind=latency shape=round_trips
        tool bpipe bpipe -q
        tool "bpipe -C" bpipe -q -C
        peers 16M
        ;;
    dribble)
        title="pipe -> pipe, the producer writes 64 bytes at a time" shape=through
        bytes=$((size / 32)) gen=(gen -c 64)
        no_tool
        tool bpipe bpipe -q
        tool "bpipe -C" bpipe -q -C
        peers 16M
        ;;
    burst-*) define_burst "${1#*-}" ;;
    rate-idle)
        title="pipe -> pipe, limited to 1M a second, after the producer paused for $pause s"
        kind=idle shape=limited_after_pause
        define_rate 1M
        ;;
    rate-*)
        title="pipe -> pipe, limited to ${1#*-} a second, for $rate_s s" kind=rate shape=limited
        define_rate "${1#*-}"
        ;;
    startup)
        title="start to exit on empty input" kind=start shape=start_up
        tool bpipe bpipe -q
        peers 16M
        ;;
    tcp)
        title="pipe -> TCP -> pipe, on loopback" shape=over_socket bytes=$((size * 2))
        tcp_tools
        ;;
    tcp-file)
        title="file -> TCP -> pipe, on loopback" shape=file_to_socket bytes=$((size / 2))
        tcp_tools
        ;;
    tcp-pingpong)
        title="a request of 64 bytes and its reply, by way of TCP on loopback, $rounds times"
        kind=latency shape=round_trips_over_socket
        tcp_tools
        ;;
    unix)
        title="pipe -> unix socket -> pipe" shape=over_socket bytes=$((size * 2))
        unix_tools
        ;;
    esac
    [ "$mode" != quick ] || sink+=(-a)
}
