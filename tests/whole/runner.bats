load ../helpers

# tests/run itself: it must count everything that goes wrong in a test file, and name the file.

setup() {
    common_setup
    mkdir -p build/tests
}

# Makes a "C test" of a shell script on stdin; tests/run finds it under the given name.
c_test() { # NAME
    { echo '#!/bin/sh' && cat; } >"build/tests/$1"
    chmod +x "build/tests/$1"
    touch "$1.c"
}

# Runs tests/run on FILEs; sets $status, $output, and $last, which must be the counts.
run_tests() {
    run env BPIPE_BUILD="$T/build" TEST_JOBS=2 TEST_TIMEOUT="${limit:-30}" "$ROOT/tests/run" "$@"
    last=${lines[-1]}
}

@test "cases that pass, and cases that are skipped, with the reason" {
    c_test test_a <<<'echo 1..2; echo "ok 1 - x"; echo "ok 2 - y # skip no such thing"'
    printf '@test "one" { true; }\n@test "two" { skip "why not"; }\n' >b.bats
    run_tests "$T/test_a.c" "$T/b.bats"
    equal 0 "$status"
    equal "2 passed, 0 failed, 2 skipped" "$last"
    [[ $output == *"skipped: y: no such thing"* ]]
    [[ $output == *"skipped: two: why not"* ]]
}

@test "a failing case, with all of its output" {
    printf '@test "one" { true; }\n@test "two" { echo the reason; false; }\n' >b.bats
    c_test test_a <<<'echo "not ok 1 - x"; echo 1..1; exit 1'
    run_tests "$T/b.bats" "$T/test_a.c"
    equal 1 "$status"
    equal "1 passed, 2 failed, 0 skipped" "$last"
    [[ $output == *"the reason"* ]]
    [[ $output == *"not ok 1 - x"* ]]
}

@test "a program that dies, ends early, has no plan, or a status that disagrees with its cases" {
    c_test test_dies <<<'echo 1..3; echo "ok 1"; kill -SEGV $$'
    c_test test_early <<<'echo 1..3; echo "ok 1"'
    c_test test_mute <<<'echo "ok 1"'
    c_test test_more <<<'echo 1..1; echo "ok 1"; echo "ok 2"'
    c_test test_status <<<'echo 1..1; echo "ok 1"; exit 99'
    c_test test_nothing <<<'echo 1..0'
    run_tests "$T"/test_*.c
    equal 1 "$status"
    [[ $output == *"test_dies.c: 2 of 3 cases did not run"* ]]
    [[ $output == *"test_early.c: 2 of 3 cases did not run"* ]]
    [[ $output == *"test_mute.c: it never said how many"* ]]
    [[ $output == *"test_more.c: it planned 1 cases and ran 2"* ]]
    [[ $output == *"test_status.c: it ended with status 99"* ]]
    [[ $output == *"test_nothing.c: it has no cases"* ]]
    equal "6 passed, 8 failed, 0 skipped" "$last"
}

@test "a bats file that does not load, and one without tests" {
    printf '@test "one" {\n if true; then\n}\n' >syntax.bats
    printf 'load nowhere\n@test "one" { true; }\n@test "two" { true; }\n' >load.bats
    : >empty.bats
    run_tests "$T/syntax.bats" "$T/load.bats" "$T/empty.bats"
    equal 1 "$status"
    [[ $last == "0 passed, "*" failed, 0 skipped" ]]
    equal 3 "$(grep -c '^FAILED' <<<"$output")"
}

@test "a file that hangs is ended, and the case is named" {
    printf '@test "one" { true; }\n@test "two" {\nsleep 100\n}\n' >hang.bats
    limit=2 run_tests "$T/hang.bats"
    equal 1 "$status"
    [[ $output == *'ran out of time (2 s), or was killed, in case 2 "two"'* ]]
    [[ $last == "1 passed, "*" failed, 0 skipped" ]]
}

@test "a process that outlives its file is ended, and is a failure" {
    c_test test_a <<<'echo 1..1; echo "ok 1"; sleep 100 >/dev/null 2>&1 & exit 0'
    run_tests "$T/test_a.c"
    equal 1 "$status"
    equal "1 passed, 1 failed, 0 skipped" "$last"
    [[ $output == *"test_a.c: left over: process "*"(sleep 100"* ]]
}

