/*
 * text.h - text that is composed in memory: growth, numbers without a locale, UTF-8.
 *
 * A report, a message or a line of the display is composed whole, in a buffer that is used again
 * and again, and only then sent: none is ever torn.
 */
#ifndef BPIPE_TEXT_H
#define BPIPE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * It grows as needed and never shrinks, unless it is fixed to the memory that it was given. What
 * does not fit, or finds no memory, sets `failed`; from then on nothing is added. {0} is an empty
 * one.
 */
struct text {
    char *bytes;
    size_t length, capacity;
    bool fixed, failed;
};

void text_clear(struct text *text);
void text_free(struct text *text);
bool text_reserve(struct text *text, size_t more); /* room for so many more bytes? */

void text_add_bytes(struct text *text, const char *bytes, size_t length);
void text_add_string(struct text *text, const char *string);
/* Not for %f, whose decimal point is the locale's. */
void text_add(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* "3.210000000": all nine decimals, so that the states sum to the elapsed time in print too. */
void text_add_seconds(struct text *text, uint64_t ns);
/* The time of day, of ns since 1970: "2026-11-21T10:04:05.123456Z" (RFC 3339, UTC). */
void text_add_time(struct text *text, uint64_t time_ns);
/* A number >= 0 with so many decimals (0..3), rounded. */
void text_add_decimal(struct text *text, double value, unsigned decimals);
/* For people: what utf8_is_visible() refuses and what is not UTF-8 becomes \n, \t, or \xNN for each
 * byte. */
void text_add_visible(struct text *text, const char *string);

/*
 * The length (1..4) of the UTF-8 sequence that a string starts with, or 0 if that is none:
 * overlong, a surrogate, above U+10FFFF, cut short. Each byte that starts none is an error of its
 * own, to be replaced by one U+FFFD.
 */
size_t utf8_length(const char *string);
/* The code point of such a sequence; `length` is utf8_length()'s, and not 0. */
uint32_t utf8_code_point(const char *string, size_t length);
/*
 * Whether a terminal may get it as it is. Everything that is shown to people, and comes from
 * outside (the name of a file or a process, a command, bytes of the stream), is asked for this. Not
 * visible:
 *   - control characters (U+0000..1F, U+007F..9F): they move the cursor, or begin a sequence
 *   - those of bidirectional text (U+061C, U+200E..F, U+202A..E, U+2066..9; Unicode Annex 9): they
 *     change the order in which the rest of the line is read
 *   - separators of lines and paragraphs (U+2028..9), where some programs begin a new line
 *   - other format characters that nobody sees: U+00AD, U+180E, U+200B, U+2060..5, U+206A..F,
 *     U+FEFF, U+FFF9..B, U+E0000..7F. Two names that differ would look the same.
 * The joiners U+200C and U+200D are visible, though they have no width: Persian is written with the
 * one, and emoji are made of several with the other.
 */
bool utf8_is_visible(const char *string, size_t length);

#endif
