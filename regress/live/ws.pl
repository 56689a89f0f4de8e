#!/usr/bin/perl
# A raw end of a tunnel over WebSocket.
#
#	ws.pl send PORT PATH HEX...	asks for it, then sends the octets; prints
#					what is answered behind the 101 in hex;
#					from $FROM, where that is set
#	ws.pl serve TEXT		prints "port N", answers every request
#					with TEXT (C's escapes)

use strict;
use warnings;
use IO::Socket::INET;

my $how = shift // die "usage: ws.pl send PORT PATH HEX... | serve TEXT\n";
$| = 1;
$SIG{PIPE} = 'IGNORE';
$SIG{ALRM} = sub { die "no answer\n" };

# Up to the empty line.
sub head {
	my ($s) = @_;
	my $head = '';
	while ($head !~ /\r\n\r\n\z/) {
		sysread($s, $head, 1, length $head) or
		    die "closed behind: $head\n";
	}
	return $head;
}

if ($how eq 'send') {
	my ($port, $path, @hex) = @ARGV;
	my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
	    PeerPort => $port, LocalAddr => $ENV{FROM}) or die "connect: $!\n";
	alarm 20;
	syswrite($s, "GET $path HTTP/1.1\r\nHost: a\r\n" .
	    "Upgrade: websocket\r\nConnection: Upgrade\r\n" .
	    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" .
	    "Sec-WebSocket-Version: 13\r\n\r\n");
	my $head = head($s);
	$head =~ /^HTTP\/1.1 101 .*\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=\r\n/s
	    or die "no upgrade: $head\n";
	syswrite($s, pack('H*', join('', @hex)));
	my $answer = '';
	1 while sysread($s, $answer, 65536, length $answer);
	print unpack('H*', $answer), "\n";
	exit 0;
}

my $text = $ARGV[0] =~ s/\\r/\r/gr =~ s/\\n/\n/gr;
my $l = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 10) or
    die "listen: $!\n";
print 'port ', $l->sockport, "\n";
while (my $s = $l->accept) {
	my $head = eval { head($s) };
	next unless defined $head;
	print $head =~ s/\r//gr;
	syswrite($s, $text);
}
