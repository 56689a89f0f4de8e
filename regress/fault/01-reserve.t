#!/bin/sh
# More users than there are descriptors: on the server side they wait in the
# backlog until others leave, or have been idle for long and are reset for them;
# on the client side they are reset at once.  What is kept in reserve serves
# tunnels and processes that come meanwhile.

. regress/live/lib.sh
command -v prlimit >/dev/null || skip_all "no prlimit(1)"

# Of 128 two eighths are kept: 96 are for users and tunnels.
LIMIT=128 ROOM=96 TUNNELS=2

# limited: $ROCKETD with so many descriptors for each process, and no more
cat >"$T/limited" <<END
#!/bin/sh
exec prlimit --nofile=$LIMIT:$LIMIT $ROCKETD "\$@"
END
chmod 755 "$T/limited"

with() {	# with NAME COMMAND...: in place of rocketd
	save=$ROCKETD
	ROCKETD=$T/limited
	eval "$1"
	ROCKETD=$save
}

counter() {	# counter SIDE NAME, of its workers
	ctl "$1" -j show summary | sed 's/.*"counters"//' |
	    sed -n "s/.*\"service\":{[^}]*\"$2\":\([0-9]*\).*/\1/p"
}

# enter COUNT: users that stay until 9 is closed, so nobody may inherit it; the
# one that showed that the service is up leaves first
enter() {
	until_true '[ "$(counter "$what" streams)" = 0 ]'
	held stay "$TRAFFIC" idle "$uport" "$1"
	stay_pid=$pid
	exec 9>"$T/stay.fifo"
	logged stay ready 10000
	ok $? "$what: $1 users are in it"
}

leave() {	# leave COUNT [NAME]: so many are still there
	exec 9>&-
	"$TRAFFIC" gone 10000 "$stay_pid"
	is "$(tail -n 1 "$T/stay.log")" "alive $1" \
	    "$what: ${2:-not one of them was lost}"
}

end() {
	stop "$client_pid"
	is "$status" 0 "$what: the client ends cleanly"
	stop "$server_pid"
	is "$status" 0 "$what: the server ends cleanly"
	stop "$target_pid"
}

CLIENT="pool $TUNNELS
pool max $TUNNELS"

what="server"
with pair
"$TRAFFIC" wait "$uport" 10000 >/dev/null
ok $? "$what: the service is up"
is "$(counter server descriptors_short)" 0 "$what: it has descriptors"
enter $((ROOM - TUNNELS))
background more "$TRAFFIC" users "$uport" 30 100000 9>&-
more_pid=$pid
logged server 'descriptors run short with '
ok $? "$what: it says that it runs short"
[ "$(counter server descriptors_short)" -gt 0 ]
ok $? "$what: and counts it"
is "$(counter server accept_paused)" 0 "$what: no accept has failed"

# All that a service may need while its users take what they get.
kill -9 "$(child server gate)" "$(child server keys)" "$(child server control)"
"$TRAFFIC" ready 5000 "$T/server.sock"
sed "s/pool $TUNNELS/pool 4/; s/pool max $TUNNELS/pool max 4/" \
    "$T/client.conf" >"$T/other.conf"
daemon other 9>&-
other_pid=$pid
"$TRAFFIC" grep 5000 "$T/other.log" 'tunnel open' >/dev/null
ok $? "$what: another client's tunnels find a place"
ctl server reload >/dev/null
ok $? "$what: and a reload"
[ "$(grep -c 'no slot\|Too many open files' "$T/server.log")" -eq 0 ]
ok $? "$what: no descriptor of a message was missed"
"$TRAFFIC" gone 40000 "$more_pid"
like "$(cat "$T/more.log")" '^done 30 ' \
    "$what: who came too late is served in the place of those who were idle"
shed=$(counter server users_shed_descriptors)
[ "$shed" -gt 0 ] && [ "$shed" -le 30 ]
ok $? "$what: and no more of them than that are reset ($shed)"
leave $((ROOM - TUNNELS - shed)) "those that were counted were lost, no others"
stop "$other_pid"
end

what="client"
pair
stop "$client_pid"
with "daemon client"
client_pid=$pid
"$TRAFFIC" wait "$uport" 10000 >/dev/null
ok $? "$what: the service is up"
enter $((ROOM - TUNNELS))
like "$("$TRAFFIC" ask "$uport" echo)" '^reset 0 ' \
    "$what: one user more is reset"
logged client 'descriptors run short with .*: streams are refused'
ok $? "$what: it says why"
is "$(counter client descriptors_short)" 1 "$what: and counts it"
p=$(child client service x)
kill -9 "$(child client dial)"
leave $((ROOM - TUNNELS))
"$TRAFFIC" wait "$uport" 5000 >/dev/null
ok $? "$what: users are served when others left"
is "$(child client service x)" "$p" "$what: it is the same process"
end
done_testing
