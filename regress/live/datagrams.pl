#!/usr/bin/perl
#
# Both ends of the live tests' datagrams: a target that gives back what it gets,
# and users that check every octet, and who answers.
#
#	datagrams.pl serve ADDR PORT [proxy]	prints "port N" (0: any).  proxy:
#		a PROXY header goes before each; "from USER to LISTENER" is printed
#		when it is another one, "bad" when there is none; the rest goes back
#	datagrams.pl sizes ADDR PORT SIZE...	one user, a datagram of each size
#	datagrams.pl crowd ADDR PORT N ROUNDS [FROM]	N users at once, in each
#		round a datagram of each
#	datagrams.pl user ADDR PORT [FROM]	does what standard input asks for,
#		and answers each with a line, "NUMBER: "
#		and
#		ask MS		again and again until one is answered: "back" or
#				"silence"
#		once MS		the same with one datagram
#		flood N SIZE	"got N" of so many sent at once
#
# Datagrams may be lost, and are sent again then; wrong are those that are
# another's, of another length, changed, or from where nothing was sent to.

use strict;
use warnings;
use IO::Select;
use Socket qw(:all);
use Time::HiRes qw(time);

use constant BUFFER => 4 << 20;

$| = 1;

sub address {
	my ($host, $port) = @_;
	my ($err, @all) = getaddrinfo($host, $port, { socktype => SOCK_DGRAM,
	    flags => AI_NUMERICHOST });

	die "$host: $err\n" if $err;
	return @{$all[0]}{qw(family addr)};
}

sub words {
	my ($sa) = @_;
	my ($err, $host, $port) = getnameinfo($sa,
	    NI_NUMERICHOST | NI_NUMERICSERV);

	return $err ? '?' : $host =~ /:/ ? "[$host]:$port" : "$host:$port";
}

sub bound {
	my ($host, $port) = @_;
	my ($family, $sa) = address($host, $port);

	socket(my $s, $family, SOCK_DGRAM, 0) or die "socket: $!\n";
	setsockopt($s, SOL_SOCKET, $_, BUFFER) for SO_RCVBUF, SO_SNDBUF;
	bind($s, $sa) or die "$host port $port: $!\n";
	return $s;
}

