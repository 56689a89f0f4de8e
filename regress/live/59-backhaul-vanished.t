#!/bin/sh
# Dialect backhaul when the other side vanishes without a word, as if its power
# or its way had failed: what it says from some ports on is lost.  A client that
# comes back, from the same address, is let in at once; idle tunnels that died
# are replaced before a user gets one.

. regress/live/lib.sh
is_root || skip_all "only root may have a namespace"
command -v ip >/dev/null || skip_all "no ip"
if [ -z "${VANISHED_IN:-}" ]; then
	trap - EXIT
	rm -rf "$T"
	VANISHED_IN=1 exec unshare -n -m -p -f --kill-child --mount-proc \
	    sh "$0"
fi
. regress/live/backhaul.sh
ip link set lo up
# from_ports FIRST LAST: whoever connects from here on has one of these
from_ports() {
	echo "$1 $2" >/proc/sys/net/ipv4/ip_local_port_range
}
# lost PORTS [TO]: what is sent from these ports, to that one
lost() {
	ip rule add pref 1 ipproto tcp sport "$1" ${2:+dport "$2"} blackhole
}
ip rule del pref 0 && ip rule add pref 10 lookup local &&
    ip rule add pref 1 ipproto tcp sport 1 blackhole 2>/dev/null ||
    skip_all "no rules with ports"

from_ports 40000 44999
transports tcp tcpmux ws wsmux
target target
SERVER="keepalive 2
user timeout 20"
CLIENT="pool 2"
both
ok $? "a client of each transport"
for t in $ALL; do
	served "$(users $t)"
	ok $? "$t: a user"
done

# ---- the client vanishes ----
lost 40000-44999
every_process=$(cat "/proc/$client_pid/task/$client_pid/children")
kill -9 $client_pid $every_process
wait $client_pid 2>/dev/null
from_ports 50000 54999
for t in $ALL; do
	is "$(seen server "worker $t .*tunnel 1 .*lost")" 0 \
	    "$t: the server has not heard of its end"
done
daemon client
t0=$(now)
for t in $ALL; do
	logged server "worker $t .*lost: no sign of life, and its client is back"
	ok $? "$t: it shows no sign of life"
	here server $t 2
	ok $? "$t: who comes back has its place, after $(since $t0) ms"
done
[ "$(since $t0)" -lt 4000 ]
ok $? "at once"
for t in $ALL; do
	"$TRAFFIC" wait "$(users $t)" 10000 >/dev/null
	ok $? "$t: and users, after $(since $t0) ms"
done
stop "$client_pid"
stop "$server_pid"

# ---- idle tunnels die ----
BLOCK="tunnel tcp keepalive 1
tunnel tcp user timeout 3"
from_ports 20000 24999
both
ok $? "a client again"
# idle TRANSPORT: where the client's ends of its data tunnels are
idle() {
	ctl server -j show sessions service $1 | tr '{' '\n' |
	    grep '"control":false' | sed -n 's/.*"peer":"[^"]*:\([0-9]*\)".*/\1/p'
}
for t in $ALL; do
	until_true '[ "$(idle $t | wc -l)" -ge 2 ]'
	eval "idle_$t=\"$(echo $(idle $t))\""
done
from_ports 30000 34999
t0=$(now)
for t in $ALL; do
	eval "gone=\$idle_$t"
	for p in $gone; do
		lost "$p" "$(tunnels $t)"
	done
done
for t in $ALL; do
	eval "gone=\$idle_$t"
	until_true '[ "$(idle $t | wc -l)" -ge 2 ] && ! idle $t |
	    grep -qwF "$(printf "%s\n" $gone)"'
	ok $? "$t: $(echo $gone | wc -w) idle tunnels that died are replaced, \
$(since $t0) ms"
	is "$(seen server "worker $t .*: client is here")" 1 \
	    "$t: the client was there all the time"
	t1=$(now)
	served "$(users $t)" && [ "$(since $t1)" -lt 1000 ]
	ok $? "$t: and a user is served, $(since $t1) ms"
done
stop "$client_pid"
is "$status" 0 "the client ends cleanly"
stop "$server_pid"
is "$status" 0 "the server ends cleanly"
done_testing
