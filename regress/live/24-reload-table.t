#!/bin/sh
# A reload, option by option: what stays as it was, what is made anew, and, of
# most, that the new value is in force.  Each option of rocketd.conf(5) is here
# (asked of the manual), on each side where it may stand.

. regress/live/lib.sh

set -- $(ports 2)
tport=$1 uport=$2
target target
done_names=

# What each side's file has so far: lines of the top, the block, the service.
server_top= server_block= server_service=
client_top= client_block= client_service=
write_conf() {
	eval "_top=\$${1}_top _block=\$${1}_block _service=\$${1}_service"
	{
		echo "$_top"
		if [ "$1" = server ]; then
			echo "server {"
			echo "listen on 127.0.0.1 port $tport"
			echo "$_block"
			echo "service \"x\" {"
			echo "listen on 127.0.0.1 port $uport"
		else
			echo "client {"
			echo "connect to 127.0.0.1 port $tport"
			echo "$_block"
			echo "service \"x\" {"
			echo "forward to 127.0.0.1 port $port"
		fi
		echo 'token "a token of more than sixteen"'
		echo "$_service"
		echo "} }"
	} >"$T/$1.conf"
}
nl='
'
# set SIDE PLACE NAME VALUE: one line more, which replaces one of that name
put() {
	eval "_lines=\$${1}_$2"
	_lines=$(echo "$_lines" | grep -v "^$3 ")
	eval "${1}_$2=\$_lines\$nl\"$3 \$4\""
	write_conf "$1"
	done_names="$done_names$nl$3"
}
# take SIDE PLACE NAME: no such line any more
take() {
	eval "_lines=\$${1}_$2"
	_lines=$(echo "$_lines" | grep -v "^$3 ")
	eval "${1}_$2=\$_lines"
}
ids() {		# ids SIDE: sessions that are not draining
	ctl "$1" -j show sessions | tr '{' '\n' | grep '"draining":false' |
	    grep -o '"id":"[^"]*"' | sort | tr '\n' ' '
}
worker() { child "$1" service x; }
count() { echo $#; }
# state: all that a reload in place has to leave alone
state() {
	echo "$(ids server)/$(ids client)/$(worker server)/$(worker client)"
}
# One user's connection, from its end and from the target's.
user_lives() {
	[ "$(ss -Htn state established "dport = :$uport and sport = :$user" |
	    wc -l)" -eq 1 ] &&
	    ctl server -j show streams | grep -q "\"user\":\"127.0.0.1:$user\""
}
user_port() { ss -Htn state established "dport = :$uport" |
    awk '{ sub(/.*:/, "", $3); print $3 }'; }
sockets() { perl regress/live/sockets.pl "$@" 2>/dev/null; }
# The user's and its target's socket, as the kernel has them.
user_sockets() {
	is_root && sockets $(worker server) $(worker client) |
	    grep -E "^127.0.0.1:$uport |127.0.0.1:$port " | head -n 2
}

put server top "log" info
put client top "log" info
put client service "pool" 2
put client service "pool max" 4
daemon server
daemon client
until_true '[ "$(count $(ids server))" -eq 2 ]'
ok $? "a pool of two"
held user "$TRAFFIC" idle "$uport" 1
exec 9>"$T/user.fifo"
logged user ready
user=$(user_port)
before=$(state)
sockets_before=$(user_sockets)
listener() { is_root && sockets $(worker server) |
    grep "^listen 127.0.0.1:$uport "; }
listener_before=$(listener)

# ---- live and listener: nothing moves ----
in_place() {	# in_place SIDE PLACE NAME VALUE
	put "$@"
	ctl "$1" reload && until_true '[ "$(state)" = "$before" ]' && user_lives
	ok $? "$1: $3 $4: sessions, processes and users stay"
}
for side in server client; do
	in_place $side top "log" debug
	in_place $side top "handshake timeout" 3
	in_place $side top "unproven max" 4
	in_place $side top "unproven per source" 3
	in_place $side top "freebind" yes
	in_place $side top "penalty proof" 6
	in_place $side top "penalty replay" 31
	in_place $side top "penalty timeout" 3
	in_place $side top "penalty garbage" 3
	in_place $side top "penalty min" 16
	in_place $side top "penalty max" 601
	in_place $side top "stop timeout" 7
	in_place $side top "pidfile" "\"$T/$side.pid\""
	in_place $side service "mux concurrency" 24
	in_place $side service "memory" 64m
	in_place $side service "drain timeout" 2
	in_place $side service "nodelay" no
	in_place $side service "receive socket buffer" 24k
	in_place $side service "send socket buffer" 20k
	in_place $side service "mss" 900
	in_place $side service "tcp keepalive" 47
	in_place $side service "tcp user timeout" 8
	in_place $side service "congestion" reno
done
in_place server block "decoy server" '"a server"'
in_place server block "decoy status" 410
take server block "decoy status"
in_place server block "decoy redirect" '"https://example.com/"'
take server block "decoy redirect"
in_place server block "decoy directory" "\"$T\""
in_place server service "user timeout" 0.1
in_place server service "user queue" 7
in_place server service "users max" 500
in_place server service "users per source" 400
in_place server service "user rate" 1000
in_place server service "user idle timeout" 600
in_place server service "allow from" "{ 127.0.0.1 10.0.0.0/8 }"
in_place server service "block from" any
in_place server service "allow tunnels from" 127.0.0.1
in_place server service "block tunnels from" 10.0.0.0/8
in_place server service "tunnels max" 100
in_place server service "udp flows max" 20000
in_place server service "udp flows per source" 2000
for side in server client; do
	in_place $side service "rate in" 100m
	in_place $side service "rate out" 101m
	in_place $side service "rate in per user" 90m
	in_place $side service "rate out per user" 91m
	in_place $side service "udp timeout" 90
	in_place $side service usage yes
	in_place $side service "usage file" "\"$T/$side.usage\""
done
in_place client service "stream rate" 5000
in_place client service "retry interval" 2
in_place client service "dial timeout" 4
in_place client service "handshake timeout" 7
in_place client service "pool max" 3
is "$(user_sockets)" "$sockets_before" "the open user's sockets are as before"

# and in force
logged server ' debug ' && logged client ' debug '
ok $? "log: is the new level"
is "$(cat "$T/server.pid") $(cat "$T/client.pid")" "$server_pid $client_pid" \
    "pidfile: is there"
like "$(ctl server -j show services)" "\"memory_max\":67108864" "memory"
held late "$TRAFFIC" idle "$uport" 1
exec 8>"$T/late.fifo"
logged late ready
if is_root && sockets $(worker server) >"$T/s" &&
    sockets $(worker client) >"$T/c"; then
	want='rcvbuf=49152 sndbuf=40960 keepalive=1 nodelay=0 mss=(8..|900) idle=47 interval=47 timeout=8000 congestion=reno$'
	is "$(grep "^127.0.0.1:$uport " "$T/s" | grep -cE "$want")" 1 \
	    "listener: a new user's socket has the new options"
	is "$(grep " 127.0.0.1:$port " "$T/c" | grep -cE "$want")" 1 \
	    "and a new target's"
else
	skip "options of sockets" "the system does not show them"
fi
exec 8>&-
for o in "receive socket buffer" "send socket buffer" mss congestion nodelay \
    "tcp keepalive" "tcp user timeout"; do
	take server service "$o"
done
in_place server service "user queue" 8
in_place client service "retry max" 4
is "$(listener)" "$listener_before" \
    "what is not said any more is the system's choice again"
# four that say nothing: who waited longest goes, and the last in time
perl -MIO::Socket::INET -MIO::Select -e '
	my @s = map { IO::Socket::INET->new(PeerAddr => "127.0.0.1",
	    PeerPort => $ARGV[0]) or die } 1 .. 4;
	my $first = IO::Select->new(@s);
	my @r = $first->can_read(30);
	print @r == 1 && $r[0] == $s[0] ? "first " : "other ";
	print IO::Select->new($s[3])->can_read(30) ? "ended\n" : "open\n"' \
    "$tport" >"$T/strangers"
is "$(cat "$T/strangers")" "first ended" \
    "unproven per source, handshake timeout: bound strangers"
put server top "unproven max" 2
ctl server reload
is "$(perl -MIO::Socket::INET -MIO::Select -e '
	my @s = map { IO::Socket::INET->new(PeerAddr => "127.0.0.1",
	    PeerPort => $ARGV[0]) or die } 1 .. 3;
	my @r = IO::Select->new(@s)->can_read(30);
	print @r == 1 && $r[0] == $s[0] ? "first" : "other"' "$tport")" first \
    "unproven max: bounds them all"

# proxy protocol and pool change what is to be seen at once
in_place client service "proxy protocol" v1
is "$("$TRAFFIC" ask "$uport" echo | cut -d' ' -f1)" \
    "$("$TRAFFIC" ask "$port" "PROXY TCP4" | cut -d' ' -f1)" \
    "proxy protocol: the target has a line in front"
in_place client service "proxy protocol" none
put client service "pool" 3
ctl client reload && until_true '[ "$(count $(ids client))" -eq 3 ]'
ok $? "pool: grows"
like "$(ids client)" "$(echo "$before" | sed 's,.*/\([^/]*\) */[0-9]*/.*,\1,' |
    sed 's/ *$//; s/ /.*/')" "and what there was stays"
