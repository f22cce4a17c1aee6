/*
 * --frame and --unframe between an input and the ring: the bytes that go through both come out
 * unchanged, with any sizes of ring, reads, writes and turns. A stream that is not whole fails, but
 * only after the payload that came before the fault.
 */
#include "buffer/frame_stream.h"

#include "tests/buffer/frame_stage.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MOST = 100000, UNREAD = 1000, SMALL_RINGS = 90 };

static void make_original(size_t length)
{
    original.length = length;
    for (size_t i = 0; i < length; i++)
        original.bytes[i] =
            below(10) == 0 ? '\n' : (unsigned char)tap_random(&random_state); /* or another */
}

/* --- a way from a text through a pipe or socket, framing and a ring to another text ----------- */

static bool way_begin(const struct text *from, struct text *to, enum framing_kind kind,
                      size_t capacity)
{
    int fds[2];
    bool is_socket = below(2) == 0;
    int made = is_socket ? socketpair(AF_UNIX, SOCK_STREAM, 0, fds) : pipe(fds);
    way = (struct way){
        .from = from, .to = to, .writer = fds[1], .framing = {.kind = kind}, .capacity = capacity};
    to->length = 0;
    if (made != 0 || ring_init(&way.ring, capacity, 1) != 0)
        return false;
    way.input = (struct endpoint){
        .name = "test", .fd = fds[0], .kind = is_socket ? ENDPOINT_SOCKET : ENDPOINT_PIPE};
    fcntl(fds[0], F_SETFL, O_NONBLOCK);
    fcntl(fds[1], F_SETFL, O_NONBLOCK);
    nonblock_own(&way.input.nonblock, fds[0]);
    return true;
}

static void way_finish(void)
{
    close_writer();
    close(way.input.fd);
    ring_destroy(&way.ring);
}

static void drain(size_t most)
{
    struct span span = ring_read_span(&way.ring, 0, most);
    for (int i = 0; i < span.count; i++) {
        memcpy(way.to->bytes + way.to->length, span.piece[i].iov_base, span.piece[i].iov_len);
        way.to->length += span.piece[i].iov_len;
    }
    ring_consume(&way.ring, 0, span.bytes);
}

/* Whether there is something to come that is not in the pipe, as far as this test can tell. */
static bool waits(void)
{
    return way.framing.ahead_length > 0 || way.framing.reader.stage == FRAME_CORRUPT;
}

/* A call, and the conditions that hold after any call. The status is in way.last. */
static void fill(size_t max)
{
    size_t before = ring_fill(&way.ring);
    uint64_t calls = way.calls[CALL_READ];
    bool more_than_max = !waits() && way.framing.reader.left > max;
    way.last =
        frame_stream_fill(&way.framing, &way.ring, &way.input, max, true, &way.calls[CALL_READ]);
    size_t grown = ring_fill(&way.ring) - before;
    if (way.last.bytes > max || grown != way.last.bytes + way.last.added)
        complain("the ring did not grow by what was told");
    if ((way.last.status == TRANSFER_MOVED) != (way.last.bytes > 0))
        complain("moved nothing, or moved without saying so");
    if (way.framing.kind == FRAMING_ADD && ring_room(&way.ring) < FRAME_FINAL)
        complain("no room for the final record");
    if (frame_stream_has_ahead(&way.framing) != waits())
        complain("what was read ahead");
    if (waits() && (way.last.partial || way.last.status == TRANSFER_BLOCKED))
        complain("something waits and nobody would come for it");
    if (more_than_max && way.framing.ahead_length > 0)
        complain("read ahead of a chunk's end");
    if (way.last.status == TRANSFER_BLOCKED && way.sent == way.from->length && way.writer < 0)
        complain("blocked by the end");
    if (way.calls[CALL_READ] - calls > FRAME_HEAD + FRAME_FINAL + 1)
        complain("too many calls in one");
    way.payload += way.last.bytes;
    way.added += way.last.added;
}

/* Sends, fills and drains at random until fill() says END or FAILED; then the rest is drained. */
static void go(unsigned bits)
{
    size_t room = way.framing.kind == FRAMING_ADD ? FRAMING_ROOM : 1;
    do {
        size_t turn = below(3);
        if (turn == 0)
            send_some(tap_some(&random_state, bits, TEXT_MOST));
        else if (turn == 1 && ring_room(&way.ring) >= room)
            fill(tap_some(&random_state, bits, TEXT_MOST));
        else if (turn == 2)
            drain(tap_some(&random_state, bits, TEXT_MOST));
    } while (!way.failed &&
             (way.last.status == TRANSFER_MOVED || way.last.status == TRANSFER_BLOCKED));
    if (way.framing.kind == FRAMING_ADD && way.last.status == TRANSFER_END) {
        size_t before = ring_fill(&way.ring);
        size_t added = frame_stream_finish(&way.framing, &way.ring);
        if (ring_fill(&way.ring) - before != added ||
            frame_stream_finish(&way.framing, &way.ring) != 0)
            complain("the final record");
        way.added += added;
    }
    drain(SIZE_MAX);
}

