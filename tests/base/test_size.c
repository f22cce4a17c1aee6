/*
 * test_size.c - sizes, durations, percentages and rates: tables of edges, and properties.
 *
 * A result that a refused text must leave alone is set to UNTOUCHED beforehand.
 */
#include "base/size.h"
#include "tests/tap.h"

#include <float.h>

#define UNTOUCHED UINT64_C(0xdeadbeefdeadbeef)
#define KIB       UINT64_C(1024)
#define MIB       (KIB * KIB)
#define GIB       (KIB * MIB)
#define TIB       (KIB * GIB)
#define PIB       (KIB * TIB)
#define EIB       (KIB * PIB)
#define SEC       UINT64_C(1000000000)
#define EXA       (SEC * SEC)
#define LENGTH(a) (sizeof(a) / sizeof((a)[0]))

enum { LONG_TEXT = 100000, EXACT_TEXT = 128 };

/* A text and what it means: a value, or in `status` why it means nothing. */
struct reading {
    const char *text;
    enum size_status status;
    uint64_t value;
};

static const struct reading sizes[] = {
    {"0", SIZE_OK, 0},
    {"1", SIZE_OK, 1},
    {"007", SIZE_OK, 7},
    {"4096", SIZE_OK, 4096},
    {"512B", SIZE_OK, 512},
    {"512b", SIZE_OK, 512},
    {"1K", SIZE_OK, KIB},
    {"1k", SIZE_OK, KIB},
    {"64K", SIZE_OK, 65536},
    {"3M", SIZE_OK, 3 * MIB},
    {"5g", SIZE_OK, 5 * GIB},
    {"6T", SIZE_OK, 6 * TIB},
    {"7P", SIZE_OK, 7 * PIB},
    {"7E", SIZE_OK, 7 * EIB},
    {"10MiB", SIZE_OK, 10 * MIB},
    {"10MB", SIZE_OK, 10000000},
    {"1KB", SIZE_OK, 1000},
    {"1Kb", SIZE_OK, 1000},
    {"1kib", SIZE_OK, KIB},
    {"1kIb", SIZE_OK, KIB},
    {"2GB", SIZE_OK, 2 * SEC},
    {"2TB", SIZE_OK, 2000 * SEC},
    {"2PB", SIZE_OK, 2000000 * SEC},
    {"9EB", SIZE_OK, 9 * EXA},
    {"1.5G", SIZE_OK, 1610612736},
    {"1.5K", SIZE_OK, 1536},
    {"1.3K", SIZE_OK, 1331},
    {"0.001K", SIZE_OK, 1},
    {"0.0009K", SIZE_OK, 0},
    {"0.0009765625K", SIZE_OK, 1},
    {"0.00097656249999K", SIZE_OK, 0},
    {"1.9999999999999999999999999999K", SIZE_OK, 2047},
    {"0.1MB", SIZE_OK, 100000},
    {"1.0000000K", SIZE_OK, KIB},
    /* the edges: INT64_MAX is 2^63 - 1, 8 EiB less one byte, 9.223372036854775807 EB */
    {"9223372036854775807", SIZE_OK, INT64_MAX},
    {"0000000000000000000000009223372036854775807", SIZE_OK, INT64_MAX},
    {"9223372036854775808", SIZE_OVERFLOW, 0},
    {"9223372036854775810", SIZE_OVERFLOW, 0},
    {"9223372036854775817", SIZE_OVERFLOW, 0},
    {"18446744073709551615", SIZE_OVERFLOW, 0},
    {"18446744073709551616", SIZE_OVERFLOW, 0},
    {"18446744073709551617", SIZE_OVERFLOW, 0},
    {"99999999999999999999999999", SIZE_OVERFLOW, 0},
    {"9007199254740991K", SIZE_OK, INT64_MAX - 1023},
    {"9007199254740991.9990234375K", SIZE_OK, INT64_MAX},
    {"9007199254740991.99999999K", SIZE_OK, INT64_MAX},
    {"9007199254740992K", SIZE_OVERFLOW, 0},
    {"18014398509481984K", SIZE_OVERFLOW, 0},
    {"18014398509481985K", SIZE_OVERFLOW, 0},
    {"7.999999999999999999999999E", SIZE_OK, INT64_MAX},
    {"8E", SIZE_OVERFLOW, 0},
    {"16E", SIZE_OVERFLOW, 0},
    {"17E", SIZE_OVERFLOW, 0},
    {"9.223372036854775807EB", SIZE_OK, INT64_MAX},
    {"9.2233720368547758079EB", SIZE_OK, INT64_MAX},
    {"9.223372036854775808EB", SIZE_OVERFLOW, 0},
    {"10EB", SIZE_OVERFLOW, 0},
    {"", SIZE_EMPTY, 0},
    {"+", SIZE_SIGN, 0},
    {"-", SIZE_SIGN, 0},
    {"+1", SIZE_SIGN, 0},
    {"-1", SIZE_SIGN, 0},
    {"-0", SIZE_SIGN, 0},
    {"--", SIZE_SIGN, 0},
    /* junk, however large the number before it is */
    {"99999999999999999999999999x", SIZE_JUNK, 0},
    {"99999999999999999999999999.5", SIZE_JUNK, 0},
};

