# What the live tests share: real daemons on loopback, in a directory for each
# test, stopped and removed on any exit.  Source it from the top of the tree:
# `. regress/live/lib.sh'.  Prints TAP; finish with `done_testing'.

set -u
TOP=$(pwd)
ROCKETD=$TOP/rocketd/rocketd
WORKER=$TOP/worker/rocketd-worker
CTL=$TOP/rocketctl/rocketctl
TRAFFIC=$TOP/regress/live/traffic
T=$(mktemp -d "${TMPDIR:-/tmp}/rocketd-live.XXXXXX") || exit 1
PIDS=
TESTS=0
FAILED=0
# AddressSanitizer's leak check needs ptrace, which the sandbox forbids.
export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=0}

# On standard error, because prove(1) hides standard output.
said() {	# the daemons' output so far
	for f in "$T"/*.log; do
		[ ! -s "$f" ] ||
		    tail -n 25 "$f" | sed "s/^/#| ${0##*/} ${f##*/}: /"
	done >&2
}

cleanup() {
	[ $? -eq 0 ] || [ "$FAILED" -gt 0 ] || said
	for p in $PIDS; do kill "$p" 2>/dev/null; done
	for p in $PIDS; do
		# A daemon that does not end fails the test, below.
		"$TRAFFIC" gone 15000 "$p" || kill -9 "$p" 2>/dev/null
	done
	rm -rf "$T"
}
trap cleanup EXIT
trap 'exit 1' HUP INT TERM

