#!/bin/sh
# Many at once: users with data, idle streams and what they cost, readers that
# stopped beside one that goes on.

. regress/live/lib.sh

hold() {	# hold NAME WHAT PORT COUNT: until release NAME
	held "$1" "$TRAFFIC" "$2" "$3" "$4"
	eval "${1}_pid=$pid"
	exec 9>"$T/$1.fifo"
	logged "$1" ready 60000
}

release() {
	exec 9>&-
	eval "\"$TRAFFIC\" gone 10000 \$${1}_pid"
}

# private memory of a process, octets
private() {
	awk '/^Private_(Clean|Dirty)/ { s += $2 } END { print s * 1024 }' \
	    "/proc/$1/smaps_rollup"
}

median() { sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }

rates() {
	for i in 1 2 3 4 5 6 7; do
		"$TRAFFIC" rate "$uport" $bulk
	done | median
}

# Of a user, and of a download.
size=1048576 bulk=200000000
sanitized && size=131072 bulk=20000000
CLIENT="pool 4" SERVER=
pair
"$TRAFFIC" wait "$uport" 10000 >/dev/null
ok $? "a user is served"
server_w=$(child server service x) client_w=$(child client service x)

got=$("$TRAFFIC" users "$uport" 1000 $size)
like "$got" '^done 1000 failed 0 reset 0 refused 0 ' \
    "1000 users at once, $size octets each way, every one as sent"
case $got in
"done 1000 "*)	echo "# $got";;
*)	for side in server client; do	# what may have reset them
		ctl $side -j show summary | tr ',{' '\n\n' |
		    grep -E '"(resets|lingered_out|memory|memory_resets)"' |
		    sed "s/^/# got: $side /" >&2
	done;;
esac

# With so little as this, a thousand on a slow machine would be too many.
sed -i 's/token.*/&\nmemory 64m/' "$T/server.conf" "$T/client.conf"
ctl server reload && ctl client reload
ok $? "the budget is 64 MiB from here"
before=$(rates)
hold stalled stall "$uport" 40
ok $? "40 readers have stopped"
with=$(rates)
echo "# MB/s of one download: $before alone, $with beside 40 stopped readers"
# What is asserted is that it is not blocked; the ratio is in the bench.
[ "$(echo "$before $with" | awk '{ print ($1 > 0 && $2 > 0) }')" = 1 ]
ok $? "a sibling of 40 stopped readers goes on"
like "$(ctl server -j show services)" '"memory": *[0-9]+.*"memory_max": *67108864' \
    "memory is shown"
held=$(ctl server -j show services | tr ',{' '\n\n' |
    sed -n 's/.*"memory": *//p' | head -1)
[ "${held:-999999999}" -le 67108864 ]
ok $? "what they hold is within the budget ($held octets)"
release stalled

limit=$(ulimit -Hn)
count=9000
[ "$limit" = unlimited ] || [ "$limit" -ge 10000 ] || count=$((limit - 1000))
sanitized && count=500
m0=$(private "$server_w" 2>/dev/null) c0=$(private "$client_w" 2>/dev/null)
hold idle idle "$uport" $count
ok $? "$count idle streams through one worker"
if [ -n "$m0" ] && ! sanitized; then
	m1=$(private "$server_w") c1=$(private "$client_w")
	s=$(((m1 - m0) / count)) c=$(((c1 - c0) / count))
	echo "# octets of worker memory a stream: server $s, client $c"
	[ $s -le 2048 ] && [ $c -le 2048 ]
	ok $? "each costs at most 2 KiB of a worker"
else
	skip "memory of a stream" "another user's /proc, or a sanitizer"
fi
like "$(ctl server show summary)" 'streams' "rocketctl answers meanwhile"
is "$(ctl server -j show streams | grep -o '"user"' | wc -l)" "$count" \
    "and shows every stream"
release idle
"$TRAFFIC" wait "$uport" 5000 >/dev/null
ok $? "a user is served after it"
stop "$client_pid"
is "$status" 0 "the client ends cleanly"
stop "$server_pid"
is "$status" 0 "the server ends cleanly"
done_testing
