#!/bin/sh
# A worker that shuts down the listener that it was lent, and one that does
# nothing any more: each is replaced, and users are served.

. regress/live/lib.sh
is_root || skip_all "taking a descriptor out of a process needs root"

SERVER="prefork 2" CLIENT="pool 4"
pair
"$TRAFFIC" wait "$uport" 10000 >/dev/null
ok $? "the service is up"
old=$(child server service x | sort | tr '\n' ' ')

shutdown_listener() {	# of PID
	perl -MSocket -e '
		my $p = syscall(434, $ARGV[0] + 0, 0);	# pidfd_open
		my $n = 0;
		for my $fd (3 .. 200) {
			my $f = syscall(438, $p, $fd, 0);	# pidfd_getfd
			next if $f < 0;
			open(my $h, "+<&=", $f) or next;
			my $l = getsockopt($h, SOL_SOCKET, 30) or next;
			next unless unpack("i", $l);	# SO_ACCEPTCONN
			shutdown($h, 2) and $n++;
		}
		exit($n == 1 ? 0 : 1);' "$1"
}

shutdown_listener "$(echo "$old" | cut -d' ' -f1)"
ok $? "a worker's copy of the listener was shut down"
ms=$("$TRAFFIC" wait "$uport" 5000)
ok $? "users are served again ($ms ms)"
logged server "listen on 127\.0\.0\.1:$uport: was shut down"
ok $? "the parent says so"
others() {	# two, of which none is of the old ones
	new=$(child server service x | sort | tr '\n' ' ')
	for p in $old; do
		case " $new" in *" $p "*) return 1;; esac
	done
	[ "$(echo $new | wc -w)" -eq 2 ]
}
until_true others
ok $? "each process that it was lent to is another ($old, $new)"
like "$(ctl server show summary)" 'listeners_shut_down 1' "and it is counted"
like "$("$TRAFFIC" users "$uport" 20 100000)" '^done 20 ' "20 users are served"

p=$(child server service x | head -1)
kill -STOP "$p"
"$TRAFFIC" gone 20000 "$p"
ok $? "a worker that answers no ping is replaced"
ms=$("$TRAFFIC" wait "$uport" 5000)
ok $? "users are served ($ms ms)"
stop "$client_pid"
is "$status" 0 "the client ends cleanly"
stop "$server_pid"
is "$status" 0 "the server ends cleanly"
done_testing