static const char *const junk_sizes[] = {
    "1.5",  "1.0",  "1.5B",  "1..5K", "1..5",  "1.5.5K", ".5",  ".5K",  "5.",   "5.K",  ".",
    ".K",   "1,5K", "1,024", "1'024", "1_024", "K",      "B",   "KiB",  "1iB",  "1Ki",  "1KiBs",
    "1KBi", "1KK",  "1BB",   "1Bi",   "1K1",   "1Z",     "1s",  "1%",   "1K/s", "1 K",  "1K ",
    " 1K",  "\t1",  "1\n",   " ",     "1 -",   "1-",     "1+1", "0x10", "1e3",  "1e3K", "inf",
    "nan",  "٣",    "1٣",    "３",    "1\xff", "\x80",   "1/",  "1:",   "1@",   "1["};

static const struct reading rate_readings[] = {
    {"0", SIZE_OK, 0},
    {"500K", SIZE_OK, 500 * KIB},
    {"1.5M/s", SIZE_OK, 1572864},
    {"10MB/S", SIZE_OK, 10000000},
    {"2KiB/s", SIZE_OK, 2 * KIB},
    {"10Mbit", SIZE_OK, 1250000},
    {"10mbit/s", SIZE_OK, 1250000},
    {"2.5Gbit", SIZE_OK, 312500000},
    {"1Tbit", SIZE_OK, 125 * SEC},
    {"800kbit", SIZE_OK, 100000},
    {"8bit", SIZE_OK, 1},
    {"15bit", SIZE_OK, 1},
    {"7bit", SIZE_OK, 1}, /* 0 would be no limit */
    {"0bit", SIZE_OK, 0},
    {"9223372036854775807bit", SIZE_OK, INT64_MAX / 8},
    {"9223372036854775808bit", SIZE_OVERFLOW, 0},
    {"8E", SIZE_OVERFLOW, 0},
    {"", SIZE_EMPTY, 0},
    {"-1", SIZE_SIGN, 0},
    {"1.5bit", SIZE_JUNK, 0},
    {"1M/m", SIZE_JUNK, 0},
    {"1M/", SIZE_JUNK, 0},
    {"1/s/s", SIZE_JUNK, 0},
    {"1bits", SIZE_JUNK, 0},
    {"1Mibit", SIZE_JUNK, 0},
    {"1megabit", SIZE_JUNK, 0},
    {"1kilobytes/s", SIZE_JUNK, 0},
    {"fast", SIZE_JUNK, 0},
    /* bits or bytes: a capital B, or none, means bytes; "bit" means bits */
    {"40MB", SIZE_OK, 40000000},
    {"40mB/s", SIZE_OK, 40000000},
    {"512B", SIZE_OK, 512},
    {"40Mb", SIZE_JUNK, 0},
    {"40mb", SIZE_JUNK, 0},
    {"40Mb/s", SIZE_JUNK, 0},
    {"40Mib", SIZE_JUNK, 0},
    {"1.5kb", SIZE_JUNK, 0},
    {"2Gb", SIZE_JUNK, 0},
    {"1Tb", SIZE_JUNK, 0},
    {"1Eb", SIZE_JUNK, 0},
    {"512b", SIZE_JUNK, 0},
};

