#!/bin/sh
# Options, as they are seen from outside: sockets asked of the kernel, what goes
# over a tunnel, what a listener sees, how long is waited.

. regress/live/lib.sh

# ---- addresses: several listeners of each kind, IPv6, source, edge ----
ipv6=yes
perl -MIO::Socket::IP -e 'IO::Socket::IP->new(Listen => 1,
    LocalHost => "::1") or exit 1' || ipv6=no
set -- $(ports 8)
t1=$1 t2=$2 t3=$3 u1=$4 u2=$5 u3=$6
target target
target_pid=$pid
[ $ipv6 = yes ] && six="::1" || six=127.0.0.3
cat >"$T/server.conf" <<-END
	log debug
	server {
		listen on 127.0.0.1 port $t1
		listen on $six port $t2
		listen on * port $t3
		service "x" {
			listen on 127.0.0.1 port $u1
			listen on $six port $u2
			listen on * port $u3
			token "a token of more than sixteen"
		}
	}
END
cat >"$T/client.conf" <<-END
	log debug
	client {
		remotes balance
		pool 1
		connect to 127.0.0.1 port $t1 from 127.0.0.7
		connect to $six port $t2
		connect to no.such.host.invalid port $t3 edge 127.0.0.5
		service "x" {
			forward to 127.0.0.1 port $port
			token "a token of more than sixteen"
		}
	}
END
daemon server
daemon client
for t in $t1 $t2 $t3; do logged client "remote .*:$t: tunnel open" 10000; done
ok $? "tunnels to three listeners"
sessions=$(ctl server -j show sessions)
like "$sessions" '"peer":"127.0.0.7:' "from: the source address of a dial"
like "$sessions" "\"local\":\"127.0.0.5:$t3\"" \
    "edge: that address is dialled, and no name asked for"
[ $ipv6 = yes ] && like "$sessions" '"peer":"\[::1\]:' "a tunnel over IPv6" ||
    skip "a tunnel over IPv6" "there is none"
reach() {	# reach HOST PORT
	perl -MIO::Socket::IP -e '
		my $s = IO::Socket::IP->new(PeerHost => $ARGV[0],
		    PeerPort => $ARGV[1], Timeout => 5) or exit 1;
		print $s "give 5\n";
		$s->shutdown(1);
		local $/; print length(<$s>), "\n"' "$1" "$2"
}
is "$(reach 127.0.0.1 $u1) $(reach $six $u2) $(reach 127.0.0.1 $u3) \
$(reach $six $u3)" "5 5 5 5" "users at each listener, * of both families"
is "$(reach 127.0.0.2 $u1)" "" "and at no other address"
stop "$client_pid"
stop "$server_pid"
stop "$target_pid"

# ---- options of sockets ----
sockets() { perl regress/live/sockets.pl "$@"; }
TUNNEL="tunnel receive socket buffer 48k
tunnel send socket buffer 40k
tunnel mss 1100
tunnel nodelay no
tunnel tcp keepalive 31
tunnel tcp user timeout 12.5
tunnel congestion reno"
OWN="receive socket buffer 24k
send socket buffer 20k
mss 900
nodelay no
tcp keepalive 47
tcp user timeout 8
congestion reno"
CLIENT="pool 1
$TUNNEL
$OWN" SERVER="$OWN"
pair
stop "$server_pid"
sed -i "s/^server {/&\n$(echo "$TUNNEL" | sed 's/$/\\/')
/" "$T/server.conf"
daemon server; server_pid=$pid
"$TRAFFIC" wait "$uport" 10000 >/dev/null
held idle "$TRAFFIC" idle "$uport" 1
exec 9>"$T/idle.fifo"
logged idle ready
ps=$(child server service x) pc=$(child client service x)
if is_root && sockets $ps >"$T/server.sockets" &&
    sockets $pc >"$T/client.sockets"; then
	want_tunnel='rcvbuf=98304 sndbuf=81920 keepalive=1 nodelay=0 mss=(10[0-9]{2}|1100) idle=31 interval=31 timeout=12500 congestion=reno$'
	want_own='rcvbuf=49152 sndbuf=40960 keepalive=1 nodelay=0 mss=(8[0-9]{2}|900) idle=47 interval=47 timeout=8000 congestion=reno$'
	# user, tunnel at the server; tunnel, target at the client
	like "$(grep "^127.0.0.1:$uport " "$T/server.sockets")" "$want_own" \
	    "a user's socket"
	like "$(grep "^127.0.0.1:$tport " "$T/server.sockets")" \
	    "$want_tunnel" "an accepted tunnel's"
	like "$(grep " 127.0.0.1:$tport " "$T/client.sockets")" \
	    "$want_tunnel" "a dialled tunnel's"
	like "$(grep " 127.0.0.1:$port " "$T/client.sockets")" "$want_own" \
	    "a target's"
