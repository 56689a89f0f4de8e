#!/bin/sh
# What a worker holds of memory, and who pays when it is short: users who read
# nothing and not who reads; idle ones lock nobody out; and all of it, tunnels
# and their seals too, stays below its limit.

. regress/live/lib.sh

sanitized && skip_all "memory is another with sanitizers"

counter() {	# counter DAEMON NAME
	ctl "$1" -j show summary |
	    sed -n 's/.*"'"$2"'": *\([0-9]*\).*/\1/p'
}

# resident NAME: private memory of its worker, KiB
resident() {
	awk '/^RssAnon/ { print $2 }' "/proc/$(child "$1" service x)/status"
}

# below NAME KIB: the most it has been in some looks is less
below() {
	_most=0
	for _look in 1 2 3 4 5 6; do
		_now=$(resident "$1")
		[ "${_now:-999999}" -le $_most ] || _most=${_now:-999999}
		pause
	done
	ok $((_most > $2)) "$3 ($1: $_most KiB of $2)"
}

cat >"$T/many.pl" <<'END'
# many.pl PORT N WHAT: N users who ask for much and never read it (stop), or
# send 100 KiB and are idle (idle); "ready" once all have done so.
use strict;
use warnings;
use IO::Socket::INET;
use Socket qw(SOL_SOCKET SO_RCVBUF);
my ($port, $n, $what) = @ARGV;
my (@all, $lost);
$| = 1;
$SIG{PIPE} = 'IGNORE';
for my $i (1 .. $n) {
	socket(my $s, AF_INET, SOCK_STREAM, 0) or die;
	setsockopt($s, SOL_SOCKET, SO_RCVBUF, 4096);
	connect($s, pack_sockaddr_in($port, inet_aton('127.0.0.1'))) or
	    next;
	if ($what eq 'stop') {
		syswrite($s, "give 100000000\n");
	} else {
		syswrite($s, "echo\n" . 'some text ' x 10240);
		my $got = 0;
		while ($got < 102400 && sysread($s, my $buf, 65536)) {
			$got += length($buf);
		}
	}
	push @all, $s;
}
print "ready ", scalar(@all), "\n";
<STDIN>;
END

# many NAME N WHAT: on descriptor 9
many() {
	held "$1" perl "$T/many.pl" "$uport" "$2" "$3"
	exec 9>"$T/$1.fifo"
	logged "$1" '^ready' 60000
}

# ---- who reads nothing, and who reads ----

# Or the system would take three megabytes for each who reads nothing, and all
# that time of the worker would be the test's.
SMALL="send socket buffer 64k"
LIMITS="memory 16m
mux stream buffer 256k"
SERVER="$LIMITS
$SMALL" CLIENT="$LIMITS" pair
"$TRAFFIC" ask "$uport" "give 1000" >/dev/null	# it is up
background steady perl -MIO::Socket::INET -e '
	my $s = IO::Socket::INET->new(PeerAddr => "127.0.0.1",
	    PeerPort => shift) or die;
	syswrite($s, "give 400000000\n");
	$| = 1;
	my ($all, $said) = (0, 0);
	while (my $n = sysread($s, my $buf, 16384)) {
		$all += $n;
		print "has $all\n" if $all > ($said += 0) && $all - $said >
		    1000000 && ($said = $all);
		select(undef, undef, undef, 0.004);
	}
	print $! ? "reset\n" : "end $all\n"' "$uport"
steady_pid=$pid
logged steady '^has'
many stopped 300 stop
until_true '[ "$(counter server memory_resets)" -gt 50 ]' ||
    until_true '[ "$(counter server memory_resets)" -gt 50 ]'
ok $? "of 300 who never read, some are reset"
below server 26600 "and memory stays below its limit and what comes on top"
: >"$T/steady.log"
logged steady '^has [0-9]' 30000 && ! grep -q reset "$T/steady.log"
ok $? "who reads goes on reading"
ms=$("$TRAFFIC" wait "$uport" 30000)
like "$("$TRAFFIC" ask "$uport" "give 5000")" '5000 pattern' \
    "a newcomer is served ($ms ms)"
logged server 'user from 127.0.0.1.*reset: memory is short'
ok $? "and logged"
[ "$(grep -c 'reset: memory is short' "$T/server.log")" -lt 40 ]
ok $? "at a bounded rate"
exec 9>&-
kill "$steady_pid"
stop "$client_pid"
stop "$server_pid"
stop "$target_pid"

# ---- idle users, packed ----

LIMITS="memory 16m
compression lz4"
SERVER="$LIMITS" CLIENT="$LIMITS" pair
"$TRAFFIC" ask "$uport" "give 1000" >/dev/null
many idle 100 idle
is "$(grep ^ready "$T/idle.log")" "ready 100" "100 users send 100 KiB each"
like "$("$TRAFFIC" ask "$uport" "give 5000")" '5000 pattern' \
    "while they are idle a newcomer is served"
until_true '[ "$(counter server lz4_forgotten)" -ge 50 ] &&
    [ "$(counter client lz4_forgotten)" -ge 50 ]'
ok $? "what packing needed is given back"
until_true '[ "$(counter server memory)" -lt 1500000 ] &&
    [ "$(counter client memory)" -lt 1500000 ]'
ok $? "at both ends"
is "$(counter server memory_shed)$(counter client memory_shed)" 00 \
    "and nobody was reset for it"
exec 9>&-
stop "$client_pid"
stop "$server_pid"
stop "$target_pid"

# ---- a tunnel for each user ----

LIMITS="memory 16m"
TRANSPORT=tcp SERVER="$LIMITS
$SMALL
user timeout 30" CLIENT="$LIMITS
pool max 150" pair
"$TRAFFIC" ask "$uport" "give 1000" >/dev/null
many stopped 120 stop
is "$(grep ^ready "$T/stopped.log")" "ready 120" "120 tunnels of such readers"
for side in server client; do
	below $side 26600 "memory stays below the limit, seals and all"
done
exec 9>&-

done_testing
