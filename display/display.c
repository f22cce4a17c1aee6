/*
 * display.c - see display.h. display/format.c and display/default_line.c compose the line.
 */
#include "display/display.h"

#include "base/descriptor.h"
#include "base/message.h"
#include "base/minmax.h"
#include "base/platform.h"
#include "base/text.h"
#include "display/columns.h"
#include "display/cursor.h"
#include "display/default_line.h"
#include "display/format.h"
#include "display/history.h"
#include "display/parts.h"
#include "display/side.h"
#include "display/terminal.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    DEFAULT_WIDTH = 80, /* as in pv */
    DEFAULT_HEIGHT = 25,
    PHASES = 200, /* positions of the moving mark, there and back */
    PHASE_STEP = 2
};

struct display {
    const struct options *options;
    const struct meter *meter;
    struct last_written *last_written;
    bool on;                    /* it shows something, perhaps only a title */
    bool shows;                 /* it shows the line, or numbers, on stderr */
    bool terminal;              /* stderr is a terminal */
    struct display_style style; /* its width, and `height`, are set anew for each frame */
    unsigned height, fixed_width, fixed_height;

    bool by_default; /* no format was asked for */
    char composed[DISPLAY_FORMAT_TEXT];
    char *changed; /* the format that -R has set; owned */
    struct display_format format, extra;

    uint64_t interval_ns;
    uint64_t due_ns; /* of the next regular frame, since the meter's start */
    struct cursor_looks looks;
    uint64_t start_ns; /* %t counts from here */
    bool started;      /* false only with -W before the first byte */
    bool refresh;      /* a frame is due before due_ns */
    bool framed;       /* there was a frame */
    bool gave_way;     /* the line was cleared for a command (display_give_way()) */
    bool stopping;     /* the frame is the last one before the process stops */
    struct moment first, last;
    struct history history; /* for -a and -e */
    double rate, highest_rate;
    uint64_t state_ns[METER_STATES]; /* the meter's values when the last interval ended */
    uint64_t zero_copy_bytes, fill, fill_before; /* fill_before: when it began */
    uint64_t interval_state_ns[METER_STATES];    /* what the last interval was spent on */
    unsigned phase;
    bool passed; /* the buffer was empty at the end of the interval, and bytes had bypassed it */

    struct cursor cursor;
    struct text text, blanks, title;
    struct message_line line;
    unsigned shown; /* columns of the frame that is on the screen */
    bool titled;
};

/* --- the terminal ----------------------------------------------------------------------------- */

/* Whether the line can have a row of its own. */
static bool can_share(const struct display *display)
{
    return display->shows && display->terminal && terminal_obeys_escapes();
}

/* Whether the display may write to stderr now. */
static bool may_show(const struct display *display)
{
    return display->options->display.force || !display->terminal || !terminal_in_background();
}

static void measure_terminal(struct display *display)
{
    unsigned width = 0, height = 0;
    if (display->terminal)
        platform_terminal_size(STDERR_FILENO, &width, &height);
    if (display->fixed_width > 0)
        width = display->fixed_width;
    if (display->fixed_height > 0)
        height = display->fixed_height;
    display->style.width = width > 0 ? width : DEFAULT_WIDTH;
    display->height = height > 0 ? height : DEFAULT_HEIGHT;
}

/* --- messages --------------------------------------------------------------------------------- */

static void rows_are_printed(void *context)
{
    struct display *display = context;
    cursor_printing(&display->cursor, STDERR_FILENO);
}

static void rows_printed(void *context, const char *bytes, size_t length)
{
    struct display *display = context;
    cursor_printed(&display->cursor, display_rows(bytes, length, display->style.width));
    display->line.erase = NULL;
}

/* Describes the line for the next message: what erases it, if anything has to. On a terminal that
 * can be shared the description also counts the rows of all later output. */
