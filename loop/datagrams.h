/*
 * datagrams.h - what the loop does for UDP (net/udp_socket.h).
 *
 * An output that is a UDP socket gets a record in each write: a datagram as it was received, a line
 * (-l) or a NUL record (-0), offered when it is complete, the last of the input excepted. One that
 * is longer than a datagram can be, or than the buffer, is a failure of that output. A stream
 * without records is cut into --datagram-size bytes, or what there is: nothing waits for more.
 *
 * What the sockets count (refusals, datagrams that the kernel dropped) goes to the meter.
 */
#ifndef BPIPE_LOOP_DATAGRAMS_H
#define BPIPE_LOOP_DATAGRAMS_H

#include "loop/loop.h"

#include <stddef.h>

/* It was opened; it is about to be closed. Nothing where it is no UDP socket. */
void loop_begin_input_datagrams(struct poll_loop *loop, struct loop_input *input);
void loop_begin_output_datagrams(struct poll_loop *loop, size_t index);
void loop_end_input_datagrams(struct loop_input *input);
void loop_end_output_datagrams(struct loop_output *output);

/* A call was made. */
void loop_note_datagrams(const struct endpoint *endpoint, struct meter_endpoint *meter);

/* A report is about to be made: what the kernels of the inputs have dropped by now. */
void loop_count_drops(struct poll_loop *loop);

/* No more is to be read: what the kernel has received for a UDP input by now comes in first, as far
 * as there is room. */
void loop_take_last_datagrams(struct poll_loop *loop);

/* poll() says that there is something about an output that has nothing to send. */
void loop_note_datagram_error(struct poll_loop *loop, struct loop_output *output);

/* How many of the next `bytes` > 0 of the ring go to UDP output `index` at once. If it is a record
 * that does not fit the ring the output fails. */
size_t loop_cut_datagram(struct poll_loop *loop, size_t index, size_t bytes);

/* The kernel says that so many bytes are more than a datagram holds: the output fails. */
void loop_datagram_too_long(struct poll_loop *loop, struct loop_output *output, size_t bytes);

#endif
