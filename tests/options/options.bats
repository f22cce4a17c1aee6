#!/usr/bin/env bats
#
# The command line as a user sees it: what is refused and how, --help and --version, and that --help
# and the man page describe the same options. test_options.c tests what each option is parsed into.
# The files of its subject test what it does.

bats_require_minimum_version 1.5.0
load ../helpers

# refused NAME TEXT ARGUMENT...: a usage error. The status is 2, stdout is empty, no file is made,
# and there is one line on stderr, which names the option and has the text.
refused() {
    local name=$1 wanted=$2 status=0 out=$BATS_TEST_TMPDIR/out err=$BATS_TEST_TMPDIR/err text whole=
    local -a made
    shift 2
    "$BPIPE" "$@" </dev/null >"$out" 2>"$err" || status=$?
    IFS= read -rd '' text <"$err" || whole=1 # it has no NUL
    made=("$T"/* "$T"/.[!.]*)
    echo "bpipe $*: status $status: $text; ${made[*]}"
    [ "$status" -eq 2 ] && [ ! -s "$out" ] && [ -n "$whole" ] &&
        [[ $text == "bpipe: "*$'\n' && ${text//$'\n'/} != *[[:cntrl:]]* ]] && ! grep -v '^bpipe: ' "$err" &&
        [[ $text == *"$name"* && $text == *"$wanted"* ]] &&
        [ "${made[*]}" = "$T/* $T/.[!.]*" ]
}

# --- refusals -------------------------------------------------------------------------------

@test "sizes: junk, signs, overflow and empty texts are refused" {
    local option text
    for option in --buffer-size --chunk-size --block-size --pipe-buffer-size --size --spool-max \
        --tcp-buffer --datagram-size; do
        for text in '' x 12x -5 +5 1.2.3 1,5 ' 5' '5 ' 0x10 1e3 K 64KK 9E 99999999999999999999; do
            refused "$option" "'$text'" "$option=$text"
        done
    done
}

@test "durations and percentages: junk, signs, overflow and empty texts are refused" {
    local option text
    for option in --connect-timeout --idle-timeout --stall-timeout --drain-timeout \
        --report-every; do
        for text in '' x 5x -5 +5 1:30 ' 5' 1e3 99999999999999999999; do
            refused "$option" "'$text'" "$option=$text"
        done
    done
    for option in --start-fill --resume-fill; do
        for text in '' x 5x -5 +5 101 50%% 99999999999999999999; do
            refused "$option" "'$text'" "$option=$text"
        done
    done
}

@test "a letter is refused by its long name" {
    refused --buffer-size "'12x'" -B 12x
    refused --buffer-size "'12x'" -qB12x
    refused --chunk-size "'0'" -z 0
    refused --size "'a b'" -s 'a b'
    refused --pipe-buffer-size "'-q'" -J -q
}

@test "values out of range" {
    refused --buffer-size "'0'" -B 0
    refused --chunk-size "'0'" -z 0
    refused --block-size "'0'" --block-size 0
    refused --report-every "'0'" --report-every 0
    refused --pipe-buffer-size "'2G'" -J 2G
    refused --pipe-buffer-size "'2147483648'" -J 2147483648
    refused --buffer-size "'8E'" -B 8E
    refused --chunk-size "'8E'" -z 8E
    refused --spool-max "'0'" --spool . --spool-max 0
    refused --spool-max "'8E'" --spool . --spool-max 8E
    refused --tcp-buffer "'0'" --tcp-buffer 0
    refused --tcp-buffer "'1G'" --tcp-buffer 1G
    refused --tcp-buffer "'1073741824'" --tcp-buffer 1073741824
    refused --datagram-size "'0'" --datagram-size 0
    refused --datagram-size "'65508'" --datagram-size 65508
    refused --datagram-size "'64K'" --datagram-size 64K
}

@test "the display's numbers out of their range: the message has the range" {
    local value
    for value in 0 .09 99ms 0.0999 601 11m 600.000000001; do
        refused "--interval: '$value': must be from 0.1 to 600 seconds" "" -i "$value"
        refused "--interval: '$value': must be from 0.1 to 600 seconds" "" -R 1 -i "$value"
    done
    # All of an argument counts, even if it is long.
    value=$(printf '0%.0s' {1..70})
    refused "--interval: invalid number of seconds '1.$value" "" -i "1.${value}junk"
    refused "--interval: invalid number of seconds '.5$value" "" -i ".5${value}junk"
    refused "--interval: '11.${value}m': must be from 0.1 to 600 seconds" "" -i "11.${value}m"
    for value in 0 0.5 999ms 86401 2d; do
        refused "--average-rate-window: '$value': must be from 1 to 86400 seconds" "" -m "$value"
    done
    for value in 0 00 10000 -1 1x 99999999999999999999; do
        refused "--width: '$value': must be a number from 1 to 9999" "" "--width=$value"
        refused "--height: '$value': must be a number from 1 to 9999" "" "--height=$value"
        refused "--width: '$value': must be a number from 1 to 9999" "" -R 1 "--width=$value"
    done
    for value in 0 257; do
        refused "--last-written: '$value': must be a number from 1 to 256" "" -A "$value"
    done
    # The ends of each range are accepted.
    for value in "-i 0.1" "-i .1" "-i 600" "-i 10m" "-m 1" "-m 1d" "-w 1" "-w 9999" "-H 1" "-H 9999" \
        "-A 1" "-A 256" "-D 0"; do
        # shellcheck disable=SC2086
        equal data "$(printf data | "$BPIPE" -q $value)" "$value"
    done
}

@test "a hint gets a line of its own if the message is too long, and a list is cut" {
    run -2 "$BPIPE" --overflow drop
    equal "bpipe: --overflow: invalid policy 'drop'
bpipe: --overflow: choose block, drop-newest, drop-oldest or fail" "$output"
    run -2 "$BPIPE" --on-output-error stopp
    equal "bpipe: --on-output-error: invalid action 'stopp' (choose stop or continue)" "$output"
    run -2 "$BPIPE" --s
    equal "bpipe: --s: ambiguous option: --start-fill, --spool, --spool-max, --sync, ..." "$output"
}

@test "policies: unknown ones and abbreviations are refused, with the choice" {
    local text
    for text in '' x Block dropnewest drop drop-old 'drop-oldest,' ' fail' block:fail; do
        refused --overflow "'$text'" "--overflow=$text"
        refused "choose block, drop-newest, drop-oldest or fail" "'$text'" --overflow "$text"
    done
    refused --overflow "'x'" --overflow block --overflow x
}

@test "--gap-mark needs records, a policy that drops, and a buffer with room for a mark" {
    refused --gap-mark '-l or -0' --gap-mark
    refused --gap-mark '-l or -0' --gap-mark --overflow drop-oldest
    refused --gap-mark --overflow --gap-mark -l
    refused --gap-mark 'drop-newest or drop-oldest' -0 --gap-mark --overflow block
    refused --gap-mark 'drop-newest or drop-oldest' --overflow fail -l --gap-mark
    refused --gap-mark --buffer-size --overflow drop-newest -l --gap-mark -B 255
    refused --gap-mark 256 --overflow drop-oldest -0 --gap-mark -B 1
    "$BPIPE" --overflow drop-newest -l --gap-mark -B 256 </dev/null
    "$BPIPE" --overflow drop-oldest -0 --gap-mark -B 256 </dev/null
}

@test "overload policies and the options that they need or exclude" {
    refused --spool-max --spool --spool-max 1M
    refused --block-size --overflow -l --overflow drop-oldest --block-size 512
    refused --block-size --overflow --block-size 512 --overflow drop-newest -0
    "$BPIPE" --block-size 512 --overflow drop-oldest </dev/null
    "$BPIPE" --block-size 512 --overflow fail -l </dev/null
}

@test "--merge and the options, buffers and inputs that it needs or excludes" {
    refused --merge --stop-at-size --merge -S -s 1
    refused --merge "'-'" --merge - -
    refused --merge "'fd://0'" --merge ../a /dev/stdin ../b fd://0
    refused --buffer-size "'3'" --merge -B 3 ../a ../b ../c
    refused --merge "'1'" --merge -B 1
    "$BPIPE" --merge </dev/null
    equal a "$(echo a | "$BPIPE" -q --merge - /dev/null)"
}

@test "--skip and the options and inputs that it excludes" {
    refused --skip --merge --merge --skip 1
    refused --skip --unframe --skip 1 --unframe
    refused --skip 'udp-listen://:9' --skip 1 udp-listen://:9
    refused --skip '--size @PATH' --skip 1 -l -s @../in
    refused --skip SIZE --skip
    refused --skip "'-1'" --skip -1
    refused --skip "'9E'" --skip 9E
}

@test "a block that does not fit the buffer names both" {
    refused --block-size "'17M'" --block-size 17M
    refused --buffer-size "16M" --block-size 17M
    refused --block-size "'11'" --block-size 11 -B 10
    refused --buffer-size "'10'" --block-size 11 -B 10
    refused --block-size "'1025'" -B 1K --block-size 1025
    refused --block-size "'1001'" -B 1K --block-size 1001 -k
}

@test "a text with control characters is shown escaped, on one line" {
    refused --buffer-size '12' -B $'12\nx'
    refused --buffer-size '12' -B $'12\e[31m\r\tx\x7f'
    refused --report 'js' --report $'js\non'
    refused INPUT 'tcp://' $'tcp://a\nb'
    refused --a 'unknown' $'--a\nb'
    refused - 'unknown' $'-\n'
    refused - 'unknown' $'-\x01'
}

@test "unknown options, with the nearest spelling" {
    refused --bufer-size --buffer-size --bufer-size=5
    refused --bufer-size --buffer-size --bufer-size 5
    refused --Buffer-Size --buffer-size --Buffer-Size 5
    refused --no_clobber --no-clobber --no_clobber
    refused --hlep --help --hlep
    refused --output-file --help --output-file
    refused -Z unknown -Z
    refused -Z unknown -qZq
    refused -? unknown '-?'
    refused -: unknown -:
    refused -- unknown --=5
    refused -- 'did you mean --report?' --reprot=text
}

@test "options that do not exist are unknown" {
    local option
    for option in -E --skip-errors -d --watchfd -O --sparse -U -Z -9; do
        refused "$option" unknown "$option" 1
    done
}

@test "abbreviations: unique ones are taken, others are refused with the choice" {
    "$BPIPE" --quie --buffer-s 1K --stop --no-sp </dev/null
    refused --rep --report-every --rep text
    refused --rep --report, --rep=text
    refused --st --stop-at-size --st
}

@test "missing and superfluous arguments" {
    refused --buffer-size SIZE -B
    refused --buffer-size SIZE x --buffer-size
    refused --output ENDPOINT -qo
    refused --idle-timeout DURATION --idle-t
    refused --overflow POLICY --overflow
    refused --tap ENDPOINT x --tap
    refused --spool PATH --spool
    refused --append "'x'" --append=x
    refused --gap-mark "'1'" --gap-mark=1
    refused --merge "''" --merge=
    refused --quiet "''" --quiet=
    refused --quiet "'5'" --qui=5
    refused --help "'x'" --help=x
}

@test "options that exclude or need each other" {
    refused --discard --output -X -o x
    refused --append --no-clobber --append --no-clobber -o x
    refused --append --atomic -o x --atomic --append
    refused --append --output --append
    refused --no-clobber --output --no-clobber
    refused --atomic --output x --atomic
    refused --atomic --output -X --atomic
}

@test "empty names" {
    refused INPUT "''" ''
    refused INPUT "''" - ''
    refused INPUT "''" -- ''
    refused --output "''" -o ''
    refused --output "''" -o x -o ''
    refused --tap "''" --tap ''
    refused --tap "''" --tap x --tap ''
    refused --spool "''" --spool ''
    refused --name "''" -N ''
    refused --pidfile "''" -P ''
    refused --size "'@'" -s @
    refused --report "'json:'" --report json:
}

@test "the same descriptor twice as an output" {
    local first second
    for first in - fd://1 /dev/stdout /dev/fd/1; do
        for second in - fd://1 fd://01 /dev/stdout /dev/fd/1; do
            refused --output "'$second'" -o "$first" -o x -o "$second"
        done
    done
    refused --output "'fd://3'" -o fd://3 -o fd://3
}

@test "the same descriptor twice as a tap, or as a tap and an output" {
    local first second
    for first in - fd://1 /dev/stdout; do
        for second in - fd://01 /dev/fd/1; do
            refused --tap "'$second'" -o x --tap "$first" --tap x --tap "$second"
            refused --tap "'$second'" -o x -o "$first" --tap "$second"
            refused --tap "'$second'" --tap "$second" -o "$first"
        done
        refused --tap "'$first'" --tap "$first"
    done
    refused --tap "'fd://3'" --tap fd://3 -o fd://3
    equal a "$(echo a | "$BPIPE" -q -X --tap -)"
    equal a "$(echo a | "$BPIPE" -q -o out --tap -)"
}

@test "invalid descriptors" {
    local text
    for text in fd:// fd://x fd://-1 fd://+1 'fd:// 1' fd://1x fd://1/ fd://2147483648 \
        fd://99999999999999999999; do
        refused INPUT "'$text'" "$text"
        refused --output "'$text'" -o "$text"
        refused --tap "'$text'" --tap "$text"
        refused --report "$text" --report "json:$text"
    done
}

@test "invalid network endpoints: the message says what is wrong, and what to write" {
    local scheme text
    for text in tcp:// tcp://h:0 'tcp://[::1' tcp://h:80/x 'tcp://h h:80' tcp-listen:// udp:// \
        udp-listen:// unix:// unix-listen://; do
        refused INPUT "'$text': " "$text"
        refused --output "'$text': " -o "$text"
        refused --tap "'$text': " --tap "$text"
    done
    for text in backup:9000 tcp:localhost:9999 127.0.0.1:80 h:65535; do
        refused --output "'$text': use tcp:// for an address, ./ for a path" -o "$text"
        refused --tap "'$text': use tcp:// for an address, ./ for a path" --tap "$text"
    done
    refused INPUT 'missing port (try tcp://host:9000)' tcp://h
    refused INPUT 'put an IPv6 address in brackets (tcp://[::1]:80)' tcp://::1:80
    text=$(printf '%0300d' 0)
    refused INPUT 'is too long' "tcp://$text:80"
    for scheme in unix unix-listen; do
        refused --output 'longer than 10' -o "$scheme://$text"
    done
}

@test "sockets are refused as report files, spools and pidfiles" {
    local scheme
    for scheme in tcp tcp-listen unix unix-listen udp udp-listen; do
        refused --report "'text:$scheme://h:9'" --report "text:$scheme://h:9"
        refused --spool "'$scheme://h:9'" --spool "$scheme://h:9"
        refused --pidfile "'$scheme://h:9'" -P "$scheme://h:9"
    done
    refused --report "'json:tcp://'" --report json:tcp://
    refused --spool "'unix://'" --spool unix://
}

@test "an address can be listened on only once" {
    local text
    for text in tcp-listen://:9 udp-listen://:9 unix-listen://x; do
        refused --output "'$text'" -o "$text" -o x -o "$text"
        refused --output "'$text'" -o "$text" "$text"
        refused --tap "'$text'" -o "$text" --tap "$text"
        refused --tap "'$text'" --tap "$text" --tap "$text"
        refused --tap "'$text'" -X --tap "$text" "$text"
        refused INPUT "'$text'" "$text" "$text"
        refused INPUT "'$text'" --merge "$text" "$text"
    done
}

@test "network options: junk, and values out of range" {
    local text
    for text in '' x -1 +1 1.5 1K ' 1' '1 ' 1000001 99999999999999999999; do
        refused --retry "'$text': must be a number from 0 to 1000000" "--retry=$text"
    done
    for text in '' x /8 10/8 10.0.0.1/8 1.2.3.4/33 1.2.3.4/ 1.2.3.4/x ::/129 localhost '[::1]'; do
        refused --allow "'$text': " "--allow=$text"
        refused --allow "'$text': " --allow 10.0.0.0/8 --allow "$text" --allow ::1
    done
    for text in '' x Stop stopp cont 'stop|continue'; do
        refused --on-output-error "invalid action '$text'" "--on-output-error=$text"
        refused --on-output-error "choose stop or continue" "--on-output-error=$text"
    done
    refused --ipv4 'cannot be used with --ipv6' -4 -6
    refused --ipv4 'cannot be used with --ipv6' --ipv6 --ipv4
}

@test "UDP and the options, buffers and inputs that it needs or excludes" {
    local udp
    for udp in udp-listen://:9 udp://h:9; do
        refused INPUT "'$udp': needs -l or -0 beside other INPUTs" "$udp" x
        refused INPUT "'$udp': needs -l or -0" - "$udp"
        refused INPUT "'$udp': needs -l or -0" --merge tcp://h:9 "$udp"
        refused --buffer-size "'65535': too small for UDP" -B 65535 "$udp"
        refused --buffer-size "'1': too small for UDP" -l -B 1 "$udp" x
        refused --buffer-size "'131070': too small for UDP" --merge -B 131070 "$udp"
        refused --buffer-size "'190K': too small for UDP" --merge -B 190K "$udp" udp://h:8
        refused --buffer-size "'190K': too small for UDP" --merge -l -B 190K x "$udp"
        refused --buffer-size "'190K': too small for UDP" --merge -B 190K --overflow drop-oldest \
            "$udp" udp://h:8
        refused --spool "cannot be used with $udp" --spool . "$udp"
        refused --spool "cannot be used with $udp" -l --spool . x "$udp"
        refused --gap-mark '-l or -0' --gap-mark --overflow drop-oldest "$udp"
        refused --block-size "cannot be used with $udp" --block-size 512 "$udp"
        refused --block-size "cannot be used with $udp" --block-size 512 -l "$udp" x
        refused --block-size "cannot be used with $udp" --block-size 512 -o x -o "$udp"
        refused --append --output --append "$udp"
    done
}

@test "reports: unknown formats, none with a file, nothing to repeat" {
    local text
    for text in '' xml Text texts tex :x none:x none:; do
        refused --report "'$text'" --report "$text"
    done
    refused --report prometheus --report xml
    refused --report-every none --report-every 1 --report none
}

@test "a usage error comes before anything is read, opened or created" {
    echo data >../data
    refused --buffer-size "'x'" -o made -P pid --report json:report -B x <../data
    refused INPUT "''" -o made -P pid --report prometheus:report ../missing ''
    refused --overflow "'x'" --tap made --spool spool --overflow x <../data
    refused --allow "'x'" -o unix-listen://made --tap made -P pid --allow x unix-listen://too
}

# --- help and version -----------------------------------------------------------------------

# helps LAST-LINE OPTION...: each option prints a help to stdout that ends with LAST-LINE and fits
# 79 columns.
helps() {
    local option last=$1
    shift
    for option; do
        # shellcheck disable=SC2086
        run -0 --separate-stderr "$BPIPE" $option </dev/null
        equal '' "$stderr"
        equal 'Usage: bpipe [OPTION]... [INPUT]...' "${lines[0]}"
        equal "$last" "${lines[-1]}"
        refute grep -E '.{80}| $|'$'\t' <<<"$output"
        refute grep -P '[^\x20-\x7e]' <<<"$output"
    done
}

@test "--help goes to stdout, fits 79 columns, and has a beginning and an end" {
    helps 'See bpipe(1).' --help --hel '-q --help' '-B x --help'
}

@test "--help explains the signs of the live line, in the characters of the locale" {
    local sign
    LC_ALL=C "$BPIPE" --help >help
    for sign in 'buf [##    ], buf#-' '> waiting for tar' '< waiting for gzip' '= rate limit' busy; do
        grep -qF "  $sign  " help
    done
    [ "$(LC_ALL=C.UTF-8 locale charmap 2>/dev/null)" = UTF-8 ] || return 0
    LC_ALL=C.UTF-8 "$BPIPE" --help >help
    for sign in 'buf ▕██    ▏, buf▃' '▶ waiting for tar' '◀ waiting for gzip' '■ rate limit' busy; do
        grep -qF "  $sign  " help
    done
}

@test "-h is short: the common options, on 60 lines, each on one" {
    local common all option
    helps 'bpipe --help lists all options.' -h -qh '-B x -h' '-h --help' '-N --help -h' '-hx --help'
    "$BPIPE" -h >short
    [ "$(wc -l <short)" -le 60 ]
    common=$(grep -oE '^ {2,6}(-., )?--[a-z0-9-]+ ?[^ ]*' short | sed 's/ *$//')
    equal 30 "$(wc -l <<<"$common")"
    all=$("$BPIPE" --help)
    while IFS= read -r option; do
        grep -qF -- "$option" <<<"$all" || { echo "$option is not in --help" && false; }
    done <<<"$common"
    equal '' "$(sort <<<"$common" | uniq -d)"
}

@test "--version names the version, the build and where to report bugs" {
    local option
    for option in --version -V --vers; do
        run -0 --separate-stderr "$BPIPE" $option </dev/null
        equal '' "$stderr"
        equal 3 "${#lines[@]}"
        [[ ${lines[0]} =~ ^bpipe\ [0-9]+\.[0-9]+\.[0-9]+\ \((linux|portable)\)$ ]]
        equal "${lines[0]##* }" "($(sed -E 's/^build: (linux|portable)(, .*)?$/\1/' <<<"${lines[1]}"))"
        [[ ${lines[2]} == 'report bugs to: '?* ]]
    done
    if is_portable; then
        [[ ${lines[0]} == *'(portable)' ]]
    fi
}

@test "--version names the libc and the compiler, but no path and no date" {
    local libc
    skip_unless ldd getconf
    "$BPIPE" --version | sed -n 2p >build
    refute grep -e / -e "$(date +%Y)" build
    ldd "$BPIPE" >libraries 2>&1 || true
    libc=$(getconf GNU_LIBC_VERSION 2>/dev/null) || skip "the libc here is not glibc"
    grep -q 'libc\.so\.6' libraries || skip "bpipe is not linked with this machine's glibc"
    grep -E "^build: (linux|portable), $libc, (gcc|clang) [0-9]+\.[0-9]+\.[0-9]+$" build
}

@test "--help and --version that cannot be written are status 1, with a message" {
    local option
    for option in --help --version; do
        status=0
        "$BPIPE" $option >/dev/full 2>err || status=$?
        equal 1 "$status"
        equal 'bpipe: stdout: No space left on device' "$(<err)"
    done
}

# The options of --help: "letter name argument", with - for no letter, in the same order.
options_of_help() {
    "$BPIPE" --help | sed -nE \
        -e 's/^  -(.), --([a-z0-9-]+) ([A-Z][^ ]*)?( .*)?$/\1 \2 \3/p' \
        -e 's/^      --([a-z-]+) ([A-Z][^ ]*)?( .*)?$/- \1 \2/p'
}

options_of_man_page() {
    sed -nE '/^\.Sh OPTIONS/,/^\.Sh ENDPOINTS/s/^\.It (Fl .*)/\1/p' "$ROOT/man/bpipe.1" |
        sed -E -e 's/^Fl ([^-]) .*Fl -([a-z0-9-]+).*/\1 \2/' -e 's/^Fl -([a-z-]+).*/- \1/'
}

groups_of_help() {
    "$BPIPE" --help | sed -n -e '/^Examples/d' -e 's/^\([A-Z][a-z]*\)\( (.*)\)\{0,1\}:$/\1/p'
}

@test "--help and the man page have the same options and groups, in the same order" {
    local count
    count=$(options_of_help | wc -l)
    [ "$count" -ge 30 ]
    equal "$count" "$("$BPIPE" --help | grep -cE '^ {2,6}-')" "options that this test understands"
    equal "$(options_of_help | awk '{ print $1, $2 }')" "$(options_of_man_page)"
    equal "$(groups_of_help)" "$(sed -n 's/^\.Ss \(Buffering\|Rates\|Overload\|Outputs\|Network\|Size\|Commands\|Integrity\|Records\|Timeouts\|Display\|Reports\|Control\|General\)$/\1/p' "$ROOT/man/bpipe.1")"
}

@test "-h, --help and the man page have the same synopsis" {
    local option
    skip_unless mandoc
    mandoc -Tascii -O width=200 "$ROOT/man/bpipe.1" | sed -n -e $'s/.\b//g' -e '/^SYNOPSIS/,/^DESCRIPTION/p' |
        sed -n -e 's/ \.\.\.\(]\{0,1\}\)/\1.../g' -e 's/^ *\(bpipe .*\)/\1/p' >forms
    grep -q -e '-Q PID' forms
    for option in -h --help; do
        "$BPIPE" "$option" | sed -nE 's/^(Usage:|      ) (bpipe .*)/\2/p' | diff forms -
    done
}

@test "the man pages name only options that exist" {
    local name
    grep -ohE 'Fl -[a-z][a-z0-9-]*' "$ROOT"/man/bpipe*.[15] | sort -u | while read -r _ name; do
        options_of_help | grep -q " ${name#-} " || { echo "--${name#-} is not in --help" && exit 1; }
    done
}

@test "every option of --help is accepted, by name and by letter" {
    local letter name argument count=0
    local -a with
    while read -r letter name argument; do
        with=()
        case $name in
        help | version) continue ;;
        remote | query) continue ;;         # tests/control/control.bats
        expect-size | expect-end) continue ;; # tests/buffer/expect.bats
        skip) continue ;;                   # tests/loop/skip.bats
        unframe) continue ;;                # tests/buffer/framing.bats
        monitor) with=(-- cat) ;;
        append | no-clobber | atomic) with=(-o "out.$name") ;;
        gap-mark) with=(-l --overflow drop-newest) ;;
        spool-max) with=(--spool .) ;;
        esac
        case $argument in
        '') ;;
        ENDPOINT) argument=out.$name ;;
        POLICY) argument=block ;;
        ACTION) argument=stop ;;
        STYLE) argument=plain ;;
        PLACES) argument=processtitle ;;
        SIDE) argument=in ;;
        COMMAND) argument="cat" ;;
        CIDR) argument=::1 ;;
        FILE) argument=file.$name ;;
        FORMAT*) argument=text ;;
        *) argument=1 ;;
        esac
        count=$((count + 1))
        echo "--$name $argument"
        "$BPIPE" "--$name${argument:+=$argument}" "${with[@]}" </dev/null
        if [ "$letter" != - ]; then
            "$BPIPE" "-$letter$argument" "${with[@]}" </dev/null
        fi
    done < <(options_of_help)
    [ "$count" -ge 28 ]
}

