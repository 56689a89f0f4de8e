# Rows over a slow link: client and target in one network namespace, server and
# users in another, and between them delay and loss, made by netem where the
# kernel has it, else by wan beside this.  Everything is made here and taken
# away on any exit.

package Wan;

use strict;
use warnings;
use Proc;
use Rows;

use constant {
	ROUNDS => 2,		# at most: these rows are long
	WARM => 4,		# seconds in which one stream gets up to speed
	COSTS => 4,		# seconds to start and stop a subject
	QUEUE => 100000,	# packets that netem may hold: it drops none
	WAIT => 50,		# ms of queue where the rate is bounded
	MTU => 1500,
	MANY => 8,		# streams, on bad lines
	PINGS => 2,		# seconds more for pings there
};

# Round-trip time in ms, and loss in percent each way.
our @SLOW = ([20, 0], [20, 1], [100, 0], [100, 1]);
# Bad lines: the same, and the rate in Mbit/s.
our @BAD = map { my $rtt = $_; map { [$rtt, $_, 240] } (0, 1, 5) } (150, 300);
our @LINKS = (@SLOW, @BAD);

my ($wan, %made, $link);
my ($A, $B) = ("rdbench$$-a", "rdbench$$-b");

sub name {
	my ($rtt, $loss, $mbit) = @_;
	return ($mbit ? 'bad' : 'wan') . "${rtt}_$loss";
}

sub run {
	my $line = join(' ', map { "'$_'" } @_);
	my $said = `$line 2>&1`;
	chomp($said);
	$? == 0 or die "$_[0] $_[1]: $said\n";
}

sub namespaces {
	for my $ns ($A, $B) {
		next if $made{$ns};
		run('ip', 'netns', 'add', $ns);
		$made{$ns} = 1;
		run('ip', '-n', $ns, 'link', 'set', 'lo', 'up');
	}
}

sub netem {
	my ($ns, $dev, $ms, $loss, $mbit) = @_;
	my $queue = $mbit ? int($mbit * 125 * ($ms + WAIT) / MTU) : QUEUE;
	run('ip', 'netns', 'exec', $ns, 'tc', 'qdisc', 'replace', 'dev', $dev,
	    'root', 'netem', 'delay', "${ms}ms", $loss ? ('loss', "$loss%") :
	    (), $mbit ? ('rate', "${mbit}mbit") : (), 'limit', $queue);
}

# Why there can be no slow link, or nothing.
sub lacks {
	my ($top) = @_;
	return 'only root can make network namespaces' if $> != 0;
	return 'no ip (package iproute2)' if !Proc::find('ip');
	eval { namespaces(); 1 } or return $@ =~ s/\n//r;
	if (Proc::find('tc') && eval { netem($A, 'lo', 1, 0); 1 }) {
		run('ip', 'netns', 'exec', $A, 'tc', 'qdisc', 'del', 'dev',
		    'lo', 'root');
		return '';
	}
	$wan = "$top/regress/bench/wan";
	return "neither netem nor $wan" if !-x $wan;
	return 'no /dev/net/tun' if !-e '/dev/net/tun';
	return '';
}

sub link_down {
	Proc::stop($link, now => 0) if ref($link);
	eval { run('ip', '-n', $A, 'link', 'del', 'wan0') }
	    if $link && !ref($link);
	$link = undef;
}

sub congestion {
	my $cc = $ENV{BENCH_CC} or return;
	run('ip', '-n', $_, 'route', 'replace', '10.77.0.0/24', 'dev', 'wan0',
	    'congctl', $cc) for $A, $B;
}