static void describe_line(struct display *display, const char *erase)
{
    display->line = (struct message_line){.erase = erase};
    if (can_share(display))
        display->line = (struct message_line){.erase = erase,
                                              .printing = rows_are_printed,
                                              .printed = rows_printed,
                                              .context = display,
                                              .stays = true};
}

static void begin_line(struct display *display)
{
    describe_line(display, NULL);
    (void)message_live(NULL, 0, &display->line);
}

/* --- opening ---------------------------------------------------------------------------------- */

static void set_format(struct display *display, const char *format)
{
    display->by_default = format == NULL;
    display_format_parse(&display->format, format != NULL ? format : "");
    display->last_written->wanted =
        display->on && (display->format.written > 0 || display->format.lines ||
                        display->extra.written > 0 || display->extra.lines);
}

static void set_start(struct display *display, uint64_t ns)
{
    uint64_t connect_ns = display->meter->state_ns[METER_CONNECT];
    display->start_ns = ns;
    display->first = (struct moment){.ns = ns > connect_ns ? ns - connect_ns : 0};
    display->last = display->first;
    history_begin(&display->history, display->first);
}

/* As in pv the first frame is due after an interval, or after the delay of -D. */
static void set_due(struct display *display)
{
    const struct display_options *options = &display->options->display;
    uint64_t wait = options->delay_ns > 0 ? options->delay_ns : display->interval_ns;
    display->due_ns = display->start_ns + wait;
}

static void set_style(struct display *display)
{
    const struct options *options = display->options;
    display->style = (struct display_style){
        .utf8 = utf8_is_set_up(),
        .colours = display->terminal && terminal_has_colours(),
        .si = options->si,
        .bits = options->display.bits,
        .gauge = options->display.gauge,
        .bar = options->display.bar,
    };
}

/* Whether -x asks for a window title, and stderr is a terminal that can show it. */
static bool has_window(const struct display *display)
{
    return display->options->display.window_title && display->terminal;
}

struct display *display_open(const struct options *options, const struct meter *meter,
                             struct last_written *last_written)
{
    const struct display_options *asked = &options->display;
    struct display *display = calloc(1, sizeof *display);
    if (display == NULL)
        return NULL;
    bool open = descriptor_was_inherited(STDERR_FILENO);
    display->options = options;
    display->meter = meter;
    display->last_written = last_written;
    cursor_init(&display->cursor, asked->cursor);
    display->terminal = open && isatty(STDERR_FILENO);
    display->shows =
        open && !options->quiet && (display->terminal || asked->force || asked->numeric);
    display->on = display->shows || asked->process_title || has_window(display);
    display->interval_ns = asked->interval_ns;
    display->fixed_width = asked->width;
    display->fixed_height = asked->height;
    if (asked->extra_format != NULL)
        display_format_parse(&display->extra, asked->extra_format);
    set_format(display, options_display_format(options, display->composed));
    display->started = !asked->wait;
    set_start(display, 0);
    set_due(display);
    cursor_begin_looks(&display->looks, UINT64_MAX);
    if (display->on)
        set_style(display);
    if (can_share(display))
        begin_line(display);
    return display;
}

bool display_is_on(const struct display *display)
{
    return display->on;
}

uint64_t display_due(const struct display *display)
{
    const struct meter *meter = display->meter;
    if (!display->on || (!display->started && meter->first_ns == 0))
        return UINT64_MAX;
    return !display->started || display->refresh
               ? meter->now_ns
               : meter->start_ns + min_u64(display->due_ns, display->looks.due_ns);
}

/* --- what is shown ---------------------------------------------------------------------------- */

/* Computes what the interval that ends now shows: the rate, the time in each state, and whether
 * bytes bypassed the buffer. An interval that is too short (a frame after ^Z, or for a new width)
 * does not end: the frame shows the one before. The first interval always counts. */
