#!/usr/bin/perl
# Between a client and a server stands one who stops reading, each connection
# after another octet of either way, and who closes nothing: so each end meets a
# peer that does not read in each state of each protocol around a tunnel (TLS,
# WebSocket, the handshake, HELLO, the session with users and without, its end).
# Heartbeats alone take minutes for a few thousand octets: whoever has not come
# to his octet when all are there stops at once.  Both ends let go of all of it
# within their deadlines, descriptor by descriptor, and serve when he is gone.

use strict;
use warnings;
use lib 'regress/fault';
use Fault;
use Errno qw(EAGAIN);
use IO::Select;
use IO::Socket::INET;
use Time::HiRes qw(time sleep);

use constant {
	POOL => 24,		# tunnels at once, of each service
	USERS => 6,		# at once, of each service, while it stalls
	PATIENCE => 60,		# seconds until all must be gone
};

my $wanted = $ENV{FAULT_ALL} ? 136 : 8;	# connections that stall
my $T = $Fault::T;
my @transports = ('tcpmux', 'wsmux', 'wssmux', 'tcp');
my (%pid, %users, %there, %relay);

system('command -v openssl >/dev/null') == 0 or Fault::skip_all('no openssl');

# ---- who stands between ----

# Where each connection stops: octets from the client, or from the server.
sub limits {
	my ($n) = @_;
	my @at = (260, 640, 1000, 0, 400, 1700, 120, 520, 3000, 1, 200, 800,
	    320, 1300, 2200, 40, 5000);
	my $limit = $at[$n / 2 % @at];
	return $n % 2 ? ($limit, 1 << 40) : (1 << 40, $limit);
}

# Passes octets from a to b until a's limit, then reads no more of it.
sub pass {
	my ($c, $sel) = @_;
	return if $c->{left} <= 0;
	my $n = sysread($c->{from}, my $buf, $c->{left} < 65536 ? $c->{left} :
	    65536);
	return if !defined($n) && $! == EAGAIN;
	$n //= 0;
	$c->{left} -= $n;
	$sel->remove($c->{from}) if $n == 0 || $c->{left} <= 0;
	while ($n > 0) {
		my $k = syswrite($c->{to}, $buf, $n) // 0;
		last if $k == 0 && $! != EAGAIN;
		substr($buf, 0, $k, '');
		$n -= $k;
	}
	# in its first state a relay is one whom nothing can close
	shutdown($c->{to}, 1) if defined($n) && $c->{left} > 1 << 39 &&
	    !$sel->exists($c->{from});
}

# Whoever was to stop somewhere stops here.
sub deafen {
	my ($conn, $sel) = @_;
	for (grep { $_->{left} < 1 << 39 } values %$conn) {
		$_->{left} = 0;
		$sel->remove($_->{from});
	}
}

# Orders: "stall" and "pass" listen; "deaf" does not, and all that were to stop
# somewhere stop.  Connections stay open.  "count" tells how many there were.
sub relay {
	my ($orders, $report) = @_;
	my ($how, $n, %conn, %listens) = ('deaf', 0);
	my $sel = IO::Select->new($orders);
	$SIG{$_} = 'DEFAULT' for qw(HUP INT TERM);
	for (;;) {
		for my $fh ($sel->can_read(1)) {
			if ($fh == $orders) {
				my $order = <$orders> // POSIX::_exit(0);
				chomp($order);
				syswrite($report, "count $n\n"), next
				    if $order eq 'count';
				$how = $order;
				deafen(\%conn, $sel) if $how eq 'deaf';
				for (values %listens) {
					$sel->remove($_->[0]);
					close($_->[0]);
				}
				%listens = ();
				for (sort keys %there) {
					last if $how eq 'deaf';
					my $l = IO::Socket::INET->new(
					    LocalAddr => '127.0.0.1',
					    LocalPort => $relay{$_},
					    Listen => 64, ReuseAddr => 1) or
					    POSIX::_exit(1);
					$listens{$l} = [ $l, $there{$_} ];
					$sel->add($l);
				}
				syswrite($report, "$how $n\n");
			} elsif ($listens{$fh}) {
				my $a = $fh->accept() or next;
				my $b = IO::Socket::INET->new(PeerAddr =>
				    "127.0.0.1:$listens{$fh}[1]") or next;
				$_->blocking(0) for $a, $b;
				my ($in, $out) = $how eq 'stall' ?
				    limits($n++) : (1 << 40, 1 << 40);
				$conn{$a} = { from => $a, to => $b,
				    left => $in };
				$conn{$b} = { from => $b, to => $a,
				    left => $out };
				$sel->add($a) if $in > 0;
				$sel->add($b) if $out > 0;
			} elsif ($conn{$fh}) {
				pass($conn{$fh}, $sel);
			}
		}
	}
}

pipe(my $in, my $order) && pipe(my $answers, my $out) or die "pipe: $!\n";
$order->autoflush(1);

sub order {
	my ($what) = @_;
	print $order "$what\n";
	return scalar(<$answers>) =~ /^$what (\d+)/ ? $1 : -1;
}

