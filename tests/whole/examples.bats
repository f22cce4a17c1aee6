#!/usr/bin/env bats
#
# Every example of bpipe(1) and bpipe-formats(5) is run, and its result is compared. An example is
# a block of .Dl lines. One that this file does not know fails the test.
#
# The examples name programs, hosts and folders that a machine need not have. Programs that would
# need a server are stand-ins in $T/bin; so are compressors that are not installed. ssh runs its
# command here, in $T/remote. Absolute folders are replaced by folders below $T, hosts by 127.0.0.1
# and ports by those that the system chooses. No example is left out.

# shellcheck disable=SC2016 # scripts for sh
bats_require_minimum_version 1.5.0
load ../helpers
load ../observe
load ../sockets

setup() { common_setup; }
teardown() {
    end_processes
    common_teardown
}

# --- the examples of a page -------------------------------------------------------------------

# examples PAGE: prints the examples, an empty line after each.
examples() {
    awk '/^\.Dl / {
            sub(/^\.Dl /, "")
            if (/^".*"$/) { $0 = substr($0, 2, length($0) - 2); gsub(/""/, "\"") }
            gsub(/\\e/, "\\"); gsub(/\\-/, "-")
            print; inside = 1; next
        }
        inside { print ""; inside = 0 }' "$1"
}

# --- what the examples need -------------------------------------------------------------------

stub() { # NAME SCRIPT
    printf '#!/bin/sh\n%s\n' "$2" >"$T/bin/$1"
    chmod +x "$T/bin/$1"
}

stub_missing() { command -v "$1" >/dev/null || stub "$@"; }

make_programs() {
    mkdir "$T/bin" "$T/remote"
    ln -s "$BPIPE" "$T/bin/bpipe"
    export T
    stub ssh 'shift; cd "$T/remote"; exec sh -c "$*"'
    stub pg_dump 'exec cat "$T/data"'
    stub zfs 'if [ "$1" = send ]; then exec cat "$T/data"; else exec cat >received; fi'
    stub aws 'exec cat >uploaded'
    stub upload 'exec cat >"$1"'
    stub daemon 'exec cat "$T/lines"'
    stub producer 'exec cat "$T/lines"'
    stub follow-log 'exec cat "$T/lines"'
    stub consumer 'exec cat >consumed'
    stub logger 'exec cat >logged'
    stub tail "[ \"\$1\" != -F ] || exec cat \"\$2\"; exec $(command -v tail) \"\$@\"" # -F has no end
    stub_missing gzip 'exec cat'
    stub_missing xz 'exec cat'
    stub_missing zstd 'if [ "$1" = -dc ]; then exec cat "$2"; else exec cat >"$3"; fi'
    stub_missing file 'exec cat'
    PATH=$T/bin:$PATH
}

