/*
 * help.h - the texts of --help and -h, made from the table of options.
 *
 * -h is for the first minute: the options that most people use, on one screen.
 */
#ifndef BPIPE_OPTIONS_HELP_H
#define BPIPE_OPTIONS_HELP_H

#include <stdio.h>

/* Writes all options by group. The caller checks the stream for errors with ferror(3). */
void help_print_all(FILE *stream);

/* Writes the common options, at most 60 lines in all. */
void help_print_short(FILE *stream);

#endif
