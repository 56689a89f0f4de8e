#!/bin/sh
# A link that goes and comes back, and a server that does: users get through
# within a few seconds, and at once when the operator says so.  The time that
# connections have when the daemon stops.

. regress/live/lib.sh
is_root || skip_all "only root may have a namespace"
command -v ip >/dev/null || skip_all "no ip"
if [ -z "${RETRY_IN:-}" ]; then
	trap - EXIT
	rm -rf "$T"
	RETRY_IN=1 exec unshare -n -m -p -f --kill-child --mount-proc sh "$0"
fi
ip link set lo up
# Both ends are here; the client leaves by a link of its own.
FAR=rktretry$$
ip netns add $FAR 2>/dev/null || skip_all "no network namespaces"
undo() { ip netns del $FAR 2>/dev/null; cleanup; }
trap undo EXIT
ip link add here type veth peer name there netns $FAR &&
    ip addr add 10.99.0.1/24 dev here && ip link set here up &&
    ip -n $FAR addr add 10.99.0.2/24 dev there &&
    ip -n $FAR link set there up && ip -n $FAR link set lo up ||
    skip_all "no veth"
far() { ip netns exec $FAR "$@"; }

target target
target_pid=$pid
set -- $(ports 2)
tport=$1 uport=$2
cat >"$T/server.conf" <<-END
	log debug
	stop timeout 1
	server {
		listen on 10.99.0.2 port $tport
		service "x" {
			listen on 127.0.0.1 port $uport
			keepalive 1
			user timeout 60
			token "a token of more than sixteen"
		}
	}
END
cat >"$T/client.conf" <<-END
	log debug
	client {
		connect to 10.99.0.2 port $tport
		service "x" {
			forward to 127.0.0.1 port $port
			keepalive 1
			token "a token of more than sixteen"
		}
	}
END
chmod 600 "$T"/*.conf
serve() {
	background server ip netns exec $FAR "$ROCKETD" -d \
	    -f "$T/server.conf" -s "$T/server.sock" -W "$WORKER"
	server_pid=$pid
	logged server ' is up' 20000
}
state() { ctl client show services 2>/dev/null | awk '$1 == "x"'; }
up() { [ "$(ctl client -j show sessions 2>/dev/null |
    grep -o '"peer"' | wc -l)" -gt 0 ]; }
ms_until() {	# milliseconds until EXPRESSION, or "never"
	_t0=$(date +%s%3N)
	if until_true "$1"; then
		echo $(($(date +%s%3N) - _t0))
	else
		echo never
	fi
}

serve
daemon client
until_true up
ok $? "the tunnels are open"

# The link is down here: what is tried does not leave this machine.
ip link set here down
until_true '! up'
ok $? "the link goes, and so do the tunnels"
for i in $(seq 1 40); do pause; done	# some tries in vain
ip link set here up
ms=$(ms_until up)
[ "$ms" != never ] && [ "$ms" -lt 8000 ]
ok $? "it comes back: a tunnel after $ms ms"

# The server is gone, and comes back.
stop "$server_pid"
is "$status" 0 "the server ends"
until_true '! up'
ok $? "it has no tunnel"
until_true '[ "$(grep -c "refused (again)" "$T/client.log")" -ge 2 ]'
serve
ms=$(ms_until up)
[ "$ms" != never ] && [ "$ms" -lt 8000 ]
ok $? "it comes back: a tunnel after $ms ms"

# And the operator does not want to wait.
sed 's/keepalive 1/keepalive 1; retry interval 60; retry max 60/' \
    "$T/client.conf" | tr ';' '\n' >"$T/slow.conf"
cp "$T/slow.conf" "$T/client.conf"
ctl client reload >/dev/null
ok $? "retry interval 60"
n=$(grep -c "refused (again)" "$T/client.log")
stop "$server_pid"
until_true '[ "$(grep -c "Connection refused" "$T/client.log")" -gt $((n + 2)) ]'
until_true '! up'
serve
for i in $(seq 1 10); do pause; done
! up
ok $? "nothing is tried for long"
ctl client retry nosuch >/dev/null 2>&1
is "$?" 1 "retry of a service that there is not fails"
ctl client retry x
ok $? "rocketctl retry x"
ms=$(ms_until up)
[ "$ms" != never ] && [ "$ms" -lt 5000 ]
ok $? "a tunnel after $ms ms"

# A stop gives connections so long, and no longer.
held user ip netns exec $FAR "$TRAFFIC" idle "$uport" 1
exec 8>"$T/user.fifo"
logged user ready 10000
ok $? "a user is there"
t0=$(date +%s%3N)
stop "$server_pid" 20000
ms=$(($(date +%s%3N) - t0))
is "$status" 0 "the server ends"
[ "$ms" -ge 900 ] && [ "$ms" -lt 6000 ]
ok $? "stop timeout 1: it took $ms ms"
exec 8>&-
stop "$client_pid"
is "$status" 0 "the client ends"
done_testing
