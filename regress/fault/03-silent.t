#!/bin/sh
# Processes that are there and do nothing: all of one service's on both sides
# are stopped at once, its workers among them.  The parents' pings find them;
# each is replaced and the service is served again, while the users of another
# service, and its workers, notice nothing.

. regress/live/lib.sh

stopped=
end_stopped() {	# a stopped process would take no other signal
	for p in $stopped; do kill -9 "$p" 2>/dev/null; done
	cleanup
}
trap end_stopped EXIT

# another SIDE ROLE SERVICE PID: there is one that is not PID
another() { p=$(child "$1" "$2" "$3") && [ "$p" != "$4" ]; }

two_services
"$TRAFFIC" wait "$uport" 10000 >/dev/null &&
    "$TRAFFIC" wait "$vport" 10000 >/dev/null
ok $? "both services are up"
held stay "$TRAFFIC" idle "$vport" 20
stay_pid=$pid
exec 9>"$T/stay.fifo"
logged stay ready 10000
ok $? "20 users are in the other one"
y="$(child server service y) $(child client service y)"

names=
for who in server/control server/keys server/gate server/service client/control \
    client/keys client/dial client/resolve client/service; do
	name=
	[ "${who#*/}" = service ] && name=x
	p=$(child "${who%/*}" "${who#*/}" $name)
	[ -n "$p" ] || ok 1 "$who has a pid"
	names="$names $who=$p"
done
for n in $names; do
	kill -STOP "${n#*=}" && stopped="$stopped ${n#*=}"
done
for n in $names; do
	"$TRAFFIC" gone 16000 "${n#*=}"
	ok $? "${n%=*}: the stopped process is killed"
done
stopped=
ms=$("$TRAFFIC" wait "$uport" 5000)
ok $? "a new user is served ($ms ms)"
"$TRAFFIC" ready 5000 "$T/server.sock" "$T/client.sock"
for n in $names; do
	who=${n%=*} name=
	[ "${who#*/}" = service ] && name=x
	until_true 'another "${who%/*}" "${who#*/}" "$name" "${n#*=}"'
	ok $? "$who: there is another"
done
for side in server client; do
	once="worker x \($side\) +[^ ]+ +ready +[^ ]+ +1 +[0-9]+ +signal 9"
	until_true 'ctl $side show processes | grep -Eq "$once"'
	like "$(ctl $side show processes)" "$once" \
	    "$side: its worker was killed once"
done
is "$(child server service y) $(child client service y)" "$y" \
    "the other service's workers are the same"
exec 9>&-
"$TRAFFIC" gone 10000 "$stay_pid"
is "$(tail -n 1 "$T/stay.log")" "alive 20" "its users have been served on"
like "$("$TRAFFIC" users "$uport" 50 100000)" '^done 50 ' \
    "50 users are served after it all"
stop "$client_pid"
is "$status" 0 "the client ends cleanly"
stop "$server_pid"
is "$status" 0 "the server ends cleanly"
done_testing