ok() {		# ok STATUS NAME
	TESTS=$((TESTS + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $TESTS - $2"
	else
		echo "not ok $TESTS - $2"
		echo "# failed: ${0##*/} $TESTS: $2" >&2
		FAILED=$((FAILED + 1))
		# The first may be the cause of the others.
		[ $FAILED -gt 1 ] || said
	fi
}

is() {		# is GOT WANTED NAME
	if [ "$1" = "$2" ]; then
		ok 0 "$3"
	else
		ok 1 "$3"
		echo "# got:    $1" >&2
		echo "# wanted: $2" >&2
	fi
}

like() {	# like GOT REGEXP NAME
	if printf '%s\n' "$1" | grep -Eq -- "$2"; then
		ok 0 "$3"
	else
		ok 1 "$3"
		printf '%s\n' "$1" | sed 's/^/# got: /' >&2
		echo "# wanted: $2" >&2
	fi
}

skip() {	# skip NAME REASON
	TESTS=$((TESTS + 1))
	echo "ok $TESTS - $1 # SKIP $2"
}

skip_all() {
	echo "1..0 # SKIP $1"
	exit 0
}

done_testing() {
	echo "1..$TESTS"
	[ "$FAILED" -eq 0 ]
	exit
}

is_root() { [ "$(id -u)" -eq 0 ]; }
sanitized() { grep -q 'fsanitize' "$TOP/config.mk"; }

# ports N: that many free ports
ports() { "$TRAFFIC" ports "$1"; }

# background NAME COMMAND...: sets $pid, output in $T/NAME.log
background() {
	_name=$1; shift
	: >"$T/$_name.log"	# or we would read an older one
	# Append: an earlier process may still write.
	# Without the test's open files: a fifo would not end.
	"$@" <"${IN:-/dev/null}" >>"$T/$_name.log" 2>&1 \
	    5>&- 6>&- 7>&- 8>&- 9>&- &
	pid=$!
	PIDS="$PIDS $pid"
}

# held NAME COMMAND...: in the background, reading $T/NAME.fifo, which the caller
# opens for writing (exec N>) and closes to end it
held() {
	rm -f "$T/$1.fifo"
	mkfifo "$T/$1.fifo"
	IN=$T/$1.fifo
	background "$@"
	IN=
}

# target NAME [ADDR [PORT]]: sets $pid and $port
target() {
	background "$1" "$TRAFFIC" serve "${2:-127.0.0.1}" "${3:-0}"
	"$TRAFFIC" grep 5000 "$T/$1.log" '^port ' >/dev/null || exit 1
	port=$(sed -n 's/^port //p' "$T/$1.log")
}

# daemon NAME [SUFFIX]: $T/NAME.conf (or .SUFFIX) on socket $T/NAME.sock; sets
# $pid; waits for READY
daemon() {
	chmod 600 "$T/$1.${2:-conf}"
	background "$1" "$ROCKETD" -d -f "$T/$1.${2:-conf}" -s "$T/$1.sock" \
	    -W "$WORKER"
	"$TRAFFIC" grep 20000 "$T/$1.log" ' is up|fatal|cannot start' >/dev/null
	eval "${1}_pid=$pid"
}

ctl() {		# ctl NAME ARGUMENTS...
	_d=$1; shift
	"$CTL" -s "$T/$_d.sock" "$@"
}

# pause: between two looks at something that has no event
pause() { "$TRAFFIC" pause; }

# until_true EXPRESSION: waits ten seconds at most, longer if it is slow
until_true() {
	_tries=0
	until eval "$1"; do
		[ $((_tries += 1)) -le 200 ] || return 1
		pause
	done
}

# logged NAME REGEXP [MS]: waits until the log has it
logged() { "$TRAFFIC" grep "${3:-5000}" "$T/$1.log" "$2" >/dev/null; }

# child NAME ROLE [SERVICE]: the pid of a daemon's process
child() {
	ctl "$1" -j show processes | awk -v role="$2" -v name="${3:-}" '
	    BEGIN { RS = "{" }
	    index($0, "\"process\":\"" role "\"") && (name == "" ||
	    index($0, "\"service\":\"" name "\"")) &&
	    match($0, /"pid":[1-9][0-9]*/) {
		print substr($0, RSTART + 6, RLENGTH - 6)
		found = 1
	    }
	    END { exit !found }'
}

# unknown NAME: the counters of a daemon that rocketctl(8) does not list
unknown() {
	sed -n '/^\.Sh COUNTERS/,/^\.Sh ENV/s/^\.It Va//p' \
	    "$TOP/man/rocketctl.8" >"$T/counters"
	ctl "$1" -j show summary | sed 's/.*"counters"://' |
	    grep -o '"[a-z0-9_]*":[0-9]' | sed 's/^"\(.*\)":.*/\1/' >"$T/shown"
	[ "$(wc -l <"$T/shown")" -gt 40 ] || echo "few counters"
	for _c in $(cat "$T/shown"); do
		grep -qw -- "$_c" "$T/counters" || echo "$_c"
	done
}

# stop PID [MS]: sends SIGTERM; the exit status is in $status
stop() {
	kill "$1"
	"$TRAFFIC" gone "${2:-15000}" "$1" || kill -9 "$1"
	wait "$1"
	status=$?
	PIDS=$(echo " $PIDS " | sed "s/ $1 / /")
}

# pair [OPTIONS]: a server and a client of one service "x" in front of a target.
# Sets tport (tunnels), uport (users), server_pid and client_pid; users_pid is
# the one of these with the users, far_pid the one with the target.  SERVER and
# CLIENT are further lines of each side's service, TRANSPORT is that of both.
# With FORWARD the users are on the client's side, the target on the server's.
pair() {
	target target
	target_pid=$pid
	set -- $(ports 2)
	tport=$1 uport=$2
	on_server="listen on 127.0.0.1 port $uport"
	on_client="forward to 127.0.0.1 port $port"
	if [ -n "${FORWARD:-}" ]; then
		set -- "$on_server" "$on_client"
		on_server=$2 on_client=$1
	fi
	cat >"$T/server.conf" <<-END
		log debug
		${GLOBAL:-}
		server {
			listen on 127.0.0.1 port $tport transport ${TRANSPORT:-tcpmux}
			service "x" {
				$on_server
				token "a token of more than sixteen"
				${SERVER:-}
			}
		}
	END
	cat >"$T/client.conf" <<-END
		log debug
		${GLOBAL:-}
		client {
			connect to 127.0.0.1 port $tport transport ${TRANSPORT:-tcpmux}
			service "x" {
				$on_client
				token "a token of more than sixteen"
				${CLIENT:-}
			}
		}
	END
	daemon server; server_pid=$pid
	daemon client; client_pid=$pid
	if [ -n "${FORWARD:-}" ]; then
		users_pid=$client_pid far_pid=$server_pid
	else
		users_pid=$server_pid far_pid=$client_pid
	fi
}

# two_services: the same for "x" and "y", users at uport and vport; the client
# has to look up the server's name
two_services() {
	target target
	target_pid=$pid
	set -- $(ports 3)
	tport=$1 uport=$2 vport=$3
	cat >"$T/server.conf" <<-END
		log debug
		server {
			listen on 127.0.0.1 port $tport transport ${TRANSPORT:-tcpmux}
			service "x" {
				listen on 127.0.0.1 port $uport
				token "a token of more than sixteen"
			}
			service "y" {
				listen on 127.0.0.1 port $vport
				token "the token of the other one"
			}
		}
	END
	cat >"$T/client.conf" <<-END
		log debug
		client {
			connect to localhost port $tport transport ${TRANSPORT:-tcpmux}
			service "x" {
				forward to 127.0.0.1 port $port
				token "a token of more than sixteen"
			}
			service "y" {
				forward to 127.0.0.1 port $port
				token "the token of the other one"
			}
		}
	END
	daemon server; server_pid=$pid
	daemon client; client_pid=$pid
}
