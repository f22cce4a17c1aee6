/*
 * dialer.h - from an address to one connected socket.
 *
 * To connect: every address of the name is tried in turn; --connect-timeout limits each of these.
 * If none answers, the last one has the last word (but not one that this machine has no way to, if
 * there are others). If that may change (refused, unreachable, timed out, a unix socket that is not
 * there yet), --retry begins again after a random time of up to DIALER_DELAY_NS, which doubles with
 * each try up to DIALER_DELAY_MAX_NS ("full jitter": M. Brooker, Exponential Backoff and Jitter,
 * 2015). A TCP socket that the system connects to itself counts as refused. Where a unix socket's
 * listener has a full queue, which a connect() that does not wait calls EAGAIN, and no poll() tells
 * the end of (unix(7)), it is asked every DIALER_QUEUE_NS; that is one try.
 *
 * To listen: the first address that this machine has is used; --connect-timeout limits the wait for
 * the peer. Who is not within --allow is refused by a reset, and waiting goes on. When the peer has
 * come, or on dialer_close(), the listening socket is closed (who came after him is reset by the
 * system) and the name of a unix socket removed, if that is still the one that was made here. A
 * name that is there already is taken over only if it is a socket that no process has
 * (net/unix_name.h).
 *
 * UDP: udp:// connects, which sends nothing, unless it is an input: then an empty datagram says
 * where we are. udp-listen:// as an input is connected to nobody once it is bound: anybody may send
 * (buffer/transfer.h). As an output it waits for a datagram of somebody within --allow, and
 * connects to him.
 *
 * All sockets here are nonblocking and closed on exec. TCP connections have keep-alives on, and
 * linger for 0 s: if bpipe ends in whatever way, be it by SIGKILL, before it says that the stream
 * is complete (io/endpoint.h), the peer sees a reset. Listeners have SO_REUSEADDR. --tcp-buffer
 * sets both buffers of TCP sockets before they connect or listen, when it still counts (tcp(7)).
 *
 * Nothing here blocks, prints or knows the time: that is passed in, in ns of CLOCK_MONOTONIC.
 */
#ifndef BPIPE_DIALER_H
#define BPIPE_DIALER_H

#include "net/resolver.h"
#include "net/settings.h"
#include "net/unix_name.h"

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DIALER_DELAY_NS     UINT64_C(500000000)
#define DIALER_DELAY_MAX_NS UINT64_C(30000000000)
#define DIALER_QUEUE_NS     UINT64_C(50000000)
enum { DIALER_TEXT_SIZE = 160 };

enum dialer_status {
    DIALER_WAITING,   /* for dialer_poll(), or dialer_due_ns() */
    DIALER_LISTENING, /* for this once: "listening on 127.0.0.1:43521" */
    DIALER_REFUSED,   /* for this once: "refused 127.0.0.2:4711 (--allow)" */
    DIALER_RETRYING,  /* for this once: "Connection refused; trying again in 420 ms (1 of 5)" */
    DIALER_CONNECTED, /* dialer_take() */
    DIALER_FAILED,    /* for good: dialer->text says why; nothing is open any more */
    DIALER_TIMED_OUT  /* the same, by --connect-timeout */
};

enum dialer_state {
    DIALER_IDLE,       /* the next address is to be tried */
    DIALER_CONNECTING, /* fd is */
    DIALER_QUEUING,    /* fd is to, again at due_ns; until limit_ns */
    DIALER_ACCEPTING,  /* fd listens */
    DIALER_RESTING,    /* until due_ns */
    DIALER_DONE        /* connected (fd), taken, or failed */
};

struct dialer {
    const struct resolved *resolved;
    const struct net_settings *settings;
    bool input; /* what it is for */
    enum dialer_state state;
    int fd;                    /* -1: none */
    size_t next;               /* of the addresses */
    unsigned tries;            /* of all of these that have failed */
    uint64_t due_ns, limit_ns; /* UINT64_MAX: none */
    uint64_t random;           /* of the generator for the jitter */
    struct unix_name name;
    bool timed_out;             /* the address that failed last */
    int error;                  /* of it: errno; 0: none of this round has */
    enum dialer_status outcome; /* once it is DIALER_DONE */
    char text[DIALER_TEXT_SIZE];
};

/* All that is pointed to has to outlive it. `seed`: anything that differs from run to run. */
void dialer_init(struct dialer *dialer, const struct resolved *resolved, bool input,
                 const struct net_settings *settings, uint64_t seed);

/* Does what can be done now. At any time; to be called again when dialer_poll() is ready or the
 * time has come, which may be at once. What is said `for this once` is in dialer->text, until the
 * next step. */
enum dialer_status dialer_step(struct dialer *dialer, uint64_t now_ns);

/* What to wait for: fd is -1 if there is only time. */
struct pollfd dialer_poll(const struct dialer *dialer);
uint64_t dialer_due_ns(const struct dialer *dialer); /* UINT64_MAX: none */

/* bpipe was stopped for so long: no limit counts that. */
void dialer_skip(struct dialer *dialer, uint64_t ns);

/* The socket, which is the caller's from now on. */
int dialer_take(struct dialer *dialer);

/* Closes whatever is open, removes a name that was made. Harmless twice, or after
 * dialer_take(). */
void dialer_close(struct dialer *dialer);

#endif
