/*
 * torn.c - see torn.h.
 */
#include "torn.h"

#include <string.h>

/* How many of a source's bytes come after its last terminator. */
static size_t tail_of(const struct torn *torn, size_t source)
{
    int terminator = plan_terminator(torn->plan);
    size_t tail = 0;

    while (tail < torn->came[source] &&
           torn->all->sources[source][torn->came[source] - tail - 1] != terminator)
        tail++;
    return tail;
}

/* Takes the torn record of a source out of `left`; without --merge it may begin in an earlier
 * source. Returns its bytes. */
static size_t take_out(const struct torn *torn, size_t source, size_t left[MOST_SOURCES])
{
    size_t bytes = 0;

    for (size_t i = source + 1; i-- > 0;) {
        size_t tail = tail_of(torn, i);
        if (tail > left[i] || left[i] != torn->came[i])
            break;
        left[i] -= tail;
        bytes += tail;
        if (tail < torn->came[i] || torn->plan->merge || (i > 0 && torn->may_tear[i - 1]))
            break;
    }
    return bytes;
}

/* Takes the torn records of the sources in `chosen`, a bit for each, out of `left`. */
static size_t take_out_all(const struct torn *torn, unsigned chosen, size_t left[MOST_SOURCES])
{
    size_t bytes = 0;

    for (size_t i = 0; i < torn->plan->source_count; i++) {
        left[i] = torn->came[i];
        if ((chosen >> i & 1) != 0)
            bytes += take_out(torn, i, left);
    }
    return bytes;
}

static bool may_choose(const struct torn *torn, unsigned chosen)
{
    for (size_t i = 0; i < torn->plan->source_count; i++)
        if ((chosen >> i & 1) != 0 && !torn->may_tear[i])
            return false;
    return true;
}

/* Whether the output is honest if the torn records in `chosen` were withheld. */
static bool chosen_explain(const struct torn *torn, unsigned chosen, enum match_kind kind,
                           const unsigned char *bytes, size_t size, struct input *kept)
{
    struct match match;
    size_t left[MOST_SOURCES];

    take_out_all(torn, chosen, left);
    input_cut(kept, torn->plan, torn->all, left);
    match_output(&match, torn->plan, kept, kind, bytes, size);
    if (match.complaint[0] == '\0')
        return true;
    input_free(kept);
    *kept = (struct input){0};
    return false;
}

uint64_t torn_explain(const struct torn *torn, uint64_t undelivered, enum match_kind kind,
                      const unsigned char *bytes, size_t size, struct input *kept)
{
    int passes = kind == MATCH_BEGINNING || kind == MATCH_TAP_BEGINNING ? 2 : 1;
    size_t left[MOST_SOURCES];

    *kept = (struct input){0};
    for (int pass = 1; pass <= passes; pass++)
        for (unsigned chosen = 1; chosen < 1U << torn->plan->source_count; chosen++) {
            uint64_t withheld = take_out_all(torn, chosen, left);
            if (may_choose(torn, chosen) && withheld > 0 &&
                (pass == 1 ? withheld == undelivered : withheld < undelivered) &&
                chosen_explain(torn, chosen, kind, bytes, size, kept))
                return withheld;
        }
    return 0;
}

bool torn_were_dropped(const struct torn *torn, enum match_kind kind, const unsigned char *bytes,
                       size_t size, struct input *kept)
{
    struct match match;
    size_t end = 0;
    bool any = false;

    input_cut(kept, torn->plan, torn->all, torn->came);
    for (size_t i = 0; i + 1 < torn->plan->source_count; i++) {
        end += torn->came[i];
        if (torn->may_tear[i] && input_end_record(kept, end))
            any = true;
    }
    if (any) {
        match_output(&match, torn->plan, kept, kind, bytes, size);
        if (match.complaint[0] == '\0')
            return true;
    }
    input_free(kept);
    *kept = (struct input){0};
    return false;
}

bool torn_is_in(const struct torn *torn, size_t source, const unsigned char *bytes, size_t size)
{
    size_t tail = tail_of(torn, source), begin = torn->came[source] - tail;
    const unsigned char *record = torn->all->sources[source] + begin;
    int terminator = plan_terminator(torn->plan);

    if (tail == 0 || (begin == 0 && source > 0 && !torn->plan->merge))
        return false; /* there is none, or it began in an earlier source */
    bool is_numbered = memchr(record, ':', tail) != NULL;
    for (size_t at = 0; at + tail <= size; at++) {
        bool begins = at == 0 || bytes[at - 1] == terminator;
        bool ends = is_numbered || at + tail == size || bytes[at + tail] == terminator;
        if (begins && ends && memcmp(bytes + at, record, tail) == 0)
            return true;
    }
    return false;
}

bool torn_may_pass(const struct torn *torn, size_t source)
{
    const struct plan *plan = torn->plan;
    bool halved = plan->chunk_size <= plan->buffer_size / 2;
    size_t least_share = halved ? plan->buffer_size / 2 / plan->source_count : 0;
    size_t tail = tail_of(torn, source);

    return plan->merge && !plan_drops(plan) && tail > 0 && tail >= least_share;
}