/* Why a text is no rate, and which rates may have been meant. */
static const struct {
    const char *text, *reason;
} rate_refusals[] = {
    {"fast", NULL},
    {"40Mbps", NULL},
    {"", NULL},
    {"40Mb", "may be bits or bytes: write 40Mbit or 40MB"},
    {"40mb", "may be bits or bytes: write 40Mbit or 40MB"},
    {"40Mb/s", "may be bits or bytes: write 40Mbit or 40MB"},
    {"40Mib", "may be bits or bytes: write 40Mbit or 40MiB"},
    {"1.5kb", "may be bits or bytes: write 1.5kbit or 1.5KB"},
    {"2gb/S", "may be bits or bytes: write 2Gbit or 2GB"},
    {"1Tb", "may be bits or bytes: write 1Tbit or 1TB"},
    {"512b", "may be bits or bytes: write 512bit or 512B"},
    {"1Pb", "may be bits or bytes: write 1PB for bytes"},
    {"000000000000000000000000000000000000000000000000000000000000000040Mb",
     "may be bits or bytes: write Mbit or MB"},
};

static const struct reading si_sizes[] = {
    {"1", SIZE_OK, 1},
    {"1K", SIZE_OK, 1000},
    {"1.5m", SIZE_OK, 1500000},
    {"1G", SIZE_OK, SEC},
    {"1KiB", SIZE_OK, KIB},
    {"1KB", SIZE_OK, 1000},
    {"1.3K", SIZE_OK, 1300},
    {"9E", SIZE_OK, 9 * EXA},
    {"9.223372036854775807E", SIZE_OK, INT64_MAX},
    {"9.223372036854775808E", SIZE_OVERFLOW, 0},
    {"8EiB", SIZE_OVERFLOW, 0},
};

static const struct reading durations[] = {
    {"0", SIZE_OK, 0},
    {"5", SIZE_OK, 5 * SEC},
    {"0.25", SIZE_OK, SEC / 4},
    {"250ms", SIZE_OK, SEC / 4},
    {"10us", SIZE_OK, 10000},
    {"100ns", SIZE_OK, 100},
    {"5s", SIZE_OK, 5 * SEC},
    {"2m", SIZE_OK, 120 * SEC},
    {"1h", SIZE_OK, 3600 * SEC},
    {"1d", SIZE_OK, 86400 * SEC},
    {"2M", SIZE_OK, 120 * SEC},
    {"5MS", SIZE_OK, 5000000},
    {"1.5h", SIZE_OK, 5400 * SEC},
    {"0.5us", SIZE_OK, 500},
    {"0.0001us", SIZE_OK, 0},
    {"0.000000001", SIZE_OK, 1},
    {"0.0000000019", SIZE_OK, 1},
    {"0.0000000009999999999999", SIZE_OK, 0},
    {"9223372036.854775807", SIZE_OK, INT64_MAX},
    {"9223372036854775807ns", SIZE_OK, INT64_MAX},
    {"9223372036854775.8079us", SIZE_OK, INT64_MAX},
    {"9223372036854775.808us", SIZE_OVERFLOW, 0},
    {"9223372036.854775808", SIZE_OVERFLOW, 0},
    {"9223372037", SIZE_OVERFLOW, 0},
    {"9223372036854775808ns", SIZE_OVERFLOW, 0},
    {"106751d", SIZE_OK, 106751 * (86400 * SEC)},
    {"106752d", SIZE_OVERFLOW, 0},
    {"213504d", SIZE_OVERFLOW, 0},
    {"", SIZE_EMPTY, 0},
    {"-1", SIZE_SIGN, 0},
    {"+1s", SIZE_SIGN, 0},
};

