/*
 * test_options.c - options_parse() field by field, and every refusal's message.
 *
 * A command line is written as one string here, its words separated by '|' (so that words may be
 * empty and have spaces); "bpipe" comes first by itself. TEST_SEED=N repeats a random run.
 */
#include "base/descriptor.h"
#include "options/options.h"
#include "options/table.h"
#include "tests/tap.h"

#include <arpa/inet.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { MAX_WORDS = 32, LINE_SIZE = 1024, RANDOM_LINES = 20000 };

#define COUNT_OF(array) ((int)(sizeof(array) / sizeof((array)[0])))
#define KIB             UINT64_C(1024)
#define MS              UINT64_C(1000000)

static struct options parsed;
static char message[LINE_SIZE]; /* what options_parse() said on stderr */
static FILE *captured;          /* replaces stderr during parsing */

/* Parses the words of `line` into `parsed`. */
static enum options_status parse(const char *line)
{
    static char words[LINE_SIZE]; /* `parsed` points into it */
    char *argv[MAX_WORDS + 2] = {"bpipe"};
    int argc = 1;
    size_t got;
    enum options_status status;
    int saved = dup(STDERR_FILENO);

    snprintf(words, sizeof words, "%s", line);
    for (char *word = *line ? words : NULL; word && argc <= MAX_WORDS;) {
        char *end = strchr(word, '|');
        argv[argc++] = word;
        if (end)
            *end++ = '\0';
        word = end;
    }
    rewind(captured);
    if (ftruncate(fileno(captured), 0) != 0 || dup2(fileno(captured), STDERR_FILENO) < 0)
        abort();
    status = options_parse(&parsed, argc, argv);
    fflush(stderr);
    dup2(saved, STDERR_FILENO);
    close(saved);
    rewind(captured);
    got = fread(message, 1, sizeof message - 1, captured);
    message[got] = '\0';
    return status;
}

static bool is_one_line(const char *text)
{
    return strncmp(text, "bpipe: ", strlen("bpipe: ")) == 0 &&
           strchr(text, '\n') == text + strlen(text) - 1;
}

/* One line, or two: the second is a hint for which the first had no room. */
static bool is_refusal(const char *text)
{
    const char *second = strchr(text, '\n');
    return is_one_line(text) ||
           (second != NULL && strncmp(text, "bpipe: ", strlen("bpipe: ")) == 0 &&
            is_one_line(second + 1));
}

static void join(char *list, size_t size, const char *const *words, size_t count)
{
    list[0] = '\0';
    for (size_t i = 0; i < count; i++)
        snprintf(list + strlen(list), size - strlen(list), "%s%s", i ? "|" : "", words[i]);
}

/* --- numbers -------------------------------------------------------------------------------- */

static const struct {
    const char *line;
    const uint64_t *field;
    uint64_t value;
} numbers[] = {
    {"", &parsed.buffer_size, 16 * KIB *KIB},
    {"", &parsed.chunk_size, 1024 * KIB},
    {"", &parsed.block_size, 0},
    {"", &parsed.size, 0},
    {"", &parsed.idle_timeout_ns, 0},
    {"", &parsed.stall_timeout_ns, 0},
    {"", &parsed.spool_max, 1024 * KIB *KIB},
    {"", &parsed.drain_timeout_ns, 10000 * MS},
    {"", &parsed.report_every_ns, 0},
    {"-B|1", &parsed.buffer_size, 1},
    {"-B1.5G", &parsed.buffer_size, 1536 * KIB *KIB},
    {"--buffer-size=10MB", &parsed.buffer_size, 10000000},
    {"--buffer-size|10MiB", &parsed.buffer_size, 10 * KIB *KIB},
    {"--buffer-s|7", &parsed.buffer_size, 7},
    {"-B|2147483647", &parsed.buffer_size, INT_MAX},
    {"-B|1K|-B|3K", &parsed.buffer_size, 3 * KIB},
    {"-B|1K|-k", &parsed.buffer_size, 1000},
    {"-k|-B|1K", &parsed.buffer_size, 1000},
    {"-B|1K|x|--si", &parsed.buffer_size, 1000},
    {"-kB1KiB", &parsed.buffer_size, 1024},
    {"-z|1", &parsed.chunk_size, 1},
    {"-z|32M", &parsed.chunk_size, 32 * KIB *KIB},
    {"--chunk-size=3|--si", &parsed.chunk_size, 3},
    {"--block-size|16M", &parsed.block_size, 16 * KIB *KIB},
    {"--block-size|10|-B|10", &parsed.block_size, 10},
    {"--block-size|1M|--block-size|10|-B|10", &parsed.block_size, 10},
    {"-J|0", &parsed.pipe_size, 0},
    {"--pipe-buffer-size|2147483647", &parsed.pipe_size, INT_MAX},
    {"-s|5K", &parsed.size, 5 * KIB},
    {"-k|-l|-s|5K", &parsed.size, 5000},
    {"--size=0", &parsed.size, 0},
    {"-s|@x|-s|5", &parsed.size, 5},
    {"--skip|1M", &parsed.skip, KIB *KIB},
    {"--skip=3K|-k", &parsed.skip, 3000},
    {"--skip|9223372036854775807", &parsed.skip, INT64_MAX},
    {"-s|5|-s|@x", &parsed.size, 0},
    {"--spool|x|--spool-max|1", &parsed.spool_max, 1},
    {"--spool-max=1.5M|--spool|x|--si", &parsed.spool_max, 1500000},
    {"--idle-timeout|1.5", &parsed.idle_timeout_ns, 1500 * MS},
    {"--stall-timeout=250ms", &parsed.stall_timeout_ns, 250 * MS},
    {"--drain-timeout|0", &parsed.drain_timeout_ns, 0},
    {"--drain-timeout|2m", &parsed.drain_timeout_ns, 120000 * MS},
    {"", &parsed.net.connect_timeout_ns, 0},
    {"--connect-timeout|0", &parsed.net.connect_timeout_ns, 0},
    {"--connect-timeout=1.5|tcp://h:9", &parsed.net.connect_timeout_ns, 1500 * MS},
    {"--report-every|0.5|--report-every|1h", &parsed.report_every_ns, 3600000 * MS},
};

