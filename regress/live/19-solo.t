#!/bin/sh
# Transport tcp, a tunnel for each user: all that 01-basic.t shows; users that
# come faster than the pool, tunnels that die while they wait, a dead worker,
# reloads with users that come meanwhile.

. regress/live/lib.sh

export TRANSPORT=tcp

# The matrix of the mux, each seal, one worker and three.
sh regress/live/01-basic.t >"$T/basic.log" 2>&1
ok $? "transport tcp: everything arrives as what it was"
grep '^#' "$T/basic.log" >&2
is "$(grep -c '^ok' "$T/basic.log")" 48 "by as many tests as with a mux"

waiting() {	# waiting SIDE: sessions without a user
	ctl "$1" -j show sessions | tr '{' '\n' | grep -c '"streams_ever":0[,}]'
}
until_waiting() {	# until_waiting SIDE COUNT: at least so many wait
	until_true "[ \"\$(waiting $1)\" -ge $2 ]"
}

# Each user needs a tunnel made, which may take a slow machine its time.
SERVER="seal { none }
user timeout 30
keepalive 3" CLIENT="seal { none }
keepalive 3
pool 2
pool max 8" pair
until_waiting server 2
ok $? "two tunnels wait"
like "$(ctl server show sessions)" ' none ' "whose sessions have no mux"
like "$(ctl server -j show sessions)" '"rtt_us":[1-9]' \
    "and the kernel's round trip"

# faster than the pool
like "$("$TRAFFIC" users "$uport" 150 20000)" \
    '^done 150 failed 0 reset 0 refused 0 ' "150 at once of a pool of two"
logged client 'pool: grows to 8 tunnels'
ok $? "the pool grew to its cap"
held users "$TRAFFIC" idle "$uport" 30; users_pid=$pid
exec 9>"$T/users.fifo"
logged users ready 10000
ok $? "30 users that stay"
until_waiting server 2
ok $? "and tunnels wait beside them"

# A reader that pauses for longer than an ending tunnel is given, with both ends
# said and much under way: nothing of it is lost.
is "$(perl -MIO::Socket::INET -e '
	my $s = IO::Socket::INET->new(PeerAddr => "127.0.0.1",
	    PeerPort => shift) or die;
	syswrite($s, "give 20000000\n");
	shutdown($s, 1);
	sysread($s, my $buf, 1);
	select(undef, undef, undef, 4);
	my $all = 1;
	while (my $n = sysread($s, $buf, 1 << 20)) { $all += $n; }
	print "$all\n"' "$uport")" 20000000 "a reader that pauses has it all"

# A user who aborts before a target that reads nothing: it learns of it, though
# what was under way keeps the reset itself from being read.
background deaf perl -MIO::Socket::INET -e '
	$| = 1;
	my $l = IO::Socket::INET->new(Listen => 5, LocalAddr => "127.0.0.1")
	    or die;
	print "port ", $l->sockport, "\n";
	my $s = $l->accept;
	select(undef, undef, my $e = "", 0.1) while
	    !unpack("i", getsockopt($s, SOL_SOCKET, SO_ERROR));
	print "reset\n"'
deaf_pid=$pid
logged deaf '^port '
sed -i "s/forward to .*/forward to 127.0.0.1 port $(sed -n \
    's/^port //p' "$T/deaf.log")/" "$T/client.conf"
ctl client reload >/dev/null
perl -MIO::Socket::INET -e '
	my $s = IO::Socket::INET->new(PeerAddr => "127.0.0.1",
	    PeerPort => shift) or die;
	$s->blocking(0);
	my ($b, $w) = ("x" x 65536, "");
	vec($w, fileno($s), 1) = 1;
	# until nothing is taken for a second: all on the way is full
	syswrite($s, $b) while select(undef, my $may = $w, undef, 1);
	setsockopt($s, SOL_SOCKET, SO_LINGER, pack("ii", 1, 0))' "$uport"
