/*
 * side.c - see side.h.
 */
#include "display/side.h"

#include "display/columns.h"

#include <string.h>

enum {
    CULPRIT_FRAME = 3,       /* " (" and ")" */
    CULPRIT_WIDTH = 15,      /* comm of proc(5); a longer name is shortened */
    LEAST_CULPRIT_WIDTH = 4, /* a shorter piece of a name is useless */
    LEAST_SHORT_WORDS = 12,  /* "< slow: " and such a piece */
};

/* The ways to say which side is slow, from long to short. */
enum wording { WITH_SHARE, WORDS, SHORT_WORDS, SHORTEST_WORDS, WORDINGS };

static const struct side {
    const char *sign[2];         /* ASCII, UTF-8 */
    const char *words[WORDINGS]; /* before the name */
    bool has_name;
} sides[] = {
    [METER_VERDICT_INPUT] = {{"> ", "▶ "}, {"waiting for ", "waiting for ", "slow: ", ""}, true},
    [METER_VERDICT_OUTPUT] = {{"< ", "◀ "}, {"waiting for ", "waiting for ", "slow: ", ""}, true},
    [METER_VERDICT_THROTTLE] = {{"= ", "■ "},
                                {"rate limit", "rate limit", "rate limit", "limit"},
                                false},
    [METER_VERDICT_BUSY] = {{"", ""}, {"busy", "busy", "busy", "busy"}, false},
};

static const char *const notes[][WORDINGS] = {
    [DISPLAY_NOTE_NONE] = {"", "", "", ""},
    [DISPLAY_NOTE_FILLING] = {"filling the buffer", "filling the buffer", "filling", "filling"},
    [DISPLAY_NOTE_EMPTYING] = {"emptying the buffer", "emptying the buffer", "emptying",
                               "emptying"},
    [DISPLAY_NOTE_CONNECTING] = {"connecting", "connecting", "connecting", "connecting"},
    [DISPLAY_NOTE_AWAITING] = {"waiting for a peer", "waiting for a peer", "waiting", "waiting"},
};

/* --- judging -------------------------------------------------------------------------------- */

static bool absorbs_most(const uint64_t state_ns[METER_STATES])
{
    const uint64_t absorb_ns = state_ns[METER_ABSORB];

    return absorb_ns > state_ns[METER_INPUT] && absorb_ns > state_ns[METER_OUTPUT] &&
           absorb_ns > state_ns[METER_THROTTLE] && absorb_ns > state_ns[METER_BUSY];
}

/* The slow side, or METER_VERDICT_BALANCED. The report names a side even if the buffer absorbed
 * bytes for longer, so the final frame does as well; but it does not blame bpipe then. */
static enum meter_verdict slow_side(const struct display_values *values, const struct meter *meter)
{
    const uint64_t *state_ns = values->state_ns;
    enum meter_verdict side =
        meter_is_judged(meter) ? meter_verdict_of(state_ns) : METER_VERDICT_BALANCED;

    if (side == METER_VERDICT_BALANCED)
        return side;
    if ((!values->final || side == METER_VERDICT_BUSY) && absorbs_most(state_ns))
        return METER_VERDICT_BALANCED;
    return side;
}

/* The name that a report gives for the endpoint. Standard input and output have no name. */
static const char *culprit_of(const struct meter_endpoint *endpoint)
{
    const char *peer = endpoint != NULL ? meter_peer_name(endpoint) : NULL;

    if (endpoint == NULL || peer != NULL || endpoint->name[0] == '\0' ||
        strcmp(endpoint->name, "stdin") == 0 || strcmp(endpoint->name, "stdout") == 0)
        return peer;
    return endpoint->name;
}

