#!/bin/sh
# Users who come by a UNIX socket, in a server block and in a client block: what
# they send and get, how they end, who may connect, and what becomes of the
# socket's file in reloads, after kill -9, and at the end.

. regress/live/lib.sh

GROUP=61234
chmod 755 "$T"
target target
target_pid=$pid
tcp=$port
target unix "$T/t.sock"
chmod 666 "$T/t.sock"
# how its users end, in words: the first octets are more than goes on its way
held ends perl -MIO::Socket::INET -e '
	$SIG{PIPE} = "IGNORE"; $| = 1;
	my $l = IO::Socket::INET->new(Listen => 5, LocalAddr => "127.0.0.1")
	    or die;
	print "port ", $l->sockport, "\n";
	while (my $c = $l->accept) {
		syswrite($c, "x" x 300000);
		my $n;
		1 while $n = sysread($c, my $x, 65536);
		print defined($n) ? "end" : "reset: $!", "\n";
	}'
exec 6>"$T/ends.fifo"
logged ends '^port '
ends=$(sed -n 's/^port //p' "$T/ends.log")
set -- $(ports 1)
tport=$1
group=
! is_root || group="group $GROUP"
cat >"$T/server.conf" <<END
log debug
server {
	listen on 127.0.0.1 port $tport
	token "a token of more than sixteen"
	service "x" {
		listen on unix "$T/x.sock" $group
		allow from 192.0.2.0/24
	}
	service "e" { listen on unix "$T/e.sock" mode 0600 }
	service "y" { forward to unix "$T/t.sock" }
	service "n" {
		listen on unix "$T/n.sock"
		seal none
		users per source 8
	}
	service "p" { forward to any { pass to 127.0.0.1 port $tcp } }
}
END
cat >"$T/client.conf" <<END
log debug
client {
	connect to 127.0.0.1 port $tport
	token "a token of more than sixteen"
	service "x" { forward to 127.0.0.1 port $tcp }
	service "e" { forward to 127.0.0.1 port $ends }
	service "y" { listen on unix "$T/y.sock" mode 0666 }
	service "n" {
		forward to unix "$T/t.sock"
		seal none
		pool 1
	}
	service "p" {
		listen on unix "$T/socks.sock" protocol socks
		listen on unix "$T/http.sock" protocol http
	}
}
END
daemon server; server_pid=$pid
daemon client; client_pid=$pid

serves() { until_true "'$TRAFFIC' ask '$1' 'give 5' | grep -q '^end 5 '"; }
file() { stat -c '%a %F %u' "$T/$1.sock" 2>&1; }
inode() { stat -c %i "$T/$1.sock"; }

# ---- octets ----

serves "$T/x.sock" && serves "$T/y.sock"
ok $? "users in a server block and in a client block are served"
for s in x y; do
	like "$("$TRAFFIC" users "$T/$s.sock" 1 40000000)" '^done 1 ' \
	    "$s: 40 MB each way, all of it right, after a half-close"
	like "$("$TRAFFIC" users "$T/$s.sock" 100 20000)" '^done 100 ' \
	    "$s: a hundred at once"
	like "$("$TRAFFIC" late "$T/$s.sock" 1000000)" '^late 1000000 ' \
	    "$s: a target that ends first"
done
piped() {	# piped NAME: octets that its worker did not copy
	ctl "$1" -j show summary |
	    sed -n 's/.*"octets_piped": *\([0-9]*\).*/\1/p'
}
serves "$T/n.sock"
if grep -q 'define HAVE_SPLICE' config.h; then
	for i in 1 2 3 4 5 6 7 8; do
		"$TRAFFIC" ask "$T/n.sock" 'give 100000000' >/dev/null
		[ "$(piped client)" -ge 1000000 ] &&
		    [ "$(piped server)" -ge 1000000 ] && break
	done
	like "$(piped server)" '^[1-9][0-9]{6,}$' \
	    "a bare tunnel's octets go to such a user by pipe"
	like "$(piped client)" '^[1-9][0-9]{6,}$' \
	    "and come from such a target by one"
