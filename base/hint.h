/*
 * hint.h - what to do about an error, or what it has left behind.
 */
#ifndef BPIPE_HINT_H
#define BPIPE_HINT_H

/* What failed. */
enum hint_about {
    HINT_CONNECT,  /* connecting without --retry */
    HINT_LISTEN,   /* listening on a port */
    HINT_LOW_PORT, /* listening on a port below 1024 */
    HINT_FILE,     /* writing a file without --atomic */
};

/* Returns what to add to a message about `error` (errno): " (--retry tries again)" or the like, for
 * its end; for files "is incomplete" or the like, for a message of its own; "" for nothing. */
const char *hint_for(enum hint_about about, int error);

#endif