static void take_interval(struct display *display, struct moment now)
{
    enum { SHORTEST_NS = 10000000 };
    const struct meter *meter = display->meter;
    history_keep(&display->history, now, display->options->display.window_ns);
    if (now.ns - display->last.ns <= SHORTEST_NS && display->last.ns != display->start_ns)
        return;
    display->rate = moment_rate(&display->last, &now, meter->shows_records);
    display->last = now;
    if (display->rate > display->highest_rate)
        display->highest_rate = display->rate;
    for (int i = 0; i < METER_STATES; i++) {
        display->interval_state_ns[i] = meter->state_ns[i] - display->state_ns[i];
        display->state_ns[i] = meter->state_ns[i];
    }
    display->passed = meter->fill == 0 && meter->zero_copy_bytes > display->zero_copy_bytes;
    display->zero_copy_bytes = meter->zero_copy_bytes;
    display->fill_before = display->fill;
    display->fill = meter->fill;
}

static struct display_values take_values(struct display *display, bool final)
{
    const struct meter *meter = display->meter;
    struct moment now = moment_of(meter);
    take_interval(display, now);
    struct moment start = final ? display->first : history_oldest(&display->history);
    double average = moment_rate(&start, &now, meter->shows_records);
    double rate = final ? average : display->rate;
    if (final && !meter->shows_records && !display->style.bits)
        rate = display_round_rate(rate, display->style.si);
    if (rate > 0)
        display->phase = (display->phase + PHASE_STEP) % PHASES;
    struct display_values values = {
        .units = meter->shows_records ? now.records : now.bytes,
        .size = meter->size_bytes,
        .size_known = moment_has_share(meter, &now),
        .size_in_bytes = meter->shows_records && !meter->size_in_records,
        .bytes = now.bytes,
        .records = meter->shows_records,
        .elapsed_ns = meter_elapsed(meter) - display->start_ns,
        .rate = rate,
        .average_rate = average,
        .highest_rate = display->highest_rate,
        .eta_ns = rate > 0 ? moment_time_left(meter, &start, &now) : UINT64_MAX,
        .phase = display->phase,
        .now = time(NULL),
        .final = final,
        .fill = meter->fill,
        .capacity = meter->capacity,
        .passes = display->passed,
        .dropped = meter_worst_output(meter)->bytes_dropped,
        .dropped_records = meter_worst_output(meter)->records_dropped,
        .several_outputs = meter->output_count > 1,
        .name = meter->name,
        .written = (const char *)display->last_written->written,
        .written_length = display->last_written->written_length,
        .line = display->last_written->line,
        .line_length = display->last_written->line_length,
    };
    memcpy(values.state_ns, final ? meter->state_ns : display->interval_state_ns,
           sizeof values.state_ns);
    display_find_side(&values, meter, display->fill_before);
    return values;
}

/* --- a frame ---------------------------------------------------------------------------------- */

static unsigned add_line(const struct display *display, struct text *text,
                         const struct display_values *values, const struct display_style *style)
{
    if (display->by_default)
        return display_format_default(text, values, style);
    return display_format_line(text, &display->format, values, style);
}

static void add_blanks(struct text *text, unsigned count)
{
    for (; count > 0; count--)
        text_add_bytes(text, " ", 1);
}

/* Covers the rest of the previous frame. If the terminal has become narrower that frame may have
 * been wrapped into several rows, and some are below the cursor now. */
static void cover(struct display *display, unsigned width)
{
    unsigned reach = display->shown < display->style.width ? display->shown : display->style.width;
    if (reach > width)
        add_blanks(&display->text, reach - width);
    text_add_string(&display->text, "\r");
    if (display->shown > display->style.width && display->terminal && terminal_obeys_escapes())
        text_add_string(&display->text, "\n\033[J\033[A");
}

/* The bytes that a message sends first: blanks over the line. */
static const char *erasing(struct display *display)
{
    text_clear(&display->blanks);
    text_add_string(&display->blanks, "\r");
    add_blanks(&display->blanks, display->shown);
    text_add_bytes(&display->blanks, "\r", 2); /* with its NUL */
    return display->blanks.failed ? "\n" : display->blanks.bytes;
}

/* -x: sets the titles to the line, or to the line of their own format. The window title is added to
 * the text, and sent with the frame. */
