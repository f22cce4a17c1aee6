/*
 * identity.c - see identity.h.
 */
#include "loop/identity.h"

#include "base/descriptor.h"
#include "base/message.h"
#include "loop/endpoints.h"
#include "options/same_file.h"

#include <sys/stat.h>
#include <unistd.h>

/* The later of two would replace the other. */
bool loop_names_differ(struct poll_loop *loop)
{
    for (size_t i = loop->options->atomic ? 1 : loop->output_count; i < loop->output_count; i++)
        for (size_t j = 0; j < i; j++)
            if (loop->outputs[i].command == NULL &&
                same_file_as(loop_output_text(loop, i), loop_output_text(loop, j), STDOUT_FILENO)) {
                loop_note_failure(loop, loop->outputs[i].meter, "is an output already");
                return false;
            }
    return true;
}

/* Two descriptions of one file would write over each other. */
static bool outputs_differ(struct poll_loop *loop)
{
    for (size_t i = 1; i < loop->output_count; i++)
        for (size_t j = 0; j < i; j++)
            if (endpoint_same_regular_file(&loop->outputs[i].endpoint,
                                           &loop->outputs[j].endpoint)) {
                loop_note_failure(loop, loop->outputs[i].meter, "is an output already");
                return false;
            }
    return true;
}

static bool inputs_survive(struct poll_loop *loop)
{
    for (size_t i = 0; i < loop->input_count; i++)
        for (size_t j = 0; j < loop->output_count; j++)
            if (endpoint_would_destroy(loop->options->inputs[i], &loop->outputs[j].endpoint)) {
                loop_note_failure(loop, loop->inputs[i].meter, "input file is output file");
                return false;
            }
    return true;
}

/* `2>&1`, say. (Of a regular file the report looks at its last byte.) */
static bool data_goes_to_stderr(const struct poll_loop *loop)
{
    struct stat own, output;
    bool any = false;
    if (!descriptor_was_inherited(STDERR_FILENO) || fstat(STDERR_FILENO, &own) != 0 ||
        S_ISREG(own.st_mode))
        return false;
    for (size_t i = 0; i < loop->output_count; i++)
        any = any || (loop->outputs[i].endpoint.fd >= 0 &&
                      fstat(loop->outputs[i].endpoint.fd, &output) == 0 &&
                      output.st_dev == own.st_dev && output.st_ino == own.st_ino);
    return any;
}

bool loop_files_differ(struct poll_loop *loop)
{
    if (!outputs_differ(loop) || !inputs_survive(loop))
        return false;
    if (same_file_check(loop->options) == 0) {
        message_stderr_has_data(data_goes_to_stderr(loop));
        return true;
    }
    loop->ending.failed = true;
    return false;
}
