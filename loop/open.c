/*
 * open.c - see open.h.
 *
 * The order of opening makes bad input harmless. Outputs are opened without touching their
 * contents, then an input is opened, and only then are files truncated.
 */
#include "loop/open.h"

#include "base/counted_call.h"
#include "base/descriptor.h"
#include "base/message.h"
#include "base/records.h"
#include "base/same_inode.h"
#include "loop/account.h"
#include "loop/commands.h"
#include "loop/dial.h"
#include "loop/failure.h"
#include "loop/input.h"
#include "loop/peers.h"
#include "loop/read.h"
#include "loop/state.h"
#include "loop/way.h"
#include "net/address.h"
#include "options/same_file.h"

#include <sys/stat.h>
#include <unistd.h>

#define OPENING_DELAY_MIN_NS UINT64_C(1000000)
#define OPENING_DELAY_MAX_NS UINT64_C(100000000)

static void begin_input_datagrams(struct poll_loop *loop, struct loop_input *input)
{
    const struct options *options = loop->options;
    if (input->endpoint.socket == ENDPOINT_UDP)
        udp_begin_input(&input->endpoint.udp, input->endpoint.fd, options->net.allowed,
                        options->net.allowed_count);
}

static void begin_output_datagrams(struct poll_loop *loop, size_t index)
{
    if (loop->outputs.all[index].endpoint.socket != ENDPOINT_UDP ||
        loop->options->records == RECORD_NONE)
        return;
    flow_send_messages(&loop->path.flow, index);
    loop->outputs.sends_messages = true;
}

void loop_abandon_outputs(struct poll_loop *loop)
{
    for (size_t i = 0; i < loop->outputs.count; i++) {
        struct loop_output *output = &loop->outputs.all[i];
        if (output->state == OUTPUT_OPEN) {
            loop_note_incomplete(output);
            endpoint_abandon_output(&output->endpoint);
        }
        output->state = OUTPUT_CLOSED;
    }
    loop->outputs.open_count = 0;
    loop->phase = LOOP_DONE;
}

/* The text of output or tap `index` on the command line. */
static const char *output_text(const struct poll_loop *loop, size_t index)
{
    const struct options *options = loop->options;
    return index < loop->outputs.main_count ? options->outputs[index]
                                            : options->taps[index - loop->outputs.main_count];
}

static enum endpoint_opening open_output(struct poll_loop *loop, size_t index)
{
    struct loop_output *output = &loop->outputs.all[index];
    enum endpoint_opening opening = ENDPOINT_OPENED;
    if (loop->options->discard && !output->tap)
        endpoint_open_discard(&output->endpoint);
    else if (output->command != NULL)
        opening = loop_open_command_output(loop, output) == 0 ? ENDPOINT_OPENED : ENDPOINT_REFUSED;
    else if (output->dialer != NULL)
        opening = loop_dial_output(loop, index);
    else
        opening = endpoint_open_output(&output->endpoint, output_text(loop, index), loop->options);
    if (opening != ENDPOINT_OPENED)
        return opening;
    output->meter->name = output->endpoint.name;
    output->state = OUTPUT_OPEN;
    loop->outputs.open_count += !output->tap;
    if (output->endpoint.direct.wanted)
        loop->path.flow.outputs[index].alignment = DIRECT_IO_ALIGNMENT;
    begin_output_datagrams(loop, index);
    loop_note_peer(&output->endpoint, output->meter);
    return ENDPOINT_OPENED;
}

/* Tries to open every output that is not open. Returns false if one is refused: the run is over. */
static bool open_outputs(struct poll_loop *loop)
{
    for (size_t i = 0; i < loop->outputs.count; i++) {
        struct loop_output *output = &loop->outputs.all[i];
        if (output->state != OUTPUT_UNOPENED || open_output(loop, i) != ENDPOINT_REFUSED)
            continue;
        if (output->tap) {
            loop_lose_tap(loop, output, output->endpoint.error);
            continue;
        }
        loop_note_failure(loop, output->meter, output->endpoint.error);
        return false;
    }
    return true;
}

static bool begin_outputs(struct poll_loop *loop)
{
    for (size_t i = 0; i < loop->outputs.count; i++) {
        struct loop_output *output = &loop->outputs.all[i];
        if (output->state != OUTPUT_OPEN || endpoint_begin_output(&output->endpoint) == 0)
            continue;
        if (output->tap) {
            loop_lose_tap(loop, output, output->endpoint.error);
        } else {
            loop_note_failure(loop, output->meter, output->endpoint.error);
            return false;
        }
    }
    return true;
}

