#!/bin/sh
# Datagrams of dialect backhaul: tunnels that are datagrams themselves (transport
# udp), and flows in TCP tunnels.  Lengths and many flows; strangers at the
# tunnels' socket; targets that are not allowed, or are away; deaths of each
# process and of either side; a user who comes before the client.  With the real
# program, which BACKHAUL names, on either side.

. regress/live/lib.sh
. regress/live/udp.sh

ulimit -n 1024 2>/dev/null
set -- $(ports 4)
tport=$1 uport=$2 vport=$3 away=$4
umask 077
echoes target
target_pid=$pid tip=$port
# the real one cuts what is longer in TCP
LENGTHS="1 2 3 250 1199 1472 1473 9000 16378 16384"
REAL_LENGTHS="1 2 3 250 1199 1472 1473 9000 16378"
TOKEN="a token of more than sixteen"

# conf SIDE TRANSPORT LINE...: of the block; lines of the service are $SERVICE
conf() {
	_side=$1 _t=$2; shift 2
	{
		echo "log debug"
		echo "stop timeout 0"
		echo "$_side {"
		echo "dialect backhaul"
		for _line; do echo "$_line transport $_t"; done
		echo "service \"x\" {"
		echo "token \"$TOKEN\""
		echo "keepalive 1"
		echo "$SERVICE"
		echo "}"
		echo "}"
	} >"$T/$_side.conf"
}

# confs TRANSPORT: both; ports uport to a target by its number, vport to one that
# is not allowed
confs() {
	_kinds=udp
	[ "$1" = udp ] || _kinds="tcp udp"
	SERVICE="listen on 127.0.0.1 port $uport protocol $_kinds to \"$tip\"
	listen on 127.0.0.1 port $vport protocol $_kinds to \"127.0.0.1:$away\"
	${SERVER:-}"
	conf server "$1" "listen on 127.0.0.1 port $tport"
	SERVICE="targets { pass to 127.0.0.0/8 port $tip }
	pool 4
	${CLIENT:-}"
	conf client "$1" "connect to 127.0.0.1 port $tport"
}

both() {
	daemon server; server_pid=$pid
	daemon client; client_pid=$pid
	logged server 'client is here' 20000
}

down() {
	stop "$client_pid"
	_s=$status
	stop "$server_pid"
	is "$_s $status" "0 0" "$1: both end cleanly"
}

echoed() {
	until_true '$DATAGRAMS sizes 127.0.0.1 "$uport" 10 |
	    grep -q "^done 1 "'
	like "$($DATAGRAMS sizes 127.0.0.1 "$uport" $LENGTHS)" \
	    "^done $(echo $LENGTHS | wc -w) again [0-9]+ wrong 0\$" \
	    "$1: every length"
	like "$($DATAGRAMS crowd 127.0.0.1 "$uport" 50 3)" \
	    "^done 150 again [0-9]+ wrong 0\$" \
	    "$1: 50 flows at once, none mixed up"
}

# another SIDE ROLE PID: there is one that is not PID
another() {
	new=$(child "$1" "$2")
	[ -n "$new" ] && [ "$new" != "$3" ]
}

# ---- each transport ----
for t in udp tcp; do
	confs $t
	both
	echoed "$t"
	like "$(ctl server show streams)" " x +udp +127\.0\.0\.1:[0-9]+ " \
	    "$t: show streams has the users"
	like "$(ctl client show streams)" " x +udp .* 127\.0\.0\.1:$tip " \
	    "$t: and the targets"
	user w 127.0.0.1 "$vport"
	exec 7>"$T/w.fifo"
	logged w '^from '
	is "$(says w 7 "once 1000")" silence \
	    "$t: a target that is not allowed is not there"
	exec 7>&-
	logged client "$away"
	ok $? "$t: the log of its side says so"
	user u 127.0.0.1 "$uport"
	exec 8>"$T/u.fifo"
	logged u '^from '
	is "$(says u 8 "ask 20000")" back "$t: a user is answered"
	for who in server/udp server/service client/service client/dial; do
		side=${who%/*} role=${who#*/}
		p=$(child "$side" "$role")
		kill -9 $p
		is "$(says u 8 "ask 20000")" back \
		    "$t: $who killed: he is answered again"
		until_true 'another "$side" "$role" "$p"'
		ok $? "$t: $who killed: there is another"
		is "$(says u 8 "ask 20000")" back \
		    "$t: $who killed: and it serves him"
	done
	is "$(unknown server)$(unknown client)" "" \
	    "$t: every counter is in the manual"
	exec 8>&-
	down "$t"
