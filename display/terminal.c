/*
 * terminal.c - see terminal.h.
 */
#include "display/terminal.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

bool terminal_has_colours(void)
{
    static const char *const kinds[] = {"xterm", "screen",  "tmux",  "rxvt",      "linux",
                                        "vte",   "konsole", "kitty", "alacritty", "foot"};
    const char *term = getenv("TERM"), *no_color = getenv("NO_COLOR");
    if (term == NULL || (no_color != NULL && *no_color != '\0'))
        return false;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (strncmp(term, kinds[i], strlen(kinds[i])) == 0)
            return true;
    return strstr(term, "color") != NULL;
}

bool terminal_obeys_escapes(void)
{
    const char *term = getenv("TERM");
    return term != NULL && *term != '\0' && strcmp(term, "dumb") != 0;
}

/* Only at the controlling terminal can a process be in the background. For another terminal
 * tcgetpgrp(3) fails with ENOTTY. Exception: on the master side of a pseudo-terminal it returns the
 * group of the slave side. That side has another session, which tcgetsid() shows. */
bool terminal_in_background(void)
{
    pid_t group = tcgetpgrp(STDERR_FILENO);
    return group >= 0 && group != getpgrp() && tcgetsid(STDERR_FILENO) == getsid(0);
}
