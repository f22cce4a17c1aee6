/*
 * peers.h - when the loop looks for who is at the other ends (process/peer.h), for the reports.
 *
 * Sockets tell it when they are opened. Pipes are looked into once that is worth it: the run is
 * PEER_DELAY_NS old and one of them was waited for for PEER_WAIT_NS; a step in each turn that looks
 * at the clock, which is one a millisecond while bytes move. After PEER_AGAIN_NS, and then after
 * pauses that double each time, the same again for those that were not found, or have gone. Whoever
 * wants no report is not looked for. A bpipe
 * that waits is woken up until a search is over, and not to begin one: where nothing moves and
 * nothing is shown nobody asks.
 */
#ifndef BPIPE_LOOP_PEERS_H
#define BPIPE_LOOP_PEERS_H

#include "loop/loop.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PEER_DELAY_NS UINT64_C(500000000)
#define PEER_WAIT_NS  UINT64_C(50000000)
#define PEER_STEP_NS  UINT64_C(1000000)
#define PEER_AGAIN_NS UINT64_C(2000000000)
/* A search that is made at once takes no longer, and one at the end is not for shorter runs. */
#define PEER_AT_ONCE_NS    UINT64_C(20000000)
#define PEER_WORTHWHILE_NS UINT64_C(200000000)

/* An endpoint was opened: tells of a socket who its peer is. */
void loop_note_peer(const struct endpoint *endpoint, struct meter_endpoint *meter);

/* Does what is due at meter->now_ns; and when the next is: ns, UINT64_MAX: never. */
void loop_look_for_peers(struct poll_loop *loop);
uint64_t loop_peers_due(const struct poll_loop *loop);

/* A report is asked for: looks for those that are not known, now, for at most PEER_AT_ONCE_NS. What
 * is left then goes on in steps. */
void loop_find_peers_now(struct poll_loop *loop);

/* The same, before endpoints are closed: the last occasion. Not in a short run, and not if nobody
 * wants to know. */
void loop_find_last_peers(struct poll_loop *loop);

#endif