/* --- both ways -------------------------------------------------------------------------------- */

static bool add(size_t capacity, unsigned bits)
{
    if (!way_begin(&original, &stream, FRAMING_ADD, capacity))
        return false;
    go(bits);
    bool right = !way.failed && way.last.status == TRANSFER_END && way.payload == original.length &&
                 stream.length == way.payload + way.added;
    way_finish();
    return right;
}

static bool remove_again(size_t capacity, unsigned bits)
{
    if (!way_begin(&stream, &copy, FRAMING_REMOVE, capacity))
        return false;
    go(bits);
    bool right = !way.failed && way.last.status == TRANSFER_END && way.payload == original.length &&
                 way.added == 0 && way.framing.reader.reason[0] == '\0' && same(&original, &copy);
    way_finish();
    return right;
}

static void test_small_rings(void)
{
    unsigned wrong = 0;
    for (size_t capacity = FRAMING_ROOM; capacity < FRAMING_ROOM + SMALL_RINGS; capacity++) {
        make_original(below(UNREAD));
        bool there = add(capacity, 6), back = remove_again(capacity - FRAMING_ROOM + 1, 6);
        if (!there || !back)
            tap_note("ring of %zu: %d %d", capacity, there, back);
        wrong += !there || !back;
    }
    tap_ok(wrong == 0, "through every small ring, from %d bytes on, and back from 1 on",
           FRAMING_ROOM);
}

static void test_random(void)
{
    unsigned wrong = 0, rounds = tap_rounds(150);
    for (unsigned i = 0; i < rounds; i++) {
        make_original((size_t)tap_magnitude(&random_state, 17) % MOST);
        size_t capacity = FRAMING_ROOM + (size_t)tap_magnitude(&random_state, 17);
        bool there = add(capacity, 6 + (unsigned)below(12));
        wrong +=
            !there || !remove_again(tap_some(&random_state, 17, MOST), 6 + (unsigned)below(12));
    }
    tap_ok(wrong == 0, "sizes at random (%u of %u wrong)", wrong, rounds);
}

/* A chunk of `length` bytes, by one call. All bytes in the ring leave except one, so that the ring
 * does not start at the start of its memory again. */
static void chunk_behind(size_t length)
{
    drain(ring_fill(&way.ring) > 0 ? ring_fill(&way.ring) - 1 : 0);
    send_some(length);
    fill(TEXT_MOST);
    if (way.last.bytes != length)
        complain("not one chunk");
}

/* The length of a chunk at every place about the end of the ring's memory. */
static void test_wrap(void)
{
    const size_t capacity = 100;
    unsigned wrong = 0, wrapped = 0;
    for (size_t second = 10; second < 30; second++) {
        make_original(60 + second + 40);
        if (!way_begin(&original, &stream, FRAMING_ADD, capacity))
            continue;
        chunk_behind(60);
        chunk_behind(second);
        size_t index = (FRAME_HEAD + FRAME_LENGTH + 60 + FRAME_LENGTH + second) % capacity;
        wrapped += index < capacity && index + FRAME_LENGTH > capacity;
        chunk_behind(40);
        if (way.last.added != FRAME_LENGTH)
            complain("not one length");
        go(10);
        wrong += way.failed;
        way_finish();
        wrong += !remove_again(capacity, 10);
    }
    tap_ok(wrong == 0 && wrapped == FRAME_LENGTH - 1,
           "a length on both sides of the end of memory (%u wrong)", wrong);
}

/* --- nothing there, the end ------------------------------------------------------------------- */

static void test_nothing(void)
{
    make_original(0);
    if (!tap_ok(way_begin(&original, &stream, FRAMING_ADD, FRAMING_ROOM), "an input"))
        return;
    way.keep_open = true;
    fill(10);
    tap_ok(way.last.status == TRANSFER_BLOCKED && ring_fill(&way.ring) == 0 && !way.framing.begun,
           "--frame: nothing was read, and nothing is in the ring");
    close_writer();
    fill(10);
    tap_ok(way.last.status == TRANSFER_END && ring_fill(&way.ring) == 0,
           "--frame: nothing is in the ring at the end of an empty input");
    tap_ok(frame_stream_finish(&way.framing, &way.ring) == FRAME_HEAD + FRAME_FINAL &&
               ring_fill(&way.ring) == FRAME_HEAD + FRAME_FINAL,
           "an empty stream is a head and a final record");
    drain(SIZE_MAX);
    way_finish();
    tap_ok(remove_again(1, 4), "an empty stream is read as such");
}

