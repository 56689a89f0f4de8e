# The rows: each measures one thing of a subject that is up, and records samples
# as "row.figure".  The CPU of a subject is looked at twice within the timed
# window, so that neither start nor end of a load is counted.

package Rows;

use strict;
use warnings;
use JSON::PP;
use Proc;
use Time::HiRes qw(time sleep);

use constant {
	WARM => 0.25,		# seconds before a timed window
	EDGE => 0.1,		# of the window, before and after the CPU's
	READY => 20,		# seconds until a subject must let one through
	SETTLE => 0.5,		# seconds for a pool to fill, and heaps to rest
	PATIENCE => 20,		# seconds that a load may take beyond its time
	OPENING => 120,		# seconds for idle streams to be opened in
	CONCURRENT => 32,	# short connections at once
	ERRORS => 0.01,		# of them may fail, more is no measurement
	FLOWS => 100,		# of datagrams, beside one alone
	PACE => 10000,		# datagrams a second of 1,400 octets
	PACED => 1400,
};

our @SIZES = (64, 512, 1400);	# of datagrams, octets

my $json = JSON::PP->new;

sub note { print STDERR @_; }

# Starts a subject: what is returned is handed to the rows.  Dies with a reason.
sub up {
	my ($subject, $env, %o) = @_;
	my $dir = "$env->{dir}/" . ++$env->{serial};
	mkdir($dir, 0700) or die "$dir: $!\n";
	my $target = $o{target} // $env->{target};
	my ($addr, $port) = split(/:/, $target);
	my $run = { subject => $subject, env => $env, procs => [],
	    ns => $o{ns} // {}, addr => $addr, port => $port,
	    rtt => $o{rtt} };
	return $run if !$subject->{setup};
	my %place = (dir => $dir, target => $target, worker => $env->{worker},
	    protocol => $subject->{udp} ? 'udp' : 'tcp',
	    server => $o{server} // '127.0.0.1', fds => $env->{fds},
	    map { $_ => Proc::port() } qw(user tunnel hop));
	if ($subject->{socks}) {
		$run->{proxy} = "127.0.0.1:$place{user}";
	} else {
		@$run{qw(addr port)} = ('127.0.0.1', $place{user});
	}
	for my $c ($subject->{setup}->(\%place, $env->{bin})) {
		my ($side, @cmd) = @$c;
		push @{$run->{procs}}, Proc::start(cmd => \@cmd, dir => $dir,
		    log => "$dir/$side.log", ns => $run->{ns}{$side});
	}
	return $run;
}

sub down {
	my ($run) = @_;
	Proc::stop($_) for reverse @{$run->{procs}};
}

# What its processes had to say, when it did not work.
sub words {
	my ($run) = @_;
	my @w = map { Proc::words($_->{log}) } @{$run->{procs}};
	return join('; ', grep { $_ ne '' } @w);
}

sub load {
	my ($run, @args) = @_;
	my $ns = $run->{ns}{server};
	push @args, '-x', $run->{proxy} if $run->{proxy};
	return Proc::start(cmd => [$run->{env}{load}, @args, $run->{addr},
	    $run->{port}], log => "$run->{env}{dir}/load.log", pipe => 1,
	    ns => $ns);
}

# Its line of figures, once it is done.
sub answer {
	my ($p, $seconds) = @_;
	my $line = Proc::line($p, $seconds);
	my $words = Proc::words($p->{log});
	Proc::stop($p) if defined($line);
	Proc::stop($p, now => 1);
	defined($line) or die(($words || 'load: silent') . "\n");
	return $json->decode($line);
}

