/*
 * records.h - lines (-l) or NUL-terminated records (-0) in a stream.
 */
#ifndef BPIPE_RECORDS_H
#define BPIPE_RECORDS_H

#include "options.h"

#include <stddef.h>
#include <stdint.h>

/* How many records end in these bytes; 0 for RECORD_NONE. A last one without terminator does not
 * count, as for wc(1). */
uint64_t records_count(const void *memory, size_t bytes, enum record_kind kind);

#endif
