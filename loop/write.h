/*
 * write.h - bytes go out.
 */
#ifndef BPIPE_LOOP_WRITE_H
#define BPIPE_LOOP_WRITE_H

#include "base/platform_process.h"
#include "loop/loop.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One write to output `index`, if it may get something. False: nothing moved. */
bool loop_write_output(struct poll_loop *loop, size_t index);

/* So many bytes of framing were added: counts them, and adds them to the expected size, which is
 * that of what goes out. */
void loop_note_added(struct poll_loop *loop, size_t bytes);

/* Moves what the pipe queue holds into the ring, from where it goes on. */
struct transfer loop_pour_framed(struct poll_loop *loop);

/* Around a call on a disk file, which may wait: that time is the file's side's, not bpipe's own.
 * Where it never gave the processor up, it was at work, or others had the processor. */
struct platform_usage loop_before_file_call(struct poll_loop *loop);
void loop_after_file_call(struct poll_loop *loop, struct platform_usage before,
                          enum meter_state side, struct meter_endpoint *endpoint);

/* The most that may go past the ring in one call: as much as a pipe holds, if a chunk is. */
size_t loop_pass_size(const struct poll_loop *loop);

#endif
