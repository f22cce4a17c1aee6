/*
 * record_index.h - how many records end before a position in a ring.
 *
 * Records are counted once, when their bytes enter the ring. The index keeps the count at the end
 * of each block of the stream. The count at a reader's position is the count at the end of the
 * block that contains the position, minus the records that end between the position and that end:
 *
 *     tail          cursor      block end                        head
 *      |              |.... scan ....|                             |
 *     -+--------------+--------------+--------------+--------------+-
 *                           count kept here     and here      and `records`
 *
 * The scanned bytes are in the ring, because the reader has not consumed them. They are scanned
 * only when a count is asked for (a frame of the live line, a report), never to move bytes.
 *
 * A block has RECORD_INDEX_LEAST_BLOCK bytes. If the ring would have more than RECORD_INDEX_BLOCKS
 * blocks of that size, a block has more bytes, a power of two. So a count costs a scan of 64 KiB,
 * or of a thousandth of the ring. The memory is RECORD_INDEX_BLOCKS numbers, allocated once.
 *
 * base/records.h says what counts as the end of a record: a last record without a terminator has no
 * end. Pure: memory only.
 */
#ifndef BPIPE_RECORD_INDEX_H
#define BPIPE_RECORD_INDEX_H

#include "options/options.h"
#include "ring.h"

#include <stddef.h>
#include <stdint.h>

enum { RECORD_INDEX_BLOCKS = 1024, RECORD_INDEX_LEAST_BLOCK = 64 * 1024 };

struct record_index {
    const struct ring *ring;
    enum record_kind kind; /* RECORD_NONE: nothing is counted, and every answer is 0 */
    uint64_t position;     /* bytes before it were counted: the ring's head */
    uint64_t records;      /* records that end before `position` */
    uint64_t *at_end;      /* the count at the end of block number b, at [b % count] */
    size_t count;
    unsigned shift; /* a block has 1 << shift bytes */
};

/* For a ring that no byte has entered yet. The ring must outlive the index. Returns 0, or -1 with
 * errno ENOMEM and nothing allocated. */
int record_index_init(struct record_index *index, const struct ring *ring, enum record_kind kind);
void record_index_destroy(struct record_index *index); /* harmless on a zeroed index */

/* The newest `bytes` of the ring are new to the index, and none has been consumed. Returns how many
 * records end in them. Call it for every byte that enters the ring. */
uint64_t record_index_entered(struct record_index *index, size_t bytes);

/* The newest `bytes` of the ring are about to be taken back (ring_retract()). */
void record_index_retracting(struct record_index *index, size_t bytes);

/* How many records end before the cursor of an attached reader. */
uint64_t record_index_before(const struct record_index *index, size_t reader);

#endif
