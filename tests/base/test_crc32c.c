/*
 * CRC-32C: the vectors of RFC 3720, tables against the definition, and the processor's instruction
 * (where there is one; else tables again) against tables.
 */
#include "base/crc32c.h"

#include "tests/tap.h"

enum { MOST = 1 << 18 };

static unsigned char text[MOST];

/* Bit by bit, by the polynomial as it is written, not reflected. */
static uint32_t by_definition(uint32_t crc, const unsigned char *bytes, size_t length)
{
    uint32_t sum = 0, answer = 0;
    for (int bit = 0; bit < 32; bit++)
        sum |= (~crc >> bit & 1) << (31 - bit);
    for (size_t i = 0; i < length * 8; i++) {
        uint32_t in = bytes[i / 8] >> i % 8 & 1;
        sum = sum << 1 ^ ((sum >> 31 ^ in) ? UINT32_C(0x1EDC6F41) : 0);
    }
    for (int bit = 0; bit < 32; bit++)
        answer |= (sum >> bit & 1) << (31 - bit);
    return ~answer;
}

static void check_vector(const char *name, const void *bytes, size_t length, uint32_t crc)
{
    uint32_t fast = crc32c(0, bytes, length), slow = crc32c_by_tables(0, bytes, length);
    tap_ok(fast == crc && slow == crc, "%s: %08" PRIx32 ", by tables %08" PRIx32, name, fast, slow);
}

/* RFC 3720, B.4, whose CRCs are written with the least significant byte first. */
static void test_vectors(void)
{
    static const unsigned char read_command[48] = {
        0x01, 0xc0, [16] = 0x14, [22] = 0x04, [27] = 0x14, [31] = 0x18, 0x28, [40] = 0x02};
    unsigned char bytes[32];

    check_vector("nothing", "", 0, 0);
    check_vector("123456789", "123456789", 9, 0xe3069283);
    memset(bytes, 0, sizeof bytes);
    check_vector("32 bytes of zeroes", bytes, sizeof bytes, 0x8a9136aa);
    memset(bytes, 0xff, sizeof bytes);
    check_vector("32 bytes of ones", bytes, sizeof bytes, 0x62a8ab43);
    for (unsigned i = 0; i < sizeof bytes; i++)
        bytes[i] = (unsigned char)i;
    check_vector("32 incrementing bytes", bytes, sizeof bytes, 0x46dd794e);
    for (unsigned i = 0; i < sizeof bytes; i++)
        bytes[i] = (unsigned char)(31 - i);
    check_vector("32 decrementing bytes", bytes, sizeof bytes, 0x113fdb5c);
    check_vector("an iSCSI read command", read_command, sizeof read_command, 0xd9963a56);
}

static void test_tables(void)
{
    unsigned wrong = 0, rounds = tap_rounds(500);
    for (unsigned i = 0; i < rounds; i++) {
        size_t start = below(64), length = below(300);
        uint32_t crc = (uint32_t)tap_random(&random_state);
        wrong +=
            crc32c_by_tables(crc, text + start, length) != by_definition(crc, text + start, length);
    }
    tap_ok(wrong == 0, "tables give what the definition says (%u of %u wrong)", wrong, rounds);
}

/* Every length about the least one for three lanes, and random ones up to many. */
static void test_instruction(void)
{
    unsigned wrong = 0, count = 0;
    for (size_t length = 0; length < 2000; length++, count++) {
        size_t start = below(64);
        uint32_t crc = (uint32_t)tap_random(&random_state);
        wrong += crc32c(crc, text + start, length) != crc32c_by_tables(crc, text + start, length);
    }
    for (unsigned i = 0; i < tap_rounds(1500); i++, count++) {
        size_t start = below(64), length = (size_t)tap_magnitude(&random_state, 18) % (MOST - 64);
        uint32_t crc = (uint32_t)tap_random(&random_state);
        wrong += crc32c(crc, text + start, length) != crc32c_by_tables(crc, text + start, length);
    }
    tap_ok(wrong == 0, "the instruction gives what tables do (%u of %u wrong)", wrong, count);
}

static void test_pieces(void)
{
    unsigned wrong = 0, rounds = tap_rounds(300);
    for (unsigned i = 0; i < rounds; i++) {
        size_t length = (size_t)tap_magnitude(&random_state, 18) % MOST;
        uint32_t crc = 0, tables = 0;
        for (size_t at = 0; at < length;) {
            size_t part = (size_t)tap_magnitude(&random_state, 16) % (length - at) + 1;
            crc = crc32c(crc, text + at, part);
            tables = crc32c_by_tables(tables, text + at, part);
            at += part;
        }
        wrong += crc != crc32c(0, text, length) || crc != tables;
    }
    tap_ok(wrong == 0, "in pieces it is what it is at once (%u of %u wrong)", wrong, rounds);
}

int main(void)
{
    random_state = tap_seed();
    for (size_t i = 0; i < MOST; i++)
        text[i] = (unsigned char)tap_random(&random_state);
    test_vectors();
    test_tables();
    test_instruction();
    test_pieces();
    return tap_done();
}
