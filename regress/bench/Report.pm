# What was measured, as a table, as JSON, and held against the aims.  A figure
# is the median of its samples; a ratio is one of two medians of the same run.

package Report;

use strict;
use warnings;
use JSON::PP;
use List::Util qw(min max);
use Rows;
use Wan;

my $REFERENCE = 'haproxy';
my $DATAGRAMS = 'udp direct';	# the reference for those
my $PROXIES = 'socks microsocks';	# and for these
my @MODES = qw(reference bare sealed);
my @BULK = qw(up1 down1 up8 down8);

sub save {
	my ($path, $result) = @_;
	my $text = JSON::PP->new->canonical->pretty->encode($result);
	open(my $fh, '>', "$path.new") or die "$path.new: $!\n";
	print $fh $text;
	close($fh) or die "$path.new: $!\n";
	rename("$path.new", $path) or die "$path: $!\n";
}

# (median, min, max) or nothing
sub stat_of {
	my ($result, $subject, $figure) = @_;
	my @v = sort { $a <=> $b }
	    @{$result->{samples}{$subject}{$figure} // []};
	@v or return;
	my $mid = @v % 2 ? $v[$#v / 2] : ($v[@v / 2 - 1] + $v[@v / 2]) / 2;
	return ($mid, $v[0], $v[-1]);
}

sub median {
	my ($m) = stat_of(@_);
	return $m;
}

sub figure {
	my ($n) = @_;
	return '-' if !defined($n);
	return sprintf('%.0f', $n) if abs($n) >= 100;
	return sprintf('%.1f', $n) if abs($n) >= 10;
	return sprintf('%.2f', $n);
}

sub cell {
	my ($mid, $min, $max) = @_;
	return '-' if !defined($mid);
	return figure($mid) if $min == $max;
	return figure($mid) . ' (' . figure($min) . '-' . figure($max) . ')';
}

sub ratio {
	my ($x, $y) = @_;
	return defined($x) && $y ? $x / $y : undef;
}

# Datagrams, as sections.
sub udp_sections {
	my @ways = (['up', 1], ['up', 100], ['down', 1], ['down', 100]);
	my $per = sub {
		my ($title, $figure, $to) = @_;
		return map { my ($way, $n) = @$_; [sprintf($title, $way, $n),
		    $to, map { ["u$way${n}_$_.$figure", "$_ octets"] }
		    @Rows::SIZES] } @ways;
	};
	return ($per->('Datagrams a second %s, flows: %d', 'per_s',
	    $DATAGRAMS),
	    $per->('MB/s of datagrams %s, flows: %d', 'mb_s', $DATAGRAMS),
	    $per->('CPU us a datagram %s, flows: %d', 'cpu', 0),
	    ['10,000 datagrams of 1,400 octets a second up', 0,
	    ['upaced.loss', 'lost, %'], ['upaced.cpu', 'CPU us each']],
	    ['Ping-pong of a datagram of 64 octets, us', $DATAGRAMS,
	    ['uping.p50', 'p50'], ['uping.p99', 'p99'],
	    ['uping.lost', 'lost']]);
}

# Streams and connections, as sections: those of rows with this letter before
# their names, of whom, and compared with whom.
sub stream_sections {
	my ($letter, $whose, $to) = @_;
	my @ways = map { ["$letter$_->[0]", $_->[1]] } (['up1', '1 up'],
	    ['down1', '1 down'], ['up8', '8 up'], ['down8', '8 down']);
	my ($rate, $ping) = ("${letter}rate", "${letter}ping");
	return (["${whose}Throughput, MB/s: streams and their direction, as " .
	    'users see it', $to, map { ["$_->[0].mb_s", $_->[1]] } @ways],
	    ["${whose}CPU of all its processes, s/GB", $to,
	    map { ["$_->[0].cpu", $_->[1]] } @ways],
	    ["${whose}Short connections, 32 at once: 64 octets there and back",
	    $to, ["$rate.per_s", 'a second'], ["$rate.cpu", 'CPU us each'],
	    ["$rate.p50", 'p50 us'], ["$rate.p99", 'p99 us']],
	    ["${whose}Ping-pong of 64 octets, us", $to,
	    ["$ping.p50", 'idle p50'], ["$ping.p99", 'idle p99'],
	    $letter ? () : (['beside.p50', 'beside bulk p50'],
	    ['beside.p99', 'beside bulk p99'])]);
}

# Heading; whose figures all are compared with; then columns: a figure, its
# heading, and what to divide it by.
my @SECTIONS = (
	stream_sections('', '', $REFERENCE),
	['Private memory of all its processes, MiB', 0,
	    ['mem0.private', 'idle', 1024],
	    ['mem1000.private', '1000 streams', 1024],
	    ['mem9000.private', '9000 streams', 1024],
	    ['mem1000.stream', 'KiB a stream (1000)'],
	    ['mem9000.stream', 'KiB a stream (9000)']],
	['Resident memory, shared pages counted in each process, MiB', 0,
	    ['mem0.rss', 'idle', 1024], ['mem1000.rss', '1000 streams', 1024],
	    ['mem9000.rss', '9000 streams', 1024],
	    ['mem0.processes', 'processes']],
	['The same by iperf3, one stream down, MB/s: a check of the generator',
	    0, ['iperf.mb_s', 'iperf3'], ['down1.mb_s', 'ours']],
	udp_sections(),
	stream_sections('s', 'Asked by SOCKS 5: ', $PROXIES),
	(map { my $n = Wan::name(@$_);
	    [sprintf('Link of %d ms round trip, %g %% loss each way', @$_), 0,
	    ["$n.mb_s", '1 down, MB/s'], ["$n.p50", 'ping p50 ms', 1000],
	    ["${n}b.p50", 'beside bulk p50 ms', 1000],
	    ["${n}b.mb_s", 'MB/s meanwhile']] } @Wan::SLOW),
	(map { my $n = Wan::name(@$_);
	    [sprintf('Bad line of %d Mbit/s, %d ms round trip, %g %% loss each ' .
	    'way', @$_[2, 0, 1]), 'direct', ["$n.mb_s", '1 down, MB/s'],
	    ["${n}m.mb_s", '8 down, MB/s'], ["$n.p50", 'ping p50 ms', 1000],
	    ["${n}b.p50", 'beside bulk p50 ms', 1000]] } @Wan::BAD),
);

sub section {
	my ($result, $title, $to, @cols) = @_;
	my $text = "\n$title\n";
	my @of = grep { my $s = $_; grep { defined(median($result, $s->{name},
	    $_->[0])) } @cols } @{$result->{subjects}};
	my %cells = map { my $name = $_->{name}; ($name => [map {
	    my $d = $_->[2] // 1; cell(map { $_ / $d }
	    stat_of($result, $name, $_->[0])) } @cols]) } @of;
	my $w = max(17, map { length($_) + 2 } map({ $_->[1] } @cols),
	    map({ @$_ } values %cells));
	my $names = max(20, map { length($_->{name}) } @of);
	$text .= ' ' x ($names + 2) . join('', map { sprintf("%${w}s",
	    $_->[1]) } @cols);
	$text .= $to ? "   x $to\n" : "\n";
	my $mode = '';
	for my $s (@of) {
		$text .= "$s->{mode}\n" if $mode ne $s->{mode};
		$mode = $s->{mode};
		my $line = sprintf("  %-${names}s", $s->{name}) .
		    join('', map { sprintf("%${w}s", $_) }
		    @{$cells{$s->{name}}});
		if ($to) {
			$line .= '  ' . join('', map { my $r = ratio(
			    median($result, $s->{name}, $_->[0]),
			    median($result, $to, $_->[0]));
			    sprintf('%7s', figure($r)) } @cols);
		}
		$text .= "$line\n";
	}
	return @of ? $text : '';
}

# One aim: met when ours is at least (or with `<=' at most) so many times that
# of the other, or, without one, so much by itself.
sub aim {
	my ($what, $ours, $op, $limit, $other, $whose) = @_;
	my $r = defined($whose) ? ratio($ours, $other) : $ours;
	return if !defined($r);
	return { what => $what, ours => $ours, other => $other,
	    whose => $whose, op => $op, limit => $limit, ratio => $r,
	    met => ($op eq '>=' ? $r >= $limit : $r <= $limit) ?
	    JSON::PP::true : JSON::PP::false };
}

sub against_reference {
	my ($result) = @_;
	my $m = sub { median($result, @_) };
	my (@aims, $none, $tls);
	($none, $tls) = ('rocketd none', 'rocketd tls');
	for my $row (@BULK) {
		push @aims, aim("bare $row, MB/s", $m->($none, "$row.mb_s"),
		    '>=', 0.95, $m->($REFERENCE, "$row.mb_s"), $REFERENCE);
	}
	for my $row (@BULK) {
		push @aims, aim("bare $row, CPU s/GB", $m->($none, "$row.cpu"),
		    '<=', 1.5, $m->($REFERENCE, "$row.cpu"), $REFERENCE);
	}
	for my $row (@BULK) {
		push @aims, aim("sealed $row, MB/s", $m->($tls, "$row.mb_s"),
		    '>=', 0.5, $m->($none, "$row.mb_s"), 'bare');
	}
	for my $s ($none, $tls) {
		push @aims, aim("$s, new users a second",
		    $m->($s, 'rate.per_s'), '>=', 1.5,
		    $m->($REFERENCE, 'rate.per_s'), $REFERENCE),
		    aim("$s, ping-pong p50", $m->($s, 'ping.p50'), '<=', 1,
		    $m->($REFERENCE, 'ping.p50'), $REFERENCE);
	}
	return @aims;
}

# What a line carries for one connection, a tunnel has to carry too.
sub line_aims {
	my ($result) = @_;
	my @aims;
	for my $l (@Wan::BAD) {
		my $n = Wan::name(@$l);
		for my $row ($n, "${n}m") {
			push @aims, aim("rocketd tls $row, MB/s",
			    median($result, 'rocketd tls', "$row.mb_s"), '>=',
			    0.9, median($result, 'direct', "$row.mb_s"),
			    'direct');
		}
		push @aims, aim("rocketd tls $n, ping beside bulk, us",
		    median($result, 'rocketd tls', "${n}b.p50"), '<=',
		    2 * 1000 * $l->[0]);
	}
	return @aims;
}

sub memory_aims {
	my ($result) = @_;
	my @aims;
	for my $s ('rocketd none', 'rocketd tls') {
		# On each side one worker has all the streams.
		my $kib = median($result, $s, 'mem9000.stream') //
		    median($result, $s, 'mem1000.stream');
		my $most = median($result, $s, 'mem0.daemon');
		push @aims, aim("$s, KiB an idle stream a worker",
		    defined($kib) ? $kib / 2 : undef, '<=', 2),
		    aim("$s, MB private of an idle daemon",
		    defined($most) ? $most * 1024 / 1e6 : undef, '<=', 12);
	}
	return @aims;
}

# Figures in which rocketd is to be ahead of each peer in its mode: which of
# them is best is decided for each figure.
my @AHEAD = ((map { ["$_.mb_s", "$_ MB/s", '>='] } @BULK),
    (map { ["$_.cpu", "$_ CPU s/GB", '<='] } @BULK),
    ['rate.per_s', 'connections/s', '>='],
    ['rate.cpu', 'CPU us a connection', '<='],
    ['ping.p99', 'ping p99 us', '<='],
    ['beside.p99', 'ping p99 us beside bulk', '<='],
    ['mem0.private', 'KiB private idle', '<='],
    ['mem1000.stream', 'KiB a stream of 1000', '<='],
    ['mem9000.stream', 'KiB a stream of 9000', '<=']);

my @DATAGRAMS_AHEAD = ((map { my $way = $_; map { my $n = $_; map {
    (["u$way${n}_$_.per_s", "$n $way of $_, datagrams/s", '>='],
    ["u$way${n}_$_.cpu", "$n $way of $_, CPU us each", '<=']) }
    @Rows::SIZES } (1, 100) } qw(up down)),
    ['upaced.cpu', 'paced, CPU us a datagram', '<='],
    ['uping.p50', 'datagram ping p50 us', '<='],
    ['uping.p99', 'datagram ping p99 us', '<=']);

sub against_peers {
	my ($result) = @_;
	my @aims;
	for my $pair (['bare', 'rocketd none'], ['sealed', 'rocketd tls'],
	    ['bare', 'udp rocketd none'], ['sealed', 'udp rocketd tls']) {
		my ($mode, $ours) = @$pair;
		my $udp = $ours =~ /^udp/ ? 1 : 0;
		my @peers = grep { $_ !~ /rocketd/ && /^udp / == $udp }
		    map { $_->{name} } grep { $_->{mode} eq $mode }
		    @{$result->{subjects}};
		for my $row ($udp ? @DATAGRAMS_AHEAD : @AHEAD) {
			my ($fig, $what, $op) = @$row;
			my ($best) = sort { my $d = $a->[1] <=> $b->[1];
			    $op eq '>=' ? -$d : $d } grep { defined($_->[1]) }
			    map { [$_, median($result, $_, $fig)] } @peers;
			next if !$best;
			push @aims, aim("$mode, $what", median($result, $ours,
			    $fig), $op, 1, $best->[1], $best->[0]);
		}
	}
	return @aims;
}

sub aims {
	my ($result) = @_;
	return [against_reference($result), line_aims($result),
	    memory_aims($result), against_peers($result)];
}

sub aims_text {
	my ($aims) = @_;
	return '' if !@$aims;
	my $text = "\nAims, as far as there are figures for them\n" .
	    sprintf("  %-38s %9s %9s %-20s %-9s %6s\n", '', 'rocketd', 'other',
	    '', 'aim', 'ratio');
	for my $a (@$aims) {
		my $whose = defined($a->{whose});
		$text .= sprintf("  %-38s %9s %9s %-20s %-9s %6s  %s\n",
		    $a->{what}, figure($a->{ours}), $whose ?
		    figure($a->{other}) : '', $a->{whose} // '',
		    "$a->{op} " . ($whose ? "x $a->{limit}" : $a->{limit}),
		    $whose ? sprintf('%.2f', $a->{ratio}) : '',
		    $a->{met} ? 'met' : 'MISSED');
	}
	my $met = grep { $_->{met} } @$aims;
	return $text . sprintf("  %d of %d are met\n", $met, scalar(@$aims));
}

sub text {
	my ($result) = @_;
	my $m = $result->{machine};
	my $v = $result->{versions};
	my $text = "$m->{cpu}, $m->{cores} cores, $m->{memory_mb} MB; " .
	    "$m->{kernel}, $m->{congestion_control}; $m->{time}\n" .
	    "load average " .
	    join(' ', @{$result->{load_averages}}) . "\n" .
	    join(', ', map { "$_ $v->{$_}" } sort keys %$v) . "\n" .
	    "medians (min-max) of $result->{rounds} rounds, windows of " .
	    "$result->{seconds} s\n";
	$text .= section($result, @$_) for @SECTIONS;
	$text .= aims_text($result->{aims} // []);
	if (@{$result->{failures}}) {
		$text .= "\nFailed\n";
		$text .= "  round $_->{round}, $_->{subject}, $_->{row}: " .
		    "$_->{why}\n" for @{$result->{failures}};
	}
	return $text;
}

1;
