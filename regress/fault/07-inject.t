#!/usr/bin/perl
# Failures by number: in each process of a server and a client, of each kind of
# call, the nth from now on fails once: while a daemon starts, and while a user
# comes over a new tunnel.  Whatever fails, users are served afterwards; a
# daemon that runs goes on, and no process of it ends because of what belongs to
# one connection (one whose channel to the parent is lost ends in order).  By
# default a sample, for so long as FAULT_SECONDS says; with FAULT_ALL=1 all call
# sites, with FAULT_ALL=2 every call.  SEED chooses another sample.

use strict;
use warnings;
use lib 'regress/fault';
use Errno;
use Fault;
use List::Util qw(min);
use Time::HiRes qw(time sleep);

my $seconds = $ENV{FAULT_SECONDS} // 14;
my $all = $ENV{FAULT_ALL};
my $seed = $ENV{SEED} // 4711;
my $only = $ENV{FAULT_ONLY} // '.';	# of names of processes
my $T = $Fault::T;
my %program = map { $_ => "$Fault::top/regress/fault/rocketd" .
    ($_ eq 'parent' ? '' : '-worker') } qw(parent worker);
my ($xport, $yport, $tport, $wport, $target);
my %pid;
my ($points, $hits, %died) = (0, 0);

-x $_ or Fault::skip_all("no $_: make helpers") for values %program;
system('command -v openssl >/dev/null') == 0 or
    Fault::skip_all('no openssl');
Fault::note("SEED=$seed");
srand($seed);

# ---- two daemons, two services: tcpmux, and wss without a mux ----

sub configure {
	my ($port) = @_;
	system('openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt',
	    'ec_paramgen_curve:P-256', '-nodes', '-days', '30', '-keyout',
	    "$T/a.key", '-out', "$T/a.crt", '-subj', '/CN=a', '-addext',
	    'subjectAltName=IP:127.0.0.1') == 0 or die "openssl\n";
	my $x = "token \"a token of more than sixteen\"";
	my $y = "token \"the token of the other one\"";
	Fault::put("$T/server.conf", <<END);
log debug
server {
	listen on 127.0.0.1 port $tport
	service "x" { listen on 127.0.0.1 port $xport
		$x }
}
server {
	listen on 127.0.0.1 port $wport transport wss
	tls certificate "$T/a.crt" key "$T/a.key"
	service "y" { listen on 127.0.0.1 port $yport
		$y }
}
END
	Fault::put("$T/client.conf", <<END);
log debug
client {
	connect to localhost port $tport
	service "x" { forward to 127.0.0.1 port $port
		$x
		pool 1
		retry interval 1 }
}
client {
	connect to 127.0.0.1 port $wport transport wss
	tls ca "$T/a.crt"
	service "y" { forward to 127.0.0.1 port $port
		$y
		pool 1
		retry interval 1 }
}
END
}

sub up {
	my ($side) = @_;
	$pid{$side} = Fault::daemon($side, $program{parent}, "$T/worker");
}

sub both_served {
	my ($s) = @_;
	return Fault::awaits($xport, $s) && Fault::awaits($yport, $s);
}

# A user of each: may be reset, but gets all that ends in order, and never hangs.
sub round {
	my @bad;
	for ($xport, $yport) {
		my $got = Fault::run(15, $Fault::traffic, 'users', $_, 1,
		    20000);
		push(@bad, $got eq '' ? 'a user hangs' : "a user: $got")
		    unless $got =~ /^done \d failed 0 /;
	}
	return @bad;
}

# ---- what is injected ----

my @processes = (
	map({ "server $_" } 'parent', 'control', 'keys', 'gate', 'tls',
	    'service x', 'service y'),
	map({ "client $_" } 'parent', 'control', 'keys', 'dial', 'resolve',
	    'tls', 'service x', 'service y'),
);
my @ways = (
	[ Fault::MEM, Errno::ENOMEM, 'ENOMEM' ],
	[ Fault::FD, Errno::EMFILE, 'EMFILE' ],
	[ Fault::IO, Errno::EAGAIN, 'EAGAIN' ],
	[ Fault::IO, Errno::EINTR, 'EINTR' ],
	[ Fault::IO, Fault::SHORT, 'one octet' ],
	[ Fault::MISC, Errno::ENOMEM, 'ENOMEM of another call' ],
);

sub program { return $program{$_[0] eq 'parent' ? 'parent' : 'worker'}; }

