#!/usr/bin/env bats
#
# The examples in README.md, docs/recipes.md and docs/from-mbuffer.md do what the text beside them says. Each test takes
# its commands from the document. Programs that are not here (ssh, pg_dump ...) are small scripts,
# and addresses of other machines become those of loopback.
#
# shellcheck disable=SC2016,SC2103

load ../helpers
load ../observe
load ../sockets

# example FILE TEXT: prints the code of FILE that has TEXT in it, without the indentation.
example() {
    text=$2 awk '
        function end() { if (!found && index(code, ENVIRON["text"])) { printf "%s", code; found = 1 } code = "" }
        /^    / { code = code substr($0, 5) "\n"; next }
        { end() }
        END { end(); exit !found }' "$ROOT/$1" || { echo "no example with $2 in $1" >&2 && return 1; }
}

# here PORT: makes addresses of other machines ones of this machine, at PORT.
here() {
    sed -E "s,(tcp|udp)://[a-z]+:[0-9]+,\1://127.0.0.1:$1,g
        s,-listen://0.0.0.0:[0-9]+,-listen://127.0.0.1:$1,g; s,192.0.2.0/24,127.0.0.0/8,"
}

# program NAME: makes a program of the script on standard input.
program() {
    mkdir -p bin
    { echo '#!/bin/bash' && cat; } >"bin/$1"
    chmod +x "bin/$1"
}

setup() {
    common_setup
    program bpipe <<<'exec "$BPIPE" "$@"'
    program ssh <<<'shift; exec sh -c "$*"'
    program producer <<<'seq 20000'
    program consumer <<<'cat >consumed'
    PATH=$T/bin:$PATH
    seq 20000 >data
    mkdir tree
    cp data tree/one
    cp bin/ssh tree/two
}

# Whether the tar file has the tree.
has_tree() { # FILE
    mkdir -p unpacked && tar xf "$1" -C unpacked && diff -r tree unpacked
}

