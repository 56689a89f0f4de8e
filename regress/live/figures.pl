#!/usr/bin/perl
# Who asks for figures otherwise than a program would.
# figures.pl say PORT <request	sends it at once, prints the answer
# figures.pl drip PORT <request	octet by octet
# figures.pl slow PORT N	N connections with half a request each; prints
#				"held" when they are there, then how many of
#				them are closed once its input ends
use strict;
use warnings;
use IO::Select;
use IO::Socket::INET;
use Socket qw(IPPROTO_TCP TCP_NODELAY);

my ($how, $port, $n) = @ARGV;

sub come {
	my $s = IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port",
	    Timeout => 10) or die "connect: $!\n";
	setsockopt($s, IPPROTO_TCP, TCP_NODELAY, 1);
	return $s;
}

sub slow {
	my @all;

	for (1 .. $n) {
		my $s = come();
		syswrite($s, "GET /metrics HTTP/1.1\r\nHost: a\r\nX");
		push @all, $s;
	}
	$| = 1;
	print "held\n";
	1 while <STDIN>;
	my $closed = 0;
	for my $s (@all) {
		$s->blocking(0);
		my $r = sysread($s, my $octet, 1);
		$closed++ if defined $r || !$!{EAGAIN};
	}
	print "closed $closed\n";
}

if ($how eq 'slow') {
	slow();
	exit;
}
local $/;
my ($s, $request, $answer) = (come(), scalar <STDIN>, '');
$SIG{PIPE} = 'IGNORE';
for my $octets ($how eq 'drip' ? split(//, $request) : $request) {
	syswrite($s, $octets) or last;
}
my $wait = IO::Select->new($s);
while ($wait->can_read(20) && sysread($s, my $more, 65536)) {
	$answer .= $more;
}
print $answer;
