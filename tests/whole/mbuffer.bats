#!/usr/bin/env bats
#
# docs/from-mbuffer.md: it has each option of mbuffer, and what it puts beside the options does the
# same as they do: the same bytes, and success or failure alike. MBUFFER=PROGRAM names another
# mbuffer.

bats_require_minimum_version 1.5.0
load ../helpers

mbuffer=${MBUFFER:-mbuffer}

# The options of `mbuffer --help` and mbuffer(1), R20230301.
all_options="-b -s -m -L -d -D -P -p -i -o --append --truncate -I -O -n -t -T -l -u -r -R -f -a -A -v -q -Q -c
    -e --pid -W -4 -6 -0 --no-direct --tcpbuffer --tcptimeo --tapeaware --direct -V --version -h --help -H
    --md5 --hash"

has_rows() { # OPTION...
    local option
    for option; do
        # The first column, where an option stands alone or before its argument.
        sed -nE 's/^\| (`[^|]*) \|.*/\1/p' "$ROOT/docs/from-mbuffer.md" | grep -qE -- "\`${option}[ \`]" ||
            { echo "no row for $option" && return 1; }
    done
}

@test "each option of mbuffer has a row, and no row is empty" {
    # shellcheck disable=SC2086
    has_rows $all_options
    refute has_rows --no-such
    refute grep -E '\| *\|$' "$ROOT/docs/from-mbuffer.md"
}

@test "so has each that this mbuffer prints in its help" {
    skip_unless "$mbuffer"
    local options
    options=$("$mbuffer" --help 2>&1 | sed -nE 's/^(--?[A-Za-z0-9-]+).*:.*/\1/p; s/^(-V)$/\1/p')
    [ "$(wc -w <<<"$options")" -ge 30 ]
    # shellcheck disable=SC2086
    has_rows $options
}

# same "MBUFFER ARGUMENTS" "BPIPE ARGUMENTS": both copy ./in, and leave the same files and bytes.
same() {
    local with=0 without=0
    echo "mbuffer $1; bpipe $2"
    rm -rf m b
    mkdir m b
    echo before | tee m/old >b/old
    # shellcheck disable=SC2086
    (cd m && "$mbuffer" -q $1 <../in >stdout 2>../m.err) || with=$?
    # shellcheck disable=SC2086
    (cd b && "$BPIPE" -q $2 <../in >stdout 2>../b.err) || without=$?
    [ $((with != 0)) -eq $((without != 0)) ] || { echo "statuses: $with, $without" && return 1; }
    diff -r m b
}

@test "files and standard streams: the same bytes and statuses" {
    skip_unless "$mbuffer"
    random_bytes 3000001 >in
    same '' ''
    same '-i ../in' '../in'
    same '-i -' '-'
    same '-i ../in -o out' '../in -o out'
    same '-o out -o -' '-o out -o -'
    same '-o out -o another' '-o out -o another'
    same '-f -o old' '-o old'
    same '-o old' '--no-clobber -o old'
    same '--append -o old' '--append -o old'
    same '-f --truncate -o old' '-o old'
    same '-c -o out' '-Y -o out'
    same '-i ../missing -o out' '../missing -o out'
}

@test "buffer, rates and errors: the same bytes and statuses" {
    skip_unless "$mbuffer"
    random_bytes 3000001 >in
    same '-m 1M -s 4k' '-B 1M -z 4K'
    same '-b 64 -s 16k' '-B 1M -z 16K'
    same '-m 1M -P 90' '-B 1M --start-fill 90'
    same '-m 1M -p 10' '-B 1M --resume-fill 10'
    same '-t -m 8M' '-B 1M --spool . --spool-max 8M'
    same '-r 100M' '--read-rate 100M'
    same '-R 100M' '-L 100M'
    same '-W 60' '--idle-timeout 60 --stall-timeout 60'
    same '-e -o out' '--on-output-error stop -o out'
    same '-v 0 -Q' '-q'
    same '-4 -o out' '-4 -o out'
    same '-o /dev/full' '-o /dev/full'
}
