/*
 * Counting and finding records in spans, against the simplest way to do it.
 */
#include "base/records.h"

#include "base/bitmap.h"
#include "tests/tap.h"

enum { MOST = 2000 };

struct text {
    unsigned char bytes[MOST];
    size_t length;
    struct span span;
    bool ends[MOST]; /* a record ends with that byte */
    uint64_t bits[MOST / 64 + 2];
};

/* Some bytes, a few of which end records, in up to two pieces. */
static void make(struct text *text, unsigned rarity)
{
    text->length = below(MOST + 1);
    for (size_t i = 0; i < text->length; i++)
        text->bytes[i] =
            below(rarity) == 0 ? (below(2) == 0 ? '\n' : '\0') : (unsigned char)(1 + below(255));
    size_t first = below(text->length + 1);
    text->span = (struct span){.bytes = text->length};
    if (first > 0)
        text->span.piece[text->span.count++] = (struct iovec){text->bytes, first};
    if (first < text->length)
        text->span.piece[text->span.count++] =
            (struct iovec){text->bytes + first, text->length - first};
}

/* Where records end: with a terminator, or as the ring of a span has it. The pieces of that are
 * the end and the beginning of its memory, so that the first bit is anywhere. */
static void mark(struct text *text, enum record_kind kind, unsigned rarity)
{
    size_t first = text->span.count > 0 ? text->span.piece[0].iov_len : 0;
    size_t index = below(MOST - text->length + 1) + (text->length - first);
    bool wraps = text->span.count == 2;
    for (size_t i = 0; i < text->length; i++)
        text->ends[i] = kind == RECORD_DATAGRAM
                            ? below(rarity) == 0
                            : text->bytes[i] == (kind == RECORD_LINE ? '\n' : '\0');
    if (kind != RECORD_DATAGRAM)
        return;
    memset(text->bits, 0xff, sizeof text->bits);
    text->span.ends = text->bits;
    text->span.index = index;
    for (size_t i = 0; i < text->length; i++) {
        size_t bit = wraps && i >= first ? i - first : index + i;
        bitmap_clear(text->bits, bit, bit + 1);
        if (text->ends[i])
            bitmap_set(text->bits, bit);
    }
}

static bool counts(const struct text *text, enum record_kind kind)
{
    size_t bytes = below(text->length + 1);
    uint64_t wanted = 0;
    for (size_t i = 0; i < bytes; i++)
        wanted += text->ends[i];
    bool ended, wanted_ended = bytes == 0 || text->ends[bytes - 1];
    bool same = kind == RECORD_DATAGRAM || records_count(text->bytes, bytes, kind) == wanted;
    same &= bytes == 0 || records_ends_span(&text->span, bytes, kind) == wanted_ended;
    return same && records_count_span(&text->span, bytes, kind, &ended) == wanted &&
           ended == wanted_ended;
}

static bool finds(const struct text *text, enum record_kind kind)
{
    uint64_t records = 1 + below(20), left = records;
    size_t wanted = 0;
    while (wanted < text->length && left > 0)
        left -= text->ends[wanted++];
    return records_span(&text->span, kind, records) == wanted;
}

/* The first end of a record at which there are `least` bytes, or all of it. */
static bool reaches(const struct text *text, enum record_kind kind)
{
    size_t least = below(text->length + 2), wanted = least > 0 ? least : 1;
    while (wanted < text->length && !text->ends[wanted - 1])
        wanted++;
    if (wanted > text->length)
        wanted = text->length;
    return records_reaching(&text->span, kind, least) == wanted;
}

static bool splits(const struct text *text, enum record_kind kind)
{
    size_t first = 0, whole = 0;
    for (size_t i = 0; i < text->length; i++) {
        if (!text->ends[i])
            continue;
        whole = i + 1;
        first = first > 0 ? first : whole;
    }
    if (records_whole_span(&text->span, kind) != whole)
        return false;
    if (kind == RECORD_DATAGRAM)
        return text->length == 0 ||
               records_reaching(&text->span, kind, 0) == (first > 0 ? first : text->length);
    return records_whole(text->bytes, text->length, kind) == whole &&
           records_first(text->bytes, text->length, kind) == first;
}

/* Not in a ring: one datagram, whole. */
static void test_datagram(void)
{
    char bytes[] = "a\nbcd";
    struct span span = {.piece = {{bytes, 2}, {bytes + 2, 3}}, .count = 2, .bytes = 5};
    bool ended = false;
    tap_ok(records_count(bytes, 5, RECORD_DATAGRAM) == 1 &&
               records_count("", 0, RECORD_DATAGRAM) == 0 &&
               records_ends(bytes, 5, RECORD_DATAGRAM) &&
               records_whole(bytes, 5, RECORD_DATAGRAM) == 5 &&
               records_first(bytes, 5, RECORD_DATAGRAM) == 5,
           "bytes in memory are one datagram");
    tap_ok(records_count_span(&span, 5, RECORD_DATAGRAM, &ended) == 1 && ended &&
               records_count_span(&span, 4, RECORD_DATAGRAM, &ended) == 0 && !ended &&
               records_count_span(&span, 2, RECORD_DATAGRAM, &ended) == 0 && !ended &&
               records_span(&span, RECORD_DATAGRAM, 1) == 5 &&
               records_reaching(&span, RECORD_DATAGRAM, 1) == 5 &&
               records_whole_span(&span, RECORD_DATAGRAM) == 5 &&
               records_ends_span(&span, 5, RECORD_DATAGRAM) &&
               !records_ends_span(&span, 2, RECORD_DATAGRAM),
           "a span counts the datagrams that end in it");
    tap_ok(!records_are_units(RECORD_DATAGRAM) && records_are_units(RECORD_LINE) &&
               records_least_room(RECORD_DATAGRAM) == 65535 && records_least_room(RECORD_NUL) == 1,
           "datagrams are no unit of limits, and need room for the longest");
}

int main(void)
{
    random_state = tap_seed();
    unsigned runs = tap_rounds(5000), wrong_counts = 0, wrong_finds = 0;
    unsigned wrong_reaches = 0, wrong_splits = 0;
    for (unsigned i = 0; i < runs; i++) {
        struct text text = {.length = 0};
        static const enum record_kind kinds[] = {RECORD_LINE, RECORD_NUL, RECORD_DATAGRAM};
        unsigned rarity = 1 + (unsigned)below(300);
        enum record_kind kind = kinds[below(3)];
        make(&text, rarity);
        mark(&text, kind, rarity);
        wrong_counts += !counts(&text, kind);
        wrong_finds += !finds(&text, kind);
        wrong_reaches += !reaches(&text, kind);
        wrong_splits += !splits(&text, kind);
    }
    tap_ok(wrong_counts == 0, "%u texts: as many records as there are terminators", runs);
    tap_ok(wrong_finds == 0, "%u texts: the number of records that end there", runs);
    tap_ok(wrong_reaches == 0, "%u texts: the whole records that have a given number of bytes",
           runs);
    tap_ok(wrong_splits == 0, "%u texts: the first record, and all that are whole", runs);
    test_datagram();
    bool ended = false;
    struct span none = {.count = 0};
    tap_ok(records_count("a\nb", 3, RECORD_NONE) == 0 &&
               records_count_span(&none, 0, RECORD_LINE, &ended) == 0 && ended &&
               records_span(&none, RECORD_LINE, 1) == 0,
           "there is nothing to count");
    return tap_done();
}