static const char *const junk_durations[] = {"s",    "1.5ns", "1 s", "1s ",   "1sec",
                                             "1min", "1w",    "1K",  "1h30m", "1:30",
                                             "1,5",  ".5",    "5.",  "1µs",   "inf"};

static const struct reading percents[] = {
    {"0", SIZE_OK, 0},
    {"1", SIZE_OK, 1},
    {"50", SIZE_OK, 50},
    {"50%", SIZE_OK, 50},
    {"99", SIZE_OK, 99},
    {"100", SIZE_OK, 100},
    {"100%", SIZE_OK, 100},
    {"0%", SIZE_OK, 0},
    {"007", SIZE_OK, 7},
    {"101", SIZE_OVERFLOW, 0},
    {"109", SIZE_OVERFLOW, 0},
    {"110%", SIZE_OVERFLOW, 0},
    {"1000", SIZE_OVERFLOW, 0},
    {"18446744073709551616", SIZE_OVERFLOW, 0},
    {"4294967297", SIZE_OVERFLOW, 0},
    {"", SIZE_EMPTY, 0},
    {"%", SIZE_JUNK, 0},
    {"-1", SIZE_SIGN, 0},
    {"+1", SIZE_SIGN, 0},
    {"50.5", SIZE_JUNK, 0},
    {"50%%", SIZE_JUNK, 0},
    {"50 %", SIZE_JUNK, 0},
    {"50K", SIZE_JUNK, 0},
    {"1e1", SIZE_JUNK, 0},
};

static enum size_status parse_binary(const char *text, uint64_t *value)
{
    return size_parse(text, false, value);
}

static enum size_status parse_si(const char *text, uint64_t *value)
{
    return size_parse(text, true, value);
}

static enum size_status parse_rate(const char *text, uint64_t *value)
{
    return size_parse_rate(text, false, value);
}

static enum size_status parse_percent(const char *text, uint64_t *value)
{
    unsigned percent = 12345;
    enum size_status status = size_parse_percent(text, &percent);

    *value = percent == 12345 ? *value : percent;
    return status;
}

typedef enum size_status parser(const char *text, uint64_t *value);

/* `text` as it can appear in a description. */
static const char *shown(const char *text)
{
    static char buf[64];
    size_t i = 0;

    for (; i < sizeof(buf) - 1 && text[i] != '\0'; i++)
        buf[i] = text[i];
    buf[i] = '\0';
    while (i-- > 0) {
        if (buf[i] < ' ' || buf[i] > '~')
            buf[i] = '?';
    }
    return buf;
}

static void test_reading(const char *what, parser *parse, const struct reading *reading)
{
    static const char *const names[] = {"fine", "empty", "signed", "junk", "too large"};
    uint64_t value = UNTOUCHED;
    enum size_status status = parse(reading->text, &value);
    uint64_t wanted = reading->status == SIZE_OK ? reading->value : UNTOUCHED;

    if (!tap_ok(status == reading->status && value == wanted, "%s \"%s\" is %s", what,
                shown(reading->text), names[reading->status]))
        tap_note("status %d, value %" PRIu64, (int)status, value);
}

static void test_readings(const char *what, parser *parse, const struct reading *readings,
                          size_t count)
{
    for (size_t i = 0; i < count; i++)
        test_reading(what, parse, &readings[i]);
}

