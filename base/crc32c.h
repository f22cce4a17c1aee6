/*
 * crc32c.h - CRC-32C (Castagnoli) as iSCSI defines it (RFC 3720, appendix B.4): polynomial
 * 0x1EDC6F41, reflected, initial value all ones, inverted at the end. The CRC of "123456789" is
 * 0xE3069283.
 *
 * It uses the processor's instruction if there is one (x86-64: SSE 4.2, detected at run time; ARM:
 * if the compiler targets it), else tables. The functions are pure. Their only state is the tables,
 * which are made when they are first needed, and the answer of the detection.
 */
#ifndef BPIPE_CRC32C_H
#define BPIPE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* `crc` is the CRC of some bytes (0: of none). Returns the CRC of these bytes followed by `length`
 * more. */
uint32_t crc32c(uint32_t crc, const void *bytes, size_t length);

/* The same, computed with the tables only. The tests compare crc32c() with it. */
uint32_t crc32c_by_tables(uint32_t crc, const void *bytes, size_t length);

#endif