/* Whether an output is a FIFO without a reader: no event tells when a reader comes. */
static bool has_unread_fifo(const struct poll_loop *loop)
{
    for (size_t i = 0; i < loop->outputs.count; i++)
        if (loop->outputs.all[i].state == OUTPUT_UNOPENED && loop->outputs.all[i].dialer == NULL)
            return true;
    return false;
}

/* Takes over an inherited descriptor that an earlier input has read to its end. bpipe must not open
 * a new private description of it: poll() on a new description would not report the end of a FIFO
 * again. */
static bool take_over(struct poll_loop *loop, size_t index)
{
    int fd = descriptor_inherited_number(loop->options->inputs[index], STDIN_FILENO);
    struct endpoint *endpoint = &loop->inputs.all[index].endpoint;
    for (size_t i = 0; fd >= 0 && i < index; i++) {
        struct endpoint *earlier = &loop->inputs.all[i].endpoint;
        if (earlier->fd != fd)
            continue; /* another descriptor, or it was taken over already */
        pipe_relay_close(&earlier->relay);
        *endpoint = *earlier;
        endpoint->nonblock.writers_gone = true;
        earlier->fd = -1;
        return true;
    }
    return false;
}

/* Whether an input is the file of an output. With --merge this includes a file that is at its end:
 * the other inputs make it grow while it is read. */
static bool feeds_an_output(const struct poll_loop *loop, const struct endpoint *input)
{
    bool grows = loop->options->merge && loop->inputs.count > 1;
    for (size_t i = 0; i < loop->outputs.count; i++) {
        const struct loop_output *output = &loop->outputs.all[i];
        if (output->state == OUTPUT_OPEN &&
            (grows ? endpoint_same_regular_file(input, &output->endpoint)
                   : endpoint_feeds_itself(input, &output->endpoint)))
            return true;
    }
    return false;
}

static bool open_input(struct poll_loop *loop, size_t index)
{
    struct loop_input *input = &loop->inputs.all[index];
    const char *text = loop->options->inputs[index];
    if (input->refused)
        return false;
    if (input->dialer != NULL) {
        endpoint_open_socket(&input->endpoint, text, input->dialer->resolved->address.kind,
                             dialer_take(input->dialer));
    } else if (input->command != NULL) {
        if (loop_open_command_input(loop, input) != 0) {
            loop_note_failure(loop, input->meter, input->endpoint.error);
            return false;
        }
    } else if (!take_over(loop, index) &&
               endpoint_open_input(&input->endpoint, text, loop->options) != 0) {
        loop_note_failure(loop, input->meter, input->endpoint.error);
        return false;
    }
    if (feeds_an_output(loop, &input->endpoint)) {
        loop_note_failure(loop, input->meter, "input file is output file");
        endpoint_close_input(&input->endpoint);
        return false;
    }
    if (transfer_can_relay(&input->endpoint))
        input->endpoint.relay.splices = &loop->meter->calls[CALL_SPLICE];
    begin_input_datagrams(loop, input);
    loop_begin_framing(loop);
    loop_note_peer(&input->endpoint, input->meter);
    if (!loop->options->merge)
        loop_choose_way(loop);
    /* A FIFO must not be read before poll() has seen a writer. A descriptor without a type may be
     * one that cannot be read at all (epoll), and poll() does not tell that. */
    input->ready =
        input->endpoint.nonblock.writers_gone || input->endpoint.kind == ENDPOINT_UNTYPED;
    return true;
}

static bool all_are_refused(const struct poll_loop *loop)
{
    for (size_t i = 0; i < loop->inputs.count; i++)
        if (!loop->inputs.all[i].refused)
            return false;
    return true;
}

/* --merge: opens all inputs; they are read from the start. */
static void open_merged(struct poll_loop *loop)
{
    bool any = false;
    loop->inputs.current = loop->inputs.count; /* none is the current one */
    for (size_t i = 0; i < loop->inputs.count; i++) {
        loop->inputs.all[i].open = open_input(loop, i);
        any |= loop->inputs.all[i].open;
    }
    loop->path.flow.passing = false;
    if (!any)
        loop_end_input(loop);
}

/* The current input has ended: goes on with the next input that can be opened, or starts
 * draining. */
static void next_input(struct poll_loop *loop)
{
    loop->inputs.idle_since_ns = 0;
    loop_close_current(loop);
    for (loop->inputs.current++; loop->inputs.current < loop->inputs.count; loop->inputs.current++)
        if (open_input(loop, loop->inputs.current))
            return;
    loop_end_input(loop);
}

void loop_input_at_end(struct poll_loop *loop, size_t index)
{
    struct loop_input *input = &loop->inputs.all[index];
    if (loop->options->merge) {
        loop_merge_input_at_end(loop, input);
        return;
    }
    loop_note_input_end(loop, input);
    if (loop_end_record(loop, input, false))
        next_input(loop);
}

