/*
 * test_display_format.c - the live line: every sequence, golden lines, and random formats whose
 * lines must never be too wide or hold a control character.
 *
 * The amounts are what pv 1.6.20 printed, except the second blank before a "B" without a prefix
 * (pv 1.7.17 has it); so are the lines of -n.
 */
#include "display/default_line.h"
#include "display/format.h"
#include "tests/tap.h"

#include "base/size.h"
#include "display/columns.h"
#include "display/parts.h"
#include "display/side.h"

#include <float.h>
#include <locale.h>
#include <math.h>
#include <wchar.h>

#define LENGTH(a) (sizeof(a) / sizeof((a)[0]))
#define SEC       NS_PER_SEC
#define MINUTE    (60 * SEC)
#define HOUR      (60 * MINUTE)
#define DAY       (24 * HOUR)

enum {
    NEW_YEAR = 1767225600, /* 2026-01-01 00:00:00 UTC */
    WIDE_BAR = 20          /* columns of the bar in a line of 80 */
};

/* How a scene differs from the usual one. */
enum {
    ASCII = 1 << 0,
    UNKNOWN = 1 << 1, /* the size is */
    FINAL = 1 << 2,
    GAUGE = 1 << 3,
    SI = 1 << 4,
    BITS = 1 << 5,
    RECORDS = 1 << 6,
    COLOURS = 1 << 7,
    NAME = 1 << 8,
    PASSES = 1 << 9,
    BALANCED = 1 << 10,
    THROTTLE = 1 << 11,
    INPUT = 1 << 12,
    ALONE = 1 << 13, /* there is no culprit */
    NO_ETA = 1 << 14,
    LATE = 1 << 15, /* the ETA is more than a day ahead */
    BLOCK = 1 << 16,
    GRANULAR = 1 << 17,
    SHADED = 1 << 18,
    BACK = 1 << 19,    /* the mark is on its way back */
    DONE = 1 << 20,    /* all that was expected, and more */
    NO_TIME = 1 << 21, /* has passed: neither a rate nor a share of it is known */
    NOTHING = 1 << 22, /* was written yet */
    BUSY = 1 << 23,
    LONG_RUN = 1 << 24,  /* hours have passed, and hours are left */
    LONG_NAME = 1 << 25, /* of the culprit */
    LOSS = 1 << 26,      /* bytes were dropped */
    FILLING = 1 << 27,   /* the buffer, and no side is slow */
    EMPTYING = 1 << 28
};

struct scene {
    const char *format; /* NULL: the default line */
    unsigned width;
    unsigned flags;
    const char *line;
};

static char last_written[] = "a\tb\x80x z";
static char last_line[] = "l\303\244st\033[2J\377\302\205.";

static struct display_values usual_values(unsigned flags)
{
    struct display_values values = {
        .units = 1299227607,
        .size_known = !(flags & UNKNOWN),
        .size = flags & UNKNOWN ? 0
                : flags & DONE  ? 1000000000
                                : UINT64_C(3000000000),
        .records = flags & RECORDS,
        .elapsed_ns = flags & NO_TIME    ? 0
                      : flags & LONG_RUN ? 2 * HOUR + 5 * MINUTE
                                         : 12 * SEC + SEC / 4,
        .rate = 108003328,
        .average_rate = 999,
        .highest_rate = 200e6,
        .eta_ns = flags & NO_ETA     ? UINT64_MAX
                  : flags & LATE     ? 2 * DAY + 3 * HOUR
                  : flags & LONG_RUN ? 3 * HOUR
                                     : 16 * SEC,
        .phase = flags & BACK ? 150 : 25,
        .now = NEW_YEAR,
        .final = flags & FINAL,
        .fill = 740,
        .capacity = 1000,
        .passes = flags & PASSES,
        .side = flags & (BALANCED | FILLING | EMPTYING) ? METER_VERDICT_BALANCED
                : flags & THROTTLE                      ? METER_VERDICT_THROTTLE
                : flags & INPUT                         ? METER_VERDICT_INPUT
                : flags & BUSY                          ? METER_VERDICT_BUSY
                                                        : METER_VERDICT_OUTPUT,
        .side_percent = flags & THROTTLE ? 100 : 81,
        .culprit = flags & ALONE       ? NULL
                   : flags & LONG_NAME ? "update-database"
                                       : "zstd",
        .note = flags & FILLING    ? DISPLAY_NOTE_FILLING
                : flags & EMPTYING ? DISPLAY_NOTE_EMPTYING
                                   : DISPLAY_NOTE_NONE,
        .dropped = flags & LOSS ? 4096 : 0,
        .name = flags & NAME ? "bad\nk" : NULL,
        .written = last_written,
        .written_length = flags & NOTHING ? 0 : sizeof last_written - 1,
        .line = last_line,
        .line_length = flags & NOTHING ? 0 : sizeof last_line - 1,
    };
    if (flags & NO_TIME)
        return values;
    values.state_ns[METER_OUTPUT] = 810;
    values.state_ns[METER_INPUT] = 90;
    values.state_ns[METER_BUSY] = 100;
    return values;
}

static struct display_style usual_style(unsigned flags, unsigned width)
{
    return (struct display_style){
        .width = width,
        .utf8 = !(flags & ASCII),
        .colours = flags & COLOURS,
        .si = flags & SI,
        .bits = flags & BITS,
        .gauge = flags & GAUGE,
        .bar = flags & BLOCK      ? BAR_BLOCK
               : flags & GRANULAR ? BAR_GRANULAR
               : flags & SHADED   ? BAR_SHADED
                                  : BAR_PLAIN,
    };
}

/* --- the width of a line, counted in another way ---------------------------------------------- */

/* Characters by wcwidth(3), and bytes of none; colours are none. -1: there is a control character,
 * or a colour where there may not be one. */
static int count_columns(const struct text *text, bool colours)
{
    int columns = 0;

    for (size_t i = 0; i < text->length; i++) {
        size_t length = utf8_length_in(text->bytes + i, text->length - i);
        int wide = length < 2 ? 1 : wcwidth((wchar_t)utf8_code_point(text->bytes + i, length));
        unsigned char byte = (unsigned char)text->bytes[i];
        if (byte == 033) {
            if (!colours || i + 1 >= text->length || text->bytes[++i] != '[')
                return -1;
            while (++i < text->length && text->bytes[i] != 'm')
                if (strchr("0123456789;", text->bytes[i]) == NULL)
                    return -1;
            if (i == text->length)
                return -1;
            continue;
        }
        if (byte < 0x20 || byte == 0x7f)
            return -1;
        columns += wide < 0 ? 1 : wide;
        i += length < 2 ? 0 : length - 1;
    }
    return columns;
}

static void play(struct text *text, const struct scene *scene)
{
    struct display_values values = usual_values(scene->flags);
    struct display_style style = usual_style(scene->flags, scene->width);
    struct display_format format;
    unsigned width;

    text_clear(text);
    if (scene->format == NULL) {
        width = display_format_default(text, &values, &style);
    } else {
        display_format_parse(&format, scene->format);
        width = display_format_line(text, &format, &values, &style);
    }
    bool same = text->length == strlen(scene->line) &&
                memcmp(text->bytes, scene->line, text->length) == 0 &&
                (int)width == count_columns(text, style.colours) && width <= scene->width;
    if (!tap_ok(same, "%s at %u", scene->format == NULL ? "default" : scene->format, scene->width))
        tap_note("%u: %.*s|", width, (int)text->length, text->bytes);
}

