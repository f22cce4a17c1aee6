/*
 * defsig - run a command with every signal at its default action and none blocked.
 *
 *     defsig [-i SIGNUMBER]... COMMAND [ARGUMENT]...        -i: this signal is ignored
 *
 * A shell starts `command &` with SIGINT and SIGQUIT ignored, and some CI runners start everything
 * with SIGPIPE ignored. A process inherits ignored signals, and bpipe leaves them ignored. defsig
 * becomes the command, with the same process id. The status is 127 if the command cannot be run.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LAST_SIGNAL = 64 };

int main(int argc, char *argv[])
{
    sigset_t none;
    int option;

    for (int number = 1; number <= LAST_SIGNAL; number++)
        signal(number, SIG_DFL); /* fails for SIGKILL, SIGSTOP and signals of libc, which is fine */
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);

    while ((option = getopt(argc, argv, "+i:")) != -1) {
        if (option != 'i' || signal((int)strtol(optarg, NULL, 10), SIG_IGN) == SIG_ERR)
            return 127;
    }
    if (optind == argc) {
        fprintf(stderr, "usage: defsig [-i SIGNUMBER]... COMMAND [ARGUMENT]...\n");
        return 127;
    }
    execvp(argv[optind], argv + optind);
    fprintf(stderr, "defsig: %s: %s\n", argv[optind], strerror(errno));
    return 127;
}
