#!/usr/bin/perl
# Any process of a server and a client is killed or stopped at any moment, while
# users come over a line with delay, loss and reordering that goes away and comes
# back, swallows big packets for a while, and while the clocks jump and both are
# reloaded.  No user ever gets less than all, or other octets, with a clean end;
# nothing but what was killed dies; in the end both services serve again, with as
# many processes and descriptors as before.  FAULT_SECONDS says for how long
# (make fault: ten minutes); SEED chooses what happens.

use strict;
use warnings;
use lib 'regress/fault';
use Fault;
use Time::HiRes qw(time sleep);

my $seconds = $ENV{FAULT_SECONDS} // 16;
my $seed = $ENV{SEED} // 4711;
my $T = $Fault::T;
my ($A, $B) = ("rdfault$$-a", "rdfault$$-b");
my $wan = "$Fault::top/regress/bench/wan";
my %program = (parent => "$Fault::top/regress/fault/rocketd");
my ($xport, $yport, $port, $tport, $sport) = (7001, 7002, 7003, 7000, 7004);
my (%pid, %was, %did, @stopped, @made, %clock);

$> == 0 or Fault::skip_all('only root can make network namespaces');
-e '/dev/net/tun' or Fault::skip_all('no /dev/net/tun');
-x $_ or Fault::skip_all("no $_: make helpers") for $wan, values %program;
Fault::note("SEED=$seed");
srand($seed);

END {
	my $status = $?;
	kill('CONT', @stopped) if @stopped;
	system("ip netns del $_ 2>/dev/null") for @made;
	$? = $status;
}
for ($A, $B) {
	system("ip netns add $_ && ip -n $_ link set lo up") == 0 or
	    Fault::skip_all('network namespaces cannot be made');
	push(@made, $_);
}
my @a = ('ip', 'netns', 'exec', $A);
my @b = ('ip', 'netns', 'exec', $B);

# ---- the two daemons, and who uses them ----

sub configure {
	my %s;
	for (['x', $xport, 'a token of more than sixteen'],
	    ['y', $yport, 'the token of the other one']) {
		my ($name, $at, $token) = @$_;
		my $both = "token \"$token\"\n keepalive 2\n";
		$s{$name} = [ "service \"$name\" { listen on 127.0.0.1 port " .
		    "$at\n $both user timeout 30 }\n",
		    "service \"$name\" { forward to 127.0.0.1 port $port\n" .
		    " $both retry interval 1\n dial timeout 3 }\n" ];
	}
	Fault::put("$T/server.conf", "log debug\n" .
	    "server {\nlisten on 10.77.0.2 port $tport\n$s{x}[0]}\n" .
	    "server {\nlisten on 10.77.0.2 port $sport transport tcp\n" .
	    "$s{y}[0]}\n");
	Fault::put("$T/client.conf", "log debug\n" .
	    "client {\nconnect to 10.77.0.2 port $tport\n$s{x}[1]}\n" .
	    "client {\nconnect to 10.77.0.2 port $sport transport tcp\n" .
	    "$s{y}[1]}\n");
	for (['a', @a], ['b', @b]) {
		my ($name, @in) = @$_;
		Fault::put("$T/rocketd-$name", "#!/bin/sh\nexec @in " .
		    "$program{parent} \"\$@\"\n", 0755);
		Fault::put("$T/traffic-$name", "#!/bin/sh\nexec @in " .
		    "$Fault::traffic \"\$@\"\n", 0755);
	}
}

sub state {
	my ($side) = @_;
	return scalar(Fault::kids($pid{$side})) . ' processes, ' .
	    Fault::descriptors($pid{$side}) . ' descriptors';
}

# What it is five times in a row.
sub settled {
	my ($side) = @_;
	my ($was, $n) = ('', 0);
	for (1 .. 200) {
		my $is = state($side);
		$n = $is eq $was ? $n + 1 : 0;
		return $is if $n == 5;
		$was = $is;
		sleep(0.1);
	}
	return $was;
}

sub becomes {
	my ($side, $want) = @_;
	my $is;
	for (1 .. 450) {
		$is = state($side);
		last if $is eq $want;
		sleep(0.1);
	}
	return $is;
}

# ---- what happens ----

sub somebody {
	my @kids = map { Fault::kids($_) } values %pid;
	return @kids ? $kids[int(rand(@kids))] : undef;
}

sub line {
	my ($to, $words) = @_;
	print $to "$words\n";
}