static const struct scene sequences[] = {
    /* the bar */
    {"%p", 30, 0, "[========>              ]  43%"},
    {"%{progress}", 30, ASCII, "[========>              ]  43%"},
    {"%p", 30, UNKNOWN, "[      <=>                   ]"},
    {"%p", 30, UNKNOWN | BACK, "[            <=>             ]"},
    {"%p", 30, DONE, "[======================>] 129%"},
    {"%p", 30, UNKNOWN | GAUGE, "[========>         ]/ 190MiB/s"},
    {"%p", 30, GRANULAR, "[█████████▉             ]  43%"},
    {"%p", 8, 0, "[>]  43%"},
    {"%p", 7, 0, ""},
    {"%p", 3, UNKNOWN, "[<]"},
    {"%p", 2, UNKNOWN, ""},
    {"%20p|", 80, 0, "[====>        ]  43%|"},
    {"%20{progress}|", 10, 0, "|"},
    {"%p%p", 40, 0, "[====>        ]  43%[====>        ]  43%"},
    {"%p %b", 30, 0, "[=====>         ]  43% 1.21GiB"},
    {"%{progress-bar-only}", 10, 0, "===>      "},
    {"%{progress-bar-only}", 10, SHADED, "████░░░░░░"},
    {"%11{progress-bar-only}", 20, SHADED, "████▓░░░░░░"},
    {"%{progress-bar-only}", 10, SHADED | ASCII, "===>      "},
    {"%{progress-bar-only}", 10, UNKNOWN | SHADED, "░███░░░░░░"},
    {"%{progress-amount-only}", 80, 0, " 43%"},
    {"%{progress-amount-only}", 80, UNKNOWN, ""},
    {"%{progress-amount-only}", 80, UNKNOWN | GAUGE, "/ 190MiB/s"},
    {"%10{bar-plain}|", 80, BLOCK, "===>      |"},
    {"%10{bar-block}|", 80, 0, "████      |"},
    {"%10{bar-granular}|", 80, 0, "████▎     |"},
    {"%10{bar-shaded}|", 80, 0, "████░░░░░░|"},
    {"%10{bar-block}|", 80, UNKNOWN, " ███      |"},
    {"%10{bar-block}|", 80, ASCII, "===>      |"},
    /* numbers */
    {"%t", 80, 0, "0:00:12"},
    {"%{timer}", 80, 0, "0:00:12"},
    {"%e|", 80, 0, "ETA 0:00:16|"},
    {"%e|", 80, LATE, "ETA 2:03:00:00|"},
    {"%e|", 80, NO_ETA, "ETA -:--:--|"},
    {"%e|", 80, FINAL, "           |"},
    {"%e|", 80, UNKNOWN, "|"},
    {"%{eta}|", 80, 0, "ETA 0:00:16|"},
    {"%I|", 80, 0, "FIN 00:00:16|"},
    {"%I|", 80, LATE, "FIN 2026-01-03 03:00:00|"},
    {"%I|", 80, NO_ETA, "FIN --:--:--|"},
    {"%I|", 80, FINAL, "FIN 00:00:00|"},
    {"%{fineta}|", 80, UNKNOWN, "|"},
    {"%r", 80, 0, "[ 103MiB/s]"},
    {"%{rate}", 80, SI, "[ 108MB/s]"},
    {"%r", 80, BITS, "[ 824Mib/s]"},
    {"%r", 80, RECORDS, "[ 108M/s]"},
    {"%a", 80, 0, "( 999  B/s)"},
    {"%{average-rate}", 80, BITS | SI, "(7.99kb/s)"},
    {"%a", 80, RECORDS, "( 999 /s)"},
    {"%b", 80, 0, "1.21GiB"},
    {"%{bytes}", 80, SI, "1.30GB"},
    {"%{transferred}", 80, BITS, "9.68Gib"},
    {"%b", 80, RECORDS | BITS, "1.30G"},
    {"%{dropped}", 80, LOSS, "4.00KiB"},
    {"%{dropped}", 80, RECORDS | LOSS, "4.00KiB"},
    /* text */
    {"%N%b", 80, 0, "1.21GiB"},
    {"%N", 80, NAME, "   bad\\nk:"},
    {"%{name}", 80, NAME, "   bad\\nk:"},
    {"%10A", 80, 0, "...a.b.x z"},
    {"%3A", 80, 0, "x z"},
    {"%A", 80, 0, "z"},
    {"%4{last-written}", 80, 0, ".x z"},
    {"%16L|", 80, 0, "läst.[2J...     |"},
    {"%16L|", 80, ASCII, "l..st.[2J....   |"},
    {"%3{previous-line}|", 80, 0, "läs|"},
    {"%L|", 20, 0, "läst.[2J...        |"},
    {"%L %p", 30, 0, "läst.[2J...    [==>     ]  43%"},
    {"a\tb\033[31m\177%b", 80, 0, "a b [31m 1.21GiB"},
    {"\302\205\x9bx", 80, 0, "  x"},
    /* the buffer, and the sides */
    {"%T", 80, 0, "{ 74%}"},
    {"%T", 80, PASSES, "{----}"},
    {"%{buffer-percent}", 80, 0, "{ 74%}"},
    {"%{buffer-fill}", 80, 0, " 74%"},
    {"%{buffer-bar}", 80, 0, "▕████▍ ▏"},
    {"%{buffer-bar}", 80, ASCII, "[####  ]"},
    {"%{state}|", 80, 0, "output  |"},
    {"%{input-wait} %{output-wait}", 80, 0, "  9%  81%"},
    {"%{bottleneck}|", 80, 0, "◀ output 81% (zstd)|"},
    {"%{bottleneck}|", 80, ASCII | ALONE, "< output 81%   |"},
    {"%{bottleneck}|", 80, INPUT, "▶ input 81% (zstd)|"},
    {"%{bottleneck}|", 80, INPUT | ALONE, "▶ input 81%    |"},
    {"%{bottleneck}|", 80, THROTTLE | ALONE, "■ throttle 100%|"},
    {"%{bottleneck}|", 80, THROTTLE | ALONE | ASCII, "= throttle 100%|"},
    {"%{bottleneck}|", 80, BALANCED, "               |"},
    {"%19{bottleneck}|", 80, INPUT, "▶ input 81% (zstd) |"},
    {"%19{bottleneck}|", 80, 0, "◀ output 81% (zstd)|"},
    {"%18{bottleneck}|", 80, 0, "◀ output 81%      |"},
    /* the slow side in words */
    {"%{waiting}|", 80, 0, "◀ waiting for zstd 81%            |"},
    {"%22{waiting}|", 80, 0, "◀ waiting for zstd 81%|"},
    {"%22{waiting}|", 80, ASCII | INPUT, "> waiting for zstd 81%|"},
    {"%21{waiting}|", 80, 0, "◀ waiting for zstd   |"},
    {"%18{waiting}|", 80, 0, "◀ waiting for zstd|"},
    {"%17{waiting}|", 80, 0, "◀ slow: zstd     |"},
    {"%12{waiting}|", 80, 0, "◀ slow: zstd|"},
    {"%11{waiting}|", 80, 0, "◀ zstd     |"},
    {"%6{waiting}|", 80, 0, "◀ zstd|"},
    {"%5{waiting}|", 80, 0, "◀ zs…|"},
    {"%5{waiting}|", 80, ASCII, "< zs.|"},
    {"%1{waiting}|", 80, 0, "…|"},
    {"%20{waiting}|", 80, ALONE, "◀ waiting for output|"},
    {"%20{waiting}|", 80, ALONE | INPUT, "▶ waiting for input |"},
    {"%19{waiting}|", 80, ALONE, "◀ slow: output     |"},
    {"%12{waiting}|", 80, ALONE, "◀ slow: out…|"},
    {"%8{waiting}|", 80, ALONE, "◀ output|"},
    {"%18{waiting}|", 80, LONG_NAME, "◀ slow: update-da…|"},
    {"%11{waiting}|", 80, LONG_NAME, "◀ update-d…|"},
    {"%18{waiting}|", 80, THROTTLE | ALONE, "■ rate limit 100% |"},
    {"%16{waiting}|", 80, THROTTLE | ALONE | ASCII, "= rate limit    |"},
    {"%12{waiting}|", 80, THROTTLE | ALONE, "■ rate limit|"},
    {"%11{waiting}|", 80, THROTTLE | ALONE, "■ limit    |"},
    {"%18{waiting}|", 80, BUSY, "busy 81%          |"},
    {"%4{waiting}|", 80, BUSY, "busy|"},
    {"%18{waiting}|", 80, BALANCED, "                  |"},
    {"%18{waiting}|", 80, FILLING, "filling the buffer|"},
    {"%17{waiting}|", 80, FILLING, "filling          |"},
    {"%6{waiting}|", 80, FILLING, "filli…|"},
    {"%19{waiting}|", 80, EMPTYING, "emptying the buffer|"},
    {"%18{waiting}|", 80, EMPTYING | ASCII, "emptying          |"},
    {"%{bottleneck}|", 80, FILLING, "               |"},
    /* in the room that is left */
    {"%b %{waiting}", 30, 0, "1.21GiB ◀ waiting for zstd 81%"},
    {"%b %{waiting}", 20, 0, "1.21GiB ◀ slow: zstd"},
    {"%b %{waiting}%t", 12, 0, "1.21GiB ◀ z…"},
    {"%200{waiting}", 20, 0, "◀ waiting for zstd  "},
    {"%b %{bottleneck}", 27, 0, "1.21GiB ◀ output 81% (zstd)"},
    {"%b %{bottleneck}", 20, 0, "1.21GiB ◀ output 81%"},
    /* what is no sequence */
    {"x%", 80, 0, "x%"},
    {"%%", 80, 0, "%"},
    {"%%%", 80, 0, "%%"},
    {"a%%b%%%b", 80, 0, "a%b%1.21GiB"},
    {"%z%t", 80, 0, "%z0:00:12"},
    {"%{foo%t", 80, 0, "%{foo0:00:12"},
    {"%{foo}%t", 80, 0, "%{foo}0:00:12"},
    {"%{}%5%t", 80, 0, "%{}%50:00:12"},
    {"%123", 80, 0, "%123"},
    {"äö %t", 80, 0, "äö 0:00:12"},
    {"", 80, 0, ""},
    /* colours */
    {"%{sgr:red,bold}%t%{sgr:reset}", 80, 0, "0:00:12"},
    {"%{sgr:red,bold}%t%{sgr:reset}", 80, COLOURS, "\033[31;1m0:00:12\033[0m"},
    {"%{sgr:bg-blue,fg-white,38,5,208}x", 80, COLOURS, "\033[44;37;38;5;208mx\033[0m"},
    {"%{sgr:no-dim,underline,fg-default}%{sgr:none}", 80, COLOURS, "\033[22;4;39m\033[0m"},
    {"%{sgr:}%{sgr:pink,,1000,1x}x", 80, COLOURS, "x"},
    {"%{sgr:green}%b %t%{sgr:reset}", 10, COLOURS, "\033[32m1.21GiB \033[0m"},
    /* what does not fit */
    {"%b %t %r", 14, 0, "1.21GiB "},
    {"%b %t %r", 15, 0, "1.21GiB 0:00:12"},
    {"%r %b", 8, 0, ""},
    {"äöü%b", 2, 0, "äö"},
    {"\303\303\303", 2, 0, "\303\303"},
    {"%N %b", 4, NAME, "   b"},
    {"%20A%b", 4, 0, "...."},
};

