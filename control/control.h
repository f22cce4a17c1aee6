/*
 * control.h - a hand on a running bpipe: bpipe -R PID changes it, bpipe -Q PID asks it.
 *
 * Each bpipe that has run for CONTROL_DELAY_NS listens on a unix socket, bpipe-PID.sock, in the
 * user's runtime folder (base/runtime_dir.h). The socket's mode is 0600, and the user at the
 * other end (SO_PEERCRED, unix(7)) has to be bpipe's own, or the superuser; where a system does not
 * tell who that is, the folder and the mode are the protection. It is removed at the end. Where
 * there is no such folder, or its name is too long for a socket's, or anything else fails, there is
 * no control: never an error of the run.
 *
 * A request is one message of a SOCK_SEQPACKET socket, at most CONTROL_REQUEST bytes:
 *
 *     bpipe 1\n            what is asked, and the protocol's version
 *     rate-limit 1048576\n read-rate N\n size N\n interval NS\n width N\n height N\n
 *     start-fill N\n resume-fill N\n format TEXT\n name TEXT\n       any of these: change
 *     report text\n  or  report json\n                              answer with a report
 *
 * Numbers are decimal, in bytes (records with -l and -0), ns and percent; 0 is what it is on the
 * command line. TEXT goes to the end of the line; a backslash in it stands before n, or before
 * another backslash. "report text verbose si" is one with -v and with -k. All of a request is
 * checked before any of it is done: what is not understood, out of range, twice there, or cannot be
 * changed in this run is refused and changes nothing. The answer is one message: "ok\n", then the
 * report, or "error: REASON\n".
 *
 * A client that sends nothing, or does not take its answer, costs nothing but its descriptor: there
 * is one at a time, dropped after CONTROL_SILENCE_NS, and the loop never waits for it. Those who
 * come meanwhile wait in the listener's queue, for up to CONTROL_PATIENCE_NS.
 */
#ifndef BPIPE_CONTROL_H
#define BPIPE_CONTROL_H

#include "net/unix_name.h"

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/un.h>

#define CONTROL_DELAY_NS    UINT64_C(100000000)
#define CONTROL_REST_NS     UINT64_C(1000000000)
#define CONTROL_SILENCE_NS  UINT64_C(100000000)
#define CONTROL_PATIENCE_NS UINT64_C(2000000000)
enum { CONTROL_REQUEST = 8192, CONTROL_ANSWER = 256 * 1024, CONTROL_TEXT = 4096 };

enum control_field {
    CONTROL_RATE_LIMIT,
    CONTROL_READ_RATE,
    CONTROL_SIZE,
    CONTROL_INTERVAL,
    CONTROL_WIDTH,
    CONTROL_HEIGHT,
    CONTROL_START_FILL,
    CONTROL_RESUME_FILL,
    CONTROL_NUMBERS, /* those above are numbers, those below texts */
    CONTROL_FORMAT = CONTROL_NUMBERS,
    CONTROL_NAME,
    CONTROL_FIELDS
};

enum control_report { CONTROL_NO_REPORT, CONTROL_REPORT_TEXT, CONTROL_REPORT_JSON };

/* What is asked for. */
struct control_request {
    bool given[CONTROL_FIELDS];
    uint64_t numbers[CONTROL_NUMBERS];
    char texts[CONTROL_FIELDS - CONTROL_NUMBERS][CONTROL_TEXT];
    enum control_report report;
    bool verbose, si; /* a report as with -v, and with -k */
};

/* --- messages (control/control_message.c)
 * ------------------------------------------------------------- */

/* A message made into a request: NULL, or why it is none (static text). And the other way: how many
 * bytes, or 0 if they do not fit. */
const char *control_parse(struct control_request *request, const char *message, size_t length);
size_t control_compose(char *message, size_t size, const struct control_request *request);

static inline char *control_text(struct control_request *request, enum control_field field)
{
    return request->texts[field - CONTROL_NUMBERS];
}

/* --- the running bpipe ------------------------------------------------------------------------ */

struct control {
    int listener, client; /* -1: none */
    char *path;           /* of the listener, or NULL */
    struct unix_name name;
    uint64_t open_ns;   /* when to open it; UINT64_MAX: it was, or cannot be */
    uint64_t client_ns; /* when the client was accepted */
    uint64_t rest_ns;   /* until when nobody is accepted, for want of descriptors; 0: now */
};

/* Opens nothing before `open_ns`: a short run is not to pay for what nobody can use in time. */
void control_init(struct control *control, uint64_t open_ns);

/* When something is to be done though nothing comes: open the socket, drop a client. UINT64_MAX:
 * never. */
uint64_t control_due(const struct control *control);

/* What poll(2) is to watch for it. */
struct pollfd control_poll(const struct control *control);

/*
 * Does what is due, or what poll() has found. True: `request` is a whole one of somebody who is
 * allowed to ask, to be answered by control_answer() at once; then there may be more. Never waits.
 */
bool control_turn(struct control *control, uint64_t now_ns, struct control_request *request);

/* NULL and a report, which may be empty; or why the request is refused. */
void control_answer(struct control *control, const char *refusal, const char *report,
                    size_t length);

/* Removes the socket. Harmless twice. */
void control_close(struct control *control);

/* --- both sides ------------------------------------------------------------------------------- */

/* A nonblocking socket, closed on exec, and the address that belongs to `path`; or -1 with errno:
 * there are none of the kind, or the path is too long for one. */
int control_socket(struct sockaddr_un *address, const char *path);

#endif
