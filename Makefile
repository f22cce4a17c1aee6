# bpipe needs GNU make, a C11 compiler and libc. `make help` lists the targets.
#
# Each variant (linux, portable, sanitize) and each compiler has its own directory under build/, so
# that their objects never mix. ./bpipe is a copy of the binary that was made last.

VERSION := $(shell sed -n 's/^\#define BPIPE_VERSION "\(.*\)"/\1/p' options/version.h)

CFLAGS ?= -O2 -g
PREFIX ?= /usr/local
BINDIR ?= $(PREFIX)/bin
MANDIR ?= $(PREFIX)/share/man
DOCDIR ?= $(PREFIX)/share/doc/bpipe
BASHDIR ?= $(PREFIX)/share/bash-completion/completions
ZSHDIR ?= $(PREFIX)/share/zsh/site-functions
FISHDIR ?= $(PREFIX)/share/fish/vendor_completions.d
INSTALL ?= install
INSTALL_PROGRAM = $(INSTALL)
SYSTEM := $(shell uname -s)

# --- the variant ----------------------------------------------------------------------------

ifneq ($(SYSTEM),Linux)
PORTABLE := 1
endif

VARIANT := $(if $(filter 1,$(PORTABLE)),portable,linux)
FLAGS := -std=c11 -D_XOPEN_SOURCE=700 -D_FILE_OFFSET_BITS=64
FLAGS += -fno-math-errno
FLAGS += -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wstrict-prototypes -Wvla
LDLIBS ?= -lm

# Most compilers turn sqrt() into an instruction. --as-needed then saves loading libm at each start.
ifeq ($(SYSTEM),Linux)
LINK_FLAGS := -Wl,--as-needed
endif

ifneq ($(PORTABLE),1)
FLAGS += -DBPIPE_LINUX
endif

ifeq ($(WERROR),1)
FLAGS += -Werror
endif

# The sanitizer build is also the debug build: only there are the assertions compiled in.
ifeq ($(SANITIZE),1)
VARIANT := $(if $(filter 1,$(PORTABLE)),portable-sanitize,sanitize)
SANITIZE_FLAGS := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
# gcc's shared libubsan, next to libasan, writes only to stderr, whatever its log_path says.
ifneq ($(findstring Free Software Foundation,$(shell $(CC) --version)),)
SANITIZE_LINK := -static-libasan -static-libubsan
endif
# In this build of bpipe a check of the tests sees all messages and reports before they are written.
ifeq ($(SYSTEM),Linux)
width_check = $(B)/tests/width.o
WIDTH_LINK := -Wl,--wrap=sink_write
endif
else
NDEBUG := -DNDEBUG
endif

compiler := $(subst $() ,_,$(notdir $(CC)))
B := build/$(VARIANT)-$(compiler)
COMPILE = $(CC) -I. $(FLAGS) $(CPPFLAGS) $(CFLAGS) $(SANITIZE_FLAGS) -MMD -MP
LINK = $(CC) $(CFLAGS) $(LINK_FLAGS) $(SANITIZE_FLAGS) $(SANITIZE_LINK) $(LDFLAGS)

# --- targets --------------------------------------------------------------------------------

