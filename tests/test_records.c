/*
 * Counting and finding records in spans, against the simplest way to do it.
 */
#include "../records.h"
#include "tap.h"

enum { MOST = 2000 };

static uint64_t random_state;

static size_t below(uint64_t limit)
{
    return (size_t)tap_below(&random_state, limit);
}

struct text {
    unsigned char bytes[MOST];
    size_t length;
    struct ring_span span;
};

/* Some bytes, a few of which end records, in up to two pieces. */
static void make(struct text *text, unsigned rarity)
{
    text->length = below(MOST + 1);
    for (size_t i = 0; i < text->length; i++)
        text->bytes[i] =
            below(rarity) == 0 ? (below(2) == 0 ? '\n' : '\0') : (unsigned char)(1 + below(255));
    size_t first = below(text->length + 1);
    text->span = (struct ring_span){.bytes = text->length};
    if (first > 0)
        text->span.piece[text->span.count++] = (struct iovec){text->bytes, first};
    if (first < text->length)
        text->span.piece[text->span.count++] =
            (struct iovec){text->bytes + first, text->length - first};
}

static bool counts(const struct text *text, enum record_kind kind)
{
    const unsigned char terminator = kind == RECORD_LINE ? '\n' : '\0';
    size_t bytes = below(text->length + 1);
    uint64_t wanted = 0;
    for (size_t i = 0; i < bytes; i++)
        wanted += text->bytes[i] == terminator;
    bool ended, wanted_ended = bytes == 0 || text->bytes[bytes - 1] == terminator;
    return records_count(text->bytes, bytes, kind) == wanted &&
           records_count_span(&text->span, bytes, kind, &ended) == wanted && ended == wanted_ended;
}

static bool finds(const struct text *text, enum record_kind kind)
{
    const unsigned char terminator = kind == RECORD_LINE ? '\n' : '\0';
    uint64_t records = 1 + below(20), left = records;
    size_t wanted = 0;
    while (wanted < text->length && left > 0)
        left -= text->bytes[wanted++] == terminator;
    return records_span(&text->span, kind, records) == wanted;
}

/* The first end of a record at which there are `least` bytes, or all of it. */
static bool reaches(const struct text *text, enum record_kind kind)
{
    const unsigned char terminator = kind == RECORD_LINE ? '\n' : '\0';
    size_t least = below(text->length + 2), wanted = least > 0 ? least : 1;
    while (wanted < text->length && text->bytes[wanted - 1] != terminator)
        wanted++;
    if (wanted > text->length)
        wanted = text->length;
    return records_reaching(&text->span, kind, least) == wanted;
}

static bool splits(const struct text *text, enum record_kind kind)
{
    const unsigned char terminator = kind == RECORD_LINE ? '\n' : '\0';
    size_t first = 0, whole = 0;
    for (size_t i = 0; i < text->length; i++) {
        if (text->bytes[i] != terminator)
            continue;
        whole = i + 1;
        first = first > 0 ? first : whole;
    }
    return records_whole(text->bytes, text->length, kind) == whole &&
           records_first(text->bytes, text->length, kind) == first;
}

int main(void)
{
    random_state = tap_seed();
    unsigned runs = tap_rounds(5000), wrong_counts = 0, wrong_finds = 0;
    unsigned wrong_reaches = 0, wrong_splits = 0;
    for (unsigned i = 0; i < runs; i++) {
        struct text text = {.length = 0};
        make(&text, 1 + (unsigned)below(300));
        enum record_kind kind = below(2) == 0 ? RECORD_LINE : RECORD_NUL;
        wrong_counts += !counts(&text, kind);
        wrong_finds += !finds(&text, kind);
        wrong_reaches += !reaches(&text, kind);
        wrong_splits += !splits(&text, kind);
    }
    tap_ok(wrong_counts == 0, "%u texts: as many records as there are terminators", runs);
    tap_ok(wrong_finds == 0, "%u texts: so many records end there", runs);
    tap_ok(wrong_reaches == 0, "%u texts: whole records of so many bytes at least", runs);
    tap_ok(wrong_splits == 0, "%u texts: the first record, and all that are whole", runs);
    bool ended = false;
    struct ring_span none = {.count = 0};
    tap_ok(records_count("a\nb", 3, RECORD_NONE) == 0 &&
               records_count_span(&none, 0, RECORD_LINE, &ended) == 0 && ended &&
               records_span(&none, RECORD_LINE, 1) == 0,
           "where there is nothing to count");
    return tap_done();
}
