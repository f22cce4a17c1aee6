/*
 * counted_call.h - the system calls that a report counts.
 *
 * The code that makes such a call counts it in an array, `uint64_t calls[COUNTED_CALLS]`.
 */
#ifndef BPIPE_COUNTED_CALL_H
#define BPIPE_COUNTED_CALL_H

enum counted_call {
    CALL_READ,
    CALL_WRITE,
    CALL_SPLICE, /* bytes not copied by bpipe: splice(2), tee(2), sendfile(2), copy_file_range(2) */
    CALL_POLL,
    COUNTED_CALLS
};

#endif
