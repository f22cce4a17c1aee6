/*
 * peers.h - when the loop looks for the processes at the other ends (process/peer.h), for the
 * reports.
 *
 * The peer of a socket is known when the socket is opened. bpipe searches for the peers of pipes
 * when the run is PEER_DELAY_NS old, and has waited for one of the pipes for PEER_WAIT_NS. Each
 * turn that looks at the clock makes one step of the search; that is one turn a millisecond while
 * bytes move. After PEER_AGAIN_NS, and then after pauses that double each time, up to
 * PEER_PAUSE_MAX_NS, bpipe searches again for the peers that it did not find, or that have exited.
 * Between searches it checks whether the peers are still there, every PEER_CHECK_NS, and later
 * every PEER_CHECK_SHARE-th part of the run's time. If one has gone, a search begins at once, and
 * the waits since the last check are those of its successor. bpipe does not search if nothing shows
 * the result. While bpipe waits, it wakes up to continue a search, but not to begin one: if nothing
 * moves and nothing is shown, the result is not needed.
 *
 * A search that runs anyway also notices other bpipes of the pipeline (meter->beside_bpipe).
 */
#ifndef BPIPE_LOOP_PEERS_H
#define BPIPE_LOOP_PEERS_H

#include "loop/loop.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PEER_DELAY_NS     UINT64_C(500000000)
#define PEER_WAIT_NS      UINT64_C(50000000)
#define PEER_STEP_NS      UINT64_C(1000000)
#define PEER_AGAIN_NS     UINT64_C(2000000000)
#define PEER_PAUSE_MAX_NS (3600 * NS_PER_SEC)
#define PEER_CHECK_NS     UINT64_C(100000000)
enum { PEER_CHECK_SHARE = 16 };
/* A search that is made at once takes no longer than PEER_AT_ONCE_NS. The search at the end is not
 * made in runs shorter than PEER_WORTHWHILE_NS. */
#define PEER_AT_ONCE_NS    UINT64_C(20000000)
#define PEER_WORTHWHILE_NS UINT64_C(200000000)

/* An endpoint was opened: if it is a socket, notes its peer. */
void loop_note_peer(const struct endpoint *endpoint, struct meter_endpoint *meter);

/* loop_look_for_peers() does the steps that are due at meter->now_ns. loop_peers_due() returns when
 * the next is due: ns, UINT64_MAX: never. */
void loop_look_for_peers(struct poll_loop *loop);
uint64_t loop_peers_due(const struct poll_loop *loop);

/* A report is asked for: searches now for the peers that are not known, for at most
 * PEER_AT_ONCE_NS. A search that is not over then continues in steps. */
void loop_find_peers_now(struct poll_loop *loop);

/* The same before endpoints are closed: the last opportunity. Not in a short run, and not if
 * nothing would show the result. */
void loop_find_last_peers(struct poll_loop *loop);

/* The run is over: of several processes that one end had after each other, the reports name the one
 * that bpipe waited for longest. */
void loop_settle_peers(struct poll_loop *loop);

#endif
