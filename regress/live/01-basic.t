#!/bin/sh
# A service through a tunnel: every octet, half-close, reset and refusal arrive
# as what they were, with each seal and with one worker and three.

. regress/live/lib.sh

# The target answers with the hash of what it read: two ends, one hash.
answer() { "$TRAFFIC" ask "$1" "$2" "$3" | sed -n 's/^answer //p'; }

matrix() {
	seal=$1 prefork=$2
	what="seal $seal, prefork $prefork"
	SERVER="seal { $seal }
prefork $prefork" CLIENT="seal { $seal }
prefork $prefork
pool 3"
	pair
	"$TRAFFIC" wait "$uport" 10000 >/dev/null
	ok $? "$what: a user is served"
	direct=$(answer "$port" sum 3000000)
	is "$(answer "$uport" sum 3000000)" "$direct" \
	    "$what: a user that shuts its write side gets its whole answer"
	like "$("$TRAFFIC" users "$uport" 50 1048576)" \
	    '^done 50 failed 0 reset 0 refused 0 ' \
	    "$what: 50 users, 1 MiB each way"
	late=$("$TRAFFIC" late "$uport" 3000000)
	logged target "^$late\$"
	ok $? "$what: what a user sends after the target's end arrives"
	like "$("$TRAFFIC" ask "$uport" "give 5000000")" \
	    '^end 5000000 pattern ' "$what: a clean end is a clean end"
	like "$("$TRAFFIC" ask "$uport" "reset 5000000")" '^reset ' \
	    "$what: a target's reset is a reset, never a clean end"
	"$TRAFFIC" abort "$uport" "give 100000000" &&
	    logged target '^target error (Connection reset|Broken)'
	ok $? "$what: a user's reset is a reset for the target"

	stop "$target_pid"
	like "$("$TRAFFIC" ask "$uport" "echo")" '^reset 0 ' \
	    "$what: a refused target is a reset at once"
	stop "$far_pid"
	is "$status" 0 "$what: the side of the target ends cleanly"
	like "$("$TRAFFIC" ask "$uport" "echo")" \
	    '^reset 0 pattern (29[0-9][0-9]|[3-9][0-9]{3}|1[0-9]{4})$' \
	    "$what: without a tunnel a user waits 3 s and is reset"
	stop "$users_pid"
	is "$status" 0 "$what: the side of the users ends cleanly"
	is "$(grep -cE 'fatal|AddressSanitizer|runtime error' \
	    "$T/server.log" "$T/client.log" | tr '\n' ' ')" \
	    "$T/server.log:0 $T/client.log:0 " "$what: nothing went wrong"
}

for seal in ${SEALS:-tls none}; do
	for prefork in ${PREFORKS:-1 3}; do
		matrix $seal $prefork
	done
done
done_testing