static const struct scene defaults[] = {
    {NULL, 1, 0, ""},
    {NULL, 4, 0, " 43%"},
    {NULL, 20, 0, "1.21GiB  43%"},
    {NULL, 20, UNKNOWN, "1.21GiB  103MiB/s"},
    {NULL, 20, NAME, "1.21GiB  43%"},
    {NULL, 20, NAME | UNKNOWN, "1.21GiB  103MiB/s"},
    {NULL, 38, 0, "1.21GiB  103MiB/s  43% ETA 0:16"},
    {NULL, 40, 0, "1.21GiB  103MiB/s  43% ETA 0:16 ◀ zstd  "},
    {NULL, 40, ALONE, "1.21GiB  103MiB/s  43% ETA 0:16 ◀ output"},
    {NULL, 40, LONG_NAME, "1.21GiB  103MiB/s  43% ETA 0:16 ◀ updat…"},
    {NULL, 40, THROTTLE, "1.21GiB  103MiB/s  43% ETA 0:16 ■ limit "},
    {NULL, 40, UNKNOWN, "1.21GiB 0:12  103MiB/s buf▆ ◀ slow: zstd"},
    {NULL, 40, NAME, "1.21GiB  103MiB/s  43% ETA 0:16 ◀ zstd  "},
    {NULL, 50, 0, "1.21GiB 0:12  103MiB/s  43% ETA 0:16 ◀ slow: zstd "},
    {NULL, 60, 0, "1.21GiB 0:12  103MiB/s  43% ETA 0:16 buf▆ ◀ waiting for zstd"},
    {NULL, 60, ASCII | THROTTLE, "1.21GiB 0:12  103MiB/s  43% ETA 0:16 buf#- = rate limit 100%"},
    {NULL, 60, UNKNOWN, "1.21GiB 0:12  103MiB/s buf▆ ◀ waiting for zstd 81%          "},
    {NULL, 70, 0, "1.21GiB 0:12  103MiB/s ===>...... 43% ETA 0:16 buf▆ ◀ waiting for zstd"},
    {NULL, 77, 0, "1.21GiB 0:12  103MiB/s ======>.......... 43% ETA 0:16 buf▆ ◀ waiting for zstd"},
    {NULL, 79, 0,
     "1.21GiB 0:12  103MiB/s =======>........... 43% ETA 0:16 buf▆ ◀ waiting for zstd"},
    {NULL, 79, ASCII,
     "1.21GiB 0:12  103MiB/s ======>........... 43% ETA 0:16 buf#- < waiting for zstd"},
    {NULL, 80, 0,
     "1.21GiB 0:12  103MiB/s =======>............ 43% ETA 0:16 buf▆ ◀ waiting for zstd"},
    {NULL, 80, ASCII,
     "1.21GiB 0:12  103MiB/s =======>............ 43% ETA 0:16 buf#- < slow: zstd     "},
    {NULL, 80, FINAL,
     "1.21GiB 0:12  103MiB/s =======>............ 43%          ◀ waiting for zstd 81% "},
    {NULL, 80, NO_ETA,
     "1.21GiB 0:12  103MiB/s =======>............ 43% ETA -:-- buf▆ ◀ waiting for zstd"},
    {NULL, 80, LONG_RUN,
     "1.21GiB 2h05  103MiB/s =======>............ 43% ETA 3h00 buf▆ ◀ waiting for zstd"},
    {NULL, 80, LONG_NAME,
     "1.21GiB 0:12  103MiB/s =======>............ 43% ETA 0:16 buf▆ ◀ slow: update-da…"},
    {NULL, 80, THROTTLE | GRANULAR,
     "1.21GiB 0:12  103MiB/s ████████▋........... 43% ETA 0:16 buf▆ ■ rate limit 100% "},
    {NULL, 80, ALONE,
     "1.21GiB 0:12  103MiB/s =======>............ 43% ETA 0:16 buf▆ ◀ slow: output    "},
    {NULL, 80, ALONE | INPUT | ASCII,
     "1.21GiB 0:12  103MiB/s =======>............ 43% ETA 0:16 buf#- > slow: input    "},
    {NULL, 80, BUSY | SHADED,
     "1.21GiB 0:12  103MiB/s ████████▒░░░░░░░░░░░ 43% ETA 0:16 buf▆ busy 81%          "},
    {NULL, 80, DONE | FINAL,
     "1.21GiB 0:12  103MiB/s ==================> 129%          ◀ waiting for zstd 81% "},
    {NULL, 40, DONE, "1.21GiB  103MiB/s 129% ETA 0:16 ◀ zstd  "},
    {NULL, 80, BALANCED,
     "1.21GiB 0:12  103MiB/s =======>............ 43% ETA 0:16 buf▆                   "},
    {NULL, 80, UNKNOWN,
     "1.21GiB 0:00:12 [ 103MiB/s]  buf ▕████▍ ▏ 74%  ◀ waiting for zstd 81%           "},
    {NULL, 80, UNKNOWN | ASCII | FINAL,
     "1.21GiB 0:00:12 [ 103MiB/s] [   <=>         ] < waiting for zstd 81%            "},
    {NULL, 92, UNKNOWN,
     "1.21GiB 0:00:12 [ 103MiB/s] [ <=>    ]  buf ▕████▍ ▏ 74%  ◀ waiting for zstd 81%           "
     " "},
    {NULL, 80, NAME,
     "   bad\\nk: 1.21GiB 0:12  103MiB/s ==>...... 43% ETA 0:16 buf▆ ◀ waiting for zstd"},
    {NULL, 80, LOSS,
     "1.21GiB (4.00KiB dropped) 0:12  103MiB/s  43% ETA 0:16 buf▆ ◀ waiting for zstd  "},
    {NULL, 80, LOSS | UNKNOWN,
     "1.21GiB (4.00KiB dropped) 0:12  103MiB/s buf▆ ◀ waiting for zstd 81%            "},
    {NULL, 40, LOSS, "1.21GiB (4.00KiB dropped)  43% ETA 0:16"},
    {NULL, 20, LOSS, "(4.00KiB dropped)"},
    {NULL, 14, LOSS, "1.21GiB  43%"},
    {NULL, 100, 0,
     "1.21GiB 0:12  103MiB/s =========>.............. 43% ETA 0:16 buf▆ "
     "◀ waiting for zstd 81%            "},
    {NULL, 110, 0,
     "1.21GiB 0:00:12 [ 103MiB/s] [=======>            ]  43% ETA 0:00:16 buf ▕████▍ ▏ "
     "◀ waiting for zstd 81%       "},
    {NULL, 120, 0,
     "1.21GiB 0:00:12 [ 103MiB/s] [========>             ]  43% ETA 0:00:16  "
     "buf ▕████▍ ▏ 74%  ◀ waiting for zstd 81%         "},
    {NULL, 200, NAME | ASCII,
     "   bad\\nk: 1.21GiB 0:00:12 [ 103MiB/s] [=====================================>"
     "                                                  ]  43% ETA 0:00:16  "
     "buf [####  ] 74%  < waiting for zstd 81%            "},
    {NULL, 200, UNKNOWN | BLOCK | BACK | ALONE | THROTTLE,
     "1.21GiB 0:00:12 [ 103MiB/s] [                                                        ███"
     "                                                         ]  "
     "buf ▕████▍ ▏ 74%  ■ rate limit 100%                 "},
};

