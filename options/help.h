/*
 * help.h - the text of --help, made from the table of options.
 */
#ifndef BPIPE_OPTIONS_HELP_H
#define BPIPE_OPTIONS_HELP_H

#include <stdio.h>

/* Writes all options by group. The caller checks the stream for errors with ferror(3). */
void help_print_all(FILE *stream);

#endif