# Which of the calls: all, or those that are the first from where they are made,
# or some of these.
sub chosen {
	my ($n, $k) = @_;
	return 1 .. $n if ($all // 0) > 1;
	my @sites = Fault::sites();
	return @sites if $all;
	my @some;
	while (@sites && @some < $k) {
		push(@some, splice(@sites, int(rand(@sites)), 1));
	}
	return @some;
}

# Sanitizers' words, signals that nobody sent, and deaths, once each.
sub look {
	my ($how, $may_die) = @_;
	my @bad;
	for my $side ('server', 'client') {
		my $text = Fault::text("$T/$side.log");
		push(@bad, "$how: $1") if $text =~
		    /(.*(?:AddressSanitizer|runtime error|signal (?!9|15)).*)/;
		next if $may_die;
		for ($text =~ /^(.*died: .*)$/mg) {
			# who cannot speak to the parent any more ends
			push(@bad, "$how: $_") unless $died{$_}++ ||
			    /exit 0$/;
		}
	}
	return @bad;
}

# Is all as it should be, after a failure?
sub after {
	my ($how, $who) = @_;
	# a parent that cannot speak to a child replaces it
	my @bad = look($how, $who eq 'parent');
	push(@bad, "$how: not served") unless both_served(12);
	for my $s ('server', 'client') {
		push(@bad, "$how: the $s has ended")
		    if defined(Fault::ended($pid{$s}, 0));
	}
	return @bad;
}

sub again {
	Fault::stop($pid{$_}) for 'client', 'server';
	%died = ();
	up($_) for 'server', 'client';
	both_served(15);
}

# ---- while users come ----

sub while_running {
	my ($end) = @_;
	my @bad;
	my @todo = map { my $p = $_; map { [ $p, $_ ] } @ways } @processes;
	@todo = grep { $_->[0] =~ /$only/ } @todo;
	while (@todo && ($all || time() < $end)) {
		my ($p, $way) = @{splice(@todo, int(rand(@todo)), 1)};
		my ($side, $who) = split(/ /, $p, 2);
		my ($kind, $error, $name) = @$way;
		Fault::arm($who, $kind, $error, 0);
		round();
		sleep(0.05);
		for my $nth (chosen(Fault::counted(), 3)) {
			last if !$all && time() >= $end;
			Fault::arm($who, $kind, $error, $nth);
			my @users = round();
			my $until = time() + 0.2;
			sleep(0.01) while !Fault::fired() && time() < $until;
			$points++;
			my $how = "$p, call $nth: $name";
			if (Fault::fired()) {
				$hits++;
				$how .= ' of ' . Fault::what(program($who));
			}
			Fault::disarm();
			my @wrong = map { "$how: $_" } @users;
			push(@wrong, after($how, $who));
			push(@bad, @wrong);
			again() if @wrong;	# or the next would suffer
		}
	}
	return @bad;
}

# ---- while a daemon starts ----

# It is there, or has said why not.
sub start_one {
	my ($side, $how) = @_;
	up($side);
	my $end = time() + 20;
	while (time() < $end) {
		my $status = Fault::ended($pid{$side}, 0);
		if (defined($status)) {
			my $words = Fault::text("$T/$side.log");
			return $status == 256 && $words =~ /\S/ ? ('refused') :
			    ('', "$how: ended with $status: $words");
		}
		return ('served') if Fault::text("$T/$side.log") =~
		    /is up/ && both_served(1);
	}
	return ('', "$how: neither served nor ended");
}

sub while_starting {
	my ($end) = @_;
	my (@bad, %n);
	my @todo = map { my $p = $_; map { [ $p, $_ ] } @ways } @processes;
	@todo = grep { $_->[0] =~ /$only/ } @todo;
	while (@todo && ($all || time() < $end)) {
		my ($p, $way) = @{splice(@todo, int(rand(@todo)), 1)};
		my ($side, $who) = split(/ /, $p, 2);
		my ($kind, $error, $name) = @$way;
		Fault::stop($pid{$side});
		Fault::arm($who, $kind, $error, 0);
		push(@bad, (start_one($side, "$p, $name, nothing fails"))[1]);
		@bad = grep { defined } @bad;
		for my $nth (chosen(Fault::counted(), 2)) {
			last if !$all && time() >= $end;
			Fault::stop($pid{$side});
			Fault::arm($who, $kind, $error, $nth);
			my $how = "start of $p, call $nth: $name";
			my ($got, $why) = start_one($side, $how);
			$points++;
			if (Fault::fired()) {
				$hits++;
				$how = 'in ' . Fault::what(program($who));
				$why .= " $how" if $why;
			}
			Fault::disarm();
			$n{$got}++;
			push(@bad, $why) if $why;
			push(@bad, look($how, 1));
		}
		Fault::stop($pid{$side});
		up($side);
	}
	return (\@bad, %n);
}

# ---- the test ----

Fault::plan_make();
($tport, $xport, $wport, $yport, my $port) = Fault::ports(5);
$target = Fault::start('target', $Fault::traffic, 'serve', '127.0.0.1', $port);
Fault::logged('target', '^port ', 10) or die "no target\n";
configure($port);
up('server');
up('client');
Fault::ok(both_served(20), 'both services are up');
my @bad = while_running(time() + $seconds / 2);
Fault::ok(!@bad, "$points failures while users come, $hits met: " .
    'users are served after each, and no process ends', @bad);
my ($before, $met) = ($points, $hits);
my ($wrong, %n) = while_starting(time() + $seconds / 3);
Fault::ok(!@$wrong, sprintf('%d failures while a daemon starts, %d met: ' .
    'it is served afterwards (%d), or has said why it ends (%d)',
    $points - $before, $hits - $met, $n{served} // 0, $n{refused} // 0),
    @$wrong);
Fault::ok(both_served(20), 'both services are up after it all');
for my $side ('client', 'server') {
	my $status = Fault::stop($pid{$side});
	Fault::ok(defined($status) && $status == 0, "the $side ends cleanly");
}
Fault::done_testing();
