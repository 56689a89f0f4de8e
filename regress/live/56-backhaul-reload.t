#!/bin/sh
# A reload of dialect backhaul: mappings that come, go and change, other tokens, one
# that a client still uses, a remote and a block that go.  Who has nothing to do with it is not disturbed.  A
# stop is said on the wire, and whoever hears it comes back at once.

. regress/live/lib.sh
. regress/live/backhaul.sh

python=/usr/bin/python3
[ -x $python ] || python=$(command -v python3) || skip_all "no python3"

cat >"$T/other.pl" <<'ENDE'
use IO::Socket::INET;
my $l = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 50) or die;
$| = 1;
print 'port ', $l->sockport, "\n";
while (1) {
	my $s = $l->accept or next;
	my $line = <$s>;
	print $s "the other";
	close($s);
}
ENDE
background other perl "$T/other.pl"
logged other '^port'
other=$(sed -n 's/^port //p' "$T/other.log")
target target
echoes=$port

is_other() {	# is_other PORT: is it the other target that answers there?
	"$TRAFFIC" ask "$1" "" | grep -q '^[a-z]* 9 '
}
is_refused() { [ "$("$TRAFFIC" ask "$1" "")" = refused ]; }
reload() {	# reload SIDE: as it is configured now
	conf "$1"
	ctl "$1" reload
}
# all WHAT FUNCTION COMMAND: for each transport, with its port of that function,
# when its worker has been told
all() {
	place=$2 command=$3
	for t in $ALL; do
		until_true '$command "$($place $t)"'
		ok $? "$t: $1"
	done
}
nobody_left() {	# nobody_left WHAT: but those of $GONE
	is "$(staying)" "$STAYING" "$1: who was there is not disturbed"
}

transports tcp tcpmux ws wsmux
both
STAYING=$(echo $(each users))
stay $STAYING
ok $? "a user of each transport, who stays"
channels() {	# the ids of all control channels, at both ends
	for t in $ALL; do
		control server id $t
		control client id $t
	done
}
first=$(channels)

# ---- mappings ----
SERVER="listen on 127.0.0.1 port %more to \"$other\""
reload server
all "a new mapping is served" more is_other
all "and so are the others" users served
port=$other
reload server
all "new users of a changed mapping get the new target" users is_other
port=$echoes
SERVER=
reload server
all "a removed mapping is gone" more is_refused
all "and one that was changed back is as it was" users served
nobody_left "mappings"
is "$(channels)" "$first" "mappings: the client is not, either"

# ---- tokens ----
SECRET="{ \"$TOKEN, %t\" \"a newer token than that\" }"
reload server
all "a token more: users are served" users served
is "$(channels)" "$first" "a token more: nothing happens"
SECRET='"a newer token than that"'
reload client
for t in $ALL; do
	here server $t 2
	ok $? "$t: another token: the client comes with it"
done
all "and users are served" users served
nobody_left "another token"
first=$(channels)
reload server
all "the old token is gone: users are served" users served
is "$(channels)" "$first" "the old token is gone: nothing happens"

# ---- a token that a client still uses ----
exec 7>&-
stay $STAYING
ok $? "a user of each transport, by the token that goes"
SECRET="\"$("$CTL" token)\""	# one of rocketctl token is said as it is, too
reload server
for t in $ALL; do
	logged client "worker $t .*the server ends or restarts"
	ok $? "$t: a token that is gone: its client is told the end"
done
for t in $ALL; do
	logged server "worker $t .*wrong token or unknown service"
	ok $? "$t: and comes with it in vain"
done
is "$(staying)" "$STAYING" "a token that is gone: who was there stays"
for t in $ALL; do
	served "$(users $t)" &
	eval "wait_$t=$!"
done
until_true 'ctl server -j show summary | grep -q "\"users_waiting\":4"'
ok $? "new users wait"
reload client
for t in $ALL; do
	eval "wait \$wait_$t"
	ok $? "$t: until it comes with another"
done
nobody_left "a client with another token"
first=$(channels)

# ---- a remote, a block ----
set -- $(ports 4)
for t in $ALL; do
	eval "second_$t=$1"
	shift
done
# with_second SIDE WORDS: of each block, to where the tunnels come in, too
with_second() {
	conf "$1"
	for t in $ALL; do
		eval "_second=\$second_$t"
		sed "s/^$2 127.0.0.1 port $(tunnels $t) .*/&\\
$2 127.0.0.1 port $_second transport $t/" "$T/$1.conf" >"$T/next"
		cp "$T/next" "$T/$1.conf"
	done
	ctl "$1" reload
}
with_second server "listen on"
with_second client "connect to"
is "$(channels)" "$first" "a remote more: nothing happens"
nobody_left "a remote more"
for t in $ALL; do
	# what stays is the second one
	sed "/^connect to 127.0.0.1 port $(tunnels $t) /d" "$T/client.conf" \
	    >"$T/next"
	cp "$T/next" "$T/client.conf"
done
ctl client reload
for t in $ALL; do
	eval "_second=\$second_$t"
	until_true '[ "$(control client peer $t)" = "127.0.0.1:$_second" ]'
	ok $? "$t: its remote is gone: the client is at the other"
done
all "and users are served" users served
nobody_left "a remote less"

everyone=$ALL gone=ws
ALL="tcp tcpmux wsmux"
with_second server "listen on"
until_true 'is_refused "$(users $gone)"'
ok $? "a block that is gone takes no users"
nobody_left "a block less"
all "the others do" users served

# ---- a stop ----
exec 7>&-
stop "$server_pid"
is "$status" 0 "the server stops"
for t in $ALL; do
	logged client "worker $t .*the server ends or restarts"
	ok $? "$t: it says so"
done
stop "$client_pid"
SECRET=
ALL=$everyone
conf server
daemon server
for t in $ALL; do
	background "peer_$t" $python -B regress/interop/backhaul_peer.py client \
	    --transport $t --token "$TOKEN, $t" --fixed-pool --mux-version 2 \
	    --retry-interval 1 --remote-addr "127.0.0.1:$(tunnels $t)"
done
for t in $ALL; do
	logged "peer_$t" '^control up' 10000 && served "$(users $t)"
	ok $? "$t: a peer that writes down what it hears"
done
stop "$server_pid"
for t in $ALL; do
	logged "peer_$t" '^control got CLOSED'
	ok $? "$t: a stop is said on the wire"
done
daemon server
t0=$(now)
for t in $ALL; do
	here server $t && "$TRAFFIC" wait "$(users $t)" 5000 >/dev/null
	ok $? "$t: and users are served soon after, $(since $t0) ms"
	is "$(seen "peer_$t" '^(violation|bug)')" 0 "$t: no rule was broken"
done
done_testing
