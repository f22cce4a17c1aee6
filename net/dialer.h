/*
 * dialer.h - makes one connected socket from an address.
 *
 * Connecting: the dialer tries every address of the name in turn; --connect-timeout limits each of
 * these attempts. If none answers, the dialer reports the error of the last address (but not of an
 * address that this machine has no route to, if there are others). If the error may be temporary
 * (refused, unreachable, timed out, a unix socket that does not exist yet), --retry starts again
 * after a random delay of up to DIALER_DELAY_NS. This bound doubles with each try up to
 * DIALER_DELAY_MAX_NS ("full jitter": M. Brooker, Exponential Backoff and Jitter, 2015). A TCP
 * socket that the system connects to itself counts as refused. If the queue of a unix socket's
 * listener is full, a nonblocking connect() fails with EAGAIN, and poll() does not tell when there
 * is room (unix(7)). Then the dialer tries again every DIALER_QUEUE_NS; all this counts as one try.
 *
 * Listening: the dialer uses the first address that this machine has; --connect-timeout limits the
 * wait for the peer. The dialer refuses a peer outside --allow with a reset, and continues to wait.
 * When a peer has connected, or on dialer_close(), it closes the listening socket (the system
 * resets later peers) and removes the name of a unix socket, if that is still the name that was
 * made here. An existing name is taken over only if it is a socket that no process has open
 * (net/unix_name.h).
 *
 * UDP: udp:// connects. This sends nothing, except for an input, which sends an empty datagram to
 * tell the peer its address. An input udp-listen:// is bound and never connected: any sender may
 * send (buffer/transfer.h). An output udp-listen:// waits for a datagram from a sender within
 * --allow, and connects to this sender.
 *
 * All sockets here are nonblocking and close-on-exec. TCP connections have keep-alives on, and
 * linger for 0 s: if bpipe ends in any way, even by SIGKILL, before it declares the stream complete
 * (io/endpoint.h), the peer sees a reset. TCP listeners have SO_REUSEADDR. --tcp-buffer sets both
 * buffers of TCP sockets before they connect or listen, because it has no full effect later
 * (tcp(7)).
 *
 * No function here blocks, prints or reads the clock: the caller passes the time, in ns of
 * CLOCK_MONOTONIC.
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
    DIALER_WAITING,   /* for dialer_poll() or dialer_due_ns() */
    DIALER_LISTENING, /* returned once: "listening on 127.0.0.1:43521" */
    DIALER_REFUSED,   /* returned once: "refused 127.0.0.2:4711 (--allow)" */
    DIALER_RETRYING,  /* returned once: "Connection refused; retry 1 of 5 in 420 ms" */
    DIALER_CONNECTED, /* call dialer_take() */
    DIALER_FAILED,    /* final: dialer->text has the reason; nothing is open any more */
    DIALER_TIMED_OUT  /* the same, because of --connect-timeout */
};

enum dialer_state {
    DIALER_IDLE,       /* the next address must be tried */
    DIALER_CONNECTING, /* fd is connecting */
    DIALER_QUEUING,    /* fd must connect again at due_ns, until limit_ns */
    DIALER_ACCEPTING,  /* fd is listening */
    DIALER_RESTING,    /* waits until due_ns, then tries again */
    DIALER_DONE        /* connected (fd), taken, or failed */
};

struct dialer {
    const struct resolved *resolved;
    const struct net_settings *settings;
    bool input; /* for an input, not an output or tap */
    enum dialer_state state;
    int fd;                    /* -1: none */
    size_t next;               /* index of the next address */
    unsigned tries;            /* rounds through all addresses that failed */
    uint64_t due_ns, limit_ns; /* UINT64_MAX: none */
    uint64_t random;           /* state of the generator for the jitter */
    struct unix_name name;
    bool timed_out;             /* whether the reported address timed out */
    int error;                  /* errno of the reported address; 0: none failed in this round */
    enum dialer_status outcome; /* valid in state DIALER_DONE */
    char text[DIALER_TEXT_SIZE];
};

/* All objects that it points to must outlive it. `seed`: any number that differs from run to
 * run. */
void dialer_init(struct dialer *dialer, const struct resolved *resolved, bool input,
                 const struct net_settings *settings, uint64_t seed);

/* Does as much as is possible now. It may be called at any time. The caller must call it again when
 * dialer_poll() is ready or dialer_due_ns() has come, which may be at once. For a status returned
 * once, dialer->text has the message, until the next step. */
enum dialer_status dialer_step(struct dialer *dialer, uint64_t now_ns);

/* The descriptor to wait for; fd is -1 if there is only a time to wait for. */
struct pollfd dialer_poll(const struct dialer *dialer);
uint64_t dialer_due_ns(const struct dialer *dialer); /* UINT64_MAX: none */

/* Tells that bpipe was stopped for `ns`: no limit counts that time. */
void dialer_skip(struct dialer *dialer, uint64_t ns);

/* Returns the socket, which the caller owns from then on. */
int dialer_take(struct dialer *dialer);

/* Closes the open socket and removes a name that was made. Harmless twice, or after
 * dialer_take(). */
void dialer_close(struct dialer *dialer);

#endif