@test "bpipe-formats(5) names every key and metric of the reports" {
    local name
    "$BPIPE" -l -s 2 --tap tap --spool . --report json:json --report prometheus:prom -o out --from 'echo x' \
        --to 'cat >/dev/null'
    {
        grep -oE '"[a-z_0-9]+":' json | tr -d '":'
        sed -n 's/^# TYPE \([^ ]*\) .*/\1/p' prom
    } >names
    [ "$(wc -l <names)" -gt 60 ]
    while read -r name; do
        # The page has the metrics of endpoints without bpipe_input_ and bpipe_output_.
        grep -qE "^\.(It )?Cm ([^ ]+ )*($name|${name#bpipe_*put_})( |$)" \
            "$ROOT/man/bpipe-formats.5" || { echo "$name is not in the man page" && false; }
    done <names
}

@test "the man pages are clean" {
    skip_unless mandoc
    run -0 mandoc -Tlint "$ROOT/man/bpipe.1" "$ROOT/man/bpipe-formats.5"
    equal '' "$output"
}

# --- accepted options -----------------------------------------------------------------------

@test "operands and options mix; -- ends the options; - is standard input" {
    echo a >a
    echo b >b
    echo q >-q
    equal $'a\nin\nb' "$(echo in | "$BPIPE" -q a - -B 1K b --chunk-size=1)"
    equal $'a\nq' "$("$BPIPE" -q -- a -q)"
    equal $'a' "$("$BPIPE" a -q)"
}

