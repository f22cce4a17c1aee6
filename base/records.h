/*
 * records.h - lines (-l), NUL-terminated records (-0) or datagrams in a stream.
 *
 * The bytes show where a line or a NUL record ends. The ring knows where a datagram ends
 * (ring_mark_records()), and its spans say so. Memory that is not in such a ring always holds
 * exactly one whole datagram. An empty datagram is never stored: it is only counted when it is
 * read.
 */
#ifndef BPIPE_RECORDS_H
#define BPIPE_RECORDS_H

#include "base/span.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a record is: bytes that end with a newline (-l) or a NUL (-0); a datagram, if all INPUTs are
 * UDP and neither option is given. */
enum record_kind { RECORD_NONE, RECORD_LINE, RECORD_NUL, RECORD_DATAGRAM };

enum { RECORD_DATAGRAM_SIZE = 65535 }; /* no datagram is longer */

/* Whether limits and sizes (-L, --burst, -s) count records rather than bytes: true with -l and
 * -0. */
bool records_are_units(enum record_kind kind);

/* The least room that a read needs. For datagrams it is the greatest length, because a datagram's
 * length is known only after it has been read. */
size_t records_least_room(enum record_kind kind);

/* How many records end in these bytes; 0 for RECORD_NONE. As with wc(1), a last record without a
 * terminator does not count. */
uint64_t records_count(const void *memory, size_t bytes, enum record_kind kind);

/* How many records end in the first `bytes` of a span. *ended tells whether the last of these bytes
 * ends a record; it is true if no byte was examined (`bytes` is 0, or RECORD_NONE). */
uint64_t records_count_span(const struct span *span, size_t bytes, enum record_kind kind,
                            bool *ended);

/* Whether a record ends with the last of the first `bytes` > 0 of a span. */
bool records_ends_span(const struct span *span, size_t bytes, enum record_kind kind);

/* The length in bytes of the first `records` > 0 of a span; of the whole span if it has no more. */
size_t records_span(const struct span *span, enum record_kind kind, uint64_t records);

/* The length of the shortest start of a span that ends with a record and has at least `least`
 * bytes; of the whole span if no record ends there. */
size_t records_reaching(const struct span *span, enum record_kind kind, size_t least);

/* Whether a record ends with the last of these bytes. */
bool records_ends(const void *memory, size_t bytes, enum record_kind kind);

/* How many of these bytes belong to records that end among them. */
size_t records_whole(const void *memory, size_t bytes, enum record_kind kind);

/* The same for a span. */
size_t records_whole_span(const struct span *span, enum record_kind kind);

/* The length in bytes of the first record that ends in these bytes; 0 if none ends there. */
size_t records_first(const void *memory, size_t bytes, enum record_kind kind);

#endif
