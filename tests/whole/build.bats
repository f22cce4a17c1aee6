load ../helpers

# Runs make with the variables that the tested binary was made with.
make_again() {
    eval "make --no-print-directory -C \"\$ROOT\" ${BPIPE_MAKE_VARIABLES:-} \"\$@\""
}

@test "make install and uninstall" {
    skip_unless make
    local file
    [ -e "$ROOT/man/bpipe.1" ]
    [ -e "$ROOT/man/bpipe-formats.5" ]
    make_again install DESTDIR="$T/dest" PREFIX=/usr >log 2>&1 || { cat log && false; }
    equal "./usr/bin/bpipe ./usr/share/bash-completion/completions/bpipe \
./usr/share/doc/bpipe/CHANGELOG.md ./usr/share/doc/bpipe/LICENSE ./usr/share/doc/bpipe/README.md \
./usr/share/doc/bpipe/docs/coming-from.md ./usr/share/doc/bpipe/docs/from-mbuffer.md \
./usr/share/doc/bpipe/docs/recipes.md ./usr/share/doc/bpipe/docs/report.md ./usr/share/doc/bpipe/docs/speed.md \
./usr/share/fish/vendor_completions.d/bpipe.fish ./usr/share/man/man1/bpipe.1 \
./usr/share/man/man5/bpipe-formats.5 \
./usr/share/zsh/site-functions/_bpipe" \
        "$(cd dest && find . -type f | sort | xargs)"
    for file in README.md LICENSE CHANGELOG.md docs/report.md; do
        cmp "dest/usr/share/doc/bpipe/$file" "$ROOT/$file"
    done
    # Every link of the installed documents leads to an installed one.
    grep -roE '\]\([^)#:]+[)#]' dest/usr/share/doc/bpipe >links
    [ "$(lines_of links)" -ge 5 ]
    while IFS=: read -r file link; do
        link=${link#](} link=${link%[)#]}
        [ -e "${file%/*}/$link" ] || { echo "$file: $link" && false; }
    done <links
    cmp dest/usr/share/man/man1/bpipe.1 "$ROOT/man/bpipe.1"
    cmp dest/usr/share/man/man5/bpipe-formats.5 "$ROOT/man/bpipe-formats.5"
    cmp dest/usr/share/bash-completion/completions/bpipe "$ROOT/completions/bpipe.bash"
    cmp dest/usr/share/zsh/site-functions/_bpipe "$ROOT/completions/_bpipe"
    cmp dest/usr/share/fish/vendor_completions.d/bpipe.fish "$ROOT/completions/bpipe.fish"
    equal "same bytes" "$(printf 'same bytes' | dest/usr/bin/bpipe -q)"
    make_again install-strip DESTDIR="$T/small" PREFIX=/usr >log 2>&1 || { cat log && false; }
    equal "$(cd dest && find . -type f | sort)" "$(cd small && find . -type f | sort)"
    equal "same bytes" "$(printf 'same bytes' | small/usr/bin/bpipe -q)"
    [ "$(wc -c <small/usr/bin/bpipe)" -lt "$(wc -c <dest/usr/bin/bpipe)" ]
    make_again uninstall DESTDIR="$T/dest" PREFIX=/usr >log 2>&1
    equal "" "$(find dest -type f)"
    [ ! -e dest/usr/share/doc/bpipe ]
}

@test "make lint-man reads both man pages" {
    skip_unless make
    equal "mandoc -Tlint -W warning man/bpipe.1 man/bpipe-formats.5" "$(make_again -n lint-man)"
}

@test "make help names the targets and the variables" {
    skip_unless make
    local word
    make_again help >text
    for word in all check check-long lint install install-strip uninstall completions clean \
        PORTABLE=1 SANITIZE=1 WERROR=1 CC CFLAGS LDFLAGS PREFIX DESTDIR TESTS; do
        grep -qw -- "$word" text || { echo "not there: $word" && false; }
    done
}

@test "the binary needs only libc" {
    skip_unless ldd
    is_sanitized && skip "the sanitizers bring their own libraries"
    ldd "$BPIPE" >libraries 2>&1 || true
    equal "" "$(grep -vE 'lib(c|m)\.|ld-|linux-vdso|not a dynamic|statically' libraries)"
}
