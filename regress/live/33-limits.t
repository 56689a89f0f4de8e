#!/bin/sh
# Limits of a service, from outside: rates, networks, users of a source and in
# all, tunnels and ids of a client; and that others are served meanwhile.

. regress/live/lib.sh

# Few descriptors, so that they can be used up.
ulimit -n 512 2>/dev/null
SERVER= CLIENT=
pair

sessions() { ctl "$1" -j show sessions | grep -o '"id":"[^"]*"' | sort; }
# set_opts SIDE LINE...: further lines of the service, in force
cp "$T/server.conf" "$T/server.plain"
cp "$T/client.conf" "$T/client.plain"
set_opts() {
	_side=$1; shift
	for _line; do echo "$_line"; done >"$T/lines"
	sed "/token /r $T/lines" "$T/$_side.plain" >"$T/new" &&
	    cat "$T/new" >"$T/$_side.conf" && ctl "$_side" reload
}
set_opts client "pool 2"
until_true '[ "$(sessions server | wc -l)" -eq 2 ]'
ok $? "a service with two tunnels"
counter() {	# counter SIDE NAME
	ctl "$1" -j show summary | grep -o "\"$2\":[0-9]*" |
	    awk -F: '{ n += $2 } END { print n + 0 }'
}
served() { [ "$("$TRAFFIC" ask "$uport" "sum" 10 2>&1 | wc -c)" -gt 10 ]; }
# from ADDR SECONDS: a user of that address, does it get an answer in time?
from() {
	perl -MIO::Socket::INET -e '
		my ($port, $addr, $time) = @ARGV;
		$SIG{ALRM} = sub { print "late\n"; exit };
		alarm $time;
		my $s = IO::Socket::INET->new(PeerAddr => "127.0.0.1",
		    PeerPort => $port, LocalAddr => $addr) or
		    do { print "refused\n"; exit };
		syswrite($s, "sum\n"); shutdown($s, 1);
		print sysread($s, my $b, 64) ? "served\n" : "reset\n"' \
	    "$uport" "$1" "$2"
}

# ---- rates: never above, and not far below ----
between() { awk -v x="$1" -v a="$2" -v b="$3" 'BEGIN { exit !(x >= a &&
    x <= b) }'; }
mbs() { "$TRAFFIC" rate "$uport" 1000000 | grep -o '[0-9.]*' | head -n 1; }
for side in server client; do
	more= ; [ $side = server ] || more='pool 2'
	set_opts $side "rate out 1000000" "$more"
	rate=$(mbs)
	between "$rate" 0.4 1.1
	ok $? "$side: rate out 1 MB/s gives $rate"
	set_opts $side "rate out per user 1000000" "$more"
	rate=$(mbs)
	between "$rate" 0.4 1.1
	ok $? "$side: and so does rate out per user: $rate"
	set_opts $side "$more"
done
# What the least of four downloads gets, of what the most gets: 0 to 1.
share() {
	perl -MTime::HiRes=time -MIO::Socket::INET -MIO::Select -e '
		my @s = map { IO::Socket::INET->new(PeerAddr => "127.0.0.1",
		    PeerPort => $ARGV[0]) or die } 1 .. 4;
		my ($sel, %got) = IO::Select->new(@s);
		my ($half, $end) = (2000000, 8000000);
		syswrite($_, "give 20000000\n"), $got{$_} = 0 for @s;
		my ($sum, $was) = (0);
		alarm 30;
		while ($sum < $end) {
			for ($sel->can_read) {
				my $n = sysread($_, my $b, 65536) or die;
				$sum += $n;
				$got{$_} += $n;
			}
			$was = { %got } if !$was && $sum >= $half;
		}
		my @n = sort { $a <=> $b } map { $got{$_} - $was->{$_} } @s;
		printf "%.2f\n", $n[0] / $n[-1]' "$uport"
}
for side in server client; do
	more= ; [ $side = server ] || more='pool 2'
	set_opts $side "rate out 2000000" "$more"
	ratio=$(share)
	between "${ratio:-0}" 0.7 1
	ok $? "$side: four users share it alike: $ratio"
	set_opts $side "$more"
