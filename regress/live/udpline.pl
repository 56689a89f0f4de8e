#!/usr/bin/perl
#
# A line for UDP whose other end moves, as a NAT's does that forgets, or carries
# nothing:
#
#	udpline.pl PORT SERVER	from the first port to the other, of 127.0.0.1
#
# Prints "ready".  Lines on standard input change it, and are answered with
# "done": "rebind" (from a new port), "from ADDR" (from there, and a new port),
# "burst N" (a new port after every N packets; 0: no more), "drop", "pass",
# "loss PERCENT".  At the end of input it says how many ports there were and what
# it carried.  What comes to an old port is lost.

use strict;
use warnings;
use IO::Select;
use IO::Socket::INET;
use Socket;

my ($port, $server) = @ARGV;
my ($addr, $burst, $drop, $loss) = ("127.0.0.1", 0, 0, 0);
my ($ports, $carried, $lost) = (0, 0, 0);
my %flows;			# by the client's address
my %behind;			# by the socket of a flow
my $to = pack_sockaddr_in($server, inet_aton("127.0.0.1"));

sub udp {
	my $s = IO::Socket::INET->new(Proto => "udp", LocalAddr => shift,
	    LocalPort => shift, Blocking => 0) or die "socket: $@\n";
	setsockopt($s, SOL_SOCKET, SO_RCVBUF, 4 << 20);
	setsockopt($s, SOL_SOCKET, SO_SNDBUF, 4 << 20);
	return $s;
}

$| = 1;
my $front = udp("127.0.0.1", $port);
my $all = IO::Select->new($front, \*STDIN);

sub rebind {
	my $f = shift;
	if (my $old = $f->{sock}) {
		$all->remove($old);
		delete $behind{$old};
		push(@{$f->{old}}, $old);	# so that its port stays taken
		shift @{$f->{old}} if @{$f->{old}} > 16;
	}
	$f->{sock} = udp($addr, 0);
	$f->{left} = $burst;
	$behind{$f->{sock}} = $f;
	$all->add($f->{sock});
	$ports++;
}

sub carry {
	my ($from, $s, $peer, $buf) = @_;
	if ($drop || $loss && rand(100) < $loss) {
		$lost++;
		return;
	}
	$carried++;
	send($s, $buf, 0, $peer);
}

sub order {
	my ($word, $n) = split(' ', shift);
	$drop = $word eq "drop" if $word =~ /^(drop|pass)$/;
	$burst = $n if $word eq "burst";
	$loss = $n if $word eq "loss";
	$addr = $n if $word eq "from";
	if ($word =~ /^(rebind|from|burst)$/) {
		rebind($_) for values %flows;
	}
	print "done\n";
}

my $input = "";
print "ready\n";
for (;;) {
	for my $s ($all->can_read) {
		if ($s == \*STDIN) {
			if (!sysread(STDIN, $input, 4096, length($input))) {
				print "ports $ports carried $carried lost $lost\n";
				exit;
			}
			order($1) while $input =~ s/^(.*)\n//;
			next;
		}
		for (1 .. 64) {
			my $peer = recv($s, my $buf, 65536, 0);
			last if !defined($peer);
			if ($s != $front) {
				my $f = $behind{$s} or last;
				carry($s, $front, $f->{client}, $buf);
				next;
			}
			my $f = $flows{$peer} //= { client => $peer };
			rebind($f) if !$f->{sock} ||
			    $burst && $f->{left}-- <= 0;
			carry($s, $f->{sock}, $to, $buf);
		}
	}
}
