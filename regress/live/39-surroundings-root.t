#!/bin/sh
# Root that lacks capabilities or ids, a container that lacks files, a network
# with one of IPv4 and IPv6, an address that comes later.  The daemon starts
# with what there is, serves a user and says once what it lacks.

. regress/live/lib.sh
is_root || skip_all "not root"
. regress/live/surroundings.sh

# ---- root that is not quite root ----
without() {	# without CAPABILITY [CONF]
	up - ${2:-a} -- setpriv --bounding-set="-$1"
}
without sys_admin
lacks netns 'no empty network namespace: who' "no CAP_SYS_ADMIN"
without sys_chroot
lacks chroot 'no empty root' "no CAP_SYS_CHROOT"
without setuid
lacks ids 'no user ids of their own' "no CAP_SETUID"
without all
lacks ids 'no user ids of their own' "no capabilities"
without setuid strict
refused 'sandbox strict: this system refuses ids \(Oper' "strict, no CAP_SETUID"
without sys_admin strict
refused 'sandbox strict: no empty network namespace' "strict, no CAP_SYS_ADMIN"

if unshare -U --map-root-user true 2>/dev/null; then
	up - -- unshare -U --map-root-user
	lacks ids 'no user ids of their own' "one id in a user namespace"
else
	skip "one id in a user namespace" "none is allowed"
fi

# ---- files that a container has not ----
up - -- unshare -m sh -c 'umount -l /proc; exec "$@"' -
serves "no /proc"
# the tree may be below what is hidden
mkdir "$T/vol"
cp "$ROCKETD" "$WORKER" "$T/vol"
sed "/pidfile/d" "$T/a.conf" >"$T/vol/a.conf"
chmod 600 "$T/vol/a.conf"
chmod 755 "$T" "$T/vol"
background a unshare -m sh -c 'mount --bind "$1/vol" /mnt || exit 9
	cd / && for d in /dev /tmp /run /var /proc; do
		mount -t tmpfs -o ro,mode=755 none $d || exit 9
	done
	mount -o remount,bind,ro /
	mount -o remount,bind,ro /mnt
	exec /mnt/rocketd -d -f /mnt/a.conf -W /mnt/rocketd-worker -s /dev/x' \
	- "$T"
settled
like "$(cat "$T/a.log")" 'control socket /dev/x: .*Read-only' \
    "nothing can be written: the control socket says so"
wait "$pid"
echo "control socket none" >>"$T/vol/a.conf"
background a unshare -m sh -c 'mount --bind "$1/vol" /mnt || exit 9
	cd / && for d in /dev /tmp /run /var /proc; do
		mount -t tmpfs -o ro,mode=755 none $d || exit 9
	done
	mount -o remount,bind,ro /
	mount -o remount,bind,ro /mnt
	exec /mnt/rocketd -d -f /mnt/a.conf -W /mnt/rocketd-worker' - "$T"
settled
serves "no /dev, /proc, /tmp and /run, all is read-only"

# ---- networks ----
command -v ip >/dev/null || { skip "networks" "no ip"; done_testing; }
# A network namespace that lives as long as this test.
background ns unshare -n sh -c 'ip link set lo up && echo up && exec sleep 600'
"$TRAFFIC" grep 5000 "$T/ns.log" up >/dev/null
ns=$pid
in_ns() { nsenter -t "$ns" -n "$@"; }
target_ns() {	# target_ns: another target in there
	background t2 nsenter -t "$ns" -n "$TRAFFIC" serve 127.0.0.1 "$port"
	"$TRAFFIC" grep 5000 "$T/t2.log" '^port ' >/dev/null
}
target_ns
any() {		# any NAME: a configuration whose users may come to any address
	sed "s/listen on 127.0.0.1 port $uport/listen on * port $uport/" \
	    "$T/a.conf" >"$T/any.conf"
	chmod 600 "$T/any.conf"
	up - any -- nsenter -t "$ns" -n
	in_ns "$TRAFFIC" wait "$uport" 10000 >/dev/null
	ok $? "$1: a user is served"
	stop "$pid"
}
in_ns sh -c 'echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6
	echo 1 >/proc/sys/net/ipv6/conf/lo/disable_ipv6'
any "no IPv6, listen on *"

sed "s/listen on 127.0.0.1 port $uport/listen on 192.0.2.77 port $uport/" \
    "$T/a.conf" >"$T/later.conf"
(echo "freebind yes"; cat "$T/later.conf") >"$T/free.conf"
chmod 600 "$T/later.conf" "$T/free.conf"
up - later -- nsenter -t "$ns" -n
refused 'no interface has it \(see freebind\)' "an address that comes later"
up - free -- nsenter -t "$ns" -n
in_ns ip addr add 192.0.2.77/32 dev lo
until_true 'echo | in_ns perl -MIO::Socket::INET -e '\''
	$s = IO::Socket::INET->new(PeerAddr => "192.0.2.77",
	    PeerPort => $ARGV[0]) or exit 1;
	print $s "give 3\n"; $s->flush;
	exit(read($s, $b, 3) != 3)'\'' "$uport"'
ok $? "freebind: served when the address is there"
stop "$pid"

# IPv6 alone: no IPv4 address at all
in_ns sh -c 'echo 0 >/proc/sys/net/ipv6/conf/all/disable_ipv6
	echo 0 >/proc/sys/net/ipv6/conf/lo/disable_ipv6'
if in_ns ip -6 addr show dev lo | grep -q ::1; then
	in_ns ip addr del 127.0.0.1/8 dev lo
	in_ns ip addr del 192.0.2.77/32 dev lo
	cat >"$T/six.conf" <<-END
		server {
			listen on * port 4040
			service "x" {
				listen on * port 4041
				token "a token of more than sixteen"
			}
		}
		client {
			connect to ::1 port 4040
			service "x" {
				forward to localhost port $port
				token "a token of more than sixteen"
				pool 1
			}
		}
	END
	chmod 600 "$T/six.conf"
	up - six -- nsenter -t "$ns" -n
	until_true 'ctl a -j show services | grep -q "\"sessions\":[1-9]"'
	ok $? "IPv6 alone: a tunnel"
	stop "$pid"
else
	skip "IPv6 alone" "no IPv6"
fi
done_testing