/* What was dropped, where the line still says it, and with records. */
static void test_loss(void)
{
    static const struct {
        unsigned flags, least_width;
        uint64_t records;
        const char *text;
        uint64_t bytes; /* 0: the usual number */
    } losses[] = {
        {0, 17, 0, "(4.00KiB dropped)", 0},
        {UNKNOWN, 17, 0, "(4.00KiB dropped)", 0},
        {NAME | LONG_RUN, 17, 12, "(4.00KiB dropped)", 0},
        {SI, 16, 0, "(4.10kB dropped)", 0},
        {0, 16, 0, "(928KiB dropped)", 950272},
        {RECORDS, 17, 0, "(4.00KiB dropped)", 0},
        {RECORDS, 18, 1, "(1 record dropped)", 0},
        {RECORDS | UNKNOWN, 20, 12, "(12 records dropped)", 0},
        {RECORDS, 23, 12345, "(12.3k records dropped)", 0},
    };
    struct text text = {0};

    for (size_t i = 0; i < LENGTH(losses); i++) {
        struct display_values values = usual_values(losses[i].flags | LOSS);
        unsigned width = 200;
        bool passed = true;
        values.dropped_records = losses[i].records;
        if (losses[i].bytes != 0)
            values.dropped = losses[i].bytes;
        for (; width >= losses[i].least_width && passed; width--) {
            struct display_style style = usual_style(losses[i].flags, width);
            text_clear(&text);
            passed = display_format_default(&text, &values, &style) <= width;
            text_add_bytes(&text, " ", 2);
            passed = passed && strstr(text.bytes, losses[i].text) != NULL;
        }
        if (!tap_ok(passed, "%s in every width, flags %x", losses[i].text, losses[i].flags))
            tap_note("%u: %s", width + 1, text.bytes);
    }
    text_free(&text);
}

/* The parts of the default line with a known size, in the order in which they are left out in a
 * narrower terminal. */
static const char *const leaving[] = {">",        "buf", "0:12",    "zstd",
                                      "103MiB/s", "ETA", "1.21GiB", "43%"};

/* From the widest line to the narrowest each one fits, and no part comes back, or leaves before
 * its turn. */
static void test_leaving(void)
{
    struct display_values values = usual_values(0);
    struct text text = {0};
    size_t left = 0; /* number of parts that are gone */
    bool passed = true;

    for (unsigned width = 200; width > 0 && passed; width--) {
        struct display_style style = usual_style(0, width);
        text_clear(&text);
        passed = display_format_default(&text, &values, &style) <= width;
        text_add_bytes(&text, "", 1);
        while (left < LENGTH(leaving) && strstr(text.bytes, leaving[left]) == NULL)
            left++;
        for (size_t i = 0; i < LENGTH(leaving); i++)
            passed = passed && (strstr(text.bytes, leaving[i]) != NULL) == (i >= left);
        passed = passed && (width < 80 || left == 0);
        if (!passed)
            tap_note("%u: %s", width, text.bytes);
    }
    tap_ok(passed, "parts are left out in the order of the header");
    text_free(&text);
}

/* In any width the words of the slow side outlast the bar, and its sign outlasts the words. */
static void test_words_last(void)
{
    static const unsigned scenes_flags[] = {0,     ALONE,         LONG_NAME,           NAME,
                                            INPUT, ASCII | ALONE, LONG_NAME | UNKNOWN, LONG_RUN};
    struct text text = {0};
    bool passed = true;

    for (unsigned i = 0; i < 200 * LENGTH(scenes_flags) && passed; i++) {
        const unsigned flags = scenes_flags[i / 200];
        struct display_values values = usual_values(flags);
        struct display_style style = usual_style(flags | BLOCK, 1 + i % 200);
        const char *sign = flags & ASCII ? "< " : flags & INPUT ? "▶ " : "◀ ";
        text_clear(&text);
        display_format_default(&text, &values, &style);
        text_add_bytes(&text, "", 1);
        const bool bar = strstr(text.bytes, flags & ASCII ? "=" : "██") != NULL;
        const bool words = strstr(text.bytes, "waiting for ") || strstr(text.bytes, "slow: ");
        const bool name = strstr(text.bytes, flags & LONG_NAME ? " upd"
                                             : flags & ALONE   ? " out"
                                                               : " zstd") != NULL;
        passed = (words || !bar) && (name || !words) &&
                 (strstr(text.bytes, sign) != NULL) == name &&
                 (name || style.width < (flags & NAME ? 51 : 40));
        if (!passed)
            tap_note("%u, flags %x: %s", style.width, flags, text.bytes);
    }
    tap_ok(passed, "the words outlast the bar, and the sign the words");
    text_free(&text);
}

