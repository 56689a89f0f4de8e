#!/usr/bin/perl
# SPDX-License-Identifier: ISC
#
# A user of a SOCKS 5 listener.
#
#	socks.pl HOW PORT HOST TPORT LINE	says what it wants, and LINE, and
#						then its end; prints the reply's
#						code, and what the target says
#	socks.pl crowd PORT HOST TPORT COUNT	COUNT at once, each with an echo of
#						its own; prints how many are right
#
# HOW: "early", all in one packet; "slowly", an octet each; "stays", as early, but
# its end comes with that of standard input; "silent", nothing at all, to the
# end of the connection.

use strict;
use warnings;
use IO::Select;
use IO::Socket::INET;
use Socket qw(TCP_NODELAY IPPROTO_TCP inet_aton);

my ($how, $port, $host, $tport, $line) = @ARGV;
$SIG{ALRM} = sub { die("nothing more in a minute\n") };
alarm(60);

sub come {
	my $s = IO::Socket::INET->new("127.0.0.1:$port") or die("connect: $!\n");

	setsockopt($s, IPPROTO_TCP, TCP_NODELAY, 1) or die("setsockopt: $!\n");
	binmode($s);
	return $s;
}

sub ask {
	my $address = $host =~ /^[0-9.]+$/ ? "\1" . inet_aton($host) :
	    "\3" . pack('C/a', $host);

	return "\5\1\0\5\1\0" . $address . pack('n', $tport);
}

sub take {
	my ($s, $n) = @_;
	my $got = '';

	while (length($got) < $n) {
		sysread($s, $got, $n - length($got), length($got)) or return;
	}
	return $got;
}

# The method's octets and the reply's code; undef: it has ended before.
sub reply {
	my ($s) = @_;
	my $method = take($s, 2) // return;
	my $reply = take($s, 10) // return;

	$method eq "\5\0" or die("method\n");
	return ord(substr($reply, 1, 1));
}

sub crowd {
	my $count = $line;
	my (@users, $right);

	for my $i (1 .. $count) {
		my $s = come();

		syswrite($s, ask() . "echo\nuser $i\n");
		push(@users, [$s, "user $i\n"]);
	}
	for my $u (@users) {
		my ($s, $said) = @$u;
		my $code = reply($s) // -1;

		$code == 0 or next;
		shutdown($s, 1);
		my $back = take($s, length($said)) // '';
		$right++ if ($back eq $said);
	}
	print "right ", $right // 0, "\n";
}

if ($how eq 'crowd') {
	crowd();
	exit(0);
}
my $s = come();
my $say = ask() . "$line\n";
if ($how eq 'early' || $how eq 'stays') {
	syswrite($s, $say) == length($say) or die("write\n");
} elsif ($how eq 'slowly') {
	for my $o (split(//, $say)) {
		syswrite($s, $o) == 1 or die("write\n");
		select(undef, undef, undef, 0.002);
	}
} else {
	my $rest = '';

	print "ended after ", sysread($s, $rest, 1) // 'a reset', "\n";
	exit(0);
}
my $code = reply($s) // die("no reply\n");
$| = 1;
print "code $code\n";
if ($how eq 'stays') {
	while (<STDIN>) {
	}
}
shutdown($s, 1);
while (sysread($s, my $buf, 65536)) {
	print $buf;
}
