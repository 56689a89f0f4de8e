#!/bin/sh
# The bench's load generator against its own target: what it reports is what
# went over, and what must not be reported is not.

. regress/live/lib.sh

LOAD=$TOP/regress/bench/load

load() {	# load COMMAND...: bounded, messages with its output
	timeout 60 "$LOAD" "$@" 2>&1
}

# brief COMMAND...: for a tenth of a second, and for longer only where that was
# not enough for a figure
brief() {
	_cmd=$1
	shift
	for _t in 0.1 1 5; do
		_out=$(load "$_cmd" -t $_t "$@")
		echo "$_out" | grep -Eq \
		    '"(octets|up_octets|per_s|count)":0[,.}]|nothing has|no ping' ||
		    break
	done
	echo "$_out"
}

held target "$LOAD" target -c "$T/control"
exec 8>"$T/target.fifo"
logged target '^ready'
target_pid=$pid
port=$(sed -n 's/^ready //p' "$T/target.log")

# sink N: sends N octets, prints the target's sum of this connection and how
# much its sum of all has grown by
sink() {
	perl -MIO::Socket -MIO::Socket::UNIX -e '
		my ($port, $path, $n) = @ARGV;
		alarm 60;
		my $c = IO::Socket::UNIX->new(Peer => $path) or die;
		sub total {
			syswrite($c, "?") == 1 or die;
			read($c, my $b, 16) == 16 or die;
			return (unpack("Q>", $b));
		}
		my $before = total();
		my $s = IO::Socket::INET->new(PeerAddr => "127.0.0.1",
		    PeerPort => $port) or die;
		print $s "S", "x" x $n;
		$s->flush;
		shutdown($s, 1);
		read($s, my $b, 9) == 8 or die;
		print unpack("Q>", $b), " ", total() - $before, "\n";
	' "$port" "$T/control" "$1"
}

# Nobody else may hold the target's input open, hence 8>&- below.

# relay SKIP: one connection through it; an octet in the middle can get lost
relay() {
	background "relay$1" perl -MIO::Socket -e '
		my ($to, $skip) = @ARGV;
		alarm 60;
		my $l = IO::Socket::INET->new(LocalAddr => "127.0.0.1",
		    Listen => 1) or die;
		$| = 1;
		print "ready ", $l->sockport, "\n";
		my $u = $l->accept;
		my $t = IO::Socket::INET->new(PeerAddr => "127.0.0.1",
		    PeerPort => $to) or die;
		my ($b, $seen) = ("", 0);
		while (sysread($u, $b, 65536)) {
			if ($skip && ($seen += length $b) > 100000) {
				chop $b;
				$skip = 0;
			}
			print $t $b;
		}
		$t->flush;
		shutdown($t, 1);
		print $u $b while sysread($t, $b, 65536);
	' "$port" "$1" 8>&-
	logged "relay$1" '^ready'
	relay_port=$(sed -n 's,^ready ,,p' "$T/relay$1.log")
}

is "$(sink 0)" "0 0" "a sink sums nothing up"
is "$(sink 1234567)" "1234567 1234567" "and all there is, by both ways to ask"

bulk() { brief bulk -w 0.05 -c "$T/control" "$@"; }
like "$(bulk -m up -n 3 127.0.0.1 "$port")" \
    '^\{"mode":"up","streams":3,.*"verified":3,.*"errors":0\}$' \
    "streams up: the sums of both ends agree"
like "$(bulk -m down -n 3 127.0.0.1 "$port")" \
    '"mode":"down","streams":3,.*"octets":[1-9].*"errors":0\}$' "streams down"
like "$(bulk -m both -n 3 127.0.0.1 "$port")" \
    '"octets":[1-9].*"up_octets":[1-9].*"errors":0\}$' "streams both ways"
relay 0
like "$(bulk -m up 127.0.0.1 "$relay_port")" '"verified":1,.*"errors":0\}$' \
    "through a relay"
relay 1
like "$(bulk -m up 127.0.0.1 "$relay_port")" '"verified":0,.*"errors":1\}$' \
    "that lost an octet: an error"

like "$(brief rate -n 4 -w 0 127.0.0.1 "$port")" \
    '"per_s":[1-9].*"errors":0\}$' "short connections"
like "$(brief ping -n 4 -w 0 127.0.0.1 "$port")" \
    '"count":[1-9].*"errors":0\}$' "pings"
like "$(brief ping -n 2 -s 65536 -i 1000 -w 0 127.0.0.1 "$port")" \
    '"count":[1-9].*"errors":0\}$' "large ones at an interval"

udp() { brief udp -w 0.05 -c "$T/control" "$@"; }
like "$(udp -m up -n 3 -s 1400 127.0.0.1 "$port")" \
    '"mode":"up","flows":3,"size":1400,.*"datagrams":[1-9].*"errors":0\}$' \
    "datagrams up"
like "$(udp -m up -n 2 -r 1000 127.0.0.1 "$port")" \
    '"sent":[0-9]{2,},"loss":0\.0' "at a rate: none is lost"
like "$(udp -m down -n 3 -s 512 127.0.0.1 "$port")" \
    '"mode":"down",.*"datagrams":[1-9].*"errors":0\}$' "datagrams down"
like "$(udp -m ping -n 2 127.0.0.1 "$port")" \
    '"mode":"ping","count":[1-9].*"errors":0\}$' "and there and back"

