#!/usr/bin/perl
#
# Users who have datagrams relayed by SOCKS 5, and what they ask there.
#
#	socksudp.pl names ADDR PORT	a name server: every name is at 192.0.2.1;
#		prints "port N" (0: any)
#	socksudp.pl user [FROM] ADDR PORT ACTION...	has an association, from the
#		address FROM, and does what is asked, with a line for each
#
# "name" is a program that says which port its datagrams come from; then its
# datagrams come from there, and "other" ones from another.  An action is
#
#	associate		again, with another connection
#	name			names its port (before any other)
#	echo,HOST,PORT,SIZE...	each comes back as it was
#	both,HOST,PORT,HOST,PORT,N	N at once to two places, and from each its own
#	query,HOST,PORT,NAME	an answer for a name
#	frag,HOST,PORT		a fragment is not answered
#	other,HOST,PORT		a datagram from another port
#	stranger,FROM,HOST,PORT	one from another address
#	leave			ends the connection
#	gone,HOST,PORT		nothing is answered any more
#	ended			how the connection is: "ended", "reset"
#
# Datagrams may be lost, and are sent again then.  HOST is an address or a name,
# and is sent as what it is.

use strict;
use warnings;
use IO::Select;
use Socket qw(:all);
use Time::HiRes qw(time);

use constant { BUFFER => 4 << 20, PATIENCE => 2, TRIES => 10, SHORT => 0.3 };

$| = 1;

sub address {
	my ($host, $port, $type) = @_;
	my ($err, @all) = getaddrinfo($host, $port, { socktype => $type,
	    flags => AI_NUMERICHOST });

	die "$host: $err\n" if $err;
	return @{$all[0]}{qw(family addr)};
}

sub bound {
	my ($host, $port, $type) = @_;
	my ($family, $sa) = address($host, $port, $type);

	socket(my $s, $family, $type, 0) or die "socket: $!\n";
	if ($type == SOCK_DGRAM) {
		setsockopt($s, SOL_SOCKET, $_, BUFFER) for SO_RCVBUF, SO_SNDBUF;
	}
	bind($s, $sa) or die "$host port $port: $!\n";
	return $s;
}

sub port_of {
	my ($err, undef, $port) = getnameinfo(getsockname($_[0]),
	    NI_NUMERICHOST | NI_NUMERICSERV);

	return $port;
}

# ---- a name server ----

sub names {
	my $s = bound(@_, SOCK_DGRAM);

	print 'port ', port_of($s), "\n";
	for (;;) {
		my $from = recv($s, my $q, 65536, 0) // next;
		next if length($q) < 17;
		my ($id, $body) = unpack('n x10 a*', $q);
		send($s, pack('n n n n n n', $id, 0x8180, 1, 1, 0, 0) . $body .
		    pack('n n n N n a4', 0xc00c, 1, 1, 60, 4,
		    inet_aton('192.0.2.1')), 0, $from);
	}
}

sub query {
	my ($name) = @_;

	return pack('n n n n n n', 4711, 0x0100, 1, 0, 0, 0) .
	    join('', map { pack('C/a*', $_) } split(/\./, $name)) .
	    pack('C n n', 0, 1, 1);
}

# ---- SOCKS 5 ----

# The octets of an address, or of a name, and a port.
sub dest {
	my ($host, $port) = @_;

	return pack('C a4 n', 1, inet_aton($host), $port)
	    if $host =~ /^[\d.]+$/;
	return pack('C a16 n', 4, inet_pton(AF_INET6, $host), $port)
	    if $host =~ /:/;
	return pack('C C/a* n', 3, $host, $port);
}

sub header { return pack('n C', 0, 0) . dest(@_) }

sub octets {
	my ($s, $n) = @_;
	my $all = '';

	while (length($all) < $n) {
		sysread($s, $all, $n - length($all), length($all)) or
		    die "the connection has ended\n";
	}
	return $all;
}

# A connection with an association: it, and where datagrams go.
sub associate {
	my ($from, $addr, $port, $named) = @_;
	my $tcp = bound($from, 0, SOCK_STREAM);
	my ($family, $sa) = address($addr, $port, SOCK_STREAM);

	connect($tcp, $sa) or die "connect: $!\n";
	syswrite($tcp, pack('C3', 5, 1, 0));
	octets($tcp, 2) eq pack('C2', 5, 0) or die "it wants a password\n";
	syswrite($tcp, pack('C3', 5, 3, 0) . dest($family == AF_INET ?
	    '0.0.0.0' : '::', $named));
	my ($code, $type) = unpack('x C x C', octets($tcp, 4));
	my ($ip, $at) = unpack($type == 1 ? 'a4 n' : 'a16 n',
	    octets($tcp, $type == 1 ? 6 : 18));
	if ($code != 0) {
		print "refused $code\n";
		exit;
	}
	return ($tcp, $type == 1 ? pack_sockaddr_in($at, $ip) :
	    pack_sockaddr_in6($at, $ip));
}