put client service "pool" 2
ctl client reload && until_true '[ "$(count $(ids client))" -eq 2 ]'
ok $? "pool: shrinks"
user_lives
ok $? "and no user is lost"

# ---- tunnels: new ones, then the old ones drain ----
pids="$(worker server) $(worker client)"
anew() {	# after a reload of SIDE: none of the sessions of before is in use
	until_true '[ "$(count $(ids server))" -eq 2 ] &&
	    ! ids server | grep -qF -e "${1%% *}" -e "$(echo $1 |
	    cut -d" " -f2)"'
}
replaced() {	# replaced SIDE PLACE NAME VALUE
	_was=$(ids server)
	put "$@"
	ctl "$1" reload && anew "$_was" && user_lives &&
	    [ "$(worker server) $(worker client)" = "$pids" ]
	ok $? "$1: $3 $4: tunnels are replaced, processes and users stay"
}
before=$(state)
# The one of above would end the user with its old tunnel.
for side in server client; do
	in_place $side service "drain timeout" 0
done
replaced client service "mux max streams" 5000
replaced client service "mux frame size" 9000
replaced client service "mux receive buffer" 2m
replaced client service "mux stream buffer" 1m
replaced client service "seal" "{ tls none }"
replaced client service "keepalive" 7
replaced client block "tunnel nodelay" no
replaced client block "tunnel receive socket buffer" 48k
replaced client block "tunnel send socket buffer" 40k
replaced client block "tunnel mss" 1100
replaced client block "tunnel tcp keepalive" 31
replaced client block "tunnel tcp user timeout" 12
replaced client block "tunnel congestion" reno
replaced client block "remotes" balance
replaced client block "host" '"example.com"'
replaced client block "user agent" '"an agent"'
replaced client block "header" '"A: b"'
replaced client service "path" '"/x"'
replaced client service "compression" lz4
# A client pauses when what it has just opened is drained: so several at once.
put server service "mux max streams" 5000
put server service "mux frame size" 9000
put server service "mux receive buffer" 2m
put server service "mux stream buffer" 1m
put server service "keepalive" 7
put server service "path" '"/x"'
put server service "compression" lz4
replaced server service "seal" "{ tls none }"
put server block "tunnel nodelay" no
put server block "tunnel receive socket buffer" 48k
put server block "tunnel send socket buffer" 40k
put server block "tunnel mss" 1100
put server block "tunnel tcp keepalive" 31
put server block "tunnel congestion" reno
replaced server block "tunnel tcp user timeout" 12
like "$(ctl server -j show sessions | tr '{' '\n' | grep '"draining":false')" \
    '"seal":"none".*"lz4":true' "seal, compression: the new ones are in use"
