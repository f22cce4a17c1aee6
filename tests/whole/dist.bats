#!/usr/bin/env bats
#
# What is published: the source tarball, static binaries and the Debian package. Nothing is written
# into the tree or its build/. `make try-deb` tries the package itself.

bats_require_minimum_version 1.5.0
load ../helpers

# These say the same in every variant.
only_linux() { [ "$BPIPE_VARIANT" = linux ] || skip "the linux variant does this"; }

skip_unless_dist() {
    skip_unless make tar gzip
    tar --version 2>/dev/null | grep -q GNU || skip "tar is not GNU tar"
}

# unpack FOLDER: the tree as it is in the tarball; sets $tree.
unpack() {
    mkdir -p "$1"
    "$ROOT/packaging/dist" 9.8.7 "$T/first.tar.gz"
    tar -xzf first.tar.gz -C "$1"
    tree=$1/bpipe-9.8.7
}

# make_in_tree ARGUMENT...: with the compiler of the tested binary.
make_in_tree() {
    (unset MAKEFLAGS MFLAGS MAKELEVEL && eval "make -C \"\$tree\" ${BPIPE_MAKE_VARIABLES:-} \"\$@\"") >log 2>&1 ||
        { cat log && false; }
}

@test "a source tarball has the same bytes from another folder, umask and language, and without git" {
    only_linux
    skip_unless_dist
    unpack some/other/folder
    equal "" "$(find "$tree" -name .git)"
    (umask 077 && TZ=Asia/Tokyo LC_ALL=C.UTF-8 "$tree/packaging/dist" 9.8.7 "$T/second.tar.gz")
    cmp first.tar.gz second.tar.gz
}

@test "a source tarball has the sources and none of the products" {
    local file
    only_linux
    skip_unless_dist
    unpack .
    for file in LICENSE README.md CHANGELOG.md Makefile bpipe.c man/bpipe.1 tests/run \
        completions/_bpipe packaging/debian/rules; do
        cmp "$ROOT/$file" "$tree/$file"
    done
    [ -x "$tree/tests/run" ]
    [ ! -e "$tree/build" ]
    [ ! -e "$tree/bpipe" ]
    touch "$tree/bpipe" "$tree/base/size.o"
    mkdir "$tree/build"
    touch "$tree/build/more"
    "$tree/packaging/dist" 9.8.7 "$T/second.tar.gz"
    cmp first.tar.gz second.tar.gz
    SOURCE_DATE_EPOCH=86400 TZ=UTC "$tree/packaging/dist" 9.8.7 "$T/third.tar.gz"
    equal 1970-01-02 "$(TZ=UTC tar -tvzf third.tar.gz bpipe-9.8.7/Makefile | grep -oE '[0-9]{4}-[0-9-]+')"
}

@test "a source tarball builds and installs" {
    only_linux
    skip_unless_dist
    unpack .
    make_in_tree CFLAGS=-O0 install DESTDIR="$T/dest" PREFIX=/usr
    equal "$("$BPIPE" -V | head -n 1)" "$(dest/usr/bin/bpipe -V | head -n 1)"
    random_bytes 3M >in
    dest/usr/bin/bpipe -q <in >out
    equal_files in out
    [ -e dest/usr/share/man/man1/bpipe.1 ]
}

@test "make dist-static names the missing compiler" {
    only_linux
    skip_unless make
    mkdir tree
    cp -R "$ROOT/packaging" tree
    run -1 --separate-stderr tree/packaging/static 9.8.7 vax
    equal "" "$output"
    equal "make dist-static: vax-linux-musl-gcc: not found, or it cannot link a static program" "$stderr"
}

# --- in check-long --------------------------------------------------------------------------

# static_twice MACHINE: sets $binary.
static_twice() {
    [ -n "${TEST_LONG:-}" ] || skip "TEST_LONG=1"
    only_linux
    skip_unless_dist
    skip_unless "$1-linux-musl-gcc"
    unpack first
    (unset MAKEFLAGS MFLAGS MAKELEVEL && "$tree/packaging/static" 9.8.7 "$1") >log 2>&1 || { cat log && false; }
    binary=$tree/build/dist/bpipe-9.8.7-linux-$1
    unpack another/folder
    (unset MAKEFLAGS MFLAGS MAKELEVEL && "$tree/packaging/static" 9.8.7 "$1") >log 2>&1 || { cat log && false; }
    cmp "$binary" "$tree/build/dist/bpipe-9.8.7-linux-$1"
    random_bytes 3M >in
}

@test "a static x86-64 binary has the same bytes from another folder, and works" {
    static_twice x86_64
    [ "$(uname -m)" = x86_64 ] || skip "this machine cannot run it"
    "$binary" -q <in >out
    equal_files in out
    "$binary" -V | grep -E '^build: linux, musl, gcc '
}

@test "a static arm64 binary has the same bytes from another folder, and works" {
    static_twice aarch64
    skip_unless qemu-aarch64-static
    qemu-aarch64-static "$binary" -q <in >out
    equal_files in out
    qemu-aarch64-static "$binary" -V | grep -E '^build: linux, musl, gcc '
}

# --- the package ----------------------------------------------------------------------------

@test "the Debian package has the version of the program" {
    local version
    version=$("$BPIPE" -V | sed -nE '1s/^bpipe ([0-9.]+) .*/\1/p')
    [[ $(head -n 1 "$ROOT/packaging/debian/changelog") == "bpipe ($version-"* ]]
}
