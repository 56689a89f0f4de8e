#!/bin/sh
# The control socket and rocketctl: what it shows, who may what, strangers'
# octets, failure in a sentence and exit status 1.

. regress/live/lib.sh

# the options that hands try first
version=$(sed -n 's/^#define ROCKETD_VERSION "\(.*\)"/\1/p' config.h)
quic=$(sed -n 's/^#define HAVE_QUIC "\(.*\)"/with QUIC (\1)/p' config.h)
for program in "$ROCKETD:rocketd" "$CTL:rocketctl"; do
	of=
	[ "$program" != "$ROCKETD:rocketd" ] || of=", ${quic:-without QUIC}"
	for flag in -V --version; do
		out=$("${program%:*}" $flag 2>&1)
		is "$?: $out" "0: ${program#*:} $version$of" \
		    "${program#*:} $flag"
	done
	for flag in -h --help; do
		out=$("${program%:*}" $flag 2>/dev/null)
		is $? 0 "${program#*:} $flag"
		like "$out" "^usage: ${program#*:} \[-" "and on standard output"
	done
	for flag in -q --frobnicate; do
		out=$("${program%:*}" $flag 2>&1 >/dev/null)
		is $? 1 "${program#*:} $flag"
		like "$out" "usage: ${program#*:} \[-" "and on standard error"
	done
done
is "$("$WORKER" --version)" "rocketd-worker $version, ${quic:-without QUIC}" \
    "the worker's version"

out=$("$CTL" -s "$T/none.sock" show summary 2>&1)
is $? 1 "without a daemon rocketctl exits 1"
like "$out" 'none\.sock' "and says where it looked"
like "$("$CTL" token)" '^[A-Za-z0-9_-]{40,}$' "token makes a strong one"
[ "$("$CTL" token)" != "$("$CTL" token)" ]
ok $? "and not the same twice"
"$CTL" frobnicate >/dev/null 2>&1
is $? 1 "an unknown command is refused"

pair
"$TRAFFIC" wait "$uport" 10000 >/dev/null
"$TRAFFIC" users "$uport" 5 100000 >/dev/null
ok $? "the service is up"
for what in summary services sessions streams processes penalties ports config; do
	for side in server client; do
		ctl $side show $what >"$T/out" 2>&1
		is $? 0 "$side: show $what"
		ctl $side -j show $what >"$T/json"
		perl -MJSON::PP -0777 -ne 'decode_json($_)' "$T/json"
		is $? 0 "$side: show $what as JSON"
	done
done
like "$(ctl server show services)" 'x .*up' "the service is up"
like "$(ctl server show sessions)" '127\.0\.0\.1' "sessions have their peers"
like "$(ctl server show processes)" 'gate .*(ready|READY)' "processes"
like "$(ctl server show processes)" 'seccomp' "and what confines them"
like "$(ctl server show config)" 'service "x"' "the configuration"
is "$(ctl server show config | grep -c 'more than sixteen')" 0 "without token"

is "$(unknown server; unknown client)" "" "the manual has all counters"

# what a session is, and what it carries a second
"$TRAFFIC" wait "$uport" 5000 >/dev/null
"$TRAFFIC" users "$uport" 4 1000000 >/dev/null
rates=$(ctl server -j show sessions | tr '{' '\n' |
    sed -n 's/.*"rate_in":\([0-9]*\),"rate_out":\([0-9]*\),.*/\1 \2/p' |
    awk '{ i += $1; o += $2 } END { print (i > 10000), (o > 10000) }')
is "$rates" "1 1" "sessions say what they carry a second, both ways"
like "$(ctl client show sessions)" '/s .* tcpmux .* smux2 +tls +TLS_[A-Z0-9_]+ ' \
    "and their transport, mux, seal and cipher"

id=$(ctl client show sessions | grep -oE '\b[0-9]+\.[0-9]+\.[0-9]+\b' | head -1)
n=$(ctl client show sessions | grep -cE '\b[0-9]+\.[0-9]+\.[0-9]+\b')
ctl client session close "$id"
is $? 0 "a session is closed"
"$TRAFFIC" wait "$uport" 5000 >/dev/null
ok $? "and another made"
ctl client session close 9.9.9 >/dev/null 2>&1
is $? 1 "one that is not there is not"
ctl server log verbose && ctl server log brief
is $? 0 "log verbose, log brief"
background monitor "$CTL" -s "$T/server.sock" monitor 1
logged monitor '^ *x |x  '
ok $? "monitor shows the service"
kill "$pid"
"$TRAFFIC" gone 5000 "$pid"

# strangers' octets
before=$(child server control)
perl -MIO::Socket::UNIX -e '
	srand(7);
	for my $i (1 .. 200) {
		my $s = IO::Socket::UNIX->new(Peer => $ARGV[0]) or next;
		syswrite($s, join "", map { chr(int(rand(256))) }
		    1 .. 1 + rand(3000));
		# every other one with a header that is nearly right
		syswrite($s, pack("LLLL", 60 + $i % 4, 16 + $i, 0, 0) .
		    "x" x $i) if $i % 2;
		close $s;
	}' "$T/server.sock"
is "$(child server control)" "$before" "garbage kills nothing"
# many that say nothing
perl -MIO::Socket::UNIX -e '
	my @s = map { IO::Socket::UNIX->new(Peer => $ARGV[0]) } 1 .. 200;
	sysread(STDIN, my $x, 1)' "$T/server.sock" </dev/null
ctl server show summary >/dev/null
is $? 0 "nor do many that say nothing"
# and those that stay are too many
held many perl -MIO::Socket::UNIX -e '
	my @s = map { IO::Socket::UNIX->new(Peer => $ARGV[0]) } 1 .. 8;
	$| = 1;
	print "ready\n";
	<STDIN>' "$T/server.sock"
exec 7>"$T/many.fifo"
logged many '^ready'
like "$(ctl server show summary 2>&1)" 'too many connections from this user' \
    "who is refused is told why"
exec 7>&-
wait "$pid"
until_true 'ctl server show summary >/dev/null 2>&1'
ok $? "and is served when they have gone"

if is_root; then
	chmod 755 "$T"
	chmod 666 "$T/server.sock"
	as="setpriv --reuid=65534 --regid=65534 --clear-groups"
	$as "$CTL" -s "$T/server.sock" show summary >/dev/null
	is $? 0 "who may connect may look"
	for cmd in reload stop "log verbose" "session close 1.0.1"; do
		out=$($as "$CTL" -s "$T/server.sock" $cmd 2>&1)
		is $? 1 "but not: $cmd"
	done
	like "$out" '[Nn]ot|permi|only' "and is told so"
	kill -0 "$server_pid"
	ok $? "the daemon is there"
else
	skip "another user" "needs root"
fi

ctl server stop
is $? 0 "stop"
"$TRAFFIC" gone 12000 "$server_pid"
ok $? "the daemon ends"
[ ! -e "$T/server.sock" ]
ok $? "and takes its socket along"
done_testing
