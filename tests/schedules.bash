# shellcheck shell=bash
#
# Random schedules of bursts and stalls: `load schedules` after `load helpers`. schedules.bats plays
# a few, long_schedules.bats a thousand; tests/schedule/schedule.c describes them.

# Words for what this bpipe cannot do yet (schedule -x). Remove a word when bpipe can do it.
schedules_without=''

# play_schedules FIRST COUNT: plays the schedules of COUNT seeds from FIRST on.
play_schedules() {
    local seed portable=
    case $BPIPE_VARIANT in portable*) portable=-p ;; esac
    for ((seed = $1; seed < $1 + $2; seed++)); do
        TMPDIR=$T schedule $portable -x "$schedules_without" "$seed" "$BPIPE" || {
            echo "again: build/tools/schedule $portable -x '$schedules_without' $seed ./bpipe"
            return 1
        }
    done
}