my ($tcp, $udp, $to, $other);

# Sends it until an answer comes, which must be from the relay: that, or undef.
sub ask {
	my ($s, $datagram, $tries, $patience) = @_;
	my $in = IO::Select->new($s);

	for (1 .. $tries) {
		send($s, $datagram, 0, $to) // die "send: $!\n";
		next if !$in->can_read($patience);
		my $from = recv($s, my $got, 65536, 0) // next;
		return $from eq $to ? $got : 'of another';
	}
	return;
}

sub answer {
	my ($s, $datagram, $tries, $patience) = @_;
	my $got = ask($s, $datagram, $tries // TRIES, $patience // PATIENCE);

	return !defined($got) ? 'silence' : $got eq $datagram ? 'same' :
	    'other';
}

sub text {
	my ($n, $size) = @_;

	return substr(join('', map { chr(($_ * 7 + $n * 31 + ($_ >> 8)) & 255)
	    } 0 .. 1023) x (1 + int($size / 1024)), 0, $size);
}

sub both {
	my ($h1, $p1, $h2, $p2, $n) = @_;
	my @heads = (header($h1, $p1), header($h2, $p2));
	my (%left, $wrong);
	my $in = IO::Select->new($udp);

	for my $i (0 .. $n - 1) {
		$left{$heads[$_] . text($i, 100 + $i) . $_} = 1 for 0, 1;
	}
	$wrong = 0;
	for (1 .. TRIES) {
		send($udp, $_, 0, $to) for sort keys(%left);
		while (%left && $in->can_read(SHORT)) {
			recv($udp, my $got, 65536, 0) // next;
			delete($left{$got}) // $wrong++;
		}
		last if !%left;
	}
	return 'both ' . (2 * $n - keys(%left)) . " wrong $wrong";
}

# Late answers, and those to what was sent twice.
sub quiet {
	my $in = IO::Select->new($_[0]);

	recv($_[0], my $old, 65536, 0) while $in->can_read(0);
}

my %actions = (
	echo => sub {
		my ($host, $port, @sizes) = @_;
		return join(' ', map { quiet($udp);
		    answer($udp, header($host, $port) . text($_, $_)) } @sizes);
	},
	both => sub { quiet($udp); return both(@_) },
	query => sub {
		my ($host, $port, $name) = @_;
		my $head = header($host, $port);
		quiet($udp);
		my $got = ask($udp, $head . query($name), TRIES, PATIENCE);
		return 'silence' if !defined($got);
		return 'another header' if index($got, $head) != 0;
		return 'another query' if index($got, substr(query($name), 12))
		    != length($head) + 12;
		return inet_ntoa(substr($got, -4));
	},
	frag => sub {
		quiet($udp);
		return answer($udp, pack('n C', 0, 1) . dest(@_) . 'x', 3,
		    SHORT);
	},
	other => sub {
		$other //= bound('127.0.0.1', 0, SOCK_DGRAM);
		return answer($other, header(@_) . 'x', 3, SHORT);
	},
	stranger => sub {
		my $s = bound(shift, 0, SOCK_DGRAM);
		return answer($s, header(@_) . 'x', 3, SHORT);
	},
	leave => sub { close($tcp); return 'left' },
	gone => sub {
		for (1 .. 50) {
			quiet($udp);
			return 'silence' if answer($udp, header(@_) . 'x', 3,
			    SHORT) eq 'silence';
		}
		return 'answers';
	},
	ended => sub {
		return 'stays' if !IO::Select->new($tcp)->can_read(20);
		my $n = sysread($tcp, my $more, 1);
		return !defined($n) ? 'reset' : $n ? 'more' : 'ended';
	});

sub user {
	my $from = $_[2] =~ /^\d+$/ ? shift : '127.0.0.1';
	my ($addr, $port, @todo) = @_;
	my $named = 0;

	$udp = bound($from, 0, SOCK_DGRAM);
	if (@todo && $todo[0] eq 'name') {
		shift(@todo);
		$named = port_of($udp);
	}
	($tcp, $to) = associate($from, $addr, $port, $named);
	for (@todo) {
		my ($what, @of) = split(/,/);
		if ($what eq 'associate') {
			($tcp, $to) = associate($from, $addr, $port, $named);
			print "associated\n";
			next;
		}
		print $actions{$what}->(@of), "\n";
	}
}

my $what = shift // '';
$what eq 'names' ? names(@ARGV) : user(@ARGV);