sub link_up {
	my ($dir, $rtt, $loss, $mbit) = @_;
	if ($wan) {
		$link = Proc::start(cmd => [$wan, '-n', "$A,$B", '-d',
		    $rtt / 2, $loss ? ('-l', $loss) : (), $mbit ? ('-r', $mbit,
		    '-q', WAIT) : ()], pipe => 1, log => "$dir/wan.log");
		my $said = Proc::line($link, 10) // '';
		$said =~ /^ready/ or die "wan: ", Proc::words("$dir/wan.log"),
		    "\n";
		congestion();
		return;
	}
	run('ip', '-n', $A, 'link', 'add', 'wan0', 'type', 'veth', 'peer',
	    'name', 'wan0', 'netns', $B);
	$link = 'wan0';
	my $n = 1;
	for my $ns ($A, $B) {
		run('ip', '-n', $ns, 'addr', 'add', "10.77.0.$n/24", 'dev',
		    'wan0');
		run('ip', '-n', $ns, 'link', 'set', 'wan0', 'up');
		netem($ns, 'wan0', $rtt / 2, $loss, $mbit);
		$n++;
	}
	congestion();
}

sub down {
	link_down();
	for my $ns (keys %made) {
		eval { run('ip', 'netns', 'del', $ns) };
		delete $made{$ns};
	}
}

sub estimate {
	my ($rounds, $seconds, @subjects) = @_;
	my $n = grep { $_->{wan} } @subjects;
	$rounds = ROUNDS if $rounds > ROUNDS;
	return $rounds * $n * (@LINKS * (COSTS + WARM + 2.5 * $seconds) +
	    @BAD * (WARM + $seconds));
}

sub down_rate {
	my ($run, $streams) = @_;
	my $seconds = $run->{env}{seconds};
	my $a = Rows::answer(Rows::load($run, 'bulk', '-m', 'down',
	    '-n', $streams, '-w', WARM, '-t', $seconds),
	    WARM + $seconds + Rows::PATIENCE);
	$a->{errors} and die "$a->{errors} of $streams streams failed\n";
	return Rows::mb_s($a);
}

sub rows {
	my ($s, $env, $target, $l, $row, $rec) = @_;
	my $run;
	my $ok = eval {
		$run = Rows::up($s, $env, target => $target,
		    server => '10.77.0.2', rtt => $l->[0] / 1000,
		    ns => { client => $A, server => $B });
		Rows::ready($run);
		# Some round trips, and one that is lost.
		Rows::ping($run, $rec, $row, PINGS + $env->{seconds} / 2);
		$rec->("$row.mb_s", down_rate($run, 1));
		$rec->("${row}m.mb_s", down_rate($run, MANY)) if $l->[2];
		Rows::beside($run, $rec, "${row}b", $env->{seconds});
		1;
	};
	my $why = $@;
	Rows::down($run) if $run;
	die $why if !$ok;
}

# One link after another, and on each every subject in turn.
sub measure {
	my ($env, $result, $rounds, $say, @subjects) = @_;
	$rounds = ROUNDS if $rounds > ROUNDS;
	$result->{link} = $wan ? 'wan' : 'netem';
	for my $round (1 .. $rounds) {
		for my $l (@LINKS) {
			link_round($env, $result, $round, $say, $l, @subjects);
		}
	}
	down();
}

sub link_round {
	my ($env, $result, $round, $say, $l, @subjects) = @_;
	my $row = name(@$l);
	my $target;
	my $fail = sub {
		my ($name, $why) = @_;
		$why =~ s/\s+\z//;
		$say->("       $why");
		push @{$result->{failures}}, { round => $round,
		    subject => $name, row => $row, why => $why };
	};
	if (!eval { link_up($env->{dir}, @$l); 1 }) {
		$fail->('the link', $@);
		link_down();
		return;
	}
	my $control = "$env->{dir}/control-wan";
	unlink($control);
	$target = Proc::start(cmd => [$env->{load}, 'target', '-a',
	    '10.77.0.1', '-c', $control], ns => $A, pipe => 1,
	    log => "$env->{dir}/target-wan.log");
	my ($port) = (Proc::line($target, 10) // '') =~ /^ready (\d+)/;
	for my $s (@subjects) {
		$say->(sprintf("       round %d: %d ms, %g %% loss: %s", $round,
		    @$l[0, 1], $s->{name}));
		my $rec = sub {
			push @{$result->{samples}{$s->{name}}{$_[0]}},
			    0 + $_[1];
		};
		eval { rows($s, $env, "10.77.0.1:$port", $l, $row, $rec); 1 } or
		    $fail->($s->{name}, $@);
	}
	Proc::stop($target);
	link_down();
}

1;
