/*
 * crc32c.h - CRC-32C (Castagnoli), as iSCSI has it (RFC 3720, appendix B.4): polynomial 0x1EDC6F41,
 * reflected, begun with all ones and inverted at the end. Of "123456789" it is 0xE3069283.
 *
 * Takes the processor's instruction where there is one (x86-64: SSE 4.2, found out when it runs;
 * ARM: what it is compiled for), else tables. Pure; no state but those tables, which are made when
 * they are first needed.
 */
#ifndef BPIPE_CRC32C_H
#define BPIPE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* The CRC of what `crc` is the CRC of (0: of nothing) with `length` bytes behind it. */
uint32_t crc32c(uint32_t crc, const void *bytes, size_t length);

/* The same by tables alone: what the tests compare it with. */
uint32_t crc32c_by_tables(uint32_t crc, const void *bytes, size_t length);

#endif
