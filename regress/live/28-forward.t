#!/bin/sh
# Users on the side that dials and the target on the one that accepts, beside
# services of the other direction, with the same names, in the same files; a
# reload that turns a service round.

. regress/live/lib.sh

set -- $(ports 5)
tport=$1 fport=$2 rport=$3 lport=$4 uport=$5
target target
target unix "$T/target.sock"
chmod 711 "$T"			# for dial, which is another user
chmod 777 "$T/target.sock"
port=$(sed -n 's/^port //p' "$T/target.log")

conf() {	# conf NAME: services from stdin, in server or client
	{
		if [ "$1" = server ]; then
			echo "server { listen on 127.0.0.1 port $tport"
		else
			echo "client { connect to 127.0.0.1 port $tport"
			echo "pool 2"
		fi
		echo 'token "a token of more than sixteen"'
		cat
		echo "}"
	} >"$T/$1.conf"
	chmod 600 "$T/$1.conf"
}

conf server <<END
	service "forward" {
		forward to 127.0.0.1 port $port
		prefork 2
	}
	service "reverse" { listen on 127.0.0.1 port $rport }
	service "unix" { forward to unix "$T/target.sock" }
	service "range" { forward to 127.0.0.1 port $port-$port for port $lport-$lport }
END
conf client <<END
	service "forward" {
		listen on 127.0.0.1 port $fport
		prefork 2
	}
	service "reverse" { forward to 127.0.0.1 port $port }
	service "unix" { listen on 127.0.0.1 port $uport }
	service "range" { listen on 127.0.0.1 port $lport }
END
daemon server
daemon client
for p in "$fport" "$rport" "$uport" "$lport"; do
	"$TRAFFIC" wait "$p" 10000 >/dev/null
	ok $? "a user on port $p is served"
	"$TRAFFIC" users "$p" 50 100000 >/dev/null
	ok $? "and 50 users exchange their octets"
done

# Which is which is shown.
has() { ctl "$1" show services | awk -v n="$2" '$1 == n { print $2, $3 }'; }
is "$(has server forward)" "server target" "the server has a target"
is "$(has server reverse)" "server users" "and users, of the other direction"
is "$(has client forward)" "client users" "the client has users"
is "$(has client reverse)" "client target" "and a target"
like "$(ctl client -j show services)" '"side":"client","has":"users"' \
    "also in JSON"
for where in "127.0.0.1:$port" "$T/target.sock" "127.0.0.1:$fport"; do
	side=server
	[ "$where" != "127.0.0.1:$fport" ] || side=client
	like "$(ctl $side -j show services)" "\"where\":\"$where\"" \
	    "where it is: $where"
done

# ---- processes die ----
for who in dial 'service forward'; do
	p=$(child server $who | head -n 1)
	kill -9 "$p"
	ok $? "server: killed: $who"
	until_true '"$TRAFFIC" users "$fport" 5 1000 >/dev/null 2>&1'
	ok $? "and users are served again"
done
p=$(child client service forward | head -n 1)
kill -9 "$p"
ok $? "client: killed: a worker with users"
until_true '"$TRAFFIC" users "$fport" 5 1000 >/dev/null 2>&1'
ok $? "and users are served again"

# ---- turned round ----
conf server <<END
	service "forward" { listen on 127.0.0.1 port $rport }
END
conf client <<END
	service "forward" { forward to 127.0.0.1 port $port }
END
ctl client reload >/dev/null
ok $? "client: what had users has a target"
ctl server reload >/dev/null
ok $? "server: what had a target has users"
"$TRAFFIC" wait "$rport" 20000 >/dev/null
ok $? "a user on the other side is served"
"$TRAFFIC" users "$rport" 20 1000 >/dev/null
ok $? "and 20 users exchange their octets"
! "$TRAFFIC" users "$fport" 1 1 >/dev/null 2>&1
ok $? "and none where they were"
until_true '! ctl server show processes | grep -q " dial "'
ok $? "server: the last that dialled gone, dial is gone"
done_testing