static void test_junk(const char *what, parser *parse, const char *const *texts, size_t count)
{
    for (size_t i = 0; i < count; i++)
        test_reading(what, parse, &(struct reading){texts[i], SIZE_JUNK, 0});
}

/* Parses head, then LONG_TEXT times `c`, then tail. */
static enum size_status parse_long(const char *head, char c, const char *tail, uint64_t *value)
{
    size_t before = strlen(head), after = strlen(tail) + 1;
    char *text = malloc(before + LONG_TEXT + after);
    enum size_status status;

    if (text == NULL)
        abort();
    snprintf(text, before + 1, "%s", head);
    memset(text + before, c, LONG_TEXT);
    snprintf(text + before + LONG_TEXT, after, "%s", tail);
    status = size_parse(text, false, value);
    free(text);
    return status;
}

static void test_long_texts(void)
{
    uint64_t value = UNTOUCHED;

    tap_ok(parse_long("", '9', "", &value) == SIZE_OVERFLOW && value == UNTOUCHED, "many nines");
    tap_ok(parse_long("", '9', "z", &value) == SIZE_JUNK && value == UNTOUCHED,
           "many nines, then junk");
    tap_ok(parse_long("1", '0', "K", &value) == SIZE_OVERFLOW && value == UNTOUCHED, "many zeros");
    tap_ok(parse_long("", '0', "7M", &value) == SIZE_OK && value == 7 * MIB, "many leading zeros");
    tap_ok(parse_long("1.5", '0', "1G", &value) == SIZE_OK && value == 3 * GIB / 2,
           "a long fraction that adds nothing");
    tap_ok(parse_long("7.", '9', "E", &value) == SIZE_OK && value == INT64_MAX,
           "a long fraction that just fits");
    tap_ok(parse_long("0.0009765624", '9', "K", &value) == SIZE_OK && value == 0,
           "a long fraction just below a byte");
    tap_ok(parse_long("1.", '.', "K", &value) == SIZE_JUNK, "many points");
}

static void test_rate_refusals(void)
{
    for (size_t i = 0; i < LENGTH(rate_refusals); i++) {
        char buf[SIZE_REASON];
        const char *reason = size_rate_refusal(buf, rate_refusals[i].text);
        const char *wanted = rate_refusals[i].reason;
        bool right = reason && wanted ? strcmp(reason, wanted) == 0 : reason == wanted;
        if (!tap_ok(right, "what is wrong with '%s'", shown(rate_refusals[i].text)))
            tap_note("%s", reason ? reason : "no reason");
    }
}

static void test_status_texts(void)
{
    tap_ok(strcmp(size_status_text(SIZE_EMPTY), "is empty") == 0 &&
               strcmp(size_status_text(SIZE_SIGN), "must not have a sign") == 0 &&
               strcmp(size_status_text(SIZE_JUNK), "is not a number with a known unit") == 0 &&
               strcmp(size_status_text(SIZE_OVERFLOW), "is too large") == 0 &&
               strlen(size_status_text(SIZE_OK)) > 0,
           "each refusal has its text");
}

/* Writes value / 2^shift, which has `shift` decimals, all of them. */
static void write_exact(char text[EXACT_TEXT], uint64_t value, unsigned shift, char unit)
{
    uint64_t rest = value & ((UINT64_C(1) << shift) - 1);

    text += snprintf(text, EXACT_TEXT, "%" PRIu64 ".", value >> shift);
    for (unsigned i = 0; i < shift; i++) {
        rest *= 10;
        *text++ = (char)('0' + (char)(rest >> shift));
        rest &= (UINT64_C(1) << shift) - 1;
    }
    *text++ = unit;
    *text = '\0';
}

