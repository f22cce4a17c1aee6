/*
 * version.h - the version, and where to report bugs. --version, `make dist` and the packages take
 * them from here.
 */
#ifndef BPIPE_VERSION_H
#define BPIPE_VERSION_H

#define BPIPE_VERSION "0.2.0"

/* A project without a public address has to name its issue tracker; put the address here once there
 * is one. */
#define BPIPE_BUGS "bpipe's issue tracker, with these lines"

#endif