if is_root && sockets $(worker server) >"$T/s" &&
    sockets $(worker client) >"$T/c"; then
	want='rcvbuf=98304 sndbuf=81920 keepalive=1 nodelay=0 mss=(10..|1100) idle=31 interval=31 timeout=12000 congestion=reno$'
	is "$(grep "^127.0.0.1:$tport " "$T/s" | grep -cE "$want") $(grep \
	    " 127.0.0.1:$tport " "$T/c" | grep -cE "$want")" "2 2" \
	    "and so are the tunnels' options"
else
	skip "options of sockets" "the system does not show them"
fi
# Both sides have to have the same: no tunnel between the two reloads.
was=$(ids server)
put server service "mux version" 1
put client service "mux version" 1
ctl server reload && ctl client reload && anew "$was" && user_lives
ok $? "both: mux version 1: tunnels are replaced, users stay"
like "$(ctl server show sessions)" 'smux1' "and is in use"
was=$(ids server)
put server service "mux kind" muxpro
put client service "mux kind" muxpro
ctl server reload && ctl client reload && anew "$was" && user_lives
ok $? "both: mux kind muxpro: likewise"
like "$(ctl server show sessions)" 'muxpro' "and is in use"

# ---- process ----
workers() { ctl "$1" -j show processes | tr '{' '\n' |
    grep -c '"role":"\(service\|worker\)"'; }
