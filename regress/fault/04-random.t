#!/bin/sh
# For five seconds every tenth of a second a child of either daemon, any one, is
# killed while users come and go.  No user is told that all came when it did
# not; then both services serve again, and neither a process nor a descriptor
# is left over.

. regress/live/lib.sh
[ -d "/proc/$$/fd" ] || skip_all "no /proc"

AGAIN=30000
seed=4711
[ -z "${LONG:-}" ] || seed=$(od -An -N2 -tu2 /dev/urandom | tr -d ' ')
SEED=${SEED:-$seed}
echo "# SEED=$SEED"
random=$SEED

# choose N...: one of them, the same for the same seed and the same N
choose() {
	random=$(((random * 1103515245 + 12345) % 2147483648))
	shift $((random / 65536 % $#))
	chosen=$1
}

children() {	# children PID...: theirs
	for _p; do
		ps -A -o ppid= -o pid= | awk -v p="$_p" '$1 == p { print $2 }'
	done
}

# What a daemon is to be again: how many children, how many descriptors.
state() {
	echo "$(children "$1" | wc -l | tr -d ' ') children," \
	    "$(ls "/proc/$1/fd" | wc -l | tr -d ' ') descriptors"
}

becomes() {	# becomes PID STATE: within 30 s
	i=0
	while s=$(state "$1"); [ $((i += 1)) -lt 500 ] && [ "$s" != "$2" ]; do
		pause
	done
	echo "$s"
}

# settled PID: what it is twice in a row
settled() {
	_was=
	until_true '_is=$(state '"$1"'); [ "$_is" = "$_was" ] || { _was=$_is; false; }'
	echo "$_is"
}

two_services
"$TRAFFIC" wait "$uport" 10000 >/dev/null &&
    "$TRAFFIC" wait "$vport" 10000 >/dev/null
ok $? "both services are up"
server_was=$(settled "$server_pid")
client_was=$(settled "$client_pid")
echo "# server: $server_was; client: $client_was"

# Users come until the end of it, one lot after the other.
load() {
	until [ -f "$T/enough" ]; do
		"$TRAFFIC" users "$1" 20 60000
	done
}
background loadx load "$uport"
loads=$pid
background loady load "$vport"
loads="$loads $pid"

killed=0 seen= end=$(($(date +%s) + 5))
while t=$(date +%s); [ $t -lt $end ] ||
    { [ $killed -le 10 ] && [ $t -lt $((end + 60)) ]; }; do
	now=$(children "$server_pid" "$client_pid")
	if [ -n "$now" ]; then
		choose $now
		kill -9 "$chosen" 2>/dev/null && killed=$((killed + 1))
		seen="$seen $now"
	fi
	pause; pause
done
[ $killed -gt 10 ]
ok $? "$killed processes were killed"
: >"$T/enough"
for port in "$uport" "$vport" "$uport"; do
	ms=$("$TRAFFIC" wait "$port" $AGAIN)
	ok $? "a new user is served ($ms ms)"
done
for p in $loads; do
	"$TRAFFIC" gone 30000 "$p"
	ok $? "the load has ended"
done
cat "$T/loadx.log" "$T/loady.log" >"$T/load.log"
is "$(grep -c '^stuck' "$T/load.log")" 0 "no user was left hanging"
is "$(awk '{ n += $4 } END { print n + 0 }' "$T/load.log")" 0 \
    "no user got less than all, or other octets, with a clean end"
[ "$(awk '{ n += $2 } END { print n + 0 }' "$T/load.log")" -gt 0 ]
ok $? "users were served meanwhile"

is "$(becomes "$server_pid" "$server_was")" "$server_was" \
    "server: as many children and descriptors as before"
is "$(becomes "$client_pid" "$client_was")" "$client_was" \
    "client: as many children and descriptors as before"
left=
now=" $(echo $(children "$server_pid" "$client_pid")) "
for p in $(printf '%s\n' $seen | sort -u); do
	case $now in *" $p "*) continue;; esac
	kill -0 "$p" 2>/dev/null && left="$left $p"
done
is "$left" "" "every process that was killed is gone"
for port in "$uport" "$vport"; do
	like "$("$TRAFFIC" users "$port" 50 100000)" '^done 50 ' \
	    "50 users are served after it all"
done
for side in server client; do
	is "$(grep -cE 'AddressSanitizer|runtime error| fatal ' \
	    "$T/$side.log")" 0 "$side: nothing but the killed died"
done
stop "$client_pid"
is "$status" 0 "the client ends cleanly"
stop "$server_pid"
is "$status" 0 "the server ends cleanly"
done_testing