/* As the line gets narrower its words never say more, except where the bar has gone. (In ASCII there
 * is another exception: below 80 columns the bar need not have 20.) */
static void test_fewer_words(void)
{
    static const unsigned scenes_flags[] = {0, INPUT, UNKNOWN, UNKNOWN | LONG_RUN, LONG_RUN};
    static const char *const words[] = {"zstd", "slow: zstd", "waiting for zstd",
                                        "waiting for zstd 81%"};
    struct text text = {0};
    bool passed = true;

    for (size_t i = 0; i < LENGTH(scenes_flags) && passed; i++) {
        struct display_values values = usual_values(scenes_flags[i]);
        size_t most = LENGTH(words);
        bool had_bar = true;
        for (unsigned width = 200; width > 0 && passed; width--) {
            struct display_style style = usual_style(scenes_flags[i], width);
            size_t said = LENGTH(words);
            text_clear(&text);
            display_format_default(&text, &values, &style);
            text_add_bytes(&text, "", 1);
            while (said > 0 && strstr(text.bytes, words[said - 1]) == NULL)
                said--;
            const bool bar = strstr(text.bytes, "=>") != NULL;
            passed = said <= most || bar != had_bar;
            most = said;
            had_bar = bar;
            if (!passed)
                tap_note("%u, flags %x: %s", width, scenes_flags[i], text.bytes);
        }
    }
    tap_ok(passed, "a narrower line never says more");
    text_free(&text);
}

/* A long name is shortened, and never costs the slow side. */
static void test_long_names(void)
{
    static const char name[] = "nightly backup of the mail store to tape 7";
    static const struct {
        unsigned width, flags;
        const char *begins, *has;
    } lines[] = {
        {200, 0, "nightly backup of the mail store to tape 7: 1.21GiB 0:00:12 ", "zstd 81%"},
        {120, 0, "nightly.. tape 7: 1.21GiB 0:12  103MiB/s ==", "◀ waiting for zstd 81%"},
        {80, 0, "nightly.. tape 7: 1.21GiB 0:12  103MiB/s  43% ETA 0:16 buf▆ ",
         "◀ waiting for zstd"},
        {80, UNKNOWN, "nightly.. tape 7: 1.21GiB 0:12  103MiB/s buf▆ ", "◀ waiting for zstd 81%"},
        {60, 0, "nightly.. tape 7: 1.21GiB  103MiB/s  43% ETA 0:16 ", "◀ zstd"},
        {52, 0, "nigh..e 7: 1.21GiB  103MiB/s  43% ETA 0:16 ", "◀ zstd"},
        {50, 0, "1.21GiB 0:12  103MiB/s  43% ETA 0:16 ", "◀ slow: zstd"},
    };
    struct text text = {0};

    for (size_t i = 0; i < LENGTH(lines); i++) {
        struct display_values values = usual_values(lines[i].flags);
        struct display_style style = usual_style(lines[i].flags, lines[i].width);
        values.name = name;
        text_clear(&text);
        display_format_default(&text, &values, &style);
        text_add_bytes(&text, "", 1);
        if (!tap_ok(strncmp(text.bytes, lines[i].begins, strlen(lines[i].begins)) == 0 &&
                        strstr(text.bytes, lines[i].has) != NULL,
                    "a long name in %u columns", lines[i].width))
            tap_note("%s", text.bytes);
    }
    text_free(&text);
}

/* Ordinary values at 80 columns: the line is full, the bar has 20 columns, and nothing is missing
 * or cut. The time from ten minutes to an hour is wider, and the words are shorter then. */
static void test_eighty(void)
{
    static const double rates[] = {0, 999, 73.0 * 1024 * 1024, 1e9};
    static const uint64_t times[] = {0, 599 * SEC, 3599 * SEC, 10 * HOUR - SEC};
    struct text text = {0};
    bool passed = true;

    for (unsigned i = 0; i < LENGTH(rates) * LENGTH(times) * LENGTH(times) && passed; i++) {
        struct display_values values = usual_values(0);
        struct display_style style = usual_style(0, 80);
        values.rate = rates[i % LENGTH(rates)];
        values.elapsed_ns = times[i / LENGTH(rates) % LENGTH(times)];
        values.eta_ns = times[i / LENGTH(rates) / LENGTH(times)];
        text_clear(&text);
        passed = display_format_default(&text, &values, &style) == 80;
        text_add_bytes(&text, "", 1);
        const char *bar = strstr(text.bytes, "/s ");
        const char *percent = strstr(text.bytes, " 43% ETA ");
        passed =
            passed && bar != NULL && percent != NULL && percent - (bar + 3) >= WIDE_BAR &&
            strstr(percent, values.elapsed_ns == 3599 * SEC ? " buf▆ ◀ slow: zstd"
                                                            : " buf▆ ◀ waiting for zstd") != NULL;
        if (!passed)
            tap_note("%s", text.bytes);
    }
    tap_ok(passed, "80 columns have room for all parts");
    text_free(&text);
}

static void test_scenes(const struct scene *scenes, size_t count)
{
    struct text text = {0};

    for (size_t i = 0; i < count; i++)
        play(&text, &scenes[i]);
    text_free(&text);
}

/* --- numbers ---------------------------------------------------------------------------------- */

static const struct {
    double amount;
    struct display_unit unit;
    const char *text;
} amounts[] = {
    {0, {0}, "0.00  B"},
    {1, {0}, "1.00  B"},
    {9, {0}, "9.00  B"},
    {10, {0}, "10.0  B"},
    {99, {0}, "99.0  B"},
    {100, {0}, " 100  B"},
    {992, {0}, " 992  B"},
    {993, {0}, " 993  B"},
    {994, {0}, " 994  B"},
    {1000, {0}, "1000  B"},
    {1017, {0}, "1017  B"},
    {1023, {0}, "1023  B"},
    {1024, {0}, "1.00KiB"},
    {1034, {0}, "1.01KiB"},
    {10240, {0}, "10.0KiB"},
    {102297, {0}, "99.9KiB"},
    {102298, {0}, "  99KiB"}, /* pv rounds down above 99.9 */
    {102400, {0}, " 100KiB"},
    {102500, {0}, " 100KiB"},
    {1000000, {0}, " 976KiB"},
    {1017118, {0}, " 993KiB"},
    {1017119, {0}, " 993KiB"},
    {1048575, {0}, "1023KiB"},
    {1048576, {0}, "1.00MiB"},
    {10485760, {0}, "10.0MiB"},
    {104752742, {0}, "99.9MiB"},
    {104857600, {0}, " 100MiB"},
    {1048576000, {0}, "1000MiB"},
    {1299227607, {0}, "1.21GiB"},
    {18446744073709551615.0, {0}, "16.0EiB"},
    {0, {.records = true}, "0.00 "},
    {1, {.records = true}, "1.00 "},
    {10, {.records = true}, "10.0 "},
    {100, {.records = true}, " 100 "},
    {970, {.records = true}, " 970 "},
    {999, {.records = true}, " 999 "},
    {1000, {.records = true}, "1.00k"},
    {9699, {.records = true}, "9.70k"},
    {99900, {.records = true}, "99.9k"},
    {99949, {.records = true}, "  99k"},
    {100000, {.records = true}, " 100k"},
    {969000, {.records = true}, " 969k"},
    {1000000, {.records = true, .bits = true}, "1.00M"},
    {999, {.si = true}, " 999 B"},
    {1000, {.si = true}, "1.00kB"},
    {1e18, {.si = true}, "1.00EB"},
    {1, {.bits = true}, "8.00  b"},
    {128, {.bits = true}, "1.00Kib"},
    {125, {.bits = true, .si = true}, "1.00kb"},
    /* what pv would not say so, or not at all */
    {0.944, {0}, "0.94  B"},
    {9.996, {0}, "10.0  B"},
    {-1, {0}, "0.00  B"},
    {1e30, {.si = true}, "9999YB"},
    {DBL_MAX, {0}, "9999YiB"},
    {NAN, {0}, "0.00  B"},
    {INFINITY, {0}, "9999YiB"},
};