my @events = (
	[ 12, 'killed', sub {
		my $p = somebody() or return;
		kill('KILL', $p);
	} ],
	[ 3, 'stopped for a while', sub {
		my $p = somebody() or return;
		push(@stopped, $p);
		kill('STOP', $p);
		sleep(rand(1));
		kill('CONT', $p);
	} ],
	[ 1, 'stopped', sub {
		my $p = somebody() or return;
		push(@stopped, $p);
		kill('STOP', $p);
	} ],
	[ 2, 'line gone and back', sub {
		line($_[0], 'off');
		sleep(rand() < 0.2 ? rand(5) : rand(0.5));
		line($_[0], 'on');
	} ],
	[ 2, 'another delay', sub { line($_[0], 'd ' . rand(150)); } ],
	[ 2, 'another loss', sub { line($_[0], 'l ' . rand(5)); } ],
	[ 1, 'another order', sub { line($_[0], 'o ' . rand(5)); } ],
	[ 1, 'big packets lost', sub {
		line($_[0], 'h 1200');
		sleep(rand(1));
		line($_[0], 'h 0');
	} ],
	[ 1, 'clocks moved', sub {
		$clock{ahead} += int(rand(rand() < 0.2 ? 60e6 : 2e6));
		$clock{wall} = int(rand(2 * 86400e6) - 86400e6);
		Fault::clocks($clock{ahead}, $clock{wall});
	} ],
	[ 1, 'reloaded', sub { kill('HUP', values %pid); } ],
);

sub happens {
	my ($to) = @_;
	my $sum = 0;
	$sum += $_->[0] for @events;
	my $n = rand($sum);
	for (@events) {
		if (($n -= $_->[0]) < 0) {
			$did{$_->[1]}++;
			$_->[2]($to);
			return;
		}
	}
}

# ---- the test ----

Fault::plan_make();
%clock = (ahead => 0, wall => 0);
configure();
my ($line, $to) = Fault::held('line', $wan, '-n', "$A,$B", '-d', 20, '-l', 1);
Fault::ok(Fault::logged('line', '^ready', 10), 'the line is there');
Fault::start('target', "$T/traffic-a", 'serve', '127.0.0.1', $port);
$pid{server} = Fault::daemon('server', "$T/rocketd-b", "$T/worker");
$pid{client} = Fault::daemon('client', "$T/rocketd-a", "$T/worker");
$Fault::traffic = "$T/traffic-b";
Fault::ok(Fault::awaits($xport, 20) && Fault::awaits($yport, 20),
    'both services are up');
$was{$_} = settled($_) for keys %pid;
Fault::note("$_: $was{$_}") for sort keys %was;

Fault::put("$T/load", <<END, 0755);
#!/bin/sh
until [ -f $T/enough ]; do timeout 120 $T/traffic-b users \$1 6 60000; done
END
my @loads = map { Fault::start("load$_", "$T/load", $_) } $xport, $yport;
my $end = time() + $seconds;
while (time() < $end) {
	happens($to);
	sleep(rand(0.4));
}
line($to, $_) for 'on', 'd 5', 'l 0', 'o 0', 'h 0';
kill('CONT', @stopped) if @stopped;
Fault::note("$_: $did{$_} times") for sort keys %did;
for ($xport, $yport, $xport) {
	my $began = time();
	Fault::ok(Fault::awaits($_, 45), sprintf('a user is served again ' .
	    '(%.1f s)', time() - $began));
}
Fault::put("$T/enough", '');
Fault::ok(defined(Fault::ended($_, 130)), 'a load has ended') for @loads;
my $load = Fault::text("$T/load$xport.log") . Fault::text("$T/load$yport.log");
my ($done, $wrong, $stuck) = (0, 0, scalar(() = $load =~ /^stuck/mg));
$done += $1, $wrong += $2 while $load =~ /^done (\d+) failed (\d+)/mg;
Fault::ok($done > 0 && $wrong == 0 && $stuck == 0, "$done users got all, " .
    "$wrong less than all with a clean end, $stuck hang");
for (sort keys %pid) {
	my $is = becomes($_, $was{$_});
	Fault::ok($is eq $was{$_}, "$_: as before, $was{$_}", "it has $is");
}
Fault::ok(Fault::served($_, 20, 100000, 60), '20 users are served after it')
    for $xport, $yport;
for (sort keys %pid) {
	my @bad = Fault::text("$T/$_.log") =~
	    /^(.*(?:AddressSanitizer|runtime error| fatal |died: (?!signal 9)).*)/mg;
	Fault::ok(!@bad, "$_: nothing but the killed died", @bad);
	my $status = Fault::stop($pid{$_});
	Fault::ok(defined($status) && $status == 0, "$_: ends cleanly");
}
Fault::done_testing();
