#!/usr/bin/perl
#
# usage: relay.pl PORT
#
# Carries connections to PORT of 127.0.0.1, from a port that it prints as "port
# N", and says of each piece "c2s COUNT OCTETS" or "s2c COUNT OCTETS RUN TOTAL":
# how many pieces went that way so far, this one's length, and of the letter Z
# the longest run and how many there were.

use strict;
use warnings;
use IO::Select;
use IO::Socket::INET;

$| = 1;
my $to = shift;
my $listener = IO::Socket::INET->new(Listen => 50, LocalAddr => '127.0.0.1') or
    die "listen: $!\n";
my $select = IO::Select->new($listener);
my (%other, %way);
my %count = (c2s => 0, s2c => 0);
my ($run, $longest, $total) = (0, 0, 0);

sub letters {
	for my $piece ($_[0] =~ /(Z+|[^Z]+)/g) {
		if (substr($piece, 0, 1) ne 'Z') {
			$run = 0;
			next;
		}
		$run += length($piece);
		$total += length($piece);
		$longest = $run if $run > $longest;
	}
}

print 'port ', $listener->sockport, "\n";
while (1) {
	for my $fh ($select->can_read) {
		if ($fh == $listener) {
			my $c = $listener->accept or next;
			my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
			    PeerPort => $to);
			next if !$s;
			($other{$c}, $other{$s}) = ($s, $c);
			($way{$c}, $way{$s}) = ('c2s', 's2c');
			$select->add($c, $s);
			next;
		}
		my $peer = delete $other{$fh} or next;
		my $n = sysread($fh, my $buf, 65536);
		my $way = $way{$fh};
		if ($n) {
			letters($buf) if $way eq 's2c';
			my $off = 0;
			while ($off < $n) {
				$off += syswrite($peer, $buf, $n - $off, $off)
				    // last;
			}
			$other{$fh} = $peer;
			$count{$way}++;
			print "$way $count{$way} $n $longest $total\n";
			next;
		}
		delete $other{$peer};
		$select->remove($fh, $peer);
		close($_) for $fh, $peer;
	}
}
