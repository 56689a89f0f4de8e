#!/bin/sh
# Users who have datagrams relayed by SOCKS 5 UDP ASSOCIATE, through two real
# daemons: queries and bulk, by name and by address, several targets of one
# socket, who may send, and when it ends.

. regress/live/lib.sh
. regress/live/udp.sh

SOCKS="perl $TOP/regress/live/socksudp.pl"
set -- $(ports 3)
tport=$1 uport=$2 vport=$3
umask 077
echoes one; eport=$port
echoes two; fport=$port
background names $SOCKS names 127.0.0.1 0
logged names '^port ' || exit 1
nport=$(sed -n 's/^port //p' "$T/names.log")

LISTEN="listen on 127.0.0.1 port $uport protocol socks udp
listen on 127.0.0.1 port $vport protocol socks"
FORWARD="forward to any protocol tcp udp {
	pass to 127.0.0.1 port $eport
	pass to 127.0.0.1 port $fport
	pass to 127.0.0.1 port $nport
	pass to localhost
}"

# user ACTION...: what it prints, on one line
user() {
	$SOCKS user 127.0.0.1 "$uport" "$@" 2>&1 | tr '\n' ' ' | sed 's/ $//'
}

# none SIDE: nothing is left of users
none() {
	until_true '[ "$(counter '"$1"' service associations)" = 0 ] &&
	    [ "$(counter '"$1"' service assoc_targets)" = 0 ] &&
	    [ "$(counter '"$1"' service streams)" = 0 ] &&
	    [ "$(counter '"$1"' service flows)" = 0 ]'
}

for way in forward reverse; do
	SWAP=1 SERVER= CLIENT= STOP=8
	[ $way = forward ] || SWAP=
	flows
	is "$(user query,127.0.0.1,$nport,a.example \
	    query,localhost,$nport,b.example)" "192.0.2.1 192.0.2.1" \
	    "$way: a query by address, and by name"
	is "$(user echo,127.0.0.1,$eport,0,1,2,1472,1473,9000,60000,65250 \
	    echo,localhost,$fport,0,1,1472,60000,65250)" \
	    "same same same same same same same same same same same same same" \
	    "$way: every length, by address and by name"
	is "$(user both,127.0.0.1,$eport,localhost,$fport,50)" \
	    "both 100 wrong 0" "$way: two targets at once, none mixed up"
	none $users_side
	ok $? "$way: nothing is left behind"
	[ $way = forward ] || break
	# ---- who may send, and when it ends ----
	is "$(user frag,127.0.0.1,$eport echo,127.0.0.1,$eport,5)" \
	    "silence same" "fragments are dropped"
	is "$(user echo,127.0.0.1,$eport,5 \
	    stranger,127.0.0.2,127.0.0.1,$eport echo,127.0.0.1,$eport,5)" \
	    "same silence same" "and so is what a stranger sends"
	is "$(user other,127.0.0.1,$eport)" same \
	    "another socket of the user's, who has named none"
	is "$(user name other,127.0.0.1,$eport echo,127.0.0.1,$eport,5)" \
	    "silence same" "not for one who has named his port"
	is "$(user echo,127.0.0.1,$eport,5 leave gone,127.0.0.1,$eport)" \
	    "same left silence" "the end of the association ends it"
	is "$(user echo,127.0.0.1,$eport,5 associate echo,127.0.0.1,$eport,6)" \
	    "same associated same" "but not the end of one of two"
	is "$($SOCKS user 127.0.0.3 127.0.0.1 "$uport" \
	    echo,127.0.0.1,$eport,5)" same "from another address"
	none client
	ok $? "nothing is left behind"
	[ "$(counter client service assoc_none)" -ge 3 ] &&
	    [ "$(counter client service assoc_bad)" -ge 3 ]
	ok $? "those are counted"
	logged client 'flow of 127\.0\.0\..*: refused: it has no association'
	ok $? "and logged"
	# ---- what is not allowed ----
	is "$(user echo,127.0.0.1,$eport,5 gone,127.0.0.1,$tport \
	    echo,127.0.0.1,$eport,5)" "same silence same" \
	    "what the rules block is silent, and hurts no other"
	[ "$(counter client service assoc_refused)" -ge 1 ]
	ok $? "a target that was refused is not asked for at once"
	is "$($SOCKS user 127.0.0.1 "$vport" echo,127.0.0.1,$eport,5)" \
	    "refused 7" "socks without udp takes no association"
	is "$(unknown client)$(unknown server)" "" \
	    "every counter is in the manual"
	# ---- the end ----
	background last $SOCKS user 127.0.0.1 "$uport" \
	    echo,127.0.0.1,$eport,5 ended
	logged last same
	stop "$client_pid"
	is "$status" 0 "the daemon ends cleanly"
	logged last '^(ended|reset|stays)'
	is "$(cat "$T/last.log")" "same
ended" "and with it the association, once nothing passes"
	stop "$server_pid"
done
stop "$client_pid"; stop "$server_pid"

STOP=

# ---- several workers: who has the connection carries the datagrams ----
SWAP=1 SERVER= CLIENT="prefork 3
pool 3" LISTEN="listen on * port $uport protocol socks udp"
flows
all=
for i in 1 2 3 4 5 6 7 8 9 10 11 12; do
	all="$all$(user echo,127.0.0.1,$eport,$i) "
done
is "$all" "same same same same same same same same same same same same " \
    "prefork: each user is carried by the worker that he came to"
is "$(counter client service assoc_none)" 0 "no other worker was asked"
is "$($SOCKS user 127.0.0.1 127.0.0.2 "$uport" echo,127.0.0.1,$eport,5,6000)" \
    "same same" "listen on *: where the user came to is where he sends to"
if [ -s /proc/net/if_inet6 ]; then
	is "$($SOCKS user ::1 ::1 "$uport" echo,127.0.0.1,$eport,5,6000)" \
	    "same same" "and so it is with IPv6"
else
	skip "IPv6" "the system has none"
fi
stop "$client_pid"
is "$status" 0 "it ends cleanly"
stop "$server_pid"

# ---- without a mux each target has a tunnel ----
CLIENT= LISTEN="listen on 127.0.0.1 port $uport protocol socks udp"
for TRANSPORT in tcp ws wsmux; do
	flows
	is "$(user query,127.0.0.1,$nport,a.example \
	    query,localhost,$nport,b.example \
	    both,127.0.0.1,$eport,localhost,$fport,10)" \
	    "192.0.2.1 192.0.2.1 both 20 wrong 0" "$TRANSPORT: two targets"
	stop "$client_pid"; stop "$server_pid"
done
TRANSPORT=

# ---- a service with a target of its own takes no names, and "any" no others ----
FORWARD="forward to 127.0.0.1 port $eport protocol tcp udp"
flows
is "$(user gone,127.0.0.1,$eport)" silence \
    "a target of its own: no other can be named"
logged server 'refused: its user names a target, and "forward to" is not'
ok $? "which is logged"
stop "$client_pid"; stop "$server_pid"
LISTEN="listen on 127.0.0.1 port $uport protocol udp"
FORWARD="forward to any protocol tcp udp { pass to 127.0.0.1 port $eport }"
flows
is "$(echo once 1000 | $DATAGRAMS user 127.0.0.1 "$uport" | sed 1d)" \
    "1: silence" \
    "forward to any: users without a name are refused"
logged server 'refused: its user names no target'
ok $? "which is logged"
stop "$client_pid"; stop "$server_pid"
done_testing