sub user {
	my ($addr, $from) = @_;

	return bound($from // ($addr =~ /:/ ? '::' : '0.0.0.0'), 0);
}

# What a user says, by who it is, which one and how long: it begins with both
# where there is room.
sub text {
	my ($who, $n, $size) = @_;
	my $key = "$who $n ";
	my $some = $key . join('', map { chr((ord(substr($key, $_ %
	    length($key), 1)) * 7 + $_ * 13) & 255) } 0 .. 250);

	return substr($some x (int($size / length($some)) + 1), 0, $size);
}

# The octets behind a header of version 2, and who it speaks of.
sub unproxied {
	my ($all) = @_;

	return unless substr($all, 0, 12) eq
	    "\r\n\r\n\0\r\nQUIT\n" && length($all) >= 16;
	my ($what, $kind, $len) = unpack('x12 C C n', $all);
	my $body = substr($all, 16, $len);

	return if $what != 0x21 || length($body) != $len;
	my ($size, $pack) = $kind == 0x12 ? (4, \&pack_sockaddr_in) :
	    $kind == 0x22 ? (16, \&pack_sockaddr_in6) : return;
	return if $len < 2 * $size + 4;
	my ($from, $to, $sport, $dport) = unpack("a$size a$size n n", $body);

	return (substr($all, 16 + $len), 'from ' . words($pack->($sport,
	    $from)) . ' to ' . words($pack->($dport, $to)));
}

sub serve {
	my ($addr, $port, $proxy) = @_;
	my $s = bound($addr, $port);
	my ($is, $was) = ('', '');

	print 'port ', (words(getsockname($s)) =~ /(\d+)$/)[0], "\n";
	for (;;) {
		my $from = recv($s, my $buf, 65536, 0) // next;
		if ($proxy) {
			($buf, $is) = unproxied($buf);
			$is = 'bad' if !defined($buf);
			print "$is\n" if $is ne $was;
			$was = $is;
			next if !defined($buf);
		}
		send($s, $buf, 0, $from);
	}
}

sub sizes {
	my ($addr, $port, @sizes) = @_;
	my (undef, $to) = address($addr, $port);
	my $s = user($addr);
	my $in = IO::Select->new($s);
	my ($done, $again, $wrong, $n) = (0, 0, 0, 0);

	for my $size (@sizes) {
		my ($text, $tries, $got) = (text('sizes', $n++, $size), 0);
		while (!defined($got) && $tries++ < 20) {
			send($s, $text, 0, $to) // die "send: $!\n";
			next if !$in->can_read(2);
			my $from = recv($s, $got, 65536, 0);
			$wrong++ if $from ne $to || $got ne $text;
		}
		$again += $tries - 1;
		$done += defined($got);
	}
	print "done $done again $again wrong $wrong\n";
}

sub crowd {
	my ($addr, $port, $n, $rounds, $from) = @_;
	my (undef, $to) = address($addr, $port);
	my @all = map { user($addr, $from) } 1 .. $n;
	my $in = IO::Select->new(@all);
	my %who = map { ($all[$_] => $_) } 0 .. $#all;
	my ($done, $again, $wrong) = (0, 0, 0);

	for my $round (1 .. $rounds) {
		my %left = map { $_ => text($_, $round, ($_ * 37 + $round *
		    211) % 1400) } 0 .. $#all;
		my %old;
		for my $try (1 .. 20) {
			for (sort { $a <=> $b } keys(%left)) {
				send($all[$_], $left{$_}, 0, $to) // die;
			}
			$again += keys(%left) if $try > 1;
			while (%left && (my @ready = $in->can_read(2))) {
				for my $s (@ready) {
					my $sa = recv($s, my $got, 65536, 0);
					my $i = $who{$s};
					my $want = $left{$i} // $old{$i};
					$wrong++ if $sa ne $to ||
					    $got ne $want;
					$old{$i} = $want;
					delete($left{$i});
				}
			}
			last if !%left;
		}
		$done += keys(%old);
		# late answers to what was sent again are of this round
		while (my @ready = $in->can_read($again ? 0.3 : 0)) {
			recv($_, my $late, 65536, 0) for @ready;
		}
	}
	print "done $done again $again wrong $wrong\n";
}

# Datagrams until one is answered: what came of it
sub ask {
	my ($s, $to, $n, $ms, $once) = @_;
	my $in = IO::Select->new($s);
	my $end = time + $ms / 1000;
	my $text = text($$, $n, 500);
	my ($next, $now, $got) = (0);

	while (($now = time) < $end) {
		if ($now >= $next) {
			send($s, $text, 0, $to);
			$next = $once ? $end : $now + 0.1;
		}
		next if !$in->can_read($next < $end ? $next - $now :
		    $end - $now);
		my $from = recv($s, $got, 65536, 0) // next;
		return 'wrong' if $from ne $to;
		return 'back' if $got eq $text;
	}
	return 'silence';
}

sub flood {
	my ($s, $to, $n, $size) = @_;
	my $in = IO::Select->new($s);
	my $got = 0;

	for my $i (1 .. $n) {
		send($s, text($$, $i, $size), 0, $to);
		while ($in->can_read(0)) {
			$got += length(recv($s, my $b, 65536, 0)) > 0;
		}
	}
	while ($in->can_read(1)) {
		$got += length(recv($s, my $b, 65536, 0)) > 0;
	}
	return "got $got";
}

sub asked {
	my ($addr, $port, $from) = @_;
	my (undef, $to) = address($addr, $port);
	my $s = user($addr, $from);
	my $n = 0;

	print 'from ', words(getsockname($s)), "\n";
	while (defined(my $line = <STDIN>)) {
		my ($what, @how) = split(' ', $line);
		$n++;
		print "$n: ", $what eq 'flood' ? flood($s, $to, @how) :
		    ask($s, $to, $n, $how[0], $what eq 'once'), "\n";
	}
}

my %does = (serve => \&serve, sizes => \&sizes, crowd => \&crowd,
    user => \&asked);
my $what = $does{shift // ''} or die "usage: datagrams.pl serve|sizes|...\n";
$what->(@ARGV);
