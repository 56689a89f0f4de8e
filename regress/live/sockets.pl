#!/usr/bin/perl
#
# usage: sockets.pl PID...
#
# The TCP sockets of processes with the options that they have, asked of the
# kernel through a copy of each descriptor (pidfd_getfd), not of the program.
# One line a socket, "listen LOCAL" or "LOCAL PEER", then NAME=VALUE.  Exits 2
# where the system does not let us.

use strict;
use warnings;
use Socket qw(:all);

# the same on every architecture of Linux
my ($SYS_pidfd_open, $SYS_pidfd_getfd) = (434, 438);
my @options = (
	[ 'lock', SOL_SOCKET, 72 ],		# SO_BUF_LOCK
	[ 'rcvbuf', SOL_SOCKET, SO_RCVBUF ],
	[ 'sndbuf', SOL_SOCKET, SO_SNDBUF ],
	[ 'keepalive', SOL_SOCKET, SO_KEEPALIVE ],
	[ 'nodelay', IPPROTO_TCP, TCP_NODELAY ],
	[ 'mss', IPPROTO_TCP, TCP_MAXSEG ],
	[ 'idle', IPPROTO_TCP, 4 ],		# TCP_KEEPIDLE
	[ 'interval', IPPROTO_TCP, 5 ],		# TCP_KEEPINTVL
	[ 'timeout', IPPROTO_TCP, 18 ],		# TCP_USER_TIMEOUT
);

sub name {
	my ($sa) = @_;
	my ($err, $host, $port) = getnameinfo($sa,
	    NI_NUMERICHOST | NI_NUMERICSERV);

	$host =~ s/^::ffff://;
	return $err ? '?' : $host =~ /:/ ? "[$host]:$port" : "$host:$port";
}

sub socket_line {
	my ($fh) = @_;
	my $local = getsockname($fh) or return;
	my $family = sockaddr_family($local);
	return if $family != AF_INET && $family != AF_INET6;
	my $type = getsockopt($fh, SOL_SOCKET, SO_TYPE);
	return if !defined $type || unpack('i', $type) != SOCK_STREAM;
	my $peer = getpeername($fh);
	my $line = defined $peer ? name($local) . ' ' . name($peer) :
	    'listen ' . name($local);

	for my $o (@options) {
		my $v = getsockopt($fh, $o->[1], $o->[2]);
		$line .= " $o->[0]=" . unpack('i', $v) if defined $v;
	}
	my $cc = getsockopt($fh, IPPROTO_TCP, 13);	# TCP_CONGESTION
	$line .= ' congestion=' . unpack('Z*', $cc) if defined $cc;
	print "$line\n";
}

for my $pid (@ARGV) {
	my $pidfd = syscall($SYS_pidfd_open, $pid + 0, 0);
	exit 2 if $pidfd == -1;
	opendir(my $dir, "/proc/$pid/fd") or exit 2;
	for my $n (sort { $a <=> $b } grep { /^\d+$/ } readdir($dir)) {
		next if (readlink("/proc/$pid/fd/$n") // '') !~ /^socket:/;
		my $fd = syscall($SYS_pidfd_getfd, $pidfd, $n + 0, 0);
		exit 2 if $fd == -1 && $!{EPERM};
		next if $fd == -1;		# closed meanwhile
		open(my $fh, '+<&=', $fd) or next;
		socket_line($fh);
	}
}