logged deaf '^reset' 10000
ok $? "an abort passes a reader that has stopped"
sed -i "s/forward to .*/forward to 127.0.0.1 port $port/" "$T/client.conf"
ctl client reload >/dev/null

# reload: every tunnel anew, while users come and go
background busy "$TRAFFIC" users "$uport" 200 100000; busy_pid=$pid
n=0
for size in 16384 20000 24000; do
	sed -i '/mux frame size/d' "$T/client.conf"
	echo "mux frame size $size" |
	    sed -i '/^.*pool max 8/r /dev/stdin' "$T/client.conf"
	ctl client reload >/dev/null && n=$((n + 1))
done
is "$n" 3 "three reloads that make each tunnel anew"
"$TRAFFIC" gone 20000 "$busy_pid"
like "$(cat "$T/busy.log")" '^done 200 failed 0 reset 0 refused 0 ' \
    "none of 200 users meanwhile was lost"
sed -i '/keepalive 3/a mux frame size 16384' "$T/server.conf"
is "$(ctl server reload >/dev/null; echo $?)" 0 "one of the server's"
"$TRAFFIC" wait "$uport" 5000 >/dev/null
ok $? "a user is served"
exec 9>&-
"$TRAFFIC" gone 5000 "$users_pid"
is "$(sed -n 's/^alive //p' "$T/users.log")" 30 "those that stayed are there"

# a worker that dies, with users and without
for side in client server; do
	old=$(child $side service x)
	kill -9 "$old"
	ms=$("$TRAFFIC" wait "$uport" 10000)
	ok $? "the $side's worker killed: a new user is served ($ms ms)"
done

# tunnels that wait, and lead nowhere any more
stop "$client_pid"
background relay perl regress/live/relay.pl "$tport"; relay_pid=$pid
logged relay '^port '
rport=$(sed -n 's/^port //p' "$T/relay.log")
sed -i "s/port $tport/port $rport/; s/keepalive 3/keepalive 1/" "$T/client.conf"
sed -i 's/keepalive 3/keepalive 1/' "$T/server.conf"
ctl server reload
daemon client; client_pid=$pid
until_waiting server 2
ok $? "two wait, by way of a relay"
kill -STOP "$relay_pid"
logged server 'the peer is silent' 10000 && logged client 'the peer is silent' \
    10000
ok $? "it stands still: both sides notice"
until_true '[ "$(waiting server)" -eq 0 ]'
ok $? "none is kept"
kill -CONT "$relay_pid"
until_waiting server 2
ok $? "it goes on: two wait again"
like "$("$TRAFFIC" ask "$uport" "give 100000")" '^end 100000 pattern ' \
    "and serve"

stop "$client_pid"
is "$status" 0 "the client ends cleanly"
sed 's/transport tcp$/transport tcpmux/' "$T/client.conf" >"$T/other.conf"
daemon other; other_pid=$pid
logged other 'mux kind none at the server, smux at the client'
ok $? "who wants a mux is told that there is none"
stop "$other_pid"
stop "$server_pid"
is "$status" 0 "so does the server"

# the client anew, killed so that its tunnels only look alive
SERVER= CLIENT="pool 2"
pair
until_waiting server 2
old=$(child client service x)
kill -STOP "$old"
kill -9 "$client_pid"
PIDS="$PIDS $old"
rm -f "$T/client.sock"
daemon client; client_pid=$pid
logged server 'client .* is here.*' && until_waiting client 2
ms=$("$TRAFFIC" wait "$uport" 5000)
ok $? "a client that came back serves soon ($ms ms)"
logged server 'lost: no answer to a ping' 5000
ok $? "and its dead tunnels are found"
kill -9 "$old"
stop "$client_pid"
stop "$server_pid"
is "$(grep -cE 'fatal|AddressSanitizer|runtime error' \
    "$T/server.log" "$T/client.log" | tr '\n' ' ')" \
    "$T/server.log:0 $T/client.log:0 " "nothing went wrong"
done_testing
