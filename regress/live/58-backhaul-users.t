#!/bin/sh
# Users of dialect backhaul who are hard to please: short ones, two hundred of
# each kind; one who does not read, beside others in the same tunnel; and two
# hundred of that sort, for whom memory has a limit.

. regress/live/lib.sh
. regress/live/backhaul.sh

# A target that tells when a user has said 10000 octets, or less and has ended, and
# answers 5000; and one that says these at once, and ends.
cat >"$T/targets.pl" <<'ENDE'
use strict;
use warnings;
use IO::Select;
use IO::Socket::INET;
$| = 1;
$SIG{PIPE} = 'IGNORE';
my ($count, $greet) = map { IO::Socket::INET->new(LocalAddr => '127.0.0.1',
    Listen => 500) || die "listen: $!\n" } 1 .. 2;
print 'port ', $count->sockport, ' ', $greet->sockport, "\n";
my ($all, %said) = (IO::Select->new($count, $greet));
while (1) {
	for my $s ($all->can_read) {
		if ($s == $count) {
			$all->add($s->accept // next);
		} elsif ($s == $greet) {
			my $user = $s->accept // next;
			syswrite($user, 'x' x 5000);
		} elsif (my $n = sysread($s, my $buf, 65536)) {
			$said{$s} += $n;
			next if $said{$s} < 10000;
			print "got $said{$s}\n";
			syswrite($s, 'x' x 5000);
		} else {
			my $less = delete $said{$s} // 0;
			print "got $less\n" if $less < 10000;
			$all->remove($s);
			close($s);
		}
	}
}
ENDE
# short.pl PORT N WHAT: N users, 20 at once: "send" 10000 octets and close,
# "half" the same with the end alone, and "hear" 5000; tells how many did.
cat >"$T/short.pl" <<'ENDE'
use strict;
use warnings;
use IO::Socket::INET;
my ($port, $n, $what) = @ARGV;
my ($whole, @users) = (0);
sub ended {
	my ($s, $got) = (shift, 0);
	while (my $r = sysread($s, my $buf, 65536)) {
		$got += $r;
	}
	$whole++ if $got == 5000;
}
while ($n > 0 || @users) {
	if ($n > 0 && @users < 20) {
		my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
		    PeerPort => $port) or die "connect: $!\n";
		$n--;
		syswrite($s, 'x' x 10000) if $what ne 'hear';
		shutdown($s, 1) if $what eq 'half';
		if ($what eq 'send') {
			close($s);
			$whole++;
		} else {
			push(@users, $s);
		}
	} else {
		ended(shift @users);
	}
}
print "whole $whole\n";
ENDE

background targets perl "$T/targets.pl"
logged targets '^port'
set -- $(sed -n 's/^port //p' "$T/targets.log")
port=$1
SERVER="listen on 127.0.0.1 port %more to \"$2\"
user timeout 20"
transports tcp tcpmux ws wsmux
both
ok $? "a client"

# short WHAT PORTS: 200 at each transport, all at once
short() {
	for t in $ALL; do
		background "short_$t" perl "$T/short.pl" "$($2 $t)" 200 "$1"
	done
	for t in $ALL; do
		logged "short_$t" "^whole" 20000
		is "$(cat "$T/short_$t.log")" "whole 200" "$t: $3"
	done
}
# arrived N: so many users' octets, all of them, at the target
arrived() {
	until_true "[ \"\$(seen targets '^got')\" -ge $1 ]"
	is "$(seen targets '^got 10000$')" "$1" "and what they said is all there"
}
short send users "200 who say something and leave"
arrived 800
short half users "200 who end, and get their answer"
arrived 1600
short hear more "200 who wait for what is said first"
stop "$client_pid"
stop "$server_pid"

# ---- one who does not read ----
target target
SERVER="mux concurrency 1000
user timeout 20"
CLIENT="pool 1
pool max 1
mux concurrency 1000"
transports tcpmux wsmux
both
for t in $ALL; do
	held "stall_$t" "$TRAFFIC" stall "$(users $t)" 1
done
exec 5>"$T/stall_tcpmux.fifo" 6>"$T/stall_wsmux.fifo"
for t in $ALL; do
	logged "stall_$t" ready
done
# octets that wait for him stay the same: nothing more comes through
waits() { ctl server -j show streams | grep -o "\"queued\":[1-9][0-9]*"; }
is=
until_true 'was=$is; is=$(waits); [ -n "$is" ] && [ "$was" = "$is" ]'
ok $? "what waits for two who do not read is no more than it was"
stay $(for t in $ALL; do users $t; users $t; done)
t0=$(now)
look 4000000
is "$(looked)" "$(echo $(for t in $ALL; do users $t; users $t; done))" \
    "one who does not read is no hindrance to others, $(since $t0) ms"
for t in $ALL; do
	is "$(ctl server -j show sessions service $t | grep -o \
	    '"streams":3,' | wc -l)" 1 "$t: they have one tunnel together"
done
exec 5>&- 6>&- 7>&-
stop "$client_pid"
stop "$server_pid"

# ---- and many of them ----
if sanitized; then
	skip "memory" "it is another with sanitizers"
	done_testing
fi
# what the kernel holds for them is no matter
SERVER="memory 16m
user timeout 20
send socket buffer 32k
mux concurrency 50"
CLIENT="memory 16m
receive socket buffer 32k
pool 4
mux concurrency 50"
transports tcp tcpmux ws wsmux
both
for t in $ALL; do
	held "stall_$t" "$TRAFFIC" stall "$(users $t)" 200
done
exec 5>"$T/stall_tcp.fifo" 6>"$T/stall_tcpmux.fifo" 8>"$T/stall_ws.fifo" \
    9>"$T/stall_wsmux.fifo"
for t in $ALL; do
	logged "stall_$t" ready 15000
	ok $? "$t: 200 who do not read"
done
# most SIDE TRANSPORT: its private memory at most, KiB, in some looks
most() {
	_most=0
	for _look in 1 2 3 4 5 6; do
		_is=$(awk '/^RssAnon/ { print $2 }' \
		    "/proc/$(child $1 service $2)/status")
		[ "${_is:-999999}" -le $_most ] || _most=${_is:-999999}
		pause
	done
	echo $_most
}
for t in $ALL; do
	for side in server client; do
		kib=$(most $side $t)
		[ "$kib" -lt 26600 ]
		ok $? "$t: the $side stays below its limit ($kib KiB)"
	done
	until_true 'served "$(users $t)"'
	ok $? "$t: a newcomer is served"
done
exec 5>&- 6>&- 8>&- 9>&-
stop "$client_pid"
is "$status" 0 "the client ends cleanly"
stop "$server_pid"
is "$status" 0 "the server ends cleanly"
done_testing
