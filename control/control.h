/*
 * control.h - control of a running bpipe: bpipe -R PID changes it, bpipe -Q PID asks for a report.
 *
 * A bpipe that has run for CONTROL_DELAY_NS listens on a unix socket, bpipe-PID.sock, in the user's
 * runtime folder (base/runtime_dir.h). The socket's mode is 0600. The user of the client
 * (SO_PEERCRED, unix(7)) has to be the user of bpipe, or the superuser. If the system does not
 * report the client's user, the folder and the mode are the protection. The socket is removed at
 * the end of the run. If there is no runtime folder, if the path is too long for a socket, or if
 * anything else fails, the run continues without control, and without an error.
 *
 * A request is one message of a SOCK_SEQPACKET socket, at most CONTROL_REQUEST bytes:
 *
 *     bpipe 1\n            the name and the version of the protocol
 *     rate-limit 1048576\n read-rate N\n size N\n interval NS\n width N\n height N\n
 *     start-fill N\n resume-fill N\n format TEXT\n name TEXT\n       any of these: change
 *     report text\n  or  report json\n                              answer with a report
 *
 * Numbers are decimal, in bytes (records with -l and -0), ns and percent; 0 has the same meaning as
 * on the command line. TEXT extends to the end of the line. In TEXT "\n" is a newline and "\\" is a
 * backslash. "report text verbose si" asks for a report as with -v and -k. The whole request is
 * checked before anything is changed. A line that is unknown, out of range, repeated, or that asks
 * for a change that is not possible in this run, makes bpipe refuse the whole request. The answer
 * is one message: "ok\n" and the report, or "error: REASON\n".
 *
 * A client that sends nothing, or does not take its answer, uses only one descriptor. bpipe serves
 * one client at a time, drops a silent one after CONTROL_SILENCE_NS, and never waits for it. Other
 * clients wait in the listener's queue, for up to CONTROL_PATIENCE_NS.
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
    CONTROL_NUMBERS, /* the fields above are numbers, the fields below are texts */
    CONTROL_FORMAT = CONTROL_NUMBERS,
    CONTROL_NAME,
    CONTROL_FIELDS
};

enum control_report { CONTROL_NO_REPORT, CONTROL_REPORT_TEXT, CONTROL_REPORT_JSON };

/* A request. */
struct control_request {
    bool given[CONTROL_FIELDS];
    uint64_t numbers[CONTROL_NUMBERS];
    char texts[CONTROL_FIELDS - CONTROL_NUMBERS][CONTROL_TEXT];
    enum control_report report;
    bool verbose, si; /* the report is as with -v, as with -k */
};

/* --- messages (control/control_message.c) ----------------------------------------------------- */

/* control_parse() turns a message into a request. Returns NULL, or the reason for a refusal (static
 * text). control_compose() turns a request into a message. Returns its length in bytes, or 0 if it
 * does not fit. */
const char *control_parse(struct control_request *request, const char *message, size_t length);
size_t control_compose(char *message, size_t size, const struct control_request *request);

static inline char *control_text(struct control_request *request, enum control_field field)
{
    return request->texts[field - CONTROL_NUMBERS];
}

/* --- the running bpipe ------------------------------------------------------------------------ */

struct control {
    int listener, client; /* -1: none */
    char *path;           /* path of the listener, or NULL */
    struct unix_name name;
    uint64_t open_ns;   /* when to open the listener; UINT64_MAX: done, or not possible */
    uint64_t client_ns; /* when the client was accepted */
    uint64_t rest_ns;   /* accept() failed: no client is accepted until then; 0: it did not */
};

/* Nothing is opened before `open_ns`, because no client could use the socket of a short run in
 * time. */
void control_init(struct control *control, uint64_t open_ns);

/* When control_turn() has to be called even without an event: to open the socket, to drop a client,
 * or to accept clients again. UINT64_MAX: never. */
uint64_t control_due(const struct control *control);

/* The descriptor and events that poll(2) has to watch for control. */
struct pollfd control_poll(const struct control *control);

/*
 * Called when control_due() has come, or poll() has found an event. True: `request` is a complete
 * request of a client that is allowed to ask. The caller answers it at once with control_answer();
 * then there may be another request. Never waits.
 */
bool control_turn(struct control *control, uint64_t now_ns, struct control_request *request);

/* Answers the request. `refusal` is NULL, and `report` may be empty; or `refusal` is the reason why
 * the request is refused. */
void control_answer(struct control *control, const char *refusal, const char *report,
                    size_t length);

/* Removes the socket. Calling it twice is harmless. */
void control_close(struct control *control);

/* --- both sides ------------------------------------------------------------------------------- */

/* Returns a nonblocking socket, closed on exec, and sets *address to that of `path`. -1 with errno:
 * the socket could not be made, or the path is too long for an address (ENAMETOOLONG). */
int control_socket(struct sockaddr_un *address, const char *path);

#endif
