/*
 * requests.c - see requests.h.
 */
#include "loop/requests.h"

#include "base/records.h"
#include "display/display.h"
#include "loop/account.h"
#include "loop/peers.h"
#include "loop/rates.h"
#include "loop/way.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The most requests answered in one turn, so that the bytes have their turns, too. */
enum { BATCH = 8 };

/* Why this request is refused in this run, or NULL. */
static const char *refusal_of(const struct poll_loop *loop, const struct control_request *request)
{
    const struct options *options = loop->options;
    const bool *given = request->given;
    bool limited = given[CONTROL_RATE_LIMIT] && request->numbers[CONTROL_RATE_LIMIT] > 0;
    if (limited && records_are_units(options->records) && options->block_size > 0)
        return "--rate-limit: cannot count records with --block-size";
    if (given[CONTROL_SIZE] && options->stop_at_size)
        return "--size: cannot be changed with --stop-at-size";
    if (given[CONTROL_RESUME_FILL] && options->merge)
        return "--resume-fill: cannot be changed with --merge";
    return NULL;
}

static void change_rates(struct poll_loop *loop, const struct control_request *request)
{
    uint64_t rate = loop->outputs.all[0].limiter.rate, read_rate = loop->inputs.limiter.rate;
    if (request->given[CONTROL_RATE_LIMIT])
        rate = request->numbers[CONTROL_RATE_LIMIT];
    if (request->given[CONTROL_READ_RATE])
        read_rate = request->numbers[CONTROL_READ_RATE];
    if (request->given[CONTROL_RATE_LIMIT] || request->given[CONTROL_READ_RATE])
        loop_set_rates(loop, rate, read_rate);
}

static void change_marks(struct poll_loop *loop, const struct control_request *request)
{
    bool start = request->given[CONTROL_START_FILL], resume = request->given[CONTROL_RESUME_FILL];
    if (start)
        flow_set_start(&loop->path.flow, loop->options->buffer_size,
                       (unsigned)request->numbers[CONTROL_START_FILL]);
    if (resume)
        flow_set_resume(&loop->path.flow, (unsigned)request->numbers[CONTROL_RESUME_FILL]);
    if ((start || resume) && loop->phase == LOOP_RUNNING && !loop->options->merge)
        loop_choose_way(loop); /* marks apply only to the ring */
}

/* Returns false if there is no memory. */
static bool change_display(struct poll_loop *loop, const struct control_request *request)
{
    const bool *given = request->given;
    const uint64_t *numbers = request->numbers;
    struct display_change change = {
        .format = given[CONTROL_FORMAT] ? request->texts[CONTROL_FORMAT - CONTROL_NUMBERS] : NULL,
        .interval_ns = numbers[CONTROL_INTERVAL],
        .width = (unsigned)numbers[CONTROL_WIDTH],
        .height = (unsigned)numbers[CONTROL_HEIGHT]};
    if (!given[CONTROL_FORMAT] && !given[CONTROL_INTERVAL] && !given[CONTROL_WIDTH] &&
        !given[CONTROL_HEIGHT])
        return true;
    if (!display_change(loop->display, &change))
        return false;
    if (loop->phase == LOOP_RUNNING && !loop->options->merge)
        loop_choose_way(loop); /* the bytes written last are seen only in the ring */
    return true;
}

/* Makes the changes of a request. Returns NULL, or the reason why nothing was changed; so the steps
 * that may fail come first. */
static const char *change(struct poll_loop *loop, const struct control_request *request)
{
    const char *refusal = refusal_of(loop, request);
    char *name = NULL;
    if (refusal != NULL)
        return refusal;
    if (request->given[CONTROL_NAME] &&
        (name = strdup(request->texts[CONTROL_NAME - CONTROL_NUMBERS])) == NULL)
        return strerror(ENOMEM);
    if (!change_display(loop, request)) {
        free(name);
        return strerror(ENOMEM);
    }
    if (name != NULL) {
        free(loop->requests.name);
        loop->meter->name = loop->requests.name = name;
    }
    if (request->given[CONTROL_SIZE]) {
        loop->meter->size_known = true;
        loop->meter->size_is_sum = false;
        loop->meter->size_bytes = request->numbers[CONTROL_SIZE];
        loop->meter->size_in_records = loop->meter->shows_records;
    }
    change_rates(loop, request);
    change_marks(loop, request);
    return NULL;
}

static void answer(struct poll_loop *loop, const struct control_request *request)
{
    const char *refusal = change(loop, request), *report = "";
    size_t length = 0;
    if (refusal == NULL && request->report != CONTROL_NO_REPORT) {
        struct report_look look = {.format = request->report == CONTROL_REPORT_JSON ? REPORT_JSON
                                                                                    : REPORT_TEXT,
                                   .verbose = request->verbose,
                                   .si = request->si};
        loop_find_peers_now(loop);
        loop_count_the_rest(loop);
        report = report_compose(loop->reporter, loop->meter, &look, &length);
        if (report == NULL)
            refusal = strerror(ENOMEM);
    }
    control_answer(&loop->requests.control, refusal, report, length);
}

void loop_attend_control(struct poll_loop *loop, bool ready)
{
    struct control *control = &loop->requests.control;
    struct control_request request;
    uint64_t now = loop->meter->now_ns;
    if (!ready && now < control_due(control))
        return;
    for (unsigned i = 0; i < BATCH && control_turn(control, now, &request); i++)
        answer(loop, &request);
}

void loop_destroy_control(struct poll_loop *loop)
{
    control_close(&loop->requests.control);
    loop->meter->name = loop->options->name; /* no pointer may be left to freed memory */
    free(loop->requests.name);
    loop->requests.name = NULL;
}
