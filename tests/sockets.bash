# shellcheck shell=bash
#
# Sockets in tests: `load sockets` after `load observe`. Only loopback, unix sockets in $T, and
# namespaces of the test's own.
#
# A test looks at /proc to wait for a listener. It never connects, because a bpipe that listens
# takes one peer, and that would be the test itself. Each wait has a deadline.

# --- features of this machine -----------------------------------------------------------------

has_ip6() { grep -qs '^0\{31\}1 ' /proc/net/if_inet6; }

# families: prints those of ip4, ip6 and unix that this machine has.
families() {
    echo ip4
    ! has_ip6 || echo ip6
    echo unix
}

# Two programs have this name and share few options.
skip_unless_openbsd_nc() {
    skip_unless nc
    nc -h 2>&1 | grep -q OpenBSD || skip "nc is not OpenBSD's (netcat-openbsd)"
}

# --- waiting for listeners --------------------------------------------------------------------

# listens PORT [PID]: whether a process listens there, in the network namespace of process PID.
listens() {
    awk -v port=":$(printf %04X "$1")" '$4 == "0A" && substr($2, length($2) - 4) == port { found = 1 }
        END { exit !found }' "/proc/${2:-self}/net/tcp" "/proc/${2:-self}/net/tcp6" 2>/dev/null
}

listens_at() { # PATH
    awk -v path="$1" '$4 == "00010000" && $8 == path { found = 1 } END { exit !found }' /proc/net/unix
}

# told_port FILE: prints the port on which bpipe, socat -dd or nc -v listens, as FILE says.
told_port() {
    local line
    while read -r line; do
        [[ ! $line =~ [Ll]istening\ on\ .*[:\ ]([1-9][0-9]*)$ ]] || { echo "${BASH_REMATCH[1]}" && return; }
    done 2>/dev/null <"$1"
    return 1
}

# listens_as_told FILE [PID]: sets $port to the port in FILE. Fails unless a process listens there,
# because FILE may be that of an earlier listener.
listens_as_told() {
    port=$(told_port "$1") && listens "$port" "${2:-self}"
}

# await_port FILE [PID]: waits until listens_as_told succeeds.
await_port() {
    wait_until 20 listens_as_told "$@" || { cat "$1" && return 1; }
}

# await_listener FAMILY FILE: waits until the process whose stderr is FILE listens, for unix at
# ./here. Sets $endpoint, bpipe's name of the place to connect to, and $peer, socat's name of it.
# shellcheck disable=SC2034
await_listener() {
    case $1 in
    unix)
        wait_until 20 listens_at here
        endpoint=unix://here peer=UNIX-CONNECT:here
        return
        ;;
    esac
    await_port "$2" || return 1
    case $1 in
    ip4) endpoint=tcp://127.0.0.1:$port peer=TCP4:127.0.0.1:$port ;;
    ip6) endpoint="tcp://[::1]:$port" peer="TCP6:[::1]:$port" ;;
    esac
}

# --- names of endpoints -----------------------------------------------------------------------

# listening FAMILY: prints the endpoint for a bpipe that listens on a port that the system chooses.
listening() {
    case $1 in
    ip4) echo tcp-listen://127.0.0.1:0 ;;
    ip6) echo "tcp-listen://[::1]:0" ;;
    unix) echo unix-listen://here ;;
    esac
}

# socat_listening FAMILY: the same for socat -dd.
socat_listening() {
    case $1 in
    ip4) echo TCP4-LISTEN:0,bind=127.0.0.1 ;;
    ip6) echo "TCP6-LISTEN:0,bind=[::1]" ;;
    unix) echo UNIX-LISTEN:here ;;
    esac
}

# --- servers ----------------------------------------------------------------------------------

# serve FAMILY ARGUMENT...: starts a bpipe in the background with these arguments. In them LISTEN
# is replaced by the endpoint to listen on. bpipe shares our stdin and stdout; its stderr goes to
# ./err. Sets $server, and what await_listener sets.
# shellcheck disable=SC2034
serve() {
    local family=$1
    shift
    "$BPIPE" -q "${@/#LISTEN/$(listening "$family")}" <&0 2>err &
    server=$!
    await_listener "$family" err
}

# says_only_port FILE: nothing except the port is in it.
says_only_port() {
    equal "" "$(grep -v '^bpipe: tcp-listen://.*: listening on ' "$1")" "stderr of bpipe"
}
