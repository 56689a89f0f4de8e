#!/usr/bin/perl
#
# usage: stayers.pl PORT...
#
# A user at each of these ports of 127.0.0.1, who stays; their target gives back
# what it is sent.  Prints "ready" when each has had an answer.  For each line
# that is read, a number of octets or nothing for one, each sends so many, and
# "look N" is printed with the ports whose users got all of them back, in order.
# Who did not is not asked again; "silent" is printed first if nothing told him.

use strict;
use warnings;
use IO::Select;
use IO::Socket::INET;

my $patience = 30;		# seconds without an octet
my $text = join('', map { sprintf('%07d ', $_) } 0 .. 8191);
my ($looks, @users) = (0);

$| = 1;
$SIG{PIPE} = 'IGNORE';

# Up to n octets of what repeats, from there on.
sub octets {
	my ($at, $n) = @_;
	return substr($text, $at % length($text), $n);
}

# One step of a user who may write or read: 0 if it is over for him.
sub step {
	my ($u, $n, $readable) = @_;
	my $s = $u->{socket};
	if ($u->{sent} < $n) {
		my $left = $n - $u->{sent};
		my $done = syswrite($s, octets($u->{sent},
		    $left < 65536 ? $left : 65536));
		return 0 if !defined($done) && !$!{EAGAIN};
		$u->{sent} += $done // 0;
	}
	return 1 if !$readable;
	my $want = $n - $u->{got};
	my $r = sysread($s, my $buf, $want < 65536 ? $want : 65536);
	return 1 if !defined($r) && $!{EAGAIN};
	return 0 if !$r;
	for (my $i = 0; $i < $r; ) {
		my $piece = octets($u->{got} + $i, $r - $i);
		return 0 if substr($buf, $i, length($piece)) ne $piece;
		$i += length($piece);
	}
	$u->{got} += $r;
	return 1;
}

# Those users who get n octets back.
sub look {
	my $n = shift;
	my ($r, $w, %of) = (IO::Select->new, IO::Select->new);
	for my $u (@_) {
		@$u{qw(sent got)} = (0, 0);
		$of{$u->{socket}} = $u;
		$_->add($u->{socket}) for $r, $w;
	}
	while ($r->count) {
		my ($can, $may) = IO::Select->select($r, $w, undef, $patience);
		last if !defined($can);
		my %readable = map { $_ => 1 } @$can;
		my %all = map { $_ => $_ } @$can, @$may;
		for my $s (values %all) {
			my $u = $of{$s};
			my $lives = step($u, $n, $readable{$s});
			$w->remove($s) if !$lives || $u->{sent} == $n;
			$r->remove($s) if !$lives || $u->{got} == $n;
		}
	}
	print "silent\n" if $r->count;
	return grep { $_->{got} == $n } @_;
}

for my $port (@ARGV) {
	my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
	    PeerPort => $port) or die "port $port: $!\n";
	syswrite($s, "echo\n");
	$s->blocking(0);
	push(@users, { port => $port, socket => $s });
}
look(1, @users) == @ARGV or die "not all have an answer\n";
print "ready\n";
while (my $line = <STDIN>) {
	chomp($line);
	@users = look($line || 1, @users);
	print join(' ', 'look', ++$looks, map { $_->{port} } @users), "\n";
}
