#!/bin/sh
# Many services in one file: each is served as its own key is made, and a keys
# that dies costs nobody's key.

. regress/live/lib.sh

N=60
TOKEN="a token of more than sixteen"
umask 077
target target
set -- $(ports $((N + 1)))
tport=$1; shift
users=$*
many() {	# many COUNT FORMAT: services s1 to sCOUNT
	_i=0
	for _u in $users; do
		_i=$((_i + 1))
		[ $_i -le "$1" ] || break
		printf "service \"s%d\" { $2\ntoken \"$TOKEN %d\" }\n" \
		    "$_i" "$_i"
	done
}
server() {	# server LINES...: its file
	{
		printf '%s\n' "log debug" "server {" \
		    "listen on 127.0.0.1 port $tport" "$@"
		_i=0
		for _u in $users; do
			_i=$((_i + 1))
			echo "service \"s$_i\" {
			listen on 127.0.0.1 port $_u
			user timeout 20
			token \"$TOKEN $_i\"
			}"
		done
		echo "}"
	} >"$T/server.conf"
}
client() {	# client COUNT: its file, with so many of the services
	{
		printf '%s\n' "log debug" "client {" \
		    "connect to 127.0.0.1 port $tport" "retry interval 1" \
		    "pool 1"
		many "$1" "forward to 127.0.0.1 port $port"
		echo "}"
	} >"$T/client.conf"
}
made() { grep -c "keys made in" "$T/server.log"; }
figure() {	# figure NAME: of keys
	ctl server -j show summary | grep -o "\"$1\":[0-9][0-9]*" | sed 's/.*://'
}
all_served() {	# by the first and the last, and some in between
	_i=0
	for u in $users; do
		_i=$((_i + 1))
		[ $((_i % 10)) -eq 0 ] || [ $_i -eq 1 ] || continue
		"$TRAFFIC" wait "$u" 20000 >/dev/null || return 1
	done
}

server
client 1
daemon client
daemon server; server_pid=$pid
"$TRAFFIC" wait "${users%% *}" 20000 >/dev/null
ok $? "a user of the first service is served"
left=$(figure keys_to_make)
# All could be made in that time only where there are many processors.
[ "${left:-0}" -gt 0 ] || [ "$(nproc)" -gt 4 ]
ok $? "while $left keys of $N are still to be made"
logged server '60 keys made in' 60000
ok $? "then they all are"
is "$(figure keys_to_make)" 0 "and none is left"

client $N
kill -HUP "$client_pid"
all_served
ok $? "users of all are served"

# ---- keys dies ----
lines=$(made)
p=$(child server keys)
kill -9 "$p"
"$TRAFFIC" gone 5000 "$p"
kill -9 $(ctl client show processes | awk '$2 == "worker" { print $1 }')
all_served
ok $? "users of all are served by new tunnels after the death of keys"
until_true '[ "$(figure keys)" = $N ]'
ok $? "keys has all keys again"
is "$(made)" "$lines" "and none was made for that"

# ---- a reload ----
server "service \"new\" { listen on 127.0.0.1 port 0
token \"$TOKEN new\" }"
sed -i 's/port 0$/port '"$(ports 1)"'/' "$T/server.conf"
ctl server reload
logged server 'parent: 1 keys made in'
ok $? "a reload makes the keys that are new"
until_true '[ "$(figure keys)" = '$((N + 1))' ]'
ok $? "and has all others"

done_testing
