#!/usr/bin/env bats
#
# What bpipe writes besides the data (messages, reports, the pidfile, the spool) never goes into a
# file of the data, by any name or descriptor. Refused means status 1 before anything
# begins, with every file unchanged.

# These tests read and write one file in one command.
# shellcheck disable=SC2094,SC2129

bats_require_minimum_version 1.5.0
load ../helpers
load ../observe

setup() {
    common_setup
    random_bytes 300001 >in
    cp in src
    random_bytes 5000 7 >old
    cp old old.copy
}

# refused REASON COMMAND...: status 1 with only this message; ./in and ./old are unchanged.
refused() {
    local want=$1
    shift
    result "$@"
    equal "1::bpipe: $want" "$result" "$*"
    cmp in src
    cmp old old.copy
}

# refused_as_told FILE REASON COMMAND...: the same, but stderr goes to FILE, and the message is its
# last line.
refused_as_told() {
    local file=$1 want=$2 status=0
    shift 2
    "$@" || status=$?
    equal 1 "$status" "$*"
    equal "bpipe: stderr: $want" "$(tail -n 1 "$file")" "$*"
}

overwrites='is also an output: messages would overwrite the data'
mixes='is an output too: give the report another file'
replaces='is an input; the report would overwrite it'
feeds='is also an input: messages would become data'
shared='is also an input, output or report'

# --- reports ----------------------------------------------------------------------------------

@test "a report to a descriptor of an output's file" {
    local name
    exec 7>>old
    for name in fd://7 /dev/fd/7 /proc/self/fd/7; do
        refused "$name: $mixes" "$BPIPE" -q --report "json:$name" -o old in
        refused "$name: $mixes" "$BPIPE" -q --report "json:$name" --append -o old in
        refused "$name: $mixes" "$BPIPE" -q --report "text:$name" -o copy --tap old in
        refused "$name: $mixes" "$BPIPE" -q --report "prometheus:$name" --atomic -o old in
        [ ! -e copy ]
    done
    # The output is a descriptor, too.
    exec 8>>old
    refused "fd://7: $mixes" "$BPIPE" -q --report json:fd://7 -o fd://8 in
    refused "fd://8: $mixes" "$BPIPE" -q --report json:fd://8 -o fd://8 in
    refused "old: $mixes" "$BPIPE" -q --report json:old -o fd://8 in
    status=0
    "$BPIPE" -q --report json:fd://7 in >>old 2>err || status=$?
    equal "1 bpipe: fd://7: $mixes" "$status $(<err)"
    cmp old old.copy
}

@test "a report to a descriptor of an output is refused before anything is written" {
    exec 7>f
    refused "fd://7: $mixes" "$BPIPE" -q --report json:fd://7 -o f in
    equal 0 "$(size_of f)"
}

@test "a report to a hard link, a symbolic link or another path of the data" {
    ln old hard
    ln -s old soft
    mkdir -p folder
    ln -s ../old folder/soft
    local name format
    for name in hard soft folder/soft ./old folder/../old; do
        for format in json text prometheus; do
            refused "$name: $mixes" "$BPIPE" -q --report "$format:$name" -o old in
            refused "$name: $mixes" "$BPIPE" -q --report "$format:old" -o "$name" in ||
                refused "old: $mixes" "$BPIPE" -q --report "$format:old" -o "$name" in
            refused "$name: $replaces" "$BPIPE" -q --report "$format:$name" -o copy in old
        done
    done
    [ ! -e copy ]
}

@test "a report to a descriptor of an input" {
    exec 7>>in 8<in 9<>in
    refused "fd://7: $replaces" "$BPIPE" -q --report json:fd://7 -o copy in
    refused "fd://7: $replaces" "$BPIPE" -q --report json:fd://7 -o copy fd://8
    refused "fd://7: $replaces" "$BPIPE" -q --report json:fd://7 -o copy <in
    refused "fd://9: $replaces" "$BPIPE" -q --report json:fd://9 -o copy fd://9
    refused "fd://9: $replaces" "$BPIPE" -q --report json:fd://9 -o copy old in
    [ ! -e copy ]
}

