# Processes that the bench starts: each in a process group of its own, watched
# by process id, and ended on any exit of the bench, together with all that it
# has forked.  Nothing here looks at, or ends, a process of somebody else.

package Proc;

use strict;
use warnings;
use Fcntl qw(O_WRONLY O_CREAT O_APPEND);
use IO::Socket::INET;
use POSIX qw(:sys_wait_h setpgid);
use Time::HiRes qw(time sleep);

use constant {
	GRACE => 12,		# seconds to end in; rocketd drains up to 10
	POLL => 0.02,		# seconds between two looks at /proc
	LINE_MAX => 65536,	# octets of a line that load may print
};

my %live;			# pid => process
my $tick = POSIX::sysconf(&POSIX::_SC_CLK_TCK);
my $page = POSIX::sysconf(&POSIX::_SC_PAGESIZE) / 1024;

# A process of its own group with all the descriptors that are to be had.  Its
# output goes to the file `log', or with `pipe' its standard output and input
# are ours.  `ns' is the network namespace to run in.
sub start {
	my (%o) = @_;
	my @cmd = ('sh', '-c', 'ulimit -n "$(ulimit -H -n)"; exec "$@"', 'sh',
	    @{$o{cmd}});
	@cmd = ('ip', 'netns', 'exec', $o{ns}, @cmd) if defined($o{ns});
	my ($in, $to, $from, $out);
	if ($o{pipe}) {
		pipe($in, $to) && pipe($from, $out) or die "pipe: $!\n";
	}
	my $pid = fork() // die "fork: $!\n";
	if ($pid == 0) {
		$SIG{$_} = 'DEFAULT' for qw(HUP INT TERM PIPE);
		setpgid(0, 0);
		open(STDIN, '<', '/dev/null');
		POSIX::dup2(fileno($in), 0) if $in;
		my $log = POSIX::open($o{log}, O_WRONLY | O_CREAT | O_APPEND,
		    0600) // POSIX::_exit(127);
		POSIX::dup2($out ? fileno($out) : $log, 1);
		POSIX::dup2($log, 2);
		chdir($o{dir}) if defined($o{dir});
		$ENV{$_} = $o{env}{$_} for keys %{$o{env} // {}};
		{ no warnings; exec { $cmd[0] } @cmd; }
		POSIX::_exit(127);
	}
	setpgid($pid, $pid);	# whoever is first
	my $p = { pid => $pid, to => $to, from => $from, log => $o{log},
	    name => $o{cmd}[0], buf => '' };
	$live{$pid} = $p;
	return $p;
}

sub stat_of {
	my ($pid) = @_;
	open(my $fh, '<', "/proc/$pid/stat") or return;
	my $line = <$fh> // return;
	$line =~ s/^.*\) // or return;		# a name may have blanks
	my @f = split(/ /, $line);
	return { state => $f[0], ppid => $f[1], cpu => $f[11] + $f[12],
	    gone => $f[13] + $f[14] };
}

sub ended {
	my ($p) = @_;
	my $s = stat_of($p->{pid});
	return !$s || $s->{state} eq 'Z';
}

# Ends it: its input first, then SIGTERM, then SIGKILL for what is left of the
# group.  The leader is reaped last, so that the group's id stays ours.
sub stop {
	my ($p, %o) = @_;
	delete $live{$p->{pid}} or return;
	close($p->{to}) if $p->{to};
	kill('TERM', $p->{pid}) if !$p->{to} || $o{now};
	my $until = time() + ($o{now} ? 1 : GRACE);
	sleep(POLL) while !ended($p) && time() < $until;
	kill('KILL', -$p->{pid});
	waitpid($p->{pid}, 0);
	return $?;
}

sub stop_all {
	kill('TERM', $_) for keys %live;
	stop($live{$_}, now => 1) for keys %live;
}