static void show_titles(struct display *display, const struct display_values *values)
{
    const struct display_options *options = &display->options->display;
    const bool window = has_window(display) && may_show(display);
    if (!window && !options->process_title)
        return;
    struct display_style plain = display->style;
    plain.colours = false;
    text_clear(&display->title);
    if (options->extra_format != NULL)
        (void)display_format_line(&display->title, &display->extra, values, &plain);
    else
        (void)add_line(display, &display->title, values, &plain);
    text_add_bytes(&display->title, "", 1);
    if (display->title.failed)
        return;
    if (options->process_title)
        platform_set_title(display->title.bytes);
    if (window) {
        text_add(&display->text, "%s\033]2;%s\007", display->titled ? "" : "\033[22;2t",
                 display->title.bytes);
        display->titled = true;
    }
}

static bool reports_on_stderr(const struct options *options, enum report_format format)
{
    for (size_t i = 0; i < options->report_count; i++)
        if (options->reports[i].format == format && options->reports[i].path == NULL)
            return true;
    return false;
}

/* The line begins with a return on a terminal, because it echoes typed characters at the cursor,
 * and together with JSON, because a line that begins with "{" (-T) would be taken for JSON. */
static bool begins_with_return(const struct display *display)
{
    return display->terminal || reports_on_stderr(display->options, REPORT_JSON);
}

static bool show_line(struct display *display, const struct display_values *values)
{
    if (begins_with_return(display))
        text_add_string(&display->text, "\r");
    unsigned width = add_line(display, &display->text, values, &display->style);
    cover(display, width);
    unsigned shown = display->shown;
    display->shown = width;
    const bool stays = values->final || display->stopping;
    if (stays) {
        text_add_string(&display->text, "\n");
        display->shown = 0;
    }
    describe_line(display, stays ? NULL : erasing(display));
    bool sent = !display->text.failed &&
                message_live(display->text.bytes, display->text.length, &display->line);
    if (!sent)
        display->shown = shown > display->shown ? shown : display->shown;
    return sent;
}

static bool show_row(struct display *display, const struct display_values *values)
{
    (void)add_line(display, &display->text, values, &display->style);
    text_add_string(&display->text, "\033[K");
    cursor_end(&display->cursor, &display->text);
    if (display->stopping)
        text_add_string(&display->text, "\033[K"); /* the terminal may have written ^Z there */
    display->shown = 0;
    describe_line(display, NULL);
    return !display->text.failed &&
           message_live(display->text.bytes, display->text.length, &display->line);
}

static void show_shared(struct display *display, const struct display_values *values)
{
    const bool stays = values->final || display->stopping;
    enum cursor_status status =
        can_share(display)
            ? cursor_begin(&display->cursor, &display->text, STDERR_FILENO, display->height, stays)
            : CURSOR_ALONE;
    if (status == CURSOR_BUSY)
        return;
    bool sent = (status == CURSOR_READY ? show_row : show_line)(display, values);
    if (status != CURSOR_ALONE)
        cursor_sent(&display->cursor, sent);
}

/* Sends numbers, a title, or both. They leave no line on the terminal to be erased. */
static void send_text(struct display *display)
{
    if (!display->text.failed && display->text.length > 0)
        (void)message_live(display->text.bytes, display->text.length, NULL);
}

static void show(struct display *display, bool final)
{
    measure_terminal(display);
    if (!display->framed && can_share(display))
        cursor_begin_looks(&display->looks, meter_elapsed(display->meter));
    display->framed = true;
    struct display_values values = take_values(display, final);
    text_clear(&display->text);
    show_titles(display, &values);
    if (display->shows && display->options->display.numeric)
        display_format_numeric(&display->text, &display->format, &values);
    else if (display->shows && may_show(display)) {
        show_shared(display, &values);
        return;
    }
    send_text(display);
}

