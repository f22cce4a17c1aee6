/*
 * records.h - lines (-l), NUL-terminated records (-0) or datagrams in a stream.
 *
 * What lines and NUL records are is seen in the bytes. Where a datagram ends the ring knows
 * (ring_mark_records()), and tells in its spans; memory that is not in such a ring always holds one
 * datagram, whole. A datagram of no bytes is nowhere: it is counted when it is read, and that is
 * all.
 */
#ifndef BPIPE_RECORDS_H
#define BPIPE_RECORDS_H

#include "base/span.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a record is: what ends with a newline (-l) or a NUL (-0); a datagram, if all INPUTs are UDP
 * and neither is given. */
enum record_kind { RECORD_NONE, RECORD_LINE, RECORD_NUL, RECORD_DATAGRAM };

enum { RECORD_DATAGRAM_SIZE = 65535 }; /* no datagram is longer */

/* Whether limits and sizes (-L, --burst, -s) count records rather than bytes: with -l and -0. */
bool records_are_units(enum record_kind kind);

/* The room that a read needs: that of a datagram is known only when it has been read. */
size_t records_least_room(enum record_kind kind);

/* How many records end in these bytes; 0 for RECORD_NONE. A last one without terminator does not
 * count, as for wc(1). */
uint64_t records_count(const void *memory, size_t bytes, enum record_kind kind);

/* How many records end in the first `bytes` of a span, and whether the last of these bytes ends
 * one. */
uint64_t records_count_span(const struct span *span, size_t bytes, enum record_kind kind,
                            bool *ended);

/* Whether a record ends with the last of the first `bytes` > 0 of a span. */
bool records_ends_span(const struct span *span, size_t bytes, enum record_kind kind);

/* How many bytes the first `records` > 0 of a span take; all of it if it has no more. */
size_t records_span(const struct span *span, enum record_kind kind, uint64_t records);

/* The first bytes of a span up to the end of a record at which there are `least` of them, or more;
 * all of it if no record ends there. */
size_t records_reaching(const struct span *span, enum record_kind kind, size_t least);

/* Whether a record ends with the last of these bytes. */
bool records_ends(const void *memory, size_t bytes, enum record_kind kind);

/* How many of these bytes belong to records that end in them. */
size_t records_whole(const void *memory, size_t bytes, enum record_kind kind);

/* The same of a span. */
size_t records_whole_span(const struct span *span, enum record_kind kind);

/* How many of these bytes the first record takes that ends in them; 0 if none does. */
size_t records_first(const void *memory, size_t bytes, enum record_kind kind);

#endif
