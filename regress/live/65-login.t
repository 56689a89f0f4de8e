#!/bin/sh
# Users of SOCKS and HTTP listeners who have to log in, with curl: who may, who
# may not and when he is told, a reload of the file, a keys that dies, and that
# no password or hash is where it should not be.

. regress/live/lib.sh

command -v curl >/dev/null || skip_all 'no curl'
command -v busybox >/dev/null || skip_all 'no busybox'

set -- $(ports 4)
tport=$1 sport=$2 hport=$3 wport=$4
mkdir "$T/www" && echo 'it works' >"$T/www/index.html" || exit 1
background web busybox httpd -f -p "127.0.0.1:$wport" -h "$T/www"
url=http://127.0.0.1:$wport/index.html

word='annes own word 4711'
ann=ann:$word

# crypt PASSWORD SETTING: what the file has
crypt() { perl -e 'print crypt($ARGV[0], $ARGV[1])' "$1" "$2"; }

umask 077
{
	echo '# who may'
	echo "ann:$(crypt "$word" '$6$saltsalt')"
	echo "bob:$(crypt 'bobs word' '$2b$05$abcdefghijklmnopqrstuu')"
	echo "eve:$(crypt 'eves word' '$y$j7T$abcdefghijklmnopqrstu1')"
} >"$T/users"
for u in ann bob eve; do
	[ "$(sed -n "s/^$u:\$//p" "$T/users" | wc -l)" -eq 0 ] ||
	    skip_all 'this crypt(3) makes few hashes'
done
cat >"$T/server.conf" <<END
server {
	listen on 127.0.0.1 port $tport
	token "a token of more than sixteen"
	service "proxy" {
		forward to any { pass to 127.0.0.1 port $wport }
	}
}
END
cat >"$T/client.conf" <<END
client {
	connect to 127.0.0.1 port $tport
	token "a token of more than sixteen"
	service "proxy" {
		listen on 127.0.0.1 port $sport protocol socks
		listen on 127.0.0.1 port $hport protocol http
		users file "$T/users"
	}
}
END
daemon server
daemon client

# get OPTIONS...: what a user of a proxy gets of the target
get() { curl -sS -f -m 20 "$@" "$url" 2>"$T/curl.err"; }
socks="127.0.0.1:$sport" http="127.0.0.1:$hport"

until_true '[ "$(get --socks5 "$socks" -U "$ann")" = "it works" ]'
ok $? 'SOCKS 5, a name and its password'
is "$(get --socks5-hostname "$socks" -U 'bob:bobs word')" 'it works' \
    'another name, with bcrypt'
is "$(get --socks5 "$socks" -U 'eve:eves word')" 'it works' \
    'and another, with yescrypt, which takes memory'
is "$(get -x "http://$http" -U "$ann")" 'it works' \
    'HTTP, a request'
is "$(get -p -x "http://$http" -U 'bob:bobs word')" 'it works' \
    'and CONNECT'

# ---- who may not ----
# late: a second had passed
late() { awk -v t="$1" 'BEGIN { exit !(t >= 1 && t < 10) }'; }
wrong() {	# wrong NAME OPTIONS...
	_name=$1; shift
	out=$(curl -s -f -m 20 -o "$T/got" -w '%{time_total}' "$@" "$url")
	[ $? -ne 0 ] && ! grep -qs 'it works' "$T/got"
	ok $? "$_name is refused"
	rm -f "$T/got"
}
wrong 'a wrong password' --socks5 "$socks" -U 'ann:bobs word'
late "$out"; ok $? 'after a second'
wrong 'a name that there is not' --socks5 "$socks" -U "carl:$word"
late "$out"; ok $? 'after a second'
wrong 'a wrong password by HTTP' -x "http://$http" -U 'ann:x'
late "$out"; ok $? 'after a second'
wrong 'nobody, by SOCKS 5,' --socks5 "$socks"
wrong 'nobody, by HTTP,' -x "http://$http"
wrong 'SOCKS 4, which has no passwords,' --socks4 "$socks" -U "$ann"
is "$(curl -s -m 20 -o "$T/got" -w '%{http_code}' -x "http://$http" \
    -U 'ann:x' "$url")" 407 'HTTP says so by 407'
logged client 'login from 127.0.0.1:[0-9]*: wrong name or password'
ok $? 'the log says who it was'
grep -E "$word|bobs word|carl" "$T/client.log" "$T/server.log" >"$T/leak"
[ ! -s "$T/leak" ]
ok $? 'but no name or password'