static void test_numbers(void)
{
    for (int i = 0; i < COUNT_OF(numbers); i++) {
        bool held = parse(numbers[i].line) == OPTIONS_RUN && *numbers[i].field == numbers[i].value;
        if (!tap_ok(held, "'%s' gives %ju", numbers[i].line, (uintmax_t)numbers[i].value))
            tap_note("%ju %s", (uintmax_t)*numbers[i].field, message);
        options_destroy(&parsed);
    }
}

/* --- flags ---------------------------------------------------------------------------------- */

static const struct {
    const char *letter, *name;
    const bool *field;
} flags[] = {
    {"-o|x|--atomic", "--output=x|--ato", &parsed.atomic},
    {"-Y", "--sync", &parsed.sync},
    {"-K", "--direct-io", &parsed.direct_io},
    {"-X", "--discard", &parsed.discard},
    {"-C", "--no-splice", &parsed.no_splice},
    {"-S", "--stop-at-size", &parsed.stop_at_size},
    {"-k", "--si", &parsed.si},
    {"-l|--overflow|drop-oldest|--gap-mark", "--null|--overf=drop-newest|--gap", &parsed.gap_mark},
    {"x|--merge|y", "--mer", &parsed.merge},
    {"-q", "--quiet", &parsed.quiet},
    {"-v", "--stats", &parsed.verbose},
    {"-J4K", "--pipe-buffer-size|4K", &parsed.given[OPTION_PIPE_BUFFER_SIZE]},
    {"--drain-timeout|1", "--drain-timeout=0", &parsed.given[OPTION_DRAIN_TIMEOUT]},
};

static void test_flags(void)
{
    for (int i = 0; i < COUNT_OF(flags); i++) {
        bool off = parse("") == OPTIONS_RUN && !*flags[i].field;
        options_destroy(&parsed);
        bool letter = parse(flags[i].letter) == OPTIONS_RUN && *flags[i].field;
        options_destroy(&parsed);
        bool name = parse(flags[i].name) == OPTIONS_RUN && *flags[i].field;
        options_destroy(&parsed);
        tap_ok(off && letter && name, "off by default, on with '%s' and '%s'", flags[i].letter,
               flags[i].name);
    }
}

/* --- lists and choices ---------------------------------------------------------------------- */

