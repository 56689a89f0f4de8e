#!/usr/bin/perl
# Many strangers with many addresses, at one door.
#
#	crowd.pl silent HOST PORT COUNT RATE SOURCES
#		so many connections that say nothing; prints "full" when they
#		are there, then as many more a second, until standard input ends
#	crowd.pl say HOST PORT FILE COUNT RATE SOURCES
#		so many connections, as many a second (0: as fast as can be),
#		that say what FILE has, and are read to their end
#	crowd.pl drip HOST PORT LEN COUNT PID SOURCES
#		a request's head of LEN octets, an octet a packet, on so many
#		connections at once; prints how many milliseconds process PID
#		spent on it in its own code
#
# SOURCES is PATTERN,FROM,TO: each is what printf makes of the pattern and a
# number, twice.

use strict;
use warnings;
use IO::Select;
use Socket qw(:all);
use Time::HiRes qw(time sleep);

my ($what, $host, $port, @args) = @ARGV;
my ($pattern, $from, $to) = split /,/, $args[-1];
my $turn = $from;
my $six = $host =~ /:/;

sub sockaddr {
	my ($addr, $p) = @_;
	return $six ? pack_sockaddr_in6($p, inet_pton(AF_INET6, $addr)) :
	    pack_sockaddr_in($p, inet_aton($addr));
}

sub dial {
	my $n = $turn;
	$turn = $turn == $to ? $from : $turn + 1;
	socket(my $s, $six ? AF_INET6 : AF_INET, SOCK_STREAM, 0) or
	    die "socket: $!\n";
	setsockopt($s, SOL_SOCKET, SO_REUSEADDR, 1);
	setsockopt($s, IPPROTO_TCP, TCP_NODELAY, 1);
	my $source = sprintf($pattern, $n >> 8, $n & 255);
	bind($s, sockaddr($source, 0)) or die "bind $source: $!\n";
	connect($s, sockaddr($host, $port)) or die "connect: $!\n";
	return $s;
}

# Reads what there is; those that have ended leave.
sub reap {
	my ($sel, $wait) = @_;
	my $closed = 0;
	for my $s ($sel->can_read($wait)) {
		next if sysread($s, my $buf, 65536);
		$sel->remove($s);
		close $s;
		$closed++;
	}
	return $closed;
}

sub silent {
	my ($count, $rate) = @_;
	my ($sel, $in) = (IO::Select->new, IO::Select->new(\*STDIN));
	my ($opened, $closed) = (0, 0);
	while ($opened < $count) {
		$sel->add(dial());
		$opened++;
	}
	$| = 1;
	print "full\n";
	my $next = time;
	until ($in->can_read(0)) {
		my $left = $next - time;
		if ($left > 0) {
			$closed += reap($sel, $left);
			sleep 0.001;
			next;
		}
		$next += 1 / $rate;
		$sel->add(dial());
		$opened++;
	}
	print "opened $opened closed $closed\n";
}

sub say {
	my ($file, $count, $rate) = @_;
	my $sel = IO::Select->new;
	my ($closed, $start) = (0, time);
	open(my $f, '<:raw', $file) or die "$file: $!\n";
	my $words = do { local $/; <$f> };
	$SIG{PIPE} = 'IGNORE';
	for my $n (1 .. $count) {
		my $s = dial();
		syswrite($s, $words);
		$sel->add($s);
		my $due = $rate ? $start + $n / $rate - time : 0;
		do {
			$closed += reap($sel, $due > 0 ? $due : 0);
			$due = $rate ? $start + $n / $rate - time : 0;
		} while ($due > 0 || $sel->count > 500);
	}
	# One that came to a worker has its time.
	my $end = time + 5;
	$closed += reap($sel, 1) while $sel->count && time < $end;
	printf "closed %d of %d, %d a second\n", $closed, $count,
	    $count / (time - $start);
}

# Milliseconds of a process in its own code: what the kernel does for packets is
# counted to whom it interrupts.
sub ran {
	open(my $f, '<', "/proc/$_[0]/stat") or die "stat: $!\n";
	return (split ' ', <$f>)[13] * 10;
}

sub drip {
	my ($len, $count, $pid) = @_;
	my $head = "GET / HTTP/1.1\r\nHost: a\r\n";
	$head .= sprintf("X-%02d: %s\r\n", $_, 'a' x 120) for 1 .. 60;
	my @s = map { dial() } 1 .. $count;
	my $start = ran($pid);
	for my $i (0 .. $len - 1) {
		syswrite($_, substr($head, $i, 1)) for @s;
		sleep 0.0001;		# or it looks once at many
	}
	printf "%d\n", ran($pid) - $start;
}

pop @args;
{
	no strict 'refs';
	&$what(@args);
}