# ---- many at once cost one check ----
counter() {	# counter NAME NTH: of keys is the first
	ctl client -j show summary | grep -o "\"$1\":[0-9]*" |
	    sed -n "$2s/.*://p"
}
until_true '[ "$(get --socks5 "$socks" -U "$ann")" = "it works" ]'
checks=$(counter logins_known 1)
for i in 1 2 3 4 5 6 7 8 9 10; do
	get --socks5 "$socks" -U "$ann" >/dev/null || break
done
[ "$(counter logins_known 1)" -ge $((checks + 10)) ]
ok $? 'who was right is known'
is "$(unknown client)" '' 'rocketctl(8) has all counters'

# ---- memory ----
has() { perl regress/live/memory.pl "$1" "$2"; }
hash=$(sed -n 's/^ann:.6.saltsalt.//p' "$T/users")
if ! is_root || sanitized; then
	skip 'memory' 'needs root, and no sanitizer that keeps what was freed'
else
	[ "$(has "$(child client keys)" "$hash")" -gt 0 ]
	ok $? 'keys has the hash'
	for who in 'service proxy' dial control; do
		is "$(has "$(child client $who)" "$hash")" 0 \
		    "$who has not"
	done
	for who in 'service proxy' keys; do
		is "$(has "$(child client $who)" "$word")" 0 \
		    "$who has no password that was checked"
	done
fi

# ---- a reload ----
cat >"$T/stay.pl" <<'END'
use IO::Socket::INET; $| = 1;
my ($proxy, $port, $user, $word) = @ARGV;
my $s = IO::Socket::INET->new($proxy) or die;
sub want { my $n = shift; my $b = ''; while (length $b < $n) {
	sysread($s, $b, $n - length $b, length $b) or die "end" } return $b }
syswrite($s, "\5\1\2"); want(2);
syswrite($s, "\1" . chr(length $user) . $user . chr(length $word) . $word);
want(2) eq "\1\0" or die "login";
syswrite($s, "\5\1\0\1\x7f\0\0\1" . pack('n', $port));
substr(want(10), 0, 2) eq "\5\0" or die "connect";
print "connected\n";
<STDIN>;
syswrite($s, "GET /index.html HTTP/1.0\r\n\r\n");
print while <$s>;
END
held stay perl "$T/stay.pl" "$socks" "$wport" bob 'bobs word'
exec 7>"$T/stay.fifo"
logged stay '^connected'
ok $? 'bob is connected'
grep -v '^bob' "$T/users" >"$T/less" && cp "$T/users" "$T/all" &&
    cp "$T/less" "$T/users"
ctl client reload
ok $? 'a reload without bob'
wrong 'bob' --socks5 "$socks" -U 'bob:bobs word'
is "$(get --socks5 "$socks" -U "$ann")" 'it works' 'ann may stay'
echo >&7
logged stay 'it works'
ok $? 'and bob stays connected'
exec 7>&-

echo 'dan:hunter2' >>"$T/users"
! ctl client reload >"$T/out" 2>&1
ok $? 'a password in the file: the reload is refused'
like "$(cat "$T/out" "$T/client.log")" \
    'users:4:5: not a hash of a password; "openssl passwd -6" makes one' \
    'and says where, and what to do'
! grep -q hunter2 "$T/out" "$T/client.log"
ok $? 'but not the password'
is "$(get --socks5 "$socks" -U "$ann")" 'it works' \
    'and nothing has changed'
cp "$T/all" "$T/users" && ctl client reload
ok $? 'a reload with bob again'
is "$(get -x "http://$http" -U 'bob:bobs word')" 'it works' 'and he may'

# ---- deaths ----
kill -9 "$(child client keys)"
is "$(get --socks5 "$socks" -U "$ann")" 'it works' \
    'keys dies, and who logs in then waits for another'
kill -9 "$(child client service)"
until_true '[ "$(get --socks5 "$socks" -U "$ann")" = "it works" ]'
ok $? 'a worker dies, and another has logins, too'

# ---- nobody has to, and has to again ----
sed '/users file/d' "$T/client.conf" >"$T/open.conf" &&
    cp "$T/client.conf" "$T/closed.conf" && cp "$T/open.conf" "$T/client.conf"
ctl client reload
ok $? 'a reload without the file'
is "$(get --socks5 "$socks")" 'it works' 'and nobody has to log in'
cp "$T/closed.conf" "$T/client.conf" && ctl client reload
ok $? 'and with it'
wrong 'nobody' --socks5 "$socks"

stop "$client_pid"
is $status 0 'the client ends'
stop "$server_pid"
is $status 0 'and the server'
done_testing