static void test_amounts(void)
{
    struct text text = {0};

    for (size_t i = 0; i < LENGTH(amounts); i++) {
        text_clear(&text);
        display_add_amount(&text, amounts[i].amount, amounts[i].unit);
        if (!tap_ok(text.length == strlen(amounts[i].text) &&
                        memcmp(text.bytes, amounts[i].text, text.length) == 0,
                    "%g is %s", amounts[i].amount, amounts[i].text))
            tap_note("%.*s", (int)text.length, text.bytes);
    }
    text_free(&text);
}

/* Whatever the amount, it is as wide as any other of its kind. */
static void test_amount_widths(uint64_t *random)
{
    static const struct {
        struct display_unit unit;
        size_t width;
    } kinds[] = {{{0}, 7}, {{.si = true}, 6}, {{.bits = true}, 7}, {{.records = true}, 5}};
    unsigned rounds = tap_rounds(20000);
    struct text text = {0};
    bool passed = true;

    for (unsigned i = 0; i < rounds && passed; i++) {
        double amount = (double)tap_magnitude(random, 64) / (double)(1 + tap_below(random, 50));
        size_t kind = tap_below(random, LENGTH(kinds));
        text_clear(&text);
        display_add_amount(&text, amount, kinds[kind].unit);
        passed = text.length == kinds[kind].width;
        if (!passed)
            tap_note("%a: %.*s", amount, (int)text.length, text.bytes);
    }
    tap_ok(passed, "amounts are always as wide");
    text_free(&text);
}

static void test_times(void)
{
    static const struct {
        uint64_t ns;
        const char *text;
    } times[] = {
        {0, "0:00:00"},
        {SEC / 2 - 1, "0:00:00"},
        {SEC / 2, "0:00:01"},
        {SEC - 1, "0:00:01"},
        {1700 * SEC / 1000, "0:00:02"},
        {MINUTE - SEC / 2 - 1, "0:00:59"},
        {MINUTE - SEC / 2, "0:01:00"},
        {HOUR - SEC / 2 - 1, "0:59:59"},
        {HOUR - SEC / 2, "1:00:00"},
        {HOUR, "1:00:00"},
        {DAY - SEC / 2 - 1, "23:59:59"},
        {DAY - SEC / 2, "1:00:00:00"},
        {DAY, "1:00:00:00"},
        {UINT64_MAX, "213503:23:34:34"},
    };
    static const struct {
        uint64_t ns;
        const char *exact, *rough;
    } short_times[] = {
        {0, "0:00", "0:00"},
        {10 * MINUTE - SEC / 2 - 1, "9:59", "9:59"},
        {10 * MINUTE - SEC / 2, "10:00", "10m"},
        {HOUR - SEC, "59:59", "59m"},
        {HOUR, "1h00", "1h00"},
        {DAY - SEC, "23h59", "23h59"},
        {DAY, "1d00h", "1d00h"},
        {UINT64_MAX, "213503d23h", "213503d23h"},
    };
    struct text text = {0};

    for (size_t i = 0; i < LENGTH(times); i++) {
        text_clear(&text);
        display_add_time(&text, times[i].ns);
        tap_ok(text.length == strlen(times[i].text) &&
                   memcmp(text.bytes, times[i].text, text.length) == 0,
               "a time of %s", times[i].text);
    }
    for (size_t i = 0; i < LENGTH(short_times); i++) {
        text_clear(&text);
        display_add_short_time(&text, short_times[i].ns, false);
        text_add_string(&text, " ");
        display_add_short_time(&text, short_times[i].ns, true);
        text_add_bytes(&text, "", 1);
        const size_t exact = strlen(short_times[i].exact);
        tap_ok(strncmp(text.bytes, short_times[i].exact, exact) == 0 && text.bytes[exact] == ' ' &&
                   strcmp(text.bytes + exact + 1, short_times[i].rough) == 0,
               "a short time of %s", short_times[i].exact);
    }
    text_clear(&text);
    display_add_fineta(&text, NEW_YEAR, 6 * HOUR);
    display_add_fineta(&text, NEW_YEAR, 6 * HOUR + 1);
    display_add_fineta(&text, NEW_YEAR, MINUTE - SEC / 2);
    static const char expected[] = "FIN 06:00:00FIN 2026-01-01 06:00:00FIN 00:01:00";
    tap_ok(text.length == sizeof expected - 1 && memcmp(text.bytes, expected, text.length) == 0,
           "the date is shown above 6 hours");
    text_free(&text);

    text_clear(&text);
    display_add_percent(&text, 0, 0);
    tap_ok(text.length == 4 && memcmp(text.bytes, " --%", 4) == 0, "no percentage of nothing");
    text_free(&text);

    tap_ok(display_percent(0, 0) == 0 && display_percent(5, 0) == 0, "nothing of nothing");
    tap_ok(display_percent(999, 1000) == 99 && display_percent(4, 2) == 200, "percentages");
    tap_ok(display_percent(UINT64_MAX, UINT64_MAX) == 100 &&
               display_percent(UINT64_MAX / 2, UINT64_MAX) == 50,
           "large ones");
    tap_ok(display_percent(UINT64_MAX, 1) == UINT64_MAX, "and too large ones");
}

/* Reads numbers with colons between them, "1:02:03:04" or "2:05", as seconds; UINT64_MAX if one but
 * the first is 60 or more (24 hours, if there are days). */
static uint64_t read_clock(const char *text)
{
    uint64_t parts[4] = {0}, seconds = 0;
    size_t count = 0;

    for (char *end; count < 4; text = end + 1) {
        parts[count++] = strtoull(text, &end, 10);
        if (*end != ':')
            break;
    }
    for (size_t i = 0; i < count; i++) {
        const bool hours = count == 4 && i == 1;
        if (i > 0 && parts[i] >= (hours ? 24 : 60))
            return UINT64_MAX;
        seconds = seconds * (hours ? 24 : 60) + parts[i];
    }
    return seconds;
}

/* Whether "1.70 s" is what the time is, rounded to the last digit that is shown, and less than
 * a unit of the next kind: never "60.0 s" or "1000 ms". */
static bool is_rounded(const char *text, uint64_t ns)
{
    static const struct {
        const char *name;
        double ns, limit;
    } units[] = {{"ns", 1, 1000}, {"us", 1e3, 1000}, {"ms", 1e6, 1000}, {"s", 1e9, 60}};
    char *end;
    double number = strtod(text, &end), digit = 1;
    const char *point = strchr(text, '.');

    for (const char *at = point == NULL ? end : point + 1; at < end; at++)
        digit /= 10;
    for (size_t i = 0; i < LENGTH(units); i++)
        if (strcmp(end + 1, units[i].name) == 0)
            return number < units[i].limit &&
                   fabs(number * units[i].ns - (double)ns) <= digit * units[i].ns * 0.5000001;
    return false;
}

/* Any time, or one close to where digits carry. */
static uint64_t any_time(uint64_t *random)
{
    static const uint64_t units[] = {1000, 1000000, SEC, MINUTE, HOUR, DAY};
    uint64_t unit = units[tap_below(random, LENGTH(units))];

    if (tap_below(random, 3) == 0)
        return tap_magnitude(random, 64);
    return unit * (1 + tap_below(random, 100)) - tap_magnitude(random, 30) % unit;
}

