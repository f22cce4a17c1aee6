/*
 * packets - show how large each single write of a command was.
 *
 *     packets FILE COMMAND [ARGUMENT]...
 *
 * Runs the command with a SOCK_SEQPACKET socket as its stdout. Such a socket keeps writes apart, so
 * that each read gets the bytes of one write. Writes the bytes to FILE, and prints the size of each
 * write on stdout, as a line and at once. Ends with the command's status, or with 128 + N if signal
 * N ended it, or with 127 if it could not be run. A write may be as long as the socket's buffer,
 * about 200 KiB.
 */
#include "tests/tools/die.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

const char program_name[] = "packets";
const int failure_status = 127;

/* Returns 0 at the end of the stream, or -1 with errno. */
static int copy(int from, int to)
{
    static char packet[1 << 20];
    ssize_t size, written;

    while ((size = read(from, packet, sizeof packet)) != 0) {
        if (size < 0 && errno == EINTR)
            continue;
        if (size < 0)
            return -1;
        for (ssize_t done = 0; done < size; done += written) {
            written = write(to, packet + done, (size_t)(size - done));
            if (written < 0)
                return -1;
        }
        printf("%zd\n", size);
        fflush(stdout);
    }
    return 0;
}

int main(int argc, char *argv[])
{
    int ends[2], file, status;
    pid_t child;

    if (argc < 3) {
        fprintf(stderr, "usage: packets FILE COMMAND [ARGUMENT]...\n");
        return 127;
    }
    file = open(argv[1], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (file < 0)
        die(argv[1]);
    if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends) < 0)
        die("socketpair");
    child = fork();
    if (child < 0)
        die("fork");
    if (child == 0) {
        close(ends[0]);
        if (dup2(ends[1], STDOUT_FILENO) < 0 || close(ends[1]) < 0)
            die("dup2");
        execvp(argv[2], argv + 2);
        die(argv[2]);
    }
    close(ends[1]);
    if (copy(ends[0], file) < 0)
        die(argv[1]);
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR)
            die("waitpid");
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
