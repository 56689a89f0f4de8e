#!/bin/sh
# Files in TOML as they are: a server and a client of a few lines carry
# traffic, a reload follows what changes, and a faulty one changes nothing.

. regress/live/lib.sh

# toml NAME: standard input as the file of a daemon
toml() { cat >"$T/$1.toml" && chmod 600 "$T/$1.toml"; }

# The fewest keys that there can be, with a service's own token and without.
server_file() {
	toml server <<-END
		[server]
		bind_addr = ":$tport"
		transport = "tcpmux"
		default_token = "musix"
		log_level = "debug"

		[server.services.ssh]
		bind_addr = "0.0.0:$uport"
		token = "another"
		$*
	END
}

client_file() {
	toml client <<-END
		[client]
		remote_addr = "127.0.0.1:$tport"
		transport = "tcpmux"
		default_token = "musix"

		[client.services.ssh]
		local_addr = "127.0.1:$port"
		token = "another"
		connection_pool = 2
		$*
	END
}

target target
set -- $(ports 3)
tport=$1 uport=$2 other=$3
server_file ''
client_file ''
daemon server toml; server_pid=$pid
daemon client toml; client_pid=$pid
"$TRAFFIC" wait "$uport" 10000 >/dev/null
ok $? "a user is served"
like "$("$TRAFFIC" users "$uport" 20 1048576)" \
    '^done 20 failed 0 reset 0 refused 0 ' "20 users, 1 MiB each way"

server_file "[server.services.web]
bind_addr = '127.0.0.1:$other'"
client_file "[client.services.web]
local_addr = '127.0.0.1:$port'"
ctl server reload >/dev/null && ctl client reload >/dev/null
ok $? "a reload with a second service"
"$TRAFFIC" wait "$other" 10000 >/dev/null
ok $? "its users are served"

echo "mux_conncurrency = 1" >>"$T/server.toml"
ctl server reload >"$T/refused" 2>&1
is $? 1 "a reload of a faulty file is refused"
logged server 'server\.toml:[0-9]+:1: unknown key "mux_conncurrency"; did you mean "mux_concurrency"\?'
ok $? "the log says why, and where"
like "$("$TRAFFIC" users "$other" 5 1048576)" \
    '^done 5 failed 0 reset 0 refused 0 ' "and nothing has changed"

# what is printed is the same configuration in the other language
server_file ''
"$ROCKETD" -nv -f "$T/server.toml" -s "$T/server.sock" 2>/dev/null |
    sed -e 's/token "\*\*\*\*\*"/token "another"/' >"$T/server.conf"
stop "$server_pid"
is "$status" 0 "the server ends cleanly"
daemon server; server_pid=$pid
"$TRAFFIC" wait "$uport" 10000 >/dev/null
ok $? "the converted file serves the same client"
stop "$server_pid"
stop "$client_pid"
is "$(grep -cE 'fatal|AddressSanitizer|runtime error' \
    "$T/server.log" "$T/client.log" | tr '\n' ' ')" \
    "$T/server.log:0 $T/client.log:0 " "nothing went wrong"
done_testing
