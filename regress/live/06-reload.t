#!/bin/sh
# Reload: a faulty file changes nothing and is told why; an unchanged service
# keeps its sessions and users; a removed one drains; changes take effect as
# rocketd.conf(5) says.

. regress/live/lib.sh

set -- $(ports 5)
tport=$1 xport=$2 yport=$3 zport=$4 wport=$5
target target

conf() {	# conf SIDE: services from stdin, "NAME PORT LINES..."
	{
		if [ "$1" = server ]; then
			echo "server {"
			echo "listen on 127.0.0.1 port $tport transport tcpmux"
		else
			echo "client {"
			echo "connect to 127.0.0.1 port $tport transport tcpmux"
		fi
		while read -r name uport lines; do
			echo "service \"$name\" {"
			echo "token \"a token of more than sixteen $name\""
			if [ "$1" = server ]; then
				echo "listen on 127.0.0.1 port $uport"
			else
				echo "forward to 127.0.0.1 port $port"
			fi
			printf '%s\n' "$lines" | tr ';' '\n'
			echo "}"
		done
		echo "}"
	} >"$T/$1.new"
	cat "$T/$1.new" >"$T/$1.conf"
}
both() { conf server <<-END
	$1
	END
	conf client <<-END
	$2
	END
}
# A worker closes its copy of a listener when it comes to it.
refused() { [ "$("$TRAFFIC" ask "$1" echo)" = refused ]; }
users_of() { ctl server -j show streams service "$1" | grep -o '"user"' |
    wc -l; }

both "x $xport
y $yport" "x 0
y 0"
daemon server
daemon client
"$TRAFFIC" wait "$xport" 10000 >/dev/null &&
    "$TRAFFIC" wait "$yport" 10000 >/dev/null
ok $? "both services are up"
held ux "$TRAFFIC" idle "$xport" 10; ux_pid=$pid
exec 8>"$T/ux.fifo"
held uy "$TRAFFIC" idle "$yport" 10; uy_pid=$pid
exec 9>"$T/uy.fifo"
logged ux ready && logged uy ready
ok $? "users are in both"
px=$(child server service x) py=$(child server service y)

# faulty
cp "$T/server.conf" "$T/good"
sed 's/listen on/lissten on/' "$T/good" >"$T/server.conf"
out=$(ctl server reload 2>&1)
is $? 1 "a faulty file is refused"
like "$out" 'server\.conf:[0-9]+' "with file and line"
kill -HUP "$server_pid"
logged server 'server\.conf:[0-9]+:[0-9]+: .*lissten'
ok $? "and by SIGHUP it is in the log"
is "$(child server service x) $(child server service y)" "$px $py" \
    "nothing was restarted"
is "$(users_of x) $(users_of y)" "10 10" "no user was lost"

# A port that cannot be bound: nothing changes.
both "x $xport
y $yport
z $port" "x 0
y 0"
sed 's/a token of more than sixteen z/short/' "$T/server.conf" >"$T/server.new"
cat "$T/server.new" >"$T/server.conf"
out=$(ctl server reload 2>&1)
is $? 1 "a port that is taken is refused"
like "$out" "port $port: " "and named, not what was only a warning"
logged server ' warn parent: .*warning: token: 5 characters'
ok $? "which is in the log"
is "$(users_of x) $(users_of y)" "10 10" "no user was lost"

# What the next start would refuse is refused now.
both "x $xport
y $yport" "x 0
y 0"
echo 'ids 60000 to 60010' | cat - "$T/server.conf" >"$T/server.new"
cat "$T/server.new" >"$T/server.conf"
like "$(ctl server reload 2>&1)" 'ids 60000 to 60010 are only 11' \
    "too few ids are refused, although they would wait"

# z comes, y goes; x is untouched
both "x $xport
z $zport" "x 0
z 0"
printf 'ids 60000 to 60999\nsandbox strict\n' | cat - "$T/server.conf" \
    >"$T/server.new"
