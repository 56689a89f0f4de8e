#!/bin/sh
# Users who say what target they want: by SOCKS 4, 4a and 5 and by HTTP, with
# real programs, beside the client and beside the server.  What each refusal
# looks like, who does not ask in order or in time, and who has to wait.

. regress/live/lib.sh

SOCKS=$TOP/regress/live/socks.pl
mkdir "$T/www"
echo hello >"$T/www/hello"
head -c 20000000 /dev/urandom >"$T/www/large"
large=$(cksum <"$T/www/large")

# a web server, where nothing listens, and a target of the other kind
set -- $(ports 6)
wport=$1 nobody=$2 tport=$3 sport=$4 hport=$5 users=client
background www busybox httpd -f -p "127.0.0.1:$wport" -h "$T/www"
"$TRAFFIC" wait "$wport" 5000 >/dev/null 2>&1
target target

# proxies USERS: which of the two has the users
proxies() {
	on_client="listen on 127.0.0.1 port $sport protocol socks
		listen on 127.0.0.1 port $hport protocol http
		user timeout 5"
	on_server="forward to any {
			pass to 127.0.0.1 port $wport
			pass to 127.0.0.1 port $nobody
			pass to 127.0.0.1 port $port
			pass to \"*.invalid\" port 80
		}"
	if [ "$1" = server ]; then
		set -- server "$on_client" "$on_server"
		on_server=$2 on_client=$3
	fi
	users=$1
	cat >"$T/server.conf" <<-END
		log debug
		handshake timeout 2
		server {
			listen on 127.0.0.1 port $tport transport ${TRANSPORT:-tcpmux}
			service "x" {
				$on_server
				token "a token of more than sixteen"
			}
		}
	END
	cat >"$T/client.conf" <<-END
		log debug
		handshake timeout 2
		client {
			connect to 127.0.0.1 port $tport transport ${TRANSPORT:-tcpmux}
			service "x" {
				$on_client
				token "a token of more than sixteen"
			}
		}
	END
	daemon server; server_pid=$pid
	daemon client; client_pid=$pid
	logged client 'tunnel open'
}

# get HOW URL: the answer's body, or what curl says of its lack
get() {
	_how=$1; shift
	case $_how in
	socks4)	set -- --socks4 "127.0.0.1:$sport" "$@" ;;
	socks4a) set -- --socks4a "127.0.0.1:$sport" "$@" ;;
	socks5)	set -- --socks5 "127.0.0.1:$sport" "$@" ;;
	socks5h) set -- --socks5-hostname "127.0.0.1:$sport" "$@" ;;
	http)	set -- -x "http://127.0.0.1:$hport" "$@" ;;
	connect) set -- -p -x "http://127.0.0.1:$hport" "$@" ;;
	esac
	curl -sS -m 30 --noproxy '' "$@" 2>&1
}

figure() {	# figure NAME: a counter of the users' side
	ctl "$users" -j show summary | sed 's/.*"counters"://' | grep -o "\"$1\":[0-9]*" | sed 's/.*://'
}

REFUSED='code 5|5 refused|91|\(5\)|502|refused the connection'
BLOCKED='\(2\)|91|403|not allowed'
NO_NAME='\(4\)|91|502|does not resolve'