/* -W: time counts from the first byte. */
static void start_late(struct display *display)
{
    const struct meter *meter = display->meter;
    display->started = true;
    set_start(display, meter->first_ns - meter->start_ns);
    set_due(display);
}

void display_tick(struct display *display)
{
    uint64_t now = meter_elapsed(display->meter);
    if (display_due(display) > display->meter->now_ns)
        return;
    if (!display->started)
        start_late(display);
    if (cursor_take_look(&display->looks, now) && cursor_is_displaced(&display->cursor))
        display_refresh(display);
    if (display->refresh || now >= display->due_ns)
        show(display, false);
    display->refresh = false;
    if (now >= display->due_ns)
        display->due_ns +=
            ((now - display->due_ns) / display->interval_ns + 1) * display->interval_ns;
}

/* A refresh before the first frame, or with numbers (-n), does nothing. */
void display_refresh(struct display *display)
{
    display->refresh = display->started && display->framed && !display->options->display.numeric;
}

void display_give_way(struct display *display)
{
    if (display->shown == 0)
        return;
    const char *blanks = erasing(display);
    describe_line(display, NULL);
    if (!message_live(blanks, strlen(blanks), &display->line)) {
        describe_line(display, blanks);
        return;
    }
    uint64_t due_ns = meter_elapsed(display->meter) + DISPLAY_GIVE_WAY_NS;
    display->shown = 0;
    display->gave_way = true;
    if (display->due_ns < due_ns)
        display->due_ns = due_ns;
}

static bool is_on_screen(const struct display *display)
{
    return display->shown > 0 || display->cursor.fd >= 0;
}

/* The row is given up here, not in display_continue(): of a group that goes on, the first process
 * would take over the row of the next one, which is above what the shell has written. */
void display_stop(struct display *display)
{
    if (!is_on_screen(display))
        return;
    display->stopping = true;
    show(display, false);
    display->stopping = false;
    cursor_leave(&display->cursor);
}

/* After SIGSTOP there was no display_stop(). */
void display_continue(struct display *display)
{
    cursor_leave(&display->cursor);
    display->shown = 0;
    begin_line(display);
    display_refresh(display);
    if (can_share(display))
        cursor_begin_looks(&display->looks, meter_elapsed(display->meter));
}

/* A run that ends before its delay, or with -W before the first byte, has shown nothing, and shows
 * no last frame. The default line is not shown at the end either, if there was no frame before and
 * a text report goes to stderr. (-f shows it.) */
void display_final(struct display *display)
{
    const struct display_options *options = &display->options->display;
    const struct meter *meter = display->meter;
    if (!display->on || !meter->began || meter_elapsed(meter) < options->delay_ns ||
        (options->wait && meter->first_ns == 0))
        return;
    if (display->by_default && !is_on_screen(display) && !display->gave_way && !options->force &&
        reports_on_stderr(display->options, REPORT_TEXT))
        return;
    if (!display->started)
        start_late(display);
    show(display, true);
}

bool display_change(struct display *display, const struct display_change *change)
{
    if (change->format != NULL) {
        char *copy = strdup(change->format);
        if (copy == NULL)
            return false;
        set_format(display, *copy != '\0' ? copy : NULL);
        free(display->changed);
        display->changed = copy;
    }
    if (change->interval_ns > 0)
        display->interval_ns = change->interval_ns;
    if (change->width > 0)
        display->fixed_width = change->width;
    if (change->height > 0)
        display->fixed_height = change->height;
    uint64_t next = meter_elapsed(display->meter) + display->interval_ns;
    if (display->due_ns > next)
        display->due_ns = next;
    return true;
}

void display_close(struct display *display)
{
    if (display == NULL)
        return;
    static const char old_title[] = "\033[23;2t";
    if (display->titled)
        (void)message_live(old_title, strlen(old_title), NULL);
    (void)message_live(NULL, 0, NULL);
    cursor_leave(&display->cursor);
    text_free(&display->text);
    text_free(&display->blanks);
    text_free(&display->title);
    free(display->changed);
    free(display);
}