else
	skip "options of sockets" "the system does not show them"
fi
exec 9>&-
stop "$client_pid"
stop "$server_pid"
CLIENT= SERVER=
pair
"$TRAFFIC" wait "$uport" 10000 >/dev/null
held idle "$TRAFFIC" idle "$uport" 1
exec 9>"$T/idle.fifo"
logged idle ready
ps=$(child server service x) pc=$(child client service x)
if is_root && sockets $ps >"$T/server.sockets" &&
    sockets $pc >"$T/client.sockets"; then
	t='keepalive=1 nodelay=1 .* idle=20 interval=20 timeout=0 '
	s='keepalive=1 nodelay=1 .* idle=60 interval=60 timeout=0 '
	like "$(grep "^127.0.0.1:$uport " "$T/server.sockets")" "$s" \
	    "without them: a user's socket"
	like "$(grep "^127.0.0.1:$tport " "$T/server.sockets")" "$t" \
	    "an accepted tunnel's"
	like "$(grep " 127.0.0.1:$tport " "$T/client.sockets")" "$t" \
	    "a dialled tunnel's"
	like "$(grep " 127.0.0.1:$port " "$T/client.sockets")" "$s" \
	    "a target's"
else
	skip "options of sockets" "the system does not show them"
fi
exec 9>&-
stop "$client_pid"
stop "$server_pid"

# ---- what goes over a tunnel: heartbeats, frames, windows ----
# through: a pair with relay.pl between its sides
through() {
	pair
	stop "$client_pid"
	background relay perl regress/live/relay.pl "$tport"
	relay_pid=$pid
	logged relay '^port'
	sed -i "s/\(connect to 127.0.0.1 port\) $tport/\1 $(sed -n \
	    's/^port //p' "$T/relay.log")/; s/\(forward.*port\) $port/\1 ${TO:-$port}/" \
	    "$T/client.conf"
	daemon client; client_pid=$pid
	logged client 'tunnel open' 10000
}
through_end() {
	stop "$client_pid"
	stop "$server_pid"
	kill "$relay_pid"
}

CLIENT="pool 1
seal none
keepalive 1" SERVER="seal none
keepalive 1"
through
nops() { grep -c "^$1 [0-9]* 8 " "$T/relay.log"; }
for way in c2s s2c; do
	n=$(nops $way)
	until_true '[ "$(nops $way)" -ge $((n + 3)) ]'
	ok $? "keepalive 1: an idle session sends NOPs, $way"
done
kill -STOP "$relay_pid"
logged server 'tunnel [0-9]+ from .*(silent|silence|heard)' 8000
ok $? "keepalive: a peer that is silent for twice the time is gone"
logged client 'remote .*(silent|silence|heard)' 8000
ok $? "on both sides"
kill -CONT "$relay_pid"
"$TRAFFIC" wait "$uport" 15000 >/dev/null
ok $? "and comes back"
through_end

