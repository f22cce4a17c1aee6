#!/usr/bin/env bats
#
# What the live line shows, and where, without tmux: frames are read from a file or from the master
# side of a pseudo-terminal (tests/tools/pty.c). What the line looks like on a screen is in
# display.bats; each number is in test_display_format.c.

bats_require_minimum_version 1.5.0
load helpers
load observe

# The frames of a file, one on a line, without the blanks at their ends.
frames() { tr '\r' '\n' <"$1" | sed -e 's/ *$//' -e '/^$/d'; }
last_frame() { frames "$1" | tail -n 1; }
has_frame() { frames "$1" | grep -qxE -e "$2"; } # FILE PATTERN: a whole frame

# --- the buffer -----------------------------------------------------------------------------

# fill FILE: the percentage of the last frame, or nothing.
fill() { last_frame "$1" | tr -cd 0-9; }
fill_is_between() { # FILE LEAST MOST
    local percent
    percent=$(fill "$1")
    [ -n "$percent" ] && [ "$percent" -ge "$2" ] && [ "$percent" -le "$3" ]
}

# fill_follows COMMAND...: 640K go to COMMAND, which has a buffer of 1M and writes to a pipe; the
# consumer takes nothing, then two parts, then the rest. The pipe behind COMMAND holds 64K.
fill_follows() {
    echo "$*"
    rm -f stuck feed err got
    mkfifo feed
    open_stuck
    exec {feed}<>feed
    "$@" <feed >stuck 2>err {feed}<&- {stuck}<&- &
    pid=$!
    head -c 640K in >&"$feed"
    wait_until 20 fill_is_between err 50 62
    head -c 256K <stuck >got
    wait_until 20 fill_is_between err 25 37
    head -c 256K <stuck >>got
    wait_until 20 fill_is_between err 1 12
    head -c 128K <stuck >>got
    wait_until 20 fill_is_between err 0 0
    exec {feed}>&-
    ended "$pid" 0
    exec {stuck}>&-
    equal_files in got
}

@test "-T: the buffer fills and empties, whatever pipes are on both sides" {
    random_bytes 640K >in
    fill_follows "$BPIPE" --report none -f -T -i 0.1 -B 1M
    fill_follows "$BPIPE" --report none -f -T -i 0.1 -B 1M --merge
    fill_follows "$BPIPE" --report none -f -i 0.1 -B 1M -C -F '%{buffer-fill}'
    # Without -C it waits in pipes of bpipe's own, and is counted.
    fill_follows "$BPIPE" --report none -f -i 0.1 -B 1M -F '%{buffer-fill}'
    fill_follows "$BPIPE" --report none -f -i 0.1 -B 1M -F '%{buffer-fill}' -l
}

# The example of a buffer that is smaller than a pipe: 1M, and a consumer that takes it in two parts.
small_buffer() { # COMMAND...
    echo "$*"
    rm -f err got
    touch err
    {
        cat in
        wait_until 20 has_frame err '\{100%\}'
        wait_until 20 fill_is_between err 0 0
    } | "$@" 2>err | {
        wait_until 20 fill_is_between err 100 100
        head -c 512K
        wait_until 20 fill_is_between err 100 100
        cat
    } >got
    equal_files in got
}

@test "-T with a small buffer: the pipes do not hide it" {
    random_bytes 1M >in
    small_buffer "$BPIPE" --report none -f -T -i 0.1 -B 1024
    small_buffer "$BPIPE" --report none -f -F '{%{buffer-fill}}' -C -i 0.1 -B 1024
    small_buffer "$BPIPE" --report none -f -F '%T' -C -i 0.1 -B 1024
    ! command -v pv >/dev/null || small_buffer pv -f -T -i 0.1 -B 1024
}
