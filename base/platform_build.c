/*
 * platform_build.c - see platform_build.h.
 */
#include "base/platform_build.h"

#include <stdio.h> /* a libc header: it brings the macros that name the libc */

#define TEXT(number)    TEXT_OF(number)
#define TEXT_OF(number) #number

#ifdef BPIPE_LINUX
#define SYSTEM "linux"
#else
#define SYSTEM "portable"
#endif

/* uClibc claims to be glibc, too. musl has no macro that names it, but its bits/alltypes.h marks
 * each type that it has defined. */
#if defined(__UCLIBC__)
#define LIBC ", uclibc"
#elif defined(__GLIBC__)
#define LIBC ", glibc " TEXT(__GLIBC__) "." TEXT(__GLIBC_MINOR__)
#elif defined(__BIONIC__)
#define LIBC ", bionic"
#elif defined(__DEFINED_size_t)
#define LIBC ", musl"
#else
#define LIBC ""
#endif

/* clang claims to be gcc, too. */
#if defined(__clang__)
#define COMPILER \
    ", clang " TEXT(__clang_major__) "." TEXT(__clang_minor__) "." TEXT(__clang_patchlevel__)
#elif defined(__GNUC__)
#define COMPILER ", gcc " TEXT(__GNUC__) "." TEXT(__GNUC_MINOR__) "." TEXT(__GNUC_PATCHLEVEL__)
#else
#define COMPILER ""
#endif

const char platform_build[] = SYSTEM LIBC COMPILER;
