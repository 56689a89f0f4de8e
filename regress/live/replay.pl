#!/usr/bin/perl
# What a client says first, taken on its way.
#
#	replay.pl ADDR:PORT FILE ANSWERS
#
# Carries connections there, from a port of 127.0.0.1 that it prints as "port
# N".  What the first client says before it has been given so many answers goes
# into FILE as well; then it prints "taken".

use strict;
use warnings;
use IO::Select;
use IO::Socket::INET;

my ($to, $file, $answers) = @ARGV;
my $listener = IO::Socket::INET->new(Listen => 50, LocalAddr => '127.0.0.1') or
    die "listen: $!\n";
my $select = IO::Select->new($listener);
my (%other, $client, $server);
my $said = '';

sub carry {
	my ($from, $peer) = @_;
	my $n = sysread($from, my $buf, 65536);
	return 0 unless $n;
	if ($from == $client) {
		$said .= $buf if $answers > 0;
	} elsif ($from == $server && $answers > 0 && --$answers == 0) {
		open(my $f, '>:raw', $file) or die "$file: $!\n";
		print $f $said;
		close $f or die "$file: $!\n";
		print "taken\n";
	}
	for (my $off = 0; $off < $n; ) {
		$off += syswrite($peer, $buf, $n - $off, $off) // return 0;
	}
	return 1;
}

$| = 1;
$SIG{PIPE} = 'IGNORE';
print 'port ', $listener->sockport, "\n";
while (1) {
	for my $fh ($select->can_read) {
		if ($fh == $listener) {
			my $c = $listener->accept or next;
			my $s = IO::Socket::INET->new($to) or next;
			($client, $server) = ($c, $s) unless $client;
			($other{$c}, $other{$s}) = ($s, $c);
			$select->add($c, $s);
			next;
		}
		my $peer = $other{$fh} or next;
		next if carry($fh, $peer);
		delete @other{$fh, $peer};
		$select->remove($fh, $peer);
		close $_ for $fh, $peer;
	}
}
