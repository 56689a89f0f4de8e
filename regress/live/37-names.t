#!/bin/sh
# Targets by name, in a namespace with a resolver of the test's own: names that
# get no answer hold up no other service, a known name that falls silent goes
# on with its last address, a name of which only IPv4 is answered is used at
# once, and localhost works in either family.

. regress/live/lib.sh
is_root || skip_all "only root may have a namespace and a resolver"
command -v unshare >/dev/null || skip_all "no unshare"
if [ -z "${NAMES_IN:-}" ]; then
	trap - EXIT
	rm -rf "$T"
	NAMES_IN=1 exec unshare -n -m -p -f --kill-child --mount-proc sh "$0"
fi
ip link set lo up 2>/dev/null || skip_all "no ip"
echo "nameserver 127.0.0.1" >"$T/resolv"
mount --bind "$T/resolv" /etc/resolv.conf 2>/dev/null ||
    skip_all "/etc/resolv.conf cannot be replaced"
N=12				# services whose names are dead
# The C library asks for the families of which there are addresses.
ip addr add 192.0.2.9/32 dev lo
six=no
[ -e /proc/net/if_inet6 ] &&
    ip addr add 2001:db8::9/128 dev lo 2>/dev/null && six=yes

# A of 127.0.0.1 for what does not end in .dead; with the file, for nothing.
# Of what ends in .half it is never said if there is an AAAA.
cat >"$T/dns.pl" <<'P'
use strict; use warnings; use Socket;
my $off = shift;
socket(my $s, PF_INET, SOCK_DGRAM, 0) or die "socket: $!";
bind($s, sockaddr_in(53, inet_aton('127.0.0.1'))) or die "bind: $!";
$| = 1;
print "ready\n";
while (my $from = recv($s, my $q, 512, 0)) {
	my ($i, @n) = (12);
	while (my $l = ord(substr($q, $i, 1))) {
		push @n, substr($q, $i + 1, $l);
		$i += $l + 1;
	}
	my $type = unpack('n', substr($q, $i + 1, 2));
	next if $n[-1] eq 'dead' || -e $off ||
	    ($n[-1] eq 'half' && $type == 28);
	my $a = $type == 1 ?
	    "\xc0\x0c\0\1\0\1\0\0\0\5\0\4\x7f\0\0\1" : '';
	send($s, substr($q, 0, 2) . "\x81\x80\0\1" . ($a ? "\0\1" : "\0\0") .
	    "\0\0\0\0" . substr($q, 12, $i - 7) . $a, 0, $from);
}
P
background dns perl "$T/dns.pl" "$T/off"
logged dns ready
ok $? "the resolver is there"

target target
target_pid=$pid
set -- $(ports $((N + 5)))
tport=$1 good=$2 local4=$3 local6=$4 half=$5
shift 5
service() {	# service NAME LINE
	printf 'service "%s" {\n%s\ntoken "a token of more than 16 %s"\n}\n' \
	    "$1" "$2" "$1"
}
{
	echo "server {"
	echo "listen on 127.0.0.1 port $tport"
	service good "listen on 127.0.0.1 port $good"
	service local4 "listen on 127.0.0.1 port $local4"
	service local6 "listen on 127.0.0.1 port $local6"
	service half "listen on 127.0.0.1 port $half"
	i=0
	for p; do
		i=$((i + 1))
		service dead$i "listen on 127.0.0.1 port $p"
	done
	echo "}"
} >"$T/server.conf"
# One that listens on ::1 alone, and echoes.
cat >"$T/six.pl" <<'P'
use strict; use warnings; use Socket qw(:all);
socket(my $l, AF_INET6, SOCK_STREAM, 0) or die "socket: $!";
bind($l, pack_sockaddr_in6(0, inet_pton(AF_INET6, '::1'))) or die "bind: $!";
listen($l, 16);
$| = 1;
print 'port ', (unpack_sockaddr_in6(getsockname($l)))[0], "\n";
while (accept(my $c, $l)) {
	while (sysread($c, my $b, 4096)) { syswrite($c, $b); }
}
P
sixport=$port
if [ -e /proc/net/if_inet6 ]; then
	background six perl "$T/six.pl"
	logged six '^port'
	sixport=$(sed -n 's/^port //p' "$T/six.log")
fi
# A file that knows localhost in the wrong family only.
printf '::1 localhost\n' >"$T/hosts"
mount --bind "$T/hosts" /etc/hosts
{
	echo "client {"
	echo "connect to 127.0.0.1 port $tport"
	echo "pool 1"
	service good "forward to db.corp port $port"
	service local4 "forward to localhost port $port"
	service local6 "forward to localhost port $sixport"
	service half "forward to db.half port $port"
	for i in $(seq 1 $N); do
		service dead$i "forward to h$i.dead port $port"
	done
	echo "}"
} >"$T/client.conf"
daemon server
daemon client
for d in server client; do	# the more, the longer
	logged $d "keys made" 60000
done
until_true '[ "$(ctl client show summary | sed -n "s/^sessions *//p")" = \
    $((N + 4)) ]'
ok $? "all services have a tunnel"

for l in 4 6; do
	eval "ms=\$(\"\$TRAFFIC\" wait \$local$l 5000)"
	ok $? "localhost, whose target is IPv$l only, is reached ($ms ms)"
done

if [ $six = yes ]; then
	ms=$("$TRAFFIC" wait "$half" 20000)
	[ "$ms" != never ] && [ "$ms" -lt 6000 ]
	ok $? "a name whose AAAA is never answered is used ($ms ms)"
	like "$(ctl client -j show summary)" '"lookups_partial":[1-9]' \
	    "that is counted"
else
	ok 0 "a name whose AAAA is never answered # skip no IPv6"
fi

# A new name, while every dead one has users who wait.
for p; do
	"$TRAFFIC" wait "$p" 8000 >/dev/null 2>&1 &
	PIDS="$PIDS $!"
done
until_true '[ "$(ctl client -j show summary |
    grep -o "\"lookups_running\":[0-9]*" | cut -d: -f2)" -ge 10 ]'
ok $? "names that get no answer are being looked up"
ms=$("$TRAFFIC" wait "$good" 10000)
[ "$ms" != never ] && [ "$ms" -lt 6000 ]
ok $? "a service with a good name is served meanwhile ($ms ms)"

# Now nothing is answered at all.
: >"$T/off"
ms=$("$TRAFFIC" wait "$good" 10000)
[ "$ms" != never ] && [ "$ms" -lt 6000 ]
ok $? "its last address is used when its name falls silent ($ms ms)"
like "$(ctl client -j show summary)" '"lookups_stale":[1-9]' "that is counted"
kill $client_pid $server_pid
"$TRAFFIC" gone 15000 $client_pid && "$TRAFFIC" gone 15000 $server_pid
ok $? "both end"
done_testing