cat "$T/server.new" >"$T/server.conf"
ctl server reload && ctl client reload
ok $? "a reload is taken"
ms=$("$TRAFFIC" wait "$zport" 5000)
ok $? "the new service is served ($ms ms)"
is "$(child server service x)" "$px" "the unchanged one has its process"
like "$(ctl server show config)" '^ids 59000 to 59999' \
    "other ids wait for the next start"
uid=$(ctl server -j show processes | tr '{' '\n' |
    sed -n 's/.*"uid":\([0-9]*\).*/\1/p' | sort -n | tail -n 1)
! is_root || [ "$uid" -lt 60000 ]
ok $? "the new process has none of them ($uid)"
like "$(ctl server show config)" '^sandbox relaxed' "and so does sandbox"
is "$(grep -c 'warning: .* when rocketd is restarted' "$T/server.log")" 2 \
    "which is in the log"
is "$(users_of x)" 10 "and its users"
until_true 'refused "$yport"'
ok $? "the removed one listens no more"
is "$(users_of y)" 10 "its users go on"
kill -0 "$uy_pid"
ok $? "and are not reset"
exec 9>&-
"$TRAFFIC" gone 5000 "$uy_pid"
"$TRAFFIC" gone 5000 "$py"
ok $? "when they have ended, so does its worker"

# in place, tunnels, listener
both "x $xport user timeout 1
z $wport seal { none }" "x 0 pool 2
z 0 seal { none }"
ctl server reload && ctl client reload
ok $? "a reload with changed options is taken"
"$TRAFFIC" wait "$wport" 5000 >/dev/null
ok $? "a listener has moved"
until_true 'refused "$zport"'
ok $? "the old port is gone"
is "$(child server service x)" "$px" "a change in place keeps the process"
is "$(users_of x)" 10 "and the users"
kill -0 "$ux_pid"
ok $? "none was reset"
until_true 'ctl server show sessions service z | grep -q " none"'
ok $? "tunnels were replaced: the seal is the new one"

# Two hundred reloads that change one service, while users of both move, stay,
# come and go.
steady() { while [ ! -e "$T/enough" ]; do "$TRAFFIC" users "$@"; done; }
background load "$TRAFFIC" users "$xport" 60 4000000
load_pid=$pid
background steady_x steady "$xport" 10 100000
steady_x=$pid
background steady_z steady "$wport" 10 100000
steady_z=$pid
i=0
while [ $i -lt 200 ]; do
	i=$((i + 1))
	if [ $((i % 2)) -eq 0 ]; then
		both "x $xport user timeout 1
		z $wport" "x 0 pool 2
		z 0"
	else
		both "x $xport user timeout 1
		z $wport mux concurrency 8;seal { none }" "x 0 pool 2
		z 0 retry interval 2;seal { none }"
	fi
	ctl server reload && ctl client reload || break
done
is $i 200 "200 reloads of both sides"
: >"$T/enough"
wait "$load_pid" "$steady_x" "$steady_z"
like "$(cat "$T/load.log")" '^done 60 failed 0 reset 0 refused 0' \
    "no connection of the other service was lost"
for s in x z; do
	n=$(grep -c '^done 10 failed 0 reset 0 refused 0' "$T/steady_$s.log")
	[ "$n" -gt 3 ] && [ "$n" -eq "$(wc -l <"$T/steady_$s.log")" ]
	ok $? "$s: nobody who came meanwhile was lost or refused ($n x 10)"
done
is "$(users_of x)" 10 "nor of those that stayed"

# no client block any more
echo 'log info' >"$T/client.conf"
ctl client reload
ok $? "a reload without a client block"
kill -0 "$(child client service x)" && kill -0 "$(child client dial)"
ok $? "who drains can still dial"
dial=$(child client dial)
exec 8>&-
"$TRAFFIC" gone 5000 "$dial"
ok $? "until the last user has gone"
is "$(child client service x)$(child client keys)" "" "as all the others do"
stop "$client_pid"
is "$status" 0 "the client ends cleanly"
stop "$server_pid"
is "$status" 0 "the server ends cleanly"
done_testing
