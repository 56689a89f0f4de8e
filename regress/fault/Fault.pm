# What the fault suite's tests in Perl share: daemons with failures to order
# (inject.c), the load of regress/live/traffic.c, what /proc says of a daemon's
# processes, and TAP.  All of it is ended and removed on any exit.

package Fault;

use strict;
use warnings;
use Cwd qw(getcwd);
use File::Temp qw(tempdir);
use IO::Handle;
use POSIX qw(:sys_wait_h :errno_h);
use Time::HiRes qw(time sleep);

our $top = getcwd();
our $traffic = "$top/regress/live/traffic";
our $ctl = "$top/rocketctl/rocketctl";
our $T = tempdir('rocketd-fault.XXXXXX', TMPDIR => 1, CLEANUP => 1);
our ($tests, $failed, $asan) = (0, 0);
my %live;			# pid => name
my $owner = $$;

$ENV{ASAN_OPTIONS} //= 'detect_leaks=0';
$SIG{$_} = sub { exit(1) } for qw(HUP INT TERM);
$SIG{PIPE} = 'IGNORE';
$| = 1;

# ---- TAP ----

sub ok {
	my ($ok, $name, @why) = @_;
	$tests++;
	print(($ok ? '' : 'not ') . "ok $tests - $name\n");
	return 1 if $ok;
	$failed++;
	print STDERR "# failed: $name\n", map { "# $_\n" } @why;
	said() if $failed == 1;
	return 0;
}

sub note { print "# $_\n" for @_; }

sub skip_all {
	print "1..0 # SKIP $_[0]\n";
	exit(0);
}

sub done_testing {
	print "1..$tests\n";
	exit($failed ? 1 : 0);
}

# The daemons' last words, where prove(1) does not hide them.
sub said {
	for my $log (glob("$T/*.log")) {
		my @lines = split(/\n/, text($log));
		splice(@lines, 0, -25) if @lines > 25;
		print STDERR "#| $log: $_\n" for @lines;
	}
}

# ---- processes ----

sub text {
	my ($path) = @_;
	open(my $fh, '<', $path) or return '';
	local $/;
	return <$fh> // '';
}

