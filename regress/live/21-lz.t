#!/bin/sh
# LZ4 on streams: how much is on the wire is counted by a relay between client
# and server, and whatever is carried arrives as it was sent.

. regress/live/lib.sh

# user.pl WHAT: through the service, as the test below asks for it
cat >"$T/user.pl" <<'END'
use strict;
use warnings;
use IO::Socket::INET;

my ($port, $what, $size) = @ARGV;
my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port) or
    die "connect: $!\n";
$s->autoflush(1);
$SIG{ALRM} = sub { print "nothing came\n"; exit 1 };
alarm(30);
srand(1);
sub text {
	my $t = '';
	$t .= sprintf("2026-11-21 %02d:%02d:%02d host daemon[%d]: GET " .
	    "/page/%d 200 %d\n", rand(24), rand(60), rand(60), 412, rand(100),
	    rand(5000)) while length($t) < $_[0];
	return substr($t, 0, $_[0]);
}
sub noise {
	return pack('N*', map { int(rand(2**32)) } 1 .. $_[0] / 4);
}
if ($what eq 'sum' || $what eq 'noise') {	# there, and its hash back
	print $s "sum\n", $what eq 'sum' ? text($size) : noise($size);
	shutdown($s, 1);
	print <$s>, "\n";
} elsif ($what eq 'echo') {		# each line is back before the next
	print $s "echo\n";
	for my $i (1 .. $size) {
		my $line = "key $i\n";
		print $s $line;
		my $back = <$s>;
		die "got another line\n" if !defined($back) || $back ne $line;
	}
	print "echoed $size\n";
} elsif ($what eq 'octets') {		# and so is each octet
	print $s "echo\n";
	for my $i (0 .. $size - 1) {
		my $c = chr($i % 256);
		syswrite($s, $c);
		sysread($s, my $back, 1);
		die "got another octet\n" if $back ne $c;
	}
	print "echoed $size\n";
}
END
user() { perl "$T/user.pl" "$@"; }

counter() {	# counter DAEMON NAME
	ctl "$1" -j show summary |
	    sed -n 's/.*"'"$2"'": *\([0-9]*\).*/\1/p'
}

wire() {	# octets that the relay has carried from the server's end
	awk '$1 == "s2c" { n += $3 } END { print n + 0 }' "$T/relay.log"
}

SERVER='compression lz4' CLIENT='compression lz4
pool 1
pool max 1'
pair
stop "$client_pid"
background relay perl regress/live/relay.pl "$tport"
logged relay '^port '
rport=$(sed -n 's/^port //p' "$T/relay.log")
sed "s/127.0.0.1 port $tport/127.0.0.1 port $rport/" "$T/client.conf" \
    >"$T/through.conf"
cp "$T/through.conf" "$T/client.conf"
daemon client
"$TRAFFIC" wait "$uport" 10000 >/dev/null
ok $? "a user is served"

before=$(wire)
direct=$(user "$port" sum 4000000)
like "$direct" '[0-9a-f]{8}' "the target tells the hash of a text"
is "$(user "$uport" sum 4000000)" "$direct" \
    "four million octets of text arrive as they were sent"
n=$(($(wire) - before))
[ "$n" -gt 0 ] && [ $((n * 3)) -le 4000000 ]
ok $? "and are at most a third of that on the wire ($n)"
plain=$(counter server lz4_plain_out) packed=$(counter server lz4_wire_out)
[ "$packed" -gt 0 ] && [ "$plain" -ge $((3 * packed)) ]
ok $? "which the server counts, too ($plain, $packed)"
is "$(counter client lz4_plain_in) $(counter client lz4_wire_in)" \
    "$plain $packed" "as does the client"

before=$(counter server lz4_plain_out) n=$(counter server lz4_wire_out)
direct=$(user "$port" noise 8000000)
is "$(user "$uport" noise 8000000)" "$direct" \
    "eight million octets that cannot be packed"
plain=$(($(counter server lz4_plain_out) - before))
packed=$(($(counter server lz4_wire_out) - n))
[ "$packed" -ge 8000000 ] && [ "$packed" -le $((plain + plain / 200)) ]
ok $? "are half a hundredth more at most ($plain, $packed)"

is "$(user "$uport" echo 500)" "echoed 500" "500 lines, each echoed at once"
is "$(user "$uport" octets 300)" "echoed 300" "300 octets, one by one"

USERS=50 SIZE=300000
[ -z "${LONG:-}" ] || SIZE=4194304
like "$("$TRAFFIC" users "$uport" $USERS $SIZE)" \
    "^done $USERS failed 0 reset 0 refused 0 " \
    "$USERS users at once, every octet, each way ended by itself"
"$TRAFFIC" late "$uport" 1000000 >"$T/late.out"
ok $? "a million octets after the target's end"
bad=0
for i in 1 2 3 4 5; do
	"$TRAFFIC" abort "$uport" "give 10000000" || bad=1
	"$TRAFFIC" ask "$uport" "reset 100000" | grep -q '^reset ' || bad=1
done
is $bad 0 "resets are resets, both ways"

held stall "$TRAFFIC" stall "$uport" 20
stall=$pid
exec 9>"$T/stall.fifo"
logged stall '^ready' 10000
like "$("$TRAFFIC" users "$uport" 8 1000000)" \
    '^done 8 failed 0 reset 0 refused 0 ' \
    "20 readers that stopped, and 8 users beside them"
exec 9>&-
"$TRAFFIC" gone 10000 "$stall"
is "$(counter server lz4_faults)$(counter client lz4_faults)" 00 \
    "nobody sent a block that could not be unpacked"

# What one side does not want is not used.
sed 's/compression lz4/compression no/' "$T/through.conf" >"$T/client.conf"
ctl client reload >/dev/null
for i in 1 2 3 4 5 6 7 8 9 10; do
	before=$(counter server lz4_plain_out)
	direct=$(user "$port" sum 100000)
	got=$(user "$uport" sum 100000)
	[ "$got" = "$direct" ] || break
	[ "$before" != "$(counter server lz4_plain_out)" ] || break
done
is "$got" "$direct" "a client that does not pack is served"
is "$(counter server lz4_plain_out)" "$before" "and nothing is packed for it"
is "$(grep -cE 'fatal|AddressSanitizer|runtime error' \
    "$T/server.log" "$T/client.log" | tr '\n' ' ')" \
    "$T/server.log:0 $T/client.log:0 " "nothing went wrong"
stop "$client_pid"
stop "$server_pid"
done_testing
