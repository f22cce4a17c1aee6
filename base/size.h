/*
 * size.h - sizes, durations and percentages as people write and read them.
 *
 * Parsing is exact integer arithmetic: "1.5G" is 1610612736, not something near it. What does not
 * come out even (1.3K is 1331.2 bytes) is rounded down, but a fraction of the smallest unit itself
 * ("1.5", "1.5B", "2.5ns", "50.5%") is junk. A point has digits on both sides. Letters may be in
 * either case.
 *
 *   sizes      4096  64K  1.5G  10MiB  10MB  512B
 *              K M G T P E count in 1024s, or in 1000s when `si` is set (-k);
 *              KiB MiB ... always in 1024s, KB MB ... always in 1000s
 *   rates      sizes, or bits in 1000s: 800kbit  10Mbit  2.5Gbit; both with or without /s. A
 *              lower-case b at the end is junk: 40Mb may mean 40Mbit or 40MB
 *   durations  5  0.25  250ms  10us  100ns  5s  2m  1h  1d     (a bare number is seconds)
 *   percent    0  50  100  50%
 *
 * There is no sign, no exponent, no space, no hexadecimal and no locale: "1,5" is junk everywhere.
 */
#ifndef BPIPE_SIZE_H
#define BPIPE_SIZE_H

#include <stdbool.h>
#include <stdint.h>

enum size_status {
    SIZE_OK,
    SIZE_EMPTY,    /* the text has no characters */
    SIZE_SIGN,     /* it begins with '+' or '-' */
    SIZE_JUNK,     /* it is no number, or something unknown follows the number */
    SIZE_OVERFLOW, /* it does not fit: above INT64_MAX bytes or nanoseconds, or above 100 % */
};

/* Each parses all of `text`; on anything but SIZE_OK the result is left alone. */
enum size_status size_parse(const char *text, bool si, uint64_t *bytes);
enum size_status size_parse_rate(const char *text, bool si, uint64_t *bytes_per_sec);
enum size_status size_parse_duration(const char *text, uint64_t *ns);
enum size_status size_parse_percent(const char *text, unsigned *percent);

/* Why a text was refused, for a usage message: "is empty", "must not have a sign", "is not a number
 * with a known unit", "is too large". */
const char *size_status_text(enum size_status status);

/* Why a rate that ends in a lower-case b is refused: "may be bits or bytes: write 40Mbit or 40MB",
 * in `buf`. NULL: the text is not of that kind. */
enum { SIZE_REASON = 96 };
const char *size_rate_refusal(char buf[SIZE_REASON], const char *text);

/*
 * Formatting into a caller's buffer of SIZE_TEXT bytes; the buffer is returned. Three significant
 * digits, rounded to nearest, and a binary unit: "0 B", "999 B", "1.00 KiB", "12.3 MiB", "1023 GiB"
 * (before "1.00 TiB"); with `si` decimal ones: "1.00 kB", "12.3 MB". A rate in whole bytes, and
 * 0 B/s for what is no rate (a NaN, an infinity, below zero). Durations: "0 ns", "1.20 ms",
 * "3.21 s", from a minute on "1:05" and from an hour on "2:03:04".
 */
enum { SIZE_TEXT = 32 };
char *size_format(char buf[SIZE_TEXT], uint64_t bytes, bool si);
char *size_format_rate(char buf[SIZE_TEXT], double bytes_per_sec, bool si); /* "1.25 GiB/s" */
char *size_format_duration(char buf[SIZE_TEXT], uint64_t ns);

#endif
