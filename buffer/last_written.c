/*
 * last_written.c - see last_written.h. Of a line that is too long the start is kept, of the bytes
 * the end.
 */
#include "buffer/last_written.h"

#include <string.h>

static void keep_bytes(struct last_written *last_written, const unsigned char *bytes, size_t length)
{
    if (length > LAST_WRITTEN_BYTES) {
        bytes += length - LAST_WRITTEN_BYTES;
        length = LAST_WRITTEN_BYTES;
    }
    size_t kept = last_written->written_length;
    if (kept > LAST_WRITTEN_BYTES - length)
        kept = LAST_WRITTEN_BYTES - length;
    memmove(last_written->written, last_written->written + last_written->written_length - kept,
            kept);
    memcpy(last_written->written + kept, bytes, length);
    last_written->written_length = kept + length;
}

/* Adds to the unfinished line. */
static void extend_line(struct last_written *last_written, const unsigned char *bytes,
                        size_t length)
{
    size_t room = LAST_WRITTEN_LINE - last_written->open_length;
    if (length > room)
        length = room;
    memcpy(last_written->open + last_written->open_length, bytes, length);
    last_written->open_length += length;
}

static void end_line(struct last_written *last_written)
{
    memcpy(last_written->line, last_written->open, last_written->open_length);
    last_written->line_length = last_written->open_length;
    last_written->open_length = 0;
}

static const unsigned char *find_last(const unsigned char *bytes, size_t length)
{
    while (length > 0 && bytes[length - 1] != '\n')
        length--;
    return length > 0 ? bytes + length - 1 : NULL;
}

/* Looks only for the end of the first line, and for the start and the end of the last whole
 * line. */
static void keep_lines(struct last_written *last_written, const unsigned char *bytes, size_t length)
{
    const unsigned char *first = memchr(bytes, '\n', length);
    if (first == NULL) {
        extend_line(last_written, bytes, length);
        return;
    }
    extend_line(last_written, bytes, (size_t)(first - bytes));
    end_line(last_written);
    const unsigned char *last = find_last(bytes, length);
    if (last > first) {
        const unsigned char *before = find_last(bytes, (size_t)(last - bytes));
        extend_line(last_written, before + 1, (size_t)(last - before - 1));
        end_line(last_written);
    }
    extend_line(last_written, last + 1, (size_t)(bytes + length - last - 1));
}

void last_written_add(struct last_written *last_written, const struct span *span, size_t bytes)
{
    for (int i = 0; i < span->count && bytes > 0; i++) {
        const unsigned char *base = span->piece[i].iov_base;
        size_t length = span->piece[i].iov_len < bytes ? span->piece[i].iov_len : bytes;
        keep_bytes(last_written, base, length);
        keep_lines(last_written, base, length);
        bytes -= length;
    }
}
