/*
 * crc32c.c - see crc32c.h. Only this file knows the differences between processors. It selects the
 * code for a processor at one place, in the middle; the code below that place is the same for all.
 *
 * Inside, a CRC is the register of the algorithm: it is inverted only at the beginning and at the
 * end.
 */
#include "base/crc32c.h"

#include <stdbool.h>
#include <string.h>

#define POLYNOMIAL UINT32_C(0x82f63b78) /* reflected: bit 31 is the coefficient of x^0 */

/* --- by tables -------------------------------------------------------------------------------- */

/* slice[n][b] is the CRC of a byte b followed by n zero bytes, so that eight bytes can be looked up
 * at once. The tables are made when they are first needed: 8 KiB are a lot for a binary. */
enum { SLICES = 8 };
static uint32_t slice[SLICES][256];

static void make_slices(void)
{
    for (uint32_t byte = 0; byte < 256; byte++) {
        uint32_t crc = byte;
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (POLYNOMIAL & (0 - (crc & 1)));
        slice[0][byte] = crc;
    }
    for (int n = 1; n < SLICES; n++)
        for (int byte = 0; byte < 256; byte++)
            slice[n][byte] = slice[n - 1][byte] >> 8 ^ slice[0][slice[n - 1][byte] & 0xff];
}

static uint32_t tabled(uint32_t crc, const unsigned char *byte, size_t length)
{
    if (slice[0][1] == 0)
        make_slices();
    for (; length >= SLICES; length -= SLICES, byte += SLICES) {
        crc ^= (uint32_t)byte[0] | (uint32_t)byte[1] << 8 | (uint32_t)byte[2] << 16 |
               (uint32_t)byte[3] << 24;
        crc = slice[7][crc & 0xff] ^ slice[6][crc >> 8 & 0xff] ^ slice[5][crc >> 16 & 0xff] ^
              slice[4][crc >> 24] ^ slice[3][byte[4]] ^ slice[2][byte[5]] ^ slice[1][byte[6]] ^
              slice[0][byte[7]];
    }
    for (; length > 0; length--)
        crc = crc >> 8 ^ slice[0][(crc ^ *byte++) & 0xff];
    return crc;
}

/* --- by the processor ------------------------------------------------------------------------- */

#if defined __x86_64__

#include <cpuid.h>
#include <nmmintrin.h>

/* Code compiled with this may be called only if has_instruction(). */
#define WITH_INSTRUCTION __attribute__((target("sse4.2")))

/* It asks the processor only once: on a virtual processor, asking takes long.
 * (__builtin_cpu_supports() asks for all features at each start, and adds 4 KiB.) */
static bool has_instruction(void)
{
    static enum { UNKNOWN, NO, YES } answer;
    if (answer == UNKNOWN) {
        unsigned eax, ebx, ecx, edx;
        answer = __get_cpuid(1, &eax, &ebx, &ecx, &edx) && (ecx & bit_SSE4_2) != 0 ? YES : NO;
    }
    return answer == YES;
}

static inline uint64_t word_at(const unsigned char *byte)
{
    uint64_t word;
    memcpy(&word, byte, sizeof word);
    return word;
}

/*
 * The instruction has a latency of three cycles, but a new one can start in each cycle. So three
 * lanes, which follow each other in memory, are processed at once. `behind[i]` appends i + 1 lanes
 * of zeros to a CRC: it is x^(8 * (i + 1) * LANE - 33) modulo the polynomial, reflected. A product
 * with it, taken into a register of 0, is a product with x^33 more.
 */
struct lanes {
    size_t length;
    uint32_t behind[2];
};
static const struct lanes lanes[] = {
    {4096, {0x82f89c77, 0x54a86326}},
    {1024, {0x170076fa, 0xa51b6135}},
    {256, {0xb9e02b86, 0xdd7e3b0c}},
};

/* The carry-less product. (Not every processor with the CRC instruction has one for this, and it is
 * needed only twice in 12 KiB.) */
static uint64_t product(uint32_t a, uint32_t b)
{
    uint64_t sum = 0;
    for (int bit = 0; bit < 32; bit++)
        sum ^= (uint64_t)(b & (0 - (a >> bit & 1))) << bit;
    return sum;
}

WITH_INSTRUCTION static uint64_t three_lanes(uint64_t crc, const unsigned char *byte,
                                             const struct lanes *lane)
{
    uint64_t crc1 = 0, crc2 = 0;
    size_t length = lane->length;
    for (const unsigned char *end = byte + length; byte < end; byte += sizeof(uint64_t)) {
        crc = _mm_crc32_u64(crc, word_at(byte));
        crc1 = _mm_crc32_u64(crc1, word_at(byte + length));
        crc2 = _mm_crc32_u64(crc2, word_at(byte + 2 * length));
    }
    uint64_t sum =
        product((uint32_t)crc, lane->behind[1]) ^ product((uint32_t)crc1, lane->behind[0]);
    return crc2 ^ _mm_crc32_u64(0, sum);
}

WITH_INSTRUCTION static uint32_t instructed(uint32_t crc, const unsigned char *byte, size_t length)
{
    uint64_t crc64 = crc;
    for (size_t i = 0; i < sizeof lanes / sizeof *lanes; i++) {
        size_t part = 3 * lanes[i].length;
        for (; length >= part; length -= part, byte += part)
            crc64 = three_lanes(crc64, byte, &lanes[i]);
    }
    for (; length >= sizeof(uint64_t); length -= sizeof(uint64_t), byte += sizeof(uint64_t))
        crc64 = _mm_crc32_u64(crc64, word_at(byte));
    crc = (uint32_t)crc64;
    for (; length > 0; length--)
        crc = _mm_crc32_u8(crc, *byte++);
    return crc;
}

#elif defined __ARM_FEATURE_CRC32 && !defined __ARM_BIG_ENDIAN

#include <arm_acle.h>

static bool has_instruction(void)
{
    return true;
}

static uint32_t instructed(uint32_t crc, const unsigned char *byte, size_t length)
{
    for (uint64_t word; length >= sizeof word; length -= sizeof word, byte += sizeof word) {
        memcpy(&word, byte, sizeof word);
        crc = __crc32cd(crc, word);
    }
    for (; length > 0; length--)
        crc = __crc32cb(crc, *byte++);
    return crc;
}

#else

static bool has_instruction(void)
{
    return false;
}

static uint32_t instructed(uint32_t crc, const unsigned char *byte, size_t length)
{
    return tabled(crc, byte, length);
}

#endif

/* --- either ----------------------------------------------------------------------------------- */

uint32_t crc32c_by_tables(uint32_t crc, const void *bytes, size_t length)
{
    return ~tabled(~crc, bytes, length);
}

uint32_t crc32c(uint32_t crc, const void *bytes, size_t length)
{
    return has_instruction() ? ~instructed(~crc, bytes, length) : ~tabled(~crc, bytes, length);
}
