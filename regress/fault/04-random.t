#!/bin/sh
# Twenty clients of one service, whose workers, and now and then another
# process, are killed at random while users come and go.  Users of a killed
# worker are reset, none is told that all came when it did not; then the
# service is whole again.

. regress/live/lib.sh

CLIENTS=20 KILLS=40
sanitized && CLIENTS=6 KILLS=12
SEED=${SEED:-$$}
echo "# SEED=$SEED"
# random N: 0 to N - 1, the same for the same seed
random() {
	SEED=$(((SEED * 1103515245 + 12345) % 2147483648))
	n=$((SEED / 65536 % $1))
}

SERVER="prefork 2" CLIENT="pool 2"
pair
i=1
while [ $i -lt $CLIENTS ]; do
	cp "$T/client.conf" "$T/c$i.conf"
	daemon "c$i"
	i=$((i + 1))
done
cp "$T/client.conf" "$T/c0.conf"
sessions() {	# the server's
	ctl server -j show services | grep -o '"sessions": *[0-9]*' |
	    awk '{ sub(/.*: */, ""); n += $1 } END { print n }'
}
"$TRAFFIC" wait "$uport" 10000 >/dev/null
ok $? "the service is up"

# Users come until the end of it, one lot after the other.
(
	until [ -f "$T/enough" ]; do
		"$TRAFFIC" users "$uport" 60 60000
	done
) >"$T/load.log" 2>&1 &
load=$!
PIDS="$PIDS $load"

killed=0 unserved=0
while [ $killed -lt $KILLS ]; do
	random $((CLIENTS + 2))
	if [ $n -eq $CLIENTS ]; then
		p=$(child server service x | head -1)
	elif [ $n -gt $CLIENTS ]; then
		p=$(child server gate)
	elif [ $n -eq 0 ]; then
		p=$(child client service x)
	else
		p=$(child c$n service x)
	fi
	killed=$((killed + 1))
	# It may be away since the last time.
	[ -n "$p" ] && kill -9 $p
	ms=$("$TRAFFIC" wait "$uport" 3000) || unserved=$((unserved + 1))
done
ok 0 "$killed processes were killed"
is $unserved 0 "all the time a new user was served within 3 s"
: >"$T/enough"
"$TRAFFIC" gone 60000 "$load"
ok $? "the load has ended"
echo "# $(tail -n 1 "$T/load.log")"
is "$(grep -c '^stuck' "$T/load.log")" 0 "no user was left hanging"
is "$(awk '{ n += $4 } END { print n + 0 }' "$T/load.log")" 0 \
    "no user got less than all, or other octets, with a clean end"
[ "$(awk '{ n += $2 } END { print n + 0 }' "$T/load.log")" -gt 0 ]
ok $? "users were served meanwhile"

like "$("$TRAFFIC" users "$uport" 200 100000)" '^done 200 ' \
    "200 users are served"
for c in server client; do
	[ "$(grep -cE 'AddressSanitizer|runtime error|fatal' "$T/$c.log")" = 0 ]
	ok $? "$c: nothing but the killed died"
done
done_testing
