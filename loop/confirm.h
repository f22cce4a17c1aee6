/*
 * confirm.h - CONFIRMING: when a stream counts as delivered.
 *
 * When all bytes are written, files are synced (--sync, --atomic), and closed if they have their
 * name already. So a failure there still resets the connections. Then the commands (--to) are told
 * the end, and bpipe waits until they have exited. Only after that, and only while the end is true,
 * does bpipe half-close the outputs that are connections, and waits until the peer's system has
 * acknowledged everything. An inherited TCP socket is waited for, but not half-closed. If the
 * system does not report acknowledgements, the peer of a half-closed connection has to close it.
 * bpipe looks again and again, after CONFIRM_DELAY_NS at first and up to CONFIRM_DELAY_MAX_NS.
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

/* All bytes have been written. The phase becomes DONE if there is no peer and no command to wait
 * for. Otherwise it becomes CONFIRMING: syncs and closes the files, and tells the commands the
 * end. */
void loop_begin_confirming(struct poll_loop *loop);

/* Looks once at all outputs that are waited for. The phase becomes DONE when none is left. */
void loop_confirm(struct poll_loop *loop);

#endif
