#!/usr/bin/perl
# Strangers at the door of a tunnel listener.
#
#	strangers.pl capture PORT FILE [ADDR]	takes a client's first flight
#	strangers.pl cut PORT FILE MS		each proper prefix of it, at once
#	strangers.pl garbage PORT COUNT MS	so many, each with other octets
#	strangers.pl silence PORT COUNT MS
#	strangers.pl replay PORT FILE MS	all of it, by who has no key
#
# MS: by then the door is closed.  Prints how many were closed, and after how
# many milliseconds the last one.

use strict;
use warnings;
use IO::Select;
use IO::Socket::INET;
use Time::HiRes qw(time);

my ($what, $port, @args) = @ARGV;

sub dial {
	return IO::Socket::INET->new(PeerAddr => '127.0.0.1',
	    PeerPort => $port, Proto => 'tcp') // die "connect: $!\n";
}

sub slurp {
	open(my $f, '<:raw', $_[0]) or die "$_[0]: $!\n";
	local $/;
	return <$f>;
}

sub capture {
	my $l = IO::Socket::INET->new(LocalAddr => $_[1] // '127.0.0.1',
	    LocalPort => $port, Listen => 5, ReuseAddr => 1) //
	    die "listen: $!\n";
	$| = 1;
	print "ready\n";
	my $c = $l->accept;
	my $buf = '';
	while (length($buf) < 5 ||
	    length($buf) < 5 + unpack('n', substr($buf, 3, 2))) {
		sysread($c, $buf, 4096, length $buf) or die "cut short\n";
	}
	open(my $f, '>:raw', $_[0]) or die "$_[0]: $!\n";
	print $f $buf;
	close $f;
}

# What each says, and by when all are to be closed.
sub strangers {
	my ($ms, @says) = @_;
	my $start = time;
	my $sel = IO::Select->new;
	my ($closed, $octets, $last, $reset) = (0, 0, 0, 0);
	for my $say (@says) {
		my $s = dial();
		syswrite($s, $say) if length $say;
		$sel->add($s);
	}
	while ($sel->count && (my $left = $start + $ms / 1000 - time) > 0) {
		for my $s ($sel->can_read($left)) {
			my $n = sysread($s, my $buf, 65536);
			if ($n) {
				$octets += $n;
				next;
			}
			$reset++ unless defined $n;
			$closed++;
			$last = time - $start;
			$sel->remove($s);
			close $s;
		}
	}
	printf("closed %d of %d, octets %d, last %d ms\n", $closed,
	    scalar @says, $octets, $last * 1000);
	exit($closed == @says ? 0 : 1);
}

if ($what eq 'capture') {
	capture(@args);
} elsif ($what eq 'cut') {
	my $hello = slurp($args[0]);
	strangers($args[1], map { substr($hello, 0, $_) }
	    1 .. length($hello) - 1);
} elsif ($what eq 'garbage') {
	srand(1);
	strangers($args[1], map {
		join('', map { chr(int(rand(256))) } 1 .. 1 + rand(2000))
	} 1 .. $args[0]);
} elsif ($what eq 'silence') {
	strangers($args[1], ('') x $args[0]);
} elsif ($what eq 'replay') {
	strangers($args[1], slurp($args[0]));
} else {
	die "see the head of this file\n";
}
