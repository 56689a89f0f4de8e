#!/bin/sh
# Wrong token, unknown service, refused parameters, network failure: told apart
# in the log of either side, with the service, the remote and the reason.

. regress/live/lib.sh

set -- $(ports 3)
tport=$1 uport=$2 closed=$3
cat >"$T/server.conf" <<-END
	server {
		listen on 127.0.0.1 port $tport transport tcpmux
		service "x" {
			listen on 127.0.0.1 port $uport
			token { "the new token, sixteen" "the old token, sixteen" }
		}
	}
END
daemon server
target target

client() {	# client NAME SERVICE TOKEN PORT LINES
	cat >"$T/$1.conf" <<-END
		client {
			connect to 127.0.0.1 port $4 transport tcpmux
			service "$2" {
				forward to 127.0.0.1 port $port
				token "$3"
				${5:-}
			}
		}
	END
	daemon "$1"
}

client token x "a wrong token, sixteen" "$tport"
logged token "x \(client\): remote 127\.0\.0\.1:$tport: .*wrong token or unknown service"
ok $? "client: wrong token"
logged server "unknown identity [0-9a-f]{32}: wrong token or unknown service"
ok $? "server: with the identity that it presented"
stop "$pid"

client service w "the new token, sixteen" "$tport"
logged service "w \(client\): remote 127\.0\.0\.1:$tport: .*wrong token or unknown service"
ok $? "client: unknown service"
stop "$pid"

client mux x "the new token, sixteen" "$tport" "mux version 1"
logged mux "x \(client\): remote 127\.0\.0\.1:$tport: refused: .*version.* 1.* 2|version.* 2.* 1"
ok $? "client: refused parameters, naming both"
logged server "x \(server\): tunnel [0-9]+ from 127\.0\.0\.1:[0-9]+: refused: .*version"
ok $? "server: likewise"
stop "$pid"

client seal x "the new token, sixteen" "$tport" "seal { none }"
logged seal "x \(client\): remote .* refused: .*seal"
ok $? "client: a seal that the server does not allow"
stop "$pid"

client net x "the new token, sixteen" "$closed"
logged net "x \(client\): remote 127\.0\.0\.1:$closed: cannot connect.*refused"
ok $? "client: network failure"
stop "$pid"

cat >"$T/name.conf" <<-END
	client {
		connect to no-such-host.invalid port 1 transport tcpmux
		service "x" {
			forward to 127.0.0.1 port $port
			token "the new token, sixteen"
		}
	}
END
daemon name
logged name "x \(client\): remote no-such-host\.invalid:1: cannot resolve" 15000
ok $? "client: a name that does not resolve"
stop "$pid"

client old x "the old token, sixteen" "$tport"
"$TRAFFIC" wait "$uport" 5000 >/dev/null
ok $? "any of several live tokens is good"
stop "$pid"
is "$status" 0 "clients end cleanly"
done_testing