/* The digits of value / 2^shift determine it; a little less than them is the byte before. */
static void test_exact_fractions(uint64_t *random)
{
    static const char units[] = "KMGTPE";
    unsigned rounds = tap_rounds(20000);
    bool passed = true;

    for (unsigned i = 0; i < rounds && passed; i++) {
        size_t unit = (size_t)tap_below(random, 6);
        uint64_t value = 1 + tap_magnitude(random, 62);
        uint64_t same = UNTOUCHED, less = UNTOUCHED, more = UNTOUCHED;
        char text[EXACT_TEXT];
        size_t last;

        write_exact(text, value, 10 * ((unsigned)unit + 1), units[unit]);
        passed = size_parse(text, false, &same) == SIZE_OK && same == value;
        last = strlen(text) - 1;
        snprintf(text + last, sizeof(text) - last, "99999%c", units[unit]);
        passed = passed && size_parse(text, false, &more) == SIZE_OK && more == value;
        while (text[--last] == '0' || text[last] == '.')
            text[last] = text[last] == '0' ? '9' : '.';
        text[last]--;
        passed = passed && size_parse(text, false, &less) == SIZE_OK && less == value - 1;
        if (!passed)
            tap_note("%" PRIu64 ": %" PRIu64 ", less %" PRIu64 " (%s), more %" PRIu64, value, same,
                     less, text, more);
    }
    tap_ok(passed, "random fractions are exact, and rounded down");
}

static void test_integers(uint64_t *random)
{
    unsigned rounds = tap_rounds(20000);
    bool passed = true;

    for (unsigned i = 0; i < rounds && passed; i++) {
        uint64_t value = tap_magnitude(random, 64), parsed = UNTOUCHED;
        bool fits = value <= INT64_MAX;
        char text[64];
        enum size_status status;

        snprintf(text, sizeof(text), "%" PRIu64, value);
        status = size_parse(text, false, &parsed);
        passed = fits ? status == SIZE_OK && parsed == value
                      : status == SIZE_OVERFLOW && parsed == UNTOUCHED;
        snprintf(text, sizeof(text), "%" PRIu64 "ns", value);
        parsed = UNTOUCHED;
        status = size_parse_duration(text, &parsed);
        passed = passed && (fits ? status == SIZE_OK && parsed == value : status == SIZE_OVERFLOW);
        if (!passed)
            tap_note("%s: status %d, value %" PRIu64, text, (int)status, parsed);
    }
    tap_ok(passed, "random integers come back");
}

struct writing {
    uint64_t value;
    const char *text;
};

static const struct writing binary_texts[] = {
    {0, "0 B"},
    {1, "1 B"},
    {999, "999 B"},
    {1000, "1000 B"},
    {1023, "1023 B"},
    {1024, "1.00 KiB"},
    {1029, "1.00 KiB"},
    {1030, "1.01 KiB"},
    {1536, "1.50 KiB"},
    {10234, "9.99 KiB"},
    {10235, "10.0 KiB"},
    {10240, "10.0 KiB"},
    {102348, "99.9 KiB"},
    {102349, "100 KiB"},
    {1023 * KIB, "1023 KiB"},
    {1023 * KIB + 511, "1023 KiB"},
    {1023 * KIB + 512, "1.00 MiB"},
    {MIB - 1, "1.00 MiB"},
    {MIB, "1.00 MiB"},
    {12897485, "12.3 MiB"},
    {1023 * MIB + MIB / 2 - 1, "1023 MiB"},
    {1023 * MIB + MIB / 2, "1.00 GiB"},
    {1023 * GIB, "1023 GiB"},
    {1023 * GIB + GIB / 2 - 1, "1023 GiB"},
    {1023 * GIB + GIB / 2, "1.00 TiB"},
    {1023 * TIB + TIB / 2 - 1, "1023 TiB"},
    {1023 * TIB + TIB / 2, "1.00 PiB"},
    {1023 * PIB + PIB / 2 - 1, "1023 PiB"},
    {1023 * PIB + PIB / 2, "1.00 EiB"},
    {INT64_MAX, "8.00 EiB"},
    {184467440737095517, "164 PiB"}, /* a hundred times that is 84 modulo 2^64 */
    {UINT64_MAX, "16.0 EiB"},
};

