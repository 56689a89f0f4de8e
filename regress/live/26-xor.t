#!/bin/sh
# Seal xor: every octet as sent, none of it to be seen on the way; and what one
# side does not allow is not used, which is told.

. regress/live/lib.sh

# zs SEAL: the longest run of a user's Zs that went over the tunnel
zs() {
	CLIENT="pool 1
	seal { $1 }" SERVER="seal { $1 }"
	pair
	stop "$client_pid"
	background relay perl regress/live/relay.pl "$tport"
	relay=$pid
	logged relay '^port'
	sed -i "s/\(connect to 127.0.0.1 port\) $tport/\1 $(sed -n \
	    's/^port //p' "$T/relay.log")/" "$T/client.conf"
	daemon client; client_pid=$pid
	"$TRAFFIC" wait "$uport" 10000 >/dev/null
	perl -MIO::Socket::INET -e '
		my $s = IO::Socket::INET->new(PeerAddr => "127.0.0.1",
		    PeerPort => $ARGV[0]) or die;
		print $s "echo\n", "Z" x 100000;
		$s->shutdown(1);
		local $/;
		print(<$s> =~ tr/Z//, "\n")' "$uport" >"$T/back"
	run=$(awk '$1 == "s2c" { n = $4 } END { print n + 0 }' "$T/relay.log")
	stop "$client_pid"
	stop "$server_pid"
	kill "$relay"
	stop "$target_pid"
}

zs none
is "$(cat "$T/back")" 100000 "seal none: what was sent comes back"
[ "$run" -gt 1000 ]
ok $? "and is seen on the way (a run of $run)"
zs xor
is "$(cat "$T/back")" 100000 "seal xor: what was sent comes back"
[ "$run" -lt 10 ]
ok $? "and is not seen on the way (a run of $run)"

for prefork in 1 2; do
	SERVER="seal { xor tls }
	prefork $prefork" CLIENT="seal xor
	pool 2
	prefork $prefork"
	pair
	"$TRAFFIC" wait "$uport" 10000 >/dev/null
	like "$("$TRAFFIC" users "$uport" 30 1048576)" \
	    '^done 30 failed 0 reset 0 refused 0 ' \
	    "prefork $prefork: 30 users, 1 MiB each way"
	like "$("$TRAFFIC" ask "$uport" "reset 500000")" '^reset ' \
	    "a reset is a reset"
	like "$(ctl server show sessions)" ' xor ' "rocketctl says xor"
	stop "$client_pid"
	stop "$server_pid"
	stop "$target_pid"
done

SERVER="seal { tls xor none }" CLIENT="seal { tls xor }"
pair
logged server 'seal xor: the other side does not allow none' 10000
ok $? "what the other side does not allow is not used, which is told"
stop "$client_pid"
stop "$server_pid"
is "$(grep -c 'does not allow' "$T/client.log")" 0 \
    "the other side has nothing to tell"
stop "$target_pid"
SERVER="seal none" CLIENT="seal xor"
pair
logged client 'no common seal' 10000
ok $? "nothing in common: no tunnel"
done_testing