sub put {
	my ($path, $text, $mode) = @_;
	open(my $fh, '>', $path) or die "$path: $!\n";
	print $fh $text;
	close($fh) or die "$path: $!\n";
	chmod($mode // 0600, $path);
}

# start NAME, COMMAND...: in the background, its output in $T/NAME.log; with
# held, its standard input is ours too: (pid, handle)
sub start { return (launch(undef, @_))[0]; }

sub held {
	pipe(my $in, my $to) or die "pipe: $!\n";
	$to->autoflush(1);
	my ($pid) = launch($in, @_);
	return ($pid, $to);
}

sub launch {
	my ($in, $name, @cmd) = @_;
	my $pid = fork() // die "fork: $!\n";
	if ($pid == 0) {
		$SIG{$_} = 'DEFAULT' for qw(HUP INT TERM PIPE);
		open(STDIN, '<', '/dev/null');
		POSIX::dup2(fileno($in), 0) if $in;
		open(STDOUT, '>>', "$T/$name.log");
		open(STDERR, '>&', \*STDOUT);
		{ no warnings; exec { $cmd[0] } @cmd; }
		POSIX::_exit(127);
	}
	$live{$pid} = $name;
	return $pid;
}

# A function in a process of its own.
sub run_apart {
	my ($function) = @_;
	my $pid = fork() // die "fork: $!\n";
	if ($pid == 0) {
		%live = ();
		$function->();
		POSIX::_exit(0);
	}
	$live{$pid} = 'apart';
	return $pid;
}

# Its status when it has ended, within so many seconds; undef: it has not.
sub ended {
	my ($pid, $seconds) = @_;
	my $end = time() + $seconds;
	while ($live{$pid}) {
		if (waitpid($pid, WNOHANG) == $pid) {
			delete $live{$pid};
			return $?;
		}
		return undef if time() >= $end;
		sleep(0.01);
	}
	return undef;
}

sub stop {
	my ($pid, $seconds) = @_;
	return undef unless $live{$pid};
	kill('TERM', $pid);
	my $status = ended($pid, $seconds // 20);
	return $status if defined($status);
	kill('KILL', $pid);
	ended($pid, 10);
	return undef;
}

# A child may be told to end before it is another program: what there is, is not
# its own.
END {
	return if $$ != $owner;
	my $status = $?;
	local $SIG{$_} = 'IGNORE' for qw(HUP INT TERM);
	kill('CONT', $_), kill('TERM', $_) for keys %live;
	for (keys %live) {
		kill('KILL', $_) unless defined(ended($_, 15));
	}
	ended($_, 5) for keys %live;
	$? = $status;
}

# What a tool of the tests prints, in at most so many seconds.
sub run {
	my ($seconds, @cmd) = @_;
	my $pid = open(my $fh, '-|') // die "fork: $!\n";
	if ($pid == 0) {
		open(STDERR, '>', '/dev/null');
		{ no warnings; exec { 'timeout' } 'timeout', $seconds, @cmd; }
		POSIX::_exit(127);
	}
	local $/;
	my $out = <$fh> // '';
	close($fh);
	chomp($out);
	return $out;
}

sub ports { return split(' ', run(10, $traffic, 'ports', $_[0])); }

# Of all that was sent and awaited nothing is missing.
sub served {
	my ($port, $n, $size, $seconds) = @_;
	return run($seconds // 30, $traffic, 'users', $port, $n, $size) =~
	    /^done $n failed 0 reset 0 refused 0\b/;
}

sub awaits {
	my ($port, $seconds) = @_;
	my $end = time() + $seconds;
	do {
		return 1 if run(10, $traffic, 'users', $port, 1, 100) =~
		    /^done 1 /;
		sleep(0.02);
	} while (time() < $end);
	return 0;
}

# ---- a daemon ----

# daemon NAME, PROGRAM, WORKER: of $T/NAME.conf
sub daemon {
	my ($name, $program, $worker) = @_;
	put("$T/$name.log", '');
	return start($name, $program, '-d', '-f', "$T/$name.conf", '-s',
	    "$T/$name.sock", '-W', $worker);
}

sub logged {
	my ($name, $re, $seconds) = @_;
	my $end = time() + $seconds;
	while (text("$T/$name.log") !~ /$re/m) {
		return 0 if time() >= $end;
		sleep(0.02);
	}
	return 1;
}

# Its processes by name ("gate", "service x"), as rocketctl has them.
sub processes {
	my ($name) = @_;
	my %p;
	for (split(/\n/, run(10, $ctl, '-s', "$T/$name.sock", '-j', 'show',
	    'processes'))) {
		while (/\{([^{}]*"pid":[^{}]*)\}/g) {
			my $row = $1;
			my %f = $row =~ /"(\w+)":\s*"?([^",]*)"?/g;
			my $who = $f{role} // $f{process} // next;
			my $of = $f{service} // $f{name} // '';
			$p{"$who $of"} = \%f;
		}
	}
	return \%p;
}

sub kids {
	my ($pid) = @_;
	my @kids;
	for (glob('/proc/[0-9]*/stat')) {
		my $line = text($_);
		push(@kids, $1) if $line =~ /^(\d+) \(.*\) \S (\d+) /s &&
		    $2 == $pid;
	}
	return @kids;
}

# What it is called: "parent", "gate", "worker x".
sub title {
	my ($pid) = @_;
	my $line = text("/proc/$pid/cmdline");
	$line =~ s/\0.*//s;
	$line =~ s/^rocketd: //;
	return $line;
}

sub descriptors {
	my ($pid) = @_;
	my @fds = glob("/proc/$pid/fd/*");
	return scalar(@fds);
}

# The same without pipes, which a worker keeps for the next who needs them.
sub sockets {
	my ($pid) = @_;
	return scalar(grep { (readlink($_) // 'pipe:') !~ /^pipe:/ }
	    glob("/proc/$pid/fd/*"));
}

# Private memory, in KiB.
sub memory {
	my ($pid) = @_;
	my $n = 0;
	$n += $_ for text("/proc/$pid/smaps_rollup") =~
	    /^Private_(?:Clean|Dirty):\s+(\d+)/mg;
	return $n;
}

# The same by what it is of: heap, the programs' data, the rest.
sub mappings {
	my ($pid) = @_;
	my (%n, $name);
	for (split(/\n/, text("/proc/$pid/smaps"))) {
		if (/^[0-9a-f]+-[0-9a-f]+ \S+ \S+ \S+ \d+ *(.*)/) {
			$name = $1 eq '' ? 'anonymous' : $1;
		} elsif (/^Private_(?:Clean|Dirty):\s+(\d+)/) {
			$n{$name} += $1;
		}
	}
	return \%n;
}

# Where two of these differ.
sub differ {
	my ($was, $is) = @_;
	my %all = (%$was, %$is);
	return map { my ($a, $b) = ($was->{$_} // 0, $is->{$_} // 0);
	    $a == $b ? () : "$_: $a KiB, then $b" } sort keys %all;
}

# ---- failures to order ----

use constant {
	MEM => 1, FD => 2, IO => 3, MISC => 4,
	SHORT => -1,
	SITES => 1024,
	HEAD => 160,		# octets before the sites
};
my $plan;

sub plan_make {
	put("$T/plan", "\0" x (HEAD + 16 * SITES), 0666);
	open($plan, '+<', "$T/plan") or die "plan: $!\n";
	binmode($plan);
	$ENV{ROCKETD_FAULT} = "$T/plan";
	put("$T/worker", "#!/bin/sh\nROCKETD_FAULT=$T/plan\n" .
	    "export ROCKETD_FAULT\n" .
	    "exec $top/regress/fault/rocketd-worker \"\$\@\"\n", 0755);
	chmod(0755, $T);
}

sub plan_write {
	my ($at, $octets) = @_;
	sysseek($plan, $at, 0);
	syswrite($plan, $octets) == length($octets) or die "plan: $!\n";
}

sub plan_read {
	my ($at, $n) = @_;
	my $octets = '';
	sysseek($plan, $at, 0);
	sysread($plan, $octets, $n) == $n or die "plan: $!\n";
	return $octets;
}

# The nth call of a kind in a process fails; 0: they are only counted.
sub arm {
	my ($who, $kind, $error, $nth) = @_;
	plan_write(0, pack('L', 0));
	plan_write(152, pack('L', 0));
	plan_write(4, pack('LlLQQZ64Z32Q', $kind, $error, 0, $nth, 0, $who,
	    '', 0));
	plan_write(0, pack('L', 1));
}

sub disarm { plan_write(0, pack('L', 0)); }
sub fired { return unpack('L', plan_read(12, 4)); }
sub counted { return unpack('Q', plan_read(24, 8)); }

# The calls by number that are the first from where they are made.
sub sites {
	my $n = unpack('L', plan_read(152, 4));
	my @all = unpack('Q*', plan_read(HEAD, 16 * $n));
	return map { $all[2 * $_ + 1] } 0 .. $n - 1;
}

# What failed last: the function and its caller.
sub what {
	my ($program) = @_;
	my ($what, $where) = unpack('Z32Q', plan_read(96, 40));
	my $line = run(10, 'addr2line', '-fse', $program,
	    sprintf('%x', $where - 1));
	$line =~ s/\n/ /g;
	return "$what in $line";
}

# Microseconds by which the clocks are ahead: of the monotonic one, the other.
sub clocks { plan_write(136, pack('qq', @_)); }

1;
