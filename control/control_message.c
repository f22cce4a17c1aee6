/*
 * control_message.c - the messages of control/control.h: text -> struct, struct -> text. No side
 * effects.
 *
 * A message may contain any bytes. It is parsed once, line by line. Parsing stops at the first
 * thing that does not follow the syntax in control/control.h; nothing is guessed. A message needs
 * no NUL at its end, and must not contain one.
 */
#include "base/platform.h"
#include "base/text.h"
#include "control/control.h"

#include <inttypes.h>
#include <string.h>

#define GREETING "bpipe "
#define VERSION  "1"

static const struct {
    const char *name;
    uint64_t least, most;
    const char *wrong; /* the message for an invalid value */
} fields[CONTROL_FIELDS] = {
    [CONTROL_RATE_LIMIT] = {"rate-limit", 0, INT64_MAX, "rate-limit: invalid rate"},
    [CONTROL_READ_RATE] = {"read-rate", 0, INT64_MAX, "read-rate: invalid rate"},
    [CONTROL_SIZE] = {"size", 0, INT64_MAX, "size: invalid size"},
    [CONTROL_INTERVAL] = {"interval", NS_PER_SEC / 10, 600 * NS_PER_SEC,
                          "interval: must be from 0.1 to 600 s, in ns"},
    [CONTROL_WIDTH] = {"width", 1, 9999, "width: must be a number from 1 to 9999"},
    [CONTROL_HEIGHT] = {"height", 1, 9999, "height: must be a number from 1 to 9999"},
    [CONTROL_START_FILL] = {"start-fill", 0, 100, "start-fill: invalid percentage"},
    [CONTROL_RESUME_FILL] = {"resume-fill", 0, 100, "resume-fill: invalid percentage"},
    [CONTROL_FORMAT] = {"format", 0, CONTROL_TEXT - 1, "format: invalid or too long"},
    [CONTROL_NAME] = {"name", 1, CONTROL_TEXT - 1, "name: invalid, empty or too long"},
};

/* A part of the message. */
struct piece {
    const char *start;
    size_t length;
};

static bool is_text(struct piece piece, const char *text)
{
    return piece.length == strlen(text) && memcmp(piece.start, text, piece.length) == 0;
}

/* Splits *rest at the next `end`: *taken gets the part before it, *rest the part after it. False:
 * there is no `end`, and *taken gets all. */
static bool take_until(struct piece *rest, char end, struct piece *taken)
{
    const char *found = rest->length > 0 ? memchr(rest->start, end, rest->length) : NULL;
    *taken = *rest;
    if (found != NULL)
        taken->length = (size_t)(found - rest->start);
    size_t used = taken->length + (found != NULL);
    rest->start += used;
    rest->length -= used;
    return found != NULL;
}

static bool parse_number(struct piece piece, enum control_field field, uint64_t *number)
{
    uint64_t value = 0;
    for (size_t i = 0; i < piece.length; i++) {
        if (piece.start[i] < '0' || piece.start[i] > '9' || value > (UINT64_MAX - 9) / 10)
            return false;
        value = 10 * value + (uint64_t)(piece.start[i] - '0');
    }
    *number = value;
    return piece.length > 0 && value >= fields[field].least && value <= fields[field].most;
}

static bool parse_text(struct piece piece, enum control_field field, char text[CONTROL_TEXT])
{
    size_t length = 0;
    for (size_t i = 0; i < piece.length && length < CONTROL_TEXT; i++) {
        char byte = piece.start[i];
        if (byte == '\\') {
            if (++i == piece.length || (piece.start[i] != '\\' && piece.start[i] != 'n'))
                return false;
            byte = piece.start[i] == 'n' ? '\n' : '\\';
        }
        text[length++] = byte;
    }
    if (length > fields[field].most || length < fields[field].least)
        return false;
    text[length] = '\0';
    return true;
}

/* "text", "json", "text verbose si". */
static const char *parse_report(struct control_request *request, struct piece rest)
{
    struct piece word;
    bool more = take_until(&rest, ' ', &word);
    if (request->report != CONTROL_NO_REPORT)
        return "report: duplicate";
    if (is_text(word, "text"))
        request->report = CONTROL_REPORT_TEXT;
    else if (is_text(word, "json"))
        request->report = CONTROL_REPORT_JSON;
    else
        return "report: invalid format";
    while (more) {
        more = take_until(&rest, ' ', &word);
        bool *flag = is_text(word, "verbose") ? &request->verbose
                     : is_text(word, "si")    ? &request->si
                                              : NULL;
        if (flag == NULL || *flag)
            return "report: unexpected text after the format";
        *flag = true;
    }
    return NULL;
}

static const char *parse_line(struct control_request *request, struct piece line)
{
    struct piece name;
    bool has_value = take_until(&line, ' ', &name);
    if (has_value && is_text(name, "report"))
        return parse_report(request, line);
    for (int i = 0; i < CONTROL_FIELDS && has_value; i++) {
        enum control_field field = (enum control_field)i;
        if (!is_text(name, fields[i].name))
            continue;
        if (request->given[i])
            return "duplicate setting";
        request->given[i] = true;
        bool valid = i < CONTROL_NUMBERS ? parse_number(line, field, &request->numbers[i])
                                         : parse_text(line, field, control_text(request, field));
        return valid ? NULL : fields[i].wrong;
    }
    return "invalid request";
}

const char *control_parse(struct control_request *request, const char *message, size_t length)
{
    struct piece rest = {message, length}, line;
    *request = (struct control_request){0};
    if (length > CONTROL_REQUEST)
        return "request too long";
    if (length == 0 || memchr(message, '\0', length) != NULL || message[length - 1] != '\n')
        return "invalid request";
    (void)take_until(&rest, '\n', &line);
    if (line.length < strlen(GREETING) || memcmp(line.start, GREETING, strlen(GREETING)) != 0)
        return "invalid request";
    if (!is_text(line, GREETING VERSION))
        return "unsupported version";
    const char *wrong = NULL;
    while (rest.length > 0 && wrong == NULL) {
        (void)take_until(&rest, '\n', &line);
        wrong = parse_line(request, line);
    }
    return wrong;
}

static void add_escaped(struct text *text, const char *string)
{
    for (; *string != '\0'; string++)
        if (*string == '\n')
            text_add_string(text, "\\n");
        else if (*string == '\\')
            text_add_string(text, "\\\\");
        else
            text_add_bytes(text, string, 1);
}

size_t control_compose(char *message, size_t size, const struct control_request *request)
{
    char bytes[CONTROL_REQUEST];
    size_t most = size < sizeof bytes ? size : sizeof bytes;
    struct text text = {.bytes = bytes, .capacity = most, .fixed = true};
    text_add_string(&text, GREETING VERSION "\n");
    for (int i = 0; i < CONTROL_FIELDS; i++) {
        if (!request->given[i])
            continue;
        text_add_string(&text, fields[i].name);
        text_add_string(&text, " ");
        if (i < CONTROL_NUMBERS)
            text_add(&text, "%" PRIu64, request->numbers[i]);
        else
            add_escaped(&text, request->texts[i - CONTROL_NUMBERS]);
        text_add_string(&text, "\n");
    }
    if (request->report != CONTROL_NO_REPORT) {
        text_add_string(&text,
                        request->report == CONTROL_REPORT_JSON ? "report json" : "report text");
        text_add_string(&text, request->verbose ? " verbose" : "");
        text_add_string(&text, request->si ? " si\n" : "\n");
    }
    if (text.failed)
        return 0;
    memcpy(message, bytes, text.length);
    return text.length;
}