folders := base net options io buffer stats process display control loop
sources := $(wildcard *.c $(folders:%=%/*.c))
headers := $(wildcard *.h $(folders:%=%/*.h))
objects := $(sources:%.c=$(B)/%.o)
modules := $(filter-out $(B)/bpipe.o,$(objects))
test_sources := $(wildcard tests/*/test_*.c)
test_programs := $(patsubst %.c,$(B)/tests/%,$(notdir $(test_sources)))
vpath width.c tests/width
vpath test_%.c $(sort $(dir $(test_sources)))
tools := $(patsubst tests/tools/%.c,build/tools/%,$(wildcard tests/tools/*.c))
tool_headers := $(wildcard tests/tools/*.h) tests/random.h
schedule_sources := $(wildcard tests/schedule/*.c)
ifeq ($(SYSTEM),Linux)
shim := build/fault.so build/tools/probe
endif
bench_programs := build/bench/gen build/bench/sink
scripts := tests/run tests/house bench/run .ci/run $(wildcard tests/*.bash tests/*.sh bench/*.bash) \
    completions/generate completions/bpipe.bash \
    packaging/dist packaging/static packaging/deb packaging/try-deb packaging/debian/tests/main-job
bats_files := $(wildcard tests/*/*.bats)
man1_pages := $(wildcard man/*.1)
man5_pages := $(wildcard man/*.5)
man_pages := $(man1_pages) $(man5_pages)

# V=1 shows the commands.
quiet := $(if $(filter 1,$(V)),,@)

.PHONY: all programs check check-long lint install install-strip uninstall clean help FORCE
.DELETE_ON_ERROR:
.SUFFIXES:

all: bpipe

bpipe: $(B)/bpipe FORCE
	@cmp -s $< $@ || { cp $< $@.new && mv -f $@.new $@; }

$(B)/bpipe: $(objects) $(width_check) $(B)/link-command
	@echo '  LINK  $@'
	$(quiet)$(LINK) $(WIDTH_LINK) -o $@ $(objects) $(width_check) $(LDLIBS)

$(objects): $(B)/%.o: %.c $(B)/compile-command
	@echo '  CC    $@'
	$(quiet)$(COMPILE) $(NDEBUG) -c -o $@ $<

# A C test is linked with every module except main(). Its own assertions stay in every variant.
$(test_programs): %: %.o $(modules) $(B)/link-command
	@echo '  LINK  $@'
	$(quiet)$(LINK) -o $@ $< $(modules) $(LDLIBS)

$(test_programs:=.o) $(width_check): $(B)/tests/%.o: %.c $(B)/compile-command
	@echo '  CC    $@'
	$(quiet)$(COMPILE) -c -o $@ $<

# Objects are made again when the command that makes them has changed.
quoted = '$(subst ','\'',$(1))'
$(B)/compile-command: FORCE
	@mkdir -p $(B)/tests $(folders:%=$(B)/%)
	@echo $(call quoted,$(COMPILE) $(NDEBUG)) | cmp -s - $@ || \
	    echo $(call quoted,$(COMPILE) $(NDEBUG)) >$@
$(B)/link-command: FORCE
	@mkdir -p $(B)/tests
	@echo $(call quoted,$(LINK) $(LDLIBS)) | cmp -s - $@ || echo $(call quoted,$(LINK) $(LDLIBS)) >$@

# All variants use the same test tools and fault shim, which are never sanitized. They are static
# where that works: a launcher's own size is the least peak memory that its child can show.
tool_flags := -I. -std=c11 -D_POSIX_C_SOURCE=200809L -O2 -g $(filter -W%,$(FLAGS))
$(tools): build/tools/%: tests/tools/%.c $(tool_headers)
	@mkdir -p build/tools build/obj
	@echo '  TOOL  $@'
	$(quiet)$(CC) $(tool_flags) -c -o build/obj/$*.o $<
	@$(CC) -static -o $@ build/obj/$*.o 2>/dev/null || $(CC) -o $@ build/obj/$*.o

build/tools/schedule: $(schedule_sources) $(wildcard tests/schedule/*.h) $(tool_headers)
	@mkdir -p $(@D)
	@echo '  TOOL  $@'
	$(quiet)$(CC) $(tool_flags) -o $@ $(schedule_sources)

$(bench_programs): build/bench/%: bench/%.c bench/stream.c bench/stream.h $(tool_headers)
	@mkdir -p $(@D)
	@echo '  TOOL  $@'
	$(quiet)$(CC) $(tool_flags) -o $@ $< bench/stream.c $(LDLIBS)

shim_sources := $(addprefix tests/fault/,shim.c plan.c dice.c)
build/fault.so: $(shim_sources) tests/fault/fault.h $(tool_headers)
	@mkdir -p $(@D)
	@echo '  TOOL  $@'
	$(quiet)$(CC) $(filter-out -D%,$(tool_flags)) -U_FORTIFY_SOURCE -fPIC -shared -o $@ $(shim_sources) -ldl

build/tools/probe: tests/fault/probe.c
	@mkdir -p $(@D)
	@echo '  TOOL  $@'
	$(quiet)$(CC) $(filter-out -D%,$(tool_flags)) -o $@ $<

-include $(objects:.o=.d) $(test_programs:=.d) $(width_check:.o=.d)

# --- tests ----------------------------------------------------------------------------------

programs: bpipe $(test_programs) $(tools) build/tools/schedule $(shim)

check check-long: export BPIPE := $(CURDIR)/$(B)/bpipe
check check-long: export BPIPE_BUILD := $(CURDIR)/$(B)
check check-long: export BPIPE_VARIANT := $(VARIANT)
check check-long: export BPIPE_MAKE_VARIABLES := $(MAKEOVERRIDES)
check-long: export TEST_LONG := 1

check check-long: programs
	@tests/run $(TESTS)

# --- benchmarks -----------------------------------------------------------------------------

# CASE="pipe two" runs only these cases; TOOLS="bpipe pv" runs only these tools.
.PHONY: bench bench-quick bench-report
bench bench-quick bench-report: export BPIPE := $(CURDIR)/$(B)/bpipe
bench bench-quick bench-report: export BENCH_BUILD := $(CURDIR)/build/bench
bench bench-quick bench-report: bpipe $(bench_programs) $(tools)
	@bench/run $(patsubst bench-%,--%,$(filter bench-%,$@)) $(CASE)

# --- lint -----------------------------------------------------------------------------------

c_files := $(sources) $(test_sources) $(wildcard bench/*.c) \
    $(wildcard tests/tools/*.c tests/fault/*.c tests/schedule/*.c tests/width/*.c)
all_c_files := $(c_files) $(headers) $(wildcard tests/*.h tests/*/*.h bench/*.h)
tidy_flags = $(filter-out -Werror,$(FLAGS)) -I.

.PHONY: lint-format lint-tidy lint-cppcheck lint-man lint-shell lint-house
lint: lint-format lint-house lint-tidy lint-cppcheck lint-man lint-shell

lint-format:
	@clang-format --dry-run -Werror $(all_c_files)

# Checks includes between folders, circles between objects, and the length of files.
lint-house: $(objects)
	@tests/house $(B)

# The output of clang-tidy is shown only if it finds something, because it also counts warnings that
# it suppressed.
lint-tidy: $(c_files:%=build/lint/%.tidy)
build/lint/%.tidy: % .clang-tidy $(headers) $(wildcard tests/*.h tests/*/*.h bench/*.h)
	@mkdir -p $(@D)
	@clang-tidy --quiet $< -- $(tidy_flags) >$@.out 2>&1 || { cat $@.out; exit 1; }
	@touch $@

# False positives: readdir() and strtok() in a program with one thread, and a value that an earlier
# condition excludes.
cppcheck_wrong := $(addprefix --suppress=,readdirCalled strtokCalled)
cppcheck_wrong += $(addprefix --suppress=,floatConversionOverflow:base/size.c)

lint-cppcheck:
	@cppcheck --quiet --std=c11 --library=posix,gnu --enable=warning,performance,portability \
	    --error-exitcode=1 --inline-suppr $(cppcheck_wrong) -I. $(c_files)

lint-man:
	@$(if $(man_pages),mandoc -Tlint -W warning $(man_pages))

# SC2154: bats sets $status, $output, $stderr. SC2030, SC2031: `run` is a subshell, on purpose.
lint-shell:
	@shellcheck -x $(scripts)
	@$(if $(bats_files),shellcheck -s bats -e SC2154$(comma)SC2030$(comma)SC2031 $(bats_files))
comma := ,

# --- installing -----------------------------------------------------------------------------

user_docs := docs/coming-from.md docs/from-mbuffer.md docs/recipes.md docs/report.md docs/speed.md

install-strip: INSTALL_PROGRAM := $(INSTALL) -s
install-strip: install

install: bpipe
	$(INSTALL) -d $(DESTDIR)$(BINDIR) $(DESTDIR)$(MANDIR)/man1 $(DESTDIR)$(MANDIR)/man5
	$(INSTALL_PROGRAM) -m 755 bpipe $(DESTDIR)$(BINDIR)/bpipe
	$(INSTALL) -m 644 $(man1_pages) $(DESTDIR)$(MANDIR)/man1
	$(INSTALL) -m 644 $(man5_pages) $(DESTDIR)$(MANDIR)/man5
	$(INSTALL) -d $(DESTDIR)$(DOCDIR)/docs
	$(INSTALL) -m 644 README.md LICENSE CHANGELOG.md $(DESTDIR)$(DOCDIR)
	$(INSTALL) -m 644 $(user_docs) $(DESTDIR)$(DOCDIR)/docs
	$(INSTALL) -d $(DESTDIR)$(BASHDIR) $(DESTDIR)$(ZSHDIR) $(DESTDIR)$(FISHDIR)
	$(INSTALL) -m 644 completions/bpipe.bash $(DESTDIR)$(BASHDIR)/bpipe
	$(INSTALL) -m 644 completions/_bpipe $(DESTDIR)$(ZSHDIR)/_bpipe
	$(INSTALL) -m 644 completions/bpipe.fish $(DESTDIR)$(FISHDIR)/bpipe.fish

uninstall:
	rm -f $(DESTDIR)$(BINDIR)/bpipe
	rm -f $(man1_pages:man/%=$(DESTDIR)$(MANDIR)/man1/%) $(man5_pages:man/%=$(DESTDIR)$(MANDIR)/man5/%)
	rm -f $(addprefix $(DESTDIR)$(DOCDIR)/,README.md LICENSE CHANGELOG.md $(user_docs))
	rmdir $(DESTDIR)$(DOCDIR)/docs $(DESTDIR)$(DOCDIR) 2>/dev/null || true
	rm -f $(DESTDIR)$(BASHDIR)/bpipe $(DESTDIR)$(ZSHDIR)/_bpipe $(DESTDIR)$(FISHDIR)/bpipe.fish

# --- something to install -------------------------------------------------------------------

STATIC_MACHINES ?= x86_64 aarch64
tarball := build/dist/bpipe-$(VERSION).tar.gz

.PHONY: dist dist-static deb try-deb
dist:
	@packaging/dist $(VERSION) $(tarball)

dist-static:
	@MAKE='$(MAKE)' packaging/static $(VERSION) $(STATIC_MACHINES)

deb: dist
	@packaging/deb $(VERSION) $(tarball)

try-deb: deb
	@packaging/try-deb "$$(ls build/deb/bpipe_*.deb)"

# --- completions ----------------------------------------------------------------------------

# These files are committed, so that installing only copies. Make them again when --help changes.
.PHONY: completions
completions: bpipe
	./bpipe --help | completions/generate bash >completions/bpipe.bash
	./bpipe --help | completions/generate zsh >completions/_bpipe
	./bpipe --help | completions/generate fish >completions/bpipe.fish

clean:
	rm -rf build bpipe

help:
	@echo 'bpipe $(VERSION). Targets:'
	@echo '  all         ./bpipe (the default)'
	@echo '  check       build and run the tests; TESTS="tests/loop/data.bats ..." runs only these'
	@echo '  check-long  the tests and the long random runs'
	@echo '  bench       bpipe beside its peers; CASE="pipe ring", TOOLS="bpipe pv": only these'
	@echo '  bench-quick a smoke test of that; bench-report writes bench/RESULTS.md'
	@echo '  lint        clang-format, clang-tidy, cppcheck, mandoc, shellcheck, tests/house; quiet when clean'
	@echo '  install     to $$(DESTDIR)$$(PREFIX): the binary, the man pages, README, LICENSE, completions'
	@echo '  install-strip  the same, without the symbols'
	@echo '  uninstall   removes what install put there'
	@echo '  dist        the source tarball, build/dist/bpipe-$(VERSION).tar.gz; builds without git'
	@echo '  dist-static build/dist/bpipe-$(VERSION)-linux-MACHINE for STATIC_MACHINES: static, with musl'
	@echo '  deb         the Debian package, in build/deb; try-deb installs, uses and purges it in a new root'
	@echo '  completions those for bash, zsh and fish, from --help'
	@echo '  clean       removes build/ and ./bpipe'
	@echo 'Variables:'
	@echo '  PORTABLE=1  plain POSIX, without the Linux extras'
	@echo '  SANITIZE=1  with the address and undefined-behaviour sanitizers, and assertions'
	@echo '  WERROR=1    warnings are errors'
	@echo '  V=1         shows the commands'
	@echo '  CC, CPPFLAGS, CFLAGS, LDFLAGS, LDLIBS   as ever; static: CC=musl-gcc LDFLAGS=-static'
	@echo '  PREFIX=$(PREFIX)  BINDIR  MANDIR  DOCDIR  BASHDIR  ZSHDIR  FISHDIR  DESTDIR  INSTALL'
	@echo '  TEST_JOBS=N test files at once (default: cores + 1); TEST_TIMEOUT=SECONDS for each'
	@echo '  BENCH_SIZE=2G  BENCH_RUNS=5  BENCH_DIR=DIRECTORY for files (default: TMPDIR)'
