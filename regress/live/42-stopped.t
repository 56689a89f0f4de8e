#!/bin/sh
# Readers that stopped, more than their one tunnel has room for, do not hold up
# those who share it: who stopped goes, and a steady user never waits.

. regress/live/lib.sh

# A target that costs little however much it gives: a first line "give" or
# "echo"; who echoes comes first.
cat >"$T/target.pl" <<'END'
use strict;
use warnings;
use IO::Select;
use IO::Socket::INET;
my $listen = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 128)
    or die;
my ($in, $out) = (IO::Select->new($listen), IO::Select->new);
my $some = 'some text ' x 6554;
$SIG{PIPE} = 'IGNORE';
$| = 1;
print 'port ', $listen->sockport, "\n";
for (;;) {
	my ($can_read, $can_write) = IO::Select->select($in, $out);
	for my $s (@$can_read) {
		if ($s == $listen) {
			my $new = $listen->accept or next;
			$new->blocking(0);
			$in->add($new);
			next;
		}
		if (!sysread($s, my $buf, 65536)) {
			$in->remove($s);
			$out->remove($s);
			close($s);
		} elsif ($buf =~ /^give/) {
			$out->add($s);
		} else {
			syswrite($s, $buf);
		}
	}
	for my $s (@$can_write) {
		syswrite($s, $some) if defined(fileno($s));
	}
}
END

target() {
	background "$1" perl "$T/target.pl"
	"$TRAFFIC" grep 5000 "$T/$1.log" '^port ' >/dev/null || exit 1
	port=$(sed -n 's/^port //p' "$T/$1.log")
}

cat >"$T/stop.pl" <<'END'
# stop.pl PORT N: N users who ask for much and never read it, a few at a time;
# "ready" when all have asked.
use strict;
use warnings;
use Socket;
my ($port, $n) = @ARGV;
my @all;
$| = 1;
$SIG{PIPE} = 'IGNORE';
for my $i (1 .. $n) {
	socket(my $s, AF_INET, SOCK_STREAM, 0) or die;
	setsockopt($s, SOL_SOCKET, SO_RCVBUF, 4096);
	connect($s, pack_sockaddr_in($port, inet_aton('127.0.0.1'))) or
	    next;
	syswrite($s, "give\n");
	push @all, $s;
	select(undef, undef, undef, 0.005);
}
print "ready\n";
<STDIN>;
END

cat >"$T/steady.pl" <<'END'
# steady.pl PORT: says 64 octets and has them back, again and again; a number
# on standard input: the longest it took of late, in milliseconds.
use strict;
use warnings;
use IO::Select;
use IO::Socket::INET;
use Time::HiRes qw(time sleep);
my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
    PeerPort => shift) or die;
my ($longest, $in) = (0, IO::Select->new(\*STDIN));
$| = 1;
for (;;) {
	my ($begin, $got) = (time, '');
	syswrite($s, 'x' x 64);
	while (length($got) < 64) {
		sysread($s, $got, 64 - length($got), length($got)) or
		    do { print "reset\n"; exit };
	}
	my $took = int(1000 * (time - $begin));
	$longest = $took if $took > $longest;
	if ($in->can_read(0.01)) {
		sysread(STDIN, my $line, 64) or exit;
		print "longest $longest\n";
		$longest = 0;
	}
}
END

counter() {	# counter DAEMON NAME
	ctl "$1" -j show summary |
	    sed -n 's/.*"'"$2"'": *\([0-9]*\).*/\1/p'
}

LIMITS="memory 16m"
SERVER="$LIMITS" CLIENT="$LIMITS
pool 1
pool max 1" MUX=1000 pair
held steady perl "$T/steady.pl" "$uport"
exec 8>"$T/steady.fifo"
held stopped perl "$T/stop.pl" "$uport" 500
exec 9>"$T/stopped.fifo"
logged stopped '^ready' 60000
ok $? "500 who never read share a tunnel with one who does"
many_reset() { [ "$(counter server memory_resets)" -gt 100 ]; }
until_true many_reset || until_true many_reset || until_true many_reset
ok $? "those who stopped are reset"
echo >&8
logged steady '^longest' 20000
longest=$(sed -n 's/^longest //p' "$T/steady.log")
[ "${longest:-99999}" -lt 3500 ]
ok $? "who shares the tunnel with them never waits: $longest ms at most"
exec 8>&- 9>&-
done_testing
