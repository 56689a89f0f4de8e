#!/bin/sh
# Services for datagrams: every length and many flows over each transport, in
# both directions; the answer comes from where the user sent to; ranges, both
# protocols on a port, several workers; what a service does not take.

. regress/live/lib.sh
. regress/live/udp.sh
. regress/live/certs.sh

ulimit -n 1024 2>/dev/null
set -- $(ports 4)
tport=$1 uport=$2 vport=$3 wport=$4
range=$(run 4) || skip_all "no ports in a row are free"
umask 077
echoes target
tip=$port
LENGTHS="0 1 2 3 250 1199 1472 1473 9000 65505 65506 65507"
nlengths=$(echo $LENGTHS | wc -w)

up() {		# until a datagram of a new user is answered
	until_true '$DATAGRAMS sizes 127.0.0.1 "$uport" 10 |
	    grep -q "^done 1 "'
}

down() {
	stop "$client_pid"
	_s=$status
	stop "$server_pid"
	is "$_s $status" "0 0" "$1: both end cleanly"
}

# echoed NAME [N]: all lengths, and N flows at once
echoed() {
	up
	like "$($DATAGRAMS sizes 127.0.0.1 "$uport" $LENGTHS)" \
	    "^done $nlengths again [0-9]+ wrong 0\$" "$1: every length"
	like "$($DATAGRAMS crowd 127.0.0.1 "$uport" "${2:-50}" 3)" \
	    "^done $((${2:-50} * 3)) again [0-9]+ wrong 0\$" \
	    "$1: ${2:-50} flows at once, none mixed up"
}

LISTEN="listen on 127.0.0.1 port $uport protocol udp"
FORWARD="forward to 127.0.0.1 port $tip protocol udp"
authority ca
key srv ecdsa
cert srv ca 30 "subjectAltName=DNS:udp.test"
for t in tcp "tcpmux 1" "tcpmux 2" ws "wsmux 2" tls "wssmux 1"; do
	set -- $t
	TRANSPORT=$1 SERVER=${2:+mux version $2}
	CLIENT=$SERVER SERVER_TLS= CLIENT_TLS=
	case $1 in
	tls*|wss*)
		SERVER_TLS="tls certificate \"$T/srv.crt\" key \"$T/srv.key\""
		CLIENT_TLS="tls ca \"$T/ca.crt\"
		tls name \"udp.test\"" ;;
	esac
	flows
	n=50
	[ "$t" != "tcpmux 2" ] || n=200
	echoed "$t" $n
	if [ "$t" = "tcpmux 2" ]; then
		like "$(ctl server show streams)" \
		    '^SESSION +STREAM +SERVICE +KIND ' "show streams has kinds"
		like "$(ctl server show streams)" \
		    ' x +udp +127\.0\.0\.1:[0-9]+ ' "those with users are udp"
		like "$(ctl client show streams)" \
		    " x +udp .* 127\.0\.0\.1:$tip " "and so are the targets'"
		sent=$((nlengths + 3 * n))
		[ "$(counter server service datagrams_out)" -ge $sent ] &&
		    [ "$(counter client service datagrams_in)" -ge $sent ] &&
		    [ "$(counter client service datagrams_out)" -ge $sent ] &&
		    [ "$(counter server service datagrams_in)" -ge $sent ]
		ok $? "$sent datagrams are counted at both ends, both ways"
		is "$(unknown server)$(unknown client)" "" \
		    "every counter is in the manual"
	fi
	down "$t"
done
TRANSPORT= SERVER_TLS= CLIENT_TLS=

# ---- the other direction, two workers on each side ----
SERVER="prefork 2" CLIENT="prefork 2
pool 2" SWAP=1
flows
echoed "forward, prefork 2" 100
is "$(ctl client -j show processes | grep -o '"process":"udp"' | wc -l)" 1 \
    "one process udp, where the users are"
down "forward, prefork 2"
SWAP=

# ---- where the answer comes from ----
SERVER="prefork 2" CLIENT="pool 2"
LISTEN="listen on * port $uport protocol udp
listen on ::1 port $vport protocol udp
listen on 127.0.0.1 port $range-$((range + 3)) protocol udp"
flows
up
for a in 127.0.0.1 127.0.0.2; do
	is "$($DATAGRAMS sizes $a "$uport" 1 1000 65507 |
	    sed 's/again [0-9]*/again/')" "done 3 again wrong 0" \
	    "listen on *: the answer comes from $a, where it was sent to"
done
if [ -s /proc/net/if_inet6 ]; then
	is "$($DATAGRAMS sizes ::1 "$vport" 1 1000 65507 |
	    sed 's/again [0-9]*/again/')" "done 3 again wrong 0" \
	    "and so it does with IPv6"
else
	skip "IPv6" "the system has none"
fi
for p in 0 1 2 3; do
	is "$($DATAGRAMS sizes 127.0.0.1 $((range + p)) 1 1000 |
	    sed 's/again [0-9]*/again/')" "done 2 again wrong 0" \
	    "port $p of a range"
done
down "addresses"

# ---- both protocols on a port; what a target does not take ----
SERVER= CLIENT=
target both 127.0.0.1
btip=$port
echoes bothu 127.0.0.1 "$btip"
LISTEN="listen on 127.0.0.1 port $uport protocol tcp udp"
FORWARD="forward to 127.0.0.1 port $btip protocol tcp udp"
flows
echoed "protocol tcp udp" 20
like "$("$TRAFFIC" users "$uport" 8 100000)" \
    "^done 8 failed 0 reset 0 refused 0 " "and users with TCP at the same port"
like "$(ctl server show services)" ":$uport/tcp\\+udp " "show services says so"
sed "s/protocol tcp udp/protocol tcp/" "$T/client.conf" >"$T/new"
cat "$T/new" >"$T/client.conf"
ctl client reload
user u 127.0.0.1 "$uport"
exec 8>"$T/u.fifo"
logged u '^from '
is "$(says u 8 "once 2000")" silence "a target of TCP alone takes no datagrams"
is "$(counter server udp dropped_refused)" 0 "the first asked it,"
says u 8 "once 200" >/dev/null
says u 8 "ask 400" >/dev/null
[ "$(counter server udp dropped_refused)" -gt 0 ]
ok $? "those that come at once do not"
exec 8>&-
like "$("$TRAFFIC" users "$uport" 8 100000)" \
    "^done 8 failed 0 reset 0 refused 0 " "the others are served"
down "both protocols"
done_testing
