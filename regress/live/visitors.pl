#!/usr/bin/perl
# One who asks a web server, octet for octet.
#
#	visitors.pl PORT [slow|header]	the request is on standard input
#
# Prints the answer without the value of its Date, and its end: "closed", or
# "reset".  slow: an octet at a time; header: only up to the empty line.

use strict;
use warnings;
use IO::Socket::INET;

my ($port, $how) = (@ARGV, '');
my $request = do { local $/; binmode STDIN; <STDIN> };
my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port,
    Proto => 'tcp') // die "connect: $!\n";
$SIG{PIPE} = 'IGNORE';
$SIG{ALRM} = sub { die "no answer\n" };
alarm 20;
if ($how eq 'slow') {
	for my $c (split //, $request) {
		syswrite($s, $c) // last;
		select(undef, undef, undef, 0.002);
	}
} else {
	syswrite($s, $request);
}
my ($answer, $end) = ('', 'closed');
while (1) {
	my $n = sysread($s, $answer, 65536, length $answer);
	next if $n;
	$end = 'reset' unless defined $n;
	last;
}
$answer =~ s/\r\nDate: \w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT\r\n/\r\nDate: now\r\n/;
$answer =~ s/\r\n\r\n.*/\r\n\r\n/s if $how eq 'header';
$answer =~ s/\r//g;
print $answer, "$end\n";