@test "README: the first command" {
    local command before
    command=$(example README.md 'gzip -1 | wc -c')
    [[ $command == 'make && tar cC / usr/share | ./bpipe '* ]]
    before=$(find . | sort)
    command=${command#make && } command=${command/.\/bpipe/bpipe -q}
    eval "${command/cC \/ usr\/share/cC . tree}" >size
    [ "$(<size)" -gt 100 ]
    rm size
    equal "$before" "$(find . | sort)"
}

@test "README: ahead of a slow network" {
    local command
    command=$(example README.md 'ssh backup')
    cd tree
    eval "${command/home.tar/..\/home.tar}" 2>../err
    cd ..
    has_tree home.tar
}

@test "README: copy and checksum" {
    skip_unless sha256sum
    cp data image.iso
    program pg_dump <<<'cat data'
    eval "$(example README.md sha256sum)" >sum 2>err
    cmp data copy.iso
    equal "$(sha256sum <data)" "$(<sum)"
    cmp data db.sql
    gzip -dc db.gz | cmp data -
}

@test "README: ten megabits a second" {
    local start=${EPOCHREALTIME/[.,]/}
    program producer <<<'seq 60000' # 348894 bytes, 0.279 s
    eval "$(example README.md 10Mbit)" 2>err
    seq 60000 | cmp - file
    ((${EPOCHREALTIME/[.,]/} - start > 250000))
}

# send_tree STATUS: runs the two commands of ./both, and checks both statuses.
send_tree() {
    local server port status=0
    (sed -n 1p both && echo 'exit $?') >receive
    bash receive 2>err &
    server=$!
    await_port err
    [ ! -e home.tar ]
    (cd tree && eval "$(sed -n 2p ../both | sed "s/:0 /:$port /")") 2>sent || status=$?
    equal "$1" "$status"
    ended "$server" "$1"
}

@test "README: a tree to another machine" {
    example README.md 'tcp://backup' | here 0 >both
    grep -q -- '--atomic.*tcp-listen' both
    send_tree 0
    has_tree home.tar
    rm home.tar
    program tar <<<'echo a part; exit 2'
    send_tree 1
    [ ! -e home.tar ]
}

@test "README: upload only a complete dump" {
    local command
    command=$(example README.md 'pg_dump -Fc')
    program pg_dump <<<'cat data; exit ${DUMP_STATUS:-0}'
    program aws <<<'cat >stored.tmp && mv stored.tmp stored'
    run -1 env DUMP_STATUS=3 bash -c "$command"
    [ ! -e stored ]
    bash -c "$command"
    cmp data stored
}

@test "from-mbuffer.md: a checksum beside the copy" {
    skip_unless sha256sum
    cp data disk.img
    eval "$(example docs/from-mbuffer.md 'copy.sum')" 2>err
    cmp data copy.img
    wait_until 15 test -s copy.sum
    equal "$(sha256sum <data)" "$(<copy.sum)"
}

@test "report.md: a consumer that leaves" {
    local command
    command=$(example docs/report.md PIPESTATUS | sed -n 's/^\$ //p')
    equal "$(example docs/report.md PIPESTATUS | sed 1d)" "$(eval "$command")"
}

@test "recipes: two copies of an image" {
    mkdir a b
    cp data disk.img
    eval "$(example docs/recipes.md '/mnt/a' | sed "s,/mnt,$T,g")" 2>err
    cmp data a/disk.img
    cmp data b/disk.img
}

@test "recipes: a copy that was cut" {
    cp data disk.img
    head -c 1234 data >copy.img
    eval "$(example docs/recipes.md 'stat -c')" 2>err
    cmp data copy.img
}

@test "recipes: the first 512 bytes, and the rest" {
    cp data file
    eval "$(example docs/recipes.md '-S -s 512')"
    equal 512 "$(size_of header)"
    cat header body | cmp data -
}

@test "recipes: bursts made smooth; units of rates" {
    local rate
    eval "$(example docs/recipes.md smooth.bin | sed 's/2M/20K/')" 2>err
    equal 81920 "$(size_of smooth.bin)"
    for rate in 4M 4MiB 4MB 4Mbit; do
        grep -q -- "-L $rate\`" "$ROOT/docs/recipes.md"
        bpipe -q -L "$rate" data | cmp data -
    done
    run -2 bpipe -q -L 4Mb data
}

@test "recipes: timeouts" {
    local command
    command=$(example docs/recipes.md --idle-timeout)
    eval "$command" 2>err
    cmp data consumed
    program producer <<<'exec sleep 3'
    run -4 bash -c "set -o pipefail; ${command/1m/0.2}"
}

@test "recipes: a tap for errors" {
    equal 200000 "$(eval "$(example docs/recipes.md 'grep ERROR')" 2>err)"
    wait_until 10 has_lines errors 2000
    refute grep -v 'ERROR$' errors
}

@test "recipes: a tap for a viewer" {
    eval "$(example docs/recipes.md '--tap tcp-listen' | here 0)" 2>err
    cmp data consumed
}

@test "recipes: three machines and a file" {
    local number command=
    local -a servers=()
    cp data disk.img
    command=$(example docs/recipes.md tcp://b)
    for number in 1 2 3; do
        bpipe -q -o "got.$number" tcp-listen://127.0.0.1:0 2>"err.$number" &
        servers+=($!)
        await_port "err.$number"
        command=${command/tcp:\/\/[abc]:9000/tcp:\/\/127.0.0.1:$port}
    done
    eval "$command" 2>err
    for number in 1 2 3; do
        ended "${servers[number - 1]}" 0
        cmp data "got.$number"
    done
    cmp data copy.img
}

@test "recipes: a log by UDP" {
    local collector daemon
    program daemon <<<'exec seq 100' # less than the kernel's buffer
    example docs/recipes.md udp:// | here 0 >both
    sed -n 's/^\(bpipe .*\) | .*/exec \1/p' both >collect
    grep -q udp-listen collect
    bash collect >log 2>err &
    collector=$!
    wait_until 20 grep -q 'listening on' err
    port=$(sed -n 's/.*listening on .*://p' err)
    daemon=$(sed -n 1p both)
    eval "${daemon/:0/:$port}"
    wait_until 10 has_lines log 100
    kill "$collector"
    wait "$collector" || true
    seq 100 | cmp - log
    sed -n 's/.* | \(split .*\)/\1/p' both >split_it
    # shellcheck source=/dev/null
    . ./split_it <log
    cmp log log.00000
}

@test "recipes: the oldest lines of a log are dropped" {
    example docs/recipes.md slow_logger | sed 's/20000/6000/; s/5000/1500/; s/sleep 0.5/true/; s/sleep 0.001/true/' >run
    # The logger stands still until the daemon is done.
    sed -i 's/| slow_logger/| { wait_until 20 [ -e done ]; slow_logger; }/; s/; done$/; done; touch done/' run
    # shellcheck source=/dev/null
    . ./run 2>err
    equal "event 6000 on this machine" "$(tail -n 1 log)"
    [ "$(grep -cxE '\[bpipe: [0-9]+ records, [0-9]+ bytes dropped\]' log)" -ge 1 ]
    refute grep -vxE 'event [0-9]+ on this machine|\[bpipe: .*\]' log
}

@test "recipes: a capture that is spooled" {
    eval "$(example docs/recipes.md --spool | sed "s,/var/tmp,$T,; s/30M/3M/; s/sleep 2;//")" 2>err
    equal $((3 * 1024 * 1024)) "$(gzip -dc capture.gz | wc -c)"
}

@test "recipes: three logs as one" {
    local name
    for name in a b c; do seq -f "$name %.0f" 1000 >$name.log; done
    eval "$(example docs/recipes.md --merge | sed 's/tail -F/cat/g')" 2>err
    sort all.log | cmp - <(sort a.log b.log c.log)
}

@test "recipes: a consumer sees no end of a failed producer" {
    local command
    command=$(example docs/recipes.md 'exit 3' | sed -n '1s/^\$ //p')
    run -1 bash -c "$command"
    equal "$(example docs/recipes.md 'exit 3' | sed -n 2p)" "$output"
    [ ! -e out ]
}

@test "recipes: tar and zstd" {
    skip_unless zstd
    eval "$(example docs/recipes.md zstd)" 2>err
    [ ! -e tree.tmp ]
    zstd -dqc tree.tar.zst >tree.tar
    mkdir unpacked
    tar xf tree.tar -C unpacked
    diff -r tree unpacked/tree
}

@test "recipes: framing over ssh" {
    program zfs <<<'if [ "$1" = send ]; then cat data; else cat >received; fi'
    eval "$(example docs/recipes.md 'zfs send')" 2>err
    cmp data received
}

# As mysqldump of MariaDB 10.11 ends its output.
@test "recipes: the end of a dump" {
    local command file_command
    program mysqldump <<<'echo "-- tables"; cat data; [ -n "$CUT" ] || echo "-- Dump completed${DATE+ on $DATE}"'
    command=$(example docs/recipes.md '-- Dump completed\n')
    file_command=$(example docs/recipes.md '--expect-end @')
    for command in "$command" "$file_command"; do
        [[ $command == *'mysqldump --skip-dump-date db | '* ]]
        CUT=1 run -1 bash -o pipefail -c "$command"
        DATE='2026-11-29 20:58:43' run -1 bash -o pipefail -c "$command"
        [ ! -e db.sql ]
        bash -o pipefail -c "$command" 2>err
        equal "-- Dump completed" "$(tail -n 1 db.sql)"
        rm db.sql
    done
}

@test "every example is in a test of this file" {
    local file text marker tested missing=0
    tested=$(grep -oE "example (README|docs/[a-z-]+)\.md ('[^']+'|[^ |)]+)" "$BATS_TEST_FILENAME" |
        sed -E "s/^example [^ ]+ //; s/^'//; s/'\$//")
    for file in README.md docs/recipes.md docs/from-mbuffer.md; do
        while IFS= read -r text; do
            while IFS= read -r marker; do
                [[ $text != *"$marker"* ]] || continue 2
            done <<<"$tested"
            echo "$file: no test of: $text"
            missing=1
        done < <(awk '/^    / { code = code $0 " "; next } code { print code; code = "" }' "$ROOT/$file" |
            grep -vE '^    (make check|\[bpipe:|\$ tar )')
    done
    ((missing == 0))
}
