/*
 * pty - pseudo-terminals for shell scripts, which open their master sides by themselves:
 *
 *     exec {master}<>/dev/ptmx
 *     name=$(pty name <&"$master")            unlocks it; the path of its slave side
 *     pty raw <"$name"                        no editing, echo, translation or signals
 *     pty session COMMAND... <>"$name" >&0    a new session with standard input as its terminal
 *
 * `session` becomes the command, with the same process id. It must not be the leader of a process
 * group, so call it in the background or in a subshell. The status is 127 if something failed.
 */
#define _XOPEN_SOURCE   700
#define _DEFAULT_SOURCE /* TIOCSCTTY */
#include "tests/tools/die.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

const char program_name[] = "pty";
const int failure_status = 127;

static int name(void)
{
    if (grantpt(STDIN_FILENO) != 0 || unlockpt(STDIN_FILENO) != 0)
        return failed("unlockpt");
    const char *path = ptsname(STDIN_FILENO);
    if (path == NULL)
        return failed("ptsname");
    return puts(path) < 0 ? 127 : 0;
}

static int raw(void)
{
    struct termios mode;

    if (tcgetattr(STDIN_FILENO, &mode) != 0)
        return failed("tcgetattr");
    mode.c_iflag = 0;
    mode.c_oflag = 0;
    mode.c_lflag = 0;
    mode.c_cflag |= CS8;
    mode.c_cc[VMIN] = 1;
    mode.c_cc[VTIME] = 0;
    return tcsetattr(STDIN_FILENO, TCSANOW, &mode) != 0 ? failed("tcsetattr") : 0;
}

static int session(char *command[])
{
    if (setsid() < 0)
        return failed("setsid");
    if (ioctl(STDIN_FILENO, TIOCSCTTY, 0) != 0)
        return failed("TIOCSCTTY");
    execvp(command[0], command);
    return failed(command[0]);
}

int main(int argc, char *argv[])
{
    if (argc == 2 && strcmp(argv[1], "name") == 0)
        return name();
    if (argc == 2 && strcmp(argv[1], "raw") == 0)
        return raw();
    if (argc > 2 && strcmp(argv[1], "session") == 0)
        return session(argv + 2);
    fprintf(stderr, "usage: pty name | raw | session COMMAND [ARGUMENT]...\n");
    return 127;
}
