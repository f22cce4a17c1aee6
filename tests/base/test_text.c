/*
 * test_text.c - the width of text in columns of a terminal, and where it is cut.
 */
#include "base/text.h"
#include "tests/tap.h"

#include <langinfo.h>
#include <locale.h>

#define LENGTH(a) (sizeof(a) / sizeof((a)[0]))

/* "e" with an accent as a character of its own */
#define ACCENTED "e\314\201"

static const struct {
    const char *text;
    size_t columns;
} widths[] = {
    {"", 0},      {"abc", 3},          {"äöü", 3},
    {"字", 2},    {"a字b字", 6},       {"한국어", 6},
    {"😀", 2},     {ACCENTED, 1},       {ACCENTED ACCENTED "x", 3},
    {"▕██▌▏", 5}, {"\xff\xe5\xad", 3}, /* not UTF-8 */
    {"\xe5", 1},
};

/* What fits at the start and at the end of a text. */
static const struct {
    const char *text;
    size_t columns;
    const char *start, *end;
} cuts[] = {
    {"abcdef", 3, "abc", "def"},
    {"abcdef", 6, "abcdef", "abcdef"},
    {"abcdef", 99, "abcdef", "abcdef"},
    {"abcdef", 0, "", ""},
    {"字母表", 6, "字母表", "字母表"},
    {"字母表", 5, "字母", "母表"},
    {"字母表", 4, "字母", "母表"},
    {"字母表", 1, "", ""},
    {"a字", 2, "a", "字"},
    {"字a", 2, "字", "a"},
    {ACCENTED "x" ACCENTED, 2, ACCENTED "x", "x" ACCENTED},
    {ACCENTED "x" ACCENTED, 1, ACCENTED, ACCENTED},
    {"\xff\xfe\xfd", 2, "\xff\xfe", "\xfe\xfd"},
};

static void test_widths(const char *locale)
{
    for (size_t i = 0; i < LENGTH(widths); i++) {
        size_t columns = utf8_columns(widths[i].text, strlen(widths[i].text));
        tap_ok(columns == widths[i].columns, "%s, width of text %zu: %zu", locale, i, columns);
    }
    for (size_t i = 0; i < LENGTH(cuts); i++) {
        const char *text = cuts[i].text;
        size_t length = strlen(text), columns = cuts[i].columns;
        size_t start = utf8_fitting(text, length, &columns);
        size_t end = utf8_fitting_end(text, length, cuts[i].columns);
        tap_ok(start == strlen(cuts[i].start) && strncmp(text, cuts[i].start, start) == 0 &&
                   columns == utf8_columns(text, start),
               "%s, start of text %zu: %zu bytes", locale, i, start);
        tap_ok(strcmp(text + end, cuts[i].end) == 0, "%s, end of text %zu: from byte %zu", locale,
               i, end);
    }
}

static void random_text(uint64_t *random, struct text *text)
{
    static const char *const pieces[] = {"a", "字", "\314\201", "ä", "😀", "\xff", "\xe5\xad", "▌"};

    text_clear(text);
    for (size_t count = tap_below(random, 20); count > 0; count--)
        text_add_string(text, pieces[tap_below(random, LENGTH(pieces))]);
    text_add_bytes(text, "", 1);
    text->length--;
}

/* Whether `shorter` is the whole text, if that fits, or two ends of it around "..". */
static bool is_shortened(const struct text *text, const struct text *shorter, size_t whole,
                         size_t room)
{
    if (whole <= room)
        return shorter->length == text->length &&
               (text->length == 0 || memcmp(shorter->bytes, text->bytes, text->length) == 0);
    if (text_columns(shorter, 0) > room)
        return false;
    for (size_t first = 0; room > 2 && first + 2 <= shorter->length; first++) {
        size_t last = shorter->length - first - 2;
        if (memcmp(shorter->bytes + first, "..", 2) == 0 && first + last < text->length &&
            (first == 0 || memcmp(shorter->bytes, text->bytes, first) == 0) &&
            memcmp(shorter->bytes + first + 2, text->bytes + text->length - last, last) == 0)
            return true;
    }
    return room <= 2;
}

/* Both cuts fit, and one more character would not. */
static void test_random(uint64_t *random)
{
    unsigned rounds = tap_rounds(20000);
    struct text text = {0};
    bool passed = true;

    for (unsigned i = 0; i < rounds && passed; i++) {
        random_text(random, &text);
        size_t whole = text_columns(&text, 0), room = tap_below(random, 25), used = room;
        size_t start = utf8_fitting(text.bytes, text.length, &used);
        size_t end = utf8_fitting_end(text.bytes, text.length, room);
        size_t tail = utf8_columns(text.bytes + end, text.length - end);
        passed = used <= room && tail <= room && (start == text.length || used + 2 > room) &&
                 (end == 0 || tail + 2 > room) && used <= whole &&
                 (whole > room || (start == text.length && end == 0));
        struct text shorter = {0};
        text_add_bytes(&shorter, text.bytes, text.length);
        passed = passed && text_shorten(&shorter, 0, room) == whole &&
                 is_shortened(&text, &shorter, whole, room);
        text_free(&shorter);
        unsigned cut = text_cut(&text, 0, (unsigned)room);
        passed = passed && cut == used && text.length == start;
    }
    tap_ok(passed, "random texts are cut, or shortened in their middle, where they fit");
    text_free(&text);
}

int main(void)
{
    uint64_t random = tap_seed();

    if (setlocale(LC_CTYPE, "C.UTF-8") == NULL) {
        tap_ok(true, "widths # SKIP there is no locale C.UTF-8");
        return tap_done();
    }
    setenv("LC_ALL", "C.UTF-8", 1);
    test_widths("the locale is UTF-8");
    test_random(&random);
    setlocale(LC_CTYPE, "C");
    tap_ok(utf8_columns("abc", 3) == 3 && strcmp(nl_langinfo(CODESET), "UTF-8") != 0,
           "ASCII needs no locale");
    test_widths("LC_CTYPE was not set");
    setlocale(LC_CTYPE, "C");
    setenv("LC_ALL", "C", 1);
    test_widths("the environment has no UTF-8");
    tap_ok(!utf8_is_set_up(), "the terminal does not take UTF-8 for that");
    return tap_done();
}