void loop_input_failed(struct poll_loop *loop, int error)
{
    struct loop_input *input = &loop->inputs.all[loop->inputs.current];
    const char *reason = loop_framing_reason(loop, error);
    if (reason != NULL)
        loop_note_failure(loop, input->meter, reason);
    else
        loop_note_read_failure(loop, input, error);
    (void)loop_end_record(loop, input, true);
    next_input(loop);
}

/* Whether all outputs are different files: two open descriptions of one file would write over each
 * other's bytes. */
static bool outputs_differ(struct poll_loop *loop)
{
    for (size_t i = 1; i < loop->outputs.count; i++)
        for (size_t j = 0; j < i; j++)
            if (endpoint_same_regular_file(&loop->outputs.all[i].endpoint,
                                           &loop->outputs.all[j].endpoint)) {
                loop_note_failure(loop, loop->outputs.all[i].meter, "is already an output");
                return false;
            }
    return true;
}

static bool inputs_survive(struct poll_loop *loop)
{
    for (size_t i = 0; i < loop->inputs.count; i++)
        for (size_t j = 0; j < loop->outputs.count; j++)
            if (endpoint_would_overwrite_input(loop->options->inputs[i],
                                               &loop->outputs.all[j].endpoint)) {
                loop_note_failure(loop, loop->inputs.all[i].meter, "input file is output file");
                return false;
            }
    return true;
}

/* Whether the data goes to stderr, as with `2>&1`. (For a regular file the report looks at its last
 * byte instead.) */
static bool data_goes_to_stderr(const struct poll_loop *loop)
{
    struct stat own, output;
    bool any = false;
    if (!descriptor_was_inherited(STDERR_FILENO) || fstat(STDERR_FILENO, &own) != 0 ||
        S_ISREG(own.st_mode))
        return false;
    for (size_t i = 0; i < loop->outputs.count; i++)
        any = any ||
              (loop->outputs.all[i].endpoint.fd >= 0 &&
               fstat(loop->outputs.all[i].endpoint.fd, &output) == 0 && same_inode(&output, &own));
    return any;
}

/* Checks the files that can be compared only when all outputs are open, before any of them is
 * changed. Returns false after a message: the run has failed. Inputs that are opened later are
 * checked then (endpoint_feeds_itself()). */
static bool files_differ(struct poll_loop *loop)
{
    if (!outputs_differ(loop) || !inputs_survive(loop))
        return false;
    if (same_file_check(loop->options) == 0) {
        message_stderr_has_data(data_goes_to_stderr(loop));
        return true;
    }
    loop_mark_run_failed(loop);
    return false;
}

static void postpone_opening(struct poll_loop *loop)
{
    uint64_t delay = loop->opening.delay_ns * 2;
    loop->opening.delay_ns = delay < OPENING_DELAY_MIN_NS   ? OPENING_DELAY_MIN_NS
                             : delay > OPENING_DELAY_MAX_NS ? OPENING_DELAY_MAX_NS
                                                            : delay;
    loop->opening.next_ns = loop->meter->now_ns + loop->opening.delay_ns;
}

static void leave_out_unopened_taps(struct poll_loop *loop)
{
    for (size_t i = loop->outputs.main_count; i < loop->outputs.count; i++)
        if (loop->outputs.all[i].state == OUTPUT_UNOPENED)
            ring_detach(&loop->path.ring, i);
    postpone_opening(loop);
}

/* All outputs are open: opens the first input, then makes the first change to a file. */
static bool begin(struct poll_loop *loop)
{
    if (!files_differ(loop) || !loop_start_commands(loop))
        return false;
    leave_out_unopened_taps(loop);
    loop->phase = LOOP_RUNNING;
    loop->inputs.current = SIZE_MAX; /* so that the next input is the first */
    bool nothing_wanted = loop_wants_nothing(loop) && loop->inputs.skip_left == 0;
    if (loop->options->merge)
        open_merged(loop);
    else if (!nothing_wanted || loop->inputs.all[0].command == NULL) /* else it is not started */
        next_input(loop);
    loop->meter->began = loop->phase == LOOP_RUNNING || !loop->ending.failed;
    if (!loop->meter->began || !begin_outputs(loop))
        return false;
    if (nothing_wanted)
        loop_end_input(loop);
    return true;
}

static bool is_unix(const char *text)
{
    return address_is_unix(address_kind_of(text));
}

/* Compares files by name, before anything is opened. Files that exist are compared when they are
 * open. But with --atomic an output's file is not there before the end, and the later of two would
 * replace the earlier. And an output's file would be created before a unix socket of that name. */
