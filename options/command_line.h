/*
 * command_line.h - looks for an option on the command line of another bpipe, which is running.
 *
 * So the command line is valid: a word that begins like an option is one, and an abbreviation
 * matches only one option.
 */
#ifndef BPIPE_OPTIONS_COMMAND_LINE_H
#define BPIPE_OPTIONS_COMMAND_LINE_H

#include "options/table.h"

#include <stddef.h>

/*
 * Looks for option `wanted`, which takes an argument, by letter, name or an abbreviation of it. The
 * command line is as in /proc/PID/cmdline (proc(5)): each word is followed by a NUL. `words` has
 * `length` bytes and a NUL at its end. Returns the argument of the last such option, a pointer into
 * `words`; NULL: no such option.
 */
const char *command_line_option(const char *words, size_t length, enum option_id wanted);

#endif
