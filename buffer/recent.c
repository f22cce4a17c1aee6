/*
 * recent.c - see recent.h. A line that is too long is kept from its start, the bytes to
 * their end.
 */
#include "buffer/recent.h"

#include <string.h>

static void keep_bytes(struct recent *recent, const unsigned char *bytes, size_t length)
{
    if (length > RECENT_BYTES) {
        bytes += length - RECENT_BYTES;
        length = RECENT_BYTES;
    }
    size_t kept = recent->written_length;
    if (kept > RECENT_BYTES - length)
        kept = RECENT_BYTES - length;
    memmove(recent->written, recent->written + recent->written_length - kept, kept);
    memcpy(recent->written + kept, bytes, length);
    recent->written_length = kept + length;
}

/* Adds to the line that is open. */
static void extend_line(struct recent *recent, const unsigned char *bytes, size_t length)
{
    size_t room = RECENT_LINE - recent->open_length;
    if (length > room)
        length = room;
    memcpy(recent->open + recent->open_length, bytes, length);
    recent->open_length += length;
}

static void end_line(struct recent *recent)
{
    memcpy(recent->line, recent->open, recent->open_length);
    recent->line_length = recent->open_length;
    recent->open_length = 0;
}

static const unsigned char *find_last(const unsigned char *bytes, size_t length)
{
    while (length > 0 && bytes[length - 1] != '\n')
        length--;
    return length > 0 ? bytes + length - 1 : NULL;
}

/* Only the first line's end, the last one's, and the start of that are looked for. */
static void keep_lines(struct recent *recent, const unsigned char *bytes, size_t length)
{
    const unsigned char *first = memchr(bytes, '\n', length);
    if (first == NULL) {
        extend_line(recent, bytes, length);
        return;
    }
    extend_line(recent, bytes, (size_t)(first - bytes));
    end_line(recent);
    const unsigned char *last = find_last(bytes, length);
    if (last > first) {
        const unsigned char *before = find_last(bytes, (size_t)(last - bytes));
        extend_line(recent, before + 1, (size_t)(last - before - 1));
        end_line(recent);
    }
    extend_line(recent, last + 1, (size_t)(bytes + length - last - 1));
}

void recent_add(struct recent *recent, const struct span *span, size_t bytes)
{
    for (int i = 0; i < span->count && bytes > 0; i++) {
        const unsigned char *base = span->piece[i].iov_base;
        size_t length = span->piece[i].iov_len < bytes ? span->piece[i].iov_len : bytes;
        keep_bytes(recent, base, length);
        keep_lines(recent, base, length);
        bytes -= length;
    }
}