for kind in idle slow; do
	is "$(load $kind -n 300 127.0.0.1 "$port" </dev/null |
	    sed 's/"seconds":[0-9.]*/S/')" '{"ready":300,S,"errors":0}
{"lost":0}' "$kind connections"
done

# proxy KIND: answers one octet at a time; its reply names an address of this
# kind (1, 3 or 4); or it has no method (m), or refuses (r), and waits for the
# user's end
proxy() {
	held "proxy$1" perl -MIO::Socket -e '
		my ($kind) = @ARGV;
		$SIG{CHLD} = "IGNORE";
		my $l = IO::Socket::INET->new(LocalAddr => "127.0.0.1",
		    Listen => 99) or die;
		$| = 1;
		print "ready ", $l->sockport, "\n";
		sub slowly {
			my ($u, $s) = @_;
			setsockopt($u, 6, 1, 1);
			syswrite($u, $_) for split(//, $s);
		}
		while (1) {
			my $v = "";
			vec($v, $_, 1) = 1 for 0, fileno($l);
			select($v, undef, undef, undef);
			exit if vec($v, 0, 1);
			my $u = $l->accept or die;
			next if fork;
			alarm 60;
			# no request before there is a method
			my $b = "";
			sysread($u, $b, 99) == 3 && $b eq "\5\1\0" or exit;
			slowly($u, $kind eq "m" ? "\5\xff" : "\5\0");
			sysread($u, $b, 99) == 10 or exit;
			my @to = unpack("x4 C4 n", $b);
			if ($kind =~ /[mr]/) {
				slowly($u, "\5\5\0\1" . "\0" x 6);
				exit !sysread($u, $b, 1);
			}
			my $t = IO::Socket::INET->new(PeerAddr => join(".",
			    @to[0..3]), PeerPort => $to[4]) or exit;
			my $a = $kind == 1 ? "abcd" : $kind == 3 ?
			    "\xff" . "x" x 255 : "x" x 16;
			slowly($u, "\5\0\0" . chr($kind) . $a . "zz");
			for my $w ([$u, $t], [$t, $u]) {
				next if $w->[0] == $u && fork;
				syswrite($w->[1], $b) while
				    sysread($w->[0], $b, 65536);
				shutdown($w->[1], 1);
				exit;
			}
		}
	' "$1" 7>&- 8>&-
	exec 7>"$T/proxy$1.fifo"
	logged "proxy$1" '^ready'
	proxy_port=$(sed -n 's,^ready ,,p' "$T/proxy$1.log")
}

for kind in 1 3 4; do
	proxy $kind
	set -- -x "127.0.0.1:$proxy_port" 127.0.0.1 "$port"
	like "$(bulk -m up -n 3 "$@")" \
	    '"mode":"up","streams":3,.*"verified":3,.*"errors":0\}$' \
	    "streams up by a proxy whose reply is of kind $kind"
	like "$(bulk -m down "$@")" '"octets":[1-9].*"errors":0\}$' "and down"
	like "$(brief rate -n 4 -w 0 "$@")" '"per_s":[1-9].*"errors":0\}$' \
	    "and short connections"
	like "$(brief ping -n 4 -w 0 "$@")" '"count":[1-9].*"errors":0\}$' \
	    "and pings"
	is "$(load idle -n 20 "$@" </dev/null |
	    sed 's/"seconds":[0-9.]*/S/')" '{"ready":20,S,"errors":0}
{"lost":0}' "and idle connections"
	exec 7>&-
done
for kind in m r; do
	proxy $kind
	set -- -x "127.0.0.1:$proxy_port" 127.0.0.1 "$port"
	like "$(load bulk -m down "$@")" 'refused by the proxy' \
	    "refused by a proxy: no stream"
	bad=
	for c in rate ping idle slow; do
		load $c "$@" </dev/null >/dev/null && bad="$bad $c"
	done
	is "$bad" "" "nor anything else"
	exec 7>&-
done

# nothing to talk to, silence, and a target that goes away
held silent perl -MIO::Socket -e '
	my @s = map { IO::Socket::INET->new(LocalAddr => "127.0.0.1",
	    @$_) or die } [ Proto => "tcp" ], [ Listen => 9 ];
	$| = 1;
	print join(" ", "ready", map { $_->sockport } @s), "\n";
	<STDIN>' 8>&-
exec 7>"$T/silent.fifo"
logged silent '^ready'
set -- $(grep '^ready' "$T/silent.log")
bad=
for c in 'bulk -m down' rate ping idle slow; do
	load $c 127.0.0.1 "$2" </dev/null >/dev/null && bad="$bad $c"
done
is "$bad" "" "all fail where nobody listens"
for c in 'bulk -m down' rate ping; do
	load $c -t 0.1 -w 0 127.0.0.1 "$3" >/dev/null && bad="$bad $c"
done
for c in 'udp -m down' 'udp -m ping'; do
	load $c -t 0.1 -w 0 127.0.0.1 "$2" >/dev/null && bad="$bad $c"
done
is "$bad" "" "or nobody answers"

exec 7>&-

held idle "$LOAD" idle -n 10 127.0.0.1 "$port" 8>&-
exec 7>"$T/idle.fifo"
logged idle '^\{"ready":10,'
exec 8>&-
wait "$target_pid"
is $? 0 "the target ends with its standard input"
exec 7>&-
wait "$pid"
is $? 1 "idle connections that are lost are a failure"
like "$(cat "$T/idle.log")" '^\{"lost":10\}' "and counted"

done_testing