static const struct writing si_texts[] = {
    {0, "0 B"},
    {999, "999 B"},
    {1000, "1.00 kB"},
    {1004, "1.00 kB"},
    {1005, "1.01 kB"},
    {9994, "9.99 kB"},
    {9995, "10.0 kB"},
    {99949, "99.9 kB"},
    {99950, "100 kB"},
    {999499, "999 kB"},
    {999500, "1.00 MB"},
    {12345678, "12.3 MB"},
    {999499999, "999 MB"},
    {999500000, "1.00 GB"},
    {999499999999, "999 GB"},
    {999500000000, "1.00 TB"},
    {999500 * SEC, "1.00 PB"},
    {999500000 * SEC, "1.00 EB"},
    {9995000000 * SEC, "10.0 EB"},
    {UINT64_MAX, "18.4 EB"},
};

static const struct writing duration_texts[] = {
    {0, "0 ns"},
    {1, "1 ns"},
    {999, "999 ns"},
    {1000, "1.00 us"},
    {9994, "9.99 us"},
    {9995, "10.0 us"},
    {999499, "999 us"},
    {999500, "1.00 ms"},
    {1200000, "1.20 ms"},
    {999499999, "999 ms"},
    {999500000, "1.00 s"},
    {3210000000, "3.21 s"},
    {9994999999, "9.99 s"},
    {9995000000, "10.0 s"},
    {59949999999, "59.9 s"},
    {59950000000, "1:00"},
    {60 * SEC, "1:00"},
    {65 * SEC, "1:05"},
    {65 * SEC + SEC / 2 - 1, "1:05"},
    {65 * SEC + SEC / 2, "1:06"},
    {119 * SEC + SEC / 2, "2:00"},
    {3599 * SEC + SEC / 2 - 1, "59:59"},
    {3599 * SEC + SEC / 2, "1:00:00"},
    {7384 * SEC, "2:03:04"},
    {360000 * SEC, "100:00:00"},
    {UINT64_MAX, "5124095:34:34"},
};

static char *format_binary(char buf[SIZE_TEXT], uint64_t value)
{
    return size_format(buf, value, false);
}

static char *format_si(char buf[SIZE_TEXT], uint64_t value)
{
    return size_format(buf, value, true);
}

static void test_writings(const char *what, char *(*format)(char buf[SIZE_TEXT], uint64_t value),
                          const struct writing *writings, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char buf[SIZE_TEXT];
        const char *text = format(buf, writings[i].value);

        if (!tap_ok(text == buf && strcmp(text, writings[i].text) == 0, "%s %" PRIu64 " is %s",
                    what, writings[i].value, writings[i].text))
            tap_note("%s", text);
    }
}

static void test_rates(void)
{
    const double infinity = strtod("inf", NULL), not_a_number = strtod("nan", NULL);
    const struct {
        double rate;
        bool si;
        const char *text;
    } rates[] = {
        {0, false, "0 B/s"},
        {0.4, false, "0 B/s"},
        {0.5, false, "1 B/s"},
        {1023.4, false, "1023 B/s"},
        {1023.5, false, "1.00 KiB/s"},
        {1.25 * (double)GIB, false, "1.25 GiB/s"},
        {1.25e9, true, "1.25 GB/s"},
        {999.5, true, "1.00 kB/s"},
        {1.8e19, true, "18.0 EB/s"},
        {18446744073709551615.0, true, "18.4 EB/s"},
        {1e30, true, "18.4 EB/s"},
        {DBL_MAX, false, "16.0 EiB/s"},
        {DBL_MIN, false, "0 B/s"},
        {-0.0, false, "0 B/s"},
        {-1, false, "0 B/s"},
        {-DBL_MAX, true, "0 B/s"},
        {infinity, false, "0 B/s"},
        {-infinity, false, "0 B/s"},
        {not_a_number, false, "0 B/s"},
        {-not_a_number, true, "0 B/s"},
    };

    for (size_t i = 0; i < LENGTH(rates); i++) {
        char buf[SIZE_TEXT];
        const char *text = size_format_rate(buf, rates[i].rate, rates[i].si);

        if (!tap_ok(text == buf && strcmp(text, rates[i].text) == 0, "rate %g is %s", rates[i].rate,
                    rates[i].text))
            tap_note("%s", text);
    }
}

