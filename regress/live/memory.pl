#!/usr/bin/perl
# memory.pl PID STRING|hex:OCTETS: how often that stands in a process's
# readable memory.

use strict;
use warnings;
no warnings "portable";		# 64-bit addresses

my ($pid, $what) = @ARGV;
$what = pack('H*', $1) if $what =~ /^hex:([0-9a-f]+)$/;
die "nothing to look for\n" if length($what) < 16;
open(my $maps, '<', "/proc/$pid/maps") or die "maps: $!\n";
open(my $mem, '<:raw', "/proc/$pid/mem") or die "mem: $!\n";
my $found = 0;
while (<$maps>) {
	my ($from, $to, $prot, $name) =
	    /^([0-9a-f]+)-([0-9a-f]+) (\S+) \S+ \S+ \S+ *(.*)$/ or next;
	next if $prot !~ /^r/ || $name =~ /^\[v(var|dso|syscall)/;
	my ($at, $end) = (hex $from, hex $to);
	my $tail = '';
	while ($at < $end) {
		my $n = $end - $at < 1 << 20 ? $end - $at : 1 << 20;
		sysseek($mem, $at, 0) or last;
		my $got = sysread($mem, my $buf, $n) or last;
		$at += $got;
		$buf = $tail . $buf;
		my $pos = -1;
		$found++ while ($pos = index($buf, $what, $pos + 1)) >= 0;
		$tail = substr($buf, -(length($what) - 1));
	}
}
print "$found\n";