done

# ---- slots and strangers ----
confs udp
both
echoed slots
is "$(counter server service slots_false)" 0 "no slot of the client is refused"
slots=$(counter server service slots)
user s 127.0.0.1 "$tport"
exec 7>"$T/s.fifo"
logged s '^from '
is "$(says s 7 "once 1000")" silence "a stranger is not answered"
is "$(says s 7 "once 1200")" silence "nor if it tries again"
until_true '[ "$(counter server service slots_false)" -gt 0 ]'
ok $? "it is counted,"
is "$(counter server service slots)" "$slots" "and is no slot"
exec 7>&-
perl -MIO::Socket::INET -e 'for (1 .. 600) {
	my $s = IO::Socket::INET->new(PeerAddr => "127.0.0.1:$ARGV[0]",
	    Proto => "udp") // die;
	push(@all, $s) if $_ < 100;
	$s->send("x" x ($_ % 300)) }' "$tport"
until_true '[ "$(counter server service slots_false)" -gt 500 ]'
ok $? "600 more are refused, one by one,"
like "$($DATAGRAMS crowd 127.0.0.1 "$uport" 20 3)" \
    "^done 60 again [0-9]+ wrong 0\$" "and users are served"

# ---- the client is away, and comes back ----
stop "$client_pid"
user v 127.0.0.1 "$uport"
exec 8>"$T/v.fifo"
logged v '^from '
is "$(says v 8 "ask 1000")" silence "without a client nobody is answered"
daemon client; client_pid=$pid
is "$(says v 8 "ask 20000")" back "with one the same user is"
kill -9 "$client_pid"
wait "$client_pid" 2>/dev/null
daemon client; client_pid=$pid
is "$(says v 8 "ask 20000")" back "a client that died is replaced at once"

# ---- the target is away, and comes back ----
stop "$target_pid"
is "$(says v 8 "ask 1000")" silence "without a target nobody is answered"
echoes target2 127.0.0.1 "$tip"
target_pid=$pid
is "$(says v 8 "ask 30000")" back "when it is back they are, in the same flow"
exec 8>&-

# ---- time ----
down slots
SERVER="udp timeout 2" CLIENT="udp timeout 2"
confs udp
both
until_true '$DATAGRAMS sizes 127.0.0.1 "$uport" 10 | grep -q "^done 1 "'
until_true '[ "$(counter server service flows)" = 0 ]'
ok $? "a flow ends when nothing passes,"
until_true '[ "$(counter client service flows)" = 0 ]'
ok $? "on the other side, too"
down idle

# ---- the real one ----
if [ -z "${BACKHAUL:-}" ]; then
	skip "the real one" "BACKHAUL names no Backhaul v0.7.2"
	done_testing
fi
SERVER= CLIENT= LENGTHS=$REAL_LENGTHS
# real SIDE TRANSPORT: starts it, for ours on the other side
real() {
	if [ "$1" = server ]; then
		cat >"$T/real.toml" <<-END
			[server]
			bind_addr = "127.0.0.1:$tport"
			transport = "$2"
			token = "$TOKEN"
			heartbeat = 1
			skip_optz = true
			accept_udp = true
			ports = ["127.0.0.1:$uport=$tip"]
		END
	else
		cat >"$T/real.toml" <<-END
			[client]
			remote_addr = "127.0.0.1:$tport"
			transport = "$2"
			token = "$TOKEN"
			connection_pool = 4
			retry_interval = 1
			skip_optz = true
		END
	fi
	background "real-$1" "$BACKHAUL" -c "$T/real.toml"
}
for t in udp tcp; do
	confs $t
	daemon server; server_pid=$pid
	real client $t; real_pid=$pid
	echoed "$t, the real client"
	stop "$real_pid"
	stop "$server_pid"
	real server $t; real_pid=$pid
	daemon client; client_pid=$pid
	echoed "$t, the real server"
	stop "$client_pid"
	stop "$real_pid"
done
done_testing
