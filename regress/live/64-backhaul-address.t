#!/bin/sh
# Dialect backhaul where the server's name has two addresses, each of another
# server: all tunnels of a client go to the one that its control channel has
# reached, until that is gone.

. regress/live/lib.sh
is_root || skip_all "only root may have a file of names"
command -v unshare >/dev/null || skip_all "no unshare"
if [ -z "${ADDRESS_IN:-}" ]; then
	trap - EXIT
	rm -rf "$T"
	ADDRESS_IN=1 exec unshare -n -m -p -f --kill-child --mount-proc \
	    sh "$0"
fi
. regress/live/backhaul.sh
ip link set lo up 2>/dev/null || skip_all "no ip"
# the first is the one that is tried first
printf '127.0.0.1 two.example\n127.0.0.2 two.example\n' >"$T/hosts"
mount --bind "$T/hosts" /etc/hosts 2>/dev/null ||
    skip_all "/etc/hosts cannot be replaced"
[ "$(getent ahosts two.example | grep -c STREAM)" -eq 2 ] ||
    skip_all "a name in a file has no two addresses here"
chmod 755 "$T"
chmod 644 "$T/hosts"

transports tcp tcpmux ws udp
target target
SERVER="keepalive 1"
CLIENT="pool 2"
conf server other
conf client
sed -i '/^service "udp"/,/^}/s/ to / protocol udp to /' "$T/other.conf"
sed -i 's/^connect to 127.0.0.1/connect to two.example/' "$T/client.conf"
# the one that is there first, at the other address
sed '/transport/s/^listen on 127.0.0.1/listen on 127.0.0.2/' "$T/other.conf" \
    >"$T/server.conf"
for t in $ALL; do	# whose users come elsewhere
	sed -i "s/port $(users $t) /port $(more $t) /" "$T/other.conf"
done
daemon server
daemon client
for t in $ALL; do
	here server $t
	ok $? "$t: the client has come, to the address that is served"
done
daemon other

# Each user takes a tunnel, or a few of them another session: the client dials
# more, and the other server, which it tries first, answers.
for i in 1 2 3 4 5 6; do
	for t in tcp tcpmux ws; do
		served "$(users $t)" || echo "$t $i" >>"$T/unserved"
	done
done
is "$(cat "$T/unserved" 2>/dev/null)" "" "all users are served"
is "$(seen other 'tunnel .* from')" 0 "the other server sees no tunnel"
for t in $ALL; do
	like "$(control client peer $t)" "^127.0.0.2" "$t: it is still there"
done
is "$(ctl client -j show sessions | grep -o '"peer":"[^"]*"' |
    grep -vc '"127\.0\.0\.2:')" 0 "nor has the client any there"

# ---- it is gone ----
stop "$server_pid"
for t in tcp tcpmux ws udp; do
	here other $t
	ok $? "$t: then the client goes to the other"
done
for t in tcp tcpmux ws; do
	"$TRAFFIC" wait "$(more $t)" 10000 >/dev/null && served "$(more $t)"
	ok $? "$t: with its users"
done
stop "$client_pid"
is "$status" 0 "the client ends cleanly"
stop "$other_pid"
is "$status" 0 "the other server ends cleanly"
done_testing