/* The note, if no side is slow. */
static enum display_note note_of(const struct display_values *values, const struct meter *meter,
                                 uint64_t fill_before)
{
    if (!meter->began && meter->connecting != NULL)
        return meter_awaits_peer(meter) ? DISPLAY_NOTE_AWAITING : DISPLAY_NOTE_CONNECTING;
    if (values->final || !absorbs_most(values->state_ns) || values->fill == fill_before ||
        values->fill == 0)
        return DISPLAY_NOTE_NONE;
    return values->fill > fill_before ? DISPLAY_NOTE_FILLING : DISPLAY_NOTE_EMPTYING;
}

void display_find_side(struct display_values *values, const struct meter *meter,
                       uint64_t fill_before)
{
    unsigned percents[METER_STATES];

    values->side = slow_side(values, meter);
    meter_percents(values->state_ns, percents);
    if (values->side != METER_VERDICT_BALANCED)
        values->side_percent = percents[meter_verdict_state(values->side)];
    if (values->side_percent < METER_LEAST_SIDE_PERCENT)
        values->side = METER_VERDICT_BALANCED;
    values->culprit = culprit_of(meter_side(meter, values->side));
    values->note = note_of(values, meter, fill_before);
}

/* --- showing -------------------------------------------------------------------------------- */

static bool is_slow(const struct display_values *values)
{
    return values->side != METER_VERDICT_BALANCED;
}

static void add_share(struct text *text, const struct display_values *values)
{
    text_add(text, " %u%%", values->side_percent < 100 ? values->side_percent : 100);
}

static void add_name(struct text *text, const char *name, unsigned room, bool utf8)
{
    const size_t start = text->length;

    display_add_shortened(text, name, CULPRIT_WIDTH, utf8);
    text_cut(text, start, room);
}

void display_add_bottleneck(struct text *text, const struct display_values *values,
                            const struct display_style *style, unsigned width)
{
    const size_t start = text->length;
    const unsigned least = width > 0 ? width : DISPLAY_BOTTLENECK_WIDTH;
    unsigned columns = 0, culprit = CULPRIT_WIDTH;

    if (is_slow(values)) {
        text_add(text, "%s%s", sides[values->side].sign[style->utf8],
                 meter_verdict_name(values->side));
        add_share(text, values);
        columns = text_columns(text, start);
        if (width > 0)
            culprit = width > columns + CULPRIT_FRAME ? width - columns - CULPRIT_FRAME : 0;
        if (values->culprit != NULL && culprit >= LEAST_CULPRIT_WIDTH) {
            text_add_string(text, " (");
            add_name(text, values->culprit, culprit, style->utf8);
            text_add_string(text, ")");
            columns = text_columns(text, start);
        }
    }
    if (columns < least)
        display_pad(text, least - columns);
}

/* Returns the width of what it adds. */
static unsigned add_wording(struct text *text, const struct display_values *values, bool utf8,
                            enum wording wording)
{
    const struct side *side = &sides[values->side];
    const size_t start = text->length;

    if (!is_slow(values)) {
        text_add_string(text, notes[values->note][wording]);
        return text_columns(text, start);
    }
    text_add_string(text, side->sign[utf8]);
    text_add_string(text, side->words[wording]);
    if (side->has_name)
        add_name(text, values->culprit != NULL ? values->culprit : meter_verdict_name(values->side),
                 CULPRIT_WIDTH, utf8);
    if (wording == WITH_SHARE)
        add_share(text, values);
    return text_columns(text, start);
}

void display_add_waiting(struct text *text, const struct display_values *values,
                         const struct display_style *style, unsigned width)
{
    const size_t start = text->length;
    unsigned room = width > 0 ? width : DISPLAY_WAITING_WIDTH, columns = 0;

    for (int wording = WITH_SHARE; wording < WORDINGS; wording++) {
        text->length = start;
        columns = add_wording(text, values, style->utf8, (enum wording)wording);
        if (columns <= room || (wording == SHORT_WORDS && room >= LEAST_SHORT_WORDS))
            break;
    }
    if (columns > room) {
        columns = text_cut(text, start, room - 1) + 1;
        text_add_string(text, style->utf8 ? "…" : ".");
    }
    display_pad(text, room - columns);
}
