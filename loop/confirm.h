/*
 * confirm.h - CONFIRMING: when a stream counts as delivered.
 *
 * When all bytes are written, the outputs that are connections have to be CONFIRMED: bpipe
 * half-closes them, and waits until the peer's system has acknowledged everything. It looks again
 * and again, after CONFIRM_DELAY_NS at first and up to CONFIRM_DELAY_MAX_NS. If the system does not
 * report acknowledgements, the peer has to close the connection. Files are synced and closed before
 * that, so that a failure there still resets the connections. A run that has failed already
 * half-closes no connection.
 *
 * bpipe reads from a peer that has been sending. If the peer sends something after the connection
 * is closed, the kernel answers with a reset, which may cost the peer bytes that it has not read
 * yet. So bpipe closes the connection only when the peer ends its side, or sends nothing for
 * LINGER_QUIET_NS; after LINGER_MAX_NS at the latest ("lingering close").
 */
#ifndef BPIPE_LOOP_CONFIRM_H
#define BPIPE_LOOP_CONFIRM_H

#include "loop/loop.h"

#include <stdint.h>

#define CONFIRM_DELAY_NS     UINT64_C(1000000)
#define CONFIRM_DELAY_MAX_NS UINT64_C(50000000)
#define LINGER_QUIET_NS      UINT64_C(1000000000)
#define LINGER_MAX_NS        UINT64_C(10000000000)

/* All bytes have been written: syncs and closes the files, and tells the commands the end. The
 * phase becomes CONFIRMING, or DONE if there is no peer and no command to wait for. */
void loop_begin_confirming(struct poll_loop *loop);

/* Looks once at all outputs that are waited for. The phase becomes DONE when none is left. */
void loop_confirm(struct poll_loop *loop);

#endif