# upload PORT COUNT: so many users send Zs until nobody takes any for a second
upload() {
	perl -MIO::Socket::INET -MIO::Select -e '
		my $w = IO::Select->new;
		my ($n, $port, $count) = (0, @ARGV);
		for (1 .. $count) {
			my $s = IO::Socket::INET->new(PeerPort => $port,
			    PeerAddr => "127.0.0.1") or die;
			$s->blocking(0);
			$w->add($s);
		}
		while ($n < 4e7 && (my @s = $w->can_write(1))) {
			$n += syswrite($_, "Z" x 10000) // 0 for @s;
		}
		$| = 1; print "stalled\n"; <STDIN>' "$1" "$2"
}
# one that accepts and does not read, in as little memory as can be
stalled_target() {
	background sink perl -MSocket -e '
		socket(my $l, PF_INET, SOCK_STREAM, 0) or die;
		setsockopt($l, SOL_SOCKET, SO_RCVBUF, 2048);
		bind($l, sockaddr_in(0, INADDR_LOOPBACK)) && listen($l, 50) or
		    die;
		$| = 1; print "port ", (sockaddr_in(getsockname($l)))[0], "\n";
		my @c;
		while (accept(my $c, $l)) { push @c, $c; }'
	sink_pid=$pid
	logged sink '^port'
	TO=$(sed -n 's/^port //p' "$T/sink.log")
}
zs() { awk '$1 == "s2c" { n = $5 } END { print n + 0 }' "$T/relay.log"; }
longest() { awk '$1 == "s2c" { n = $4 } END { print n + 0 }' "$T/relay.log"; }
stall_end() {
	exec 8>&-
	kill "$sink_pid"
	through_end
	TO=
}
# stall OCTETS: one upload that stalls, when at least so many were let through
stall() {
	stalled_target
	through
	held up upload "$uport" 1
	exec 8>"$T/up.fifo"
	logged up stalled 20000
	until_true "[ \"\$(zs)\" -ge $1 ]"
	sent=$(zs) run=$(longest)
	stall_end
}
CLIENT="pool 1
seal none
send socket buffer 4k" SERVER="seal none"
# the preface is in it, too
stall 32700
[ "$sent" -ge 32700 ]
ok $? "a stalled stream has its first window, and no end of it ($sent)"
[ "$run" -gt 1000 ] && [ "$run" -le 32768 ]
ok $? "mux frame size, by default ($run)"
CLIENT="$CLIENT
mux stream buffer 8k" SERVER="$SERVER
mux frame size 1000"
stall 8000
[ "$sent" -ge 8000 ] && [ "$sent" -lt 32768 ]
ok $? "mux stream buffer 8k: a stalled stream gets no more ($sent)"
is "$run" 1000 "mux frame size 1000: no frame is larger"

# the session as a whole: version 1 has no windows, so nothing else bounds it
CLIENT="mux version 1
pool 1
pool max 1
mux receive buffer 64k
mux stream buffer 16k
mux concurrency 64
send socket buffer 4k" SERVER="mux version 1
mux concurrency 64"
stalled_target
through
held up upload "$uport" 10
exec 8>"$T/up.fifo"
logged up stalled 20000
queued() {
	ctl client -j show streams | grep -o '"queued":[0-9]*' |
	    awk -F: '{ n += $2 } END { print n + 0 }'
}
until_true 'queued=$(queued); [ "$queued" -gt 16384 ]'
[ "$queued" -gt 16384 ] && [ "$queued" -le 65536 ]
ok $? "mux receive buffer 64k: what a session holds is bounded ($queued)"
stall_end

CLIENT="mux version 1" SERVER="mux version 2"
pair
logged client 'version.*(1|2).*(1|2)' 10000
ok $? "mux version: another one is refused, naming both"
stop "$client_pid"
stop "$server_pid"

# ---- limits of users ----
CLIENT="pool 1
pool max 1" SERVER="mux concurrency 2
mux max streams 2
user timeout 0.2"
pair
"$TRAFFIC" wait "$uport" 10000 >/dev/null
users() { ctl server -j show summary | grep -c "\"$1\":$2[,}]"; }
until_true '[ "$(users streams 0)" -eq 1 ]'	# that one has left
held two "$TRAFFIC" idle "$uport" 2
exec 9>"$T/two.fifo"
logged two ready
background third "$TRAFFIC" ask "$uport" echo
logged third '^reset'
ok $? "mux max streams: one more waits for user timeout, and is reset"
exec 9>&-
stop "$client_pid"
sed -i 's/user timeout 0.2/user timeout 60\nuser queue 2/' "$T/server.conf"
ctl server reload
ok $? "reload"
held wait "$TRAFFIC" idle "$uport" 2
exec 9>"$T/wait.fifo"
until_true '[ "$(users users_waiting 2)" -eq 1 ]'
refused=$(ctl server -j show summary |
    sed -n 's/.*"users_refused":\([0-9]*\).*/\1/p')
background third "$TRAFFIC" ask "$uport" echo
until_true '[ "$(users users_refused $((refused + 1)))" -eq 1 ]' &&
    [ "$(users users_waiting 2)" -eq 1 ]
ok $? "user queue: one more, and who waited longest is reset"
exec 9>&-
stop "$server_pid"