/* The live line and the report under it show the same time. */
static void test_agreement(uint64_t *random)
{
    unsigned rounds = tap_rounds(200000);
    struct text text = {0};
    bool passed = true;

    for (unsigned i = 0; i < rounds && passed; i++) {
        char report[SIZE_TEXT];
        uint64_t ns = any_time(random), seconds = ns / SEC + (ns % SEC >= SEC / 2);
        text_clear(&text);
        display_add_time(&text, ns);
        text_add_bytes(&text, "", 1);
        size_format_duration(report, ns);
        passed =
            read_clock(text.bytes) == seconds &&
            (strchr(report, ':') != NULL ? read_clock(report) == seconds : is_rounded(report, ns));
        if (!passed)
            tap_note("%" PRIu64 " ns: %s, %s", ns, text.bytes, report);
    }
    tap_ok(passed, "times are rounded in the line and in the report");
    text_free(&text);
}

/* --- -n --------------------------------------------------------------------------------------- */

static const struct {
    const char *format;
    unsigned flags;
    const char *line;
} numerics[] = {
    {"", 0, "43\n"},
    {"%p", 0, "43\n"},
    {"", UNKNOWN, ""}, /* no line at all */
    {"%p", UNKNOWN | BACK, ""},
    {"%t", UNKNOWN, "12.2500\n"},
    {"", UNKNOWN | FINAL, ""},
    {"%e", NO_ETA, "43\n"},
    {"%t %b %r", NO_TIME, "0.0000 1299227607\n"},
    {"%r", NO_TIME, ""},
    {"", DONE, "129\n"},
    {"%t", 0, "12.2500 43\n"},
    {"%b", 0, "1299227607\n"},
    {"%b", RECORDS | UNKNOWN, "1299227607\n"},
    {"%b %t", UNKNOWN, "12.2500 1299227607\n"},
    {"%b %t %r", 0, "12.2500 1299227607 108003328\n"},
    {"%r", 0, "108003328\n"},
    {"%N %b", NAME, "1299227607\n"},
    {"%I%e%T %a", 0, "43\n"},
    {"{\"t\":%t,\"b\":%b,\"r\":%r,\"p\":%{progress-amount-only}}", 0,
     "{\"t\":12.2500,\"b\":1299227607,\"r\":108003328,\"p\":43}\n"},
    {"[%t,%p,%{progress-amount-only},%e,%b,%r]", UNKNOWN,
     "[12.2500,null,null,null,1299227607,108003328]\n"},
    {"[%t,%p,%e]", UNKNOWN | FINAL, "[12.2500,null,null]\n"},
    {"[%t,%p,%e]", NO_ETA, "[12.2500,43,null]\n"},
    {"[%t,%p,%e]", FINAL, "[12.2500,43,0]\n"},
    {"[%t,%p,%e]", FINAL | NO_ETA, "[12.2500,43,0]\n"},
    {"[%p,%e]", DONE | NO_ETA, "[129,null]\n"},
    {"[%t,%r,%a,%{input-wait},%{output-wait},%T,%{buffer-fill},%{dropped}]", NO_TIME | LOSS,
     "[0.0000,null,null,null,null,74,74,4096]\n"},
    {"%p ETA", UNKNOWN, "null ETA\n"},
    {"%b;%t;%e;%a;%T;%{input-wait};%{output-wait};%{dropped};%N", NAME | LOSS,
     "1299227607;12.2500;16;999;74;9;81;4096;bad\\nk\n"},
    {"%I;%{state};%{bottleneck};%30{bottleneck}", 0, "00:00:16;output;output;output\n"},
    {"%{waiting};%9{waiting}", INPUT, "input;input\n"},
    {"%{waiting};", BALANCED, "null;\n"},
    {"%{waiting};", FILLING, "null;\n"},
    {"%I;%{bottleneck}", LATE | THROTTLE, "2026-01-03 03:00:00;throttle\n"},
    {"%I;%{bottleneck}", FINAL | BALANCED, "00:00:00;null\n"},
    {"%I;%{state};%N", NO_ETA | NO_TIME, "null;null;null\n"},
    {"%I;", UNKNOWN | FINAL, "null;\n"},
    {"%A;%4A;%20A;%3L;%L", 0, "z;.x z;a.b.x z;l\303\244s;l\303\244st.[2J...\n"},
    {"%A;%L;", NOTHING, "null;null;\n"},
    {"<%{progress-bar-only}%20{bar-plain}%{buffer-bar}%{sgr:red}>", 0, "<>\n"},
};

static void test_numeric(void)
{
    struct text text = {0};

    for (size_t i = 0; i < LENGTH(numerics); i++) {
        struct display_values values = usual_values(numerics[i].flags);
        struct display_format format;
        text_clear(&text);
        display_format_parse(&format, numerics[i].format);
        display_format_numeric(&text, &format, &values);
        if (!tap_ok(
                text.length == strlen(numerics[i].line) &&
                    (text.length == 0 || memcmp(text.bytes, numerics[i].line, text.length) == 0),
                "-n with '%s'", numerics[i].format))
            tap_note("%.*s", (int)text.length, text.bytes);
    }
    text_free(&text);
}

/* --- parsing ---------------------------------------------------------------------------------- */

static void test_parse(void)
{
    struct display_format format;
    char many[1000];

    display_format_parse(&format, "%5A %{rate} %L");
    tap_ok(format.written == 5 && format.rate && format.lines && !format.buffer && !format.timer &&
               !format.bytes && !format.name && format.count == 5,
           "what a format asks for");
    display_format_parse(&format, "%T%{timer}%b%N%99999999999A%3A");
    tap_ok(format.written == 9999 && !format.rate && !format.lines && format.buffer &&
               format.timer && format.bytes && format.name && format.count == 6,
           "and another");
    for (size_t i = 0; i + 2 < sizeof many; i += 2)
        memcpy(many + i, "%t", 3);
    display_format_parse(&format, many);
    tap_ok(format.count == DISPLAY_PARTS, "there is an end to parts");
}

/* --- random formats ----------------------------------------------------------------------------*/

static const char *const pieces[] = {
    "%p",
    "%{progress}",
    "%7p",
    "%{progress-bar-only}",
    "%{bar-shaded}",
    "%{bar-block}",
    "%t",
    "%e",
    "%I",
    "%r",
    "%a",
    "%b",
    "%T",
    "%N",
    "%12A",
    "%9L",
    "%L",
    "%{state}",
    "%{sgr:red}",
    "%{sgr:reset,bold}",
    "%%",
    "%",
    "%{",
    "%{bottleneck}",
    "%20{bottleneck}",
    "%{waiting}",
    "%9{waiting}",
    "%{dropped}",
    "%{input-wait}",
    "%{buffer-bar}",
    "%{buffer-fill}",
    " ",
    "äöü",
    "字",
    "\033[0m",
    "\n",
    "\303",
    "\xff",
    "}",
    "%1234567L",
    "%{progress-amount-only}",
    "e\314\201",
};

static void random_bytes(uint64_t *random, char *bytes, size_t size)
{
    size_t length = tap_below(random, size);

    for (size_t i = 0; i < length; i++)
        bytes[i] = (char)(1 + tap_below(random, 255));
    bytes[length] = '\0';
}

static uint64_t any(uint64_t *random)
{
    return tap_below(random, 20) == 0 ? UINT64_MAX : tap_magnitude(random, 64);
}

static void random_format(uint64_t *random, char *format, size_t size)
{
    size_t count = tap_below(random, 12);

    if (tap_below(random, 10) == 0) {
        random_bytes(random, format, size);
        return;
    }
    format[0] = '\0';
    for (size_t i = 0; i < count; i++)
        strcat(format, pieces[tap_below(random, LENGTH(pieces))]);
}