static bool names_differ(struct poll_loop *loop)
{
    for (size_t i = 0; i < loop->outputs.count; i++) {
        const char *text = output_text(loop, i);
        for (size_t j = 0; j < i && loop->outputs.all[i].command == NULL; j++) {
            const char *other = output_text(loop, j);
            if ((loop->options->atomic || is_unix(text) != is_unix(other)) &&
                same_file_as(text, other, STDOUT_FILENO)) {
                loop_note_failure(loop, loop->outputs.all[i].meter, "is already an output");
                return false;
            }
        }
        for (size_t j = 0; j < loop->inputs.count && !is_unix(text); j++) {
            const char *input = loop->options->inputs[j];
            if (is_unix(input) && same_file_as(input, text, STDOUT_FILENO)) {
                loop_note_failure(loop, loop->inputs.all[j].meter, "input file is output file");
                return false;
            }
        }
    }
    return true;
}

void loop_open_endpoints(struct poll_loop *loop)
{
    if (!names_differ(loop) || !open_outputs(loop)) {
        loop_abandon_outputs(loop);
        return;
    }
    bool inputs = loop_dial_inputs(loop);
    if (all_are_refused(loop)) {
        loop_abandon_outputs(loop); /* without an input the outputs need not be waited for */
        return;
    }
    if (inputs && loop_outputs_are_open(loop) && !loop_awaits_connecting_taps(loop)) {
        if (!begin(loop))
            loop_abandon_outputs(loop);
        return;
    }
    if (has_unread_fifo(loop))
        postpone_opening(loop);
    else
        loop->opening.next_ns = 0;
}

bool loop_awaits_taps(const struct poll_loop *loop)
{
    for (size_t i = loop->outputs.main_count; i < loop->outputs.count; i++)
        if (loop->outputs.all[i].state == OUTPUT_UNOPENED && loop->outputs.all[i].dialer == NULL &&
            loop->phase == LOOP_RUNNING)
            return true;
    return false;
}

/* Attaches a tap to the ring. It reads from the current position on, including a record that has
 * begun: that record may be taken back (buffer/admission.h), and no reader may have read any of it
 * then. But if an output has read a part of the record already, the tap misses the rest. The tap
 * has missed the bytes and records that came in before, except those that are not in the ring
 * yet. */
static void attach(struct poll_loop *loop, size_t index)
{
    struct loop_output *tap = &loop->outputs.all[index];
    uint64_t coming =
        loop->overload.admission.spool == NULL ? 0 : spool_held(loop->overload.admission.spool);
    size_t begun = 0;
    if (loop->options->merge)
        coming += loop_merge_held(loop);
    ring_attach(&loop->path.ring, index);
    if (loop->options->records != RECORD_NONE && !loop->overload.admission.ended)
        begun = (size_t)(loop->path.ring.head - loop->overload.admission.complete);
    tap->overrun.skipping = begun > ring_unread(&loop->path.ring, index);
    if (tap->overrun.skipping)
        begun = 0;
    ring_consume(&loop->path.ring, index, ring_unread(&loop->path.ring, index) - begun);
    loop_begin_records_out(loop, tap);
    tap->meter->bytes_added = loop->overload.added;
    tap->meter->bytes_dropped = loop->meter->bytes_in + loop->overload.added - coming - begun;
    if (loop->options->records != RECORD_NONE)
        tap->meter->records_dropped = tap->overrun.passed_over + loop->overload.refused_records;
}

static void try_tap(struct poll_loop *loop, size_t index)
{
    loop->outputs.all[index].dialer_ready = false;
    enum endpoint_opening opening = open_output(loop, index);
    if (opening == ENDPOINT_OPENED)
        attach(loop, index);
    else if (opening == ENDPOINT_REFUSED)
        loop_lose_tap(loop, &loop->outputs.all[index], loop->outputs.all[index].endpoint.error);
}

static bool dialer_is_due(const struct poll_loop *loop, const struct loop_output *tap)
{
    return tap->dialer_ready || loop->meter->now_ns >= dialer_due_ns(tap->dialer);
}

void loop_try_taps(struct poll_loop *loop)
{
    bool fifos = loop_awaits_taps(loop) && loop->meter->now_ns >= loop->opening.next_ns;
    for (size_t i = loop->outputs.main_count; i < loop->outputs.count; i++) {
        const struct loop_output *tap = &loop->outputs.all[i];
        if (tap->state == OUTPUT_UNOPENED &&
            (tap->dialer != NULL ? dialer_is_due(loop, tap) : fifos))
            try_tap(loop, i);
    }
    if (fifos)
        postpone_opening(loop);
}

void loop_leave_input(struct poll_loop *loop)
{
    if (loop->inputs.judged && loop->phase == LOOP_RUNNING)
        next_input(loop);
    loop->inputs.judged = false;
}
