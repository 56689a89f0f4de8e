#!/bin/sh
# Tokens of rocketctl token: a hundred services with one each have their keys
# without one being made aside, from whatever source the token comes; one that
# was changed is told of, and is a token like any other.

. regress/live/lib.sh

N=100
PLAIN="a token of more than sixteen"
umask 077
target target
set -- $(ports $((N + 1)))
tport=$1; shift
users=$*
i=0
while [ $i -lt $N ]; do
	i=$((i + 1))
	"$CTL" token >"$T/s$i.token" || break
done
like "$(cat "$T/s1.token")" '^rk1-[A-Za-z0-9_-]{48}$' "a token has its form"
is "$(sort -u "$T"/s*.token | wc -l | tr -d ' ')" $N "$N of them differ"

one() {		# one SIDE NUMBER PORT TOKEN...: a service of a side's file
	_side=$1 _n=$2 _port=$3; shift 3
	case $_side in
	server)	_what="listen on 127.0.0.1 port $_port" ;;
	client)	_what="forward to 127.0.0.1 port $port" ;;
	esac
	printf 'service "s%d" { %s\ntoken %s }\n' "$_n" "$_what" "$*"
}
first() {	# first SIDE: how such a file begins
	printf '%s\n' "log debug" "$1 {"
	case $1 in
	server)	echo "listen on 127.0.0.1 port $tport" ;;
	client)	printf '%s\n' "connect to 127.0.0.1 port $tport" "pool 1" \
		    "retry interval 1" ;;
	esac
}
all() {		# all SIDE: a file with tokens by value, or from files
	first "$1"
	_i=0
	for _u in $users; do
		_i=$((_i + 1))
		if [ "$1" = server ]; then
			one server $_i "$_u" "\"$(cat "$T/s$_i.token")\""
		else
			one client $_i "$_u" "file \"$T/s$_i.token\""
		fi
	done
	echo "}"
}
opened() { grep -c 'tunnel open to' "$T/client.log"; }
stamp() { perl -MTime::HiRes=time -e 'printf("%d\n", 1000 * time)'; }
figure() {	# figure SIDE NAME: of keys
	ctl "$1" -j show summary | grep -o "\"$2\":[0-9][0-9]*" |
	    sed 's/.*://'
}
served() { "$TRAFFIC" wait "$1" 20000 >/dev/null; }

# ---- many ----
all server >"$T/server.conf"
all client >"$T/client.conf"
daemon server; server_pid=$pid
daemon client; client_pid=$pid
logged client 'tunnel open to' 60000
ok $? "the first service is up"
at=$(stamp)
until_true '[ "$(opened)" -ge $N ]'
ok $? "all $N are"
echo "# $(($(stamp) - at)) ms after the first"
i=0
for u in $users; do
	i=$((i + 1))
	[ $((i % 10)) -ne 0 ] || served "$u" || break
done
is $i $N "their users are served"
for side in server client; do
	is "$(figure $side keys)" $N "$side: each token has a key"
	is "$(figure $side keys_to_make)" 0 "$side: none is to come"
	! grep -E 'keys made in|make keys' "$T/$side.log" >/dev/null
	ok $? "$side: none was made aside"
done

# ---- keys dies: nothing is kept of them, and they are there again ----
p=$(child server keys)
kill -9 "$p"
"$TRAFFIC" gone 5000 "$p"
until_true '[ "$(figure server keys)" = $N ]'
ok $? "a new keys has all of them"
! grep 'keys made in' "$T/server.log" >/dev/null
ok $? "and none was made aside for that"

# ---- beside others, from the environment, and in TOML ----
set -- $users
changed=$(sed 's/^\(rk1-.*\)\(.\)\(.\)$/\1\3\2/' "$T/s3.token")
[ "$changed" != "$(cat "$T/s3.token")" ] ||
    changed=$(sed 's/.$//' "$T/s3.token")
{
	first server
	one server 1 "$1" "{ \"$PLAIN\" \"$(cat "$T/s1.token")\" }"
	one server 2 "$2" "\"$(cat "$T/s2.token")\""
	one server 3 "$3" "\"$(cat "$T/s3.token")\""
	echo "}"
} >"$T/server.conf"
{
	first client
	one client 1 "$1" "\"$PLAIN\""
	one client 2 "$2" "file \"$T/s2.token\""
	one client 3 "$3" "\"$changed\""
	echo "}"
} >"$T/client.conf"
ctl server reload && out=$(ctl client reload 2>&1)
ok $? "a reload to a list of two kinds"
logged server 'parent: 1 keys made in' 20000
ok $? "makes the key of the one that is not strong, and no other"
until_true '[ "$(figure server keys)" = 4 ]'
ok $? "the server has both, and the others"
served "$1"
ok $? "a user is served with the token that is not strong"
like "$out" 'warning: token: looks like one of rocketctl token' \
    "a token that was changed is told of"
logged client 's3 .*wrong token or unknown service'
ok $? "and is not the same token"
is "$(grep -c 'looks like one of' "$T/client.log")" 1 "the log tells it once"
is "$(grep -c 'looks like one of' "$T/server.log")" 0 "and of no other"

stop "$client_pid"
cat >"$T/toml.toml" <<END
[client]
remote_addr = "127.0.0.1:$tport"
transport = "tcpmux"
connection_pool = 1
[client.services.s1]
local_addr = "127.0.0.1:$port"
token_env = "STRONG"
[client.services.s2]
local_addr = "127.0.0.1:$port"
token_file = "$T/s2.token"
[client.services.s3]
local_addr = "127.0.0.1:$port"
token = "$(cat "$T/s3.token")"
END
export STRONG="$(cat "$T/s1.token")"
daemon toml toml
served "$1"
ok $? "a user of a token from the environment, by a TOML file"
served "$2"
ok $? "of one from a file"
served "$3"
ok $? "and of one in the file itself"
! grep -E 'keys made in|make keys' "$T/toml.log" >/dev/null
ok $? "whose keys were not made aside"

done_testing