static const struct {
    const char *line, *inputs, *outputs;
} operands[] = {
    {"", "-", "-"},
    {"a|-|fd://3|-", "a|-|fd://3|-", "-"},
    {"a|-q|b", "a|b", "-"},
    {"-q|--|-q|--help", "-q|--help", "-"},
    {"-o|a|-o|-|--output=fd://2147483647|x", "x", "a|-|fd://2147483647"},
    {"-oa|-o|a", "-", "a|a"},
    {"./tcp://h:9|fd:/3|tcp:x", "./tcp://h:9|fd:/3|tcp:x", "-"},
    {"fd://0|/dev/stdin|-", "fd://0|/dev/stdin|-", "-"},
    {"tcp://h:9|-o|tcp-listen://:0|unix://x", "tcp://h:9|unix://x", "tcp-listen://:0"},
    {"tcp-listen://:9|-o|tcp://h:9|-o|tcp://h:9", "tcp-listen://:9", "tcp://h:9|tcp://h:9"},
    {"tcp-listen://:0|tcp-listen://:0|-o|tcp-listen://:0", "tcp-listen://:0|tcp-listen://:0",
     "tcp-listen://:0"},
    {"udp-listen://:9|-o|tcp-listen://:9|-o|unix-listen://:9", "udp-listen://:9",
     "tcp-listen://:9|unix-listen://:9"},
    {"-X", "-", "-"},
};

static void test_operands(void)
{
    for (int i = 0; i < COUNT_OF(operands); i++) {
        char inputs[LINE_SIZE] = "", outputs[LINE_SIZE] = "";
        bool held = parse(operands[i].line) == OPTIONS_RUN;
        join(inputs, sizeof inputs, parsed.inputs, parsed.input_count);
        join(outputs, sizeof outputs, parsed.outputs, parsed.output_count);
        held = held && strcmp(inputs, operands[i].inputs) == 0 &&
               strcmp(outputs, operands[i].outputs) == 0;
        if (!tap_ok(held, "'%s': inputs and outputs", operands[i].line))
            tap_note("%s, %s %s", inputs, outputs, message);
        options_destroy(&parsed);
    }
}

static const struct {
    const char *line, *taps;
} taps[] = {
    {"", ""},
    {"--tap|a|--tap=b|x|--tap|fd://3|--tap|a", "a|b|fd://3|a"},
    {"-X|--tap|-", "-"},
    {"--tap|-|-o|x", "-"},
    {"-o|fd://3|--tap|fd://4", "fd://4"},
    {"--tap|tcp-listen://:9|--tap=unix://x|--tap=udp://h:1", "tcp-listen://:9|unix://x|udp://h:1"},
};

static void test_taps(void)
{
    for (int i = 0; i < COUNT_OF(taps); i++) {
        char list[LINE_SIZE] = "";
        bool held = parse(taps[i].line) == OPTIONS_RUN;
        join(list, sizeof list, parsed.taps, parsed.tap_count);
        held = held && strcmp(list, taps[i].taps) == 0;
        if (!tap_ok(held, "'%s' taps '%s'", taps[i].line, taps[i].taps))
            tap_note("'%s' %s", list, message);
        options_destroy(&parsed);
    }
}

/* What is reported, as "FORMAT" or "FORMAT:FILE", separated by '|'. */
static const struct {
    const char *line, *reports;
} reports[] = {
    {"", "text"},
    {"-q", ""},
    {"-v", "text"},
    {"-q|-v", "text"},
    {"-v|-q", "text"},
    {"--report|none", ""},
    {"--report|none|-v", "text"},
    {"--report|none|--report|json", "json"},
    {"--report|json|--report|none", "json"},
    {"--report=text", "text"},
    {"--report|json", "json"},
    {"-q|--report|json:a", "json:a"},
    {"--report|json:a|-v", "json:a|text"},
    {"--report|text:a|-v", "text:a|text"},
    {"--report|text|-v", "text"},
    {"--report|text:fd://2|-v", "text"},
    {"--report|json:/dev/stderr", "json"},
    {"--report|text|--report|text", "text"},
    {"--report|json:a|--report|json:b|--report|json:a", "json:a|json:b"},
    {"--report|prometheus:a:b|--report|json:fd://3", "prometheus:a:b|json:fd://3"},
    {"-X|--report|json:-", "json:-"},
    {"-o|a|--report|text:fd://1", "text:fd://1"},
    {"-o|fd://3|--report|text:fd://4", "text:fd://4"},
    {"-o|fd://2", "text"},
    {"--report-every|1", "text"},
    {"-q|--report-every|1", "text"},
    {"-q|--report-every|1|--report|json:a", "json:a"},
    {"--report|none|--report-every|1|-v", "text"},
    {"-Q|1|--report|json", "json"},
    {"-Q|1|-v", "text"},
};

