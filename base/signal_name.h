/*
 * signal_name.h - the names of signals, for messages.
 */
#ifndef BPIPE_SIGNAL_NAME_H
#define BPIPE_SIGNAL_NAME_H

/* The name of a signal that POSIX defines (signal.h): "SIGKILL". NULL: it defines none with this
 * number. */
const char *signal_name(int number);

#endif