static void test_read_error(void)
{
    for (enum framing_kind kind = FRAMING_ADD; kind <= FRAMING_REMOVE; kind++) {
        struct frame_stream framing = {.kind = kind};
        struct endpoint input = {.name = ".", .fd = open(".", O_RDONLY)};
        struct ring ring;
        uint64_t calls = 0;
        if (ring_init(&ring, 100, 1) != 0)
            return;
        struct transfer transfer = frame_stream_fill(&framing, &ring, &input, 50, true, &calls);
        tap_ok(transfer.status == TRANSFER_FAILED && transfer.error == EISDIR &&
                   ring_fill(&ring) == 0 && framing.reader.reason[0] == '\0',
               "a failed read is the input's own (%s)", strerror(transfer.error));
        close(input.fd);
        ring_destroy(&ring);
    }
}

/* --- streams that are not whole --------------------------------------------------------------- */

/* Whether all of the original in the first `intact` bytes of the stream comes out, and then the
 * failure; with `keep_open`, before the input has ended. */
static bool fails(size_t capacity, bool keep_open, size_t payload, const char *reason)
{
    if (!way_begin(&stream, &copy, FRAMING_REMOVE, capacity))
        return false;
    way.keep_open = keep_open;
    go(8);
    bool failed = !way.failed && way.last.status == TRANSFER_FAILED && way.last.error == EBADMSG &&
                  way.last.bytes == 0 && copy.length == payload &&
                  memcmp(copy.bytes, original.bytes, payload) == 0 &&
                  strcmp(way.framing.reader.reason, reason) == 0;
    fill(1);
    failed = failed && way.last.status == TRANSFER_FAILED && way.last.error == EBADMSG;
    if (!failed)
        tap_note("status %d, error %d, %zu of %zu bytes of payload: %s", (int)way.last.status,
                 way.last.error, copy.length, payload, way.framing.reader.reason);
    way_finish();
    return failed;
}

/* A stream of two chunks, of 10 and 20 bytes. */
static void make_two(void)
{
    struct frame_writer writer = {0};
    unsigned char *next = stream.bytes;
    make_original(30);
    frame_write_head(next);
    frame_write_length(next + 8, 10);
    memcpy(next + 12, original.bytes, 10);
    frame_write_length(next + 22, 20);
    memcpy(next + 26, original.bytes + 10, 20);
    frame_wrote(&writer, original.bytes, 30);
    frame_write_final(&writer, next + 46);
    stream.length = 62;
}

static size_t payload_within(size_t length)
{
    size_t first = length < 12 ? 0 : smaller(length - 12, 10);
    return first + (length < 26 ? 0 : smaller(length - 26, 20));
}

static void test_cut(void)
{
    unsigned wrong = 0;
    for (size_t capacity = 1; capacity < 40; capacity += 13)
        for (size_t length = 1; length < 62; length++) {
            char reason[FRAME_REASON];
            snprintf(reason, sizeof reason, "cut off at byte %zu: no final record", length);
            make_two();
            stream.length = length;
            wrong += !fails(capacity, false, payload_within(length), reason);
        }
    tap_ok(wrong == 0, "cut anywhere: all payload, then the failure (%u wrong)", wrong);
    stream.length = 0;
    tap_ok(fails(1, false, 0, "is empty: no header of a framed stream"), "no stream");
}

static void test_corrupt(void)
{
    for (size_t capacity = 1; capacity < 100; capacity += 33) {
        make_two();
        stream.bytes[61] ^= 1;
        tap_ok(fails(capacity, true, 30, "is corrupt: checksum mismatch"),
               "a wrong checksum is reported after the payload, and before the input ends");
        make_two();
        memset(stream.bytes + 22, 0xff, 4);
        tap_ok(fails(capacity, true, 10, "is corrupt: a chunk of 4294967295 bytes at byte 22"),
               "so is an impossible length");
        make_two();
        stream.length = 63;
        tap_ok(fails(capacity, true, 30, "continues after its final record (byte 62)"),
               "so are bytes after the final record");
    }
    make_original(3);
    stream = original;
    memcpy(stream.bytes, "GET", 3);
    tap_ok(fails(10, true, 0, "is not framed (the sender needs --frame)"),
           "a stream that is not framed");
}

/* --- how many calls --------------------------------------------------------------------------- */

