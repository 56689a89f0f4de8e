#!/usr/bin/perl
# abort.pl UPORT: users of that port and their target, which end in ways that
# are no end in order.  Reads "MODE N" from standard input, a line for N users
# one after another; "show MODE" says what became of them at the other end:
# how many were seen, and how many of these ended in order though they should
# not have, or with octets missing.

use strict;
use warnings;
use IO::Select;
use IO::Socket::INET;
use Socket qw(SOL_SOCKET SO_LINGER MSG_OOB);

my $uport = shift;
my $much = 300000;		# more than goes on its way at once
my $l = IO::Socket::INET->new(Listen => 1024, LocalAddr => '127.0.0.1') or die;
my $all = IO::Select->new($l);
my (%target, @held, $mode, $accepted, $seen, $short);
my ($fins, $octets) = (0, '');

$| = 1;
$SIG{PIPE} = 'IGNORE';
print "port ", $l->sockport, "\n";

sub rst {			# closes it by a reset
	my ($s) = @_;
	setsockopt($s, SOL_SOCKET, SO_LINGER, pack('ii', 1, 0)) or die;
	close($s);
}

# How the other end ended; in order is right if all of it came before.
sub ended {
	my ($got, $clean) = @_;
	$seen++;
	$short++ if $clean && !($mode =~ /fin/ && $got == 100);
}

sub gone {
	my ($s) = @_;
	$all->remove($s);
	delete $target{$s};
}

sub accepted {
	my $s = $l->accept or return;
	if ($mode eq 't-now') {
		rst($s);
		return;
	}
	$s->blocking(0);
	$accepted++;
	$target{$s} = { got => 0 };
	if ($mode eq 'u-bulk') {
		push @held, $s;
	} else {
		$all->add($s);
	}
	return if $mode !~ /^t-/;
	syswrite($s, 'x' x ($mode eq 't-bulk' ? $much : 100));
	shutdown($s, 1) if $mode eq 't-fin';
	gone($s);
	rst($s);
}

sub heard {
	my ($s) = @_;
	my $n = sysread($s, my $buf, 65536);
	if ($n) {
		my $t = $target{$s};
		$octets .= $buf if $mode eq 'urgent';
		my $answers = $t->{got} < 100 && $t->{got} + $n >= 100;
		$t->{got} += $n;
		# A write that fails has taken the error from the read.
		return if !$answers || syswrite($s, 'k');
		$n = undef;
	} elsif (!defined($n) && $!{EAGAIN}) {
		return;
	}
	if ($mode eq 'urgent') {
		$fins++;
		syswrite($s, 'k');
	} else {
		ended($target{$s}->{got}, defined($n));
	}
	gone($s);
	close($s);
}

sub pump {			# the target's part, for so long at most
	for my $s ($all->can_read($_[0])) {
		$s == $l ? accepted() : heard($s);
	}
}

# Reads the user's socket to its end; what came, and was it in order?
sub drain {
	my ($s, $failed) = @_;
	return (0, 0) if $failed;
	my $me = IO::Select->new($s);
	my ($got, $tries) = (0, 0);
	while ($tries++ < 3000) {
		pump(0);
		next unless $me->can_read(0.01);
		my $n = sysread($s, my $buf, 65536);
		next if !defined($n) && $!{EAGAIN};
		return ($got, defined($n)) unless $n;
		$got += $n;
	}
	die "no end came in mode $mode\n";
}

# Writes as much; 1: it was reset meanwhile, and the error is taken.
sub give {
	my ($s, $n) = @_;
	my $me = IO::Select->new($s);
	for (my $tries = 0; $n > 0 && $tries < 3000; $tries++) {
		pump(0);
		next unless $me->can_write(0.01);
		my $w = syswrite($s, 'x' x $n);
		return 1 if !defined($w) && !$!{EAGAIN};
		$n -= $w if $w;
	}
	return 0;
}

sub user {
	my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
	    PeerPort => $uport) or die "connect: $!\n";
	$s->blocking(0);
	if ($mode =~ /^t-/) {		# waits for the end
		ended(drain($s, give($s, 100)));
		close($s);
		return;
	}
	if ($mode eq 'urgent') {
		send($s, 'ABOR!', MSG_OOB);
		syswrite($s, 'NEXT');
		shutdown($s, 1);
		drain($s);
		return;
	}
	my $me = IO::Select->new($s);
	my $before = $accepted;
	give($s, $mode eq 'u-bulk' ? $much : 100) if $mode ne 'u-nothing';
	for (my $i = 0; $i < 3000 && (($mode eq 'u-late' &&
	    !$me->can_read(0)) || ($mode eq 'u-bulk' &&
	    $accepted == $before)); $i++) {
		pump(0.01);
	}
	shutdown($s, 1) if $mode eq 'u-fin';
	rst($s);
}

while (my $line = <STDIN>) {
	my ($what, $arg) = split(' ', $line);
	if ($what eq 'show') {
		for (my $i = 0; $i < 1000 && (%target || $all->can_read(0));
		    $i++) {
			pump(0.01);
		}
		print "$arg seen $seen short $short open ",
		    scalar(keys %target), "\n";
		print "urgent $fins $octets\n" if $arg eq 'urgent';
		next;
	}
	($mode, $accepted, $seen, $short) = ($what, 0, 0, 0);
	user() for 1 .. $arg;
	$all->add(splice(@held)) if @held;	# now the target reads
	pump(0);
	print "done $mode\n";
}
