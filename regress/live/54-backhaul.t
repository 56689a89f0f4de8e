#!/bin/sh
# Two clients with one token: the second is refused, and said to be, while the
# first lives, and has its place when it is gone.  What is shown of the control
# channel; a user who ends early gets a long answer whole.

. regress/live/lib.sh

python=/usr/bin/python3
[ -x $python ] || python=$(command -v python3) || skip_all "no python3"
PEER="$python -B $TOP/regress/interop/backhaul_peer.py"
TOKEN="a token of more than sixteen"
umask 077
set -- $(ports 6)
tport=$1 uport=$2 vport=$3 hport=$4 wport=$5 xport=$6

# conf NAME SIDE TRANSPORT LINE...: the lines are of its service, those in
# $BLOCK before it
conf() {
	_n=$1 _side=$2 _t=$3; shift 3
	[ "$_side" = server ] && _way="listen on" || _way="connect to"
	{
		echo "log debug"
		echo "stop timeout ${STOP:-2}"
		echo "$_side {"
		echo "dialect backhaul"
		echo "$_way ${TUNNELS:-127.0.0.1} port $tport transport $_t"
		echo "${BLOCK:-}"
		echo "service \"x\" {"
		echo "token \"$TOKEN\""
		for _line; do echo "$_line"; done
		echo "}"
		echo "}"
	} >"$T/$_n.conf"
}

# server_conf TRANSPORT [LINE...], client_conf TRANSPORT [LINE...]
server_conf() {
	_k=$1; shift
	conf server server "$_k" \
	    "listen on ${USERS:-127.0.0.1} port $uport to \"$port\"" "$@"
}
client_conf() {
	_k=$1; shift
	conf client client "$_k" "pool 4" "retry interval 1" "$@"
}

both() {	# both TRANSPORT
	server_conf "$1"
	client_conf "$1"
	daemon server
	daemon client
	until_true 'served "$uport"'
}

down() {
	stop "$client_pid"
	stop "$server_pid"
}

served() {	# served PORT [OCTETS]: is a user there served?
	"$TRAFFIC" ask "$1" "give ${2:-10000}" |
	    grep -q "^end ${2:-10000} pattern"
}

# crowd N PORT: so many users at once; the number of those that were served
crowd() {
	rm -f "$T"/ask.*
	_i=0 _pids=
	while [ $((_i += 1)) -le "$1" ]; do
		"$TRAFFIC" ask "$2" "give 10000" >"$T/ask.$_i" &
		_pids="$_pids $!"
	done
	wait $_pids
	cat "$T"/ask.* | grep -c "^end 10000 pattern"
}

# peer NAME ROLE TRANSPORT WORD...: the other side, that does as it is told
peer() {
	_n=$1 _role=$2 _t=$3; shift 3
	if [ "$_role" = server ]; then
		set -- --bind-addr "127.0.0.1:$tport" \
		    --ports "127.0.0.1:$uport=$port" "$@"
	else
		set -- --remote-addr "${TUNNELS:-127.0.0.1}:$tport" \
		    --fixed-pool --retry-interval 1 "$@"
	fi
	background "$_n" ${IN_NS:-} $PEER "$_role" --transport "$_t" \
	    --token "$TOKEN" "$@"
	eval "${_n}_pid=$pid"
}

ended() {	# ended PID: it is frozen, or does not matter any more
	kill -9 "$1"
	wait "$1" 2>/dev/null
	PIDS=$(echo " $PIDS " | sed "s/ $1 / /")
}

# control SIDE MEMBER: of its control channel, as rocketctl shows it
control() {
	ctl "$1" -j show sessions | tr '{' '\n' | grep '"control":true' |
	    sed -n 's/.*"'"$2"'":"\{0,1\}\([a-z0-9.:]*\).*/\1/p'
}

# A target that counts what each user says, and tells it when he has ended.  It
# takes nobody who comes before its standard input has a line.
cat >"$T/counter.pl" <<'END'
use IO::Socket::INET; use IO::Select;
$| = 1;
my $l = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 1) or die;
print 'port ', $l->sockport, "\n";
<STDIN>;
my ($all, %n) = IO::Select->new($l);
while (1) {
	for my $s ($all->can_read) {
		if ($s == $l) {
			$all->add($l->accept // next);
			next;
		}
		my $r = sysread($s, my $buf, 65536);
		$n{$s} += $r // 0;
		next if $r;
		print defined $r ? 'got ' : 'lost ', delete $n{$s}, "\n";
		$all->remove($s);
		close($s);
	}
}
END
# Users who say so many octets, and close at once.
cat >"$T/hasty.pl" <<'END'
use IO::Socket::INET;
my ($port, $n, $octets) = @ARGV;
for (1 .. $n) {
	my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
	    PeerPort => $port) or die;
	my $left = $octets;
	while ($left > 0) {
		$left -= syswrite($s, 'x' x ($left < 65536 ? $left : 65536)) //
		    die;
	}
	close($s);
}
END

target target

# ---- two clients, and users who end early ----
for t in tcp tcpmux ws; do
	both $t
	ok $? "$t: a client is here"
	held idle "$TRAFFIC" idle "$uport" 2
	exec 7>"$T/idle.fifo"
	logged idle ready
	cp "$T/client.conf" "$T/second.conf"
	daemon second
	logged server 'client at .* refused: another, at .*, has its place'
	ok $? "$t: a second one is refused, and the log says so"
	until_true '[ "$(grep -c "retry in\|again in" "$T/second.log")" -ge 2 ]'
	until_true '[ "$(ctl server -j show summary |
	    sed -n "s/.*\"tokens_right\":\([0-9]*\).*/\1/p")" -ge 3 ]'
	ok $? "$t: also when it tries again"
	served "$uport"
	ok $? "$t: users are served by the first"
	exec 7>&-
	logged idle "alive 2"
	ok $? "$t: those who were there see nothing of it"
	# once in ten seconds
	[ "$(grep -c 'refused: another, at' "$T/server.log")" -le 3 ]
	ok $? "$t: it is said, and not at each try"
	is "$(grep -c 'info .*: client is here' "$T/server.log")" 1 \
	    "$t: the first was never away"
	is "$(control server dialect) $(control server transport)" \
	    "backhaul $t" "$t: show sessions has the control channel"
	until_true '[ "$(control server rtt_us)" -gt 0 ]'
	ok $? "$t: and its round-trip time"
	until_true '[ "$(control server idle)" -ge 4 ]'
	ok $? "$t: and the tunnels that wait"

	served "$uport" 3000000
	ok $? "$t: a user who ends early gets all of a long answer"

	kill -9 "$client_pid"
	until_true 'served "$uport"'
	ok $? "$t: the first is gone: the second has its place"
	stop "$second_pid"
	stop "$server_pid"
done
done_testing
