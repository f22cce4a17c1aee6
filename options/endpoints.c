/*
 * endpoints.c - see endpoints.h.
 */
#include "options/endpoints.h"

#include "base/descriptor.h"

#include <string.h>

static bool begins_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* `text` is the argument that contains `endpoint`, for the message. */
static enum options_status check_endpoint(const char *name, const char *text, const char *endpoint)
{
    if (*endpoint == '\0')
        return options_refuse(name, text, "missing path");
    struct address address;
    const char *wrong = address_parse(&address, endpoint);
    if (wrong)
        return options_refuse(name, text, wrong);
    if (begins_with(endpoint, "fd://") && descriptor_inherited_number(endpoint, 0) < 0)
        return options_invalid(name, "descriptor", text, "try fd://3");
    return OPTIONS_RUN;
}

/* An output or a tap. A file that is called like an address would be made, and nothing be sent. */
static enum options_status check_output(const char *name, const char *text)
{
    if (address_lacks_scheme(text))
        return options_refuse(name, text, "use tcp:// for an address, ./ for a path");
    return check_endpoint(name, text, text);
}

enum options_status options_take_output(struct options *options, const char *text)
{
    enum options_status status = check_output("--output", text);
    if (status != OPTIONS_RUN)
        return status;
    int fd = descriptor_inherited_number(text, 1);
    for (size_t i = 0; i < options->output_count; i++)
        if (fd >= 0 && descriptor_inherited_number(options->outputs[i], 1) == fd)
            return options_refuse("--output", text,
                                  "is the same descriptor as an earlier --output");
    options->outputs[options->output_count++] = text;
    return OPTIONS_RUN;
}

enum options_status options_take_tap(struct options *options, const char *text)
{
    enum options_status status = check_output("--tap", text);
    if (status != OPTIONS_RUN)
        return status;
    int fd = descriptor_inherited_number(text, 1);
    for (size_t i = 0; i < options->tap_count; i++)
        if (fd >= 0 && descriptor_inherited_number(options->taps[i], 1) == fd)
            return options_refuse("--tap", text, "is the same descriptor as an earlier --tap");
    options->taps[options->tap_count++] = text;
    return OPTIONS_RUN;
}

enum options_status options_take_input(struct options *options, const char *text)
{
    enum options_status status = check_endpoint("INPUT", text, text);
    if (status == OPTIONS_RUN)
        options->inputs[options->input_count++] = text;
    return status;
}

enum options_status options_check_report_file(const char *text, const char *file)
{
    if (address_kind_of(file) != ADDRESS_NONE)
        return options_refuse("--report", text, "is a socket (a path begins with ./)");
    return check_endpoint("--report", text, file);
}

static enum options_status check_taps(const struct options *options)
{
    for (size_t i = 0; i < options->tap_count; i++) {
        int fd = descriptor_inherited_number(options->taps[i], 1);
        for (size_t j = 0; fd >= 0 && !options->discard && j < options->output_count; j++)
            if (descriptor_inherited_number(options->outputs[j], 1) == fd)
                return options_refuse("--tap", options->taps[i],
                                      "is the same descriptor as an output");
    }
    return OPTIONS_RUN;
}

/* With --merge all inputs are read at the same time, so a descriptor may appear only once. */
static enum options_status check_inputs(const struct options *options)
{
    for (size_t i = 1; options->merge && i < options->input_count; i++) {
        int fd = descriptor_inherited_number(options->inputs[i], 0);
        for (size_t j = 0; fd >= 0 && j < i; j++)
            if (descriptor_inherited_number(options->inputs[j], 0) == fd)
                return options_refuse("INPUT", options->inputs[i],
                                      "is the same descriptor as an earlier INPUT (--merge)");
    }
    return OPTIONS_RUN;
}

/* Endpoint `i`, counting inputs, outputs and taps in this order. *name becomes the name of its
 * option. NULL: there are no more. */
static const char *endpoint_at(const struct options *options, size_t i, const char **name)
{
    size_t inputs = options->input_count, outputs = options->output_count;
    *name = i < inputs ? "INPUT" : i < inputs + outputs ? "--output" : "--tap";
    if (i < inputs)
        return options->inputs[i];
    if (i < inputs + outputs)
        return options->outputs[i - inputs];
    return i < inputs + outputs + options->tap_count ? options->taps[i - inputs - outputs] : NULL;
}

/* Port 0 is excluded, because the kernel chooses another port each time. */
static bool listens_on_one_address(const char *text)
{
    struct address address;
    return !address_parse(&address, text) && address_listens(address.kind) &&
           strcmp(address.port, "0") != 0;
}

static enum options_status check_listeners(const struct options *options)
{
    const char *text, *other, *name, *other_name;
    for (size_t i = 0; (text = endpoint_at(options, i, &name)) != NULL; i++)
        for (size_t j = 0; j < i && listens_on_one_address(text); j++) {
            other = endpoint_at(options, j, &other_name);
            if (other != NULL && strcmp(text, other) == 0)
                return options_refuse(name, text, "same address as an earlier endpoint");
        }
    return OPTIONS_RUN;
}

enum options_status options_check_endpoints(struct parser *parser)
{
    enum options_status status = check_taps(parser->options);
    if (status == OPTIONS_RUN)
        status = check_inputs(parser->options);
    return status == OPTIONS_RUN ? check_listeners(parser->options) : status;
}
