# bpipe in fish. Made by completions/generate from --help; not to be edited.

# Paths behind a prefix of the word, which is given as a regular expression.
function __bpipe_paths
    set -l word (commandline -ct | string replace -r -- '^--[a-z-]+=' '')
    if set -l prefix (string match -r -- "^(?:$argv[1])" $word)
        printf '%s\n' $prefix(__fish_complete_path (string sub -s (math (string length -- $prefix) + 1) -- $word))
    end
end

function __bpipe_endpoints
    printf '%s\taddress\n' fd:// tcp:// tcp-listen:// udp:// udp-listen:// unix:// unix-listen://
    __bpipe_paths 'unix(?:-listen)?://'
end

function __bpipe_pids
    pgrep -x bpipe 2>/dev/null
end

complete -c bpipe -a '(__bpipe_endpoints)'
complete -c bpipe -s B -l buffer-size -x -d 'hold up to SIZE in memory (default 16M)'
complete -c bpipe -s z -l chunk-size -x -d 'move at most SIZE in one call (default 1M)'
complete -c bpipe -l start-fill -x -d 'write once the buffer is so full, at the start and whenever it ran dry'
complete -c bpipe -l resume-fill -x -d 'when the buffer was full, read again once it has drained to PERCENT'
complete -c bpipe -l block-size -x -d 'write exactly SIZE at a time, the last excepted'
complete -c bpipe -s J -l pipe-buffer-size -x -d 'size of the pipes on both sides'
complete -c bpipe -s C -l no-splice -d 'always copy through the buffer'
complete -c bpipe -s L -l rate-limit -x -d 'write at most RATE bytes a second (with -l and -0: records)'
complete -c bpipe -l read-rate -x -d 'read at most RATE bytes a second'
complete -c bpipe -l burst -x -d 'the most that may go at once after a pause (default: 20 ms worth)'
complete -c bpipe -l overflow -x -a 'block drop-newest drop-oldest fail' -d 'when the buffer is full: block, drop-newest, drop-oldest or fail (default block)'
complete -c bpipe -l gap-mark -d 'with -l or -0: say in the stream how many records were dropped there'
complete -c bpipe -l spool -r -F -d 'what the buffer cannot hold waits on disk: in directory PATH, or in a new file PATH'
complete -c bpipe -l spool-max -x -d 'at most SIZE of it (default 1G)'
complete -c bpipe -l merge -d 'read all INPUTs at once, in fair turns'
complete -c bpipe -s o -l output -r -F -a '(__bpipe_endpoints)' -d 'write here instead of to standard output'
complete -c bpipe -l tap -r -F -a '(__bpipe_endpoints)' -d 'write here as well, but never wait for it: it misses what it is too slow for'
complete -c bpipe -l append -d 'add to the end of output files'
complete -c bpipe -l no-clobber -d 'refuse an output file that exists'
complete -c bpipe -l atomic -d 'output files appear whole after success, or not at all'
complete -c bpipe -s Y -l sync -d 'have each write on the disk before the next'
complete -c bpipe -s K -l direct-io -d 'bypass the page cache (O_DIRECT)'
complete -c bpipe -s X -l discard -d 'read and count, write nothing'
complete -c bpipe -l on-output-error -x -a 'stop continue' -d 'when an output fails: stop, or continue with the others (default: continue)'
complete -c bpipe -s 4 -l ipv4 -d 'use IPv4 addresses only'
complete -c bpipe -s 6 -l ipv6 -d 'use IPv6 addresses only'
complete -c bpipe -l retry -x -d 'try to connect up to N times more, after longer and longer pauses'
complete -c bpipe -l allow -x -d 'take connections and datagrams only from such addresses, as 10.0.0.0/8 or ::1'
complete -c bpipe -l tcp-buffer -x -d 'size of the kernel\'s buffers for TCP (default: what the system chooses)'
complete -c bpipe -l datagram-size -x -d 'cut a stream into datagrams of SIZE at most (default 1400)'
complete -c bpipe -s s -l size -x -a '(__bpipe_paths @)' -d 'expect SIZE bytes, or as many as a file or the files below a directory hold'
complete -c bpipe -s S -l stop-at-size -d 'stop there, and read nothing beyond'
complete -c bpipe -l expect-size -x -d 'a stream that is not so long was cut: status 1'
complete -c bpipe -l expect-end -x -a '(__bpipe_paths @)' -d 'so is one whose last bytes are not these'
complete -c bpipe -s k -l si -d 'K, M, G ... count in 1000s, in all options and reports'
complete -c bpipe -s l -l line-mode -d 'count lines'
complete -c bpipe -s 0 -l null -d 'count records that end with a NUL instead'
complete -c bpipe -l connect-timeout -x -d 'give up when a connection takes so long, or nobody connects to a listener'
complete -c bpipe -l idle-timeout -x -d 'give up when no input comes for so long'
complete -c bpipe -l stall-timeout -x -d 'give up when an output takes nothing so long'
complete -c bpipe -l drain-timeout -x -d 'the same after the end of input or a SIGTERM (default 10s, where the input was cut short)'
complete -c bpipe -s p -l progress -d 'a bar'
complete -c bpipe -s t -l timer -d 'the time since the start'
complete -c bpipe -s e -l eta -d 'how long it will take yet'
complete -c bpipe -s I -l fineta -d 'when it will be done'
complete -c bpipe -s r -l rate -d 'the rate of now'
complete -c bpipe -s a -l average-rate -d 'the rate of the last half minute'
complete -c bpipe -s b -l bytes -d 'how much was moved'
complete -c bpipe -s 8 -l bits -d 'the same in bits'
complete -c bpipe -s T -l buffer-percent -d 'how full the buffer is (implies --no-splice)'
complete -c bpipe -s A -l last-written -x -d 'the last N bytes written (implies --no-splice)'
complete -c bpipe -s F -l format -x -d 'a line of your own: %b, %{rate} ...'
complete -c bpipe -s n -l numeric -d 'numbers, for dialog(1): percent, or with -t, -b and -r time, amount and rate'
complete -c bpipe -s i -l interval -x -d 'update so often (default 1)'
complete -c bpipe -s m -l average-rate-window -x -d 'what -a and -e look back on (default 30)'
complete -c bpipe -s W -l wait -d 'nothing before the first byte'
complete -c bpipe -s D -l delay-start -x -d 'nothing before that'
complete -c bpipe -s g -l gauge -d 'if the size is unknown the bar shows the rate'
complete -c bpipe -s u -l bar-style -x -a 'plain block granular shaded' -d 'plain, block, granular or shaded'
complete -c bpipe -s w -l width -x -d 'take the terminal to be so wide'
complete -c bpipe -s H -l height -x -d 'and so high'
complete -c bpipe -s x -l extra-display -x -a 'windowtitle processtitle windowtitle,processtitle' -d 'also in the windowtitle, processtitle, or both'
complete -c bpipe -s f -l force -d 'also without a terminal, or in the background'
complete -c bpipe -s c -l cursor -d 'share the terminal: a row for each bpipe'
complete -c bpipe -l report -x -a 'text json prometheus none (__bpipe_paths [a-z]+:)' -d 'text, json, prometheus or none'
complete -c bpipe -l report-every -x -d 'report while running as well'
complete -c bpipe -s v -l stats -d 'a text report in any case, with a line for each input and output'
complete -c bpipe -s q -l quiet -d 'no report unless one is asked for'
complete -c bpipe -s N -l name -x -d 'call this bpipe NAME in reports'
complete -c bpipe -s R -l remote -x -a '(__bpipe_pids)' -d 'change a running bpipe: -L, --read-rate, -s, -i, -F, -N, -w, -H, --start-fill, --resume-fill'
complete -c bpipe -s Q -l query -x -a '(__bpipe_pids)' -d 'print the report of a running bpipe, as text or with --report json'
complete -c bpipe -s P -l pidfile -r -F -d 'keep the process id in FILE while running'
complete -c bpipe -s h -l help -d 'print this help'
complete -c bpipe -s V -l version -d 'print the version'
