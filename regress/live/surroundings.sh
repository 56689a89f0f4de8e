# A daemon that is both sides of a service, started in odd surroundings by
# regress/live/odd and the like.  Source it after lib.sh.

ODD=$TOP/regress/live/odd
target target
set -- $(ports 2)
cat >"$T/a.conf" <<-END
	pidfile "$T/a.pid"
	server {
		listen on 127.0.0.1 port $1
		service "x" {
			listen on 127.0.0.1 port $2
			token "a token of more than sixteen"
		}
	}
	client {
		connect to 127.0.0.1 port $1
		service "x" {
			forward to 127.0.0.1 port $port
			token "a token of more than sixteen"
		}
	}
END
uport=$2
(echo "sandbox strict"; cat "$T/a.conf") >"$T/strict.conf"
chmod 600 "$T"/*.conf

# settled: it is up, or has said why not
settled() {
	"$TRAFFIC" grep 20000 "$T/a.log" \
	    ' is up|fatal|cannot start|^/[^ ]*: ' >/dev/null
}

# up NAME [CONF] -- PREFIX...: in the foreground, with that before it
up() {
	name=$1 conf=a
	[ "$2" = -- ] || { conf=$2; shift; }
	shift 2
	background a "$@" "$ROCKETD" -d -f "$T/$conf.conf" -s "$T/a.sock" \
	    -W "$WORKER"
	settled
}

# serves NAME: a user gets through; SIGTERM ends it
serves() {
	"$TRAFFIC" wait "$uport" 10000 >/dev/null
	ok $? "$1: a user is served"
	stop "$pid"
	is "$status" 0 "$1: it ends"
}

# once TEXT NAME: the log has such a line, and one only
once() { is "$(grep -c "$1" "$T/a.log")" 1 "$2"; }

# refused REGEXP NAME: it did not start, and said why
refused() {
	wait "$pid"
	is "$?" 1 "$2: it does not start"
	like "$(cat "$T/a.log")" "$1" "$2: why"
}

lacks() {	# lacks REGEXP WORDS NAME: told once, and shown
	like "$(ctl a -j show processes | sed 's/"lacks"/\n&/g')" \
	    "\"lacks\":\\[[^]]*$1" "$3: shown"
	once "sandbox: $2" "$3: told once"
	serves "$3"
}
