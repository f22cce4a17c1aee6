/*
 * text.h - text composed in memory: growth, numbers without a locale, UTF-8.
 *
 * A report, a message or a line of the display is composed completely, in a buffer that is reused,
 * and sent only then: none is ever torn.
 */
#ifndef BPIPE_TEXT_H
#define BPIPE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * It grows as needed and never shrinks, unless it is fixed to the memory that it was given. A piece
 * that does not fit, or for which there is no memory, sets `failed`; from then on nothing is added
 * until text_clear(). {0} is an empty text.
 */
struct text {
    char *bytes;
    size_t length, capacity;
    bool fixed, failed;
};

void text_clear(struct text *text);
void text_free(struct text *text);
bool text_reserve(struct text *text, size_t more); /* whether there is room for `more` bytes */

void text_add_bytes(struct text *text, const char *bytes, size_t length);
void text_add_string(struct text *text, const char *string);
/* Not for %f: its decimal point depends on the locale. */
void text_add(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* "3.210000000": all nine decimals, so that the printed states also sum to the elapsed time. */
void text_add_seconds(struct text *text, uint64_t ns);
/* The time of day, given in ns since 1970: "2026-11-21T10:04:05.123456Z" (RFC 3339, UTC). */
void text_add_time(struct text *text, uint64_t time_ns);
/* A number >= 0 with `decimals` (0..3) decimals, rounded. */
void text_add_decimal(struct text *text, double value, unsigned decimals);
/* For text that people read: a character that utf8_is_visible() refuses, or a byte that is not
 * UTF-8, becomes \n, \t, or \xNN for each byte. */
void text_add_visible(struct text *text, const char *string);

/* "s", or "" after the number 1: "%" PRIu64 " byte%s". */
const char *text_plural(uint64_t count);

/*
 * The length (1..4) of the UTF-8 sequence at the start of a string; 0 if it is invalid: overlong, a
 * surrogate, above U+10FFFF, cut short. Each byte that does not start a sequence is a separate
 * error, to be replaced by one U+FFFD.
 */
size_t utf8_length(const char *string);
/* The same for bytes that need not end with a NUL. `length` is not 0. */
size_t utf8_length_in(const char *bytes, size_t length);
/* Whether this byte is one of a sequence, but not its first. */
bool utf8_continues(char byte);
/* The code point of a sequence. `length` is the result of utf8_length(), and not 0. */
uint32_t utf8_code_point(const char *string, size_t length);
/*
 * Whether this character may be sent to a terminal unchanged. All text that is shown to people and
 * comes from outside (the name of a file or a process, a command, bytes of the stream) is checked
 * with this. Not visible:
 *   - control characters (U+0000..1F, U+007F..9F): they move the cursor, or begin a sequence
 *   - characters of bidirectional text (U+061C, U+200E..F, U+202A..E, U+2066..9; Unicode Annex 9):
 *     they change the order in which the rest of the line is read
 *   - separators of lines and paragraphs (U+2028..9), where some programs begin a new line
 *   - other invisible format characters: U+00AD, U+180E, U+200B, U+2060..5, U+206A..F, U+FEFF,
 *     U+FFF9..B, U+E0000..7F. With them two different names would look the same.
 * The joiners U+200C and U+200D are visible, although they have no width: Persian is written with
 * the first, and many emoji are joined with the second.
 */
bool utf8_is_visible(const char *string, size_t length);

/* Takes LC_CTYPE from the environment. Returns whether the character set of the locale is UTF-8. */
bool utf8_is_set_up(void);

/*
 * Columns of a terminal, by wcwidth(3): two for a wide character (CJK, most emoji), none for a
 * combining one. One for a byte that is not UTF-8, and for a character that the locale does not
 * know. wcwidth(3) needs a locale with UTF-8: if LC_CTYPE is not such a locale the first character
 * beyond ASCII sets it, from the environment, or if that has none, to C.UTF-8. So a report has the
 * same lines in every locale, since its names are in UTF-8 in each.
 */
size_t utf8_columns(const char *bytes, size_t length);

/* The number of bytes of the whole characters at the start that fit into *columns, with the
 * combining characters that follow them. *columns becomes their width. */
size_t utf8_fitting(const char *bytes, size_t length, size_t *columns);

/* The same at the end: returns where these characters begin. */
size_t utf8_fitting_end(const char *bytes, size_t length, size_t columns);

/* The width of the text from byte `start` on. */
unsigned text_columns(const struct text *text, size_t start);

/* Cuts whole characters off the end of the text, so that the part from byte `start` on is at most
 * `columns` wide. Returns the width of that part. */
unsigned text_cut(struct text *text, size_t start, unsigned columns);

/* The same, but the part keeps its two ends, with ".." in the place of its middle. Returns the width
 * that it had before. */
size_t text_shorten(struct text *text, size_t start, size_t columns);

#endif
