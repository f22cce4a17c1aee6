/*
 * hint.h - what to do about an error, in a few words at the end of a message.
 */
#ifndef BPIPE_HINT_H
#define BPIPE_HINT_H

/* What failed. */
enum hint_about {
    HINT_CONNECT,     /* connecting without --retry */
    HINT_LISTEN,      /* listening on a port */
    HINT_LOW_PORT,    /* listening on a port below 1024 */
    HINT_FILE,        /* writing a file */
    HINT_ATOMIC_FILE, /* writing a file with --atomic */
};

/* Returns " (--retry tries again)" or the like, for the end of a message about `error` (errno); ""
 * if there is nothing to add. */
const char *hint_for(enum hint_about about, int error);

#endif