static void test_reports(void)
{
    static const char *const formats[] = {"text", "json", "prometheus"};
    for (int i = 0; i < COUNT_OF(reports); i++) {
        char list[LINE_SIZE] = "";
        bool held = parse(reports[i].line) == OPTIONS_RUN;
        for (size_t k = 0; k < parsed.report_count; k++) {
            const struct report_spec *spec = &parsed.reports[k];
            snprintf(list + strlen(list), sizeof list - strlen(list), "%s%s%s%s", k ? "|" : "",
                     formats[spec->format], spec->path ? ":" : "", spec->path ? spec->path : "");
        }
        held = held && strcmp(list, reports[i].reports) == 0;
        if (!tap_ok(held, "'%s' reports '%s'", reports[i].line, reports[i].reports))
            tap_note("'%s' %s", list, message);
        options_destroy(&parsed);
    }
}

/* One line, and whether it holds for the result. */
#define HOLDS(line, condition)                                    \
    do {                                                          \
        bool run = parse(line) == OPTIONS_RUN;                    \
        tap_ok(run && (condition), "'%s': %s", line, #condition); \
        options_destroy(&parsed);                                 \
    } while (0)

static bool allows(const char *text)
{
    struct sockaddr_in peer = {.sin_family = AF_INET};
    const struct sockaddr *address = (const struct sockaddr *)&peer;
    return inet_pton(AF_INET, text, &peer.sin_addr) == 1 &&
           address_is_within(address, parsed.net.allowed, parsed.net.allowed_count);
}

static void test_network(void)
{
    HOLDS("", parsed.net.family == AF_UNSPEC);
    HOLDS("-4", parsed.net.family == AF_INET);
    HOLDS("--ipv4|-4", parsed.net.family == AF_INET);
    HOLDS("-6", parsed.net.family == AF_INET6);
    HOLDS("--ipv6", parsed.net.family == AF_INET6);
    HOLDS("", parsed.net.retries == 0);
    HOLDS("--retry|5|--retry|0", parsed.net.retries == 0);
    HOLDS("--retry=1000000", parsed.net.retries == 1000000);
    HOLDS("--retry=007", parsed.net.retries == 7);
    HOLDS("", parsed.net.allowed_count == 0);
    HOLDS("--allow|10.0.0.0/8|--allow|::1", parsed.net.allowed_count == 2);
    HOLDS("--allow|10.0.0.0/8|--allow|192.0.2.7",
          allows("10.1.2.3") && allows("192.0.2.7") && !allows("192.0.2.8"));
    HOLDS("", parsed.net.tcp_buffer == 0);
    HOLDS("--tcp-buffer|4M", parsed.net.tcp_buffer == 4 << 20);
    HOLDS("--tcp-buffer|1073741823", parsed.net.tcp_buffer == INT_MAX / 2);
    HOLDS("", parsed.datagram_size == 1400);
    HOLDS("--datagram-size|1", parsed.datagram_size == 1);
    HOLDS("-k|--datagram-size|65.507K", parsed.datagram_size == 65507);
    HOLDS("", parsed.stop_on_output_error);
    HOLDS("-X", parsed.stop_on_output_error);
    HOLDS("-o|x", parsed.stop_on_output_error);
    HOLDS("-o|x|--tap|y", parsed.stop_on_output_error);
    HOLDS("-o|x|-o|y", !parsed.stop_on_output_error);
    HOLDS("-o|x|-o|y|--on-output-error|stop", parsed.stop_on_output_error);
    HOLDS("-o|x|--on-output-error=continue", !parsed.stop_on_output_error);
    HOLDS("--on-output-error|stop|--on-output-error|continue", !parsed.stop_on_output_error);
}

/* The buffer in each of these is as small as it may be. */
static void test_datagrams(void)
{
    HOLDS("udp-listen://:9", parsed.records == RECORD_DATAGRAM);
    HOLDS("udp-listen://:9|udp://h:9|-B|64K", parsed.records == RECORD_DATAGRAM);
    HOLDS("udp-listen://:9|-l", parsed.records == RECORD_LINE);
    HOLDS("udp-listen://:9|x|-0", parsed.records == RECORD_NUL);
    HOLDS("-o|udp://h:9|-B|1", parsed.records == RECORD_NONE);
    HOLDS("-o|udp-listen://:9|--spool|x", parsed.records == RECORD_NONE);
    HOLDS("--tap|udp://h:9|--block-size|512", parsed.records == RECORD_NONE);
    HOLDS("tcp-listen://:9|--block-size|512", parsed.records == RECORD_NONE);
    HOLDS("udp://h:9|-L|1K|-s|1K", parsed.rate_limit == 1024 && parsed.size == 1024);
    HOLDS("--merge|udp-listen://:8|udp-listen://:9|-B|192K", options_ring_size(&parsed) == 65536);
    HOLDS("--merge|udp-listen://:8|x|-l|-B|192K", options_ring_size(&parsed) == 65536);
    HOLDS("--merge|udp-listen://:8|udp-listen://:9|--overflow|drop-oldest|-B|192K",
          options_ring_size(&parsed) == 65536);
}

static void test_choices(void)
{
    HOLDS("", parsed.records == RECORD_NONE);
    HOLDS("-l", parsed.records == RECORD_LINE);
    HOLDS("-0", parsed.records == RECORD_NUL);
    HOLDS("-0l", parsed.records == RECORD_NUL);
    HOLDS("--line-mode|--null", parsed.records == RECORD_NUL);
    HOLDS("", parsed.file_mode == FILE_TRUNCATE);
    HOLDS("--append|-o|x", parsed.file_mode == FILE_APPEND);
    HOLDS("-o|x|--no-clobber", parsed.file_mode == FILE_NO_CLOBBER);
    HOLDS("-o|x|--no-clobber|--atomic", parsed.file_mode == FILE_NO_CLOBBER && parsed.atomic);
    HOLDS("", parsed.start_fill_percent == 0 && parsed.resume_fill_percent == 100);
    HOLDS("--start-fill|50%", parsed.start_fill_percent == 50);
    HOLDS("--resume-fill=0", parsed.resume_fill_percent == 0);
    HOLDS("", parsed.rate_limit == 0 && parsed.read_rate == 0 && parsed.burst == 0);
    HOLDS("-L|1.5M", parsed.rate_limit == 1572864);
    HOLDS("-k|-L|1.5M", parsed.rate_limit == 1500000);
    HOLDS("-L|10Mbit/s|-L|0", parsed.rate_limit == 0);
    HOLDS("--read-rate|10Mbit", parsed.read_rate == 1250000);
    HOLDS("--burst|64K", parsed.burst == 65536);
    HOLDS("-l|-L|500", parsed.rate_limit == 500);
    HOLDS("", parsed.overflow == OVERFLOW_BLOCK);
    HOLDS("--overflow|drop-newest", parsed.overflow == OVERFLOW_DROP_NEWEST);
    HOLDS("--overflow=drop-oldest", parsed.overflow == OVERFLOW_DROP_OLDEST);
    HOLDS("--overflow|drop-oldest|--over|fail", parsed.overflow == OVERFLOW_FAIL);
    HOLDS("--overflow|fail|--overflow|block", parsed.overflow == OVERFLOW_BLOCK);
    HOLDS("", parsed.spool == NULL);
    HOLDS("--spool|a|--spool|./tcp://x", strcmp(parsed.spool, "./tcp://x") == 0);
    HOLDS("", parsed.name == NULL && parsed.pidfile == NULL);
    HOLDS("-N|a b", strcmp(parsed.name, "a b") == 0);
    HOLDS("--pidfile|./tcp://x", strcmp(parsed.pidfile, "./tcp://x") == 0);
    HOLDS("", parsed.size_path == NULL);
    HOLDS("-s|@a@b", strcmp(parsed.size_path, "a@b") == 0);
    HOLDS("-s|@a|-s|5", parsed.size_path == NULL);
    HOLDS("-s|@a|-0", strcmp(parsed.size_path, "a") == 0);
    HOLDS("", !parsed.given[OPTION_SIZE]);
    HOLDS("-s|0", parsed.given[OPTION_SIZE] && parsed.size == 0);
    HOLDS("-s|@a", parsed.given[OPTION_SIZE] && parsed.size == 0);
}

static void test_remote(void)
{
    HOLDS("", parsed.remote == 0 && parsed.query == 0 && !parsed.given[OPTION_RATE_LIMIT]);
    HOLDS("-R|5|-L|1M",
          parsed.remote == 5 && parsed.given[OPTION_RATE_LIMIT] && parsed.rate_limit == KIB * KIB);
    HOLDS("-R|5|-L|0", parsed.given[OPTION_RATE_LIMIT] && !parsed.given[OPTION_READ_RATE] &&
                           !parsed.given[OPTION_INTERVAL]);
    HOLDS("--remote=5|--read-rate|0|-i|1",
          parsed.given[OPTION_READ_RATE] && parsed.given[OPTION_INTERVAL]);
    HOLDS("-R|5|--start-fill|0",
          parsed.given[OPTION_START_FILL] && !parsed.given[OPTION_RESUME_FILL]);
    HOLDS("-R|5|--resume-fill|100",
          parsed.given[OPTION_RESUME_FILL] && !parsed.given[OPTION_START_FILL]);
    HOLDS("-R|5|-k|-q|-l|-s|@x", parsed.remote == 5 && parsed.given[OPTION_SIZE]);
    HOLDS("-R|5|-p", parsed.remote == 5 && parsed.display.progress);
    HOLDS("-Q|2147483647", parsed.query == INT_MAX && parsed.remote == 0);
    HOLDS("--query|7|-v|-k|--report|json", parsed.query == 7 && parsed.verbose && parsed.si);
}

/* --- descriptors, spelling, letters ---------------------------------------------------------- */

static const struct {
    const char *text;
    int fd;
} descriptors[] = {
    {"-", 77},
    {"fd://0", 0},
    {"fd://007", 7},
    {"fd://2147483647", INT_MAX},
    {"fd://2147483648", -1},
    {"fd://99999999999999999999999999", -1},
    {"fd://", -1},
    {"fd://-1", -1},
    {"fd://+1", -1},
    {"fd:// 1", -1},
    {"fd://1x", -1},
    {"/dev/fd/3", 3},
    {"/dev/fd/3/x", -1},
    {"/dev/fd/", -1},
    {"/proc/self/fd/12", 12},
    {"/dev/stdin", 0},
    {"/dev/stdout", 1},
    {"/dev/stderr", 2},
    {"/dev/stdout2", -1},
    {"./-", -1},
    {"", -1},
};

static void test_descriptors(void)
{
    for (int i = 0; i < COUNT_OF(descriptors); i++) {
        int fd = descriptor_inherited_number(descriptors[i].text, 77);
        if (!tap_ok(fd == descriptors[i].fd, "'%s' is descriptor %d", descriptors[i].text,
                    descriptors[i].fd))
            tap_note("%d", fd);
    }
}

static const struct {
    const char *typo, *meant;
} typos[] = {
    {"bufer-size", "--buffer-size"},
    {"buffersize", "--buffer-size"},
    {"Buffer_Size", "--buffer-size"},
    {"hlep", "--help"},
    {"ouptut", "--output"},
    {"no-clober", "--no-clobber"},
    {"report-evry", "--report-every"},
    {"statz", "--stats"},
    {"x", NULL},
    {"", NULL},
    {"overflw", "--overflow"},
    {"drop-oldest", NULL},
    {"gapmark", "--gap-mark"},
    {"spoolmax", "--spool-max"},
    {"marge", "--merge"},
    {"taps", "--tap"},
    {"rate-limt", "--rate-limit"},
    {"watchfd", NULL},
    {"a-name-that-is-longer-than-any-that-anybody-would-give-to-an-option", NULL},
};

static void test_spelling(void)
{
    for (int i = 0; i < COUNT_OF(typos); i++) {
        const struct option_row *row = option_nearest(typos[i].typo, strlen(typos[i].typo));
        const char *name = row ? row->name : NULL, *meant = typos[i].meant;
        bool held = name && meant ? strcmp(name, meant) == 0 : name == meant;
        if (!tap_ok(held, "'--%s' is near %s", typos[i].typo, meant ? meant : "nothing"))
            tap_note("%s", name ? name : "nothing");
    }
}

/* pv(1)'s own letters: they mean what they mean there, or nothing. */
static const char *const pv_letters[] = {
    "p--progress",     "t--timer",
    "e--eta",          "I--fineta",
    "r--rate",         "a--average-rate",
    "b--bytes",        "T--buffer-percent",
    "A--last-written", "F--format",
    "n--numeric",      "q--quiet",
    "W--wait",         "D--delay-start",
    "s--size",         "l--line-mode",
    "0--null",         "i--interval",
    "w--width",        "H--height",
    "N--name",         "f--force",
    "c--cursor",       "L--rate-limit",
    "B--buffer-size",  "C--no-splice",
    "E--skip-errors",  "S--stop-at-size",
    "R--remote",       "P--pidfile",
    "d--watchfd",      "h--help",
    "V--version",      "o--output",
    "v--stats",        "k--si",
    "Y--sync",         "K--direct-io",
    "X--discard",      "Z--error-skip-block",
    "O--sparse",       "U--store-and-forward",
    "M--monitor",      "8--bits",
    "g--gauge",        "m--average-rate-window",
    "u--bar-style",    "x--extra-display",
};

static bool letter_is_pvs(const char *pv)
{
    enum option_id id = option_of_value(pv[0]);
    return id == OPTION_COUNT || strcmp(option_rows[id].name, pv + 1) == 0;
}

static bool rows_are_unique(void)
{
    for (int a = 0; a < OPTION_COUNT; a++)
        for (int b = 0; b < a; b++) {
            const struct option_row *x = &option_rows[a], *y = &option_rows[b];
            if (strcmp(x->name, y->name) == 0 || (x->letter && x->letter == y->letter))
                return false;
        }
    return true;
}

static void test_table(void)
{
    for (int i = 0; i < COUNT_OF(pv_letters); i++)
        tap_ok(letter_is_pvs(pv_letters[i]), "-%s is not something else", pv_letters[i]);
    tap_ok(rows_are_unique(), "each letter and each name is used once");
}

/* --- refusals ------------------------------------------------------------------------------- */

enum { REFUSALS = 4 };

/* That each refusal is right is in options.bats; here is what a caller sees of one. */
/* No member of struct options has two options, and a flag has no argument. */
static void test_types(void)
{
    for (int id = 0; id < OPTION_COUNT; id++) {
        const struct option_row *row = &option_rows[id];
        bool argument = row->argument != NULL, alone = true;
        for (int other = 0; other < id && row->type != TYPE_OWN; other++)
            alone &=
                option_rows[other].type == TYPE_OWN || option_rows[other].offset != row->offset;
        tap_ok(alone && (row->type == TYPE_OWN || argument == (row->type != TYPE_FLAG)),
               "%s has a member of its own, and an argument if it is no flag", row->name);
    }
}

/* Whether the line shows the fill of the buffer is known when the options are parsed. */
static void test_shown_buffer(void)
{
    static const struct {
        const char *line;
        bool shown;
    } lines[] = {{"-T", true},
                 {"-p", false},
                 {"", false},
                 {"-F|%b %T", true},
                 {"-F|%{buffer-bar}", true},
                 {"-F|%%T %b", false},
                 {"-x|windowtitle:%{buffer-fill}", true},
                 {"-x|windowtitle:%b", false}};
    for (int i = 0; i < COUNT_OF(lines); i++) {
        enum options_status status = parse(lines[i].line);
        tap_ok(status == OPTIONS_RUN && parsed.display.shows_buffer == lines[i].shown,
               "'%s' %s the buffer", lines[i].line, lines[i].shown ? "shows" : "does not show");
        options_destroy(&parsed);
    }
}

/* What --help says that -R can change is what it can change. */
static void test_live(void)
{
    for (const char *word = strchr(option_rows[OPTION_REMOTE].help, '-'); word != NULL;
         word = strchr(word + 2, '-')) {
        size_t length = strcspn(word, ",\n");
        bool live = false;
        for (int id = 0; id < OPTION_COUNT; id++) {
            const struct option_row *row = &option_rows[id];
            bool named = strlen(row->name) == length && strncmp(row->name, word, length) == 0;
            live |= row->live && (named || (length == 2 && word[1] == row->letter));
        }
        tap_ok(live, "%.*s is changed by -R", (int)length, word);
        word += length - 2;
    }
}

/* Whether the help of -R lists the row, by its letter or else by its name. */
static bool is_listed(const struct option_row *row)
{
    char letter[] = {'-', row->letter, '\0'};
    const char *wanted = row->letter != 0 ? letter : row->name;
    const char *word = option_rows[OPTION_REMOTE].help;
    size_t length;
    for (; *word != '\0'; word += length + (word[length] != '\0')) {
        length = strcspn(word, " ,\n");
        if (length == strlen(wanted) && strncmp(word, wanted, length) == 0)
            return true;
    }
    return false;
}

/* Whether the option stands for a part of a format, which -F in the list includes. */
static bool is_display_switch(const struct option_row *row)
{
    char line[LINE_SIZE], format[DISPLAY_FORMAT_TEXT];
    snprintf(line, sizeof line, "-R|1|%s%s", row->name, row->argument != NULL ? "|1" : "");
    bool stands = parse(line) == OPTIONS_RUN && parsed.display.format == NULL &&
                  parsed.name == NULL && options_display_format(&parsed, format) != NULL;
    options_destroy(&parsed);
    return stands;
}

/* What -R can change is in its help. */
static void test_listed(void)
{
    for (int id = 0; id < OPTION_COUNT; id++) {
        const struct option_row *row = &option_rows[id];
        if (row->live && !is_display_switch(row))
            tap_ok(is_listed(row), "%s is in the help of -R", row->name);
        else
            tap_ok(!is_listed(row), "%s is not in the help of -R", row->name);
    }
}

static void test_refusals(void)
{
    tap_ok(parse("-o|x|-B|0|y") == OPTIONS_USAGE && is_one_line(message), "a refusal is one line");
    tap_ok(!parsed.inputs && !parsed.outputs && !parsed.reports && parsed.input_count == 0,
           "and leaves nothing to destroy");
    parse("-qqZqq|x");
    bool run = parse("-v") == OPTIONS_RUN;
    tap_ok(run && parsed.verbose && !parsed.quiet, "parsing starts over after one inside a word");
    options_destroy(&parsed);
    parse("-s|1\n2");
    tap_ok(is_one_line(message), "a newline in the text does not make it two");
}

/* --- anything ------------------------------------------------------------------------------- */

static const char *const vocabulary[] = {
    "-B",
    "-z",
    "-o",
    "--append",
    "--no-clobber",
    "--atomic",
    "-s",
    "-S",
    "-Y",
    "-K",
    "-X",
    "-C",
    "-J",
    "-l",
    "-0",
    "-k",
    "-q",
    "-v",
    "-N",
    "-P",
    "--start-fill",
    "--re",
    "--report",
    "--block-s",
    "--idle=",
    "--stall-t=3",
    "--drain-t",
    "--report-every",
    "-",
    "--",
    "1",
    "4K",
    "99E",
    "0",
    "50%",
    "@x",
    "json",
    "none",
    "text:f",
    "json:fd://1",
    "fd://3",
    "tcp://h:1",
    "",
    "-Zq",
    "-qvB7",
    "--x=\n",
    "\n",
    "\xff",
    "-\xc3\xa9",
    "-L",
    "--read-r",
    "--burst",
    "8Mbit",
    "1M/s",
    "--rate",
    "--\xff",
    "250ms",
    "-1",
    "+1",
    "--=",
    "--no",
    "--append=1",
    "fail",
    "-4",
    "-6",
    "--retry",
    "--allow",
    "--tcp-b",
    "--datag",
    "--on-o",
    "::1/64",
    "udp://h:1",
    "udp-listen://:1",
    "tcp-listen://:1",
    "unix://x",
    "stop",
    "64K",
    "--tap",
    "--gap-m",
    "--spool",
    "--merge",
    "drop-oldest",
    "--spool-m",
    "--overflow",
};

/* Refused with one line, or accepted with what options/options.h promises. */
static bool is_sound(enum options_status status)
{
    if (status == OPTIONS_USAGE)
        return is_refusal(message) && !parsed.inputs;
    return status == OPTIONS_RUN && message[0] == '\0' && parsed.input_count > 0 &&
           parsed.output_count > 0 && parsed.buffer_size > 0 && parsed.chunk_size > 0 &&
           parsed.block_size <= parsed.buffer_size && parsed.start_fill_percent <= 100 &&
           parsed.resume_fill_percent <= 100 && parsed.spool_max > 0 &&
           (!parsed.gap_mark || parsed.records == RECORD_LINE || parsed.records == RECORD_NUL) &&
           (parsed.records != RECORD_DATAGRAM || (!parsed.spool && !parsed.block_size)) &&
           (parsed.records != RECORD_DATAGRAM || options_ring_size(&parsed) >= 64 * KIB) &&
           parsed.datagram_size >= 1 && parsed.datagram_size <= 65507 &&
           (!parsed.report_every_ns || parsed.report_count);
}

static void test_anything(void)
{
    const char *given = getenv("TEST_SEED");
    unsigned seed = given ? (unsigned)strtoul(given, NULL, 10) : (unsigned)time(NULL);
    int unsound = 0, accepted = 0;

    tap_note("TEST_SEED=%u", seed);
    srand(seed);
    for (int n = 0; n < RANDOM_LINES && unsound < 10; n++) {
        char line[LINE_SIZE] = "";
        for (int words = rand() % 8; words > 0; words--)
            snprintf(line + strlen(line), sizeof line - strlen(line), "%s%s",
                     vocabulary[rand() % COUNT_OF(vocabulary)], words > 1 ? "|" : "");
        enum options_status status = parse(line);
        if (!is_sound(status)) {
            unsound++;
            tap_note("status %d: %s: %s", (int)status, line, message);
        }
        if (status == OPTIONS_RUN) {
            accepted++;
            options_destroy(&parsed);
        }
    }
    tap_ok(unsound == 0 && accepted > 0, "%d random lines are refused or sound", RANDOM_LINES);
}

int main(void)
{
    captured = tmpfile();
    if (!captured)
        return 1;
    test_numbers();
    test_flags();
    test_operands();
    test_taps();
    test_reports();
    test_choices();
    test_remote();
    test_network();
    test_datagrams();
    test_descriptors();
    test_spelling();
    test_table();
    test_types();
    test_live();
    test_listed();
    test_shown_buffer();
    test_refusals();
    test_anything();
    fclose(captured);
    return tap_done();
}