# ---- how long is waited ----
CLIENT="retry interval 5"
pair
stop "$client_pid"
stop "$server_pid"
# tells when each connection came, and ends it
background knocks perl -MIO::Socket::INET -MTime::HiRes=time -e '
	my $l = IO::Socket::INET->new(Listen => 10, ReuseAddr => 1,
	    LocalAddr => "127.0.0.1", LocalPort => $ARGV[0]) or die;
	my ($n, $last) = (0, time);
	$| = 1; print "ready\n";
	while (my $c = $l->accept) {
		printf "knock %d %d\n", ++$n, 1000 * (time - $last);
		$last = time;
	}' "$tport"
knocks_pid=$pid
logged knocks ready
sed -i 's/connect to/pool 1\n&/' "$T/client.conf"
daemon client; client_pid=$pid
logged knocks '^knock 3' 20000
gap=$(sed -n 's/^knock 3 //p' "$T/knocks.log")
[ "${gap:-0}" -ge 2950 ]	# 5 s, a fifth and a quarter less
ok $? "retry interval 5: a failing remote is left alone for long ($gap ms)"
stop "$client_pid"
kill "$knocks_pid"

# accepts and is silent; and a backlog that is full lets nobody in
background silent perl -MIO::Socket::INET -e '
	my $s = IO::Socket::INET->new(Listen => 10, LocalAddr => "127.0.0.1");
	my $f = IO::Socket::INET->new(Listen => 0, LocalAddr => "127.0.0.1");
	my @c = map { IO::Socket::INET->new(PeerAddr => "127.0.0.1",
	    PeerPort => $f->sockport, Blocking => 0) } 1 .. 8;
	$| = 1; print "port ", $s->sockport, "\nfull ", $f->sockport, "\n";
	while (1) { push @c, $s->accept }'
logged silent '^full'
silent=$(sed -n 's/^port //p' "$T/silent.log")
full=$(sed -n 's/^full //p' "$T/silent.log")
sed "s/connect to .*/connect to 127.0.0.1 port $silent/
    s/retry interval 5/handshake timeout 1/" "$T/client.conf" >"$T/hs.conf"
daemon hs
logged hs "remote 127.0.0.1:$silent: .*(time|late|long)" 6000
ok $? "handshake timeout 1: a silent server is given up"
sed "s/connect to .*/connect to 127.0.0.1 port $full/
    s/retry interval 5/dial timeout 1/" "$T/client.conf" >"$T/dt.conf"
daemon dt
logged dt "remote 127.0.0.1:$full: .*timed out" 6000
ok $? "dial timeout 1: a server that does not answer is given up"

# ---- the log ----
sed 's/^log debug/log error\npidfile "'"$(echo "$T" | sed 's,/,\\/,g')"'\/pid"/' \
    "$T/client.conf" >"$T/quiet.conf"
chmod 600 "$T/quiet.conf"
background quiet "$ROCKETD" -d -f "$T/quiet.conf" -s "$T/quiet.sock" \
    -W "$WORKER"
quiet=$pid
"$TRAFFIC" ready 10000 "$T/quiet.sock"
is "$(cat "$T/pid")" "$quiet" "pidfile: the parent's process id"
stop "$quiet"
is "$(cat "$T/quiet.log")" "" "log error: nothing less grave is logged"
[ ! -e "$T/pid" ]
ok $? "pidfile: is removed at the end"
# a program that is started without them would take files for the three
"$ROCKETD" -f "$T/quiet.conf" -s "$T/quiet.sock" -W "$WORKER" <&- >&- 2>&-
ok $? "started in the background, without standard input, output and error"
quiet=$(cat "$T/pid")
ctl quiet show summary >/dev/null
ok $? "and it answers"
kill "$quiet" && "$TRAFFIC" gone 15000 "$quiet"
ok $? "and ends"
sed 's/^log debug/log info\nlog to json/' "$T/client.conf" >"$T/json.conf"
chmod 600 "$T/json.conf"
background json "$ROCKETD" -d -f "$T/json.conf" -s "$T/json.sock" -W "$WORKER"
logged json '^\{.*is up'
stop "$pid"
is "$(perl -MJSON::PP -ne 'chomp; $b++ if !eval { decode_json($_) };
    END { print $b + 0 }' "$T/json.log")" 0 "log to json: each line is an object"
done_testing