@test "a test that leaves a process behind fails and names it, unless it ends the process" {
    {
        echo "load $ROOT/tests/helpers"
        echo '@test "one" { sleep 100 3>&- 4>&- & }'
        echo '@test "two" { sleep 100 3>&- 4>&- & end_processes; }'
    } >left.bats
    run_tests "$T/left.bats"
    equal "1 passed, 1 failed, 0 skipped" "$last"
    [[ $output == *"not ok 1 one"*"left over: process "*"(sleep 100"* ]]
}

@test "a sanitizer's report is a failure, even if the test did not look at the status" {
    # shellcheck disable=SC2016
    c_test test_a <<<'echo 1..1; echo "ok 1"; log=${ASAN_OPTIONS#*log_path=}
        echo "==7==ERROR: AddressSanitizer: heap-use-after-free" >"${log%%:*}.7"'
    # shellcheck disable=SC2016
    c_test test_b <<<'echo 1..1; echo "ok 1"; log=${ASAN_OPTIONS#*log_path=}
        echo "==7==WARNING: AddressSanitizer failed to allocate 0x7f bytes" >"${log%%:*}.7"
        echo "==8==Unable to get registers from thread 6." >"${log%%:*}.8"'
    run_tests "$T/test_a.c" "$T/test_b.c"
    equal 1 "$status"
    equal "2 passed, 1 failed, 0 skipped" "$last"
    [[ $output == *"test_a.c: a sanitizer complained: ==7==ERROR"* ]]
}

@test "a line that is too wide is a failure" {
    # shellcheck disable=SC2016
    c_test test_a <<<'echo 1..1; echo "ok 1"
        echo "81: bpipe: some words" >>"$BPIPE_TEST_WIDE"
        echo "81: bpipe: some words" >>"$BPIPE_TEST_WIDE"'
    run_tests "$T/test_a.c"
    equal 1 "$status"
    equal "1 passed, 1 failed, 0 skipped" "$last"
    [[ $output == *"test_a.c: a line of 81 columns: bpipe: some words"* ]]
}

@test "a line that is too wide is a failure in every folder" {
    local folder file
    local -a files=()
    for folder in "$ROOT"/tests/*/; do
        file=$(compgen -G "${folder}test_*.c" | head -n 1)
        [ -n "$file" ] || continue
        # shellcheck disable=SC2016
        c_test "$(basename "$file" .c)" <<<'echo 1..1; echo "ok 1"
            echo "81: bpipe: some words" >>"$BPIPE_TEST_WIDE"'
        files+=("${file#"$ROOT"/}")
    done
    ((${#files[@]} > 8))
    run_tests "${files[@]}"
    equal 1 "$status"
    equal "${#files[@]} passed, ${#files[@]} failed, 0 skipped" "$last"
    for file in "${files[@]}"; do
        [[ $output == *"  $file: a line of 81 columns: bpipe: some words"* ]]
    done
}

# wide FILE...: what the check says of a message about a file that does not exist.
wide() {
    : >wide
    run env BPIPE_TEST_WIDE="$T/wide" "$BPIPE" -q "$@"
    equal 1 "$status"
    sed 's/: .*//' wide
}

@test "the check of widths: 79 columns, and names count as 24 at most" {
    [[ $BPIPE_VARIANT == *sanitize* && $(uname) == Linux ]] || skip "only the sanitizer build has it"
    local words path
    # The object of a message ends at ": ". So these words are taken for a reason.
    words="a: $(printf 'word %.0s' {1..8})"
    equal "" "$(wide "${words}v")"
    equal "" "$(wide "${words}vw")"
    equal 80 "$(wide "${words}vwx")"
    path=$(printf 'directory/%.0s' {1..20})
    equal "" "$(wide "/$path")"
    equal 80 "$(wide "a: $path $(printf 'w %.0s' {1..9})")"
    # Characters of several bytes.
    equal "" "$(wide "a: $(printf 'w\xc3\xbc\xc3\xbc\xc3\xbc %.0s' {1..8})vw")"
    equal 80 "$(wide "a: $(printf 'w\xc3\xbc\xc3\xbc\xc3\xbc %.0s' {1..8})vwx")"
}

@test "a run without a passed case is a failure" {
    printf '@test "one" { skip; }\n' >skip.bats
    run_tests "$T/skip.bats"
    equal 1 "$status"
    equal "0 passed, 0 failed, 1 skipped" "$last"
    run_tests "$T/nowhere.bats"
    equal 1 "$status"
}
