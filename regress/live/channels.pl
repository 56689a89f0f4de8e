# Channels between the processes of a daemon, from outside.
#
# channels.pl list PID	the daemon's parent: one line a channel and end,
#			"ROLE PID FD ROLE" with the role at the other end last
# channels.pl shut PID FD	ends reading on that end (root)

use strict;
use warnings;

sub role {
	my ($pid) = @_;
	open(my $f, '<', "/proc/$pid/cmdline") or return undef;
	my $title = do { local $/; <$f> } // '';
	$title =~ s/\0.*//s;
	return $title =~ /^rocketd: (.*)/ ? $1 =~ s/ /-/gr : 'parent';
}

sub list {
	my ($parent) = @_;
	my (%peer, %end);
	open(my $c, '<', "/proc/$parent/task/$parent/children") or die "$!";
	my @pids = ($parent, split(' ', <$c> // ''));
	for (`ss -xHO`) {
		my @f = split;
		$peer{$f[5]} = $f[7] if $f[0] eq 'u_str';
	}
	for my $pid (@pids) {
		for my $fd (glob("/proc/$pid/fd/*")) {
			my $to = readlink($fd) // next;
			$to =~ /^socket:\[(\d+)\]$/ or next;
			my $inode = $1;
			$end{$inode} = [ role($pid), $pid, $fd =~ s/.*\///r ];
		}
	}
	for my $inode (sort { $a <=> $b } keys %end) {
		my $p = $peer{$inode} or next;
		my ($here, $there) = ($end{$inode}, $end{$p});
		next unless $there and $here->[1] != $there->[1];
		# between these two are tunnels, and no channel
		next if "$here->[0] $there->[0]" =~ /^worker.* tls|^tls.* worker/;
		print "@$here $there->[0]\n";
	}
}

sub shut {
	my ($pid, $fd) = @_;
	my $p = syscall(434, $pid, 0);		# pidfd_open
	die "pidfd_open: $!\n" if $p == -1;
	my $mine = syscall(438, $p, $fd + 0, 0);	# pidfd_getfd
	die "pidfd_getfd: $!\n" if $mine == -1;
	open(my $s, '+<&=', $mine) or die "open: $!\n";
	shutdown($s, 0) or die "shutdown: $!\n";
}

my $what = shift // '';
if ($what eq 'list' && @ARGV == 1) {
	list(@ARGV);
} elsif ($what eq 'shut' && @ARGV == 2) {
	shut(map { $_ + 0 } @ARGV);
} else {
	die "usage: channels.pl list PID | shut PID FD\n";
}