else
	skip "a bare tunnel's octets go to such a user by pipe" "no splice(2)"
	skip "and come from such a target by one" "no splice(2)"
fi
like "$("$TRAFFIC" users "$T/n.sock" 8 20000000)" '^done 8 ' \
    "n: 8 users, 20 MB each way at once, every octet"
# A close with octets unread is the only reset that such a socket has.
"$TRAFFIC" abort "$T/e.sock" nothing
logged ends '^(end|reset)'
like "$(grep -E '^(end|reset)' "$T/ends.log")" '^reset: Conn' \
    "a user who leaves octets unread resets the target"
like "$("$TRAFFIC" ask "$T/x.sock" 'reset 1000')" '^end 1000 pattern' \
    "a target's reset is an end, for there is nothing else"

# ---- limits ----

held eight "$TRAFFIC" idle "$T/n.sock" 8
exec 7>"$T/eight.fifo"
logged eight ready
"$TRAFFIC" ask "$T/n.sock" 'give 5' >/dev/null
exec 7>&-
logged eight alive
like "$(cat "$T/eight.log")" '^alive 7$' \
    "all of them are one source: the ninth of eight costs one his place"

# ---- what is shown ----

held user "$TRAFFIC" idle "$T/x.sock" 1
exec 7>"$T/user.fifo"
logged user ready
like "$(ctl server show services)" "^x .* $T/x\.sock " "where they come"
like "$(ctl server show streams)" '^.* unix ' "a stream of such a user"
like "$(cat "$T/server.log")" "users of service x come to $T/x.sock" \
    "the log says where"
is "$(grep -E 'setsockopt|nodelay|keepalive|Protocol not' "$T"/server.log \
    "$T"/client.log)" "" "no option of TCP is tried"

# ---- proxies ----

printf 'give 5\n' >"$T/line"
if curl --version 2>/dev/null | awk '
    NR == 1 { split($2, v, "."); new = v[1] > 7 || v[1] == 7 && v[2] >= 84 }
    /UnixSockets/ { can = 1 }
    END { exit !(new && can) }'; then
	# telnet: what the target wants is not HTTP
	is "$(curl -sS -m 20 --proxy "socks5h://localhost$T/socks.sock" \
	    "telnet://127.0.0.1:$tcp" <"$T/line" | wc -c)" 5 \
	    "curl by SOCKS on a UNIX socket"
else
	skip "curl by SOCKS on a UNIX socket" "no curl that can"
fi
is "$(perl -MIO::Socket::UNIX -e '
	my $s = IO::Socket::UNIX->new(Peer => $ARGV[0]) or die;
	syswrite($s, "CONNECT 127.0.0.1:$ARGV[1] HTTP/1.1\r\n" .
	    "Host: 127.0.0.1\r\n\r\ngive 5\n");
	local $/;
	my $all = <$s>;
	$all =~ /^(HTTP\/1.1 \d+)/ and print $1;
	$all =~ s/.*?\r\n\r\n//s and print " ", length($all);' \
    "$T/http.sock" "$tcp")" "HTTP/1.1 200 5" "by HTTP CONNECT"

# ---- who may ----

is "$(file x)" "660 socket $(id -u)" "mode 0660 without another"
is "$(file y)" "666 socket $(id -u)" "the mode that is given"
is "$(file e)" "600 socket $(id -u)" "and one for us alone"
try() {		# try SOCKET GID: may an ordinary user with this group?
	setpriv --reuid=65534 --regid="$2" --clear-groups perl \
	    -MIO::Socket::UNIX -e '
		print IO::Socket::UNIX->new(Peer => $ARGV[0]) ? "yes" : $!' \
	    "$T/$1.sock"
}
if is_root; then
	is "$(stat -c %g "$T/x.sock")" $GROUP "the group that is given"
	is "$(try x 65534)" "Permission denied" "an ordinary user may not"
	is "$(try x $GROUP)" yes "but one of the group"
	is "$(try y 65534)" yes "and anybody with mode 0666"
