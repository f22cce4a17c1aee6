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

/* Writes once to output `index`, if it may get something. Returns false if nothing moved. */
bool loop_write_output(struct poll_loop *loop, size_t index);

/* `bytes` of framing were added: counts them, and adds them to the expected size, which counts the
 * bytes that go out. */
void loop_note_added(struct poll_loop *loop, size_t bytes);

/* Moves the bytes that the pipe queue holds into the ring. */
struct transfer loop_pour_framed(struct poll_loop *loop);

/* Call these before and after a call on a disk file, which may wait. The time of the wait counts
 * for the file's side, not for bpipe. If the call never gave the processor up, it was working, or
 * other processes had the processor. */
struct platform_usage loop_before_file_call(struct poll_loop *loop);
void loop_after_file_call(struct poll_loop *loop, struct platform_usage before,
                          enum meter_state side, struct meter_endpoint *endpoint);

/* The most bytes that may go past the ring in one call: a chunk, but at most as much as a pipe
 * holds. */
size_t loop_pass_size(const struct poll_loop *loop);

#endif
