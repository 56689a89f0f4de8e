#!/bin/sh
# Listeners for datagrams, as the parent keeps them: bound once for each kind,
# for nobody else, by the same socket over reloads and the death of udp, which
# runs while a service has one.

. regress/live/lib.sh

set -- $(ports 5)
tport=$1 both=$2 other=$3 added=$4 plain=$5

# config LISTENERS...: those of service a, and one of service b, with $proto
proto=
config() {
	{
		echo "log debug"
		echo "server {"
		echo "listen on 127.0.0.1 port $tport"
		echo 'service "a" { token "a token of more than sixteen"'
		for l in "$@"; do echo "listen on $l"; done
		echo "}"
		echo 'service "b" { token "another token for the other one"'
		echo "listen on 127.0.0.1 port $plain $proto"
		echo "} }"
	} >"$T/server.conf"
}

# inode PROTOCOL PORT: of the sockets that are bound there, in order
inode() {
	awk -v port="$(printf '%04X' "$2")" '
		$2 ~ ":" port "$" && ($4 == "0A" || FILENAME ~ /udp/) {
			print $10
		}' /proc/net/"$1" /proc/net/"$1"6 | sort | tr '\n' ' '
}

# may_bind PORT: could another program, that shares, have the port?
may_bind() {
	perl -MSocket -e '
		socket(my $s, AF_INET, SOCK_DGRAM, 0) or die;
		setsockopt($s, SOL_SOCKET, SO_REUSEADDR, 1) or die;
		exit(!bind($s, sockaddr_in($ARGV[0], INADDR_LOOPBACK)));' "$1"
}

running() {	# is udp?
	[ -n "$(child server udp)" ]
}

# reload WORDS: it goes well
reload() {
	out=$(ctl server reload 2>&1)
	is "$?$out" 0 "reload: $1"
}

config "* port $both protocol tcp udp" "127.0.0.1 port $other protocol udp" \
    "::1 port $other protocol udp"
daemon server
like "$(cat "$T/server.log")" ' is up' "a server whose users send datagrams"
workers=$(child server service | sort | tr '\n' ' ')
like "$(ctl server show services)" ":$both/tcp\\+udp.* no tunnel" \
    "show services says so"
running
ok $? "there is a process udp"
udp_inode=$(inode udp "$both")
tcp_inode=$(inode tcp "$both")
like "$udp_inode" '^[0-9]+ $' "one socket for datagrams"
like "$tcp_inode" '^[0-9]+ $' "and one for connections on the same port"
like "$(inode udp "$other")" '^[0-9]+ [0-9]+ $' "two addresses of one port"
is "$(inode tcp "$other")" "" "which is not open for connections"
is "$(inode udp "$plain")" "" "a service without protocol has none"
! may_bind "$both"
ok $? "no other program may share the port"

old=$(child server udp)
kill -9 "$old"
until_true 'new=$(child server udp); [ -n "$new" ] && [ "$new" != "$old" ]'
ok $? "udp is killed: another one"
is "$(inode udp "$both")" "$udp_inode" "the socket is the same"
logged server 'udp: died: signal 9'
ok $? "the log says what happened"

# As root one can take a descriptor out of a process.
shut_down() {	# of PID: its UDP sockets on PORT
	perl -MSocket -e '
		my $p = syscall(434, $ARGV[0] + 0, 0);	# pidfd_open
		my $n = 0;
		for my $fd (3 .. 200) {
			my $f = syscall(438, $p, $fd, 0);	# pidfd_getfd
			next if $f < 0;
			open(my $h, "+<&=", $f) or next;
			my $type = getsockopt($h, SOL_SOCKET, SO_TYPE) or next;
			next unless unpack("i", $type) == SOCK_DGRAM;
			my $name = getsockname($h) or next;
			next unless unpack("x2n", $name) == $ARGV[1];
			shutdown($h, 0);	# fails, and does it
			$n++;
		}
		exit($n == 1 ? 0 : 1);' "$1" "$2"
}
if is_root; then
	old=$(child server udp)
	shut_down "$old" "$both"
	ok $? "udp shuts its socket down"
	logged server "listen on \*:$both/udp: was shut down"
	ok $? "the parent says so"
	until_true 'new=$(child server udp); [ -n "$new" ] &&
	    [ "$new" != "$old" ] && [ "$(inode udp "$both" | wc -w)" -eq 1 ]'
	ok $? "udp is another one, and there is one socket"
	[ "$(inode udp "$both")" != "$udp_inode" ]
	ok $? "which is new"
	udp_inode=$(inode udp "$both")
	like "$(ctl server show summary)" 'listeners_shut_down 1' \
	    "and it is counted"
else
	skip "a socket that is shut down" "needs root"
fi

config "* port $both protocol tcp udp" "::1 port $other protocol udp" \
    "127.0.0.1 port $added protocol udp"
reload "a listener comes, one goes"
is "$(inode udp "$both")" "$udp_inode" "the one that stays is the same"
like "$(inode udp "$added")" '^[0-9]+ $' "the new one is there"
until_true '[ "$(inode udp "$other" | wc -w)" -eq 1 ]'
ok $? "the one that went is closed, by udp too"

held bound perl -MSocket -e '
	socket(my $s, AF_INET, SOCK_DGRAM, 0) or die;
	bind($s, sockaddr_in($ARGV[0], INADDR_LOOPBACK)) or die;
	$| = 1;
	print "bound\n";
	my $end = <STDIN>;' "$plain"
bound=$pid
exec 8>"$T/bound.fifo"
logged bound bound
config "127.0.0.1 port $plain protocol udp" "* port $both protocol tcp udp"
out=$(ctl server reload 2>&1)
like "$?$out" "^1.*:5:1: listen on 127.0.0.1 port $plain protocol udp: .*lunp" \
    "a port that another program has: refused"
is "$(inode udp "$both")$(inode udp "$added" | wc -w)" "${udp_inode}1" \
    "nothing has changed"
exec 8>&-
"$TRAFFIC" gone 5000 "$bound"
ok $? "that program ends"

config "127.0.0.1 port $both protocol udp" "127.0.0.1 port $both"
reload "from every address to one, for both kinds"
until_true '[ "$(inode udp "$both" | wc -w)" -eq 1 ]'
[ "$(inode udp "$both")" != "$udp_inode" ]
ok $? "the socket is another one"
config "* port $both protocol tcp udp"
reload "and back"

config "* port $both"
reload "no datagrams any more"
until_true '! running'
ok $? "udp has ended"
until_true '[ -z "$(inode udp "$both")" ]'
ok $? "and nobody has the socket"
like "$(ctl server show services)" ":$both +no tunnel" "show services says so"

config "* port $both" "* port $both protocol udp"
reload "datagrams again"
until_true running
ok $? "udp is back"
like "$(inode udp "$both")" '^[0-9]+ $' "and the socket"

# a worker that has none gets its channel to an udp that runs
b=$(child server service b)
descriptors() { ls /proc/"$b"/fd | wc -l; }
if is_root; then
	n=$(descriptors)
	proto="protocol tcp udp"
	config "* port $both protocol udp" "* port $both"
	reload "datagrams for the other service as well"
	until_true '[ "$(descriptors)" -gt "$n" ]'
	ok $? "its worker has a channel more"
else
	skip "a channel to udp" "needs root to see it"
fi
is "$(child server service | sort | tr '\n' ' ')" "$workers" \
    "the workers are the same"
is "$(grep -c 'breaks\|complains\|made anew' "$T/server.log")" 0 \
    "and nobody was found fault with"

stop "$server_pid"
is "$status" 0 "the server ends cleanly"
done_testing
