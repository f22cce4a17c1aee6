/*
 * options_endpoints.c - see options_endpoints.h.
 */
#include "options_endpoints.h"

#include "endpoint.h"

#include <string.h>

static bool begins_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* `text` is the argument that `endpoint` was found in, for the message. */
static enum options_status check_endpoint(const char *name, const char *text, const char *endpoint)
{
    static const char *const later[] = {"tcp://",         "tcp-listen://", "unix://",
                                        "unix-listen://", "udp://",        "udp-listen://"};
    if (*endpoint == '\0')
        return options_refuse(name, text, "names no file");
    for (size_t i = 0; i < sizeof later / sizeof later[0]; i++)
        if (begins_with(endpoint, later[i]))
            return options_refuse(name, text,
                                  "is not supported by this version (./ before it: a path)");
    if (begins_with(endpoint, "fd://") && endpoint_inherited_number(endpoint, 0) < 0)
        return options_refuse(name, text, "is not a descriptor (try fd://3)");
    return OPTIONS_RUN;
}

enum options_status options_take_output(struct options *options, const char *text)
{
    enum options_status status = check_endpoint("--output", text, text);
    if (status != OPTIONS_RUN)
        return status;
    int fd = endpoint_inherited_number(text, 1);
    for (size_t i = 0; i < options->output_count; i++)
        if (fd >= 0 && endpoint_inherited_number(options->outputs[i], 1) == fd)
            return options_refuse("--output", text,
                                  "is the same descriptor as an --output before it");
    options->outputs[options->output_count++] = text;
    return OPTIONS_RUN;
}

enum options_status options_take_tap(struct options *options, const char *text)
{
    enum options_status status = check_endpoint("--tap", text, text);
    if (status != OPTIONS_RUN)
        return status;
    int fd = endpoint_inherited_number(text, 1);
    for (size_t i = 0; i < options->tap_count; i++)
        if (fd >= 0 && endpoint_inherited_number(options->taps[i], 1) == fd)
            return options_refuse("--tap", text, "is the same descriptor as a --tap before it");
    options->taps[options->tap_count++] = text;
    return OPTIONS_RUN;
}

enum options_status options_take_inputs(struct parser *parser)
{
    struct options *options = parser->options;
    for (int i = optind; i < parser->argc; i++) {
        const char *text = parser->argv[i];
        enum options_status status = check_endpoint("INPUT", text, text);
        if (status != OPTIONS_RUN)
            return status;
        options->inputs[options->input_count++] = text;
    }
    return OPTIONS_RUN;
}

enum options_status options_check_report_file(const char *text, const char *file)
{
    return check_endpoint("--report", text, file);
}

static enum options_status check_taps(const struct options *options)
{
    for (size_t i = 0; i < options->tap_count; i++) {
        int fd = endpoint_inherited_number(options->taps[i], 1);
        for (size_t j = 0; fd >= 0 && !options->discard && j < options->output_count; j++)
            if (endpoint_inherited_number(options->outputs[j], 1) == fd)
                return options_refuse("--tap", options->taps[i],
                                      "is the same descriptor as an output");
    }
    return OPTIONS_RUN;
}

/* With --merge all inputs are read at once. */
static enum options_status check_inputs(const struct options *options)
{
    for (size_t i = 1; options->merge && i < options->input_count; i++) {
        int fd = endpoint_inherited_number(options->inputs[i], 0);
        for (size_t j = 0; fd >= 0 && j < i; j++)
            if (endpoint_inherited_number(options->inputs[j], 0) == fd)
                return options_refuse("INPUT", options->inputs[i],
                                      "is the same descriptor as an INPUT before it (--merge)");
    }
    return OPTIONS_RUN;
}

enum options_status options_check_endpoints(struct parser *parser)
{
    enum options_status status = check_taps(parser->options);
    return status == OPTIONS_RUN ? check_inputs(parser->options) : status;
}
