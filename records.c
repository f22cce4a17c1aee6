/*
 * records.c - see records.h.
 */
#include "records.h"

#include <string.h>

/* A count of this many bytes fits in one byte: compilers then compare and add 16 bytes in two
 * instructions (measured: 9 to 15 times the speed of counting in 64 bits), even if they only do so
 * where the length is fixed, as gcc -O2 does. A multiple of every vector's length. */
enum { BLOCK = 192 };

static unsigned char count_block(const unsigned char block[BLOCK], unsigned char terminator)
{
    unsigned char count = 0;
    for (int i = 0; i < BLOCK; i++)
        count = (unsigned char)(count + (block[i] == terminator));
    return count;
}

static unsigned char terminator_of(enum record_kind kind)
{
    return kind == RECORD_LINE ? '\n' : '\0';
}

uint64_t records_count(const void *memory, size_t bytes, enum record_kind kind)
{
    if (kind == RECORD_NONE)
        return 0;
    const unsigned char *byte = memory, *end = byte + bytes;
    const unsigned char terminator = terminator_of(kind);
    uint64_t count = 0;
    for (; (size_t)(end - byte) >= BLOCK; byte += BLOCK)
        count += count_block(byte, terminator);
    for (; byte < end; byte++)
        count += *byte == terminator;
    return count;
}

uint64_t records_count_span(const struct ring_span *span, size_t bytes, enum record_kind kind,
                            bool *ended)
{
    uint64_t count = 0;
    *ended = true;
    for (int i = 0; i < span->count && bytes > 0 && kind != RECORD_NONE; i++) {
        const unsigned char *piece = span->piece[i].iov_base;
        size_t length = span->piece[i].iov_len < bytes ? span->piece[i].iov_len : bytes;
        count += records_count(piece, length, kind);
        *ended = piece[length - 1] == terminator_of(kind);
        bytes -= length;
    }
    return count;
}

size_t records_span(const struct ring_span *span, enum record_kind kind, uint64_t records)
{
    size_t before = 0;
    for (int i = 0; i < span->count; i++) {
        const unsigned char *start = span->piece[i].iov_base;
        const unsigned char *end = start + span->piece[i].iov_len, *next = start;
        while (next < end && records > 0) {
            const unsigned char *found = memchr(next, terminator_of(kind), (size_t)(end - next));
            next = found == NULL ? end : found + 1;
            records -= found != NULL;
        }
        before += (size_t)(next - start);
        if (records == 0)
            break;
    }
    return before;
}

size_t records_reaching(const struct ring_span *span, enum record_kind kind, size_t least)
{
    size_t before = 0; /* in the pieces that were passed */
    for (int i = 0; i < span->count; i++) {
        const unsigned char *piece = span->piece[i].iov_base;
        size_t length = span->piece[i].iov_len;
        size_t from = least > before + 1 ? least - before - 1 : 0; /* may end the record already */
        size_t ended = from < length ? records_first(piece + from, length - from, kind) : 0;
        if (ended > 0)
            return before + from + ended;
        before += length;
    }
    return before;
}

bool records_ends(const void *memory, size_t bytes, enum record_kind kind)
{
    return kind != RECORD_NONE && ((const unsigned char *)memory)[bytes - 1] == terminator_of(kind);
}

size_t records_whole(const void *memory, size_t bytes, enum record_kind kind)
{
    const unsigned char *byte = memory;
    while (bytes > 0 && byte[bytes - 1] != terminator_of(kind))
        bytes--;
    return bytes;
}

size_t records_whole_span(const struct ring_span *span, enum record_kind kind)
{
    size_t before = span->bytes;
    for (int i = span->count - 1; i >= 0; i--) {
        before -= span->piece[i].iov_len;
        size_t whole = records_whole(span->piece[i].iov_base, span->piece[i].iov_len, kind);
        if (whole > 0)
            return before + whole;
    }
    return 0;
}

size_t records_first(const void *memory, size_t bytes, enum record_kind kind)
{
    const unsigned char *found = memchr(memory, terminator_of(kind), bytes);
    return found == NULL ? 0 : (size_t)(found - (const unsigned char *)memory) + 1;
}
