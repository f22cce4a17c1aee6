/*
 * pipe_rest.c - see pipe_rest.h.
 */
#include "io/pipe_rest.h"

#include "base/platform.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

enum { PART = 16384 };

static bool has_reader(int writer)
{
    struct pollfd watch = {.fd = writer};
    return poll(&watch, 1, 0) < 0 || (watch.revents & POLLERR) == 0;
}

/* Reads the pipe until it is empty, and counts the bytes and the records. Returns 0, or -1 if the
 * pipe cannot be read. */
static int count(int writer, enum record_kind kind, struct pipe_rest *rest)
{
    char part[PART];
    ssize_t got;
    int reader = platform_reopen(writer, O_RDONLY | O_NONBLOCK);
    if (reader < 0)
        return -1;
    rest->bytes = 0;
    while ((got = read(reader, part, sizeof part)) > 0 || (got < 0 && errno == EINTR)) {
        if (got < 0)
            continue;
        rest->bytes += got;
        rest->records += records_count(part, (size_t)got, kind);
    }
    (void)close(reader);
    return 0;
}

struct pipe_rest pipe_rest_of_writer(int writer, enum record_kind kind)
{
    struct pipe_rest rest = {.bytes = platform_unread(writer)};
    if (rest.bytes <= 0 || kind == RECORD_DATAGRAM || has_reader(writer))
        return rest;
    rest.lost = kind == RECORD_NONE || count(writer, kind, &rest) == 0;
    return rest;
}

struct pipe_rest pipe_rest_of_witness(int witness, enum record_kind kind)
{
    struct pipe_rest rest = {.bytes = platform_unread(witness)};
    int writer = rest.bytes > 0 ? platform_reopen(witness, O_WRONLY | O_NONBLOCK) : -1;
    (void)close(witness); /* or this would be a reader */
    if (writer < 0)
        return rest;
    rest = pipe_rest_of_writer(writer, kind);
    (void)close(writer);
    return rest;
}