done
set_opts server "rate in 1000000"
took=$(perl -MTime::HiRes=time -e 'my $t = time;
    system("@ARGV >/dev/null") == 0 or die; printf "%.2f", time - $t' \
    "$TRAFFIC" ask "$uport" sum 1000000)
between "$took" 0.9 8
ok $? "rate in 1 MB/s: 1 MB takes ${took:-no} s"
set_opts server
rate=$(mbs)
between "$rate" 2 100000
ok $? "without a limit: $rate MB/s"

# ---- who may come ----
set_opts server "block from 127.0.0.2" "allow from 127.0.0.0/8"
is "$(from 127.0.0.2 20) $(from 127.0.0.1 20)" "reset served" \
    "block from: the first that fits counts"
set_opts server "allow from { 127.0.0.2/31 }"
is "$(from 127.0.0.2 20) $(from 127.0.0.1 20)" "served reset" \
    "allow from: others are not allowed"
is "$(counter server users_blocked)" 2 "both were counted"
set_opts server "user rate 3"
n=$(perl -MIO::Socket::INET -e '
	alarm 20;
	my @s = map { IO::Socket::INET->new(PeerAddr => "127.0.0.1",
	    PeerPort => $ARGV[0], LocalAddr => "127.0.0.2") } 1 .. 30;
	syswrite($_, "sum\n"), shutdown($_, 1) for @s;
	print scalar(grep { !sysread($_, my $b, 64) } @s)' "$uport")
[ "$n" -ge 20 ] && [ "$n" -le 27 ]
ok $? "user rate 3: of 30 at once $n are refused"
is "$(counter server users_paced)" "$n" "and counted"
set_opts server "users per source 2"
# idle_users NAME COUNT: until its standard input ends
idle_users() {
	held "$1" perl -MIO::Socket::INET -e '
		$| = 1;
		my @s = map { IO::Socket::INET->new(PeerAddr => "127.0.0.1",
		    PeerPort => $ARGV[0]) } 1 .. $ARGV[1];
		print "ready\n";
		<STDIN>;
		print "ended ", scalar(grep { !sysread($_, my $b, 1) } @s),
		    "\n"' "$uport" "$2"
}
idle_users three 3
exec 9>"$T/three.fifo"
until_true '[ "$(counter server users_shed_source)" -eq 1 ]'
ok $? "users per source: one of three goes"
is "$(from 127.0.0.2 20)" served "another source is served"
set_opts server "user idle timeout 1"
until_true '[ "$(counter server users_idled)" -eq 2 ]'
ok $? "user idle timeout: and then the others"
exec 9>&-
logged three '^ended 3'
ok $? "all of them have seen their end"

# ---- one source takes all there is ----
set_opts server
held long perl -MIO::Socket::INET -e '
	$| = 1;
	my $s = IO::Socket::INET->new(PeerAddr => "127.0.0.1",
	    PeerPort => $ARGV[0], LocalAddr => "127.0.0.3") or die;
	syswrite($s, "echo\n");
	print "ready\n";
	while (<STDIN>) {
		syswrite($s, $_);
		print "back\n" if sysread($s, my $b, 64);
	}' "$uport"
exec 8>"$T/long.fifo"
logged long ready
idle_users flood 480
exec 9>"$T/flood.fifo"
logged flood ready 20000
until_true '[ "$(counter server users_shed_descriptors)" -gt 0 ]'
ok $? "480 idle users of one address take all descriptors"
echo one >&8
logged long '^back'
ok $? "a user who was there before has not lost anything"
n=0
for i in 1 2 3 4 5; do
	[ "$(from 127.0.0.2 5)" = served ] && n=$((n + 1))
done
is "$n" 5 "and newcomers of another are served"
like "$(ctl server -j show services)" \
    '"sources":\[\{"source":"127.0.0.1","users":[0-9]{3}\},' \
    "show services tells who it is"
like "$(ctl server show services)" '^x +server +127.0.0.1 +[0-9]{3}$' \
    "in words, too"
logged server 'user from 127.0.0.1.*closed: descriptors run short'
ok $? "and the log has it"
set_opts server "users max 20"
until_true '[ "$(counter server users_shed_total)" -gt 100 ]' &&
    is "$(from 127.0.0.2 20)" served "users max: in force at once"
exec 8>&- 9>&-

# ---- a client's tunnels ----
set_opts server "tunnels max 3"
stop "$client_pid"		# its pool may have grown for all those users
set_opts client "pool 6" 2>/dev/null	# it is down
daemon client; client_pid=$pid
logged client 'refused: client .* has as many tunnels .*: 3 .*too many tunnels' 20000
ok $? "tunnels max: the client is told in words"
is "$(sessions server | wc -l)" 3 "and has as many as it may"
served
ok $? "which serve"
tries=$(counter server tunnels_failed)
[ "$tries" -le 12 ]
ok $? "it does not hammer: $tries attempts"
set_opts server "block tunnels from 127.0.0.0/8"
before=$(counter server tunnels_blocked)
set_opts client "pool 4"
until_true '[ "$(counter server tunnels_blocked)" -gt "$before" ]'
ok $? "block tunnels from: new ones are closed"
is "$(sessions server | wc -l)" 3 "and those there are stay"

# ---- two of one id ----
set_opts server
id=$(ctl server -j show sessions | sed 's/.*"client_id":"\([^"]*\)".*/\1/')
sed "s/connect to/client id \"$id\"\npool 1\n&/" \
    "$T/client.plain" >"$T/second.conf"
set_opts client "pool 3"
until_true '[ "$(sessions client | wc -l)" -eq 3 ]'
first=$(sessions client)
daemon second
logged second "the other side says: client id $id is that of another" 20000
ok $? "a second client of the same id is told so"
logged server "client $id: there are two of this id"
ok $? "and the operator of the server"
is "$(sessions second | wc -l)" 1 "it has its tunnel"
is "$(sessions client)" "$first" "and the first has lost none"
is "$(unknown server)" "" "every counter is in the manual"
stop "$second_pid"

# ---- many ids from one address: half of the descriptors is for tunnels ----
stop "$server_pid"
is "$status" 0 "the server ends cleanly"
ulimit -n 128
cat "$T/server.plain" >"$T/server.conf"
daemon server
sed "s/connect to.*/client id \"greedy\"\npool 70\n& from 127.0.0.2/" \
    "$T/client.plain" >"$T/greedy.conf"
daemon greedy
until_true '[ "$(counter server tunnels_shed)" -gt 0 ]'
ok $? "a client that takes them all loses some of its own"
until_true '[ "$(sessions client | wc -l)" -eq 3 ]'
held_ids=$(sessions client)
served
ok $? "another has its tunnels and serves"
is "$(sessions client)" "$held_ids" "and keeps them"
stop "$greedy_pid"
stop "$client_pid"
is "$status" 0 "the client ends cleanly"
stop "$server_pid"
is "$status" 0 "the server ends cleanly"
done_testing