# An empty folder for each example, with the files that examples read.
make_folder() {
    rm -rf "$T/here" "${T:?}"/remote/*
    mkdir -p "$T"/here/{tree,snap,home,mnt/a,mnt/b,tmp}
    cd "$T/here" || return 1
    local folder
    for folder in tree snap home; do
        cp "$T/data" "$folder/$folder.file"
    done
    cp "$T/data" disk.img
    cp "$T/data" in
    cp "$T/lines" a
    cp "$T/lines" b
    cp "$T/lines" c
}

# Prints the example with its hosts, ports and folders replaced.
adapted() {
    sed -e "s,/mnt/,$T/here/mnt/,g" -e "s,/dev/nst0,$T/here/tape," -e "s,/dev/sdb,$T/data," \
        -e "s,/snap |,$T/here/snap |," -e "s,/home |,$T/here/home |," -e "s,/var/tmp,$T/here/tmp," \
        -e 's,192\.0\.2\.0/24,127.0.0.0/8,' -e "s,tcp://backup:9000,tcp://127.0.0.1:${port:-}," \
        -e "s,udp://collector:5140,udp://127.0.0.1:${port:-}," -e "s,4711,${pid:-},g" \
        -e "s,\(listen://0.0.0.0\):[0-9]*,\1:0," <<<"$1"
}

# succeeds SCRIPT [IN]: it ends with 0, and so do all commands of its pipelines.
succeeds() {
    local status=0
    timeout 60 bash -o pipefail -c "$(adapted "$1")" <"${2:-/dev/null}" >stdout 2>stderr || status=$?
    [ "$status" = 0 ] || { cat stderr && false; }
}

# begins SCRIPT: runs it in the background, with its messages in ./log. Sets $port to its port.
begins() {
    rm -f log
    timeout 60 bash -o pipefail -c "$(adapted "$1")" >"${2:-/dev/null}" 2>log &
    begun=$!
}

has_archive() { # FILE MEMBER: a tar archive
    tar tf "$1" | grep -q "$2"
}

# --- the network ------------------------------------------------------------------------------

receives_tree() {
    begins "$(head -n 2 <<<"$1")"
    await_port log "$begun"
    cd tree || return 1
    succeeds "$(tail -n 1 <<<"$1")"
    cd ..
    ended "$begun" 0
    has_archive home.tar tree.file
}

writes_to_three() {
    local host receivers=() text=$1
    for host in a b c; do
        rm -f log
        "$BPIPE" -o "got.$host" tcp-listen://:0 2>log &
        receivers+=($!)
        await_port log $!
        text=${text/"tcp://$host:9000"/"tcp://127.0.0.1:$port"}
    done
    succeeds "$text"
    for host in a b c; do
        ended "${receivers[0]}" 0
        receivers=("${receivers[@]:1}")
        cmp "got.$host" "$T/data"
    done
}

gives_to_first() {
    begins "$1"
    await_port log "$begun"
    "$BPIPE" -q "tcp://127.0.0.1:$port" | cmp - "$T/data"
    ended "$begun" 0
}

logs_by_udp() {
    local receiver=
    begins "$(tail -n 1 <<<"$1" | sed 's/bpipe/exec bpipe -P receiver/')"
    wait_until 20 told_port log >told
    port=$(<told)
    succeeds "$(head -n 1 <<<"$1")"
    wait_until 20 test -s receiver
    receiver=$(<receiver)
    kill -TERM "$receiver"
    wait "$begun" || true
    cmp log.00000 "$T/lines"
}

controls() {
    yes | "$BPIPE" -q -P pid >/dev/null &
    local copying=$!
    wait_until 20 test -s pid
    pid=$(<pid)
    wait_until 20 test -S "$XDG_RUNTIME_DIR/bpipe-$pid.sock"
    succeeds "$1"
    [[ $(<stdout) =~ (^|$'\n')'{"type":"sample",' ]]
    kill -TERM "$pid"
    wait "$copying" || true
}

# --- each example -----------------------------------------------------------------------------

run_example() {
    local text=$1
    case $text in
    'pg_dump db | bpipe | gzip >db.gz')
        succeeds "$text"
        gzip -dc db.gz | cmp - "$T/data"
        ;;
    'pg_dump db | bpipe --report json:dump.json | gzip >db.gz')
        succeeds "$text"
        gzip -dc db.gz | cmp - "$T/data"
        equal final "$(json .type <dump.json)"
        ;;
    "tar c . | bpipe -B 1G | ssh backup "*)
        cd tree || return 1
        succeeds "$text"
        has_archive "$T/remote/home.tar" tree.file
        ;;
    'bpipe --atomic -o /mnt/a/disk.img -o /mnt/b/disk.img disk.img')
        succeeds "$text"
        cmp mnt/a/disk.img disk.img
        cmp mnt/b/disk.img disk.img
        ;;
    'bpipe --skip $(stat -c %s copy.img) --append -o copy.img disk.img')
        head -c 1234 disk.img >copy.img
        succeeds "$text"
        cmp copy.img disk.img
        ;;
    "bpipe --from - -o dump -- pg_dump 'my db'")
        succeeds "$text"
        cmp dump "$T/data"
        ;;
    "bpipe --from 'pg_dump db' --to 'upload db.dump'")
        succeeds "$text"
        cmp db.dump "$T/data"
        ;;
    "bpipe --to 'head -c 512 | file -' "*)
        succeeds "$text"
        equal "$(sha256sum <disk.img)" "$(<disk.sum)"
        ;;
    'zfs send pool/fs@snap | bpipe --frame | ssh host '*'-o snap')
        succeeds "$text"
        cmp "$T/remote/snap" "$T/data"
        ;;
    'zfs send pool/fs@snap | bpipe --frame | ssh host '*'zfs receive '*)
        succeeds "$text"
        cmp "$T/remote/received" "$T/data"
        ;;
    'daemon 2>&1 | bpipe -q -l --overflow drop-oldest --gap-mark | logger')
        succeeds "$text"
        cmp logged "$T/lines"
        ;;
    'tar c /snap | bpipe --spool /var/tmp --spool-max 20G | xz >snap.txz')
        succeeds "$text"
        xz -dc snap.txz >snap.tar
        has_archive snap.tar snap.file
        ;;
    'producer | bpipe --tap >(grep ERROR >errors) | consumer')
        succeeds "$text"
        cmp consumed "$T/lines"
        wait_until 20 cmp -s errors <(grep ERROR "$T/lines")
        ;;
    'bpipe -q -l --merge <(tail -F a) <(tail -F b) <(tail -F c) >all')
        succeeds "$text"
        equal "$(sort a b c | sha256sum)" "$(sort all | sha256sum)"
        ;;
    'bpipe -R 4711 -L 1M'*) controls "$text" ;;
    "bpipe -n -F '{"*)
        succeeds "$text" in
        [[ $(tail -n 1 stderr) =~ ^\{\"seconds\":[0-9.]+,\"bytes\":[0-9]+,\"percent\":100\}$ ]]
        ;;
    'tar c /home |'*)
        succeeds "$text"
        has_archive tape home.file
        ;;
    "bpipe -q --from 'pg_dump -Fc db' --atomic -o db.dump")
        succeeds "$text"
        cmp db.dump "$T/data"
        equal '' "$(<stderr)"
        ;;
    'follow-log | bpipe -q --idle-timeout 1m -o log.copy --append')
        echo before >log.copy
        succeeds "$text"
        cmp log.copy <(echo before && cat "$T/lines")
        ;;
    '{ bpipe -q -S -s 512 -o header; cat >body; } <disk.img')
        succeeds "$text"
        equal 512 "$(size_of header)"
        cat header body | cmp - disk.img
        ;;
    'bpipe --atomic -o home.tar '*tcp-listen*) receives_tree "$text" ;;
    'bpipe -o tcp://a:9000 -o tcp://b:9000 -o tcp://c:9000 disk.img') writes_to_three "$text" ;;
    'daemon 2>&1 | bpipe -q -l -o udp://collector:5140'*) logs_by_udp "$text" ;;
    'bpipe --connect-timeout 1m -o tcp-listen://0.0.0.0:9000 disk.img') gives_to_first "$text" ;;
    "bpipe --from 'pg_dump -Fc db' "*'aws s3 cp '*)
        succeeds "$text"
        cmp uploaded "$T/data"
        ;;
    "bpipe --from 'tar c tree' "*)
        succeeds "$text"
        zstd -dc tree.tar.zst >tree.tar
        has_archive tree.tar tree.file
        refute [ -e tree.tmp ]
        ;;
    'zstd -dc dump.zst | bpipe -X')
        zstd -qf -o dump.zst <in
        succeeds "$text"
        grep -qE '^bpipe: .* in [0-9.]+ m?s' stderr
        ;;
    "bpipe -o disk.img --to 'sha256sum >disk.sum' /dev/sdb")
        succeeds "$text"
        cmp disk.img "$T/data"
        equal "$(sha256sum <"$T/data")" "$(<disk.sum)"
        ;;
    'bpipe --report json:run.json in >out' | \
        'bpipe --report json:run.json in >out'$'\n''bpipe --report json:fd://3 '*)
        succeeds "$text"
        cmp out in
        equal final "$(json .type <run.json)"
        ;;
    'printf 123456789 | bpipe -q --frame | od '*)
        succeeds "$text"
        sed -n '/od -An/,/^\.Ed/p' "$ROOT/man/bpipe-formats.5" | grep '^ ' | cmp - stdout
        ;;
    "printf 'bpipe 1"*) controls "$text" ;;
    *)
        echo "no test of this example:"
        echo "$text"
        false
        ;;
    esac
}

# run_page PAGE LEAST: runs its examples, of which there are LEAST at least.
run_page() {
    local line text='' count=0
    random_bytes 300000 >"$T/data"
    seq 500 | sed -e 's/^/line /' -e 's/7$/7 ERROR/' >"$T/lines"
    make_programs
    examples "$1" >"$T/examples"
    while read -r line <&7; do
        if [ -n "$line" ]; then
            text+=${text:+$'\n'}$line
            continue
        fi
        echo "example: $text"
        make_folder
        port='' pid=''
        run_example "$text"
        text=''
        count=$((count + 1))
    done 7<"$T/examples"
    [ "$count" -ge "$2" ]
}

@test "the examples of bpipe(1)" {
    skip_unless tar sha256sum split
    run_page "$ROOT/man/bpipe.1" 25
}

@test "the examples of bpipe-formats(5)" {
    skip_unless socat od
    run_page "$ROOT/man/bpipe-formats.5" 3
}

@test "the description of bpipe(1) has three examples" {
    sed -n '/^\.Sh DESCRIPTION/,/^\.Sh OPTIONS/p' "$ROOT/man/bpipe.1" >description
    equal 3 "$(examples description | grep -c '^$')"
}