@test "a report into a pipe of the data" {
    mkfifo fifo
    exec 7<>fifo
    refused "fd://7: $mixes" "$BPIPE" -q --report json:fd://7 -o fifo in
    refused "fd://7: $replaces" "$BPIPE" -q --report json:fd://7 -o copy fifo
    status=0
    { "$BPIPE" -q --report json:fd://8 in 8>&1 2>err || status=$?; } | cat >out
    [ ! -s out ]
    equal "bpipe: fd://8: $mixes" "$(<err)"
}

@test "a dangling link is compared by its target" {
    local options
    mkdir -p folder/deep
    ln -s new link
    ln -s link twice
    ln -s ../new folder/up
    ln -s ../up folder/deep/upper
    ln -s "$PWD/new" absolute
    for link in link twice folder/up folder/deep/upper absolute; do
        refused "$link: $mixes" "$BPIPE" -q --report "json:$link" -o new in
        refused "new: $mixes" "$BPIPE" -q --report json:new -o "$link" in
        refused "$link: $mixes" "$BPIPE" -q --report "prometheus:$link" --atomic -o new in
        refused "$link: $mixes" "$BPIPE" -q --report "json:$link" -o copy --tap new in
        refused "new: two reports cannot share a file" \
            "$BPIPE" -q --report "json:$link" --report text:new -o copy in
        refused "--pidfile: $link: $shared" "$BPIPE" -q -P "$link" -o new in
        refused "--spool: $link: $shared" "$BPIPE" -q --spool "$link" -o new in
        [ -L "$link" ] && [ ! -e new ] && [ ! -e copy ]
    done
    # A link that leads nowhere at all is refused.
    ln -s circle circle
    refused "circle: Too many levels of symbolic links" "$BPIPE" -q --report json:circle -o copy in
    [ ! -e copy ]
}

@test "a report, the pidfile or the spool at the path of a unix socket of the data" {
    local listener="unix-listen://$PWD/s" report
    for report in json:s text:./s "prometheus:$PWD/s"; do
        refused "${report#*:}: $mixes" "$BPIPE" -q --report "$report" -o "$listener" in
        refused "${report#*:}: $replaces" "$BPIPE" -q --report "$report" -o copy "$listener"
    done
    refused "--pidfile: s: $shared" "$BPIPE" -q -P s -o "$listener" in
    refused "--spool: s: $shared" "$BPIPE" -q --spool s -o copy "$listener"
    refused "s: $replaces" "$BPIPE" -q --report json:s --retry 3 -o copy "unix://$PWD/s"
    [ ! -e s ]
    [ ! -e copy ]
}

@test "two reports to one file, by any names" {
    : >r
    ln r hard
    exec 7>>r 8>>r
    local reason='two reports cannot share a file'
    refused "./r: $reason" "$BPIPE" -q --report json:r --report text:./r -o copy in
    refused "hard: $reason" "$BPIPE" -q --report json:r --report text:hard -o copy in
    refused "fd://7: $reason" "$BPIPE" -q --report json:r --report text:fd://7 -o copy in
    refused "r: $reason" "$BPIPE" -q --report json:fd://7 --report prometheus:r -o copy in
    refused "fd://8: $reason" "$BPIPE" -q --report json:fd://7 --report text:fd://8 -o copy in
    refused "fd://7: $reason" "$BPIPE" -q --report json:fd://7 --report text:fd://7 -o copy in
    [ ! -s r ]
    [ ! -e copy ]
}

@test "a report never replaces a file that -s or --expect-end reads" {
    local reason='is read for --size or --expect-end'
    refused "old: $reason" "$BPIPE" -q --report json:old -s @old -o copy in
    refused "old: $reason" "$BPIPE" -q --report json:old --expect-end @old -o copy in
    refused "--pidfile: old: $reason" "$BPIPE" -q -P old --expect-end @old -o copy in
    refused "--pidfile: old: $reason" "$BPIPE" -q -P old -s @old -o copy in
    [ ! -e copy ]
}

# whole FILE [COUNT]: FILE has a text report and COUNT JSON ones (1), all whole, and no other lines.
whole() {
    equal "${2:-1}" "$(grep -c '^{"type":"final".*}$' "$1")"
    equal 1 "$(grep -c '^bpipe: [0-9.]* [KMG]*i*B .*in ' "$1")"
    refute grep -v '^{"type":"final".*}$\|^bpipe: ' "$1"
}

@test "a report that goes where stderr goes takes turns with the messages" {
    # By name, which overwrites nothing here, and by descriptors of every kind.
    echo before >log
    "$BPIPE" --report json:log --report text -o copy in missing 2>>log || true
    equal before "$(head -n 1 log)"
    grep -q '^bpipe: missing: ' log
    equal 1 "$(grep -c '^{"type":"final".*}$' log)"
    grep -q '^bpipe: [0-9.]* [KMG]*i*B .*in ' log
    "$BPIPE" --report json:log --report text -o copy in 2>log
    whole log
    "$BPIPE" --report json:fd://7 --report text -o copy in 2>log 7>&2
    whole log
    "$BPIPE" --report json:fd://7 --report text -o copy in 2>log 7>log
    whole log
    "$BPIPE" --report json:fd://7 --report text --report json:fd://8 -o copy in 2>&1 7>&2 8>&2 | cat >log
    whole log 2
    cmp in copy
    # A report that is renamed over stderr's file would remove the messages.
    status=0
    "$BPIPE" --report prometheus:log -o copy in 2>log || status=$?
    equal '1 bpipe: log: is also the file of stderr' "$status $(<log)"
}

# --- standard error ---------------------------------------------------------------------------

@test "stderr on an output's file, where they would overwrite each other" {
    local options
    for options in '' -q '-q --report none' '--report json' -v; do
        # shellcheck disable=SC2086
        refused_as_told f "$overwrites" "$BPIPE" $options -o f in 2>f
        # shellcheck disable=SC2086
        refused_as_told f "$overwrites" "$BPIPE" $options -o f in 2>>f
        # shellcheck disable=SC2086
        refused_as_told f "$overwrites" "$BPIPE" $options --append -o f in 2>f
        # shellcheck disable=SC2086
        refused_as_told f "$overwrites" "$BPIPE" $options in >f 2>f
        # shellcheck disable=SC2086
        refused_as_told f "$overwrites" "$BPIPE" $options in >>f 2>f
        # shellcheck disable=SC2086
        refused_as_told f "$overwrites" "$BPIPE" $options in >f 2>>f
    done
    refused_as_told f "$overwrites" "$BPIPE" -q -o copy --tap f in 2>f
    refused_as_told f "$overwrites" "$BPIPE" -q -o copy -o fd://7 in 2>f 7>f
    refused_as_told f "$overwrites" "$BPIPE" -q --atomic -o f in 2>f
    ln f hard
    ln -s f soft
    refused_as_told f "$overwrites" "$BPIPE" -q -o hard in 2>f
    refused_as_told f "$overwrites" "$BPIPE" -q -o soft in 2>f
    # shellcheck disable=SC2016
    refused_as_told f "$overwrites" bash -c '{ "$0" -q -o f in; } 2>f' "$BPIPE"
    [ ! -e copy ]
}

@test "stderr on an output's file: the refusal itself overwrites nothing" {
    status=0
    "$BPIPE" -q -o old in 2<>old || status=$?
    equal 1 "$status"
    cmp old old.copy
    status=0
    "$BPIPE" -q -o copy old 2<>old || status=$?
    equal 1 "$status"
    cmp old old.copy
    [ ! -e copy ]
}

# mixed FILE: it has the bytes of ./in, all of them in order, with lines of bpipe's between them.
mixed() {
    LC_ALL=C grep -av '^bpipe: ' "$1" >data || true
    cmp lines data
}

@test "stderr and the data by one description, or both appending: every byte is there" {
    seq 60000 >lines
    "$BPIPE" -v lines >f 2>&1
    mixed f
    [ "$(grep -c '^bpipe: ' f)" -ge 3 ]
    "$BPIPE" -v lines 2>f >&2
    mixed f
    "$BPIPE" -q -v -o /dev/stderr lines 2>f
    mixed f
    rm f
    "$BPIPE" -v lines >>f 2>>f
    mixed f
    rm f
    "$BPIPE" -v --append -o f lines 2>>f
    mixed f
    rm f
    "$BPIPE" -v --append -o copy --tap f lines 2>>f
    mixed f
    rm f
    "$BPIPE" -v -o fd://7 lines 7>f 2>&7
    mixed f
    # Only errors, with -q, and there are none.
    "$BPIPE" -q lines >f 2>&1
    cmp lines f
    # A pipe or a terminal overwrites nothing.
    "$BPIPE" -v lines 2>&1 | cat >f
    mixed f
    # stdout is not an output then.
    "$BPIPE" -o copy lines >f 2>&1
    cmp lines copy
    grep -q '^bpipe: [0-9.]* [KMG]*i*B .*in ' f
    refute grep -v '^bpipe: ' f
    # The flags are unchanged.
    { "$BPIPE" -q lines; fdflags 1 2 >flags; } >f 2>&1 || true
    refute grep -qi nonblock flags
}

@test "messages after the end of data on stderr" {
    local sink
    printf data >part
    echo data >in
    for sink in '-o fd://2' '-o /dev/stderr' '-o fd://2 -o copy' '-o copy --tap /dev/stderr'; do
        echo "$sink"
        # shellcheck disable=SC2086
        "$BPIPE" -q --report json $sink part 2>&1 | cat >f
        equal data "$(head -n 1 f)"
        adds_up f
        # shellcheck disable=SC2086
        "$BPIPE" -v --report json:/dev/full $sink in 2>f
        grep -qx 'bpipe: /dev/full: the report cannot be written: No space left on device' f
        grep -q '^bpipe: system calls: ' f
    done
    run -1 --separate-stderr "$BPIPE" -v --to 'exit 3' -o fd://2 in
    [[ $stderr == *'bpipe: exit 3: exited with status 3 at byte '* ]]
}

@test "stderr on an input's file" {
    seq 1000 >f
    refused_as_told f "$feeds" "$BPIPE" -q -o copy <f 2>>f
    refused_as_told f "$feeds" "$BPIPE" -q -o copy in f 2>>f
    refused_as_told f "$feeds" "$BPIPE" -q -o copy fd://7 7<f 2>>f
    refused_as_told f "$feeds" "$BPIPE" -q -X <f 2>>f
    seq 1000 | cmp - <(head -n 1000 f)
    : >f
    refused_as_told f "$feeds" "$BPIPE" -q -o copy <f 2>f
    [ ! -e copy ]
}

# --- the pidfile and the spool ----------------------------------------------------------------

@test "a pidfile or a spool on a descriptor's file, on stderr's, or through a link" {
    : >f
    ln f hard
    exec 7>>f
    local options
    for options in '-o fd://7' '-o copy --tap fd://7' '-o copy --report json:fd://7' '-o hard' \
        '-o copy --report text:hard'; do
        # shellcheck disable=SC2086
        refused "--pidfile: f: $shared" "$BPIPE" -q -P f $options in
        # shellcheck disable=SC2086
        refused "--spool: f: $shared" "$BPIPE" -q --spool f $options in
    done
    local reason='is also the file of stderr'
    status=0
    "$BPIPE" -q -P f -o copy in 2>f || status=$?
    equal "1 bpipe: --pidfile: f: $reason" "$status $(<f)"
    status=0
    "$BPIPE" -q --spool f -o copy in 2>f || status=$?
    equal "1 bpipe: --spool: f: $reason" "$status $(<f)"
    [ ! -e copy ]
}