# Waits until an octet comes back through it.
sub ready {
	my ($run) = @_;
	my $until = time() + READY;
	my $said;
	while (time() < $until) {
		for my $p (@{$run->{procs}}) {
			Proc::ended($p) and die "$p->{name} ended: " .
			    words($run) . "\n";
		}
		unlink("$run->{env}{dir}/load.log");
		my @ping = $run->{subject}{udp} ? ('udp', '-m', 'ping', '-t',
		    0.2) : ('ping', '-t', 0.01 + 5 * ($run->{rtt} // 0));
		my $a = eval { answer(load($run, @ping, '-w', 0), 5) };
		if ($a && $a->{count} && !$a->{errors}) {
			sleep(SETTLE) if $run->{subject}{setup};
			return;
		}
		$said = $@;
		sleep(0.05);
	}
	die("nothing comes through: " . (words($run) || $said));
}

# Runs a load; its figures, and the CPU seconds a second of the subject.
sub timed {
	my ($run, $seconds, $cmd, @args) = @_;
	my $p = load($run, $cmd, '-t', $seconds, '-w', WARM, @args);
	sleep(WARM + EDGE);
	my ($c0, $t0) = (Proc::cpu(@{$run->{procs}}), time());
	sleep($seconds - 2 * EDGE);
	my ($c1, $t1) = (Proc::cpu(@{$run->{procs}}), time());
	my $a = answer($p, PATIENCE);
	return ($a, ($c1 - $c0) / ($t1 - $t0));
}

sub bulk {
	my ($run, $rec, $mode, $n) = @_;
	my ($a, $cpu) = timed($run, $run->{env}{seconds}, 'bulk', '-m', $mode,
	    '-n', $n, '-c', $run->{env}{control});
	$a->{errors} and die "$a->{errors} of $n streams failed\n";
	$a->{mb_s} > 0 or die "nothing arrived\n";
	my $row = "$mode$n";
	$rec->("$row.mb_s", $a->{mb_s});
	$rec->("$row.slowest", $a->{min_mb_s});
	$rec->("$row.load_cpu", $a->{cpu});
	$rec->("$row.cpu", $cpu / $a->{mb_s} * 1000) if @{$run->{procs}};
}

sub rate {
	my ($run, $rec) = @_;
	my ($a, $cpu) = timed($run, $run->{env}{seconds}, 'rate',
	    '-n', CONCURRENT);
	$a->{errors} > ERRORS * ($a->{count} + 1) and
	    die "$a->{errors} connections failed, $a->{count} did not\n";
	$a->{count} or die "no connection was made\n";
	$rec->('rate.per_s', $a->{per_s});
	$rec->('rate.p50', $a->{p50_us});
	$rec->('rate.p99', $a->{p99_us});
	$rec->('rate.errors', $a->{errors});
	$rec->('rate.cpu', $cpu / $a->{per_s} * 1e6) if @{$run->{procs}};
}

sub ping {
	my ($run, $rec, $row, $seconds) = @_;
	my $a = answer(load($run, 'ping', '-t', $seconds), $seconds + PATIENCE);
	$a->{errors} || !$a->{count} and die "the connection was lost\n";
	$rec->("$row.p50", $a->{p50_us});
	$rec->("$row.p99", $a->{p99_us});
}

# With more digits than it tells: a slow link may be very slow.
sub mb_s {
	my ($a) = @_;
	return $a->{octets} / $a->{seconds} / 1e6;
}

# A ping beside one download; what that gets meanwhile is told, too.
sub beside {
	my ($run, $rec, $row, $seconds) = @_;
	my $bulk = load($run, 'bulk', '-m', 'down', '-n', 1, '-w', 2 * WARM,
	    '-t', $seconds + 2 * WARM);
	sleep(WARM);
	my $ok = eval { ping($run, $rec, $row, $seconds); 1 };
	my $why = $@;
	my $a = answer($bulk, $seconds + PATIENCE);
	die $why if !$ok;
	$rec->("$row.mb_s", mb_s($a));
}

sub memory_at {
	my ($run, $rec, $row) = @_;
	sleep(SETTLE);
	my ($uss, $rss) = Proc::memory(@{$run->{procs}});
	$rec->("$row.rss", $rss);
	$rec->("$row.processes", Proc::count(@{$run->{procs}}));
	return if !defined($uss);
	$rec->("$row.private", $uss);
	my ($most) = sort { $b <=> $a } map { (Proc::memory($_))[0] }
	    @{$run->{procs}};
	$rec->("$row.daemon", $most);
	return $uss;
}

# Idle, and then with so many idle streams.
sub memory {
	my ($run, $rec) = @_;
	return if !@{$run->{procs}};
	my $idle = memory_at($run, $rec, 'mem0');
	for my $n (@{$run->{env}{streams}}) {
		next if $n > 1000 && !$run->{env}{last} ||
		    $n > ($run->{subject}{most} // $n);
		my $p = load($run, 'idle', '-n', $n);
		my $ok = eval {
			my $line = Proc::line($p, OPENING) //
			    die "$n streams: " . (Proc::words($p->{log}) ||
			    'not all were opened in time') . "\n";
			my $a = $json->decode($line);
			$a->{errors} and die "$a->{errors} of $n failed\n";
			my $uss = memory_at($run, $rec, "mem$n");
			$rec->("mem$n.stream", ($uss - $idle) / $n)
			    if defined($uss) && defined($idle);
			1;
		};
		my $why = $@;
		Proc::stop($p, now => !$ok);
		die $why if !$ok;
	}
}

# Datagrams; without a rate as many as can be sent.
sub datagrams {
	my ($run, $rec, $row, @args) = @_;
	my ($a, $cpu) = timed($run, $run->{env}{seconds}, 'udp', @args);
	$rec->("$row.per_s", $a->{per_s});
	$rec->("$row.mb_s", $a->{mb_s});
	$rec->("$row.loss", 100 * $a->{loss}) if defined($a->{loss});
	$rec->("$row.load_cpu", $a->{cpu});
	$rec->("$row.cpu", $cpu / $a->{per_s} * 1e6) if @{$run->{procs}};
}

sub udp_row {
	my ($way, $flows, $size) = @_;
	my $row = "u$way${flows}_$size";
	return [$row => sub { datagrams(@_[0, 1], $row, '-m', $way, '-n',
	    $flows, '-s', $size, '-c', $_[0]{env}{control}) }, 1];
}

sub udp_ping {
	my ($run, $rec) = @_;
	my $t = $run->{env}{seconds};
	my $a = answer(load($run, 'udp', '-m', 'ping', '-t', $t),
	    $t + PATIENCE);
	$rec->('uping.p50', $a->{p50_us});
	$rec->('uping.p99', $a->{p99_us});
	$rec->('uping.lost', $a->{lost});
}

# With the part of the timed window that each takes.
our @STILL = ([memory => \&memory, 0]);
our @BUSY = (
	[ping => sub { ping(@_[0, 1], 'ping', $_[0]{env}{seconds} / 2) }, 0.5],
	[beside => sub { beside(@_[0, 1], 'beside', $_[0]{env}{seconds} / 2) },
	    0.8],
	[up1 => sub { bulk(@_, 'up', 1) }, 1],
	[down1 => sub { bulk(@_, 'down', 1) }, 1],
	[up8 => sub { bulk(@_, 'up', 8) }, 1],
	[down8 => sub { bulk(@_, 'down', 8) }, 1],
	[rate => \&rate, 1],
);

our @DATAGRAMS = (
	[uping => \&udp_ping, 1],
	[upaced => sub { datagrams(@_[0, 1], 'upaced', '-m', 'up', '-s', PACED,
	    '-r', PACE, '-c', $_[0]{env}{control}) }, 1],
	(map { my $way = $_; map { my $n = $_; map { udp_row($way, $n, $_) }
	    @SIZES } (1, FLOWS) } qw(up down)),
);

# Of proxies, whose users ask for the target first: as above, with names of
# their own, so that nobody compares a hop that is asked with one that is not.
our @PROXIES = map {
	my ($row, $measure, $part) = @$_;
	["s$row", sub {
		my ($run, $rec) = @_;
		$measure->($run, sub { $rec->("s$_[0]", $_[1]) });
	}, $part]
} grep { $_->[0] ne 'beside' } @BUSY;

# The sets of rows of a subject, each of which is measured on its own instance.
sub sets {
	my ($subject) = @_;
	return (\@DATAGRAMS) if $subject->{udp};
	return (\@PROXIES) if $subject->{socks};
	return (\@STILL, \@BUSY);
}

# Whether its users are connections that lead to the target by themselves.
sub plain {
	my ($subject) = @_;
	return !$subject->{udp} && !$subject->{socks};
}

# iperf3, one stream down, through a subject that leads to an iperf3 server.
sub iperf {
	my ($subject, $env, $rec) = @_;
	my $port = Proc::port();
	my $srv = Proc::start(cmd => [$env->{bin}{iperf3}, '-s', '-B',
	    '127.0.0.1', '-p', $port], log => "$env->{dir}/iperf3.log");
	my $run;
	my $ok = eval {
		$run = up($subject, $env, target => "127.0.0.1:$port");
		my $until = time() + READY;
		while (1) {
			my $mb = iperf_once($run);
			if (defined($mb)) {
				$rec->('iperf.mb_s', $mb);
				last;
			}
			time() > $until and die "iperf3: " . words($run) . "\n";
			sleep(0.2);
		}
		1;
	};
	my $why = $@;
	down($run) if $run;
	Proc::stop($srv);
	die $why if !$ok;
}

sub iperf_once {
	my ($run) = @_;
	my $t = int($run->{env}{seconds}) || 1;
	my $p = Proc::start(cmd => [$run->{env}{bin}{iperf3}, '-c',
	    $run->{addr}, '-p', $run->{port}, '-R', '-l', '256K', '-J', '-t',
	    $t], log => "$run->{env}{dir}/iperf3.log", pipe => 1);
	my $text = '';
	while (defined(my $line = Proc::line($p, $t + 5))) {
		$text .= "$line\n";
	}
	Proc::stop($p, now => 1);
	my $a = eval { $json->decode($text) } or return;
	my $bits = $a->{end}{sum_received}{bits_per_second} or return;
	return $bits / 8e6;
}

1;
