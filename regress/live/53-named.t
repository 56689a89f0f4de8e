#!/bin/sh
# Dialect backhaul: targets that the server names, and the client's rules for
# them; tokens that are said on the wire, and what becomes of them when keys or
# dial die; a file of Backhaul that changes.

. regress/live/lib.sh

TOKEN="a token of more than sixteen"

# server_conf TOKEN
server_conf() {
	cat >"$T/server.conf" <<-END
		log debug
		server {
			dialect backhaul
			listen on 127.0.0.1 port $tport transport tcpmux
			service "x" {
				listen on 127.0.0.1 port $here to "$port"
				listen on 127.0.0.1 port $name to "localhost:$port"
				listen on 127.0.0.1 port $far to "192.0.2.1:$port"
				listen on 127.0.0.1 port $bad to "a.invalid:$port"
				token "$1"
			}
		}
	END
}

# client_conf TOKEN [RULES]
client_conf() {
	cat >"$T/client.conf" <<-END
		log debug
		client {
			dialect backhaul
			connect to 127.0.0.1 port $tport transport tcpmux
			service "x" {
				token "$1"
				${2:-}
			}
		}
	END
}

# figure NAME COUNTER
figure() {
	ctl "$1" -j show summary | sed -n "s/.*\"$2\":\([0-9]*\).*/\1/p"
}

served() {	# served PORT: is a user there served?
	"$TRAFFIC" ask "$1" "give 10000" | grep -q "^end 10000 "
}

target target
set -- $(ports 5)
tport=$1 here=$2 name=$3 far=$4 bad=$5
server_conf "$TOKEN"
client_conf "$TOKEN"
daemon server
daemon client
logged server "client is here"
ok $? "a client has the token"
is "$(figure server tokens_right)" 1 "keys has said so"
is "$(figure server keys)$(figure client keys)" 00 "no key was made"
like "$(ctl client show services)" "as the server says" \
    "show services: the server names the targets"

# ---- rules ----

served "$here"
ok $? "what is named by its port is on loopback"
served "$name"
ok $? "and so is localhost"
! served "$far"
ok $? "another machine is not allowed"
logged client "targets do not allow 192.0.2.1:$port"
ok $? "which the log says"
! served "$bad"
ok $? "nor is a name that may be anywhere"
like "$(figure client blocked)" '^[1-9]' "that is counted"

held idle "$TRAFFIC" idle "$here" 2
exec 7>"$T/idle.fifo"
logged idle ready
client_conf "$TOKEN" "targets { block to any port $port, pass to any }"
out=$(ctl client reload 2>&1)
is "$?$out" 0 "reload: the target's port is blocked"
! served "$here"
ok $? "its users come no more"
exec 7>&-
logged idle "alive 2"
ok $? "who was there stays"
client_conf "$TOKEN" "targets { pass to localhost }"
ctl client reload
served "$name"
ok $? "a name is allowed"
! served "$here"
ok $? "and its address by itself is not"
client_conf "$TOKEN"
ctl client reload

# ---- deaths ----

kill -9 "$(child client dial)"
until_true 'served "$here"'
ok $? "a new dial has the rules"
! served "$far"
ok $? "all of them"
kill -9 "$(child server keys)"
until_true '[ "$(figure server tokens)" = 1 ]'
ok $? "a new keys has the token"
stop "$client_pid"
daemon client
until_true 'served "$here"'
ok $? "and knows a client's"

# ---- tokens ----

stop "$client_pid"
client_conf "another token than the server's"
daemon client
until_true '[ "$(figure server tokens_wrong)" -gt 0 ]'
ok $? "another token is wrong"
! served "$here"
ok $? "and nobody is served with it"
client_conf "$TOKEN"
ctl client reload
until_true 'served "$here"'
ok $? "the right one, by a reload"
grep -q "$TOKEN" "$T"/*.log
is "$?" 1 "no log has it"
is "$(unknown client)$(unknown server)" "" "all counters are in the manual"
stop "$client_pid"
stop "$server_pid"

# ---- a file of Backhaul ----

cat >"$T/client.toml" <<END
[client]
remote_addr = "127.0.0.1:$tport"
transport = "tcpmux"
token = "$TOKEN"
log_level = "debug"
mux_version = 2
END
chmod 600 "$T/client.toml"
daemon server
daemon client toml
until_true 'served "$here"'
ok $? "a client with a file of Backhaul"
held idle "$TRAFFIC" idle "$here" 2
exec 7>"$T/idle.fifo"
logged idle ready
echo 'targets = [ "pass to 10.0.0.0/8" ]' >>"$T/client.toml"
logged client "client.toml has changed" 10000 &&
    logged client "reload: done"
ok $? "its change is seen"
! served "$here"
ok $? "and takes effect"
echo 'nonsense' >>"$T/client.toml"
logged client "reload: refused, nothing has changed" 10000
ok $? "an error is told"
pause
is "$(grep -c "reload: refused" "$T/client.log")" 1 "once"
sed -e '/nonsense/d' -e '/targets/d' "$T/client.toml" >"$T/next"
chmod 600 "$T/next"
mv "$T/next" "$T/client.toml"
until_true '[ "$(grep -c "reload: done" "$T/client.log")" = 2 ]'
ok $? "the next change is seen, too"
served "$here"
ok $? "and takes effect"
exec 7>&-
logged idle "alive 2"
ok $? "whoever was there stayed"
done_testing