for side in server client; do
	put $side service "prefork" 2
	was=$(ctl $side show processes | grep -c x)
	ctl $side reload && until_true \
	    '[ "$(ctl $side show processes | grep -c x)" -gt "$was" ]' &&
	    user_lives
	ok $? "$side: prefork 2: another process, users stay"
	put $side top "sandbox" strict
	ctl $side reload && logged $side 'sandbox: takes effect when'
	ok $? "$side: sandbox: says that it takes a restart"
done
exec 9>&-
logged user '^alive 1'
ok $? "the user of the first tunnel was served until its own end"

# log to: the last, for what reads the logs from here
for side in server client; do
	put $side top "log to" json
	ctl $side reload && logged $side '^\{.*"'
	ok $? "$side: log to json: from the next line on"
done

# ---- all of them ----
# users file needs listeners of another kind: 65-login changes it
names=$({ sed -n '/^\.Sh GLOBAL/,/^\.Sh SERVER/p' man/rocketd.conf.5
    sed -n '/^\.Sh OPTIONS/,/^\.Sh TOML/p' man/rocketd.conf.5; } |
    sed -n 's/^\.It Ic \([a-z][a-z ]*\) [ABC].*/\1/p' | sort -u |
    grep -vx -e 'control socket' -e ids -e 'users file')
missing=
oldifs=$IFS IFS=$nl
for name in $names; do
	echo "$done_names" | grep -qxF -e "$name" || missing="$missing $name,"
done
IFS=$oldifs
[ "$(echo "$names" | wc -l)" -ge 35 ] && is "$missing" "" \
    "each option of the manual was changed once"

stop "$client_pid"
is "$status" 0 "the client ends cleanly"
stop "$server_pid"
is "$status" 0 "the server ends cleanly"

# ---- tokens: those of others are let alone ----
token() {	# token NAME VALUE...: a server's or a client's
	_n=$1; shift
	sed "s/^token .*/token { $(printf '"%s" ' "$@") }/" "$T/$_n.conf" \
	    >"$T/new" && cat "$T/new" >"$T/$_n.conf"
}
server_top="log debug" server_block= server_service=
client_top="log debug" client_block="pool 1" client_service=
write_conf server
write_conf client
one="the first of two tokens" two="the second of two tokens"
token server "$one" "$two"
token client "$one"
{ sed 's/pool 1/pool 1\nclient id "second"/' "$T/client.conf"; } \
    >"$T/second.conf"
token second "$two"
daemon server
daemon client; first_pid=$client_pid
until_true '[ "$(count $(ids server))" -eq 1 ]'
held user "$TRAFFIC" idle "$uport" 1
exec 9>"$T/user.fifo"
logged user ready
user=$(user_port)
daemon second 9>&-	# or it would hold the fifo open
until_true '[ "$(count $(ids server))" -eq 2 ]'
ok $? "two clients, a token each"
first=$(ids client) second=$(ids second)
token server "$two"
ctl server reload && logged server 'drains, its token was removed'
ok $? "a removed token: what was opened with it drains"
until_true '[ "$(count $(ids server))" -eq 1 ]' && user_lives
ok $? "its user goes on"
is "$(ids second)" "$second" "tunnels with the other token are let alone"
logged client 'remote .*(token|refused|unknown)' 10000
ok $? "a new tunnel with it is refused"
exec 9>&-
logged user '^alive 1'
ok $? "and its user is served to its end"
token server "$two" "$one"
ctl server reload && until_true '[ "$(count $(ids server))" -eq 2 ]'
ok $? "given back, it opens tunnels again"
is "$(ids second)" "$second" "an added one disturbs nothing"
done_testing