for where in client server; do
	proxies $where
	for how in socks4 socks4a socks5 socks5h http connect; do
		is "$(get $how "http://127.0.0.1:$wport/hello")" hello \
		    "users of the $where, $how: an address"
		like "$(get $how "http://127.0.0.1:$nobody/")" "$REFUSED" \
		    "users of the $where, $how: nobody listens there"
		like "$(get $how "http://127.0.0.1:$tport/")" "$BLOCKED" \
		    "users of the $where, $how: no rule passes"
	done
	for how in socks4a socks5h http connect; do
		like "$(get $how "http://no.such.invalid/")" "$NO_NAME" \
		    "users of the $where, $how: a name that there is not"
	done
	for how in socks5 http; do
		is "$(get $how "http://127.0.0.1:$wport/large" | cksum)" "$large" \
		    "users of the $where, $how: 20 MB"
	done
	is "$(perl "$SOCKS" early "$sport" 127.0.0.1 "$port" 'give 0')" 'code 0' \
	    "users of the $where: all in one packet"
	like "$(perl "$SOCKS" slowly "$sport" 127.0.0.1 "$port" 'exchange 4')" \
	    '^code 0' "users of the $where: an octet at a time"
	is "$(perl "$SOCKS" crowd "$sport" 127.0.0.1 "$port" 200)" 'right 200' \
	    "users of the $where: 200 at once"
	held stays perl "$SOCKS" stays "$sport" 127.0.0.1 "$port" echo
	exec 9>"$T/stays.fifo"
	logged stays '^code 0'
	for side in client server; do
		like "$(ctl $side show streams)" " 127.0.0.1:$port +open" \
		    "users of the $where: the $side shows for what"
	done
	exec 9>&-
	until_true '[ "$(figure streams)" = 0 ]'
	ok $? "users of the $where: nothing is left of them"
	is "$(figure proxy_refused)" 16 "users of the $where: refusals are counted"
	logged $where 'user 127.0.0.1:[0-9]*: SOCKS 5 to 127.0.0.1:'
	ok $? "users of the $where: the log says who wanted what"
	logged $where "SOCKS 5 to 127.0.0.1:$nobody: the target refused"
	ok $? "users of the $where: and what came of it"
	stop "$client_pid"
	stop "$server_pid"
done

# ---- who does not ask in order, or not in time ----

proxies client
like "$(perl "$SOCKS" silent "$sport" 127.0.0.1 1 x)" '^ended' \
    "who says nothing is cut off"
is "$(figure proxy_late)" 1 "and counted"
like "$(printf 'GET / HTTP/1.1\r\nHost: x\r\n\r\n' |
    socat -t 5 - "TCP:127.0.0.1:$hport")" '^HTTP/1.1 400' \
    "who takes it for a web server is told"
printf 'SSH-2.0-x\r\n' | socat -t 5 - "TCP:127.0.0.1:$sport" >/dev/null
until_true '[ "$(figure proxy_bad)" = 2 ]'
ok $? "those are counted, too"
logged client 'user from 127.0.0.1:[0-9]*: SOCKS: not SOCKS'
ok $? "and logged"

# ---- a request is for one target ----

background got socat -u "TCP-LISTEN:$nobody,bind=127.0.0.1" "CREATE:$T/got"
printf '%s\r\n' "POST http://127.0.0.1:$nobody/one HTTP/1.1" \
    "Host: 127.0.0.1:$nobody" 'Content-Length: 6' '' 'first' \
    "GET http://127.0.0.1:$wport/secret HTTP/1.1" 'Cookie: secret' '' |
    sed 's/^first.$/first_/' >"$T/two"
head -c -1 "$T/two" | socat -t 5 - "TCP:127.0.0.1:$hport" >/dev/null
"$TRAFFIC" gone 5000 "$pid"
like "$(cat "$T/got")" '^POST /one HTTP/1.1' "a request gets to its target"
is "$(grep -c secret "$T/got")" 0 "and another behind it does not"

# ---- who has to wait ----

stop "$server_pid"
like "$(get http "http://127.0.0.1:$wport/hello")" '503|no tunnel to the other side' \
    "without a tunnel, by HTTP"
like "$(get socks5 "http://127.0.0.1:$wport/hello")" '\(1\)' \
    "and by SOCKS"
get socks5h --connect-timeout 20 "http://127.0.0.1:$wport/hello" >"$T/waits" &
waits=$!
until_true '[ "$(figure users_waiting)" = 1 ]'
daemon server; server_pid=$pid
wait $waits
is "$(cat "$T/waits")" hello "one who waits is served by the tunnel that comes"
is "$(unknown client)" '' "all counters are in the manual"
done_testing