/* Framed text in a file, in chunks of `chunk` bytes. */
static int make_file(size_t chunk)
{
    FILE *file = tmpfile();
    struct frame_writer writer = {0};
    unsigned char field[FRAME_FINAL];
    if (file == NULL)
        return -1;
    make_original(MOST);
    frame_write_head(field);
    fwrite(field, 1, FRAME_HEAD, file);
    for (size_t at = 0; at < MOST; at += chunk) {
        size_t length = smaller(chunk, MOST - at);
        frame_write_length(field, length);
        frame_wrote(&writer, original.bytes + at, length);
        fwrite(field, 1, FRAME_LENGTH, file);
        fwrite(original.bytes + at, 1, length, file);
    }
    frame_write_final(&writer, field);
    fwrite(field, 1, FRAME_FINAL, file);
    rewind(file);
    int fd = fflush(file) == 0 ? dup(fileno(file)) : -1;
    fclose(file);
    return fd;
}

/* Reads such a file with as much room as there can be, past the page cache if `direct`. */
static void read_file(size_t chunk, bool direct, uint64_t most_calls)
{
    struct ring ring;
    int fd = make_file(chunk);
    if (fd < 0 || ring_init(&ring, MOST, 1) != 0)
        return;
    way = (struct way){.from = &original,
                       .to = &copy,
                       .writer = -1,
                       .framing.kind = FRAMING_REMOVE,
                       .capacity = MOST,
                       .ring = ring};
    way.input = (struct endpoint){.name = "test", .fd = fd, .kind = ENDPOINT_REGULAR};
    copy.length = 0;
    if (direct)
        direct_io_init(&way.input.direct, fd);
    do {
        fill(MOST);
        drain(SIZE_MAX);
    } while (way.last.status == TRANSFER_MOVED && !way.failed);
    tap_ok(!way.failed && way.last.status == TRANSFER_END && same(&original, &copy) &&
               (direct || way.calls[CALL_READ] <= most_calls),
           "chunks of %zu from a file%s: %" PRIu64 " calls, at most %" PRIu64, chunk,
           direct ? ", directly" : "", way.calls[CALL_READ], most_calls);
    way_finish();
}

static void test_files(void)
{
    read_file(20000, false, 5 + 3);                   /* each with the next one's length */
    read_file(50, false, MOST / (FRAMING_AHEAD / 2)); /* many at once */
    read_file(20000, true, 0);
    read_file(4096, true, 0);
}

/* A stream that comes byte by byte costs a call for each, and moves each at once. */
static void test_byte_by_byte(void)
{
    bool right = true;
    make_two();
    if (!tap_ok(way_begin(&stream, &copy, FRAMING_REMOVE, 10), "an input"))
        return;
    for (size_t i = 0; i < stream.length; i++) {
        send_some(1);
        fill(10);
        drain(10);
        right = right && copy.length == payload_within(i + 1) &&
                (way.last.bytes == 1 || way.last.status == TRANSFER_BLOCKED);
    }
    send_some(1);
    fill(10);
    tap_ok(right && way.last.status == TRANSFER_END && same(&original, &copy),
           "byte by byte: each byte arrives at once");
    way_finish();
}

/* An empty datagram gives no reason to go on reading, and there may be many of them. */
static void test_empty_datagram(void)
{
    int fds[2];
    if (!tap_ok(socketpair(AF_UNIX, SOCK_DGRAM, 0, fds) == 0, "datagrams"))
        return;
    fcntl(fds[0], F_SETFL, O_NONBLOCK);
    for (enum framing_kind kind = FRAMING_ADD; kind <= FRAMING_REMOVE; kind++) {
        struct frame_stream framing = {.kind = kind};
        struct endpoint input = {
            .name = "test", .fd = fds[0], .kind = ENDPOINT_SOCKET, .socket = ENDPOINT_UDP};
        struct ring ring;
        uint64_t calls = 0;
        if (ring_init(&ring, 100, 1) != 0)
            return;
        send(fds[1], "", 0, 0);
        for (unsigned i = 1; i <= 2; i++) {
            send(fds[1], "", 0, 0); /* there is always another behind it */
            struct transfer transfer = frame_stream_fill(&framing, &ring, &input, 50, true, &calls);
            tap_ok(transfer.status == TRANSFER_MOVED && transfer.bytes == 0 && calls == i &&
                       ring_fill(&ring) == 0,
                   "an empty datagram moves nothing, by one call");
        }
        udp_end(&input.udp);
        ring_destroy(&ring);
    }
    close(fds[0]);
    close(fds[1]);
}

int main(void)
{
    random_state = tap_seed();
    test_small_rings();
    test_random();
    test_wrap();
    test_nothing();
    test_read_error();
    test_cut();
    test_corrupt();
    test_files();
    test_byte_by_byte();
    test_empty_datagram();
    return tap_done();
}