/* One line of random values; false if it is not as it must be. */
static bool try_random(uint64_t *random, struct text *text)
{
    const unsigned flags = (unsigned)tap_random(random);
    struct display_values values = usual_values(flags);
    struct display_style style = usual_style(flags, (unsigned)(1 + tap_below(random, 150)));
    struct display_format format;
    char format_text[500], name[40], culprit[40], line[60];
    unsigned width;

    random_format(random, format_text, sizeof format_text);
    random_bytes(random, name, sizeof name);
    random_bytes(random, culprit, sizeof culprit);
    random_bytes(random, line, sizeof line);
    values.units = any(random);
    values.size_known = !(flags & UNKNOWN);
    values.size = flags & UNKNOWN ? 0 : any(random);
    values.elapsed_ns = any(random);
    values.rate = (double)any(random) / 3;
    values.highest_rate = (double)any(random);
    values.eta_ns = any(random);
    values.phase = (unsigned)any(random);
    values.fill = any(random);
    values.capacity = any(random);
    values.side_percent = (unsigned)any(random);
    values.dropped = any(random);
    values.name = flags & NAME ? name : NULL;
    values.culprit = flags & ALONE ? NULL : culprit;
    values.written = values.line = line;
    values.written_length = values.line_length = strlen(line);
    text_clear(text);
    if (tap_below(random, 4) == 0) {
        width = display_format_default(text, &values, &style);
    } else {
        display_format_parse(&format, format_text);
        width = display_format_line(text, &format, &values, &style);
    }
    int counted = count_columns(text, style.colours);
    if (width <= style.width && counted >= 0 && (unsigned)counted <= width && !text->failed)
        return true;
    tap_note("width %u of %u, counted %d: '%s': %.*s", width, style.width, counted, format_text,
             (int)text->length, text->bytes);
    return false;
}

static void test_random(uint64_t *random)
{
    unsigned rounds = tap_rounds(20000);
    struct text text = {0};
    bool passed = true;

    for (unsigned i = 0; i < rounds && passed; i++)
        passed = try_random(random, &text);
    tap_ok(passed, "random lines fit and hold no control characters");
    text_free(&text);
}

/* Memory that is too small for the line: it fails, and that is all. */
static void test_fixed(void)
{
    struct display_values values = usual_values(NAME);
    struct display_style style = usual_style(0, 150);
    bool passed = true;

    for (size_t size = 0; size < 150; size++) {
        char bytes[200];
        struct text text = {.bytes = bytes, .capacity = size, .fixed = true};
        display_format_default(&text, &values, &style);
        passed = passed && text.failed && text.length <= size;
    }
    tap_ok(passed, "too little memory");
}

/* The last line and the report under it show the same rate. */
static void test_same_rate(uint64_t *random)
{
    unsigned rounds = tap_rounds(200000);
    struct text text = {0};
    bool passed = true;

    for (unsigned i = 0; i < rounds && passed; i++) {
        const bool si = tap_below(random, 2) == 0;
        const double rate = 1 + (double)tap_magnitude(random, 55) / 7;
        char report[SIZE_TEXT], unit_reported[8], unit[8];
        double reported, shown;
        size_format_rate(report, rate, si);
        text_clear(&text);
        display_add_rate(&text, display_round_rate(rate, si), (struct display_unit){.si = si});
        text_add_bytes(&text, "", 1);
        passed = sscanf(report, "%lf %7s", &reported, unit_reported) == 2 &&
                 sscanf(text.bytes, "%lf %7s", &shown, unit) == 2 &&
                 strcmp(unit, unit_reported) == 0 && fabs(reported - shown) < 1e-6;
        if (!passed)
            tap_note("%f: %s, %s", rate, text.bytes, report);
    }
    tap_ok(passed, "the last line and the report have the same rate");
    text_free(&text);
}

static void test_shortened(void)
{
    static const struct {
        const char *name;
        unsigned room;
        bool utf8;
        const char *shown;
    } names[] = {
        {"update-database", 15, true, "update-database"},
        {"xz -9 >/dev/null", 15, true, "xz -9 >..v/null"},
        {"/var/backups/db.gz", 16, true, "/var/ba..s/db.gz"},
        {"abcd", 3, true, "a.."},
        {"abc", 2, true, "ab"},
        {"a\nbcdefg", 7, true, "a\\n..fg"},
        {"\303\244\303\244\303\244\303\244\303\244", 4, true, "\303\244..\303\244"},
        {"\303\244\303\244", 6, false, "\\x..a4"},
        {"", 1, true, ""},
    };
    struct text text = {0};

    for (size_t i = 0; i < LENGTH(names); i++) {
        text_clear(&text);
        text_add_string(&text, "<");
        display_add_shortened(&text, names[i].name, names[i].room, names[i].utf8);
        if (!tap_ok(text.length == 1 + strlen(names[i].shown) &&
                        memcmp(text.bytes + 1, names[i].shown, text.length - 1) == 0,
                    "%u columns of a name", names[i].room))
            tap_note("%.*s", (int)text.length, text.bytes);
    }
    text_free(&text);
}

/* What the words say while bytes cannot move yet. */
static void test_connecting(void)
{
    static const struct {
        enum display_note note;
        unsigned width;
        const char *words;
    } notes[] = {{DISPLAY_NOTE_CONNECTING, 12, "connecting  "},
                 {DISPLAY_NOTE_CONNECTING, 8, "connect."},
                 {DISPLAY_NOTE_AWAITING, 18, "waiting for a peer"},
                 {DISPLAY_NOTE_AWAITING, 17, "waiting          "}};
    struct display_style style = usual_style(ASCII, 80);
    struct text text = {0};

    for (size_t i = 0; i < LENGTH(notes); i++) {
        struct display_values values = usual_values(BALANCED);
        values.note = notes[i].note;
        text_clear(&text);
        display_add_waiting(&text, &values, &style, notes[i].width);
        tap_ok(text.length == notes[i].width &&
                   memcmp(text.bytes, notes[i].words, notes[i].width) == 0,
               "%s", notes[i].words);
    }
    text_free(&text);
}

/* Two columns for a wide character, none for a combining one, where the locale knows. */
static void test_wide(void)
{
    static const struct {
        unsigned width, columns;
        const char *line;
    } cuts[] = {{5, 5, "字字e\314\201"}, {4, 4, "字字"}, {3, 2, "字"}, {1, 0, ""}};
    struct text text = {0};
    struct display_format format;

    if (setlocale(LC_CTYPE, "C.UTF-8") == NULL && setlocale(LC_CTYPE, "en_US.UTF-8") == NULL) {
        tap_ok(true, "wide characters # SKIP there is no locale of UTF-8");
        return;
    }
    display_format_parse(&format, "字字e\314\201");
    for (size_t i = 0; i < LENGTH(cuts); i++) {
        struct display_values values = usual_values(0);
        struct display_style style = usual_style(0, cuts[i].width);
        text_clear(&text);
        unsigned width = display_format_line(&text, &format, &values, &style);
        tap_ok(width == cuts[i].columns && text.length == strlen(cuts[i].line) &&
                   (text.length == 0 || memcmp(text.bytes, cuts[i].line, text.length) == 0),
               "wide characters, cut to %u", cuts[i].width);
    }
    text_free(&text);
}

int main(void)
{
    uint64_t random = tap_seed();

    setenv("TZ", "UTC0", 1);
    test_scenes(sequences, LENGTH(sequences));
    test_scenes(defaults, LENGTH(defaults));
    test_loss();
    test_leaving();
    test_words_last();
    test_fewer_words();
    test_long_names();
    test_eighty();
    test_amounts();
    test_amount_widths(&random);
    test_times();
    test_agreement(&random);
    test_same_rate(&random);
    test_shortened();
    test_connecting();
    test_numeric();
    test_parse();
    test_fixed();
    test_random(&random);
    test_wide();
    return tap_done();
}
