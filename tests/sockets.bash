# shellcheck shell=bash
#
# Sockets in tests: `load sockets` after `load observe`. Only loopback, sockets of unix in $T, and
# namespaces of the test's own.
#
# Who listens is waited for by looking at /proc, never by connecting: the one peer that a listener of
# bpipe takes would be us. Each wait has a deadline.

# --- what this machine has --------------------------------------------------------------------

has_ip6() { grep -qs '^0\{31\}1 ' /proc/net/if_inet6; }

# families: ip4, ip6 and unix, those that there are.
families() {
    echo ip4
    ! has_ip6 || echo ip6
    echo unix
}

# There are two programs of this name that share few options.
skip_unless_openbsd_nc() {
    skip_unless nc
    nc -h 2>&1 | grep -q OpenBSD || skip "nc is not OpenBSD's (netcat-openbsd)"
}

# --- who listens ------------------------------------------------------------------------------

# listens PORT [PID]: somebody does; in the network of process PID.
listens() {
    awk -v port=":$(printf %04X "$1")" '$4 == "0A" && substr($2, length($2) - 4) == port { found = 1 }
        END { exit !found }' "/proc/${2:-self}/net/tcp" "/proc/${2:-self}/net/tcp6" 2>/dev/null
}

listens_at() { # PATH
    awk -v path="$1" '$4 == "00010000" && $8 == path { found = 1 } END { exit !found }' /proc/net/unix
}

# told_port FILE: the port that bpipe, socat -dd or nc -v said in FILE that it listens on.
told_port() {
    local line
    while read -r line; do
        [[ ! $line =~ [Ll]istening\ on\ .*[:\ ]([1-9][0-9]*)$ ]] || { echo "${BASH_REMATCH[1]}" && return; }
    done 2>/dev/null <"$1"
    return 1
}

# listens_as_told FILE [PID]: sets $port to that; somebody does, so FILE is not that of one before.
listens_as_told() {
    port=$(told_port "$1") && listens "$port" "${2:-self}"
}

# await_port FILE [PID]: until then.
await_port() {
    wait_until 20 listens_as_told "$@" || { cat "$1" && return 1; }
}

# await_listener FAMILY FILE: until the one whose stderr is FILE listens, at ./here for unix. Sets
# $endpoint, bpipe's name of the place to connect to, and $peer, socat's.
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

# --- how it is named --------------------------------------------------------------------------

# listening FAMILY: for bpipe, on a port that the system chooses.
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

# --- who runs ---------------------------------------------------------------------------------

# serve FAMILY ARGUMENT...: a bpipe in the background, called by its last arguments, that listens as
# the argument LISTEN. Its stdin and stdout are ours, stderr goes to ./err. Sets $server, and what
# await_listener does.
# shellcheck disable=SC2034
serve() {
    local family=$1
    shift
    "$BPIPE" -q "${@/#LISTEN/$(listening "$family")}" <&0 2>err &
    server=$!
    await_listener "$family" err
}

# says_only_port FILE: nothing else is in it.
says_only_port() {
    equal "" "$(grep -v '^bpipe: tcp-listen://.*: listening on ' "$1")" "stderr of bpipe"
}