/* What a size was written as: mantissa / 10^decimals units of `scale` bytes. */
struct written {
    uint64_t mantissa, scale;
    unsigned decimals, digits;
};

static bool read_back(const char *text, bool si, struct written *written)
{
    const char *prefixes = si ? "kMGTPE" : "KMGTPE";
    const uint64_t base = si ? 1000 : 1024;
    const char *prefix;

    *written = (struct written){.scale = 1};
    for (bool point = false; *text != ' '; text++) {
        if (*text == '.' && !point) {
            point = true;
            continue;
        }
        if (*text < '0' || *text > '9')
            return false;
        written->mantissa = written->mantissa * 10 + (uint64_t)(*text - '0');
        written->digits++;
        written->decimals += point;
    }
    text++;
    if (strcmp(text, "B") == 0)
        return written->decimals == 0;
    prefix = strchr(prefixes, *text);
    if (prefix == NULL || strcmp(text + 1, si ? "B" : "iB") != 0)
        return false;
    for (const char *p = prefixes; p <= prefix; p++)
        written->scale *= base;
    /* three digits, or 1000 to 1023 of a binary unit */
    return written->digits == 3 || (!si && written->decimals == 0 && written->digits == 4 &&
                                    written->mantissa >= 1000 && written->mantissa < 1024);
}

/* What is written is nearest to the value: off by half of the last digit at most. */
static void test_format_property(uint64_t *random, bool si)
{
    unsigned rounds = tap_rounds(100000);
    bool passed = true;

    for (unsigned i = 0; i < rounds && passed; i++) {
        uint64_t value = tap_magnitude(random, 56); /* so that the products below fit */
        struct written written;
        char buf[SIZE_TEXT];

        passed = read_back(size_format(buf, value, si), si, &written);
        if (passed) {
            uint64_t power = written.decimals == 2 ? 100 : written.decimals == 1 ? 10 : 1;
            uint64_t read = written.mantissa * written.scale, meant = value * power;

            passed = (read > meant ? read - meant : meant - read) <= written.scale / 2;
        }
        if (!passed)
            tap_note("%" PRIu64 " was written as %s", value, buf);
    }
    tap_ok(passed, "random sizes are written to the nearest digit, %s units",
           si ? "decimal" : "binary");
}

int main(void)
{
    uint64_t random = tap_seed();

    test_readings("size", parse_binary, sizes, LENGTH(sizes));
    test_junk("size", parse_binary, junk_sizes, LENGTH(junk_sizes));
    test_readings("size with -k", parse_si, si_sizes, LENGTH(si_sizes));
    test_readings("rate", parse_rate, rate_readings, LENGTH(rate_readings));
    test_readings("duration", size_parse_duration, durations, LENGTH(durations));
    test_junk("duration", size_parse_duration, junk_durations, LENGTH(junk_durations));
    test_readings("percent", parse_percent, percents, LENGTH(percents));
    test_long_texts();
    test_rate_refusals();
    test_status_texts();
    test_exact_fractions(&random);
    test_integers(&random);
    test_writings("binary", format_binary, binary_texts, LENGTH(binary_texts));
    test_writings("decimal", format_si, si_texts, LENGTH(si_texts));
    test_writings("duration", size_format_duration, duration_texts, LENGTH(duration_texts));
    test_rates();
    test_format_property(&random, false);
    test_format_property(&random, true);
    return tap_done();
}
