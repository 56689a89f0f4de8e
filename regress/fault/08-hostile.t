#!/usr/bin/perl
# A worker, a gate that was taken (hostile.c) does its worst over the channels
# that it has, in each of its ways.  Meanwhile every octet of another service's
# users arrives; no other process ends; rocketctl is answered; the log says what
# happened in a bounded number of lines; and once the process is a good one again
# its service is served.  By default some of the ways, for so long as
# FAULT_SECONDS says; with FAULT_ALL=1 all of them.  SEED chooses others.

use strict;
use warnings;
use lib 'regress/fault';
use Fault;
use Time::HiRes qw(time sleep);

use constant {
	ATTACK => 1.5,		# seconds of each way
	LINES => 400,		# of the log, that it may cause in this time
};

my $end = time() + ($ENV{FAULT_SECONDS} // 10);
my $all = $ENV{FAULT_ALL};
my $seed = $ENV{SEED} // 4711;
my $only = $ENV{FAULT_ONLY} // '.';
my $T = $Fault::T;
my $hostile = "$Fault::top/regress/fault/hostile";
my ($tport, $xport, $yport, $port);
my (%pid, %seen);

-x $hostile or Fault::skip_all("no $hostile: make helpers");
Fault::note("SEED=$seed");
srand($seed);

sub configure {
	my %s;
	for (['x', $xport, 'a token of more than sixteen'],
	    ['y', $yport, 'the token of the other one']) {
		my ($name, $at, $token) = @$_;
		$s{server} .= "service \"$name\" { listen on 127.0.0.1 port " .
		    "$at\n token \"$token\" }\n";
		$s{client} .= "service \"$name\" { forward to 127.0.0.1 port " .
		    "$port\n token \"$token\"\n retry interval 1 }\n";
	}
	Fault::put("$T/server.conf", "log debug\nserver {\nlisten on " .
	    "127.0.0.1 port $tport\n$s{server}}\n");
	Fault::put("$T/client.conf", "log debug\nclient {\nconnect to " .
	    "127.0.0.1 port $tport\n$s{client}}\n");
	Fault::put("$T/worker-$_", <<END, 0755) for 'server', 'client';
#!/bin/sh
if [ -s $T/way-$_ ] && [ "\$1\${2:+ \$2}" = "\$(cat $T/victim)" ]; then
	HOSTILE=\$(cat $T/way-$_)
	export HOSTILE
	exec $hostile "\$@"
fi
exec $Fault::top/worker/rocketd-worker "\$@"
END
	chmod(0755, $T);
}

# The daemon's processes by name.
sub crew {
	my ($side) = @_;
	my %crew = map { Fault::title($_) => $_ } Fault::kids($pid{$side});
	return \%crew;
}

sub up {
	for my $side ('server', 'client') {
		$pid{$side} = Fault::daemon($side,
		    "$Fault::top/rocketd/rocketd", "$T/worker-$side");
	}
	return Fault::awaits($xport, 15) && Fault::awaits($yport, 15);
}

sub lines { return scalar(() = Fault::text("$T/$_[0].log") =~ /\n/g); }

# attack SIDE, ROLE, TITLE, WAY: what was wrong
sub attack {
	my ($side, $role, $title, $way) = @_;
	my @bad;
	my $before = crew($side);
	my $lines = lines($side);
	my $n = 0;
	return ("no process $title: " . join(', ', sort keys %$before))
	    unless $before->{$title};
	Fault::put("$T/victim", $role, 0644);
	Fault::put("$T/way-$side", $way, 0644);
	kill('KILL', $before->{$title});
	my $began = time();
	my $until = $began + ATTACK;
	do {
		push(@bad, 'a user of the other service was not served')
		    unless Fault::served($yport, 4, 20000, 20);
		$n++;
	} while (!@bad && time() < $until);
	push(@bad, 'rocketctl is not answered') unless
	    Fault::run(10, $Fault::ctl, '-s', "$T/$side.sock", 'show',
	    'summary') =~ /\S/;
	my $after = crew($side);
	for (grep { $_ ne $title } keys %$before) {
		push(@bad, "$_ is not the same process") unless
		    ($after->{$_} // 0) == $before->{$_};
	}
	$lines = lines($side) - $lines - 30 * $n;	# users' own lines
	# It lasts until a user was served, on a slow machine for longer.
	my $took = (time() - $began) / ATTACK;
	push(@bad, "$lines lines in the log") if
	    $lines > LINES * ($took > 1 ? $took : 1);
	$seen{lines} = $lines if $lines > ($seen{lines} // 0);
	unlink("$T/way-$side");
	for (Fault::kids($pid{$side})) {
		kill('KILL', $_) if
		    (readlink("/proc/$_/exe") // '') eq $hostile;
	}
	push(@bad, 'its own service is not served again')
	    unless Fault::awaits($xport, 20);
	return @bad;
}

# One pair of daemons for each: a back-off would be the next one's.
sub one {
	my ($side, $role, $title, $way) = @_;
	my @bad;
	push(@bad, 'not up') unless up();
	push(@bad, attack(@_)) unless @bad;
	for my $s ('client', 'server') {
		my $status = Fault::stop($pid{$s});
		push(@bad, "the $s does not end cleanly") unless
		    defined($status) && $status == 0;
		push(@bad, "$s: $1") if Fault::text("$T/$s.log") =~
		    /(.*(?:AddressSanitizer|runtime error| fatal ).*)/;
	}
	return map { "$side $title, $way: $_" } @bad;
}

($tport, $xport, $yport, $port) = Fault::ports(4);
Fault::start('target', $Fault::traffic, 'serve', '127.0.0.1', $port);
Fault::logged('target', '^port ', 10) or die "no target\n";
configure();
my @victims = (['server', 'service x', 'worker x (server)'],
    ['client', 'service x', 'worker x (client)'],
    ['server', 'gate', 'gate']);
my @todo;
for my $way (qw(types lengths fds octets deaf closes lies hangs)) {
	push(@todo, [ @$_, $way ]) for @victims;
}
@todo = grep { "@$_" =~ /$only/ } @todo;
my (%n, %bad);
while (@todo && ($all || time() < $end)) {
	my $what = splice(@todo, int(rand(@todo)), 1);
	push(@{$bad{$what->[1]}}, one(@$what));
	$n{$what->[1]}++;
}
for my $role ('service x', 'gate') {
	my @bad = @{$bad{$role} // []};
	next unless $n{$role};
	Fault::ok(!@bad, "$n{$role} attacks from within a $role: other " .
	    'services are served, no other process ends, the log is bounded',
	    @bad);
}
Fault::note("at most $seen{lines} lines of log") if $seen{lines};
Fault::done_testing();
