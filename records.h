/*
 * records.h - lines (-l) or NUL-terminated records (-0) in a stream.
 */
#ifndef BPIPE_RECORDS_H
#define BPIPE_RECORDS_H

#include "options.h"
#include "ring.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How many records end in these bytes; 0 for RECORD_NONE. A last one without terminator does not
 * count, as for wc(1). */
uint64_t records_count(const void *memory, size_t bytes, enum record_kind kind);

/* How many records end in the first `bytes` of a span, and whether the last of these bytes ends
 * one. */
uint64_t records_count_span(const struct ring_span *span, size_t bytes, enum record_kind kind,
                            bool *ended);

/* How many bytes the first `records` > 0 of a span take; all of it if it has no more. */
size_t records_span(const struct ring_span *span, enum record_kind kind, uint64_t records);

#endif
