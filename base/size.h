/*
 * size.h - sizes, durations and percentages as people write and read them.
 *
 * Parsing uses exact integer arithmetic: "1.5G" is exactly 1610612736. A result that is not whole
 * (1.3K is 1331.2 bytes) is rounded down, except that a rate of 1 to 7 bits is 1 byte. A fraction
 * of the smallest unit itself ("1.5", "1.5B", "2.5ns", "50.5%") is junk. A decimal point needs
 * digits on both sides. Letters may be in either case.
 *
 *   sizes      4096  64K  1.5G  10MiB  10MB  512B
 *              K M G T P E count in 1024s, or in 1000s when `si` is set (-k);
 *              KiB MiB ... always in 1024s, KB MB ... always in 1000s
 *   rates      sizes, or bits in 1000s: 800kbit  10Mbit  2.5Gbit; both with or without /s. A
 *              lower-case b at the end is junk: 40Mb may mean 40Mbit or 40MB
 *   durations  5  0.25  250ms  10us  100ns  5s  2m  1h  1d     (a bare number is seconds)
 *   percent    0  50  100  50%
 *
 * There is no sign, exponent, space, hexadecimal number or locale: "1,5" is junk everywhere.
 */
#ifndef BPIPE_SIZE_H
#define BPIPE_SIZE_H

#include <stdbool.h>
#include <stdint.h>

enum size_status {
    SIZE_OK,
    SIZE_EMPTY,    /* the text has no characters */
    SIZE_SIGN,     /* it begins with '+' or '-' */
    SIZE_JUNK,     /* it is not a number, or something unknown follows the number */
    SIZE_OVERFLOW, /* it does not fit: above INT64_MAX bytes or nanoseconds, or above 100 % */
};

/* Each function parses all of `text`; with any status except SIZE_OK it leaves the result
 * unchanged. */
enum size_status size_parse(const char *text, bool si, uint64_t *bytes);
enum size_status size_parse_rate(const char *text, bool si, uint64_t *bytes_per_sec);
enum size_status size_parse_duration(const char *text, uint64_t *ns);
enum size_status size_parse_percent(const char *text, unsigned *percent);

/* The reason for a refused text, for a usage message: "is empty", "must not have a sign", "is not a
 * number with a known unit", "is too large". */
const char *size_status_text(enum size_status status);

/* The reason why a rate that ends in a lower-case b is refused: "may be bits or bytes: write 40Mbit
 * or 40MB", or where that unit of bits does not exist, "may be bits or bytes: write 40PB for
 * bytes". The text is in `buf`. Returns NULL if the rate is not of that kind. */
enum { SIZE_REASON = 96 };
const char *size_rate_refusal(char buf[SIZE_REASON], const char *text);

/*
 * These format into the caller's buffer of SIZE_TEXT bytes and return it. They use three
 * significant digits, rounded to nearest, and a binary unit: "0 B", "999 B", "1.00 KiB", "12.3
 * MiB", "1023 GiB" (before "1.00 TiB"). With `si` the units are decimal: "1.00 kB", "12.3 MB". A
 * rate is rounded to whole bytes, and a value that is not a rate (a NaN, an infinity, below zero)
 * is 0 B/s. Durations: "0 ns", "1.20 ms", "3.21 s", from a minute on "1:05" and from an hour on
 * "2:03:04".
 */
enum { SIZE_TEXT = 32 };
char *size_format(char buf[SIZE_TEXT], uint64_t bytes, bool si);
char *size_format_rate(char buf[SIZE_TEXT], double bytes_per_sec, bool si); /* "1.25 GiB/s" */
char *size_format_duration(char buf[SIZE_TEXT], uint64_t ns);

#endif