@test "a path that looks like a URL is a file when it begins with ./" {
    mkdir tcp: fd:
    echo tcp >tcp:/h
    echo fd >fd:/x
    equal $'tcp\nfd' "$("$BPIPE" -q ./tcp://h ./fd://x)"
    "$BPIPE" -q -o ./tcp://out ./fd://x
    equal fd "$(<tcp:/out)"
}

@test "-k applies to every size, also to those before it" {
    local line
    for line in '-k -B 4K -z 2K' '-B 4K -z 2K -k' '-B 4K --si -z 2K'; do
        # shellcheck disable=SC2086
        "$BPIPE" $line --report json </dev/null 2>report
        equal '4000 2000' "$(json .buffer.capacity_bytes <report) $(json .buffer.chunk_bytes <report)"
    done
}

@test "the last of several values counts" {
    "$BPIPE" -B 1K -B 3K --report json </dev/null 2>report
    equal 3072 "$(json .buffer.capacity_bytes <report)"
}

@test "reports: the default, no report, and which reports are repeated" {
    local line
    for line in '' -v '-q -v' '--report none -v' '--report json:r -v' '-q --report-every 1h'; do
        # shellcheck disable=SC2086
        "$BPIPE" $line </dev/null 2>err
        grep -q '^bpipe: ' err || { echo "no text with: $line" && false; }
    done
    for line in -q '--report none' '--report json:r' '-q --report text:r'; do
        # shellcheck disable=SC2086
        "$BPIPE" $line </dev/null 2>err
        [ ! -s err ] || { echo "text with: $line" && false; }
    done
    [ -s r ]
}
