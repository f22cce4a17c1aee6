# shellcheck shell=bash
#
# Damaged framed streams: `load framing` after `load helpers`. framing.bats tries some of them,
# long_framing.bats all. tests/tools/damage.c does the work.

# make_framed SEED: makes a small stream (about 20,000 bytes) with many chunks, and a larger one
# that does not fit into a pipe.
make_framed() {
    random_bytes $((19000 + $1 % 2000)) "$1" >small
    random_bytes $((290000 + $1 % 20000)) "$1" >large
    "$BPIPE" -q --frame -z $((20 + $1 % 90)) <small >small.framed
    "$BPIPE" -q --frame -z $((2000 + $1 % 3000)) <large >large.framed
}

# refuse_damaged SEED STEP CUTS FLIPS: a damaged framed stream is never taken for whole. The stream
# is cut after every STEPth of the first 5000 bytes and at CUTS places, and FLIPS bits are changed.
# Some of the streams go through a small buffer.
refuse_damaged() {
    local unframe=("$BPIPE" -q --unframe)
    make_framed "$1"
    damage each $(($1 % $2)) "$2" $((5000 / $2)) small.framed "${unframe[@]}"
    damage cut "$1" "$3" large.framed "${unframe[@]}"
    damage flip "$1" $(($4 / 2)) small.framed "${unframe[@]}"
    damage flip "$1" $(($4 / 4)) small.framed "${unframe[@]}" -B 256 -C
    damage flip "$1" $(($4 / 4)) large.framed "${unframe[@]}" -z 5000
}
