/*
 * platform_build.h - how this binary was made, for --version.
 *
 * It depends on the compiler, the libc's headers and BPIPE_LINUX only. It has no date, no path and
 * no host name, so that the same sources always give the same bytes.
 */
#ifndef BPIPE_PLATFORM_BUILD_H
#define BPIPE_PLATFORM_BUILD_H

/* "linux, glibc 2.36, gcc 12.2.0": the variant (platform_name), the libc and the compiler. The libc
 * or the compiler is left out if nothing tells it. */
extern const char platform_build[];

#endif
