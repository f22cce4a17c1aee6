/*
 * stream_check.c - see stream_check.h.
 */
#include "buffer/stream_check.h"

#include "base/message.h"
#include "base/retry.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Reads up to STREAM_CHECK_END_MOST bytes of the file, or one more if it is too long. Returns their
 * number, or -1 with errno. */
static ssize_t read_file(const char *path, char bytes[STREAM_CHECK_END_MOST + 1])
{
    size_t length = 0;
    ssize_t count = 0;
    int fd = retry_open(path, O_RDONLY | O_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    while (length <= STREAM_CHECK_END_MOST &&
           ((count = read(fd, bytes + length, STREAM_CHECK_END_MOST + 1 - length)) > 0 ||
            (count < 0 && errno == EINTR)))
        length += count > 0 ? (size_t)count : 0;
    int error = errno;
    (void)close(fd);
    errno = error;
    return count < 0 ? -1 : (ssize_t)length;
}

static int read_end(struct stream_check *expect, const char *path)
{
    ssize_t length = read_file(path, expect->end);
    if (length < 0)
        message_print("--expect-end: %s: %s", path, strerror(errno));
    else if (length > STREAM_CHECK_END_MOST)
        message_print("--expect-end: %s: is larger than 64K", path);
    else if (length == 0)
        message_print("--expect-end: %s: is empty", path);
    expect->end_length = length > 0 ? (size_t)length : 0;
    return length > 0 && length <= STREAM_CHECK_END_MOST ? 0 : -1;
}

int stream_check_init(struct stream_check *expect, const struct options *options)
{
    const char *end = options->expect_end;
    *expect = (struct stream_check){.size_given = options->given[OPTION_EXPECT_SIZE],
                                    .size = options->expect_size};
    if (end == NULL)
        return 0;
    size_t length = end[0] == '@' ? STREAM_CHECK_END_MOST + 1 : strlen(end);
    expect->end = malloc(length + 1);
    expect->tail = malloc(length + 1);
    if (expect->end == NULL || expect->tail == NULL) {
        message_print("%s", strerror(ENOMEM));
        return -1;
    }
    if (end[0] == '@')
        return read_end(expect, end + 1);
    memcpy(expect->end, end, length);
    expect->end_length = length;
    return 0;
}

void stream_check_destroy(struct stream_check *expect)
{
    free(expect->end);
    free(expect->tail);
    *expect = (struct stream_check){0};
}

void stream_check_saw_memory(struct stream_check *expect, const void *memory, size_t bytes)
{
    const char *newest = memory;
    if (bytes > expect->end_length) {
        newest += bytes - expect->end_length;
        bytes = expect->end_length;
    }
    if (bytes == 0)
        return;
    size_t kept = expect->tail_length;
    if (kept > expect->end_length - bytes)
        kept = expect->end_length - bytes;
    memmove(expect->tail, expect->tail + expect->tail_length - kept, kept);
    memcpy(expect->tail + kept, newest, bytes);
    expect->tail_length = kept + bytes;
}

void stream_check_saw(struct stream_check *expect, const struct span *span, size_t bytes)
{
    for (int i = 0; i < span->count && bytes > 0; i++) {
        size_t length = span->piece[i].iov_len < bytes ? span->piece[i].iov_len : bytes;
        stream_check_saw_memory(expect, span->piece[i].iov_base, length);
        bytes -= length;
    }
}

enum { SHOWN = 14 }; /* columns of each of the two ends in a message */

/* Adds at most SHOWN bytes as text_add_visible() does, NUL as \x00, and a backslash as two: a
 * backslash and an n must not look like a newline. */
static void add_bytes_visible(struct text *text, const char *bytes, size_t length)
{
    char part[SHOWN + 1] = "";

    memcpy(part, bytes, length);
    for (size_t i = 0; i < length; i++) {
        size_t plain = strcspn(part + i, "\\");
        bool backslash = part[i + plain] == '\\';

        part[i + plain] = '\0';
        text_add_visible(text, part + i);
        i += plain;
        if (i < length)
            text_add_string(text, backslash ? "\\\\" : "\\x00");
    }
}

/* `at`, or if that is inside of a character, the place behind it, but not behind `stop`. Bytes that
 * continue no character are one each. */
static size_t character_start(const char *bytes, size_t length, size_t at, size_t stop)
{
    for (size_t before = 1; before <= 3 && before <= at; before++) {
        size_t first = at - before;
        if (utf8_continues(bytes[first]))
            continue;
        char sequence[5] = "";
        memcpy(sequence, bytes + first, length - first < 4 ? length - first : 4);
        size_t size = utf8_length(sequence);
        if (size > before)
            at = first + size;
        break;
    }
    return at < stop ? at : stop;
}

/*
 * Adds the last bytes before `stop`, visibly and in quotes: as many as fit in SHOWN columns. ".."
 * stands for bytes that are left out on either side. With `cut` there were others before `bytes`. A
 * byte may need four columns.
 */
static void add_part(struct text *text, const char *bytes, size_t length, size_t stop, bool cut)
{
    size_t before = text->length;

    stop = character_start(bytes, length, stop, length);
    for (size_t start = stop > SHOWN ? stop - SHOWN : 0;; start++) {
        start = character_start(bytes, length, start, stop);
        text->length = before;
        text_add_string(text, start > 0 || cut ? "'.." : "'");
        add_bytes_visible(text, bytes + start, stop - start);
        text_add_string(text, stop < length ? "..'" : "'");
        if (text->length - before <= SHOWN + 2 || start >= stop)
            return;
    }
}

/* How many bytes are the same at the end of both. */
static size_t common_end(const struct stream_check *expect)
{
    const char *end = expect->end + expect->end_length, *tail = expect->tail + expect->tail_length;
    size_t same = 0;
    while (same < expect->tail_length && end[-1 - (ptrdiff_t)same] == tail[-1 - (ptrdiff_t)same])
        same++;
    return same;
}

/* "ended with '..completed', not '..completed\n' (--expect-end)": the bytes around the difference
 * that is nearest to the end. */
static void describe_other_end(const struct stream_check *expect, uint64_t bytes, struct text *text)
{
    enum { SHOWN_AFTER = 4 };
    size_t same = common_end(expect), left_out = same > SHOWN_AFTER ? same - SHOWN_AFTER : 0;

    if (expect->tail_length == 0) {
        text_add_string(text, "ended without a byte, not with ");
    } else {
        text_add_string(text, "ended with ");
        add_part(text, expect->tail, expect->tail_length, expect->tail_length - left_out,
                 bytes > expect->tail_length);
        text_add_string(text, ", not ");
    }
    add_part(text, expect->end, expect->end_length, expect->end_length - left_out, false);
    text_add_string(text, " (--expect-end)");
}

const char *stream_check_end(const struct stream_check *expect, uint64_t bytes,
                             char reason[STREAM_CHECK_REASON])
{
    if (expect->size_given && bytes != expect->size) {
        snprintf(reason, STREAM_CHECK_REASON,
                 "the stream ended after %" PRIu64 " byte%s, not %" PRIu64 " (--expect-size)",
                 bytes, text_plural(bytes), expect->size);
        return reason;
    }
    if (expect->tail_length != expect->end_length ||
        (expect->end_length > 0 && memcmp(expect->tail, expect->end, expect->end_length) != 0)) {
        struct text text = {.bytes = reason, .capacity = STREAM_CHECK_REASON, .fixed = true};
        describe_other_end(expect, bytes, &text);
        text_add_bytes(&text, "", 1);
        return reason;
    }
    return NULL;
}