# One line of its standard output; undef when it ended or took too long.
sub line {
	my ($p, $seconds) = @_;
	my $until = time() + $seconds;
	while ($p->{buf} !~ /\n/) {
		my $left = $until - time();
		my $v = '';
		vec($v, fileno($p->{from}), 1) = 1;
		return if $left <= 0 || length($p->{buf}) > LINE_MAX ||
		    !select($v, undef, undef, $left);
		sysread($p->{from}, $p->{buf}, 4096, length($p->{buf})) or
		    return;
	}
	$p->{buf} =~ s/^(.*)\n//;
	return $1;
}

# The last words of its log, for a message.
sub words {
	my ($log) = @_;
	open(my $fh, '<', $log) or return '';
	my @l = grep { /\S/ } <$fh>;
	my $s = join(' / ', map { s/\e\[[0-9;]*m|[^ -~]//gr }
	    @l > 2 ? @l[-2, -1] : @l);
	return length($s) > 300 ? substr($s, -300) : $s;
}

# Process ids of these processes and of all their descendants.
sub tree {
	my %kids;
	for my $path (glob('/proc/[0-9]*')) {
		my ($pid) = $path =~ /(\d+)$/;
		my $s = stat_of($pid) or next;
		push @{$kids{$s->{ppid}}}, $pid;
	}
	my @all = my @todo = map { $_->{pid} } @_;
	while (@todo) {
		my @more = map { @{$kids{$_} // []} } @todo;
		push @all, @more;
		@todo = @more;
	}
	return @all;
}

# CPU seconds that they have used, with what they have reaped.
sub cpu {
	my $sum = 0;
	for (tree(@_)) {
		my $s = stat_of($_) or next;
		$sum += $s->{cpu} + $s->{gone};
	}
	return $sum / $tick;
}

# KiB of memory: private to the processes, and resident with shared pages
# counted once for each process.  Without root the private part of a process
# that allows no ptrace is not to be had, and undef then.
sub memory {
	my ($uss, $rss, $hidden) = (0, 0, 0);
	for my $pid (tree(@_)) {
		my $s = stat_of($pid) or next;
		next if $s->{state} eq 'Z';
		if (open(my $fh, '<', "/proc/$pid/statm")) {
			$rss += (split(/ /, <$fh> // '0 0'))[1] * $page;
		}
		if (open(my $fh, '<', "/proc/$pid/smaps_rollup")) {
			my $lines = join('', <$fh>);
			$uss += $_ for $lines =~
			    /^Private_(?:Clean|Dirty): +(\d+) kB/mg;
			$hidden++ if $lines eq '';
		} elsif (stat_of($pid)) {
			$hidden++;
		}
	}
	return ($hidden ? undef : $uss, $rss);
}

# Threads and processes, for the memory row's sake.
sub count { return scalar(tree(@_)); }

# A free port below those that the kernel gives to connections, so that none of
# these has taken it when the subject comes to listen.
my %given;

sub port {
	my ($addr) = @_;
	my $top = 32768;
	if (open(my $fh, '<', '/proc/sys/net/ipv4/ip_local_port_range')) {
		($top) = <$fh> =~ /^(\d+)/;
	}
	$top = 32768 if $top < 12000;
	for (1 .. 1000) {
		my $port = 10000 + int(rand($top - 10000));
		next if $given{$port}++;
		return $port if IO::Socket::INET->new(Listen => 1,
		    LocalAddr => $addr // '127.0.0.1', LocalPort => $port,
		    ReuseAddr => 1);
	}
	die "no free port below $top\n";
}

# Path of a program: among the peers' first, then on PATH.
sub find {
	my ($name) = @_;
	for my $d (split(/:/, ($ENV{PEERS_PATH} // '') . ":$ENV{PATH}"),
	    '/usr/sbin', '/sbin') {
		return "$d/$name" if $d ne '' && -x "$d/$name" &&
		    !-d "$d/$name";
	}
	return;
}

1;