else
	for n in "the group that is given" "an ordinary user may not" \
	    "but one of the group" "and anybody with mode 0666"; do
		skip "$n" "not root"
	done
fi

# ---- reloads ----

was=$(inode x)
sed -i 's/\(x.sock"\).*/\1 mode 0640/' "$T/server.conf"
ctl server reload >/dev/null
until_true '[ "$(file x)" = "640 socket $(id -u)" ]'
ok $? "a reload changes the mode"
is "$(stat -c %g "$T/x.sock")" "$(id -g)" "and the group, back to ours"
is "$(inode x)" "$was" "in place"
serves "$T/x.sock"
ok $? "and users are served"
sed -i 's/x\.sock" /z.sock" /' "$T/server.conf"
ctl server reload >/dev/null
serves "$T/z.sock"
ok $? "a reload to another path"
until_true '[ ! -e "$T/x.sock" ]'
ok $? "the old one is gone"
exec 7>&-
logged user alive
like "$(cat "$T/user.log")" '^alive 1$' "who was connected still is"
rm "$T/z.sock"
ctl server reload >/dev/null
serves "$T/z.sock"
ok $? "one that was removed by somebody is made again by a reload"
: >"$T/file"
for bad in "$T/file" "$T/none/z.sock" "$T/t.sock" "$T/server.sock"; do
	sed "s,$T/z.sock,$bad," "$T/server.conf" >"$T/server.new"
	cp "$T/server.conf" "$T/server.old"
	cat "$T/server.new" >"$T/server.conf"
	ctl server reload >"$T/answer" 2>&1
	cat "$T/answer" "$T/server.log" | grep "$bad" | tail -n 1
	cat "$T/server.old" >"$T/server.conf"
done >"$T/faults"
sed -i "s,.*$T/server.conf,server.conf," "$T/faults"
like "$(sed -n 1p "$T/faults")" 'there is a file that is no socket' \
    "a path of something else is refused"
like "$(sed -n 2p "$T/faults")" 'its directory: No such file' \
    "one without a directory"
like "$(sed -n 3p "$T/faults")" 'another program listens there' \
    "one where somebody listens"
like "$(sed -n 4p "$T/faults")" 'is the control socket|listens there' \
    "that of the control socket"
mkdir "$T/open" && chmod 777 "$T/open"
sed "s,$T/z.sock,$T/open/z.sock," "$T/server.old" >"$T/server.conf"
like "$("$ROCKETD" -n -W "$WORKER" -f "$T/server.conf" 2>&1)" \
    'others may write to its directory; chmod o-w' \
    "one in a directory that everybody may write to"
cat "$T/server.old" >"$T/server.conf"
[ -S "$T/t.sock" ] && [ -f "$T/file" ] && serves "$T/z.sock"
ok $? "and nothing has changed"

# ---- the end ----

kids=$(cat "/proc/$server_pid/task"/*/children)
kill -9 "$server_pid"
# as long as one of these is there, somebody listens
for p in $server_pid $kids; do "$TRAFFIC" gone 15000 "$p"; done
[ -S "$T/z.sock" ]
ok $? "kill -9 leaves the file"
daemon server; server_pid=$pid
serves "$T/z.sock"
ok $? "and the next start takes its place"
kill -9 "$(child server service x)"
serves "$T/z.sock"
ok $? "a worker that dies takes no socket with it"
stop $server_pid
is "$status" 0 "the daemon ends"
[ ! -e "$T/z.sock" ] && [ ! -e "$T/e.sock" ] && [ ! -e "$T/n.sock" ]
ok $? "and its sockets' files are gone"
mv "$T/y.sock" "$T/old.sock"
: >"$T/y.sock"
stop $client_pid
[ -f "$T/y.sock" ] && [ ! -e "$T/socks.sock" ]
ok $? "but what somebody has put in the place of one stays"
done_testing
