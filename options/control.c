/*
 * control.c - see control.h.
 */
#include "options/control.h"

#include "base/message.h"

#include <string.h>

static bool may_be_changed(enum option_id id)
{
    return option_rows[id].live;
}

/* Whether the option may be given with -R. -l and -0 make -s @FILE count records. */
static bool may_come_along(enum option_id id)
{
    return may_be_changed(id) || id == OPTION_LINE_MODE || id == OPTION_NULL;
}

static bool is_harmless(enum option_id id)
{
    return id == OPTION_REMOTE || id == OPTION_QUERY || id == OPTION_SI || id == OPTION_QUIET;
}

static enum options_status check_asked(const struct parser *parser, const char *name,
                                       bool (*allowed)(enum option_id))
{
    const struct options *options = parser->options;
    if (options->input_count > 0 && strcmp(options->inputs[0], "-") != 0) {
        message_print("%s: cannot be used with INPUT '%s'", name, options->inputs[0]);
        return OPTIONS_USAGE;
    }
    for (int id = 0; id < OPTION_COUNT; id++)
        if (parser->last[id] && !is_harmless((enum option_id)id) && !allowed((enum option_id)id)) {
            message_print("%s: cannot be used with %s", option_rows[id].name, name);
            return OPTIONS_USAGE;
        }
    return OPTIONS_RUN;
}

static bool may_be_asked(enum option_id id)
{
    return id == OPTION_REPORT || id == OPTION_STATS;
}

static enum options_status check_remote(struct parser *parser)
{
    const char *const *last = parser->last;
    bool changes = false;
    enum options_status status = check_asked(parser, "--remote", may_come_along);
    if (status != OPTIONS_RUN)
        return status;
    for (int id = 0; id < OPTION_COUNT; id++)
        changes |= last[id] != NULL && may_be_changed((enum option_id)id);
    if (!changes)
        return options_refuse("--remote", last[OPTION_REMOTE], "no change requested");
    return OPTIONS_RUN;
}

/* -Q prints one report, as text or JSON, on standard output. */
static enum options_status check_query(struct parser *parser)
{
    const struct options *options = parser->options;
    const char *text = parser->last[OPTION_REPORT];
    enum options_status status = check_asked(parser, "--query", may_be_asked);
    if (status != OPTIONS_RUN || text == NULL)
        return status;
    if (strcmp(text, "text") != 0 && strcmp(text, "json") != 0)
        return options_refuse("--report", text, "must be text or json with --query");
    if (options->report_count > 1 || parser->no_report)
        return options_refuse("--report", text, "can be given only once with --query");
    return OPTIONS_RUN;
}

enum options_status options_check_control(struct parser *parser)
{
    const struct options *options = parser->options;
    if (options->remote != 0 && options->query != 0) {
        message_print("--remote: cannot be used with --query");
        return OPTIONS_USAGE;
    }
    if (options->remote != 0)
        return check_remote(parser);
    return options->query != 0 ? check_query(parser) : OPTIONS_RUN;
}