# ---- the daemons ----

sub configure {
	my ($port) = @_;
	my ($server, $client) = ("log debug\nhandshake timeout 2\n",
	    "log debug\n");
	system('openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt',
	    'ec_paramgen_curve:P-256', '-nodes', '-days', '30', '-keyout',
	    "$T/a.key", '-out', "$T/a.crt", '-subj', '/CN=a', '-addext',
	    'subjectAltName=IP:127.0.0.1') == 0 or die "openssl\n";
	for (@transports) {
		my $token = "token \"a token of more than sixteen $_\"";
		my $tls = /^wss/;
		$server .= "server {\nlisten on 127.0.0.1 port $there{$_} " .
		    "transport $_\n" . ($tls ? "tls certificate " .
		    "\"$T/a.crt\" key \"$T/a.key\"\n" : '') .
		    "service \"$_\" {\nlisten on 127.0.0.1 port $users{$_}\n" .
		    "$token\nkeepalive 1\n}\n}\n";
		$client .= "client {\nconnect to 127.0.0.1 port $relay{$_} " .
		    "transport $_\n" . ($tls ? "tls ca \"$T/a.crt\"\n" : '') .
		    "service \"$_\" {\nforward to 127.0.0.1 port $port\n" .
		    "$token\nhandshake timeout 2\nkeepalive 1\n" .
		    "pool " . POOL . "\npool max " . POOL .
		    "\nretry interval 1\ndial timeout 1\n}\n}\n";
	}
	Fault::put("$T/server.conf", $server);
	Fault::put("$T/client.conf", $client);
}

# The descriptors of each process of a daemon.
sub descriptors {
	my ($side) = @_;
	return join(', ', sort(map { Fault::title($_) . ' ' .
	    Fault::sockets($_) } Fault::kids($pid{$side})));
}

sub settled {
	my ($side) = @_;
	my ($was, $n) = ('', 0);
	for (1 .. 300) {
		my $is = descriptors($side);
		$n = $is eq $was ? $n + 1 : 0;
		return $is if $n == 10;
		$was = $is;
		sleep(0.1);
	}
	return $was;
}

sub becomes {
	my ($side, $want) = @_;
	my $end = time() + PATIENCE;
	my $is;
	sleep(0.2) while ($is = descriptors($side)) ne $want && time() < $end;
	return $is;
}

# ---- the test ----

my @ports = Fault::ports(1 + 3 * @transports);
my $port = shift(@ports);
for (@transports) {
	($users{$_}, $there{$_}, $relay{$_}) = splice(@ports, 0, 3);
}
Fault::start('target', $Fault::traffic, 'serve', '127.0.0.1', $port);
Fault::logged('target', '^port ', 10) or die "no target\n";
configure($port);
my $relay = Fault::run_apart(sub { close($order); relay($in, $out); });
for ('server', 'client') {
	$pid{$_} = Fault::daemon($_, "$Fault::top/rocketd/rocketd",
	    "$Fault::top/worker/rocketd-worker");
	Fault::ok(Fault::logged($_, 'is up', 20), "the $_ is up");
}
my %was = map { $_ => settled($_) } 'server', 'client';
Fault::note("$_: $was{$_}") for sort keys %was;
order('stall');
# users that send and read, and users that do not read: some go at once when all
# are deaf, so that what ends meets him too
my (@go, @stay);
for (@transports) {
	push(@go, Fault::start("go-$_", $Fault::traffic, 'users', $users{$_},
	    USERS / 2, 300000));
	push(@stay, [ Fault::held("stay-$_", $Fault::traffic, 'stall',
	    $users{$_}, USERS / 2) ]);
}
my $n = 0;
# each limit and way of each transport, or the first of them: a client that
# is not answered does not come often
for (1 .. 100 * $wanted) {
	sleep(0.1);
	last if ($n = order('count')) >= $wanted;
}
$n = order('deaf');
Fault::ok($n >= $wanted, "$n connections stall, each after other octets");
Fault::stop($_) for @go;
for ('server', 'client') {
	my $began = time();
	my $is = becomes($_, $was{$_});
	Fault::ok($is eq $was{$_}, sprintf('the %s lets go of all of them ' .
	    '(%.1f s)', $_, time() - $began), "was $was{$_}", "is  $is");
}
close($_->[1]), Fault::ended($_->[0], 10) for @stay;
order('pass');
Fault::ok(Fault::awaits($users{$_}, 30), "$_: users are served after that") &&
    Fault::ok(Fault::served($users{$_}, 20, 50000, 30), "$_: 20 of them")
    for @transports;
for ('client', 'server') {
	my @bad = Fault::text("$T/$_.log") =~
	    /^(.*(?:AddressSanitizer|runtime error| fatal |died: ).*)/mg;
	Fault::ok(!@bad, "the $_: nothing has died", @bad);
	my $status = Fault::stop($pid{$_});
	Fault::ok(defined($status) && $status == 0, "the $_ ends cleanly");
}
Fault::done_testing();
