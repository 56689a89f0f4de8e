#!/bin/sh
# A tunnel without a mux is not read while its user reads nothing, so that no
# heartbeat is heard through it: it stays as long as the peer's system answers,
# and goes soon after a black hole has taken the peer, with outer TLS or not.

. regress/live/lib.sh

NETNS=unrd
. regress/live/netns.sh
in_ns $A perl perl-a
in_ns $B perl perl-b

cat >"$T/deaf.pl" <<'END'
# deaf.pl listen PORT: a target that sends all that is taken and reads nothing
# deaf.pl hear PORT...: a user at each port, who reads nothing; prints "ready"
# and ends with standard input
# deaf.pl talk PORT...: likewise; first each sends all that is taken
use strict;
use warnings;
use IO::Select;
use IO::Socket::INET;
my ($what, @ports) = @ARGV;
my $octets = 'x' x 65536;
my $w = IO::Select->new;
my @all;
$| = 1;
$SIG{PIPE} = 'IGNORE';
sub put {
	my $s = shift;
	$w->remove($s) if !defined(syswrite($s, $octets)) && !$!{EAGAIN};
}
if ($what eq 'listen') {
	my $l = IO::Socket::INET->new(LocalAddr => '127.0.0.1',
	    LocalPort => $ports[0], Listen => 64) or die "$!";
	my $r = IO::Select->new($l);
	print "listens\n";
	for (;;) {
		my ($can, $may) = IO::Select->select($r, $w, undef);
		if (@$can && (my $s = $l->accept)) {
			$s->blocking(0);
			$w->add($s);
			push @all, $s;
		}
		put($_) for @$may;
	}
}
for my $port (@ports) {
	my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
	    PeerPort => $port) or die "$!";
	$s->blocking(0);
	$w->add($s) if $what eq 'talk';
	push @all, $s;
}
# ready when nothing was taken for a second; then on, until nobody holds us
my ($in, $ready) = (IO::Select->new(\*STDIN), 0);
until ($in->can_read(0)) {
	my @s = $w->can_write(1);
	put($_) for @s;
	print "ready\n" if !@s && !$ready++;
	select(undef, undef, undef, 0.1) if !$w->count;
}
END

held line regress/bench/wan -n $A,$B -d 0
exec 9>"$T/line.fifo"
logged line ready
ok $? "a line"
echo 'log debug' >"$T/server.conf"
echo 'log debug' >"$T/client.conf"
# service NUMBER TRANSPORT, with TLS and VERIFY
service() {
	limits="keepalive 1
			mux receive buffer 262144
			mux stream buffer 262144"
	cat >>"$T/server.conf" <<-END
		server {
			listen on 10.77.0.2 port 700$1 transport $2
			$TLS
			service "$2" {
				listen on 127.0.0.1 port 710$1
				token "a token of more than sixteen $1"
				user timeout 30
				$limits
			}
		}
	END
	cat >>"$T/client.conf" <<-END
		client {
			connect to 10.77.0.2 port 700$1 transport $2
			$VERIFY
			service "$2" {
				forward to 127.0.0.1 port 7200
				token "a token of more than sixteen $1"
				pool 1
				pool max 2
				$limits
			}
		}
	END
}
TLS= VERIFY=
service 1 tcp
service 2 ws
VERIFY="tls verify no-i-accept-any-server"
TLS="tls self-signed \"$T/3.crt\" key \"$T/3.key\""
service 3 tls
TLS="tls self-signed \"$T/4.crt\" key \"$T/4.key\""
service 4 wss
background target "$T/perl-a" "$T/deaf.pl" listen 7200
logged target '^listens'
ROCKETD=$T/rocketd-b
daemon server
ROCKETD=$T/rocketd-a
daemon client

# users WHAT: one of each service, as deaf.pl has them; on descriptor 8
users() {
	held users "$T/perl-b" "$T/deaf.pl" "$1" 7101 7102 7103 7104
	users_pid=$pid
	exec 8>"$T/users.fifo"
	logged users '^ready' 30000
}
# unread DAEMON: how many of its tunnels are not read
unread() { ctl "$1" -j show streams | grep -o '"window":0[,}]' | wc -l; }

users talk
ok $? "four users who do not read, and whose target does not"
until_true '[ "$(unread server)" -eq 4 ] && [ "$(unread client)" -eq 4 ]'
ok $? "neither end reads their tunnels"
# longer than four times two heartbeats
! logged server 'tunnel [0-9]+.* lost' 2500
ok $? "the peer is there: nothing is lost in ten seconds"
streams() { ctl "$1" -j show streams | grep -o '"stream":' | wc -l; }
is "$(streams server) $(streams client)" "4 4" "all are there"
exec 8>&-
"$TRAFFIC" gone 5000 "$users_pid"
until_true '[ "$(unread server)" -eq 0 ] && [ "$(unread client)" -eq 0 ]'
ok $? "until they leave"

users hear
ok $? "four users who do not read"
until_true '[ "$(unread server)" -eq 4 ]'
ok $? "nor does the server read their tunnels"
: >"$T/server.log"
echo off >&9
for transport in tcp ws; do
	logged server "worker $transport .*: tunnel .*: lost: no answer" 10000
	ok $? "$transport: a black hole is noticed"
done
for transport in tls wss; do
	logged server "worker $transport .*: lost: .* it was not read" 10000
	ok $? "$transport: a black hole is noticed"
done
like "$(grep -c 'tls from .*: no answer' "$T/server.log")" '^[2-9]' \
    "by the processes that have the sockets"
until_true '[ "$(unread server)" -eq 0 ]'
ok $? "and none of their streams is left"
exec 8>&-
echo on >&9
stop "$client_pid"
is "$status" 0 "the client ends cleanly"
stop "$server_pid"
is "$status" 0 "the server ends cleanly"
done_testing
