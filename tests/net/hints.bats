#!/usr/bin/env bats
#
# A message about an address or a full disk says what to do, in one line of at most 79 columns. A
# full filesystem is in loop/endings.bats, and a port in use in sockets.bats.

bats_require_minimum_version 1.5.0
load ../helpers
load ../observe
load ../sockets

# says_only MESSAGE COMMAND...: it fails with this message.
says_only() {
    local message=$1
    shift
    result "$@"
    equal "1::$message" "$result"
    ((${#message} <= 79))
}

@test "a refused connection: --retry, unless it was given" {
    local own=127.77.$((RANDOM % 250 + 2)).3
    echo text >in
    local refused="bpipe: tcp://$own:7000: Connection refused"
    says_only "$refused (--retry tries again)" "$BPIPE" -q "tcp://$own:7000"
    says_only "$refused (--retry tries again)" "$BPIPE" -q -o "tcp://$own:7000" in
    said=$("$BPIPE" -q --report json:report "tcp://$own:7000" 2>&1) || equal 1 $?
    equal "$refused (--retry tries again)" "$said"
    grep -q '"error":"Connection refused (--retry tries again)"' report
    run -1 "$BPIPE" -q --retry 1 "tcp://$own:7000"
    equal "$refused (2 tries)" "$output"
    # A tap is left out anyway.
    result "$BPIPE" -q --tap "tcp://$own:7000" in
    equal "0:text:$refused; going on without it" "$result"
}

@test "a port below 1024 needs root" {
    skip_unless_other_user
    local least scheme
    least=$(cat /proc/sys/net/ipv4/ip_unprivileged_port_start 2>/dev/null || echo 1024)
    ((least == 1024)) || skip "ports from $least on need no privilege here"
    echo text >in
    for scheme in tcp-listen udp-listen; do
        says_only "bpipe: $scheme://127.0.0.1:1023: Permission denied (ports < 1024 need root)" \
            as_other_user "$BPIPE" -q "$scheme://127.0.0.1:1023"
        says_only "bpipe: $scheme://127.0.0.1:80: Permission denied (ports < 1024 need root)" \
            as_other_user "$BPIPE" -q -o "$scheme://127.0.0.1:80" <in
    done
}

@test "an address without its scheme" {
    local name
    for name in host:90 127.0.0.1:9000 example.org:65535; do
        says_only "bpipe: $name: No such file or directory (tcp://$name?)" "$BPIPE" -q "$name"
    done
    for name in host host: :90 host:0 host:65536 host:90x ./host:90; do
        says_only "bpipe: $name: No such file or directory" "$BPIPE" -q "$name"
    done
    # A file with such a name is a file.
    echo text >host:90
    "$BPIPE" -q host:90 -o ./copy:90
    equal text "$(<copy:90)"
}

@test "a full disk or quota: the file is incomplete, or with --atomic unchanged" {
    skip_unless_faults
    local error text
    random_bytes 100000 >in
    for error in 'ENOSPC No space left on device' 'EDQUOT Disk quota exceeded'; do
        text=${error#* } error=${error%% *}
        rm -f out
        run -1 with_faults "FAULT_SCRIPT=write:*/out:3:$error" "$BPIPE" -q -C -z 10000 -o out in
        equal "bpipe: out: write failed at byte 20000: $text
bpipe: out: is incomplete" "$output"
        head -c 20000 in | cmp - out
        echo old >out
        run -1 with_faults "FAULT_SCRIPT=write:*:3:$error" "$BPIPE" -C -z 10000 --atomic -o out in
        equal "bpipe: out: write failed at byte 20000: $text
bpipe: out: is unchanged" "$(grep -v ' in \| undelivered$' <<<"$output")"
        equal old "$(<out)"
    done
    [ ! -e /dev/full ] || says_only "bpipe: /dev/full: write failed at byte 0: No space left on device" \
        "$BPIPE" -q -o /dev/full in
}
