/*
 * nonblock.c - see nonblock.h.
 */
#include "loop/nonblock.h"

void loop_restore_flags(struct poll_loop *loop)
{
    for (size_t i = 0; i < loop->inputs.count; i++)
        endpoint_restore(&loop->inputs.all[i].endpoint);
    for (size_t i = 0; i < loop->outputs.count; i++)
        endpoint_restore(&loop->outputs.all[i].endpoint);
}

void loop_reapply_flags(struct poll_loop *loop)
{
    for (size_t i = 0; i < loop->inputs.count; i++)
        endpoint_reapply(&loop->inputs.all[i].endpoint);
    for (size_t i = 0; i < loop->outputs.count; i++)
        endpoint_reapply(&loop->outputs.all[i].endpoint);
}
