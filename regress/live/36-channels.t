#!/bin/sh
# Each channel between two processes is ended from outside, at either end,
# while both processes live on: a user who needs a tunnel, a key, a name and a
# connection made anew is served soon after, each time.  So is one when a
# process that ends or starts outer TLS is killed.

. regress/live/lib.sh
is_root || skip_all "only root may reach into another process"
for tool in ss perl openssl; do
	command -v $tool >/dev/null || skip_all "no $tool"
done
LONGEST=5000			# milliseconds; tells what it was

target target
set -- $(ports 2)
tport=$1 uport=$2
cat >"$T/both.conf" <<-END
	log debug
	server {
		listen on 127.0.0.1 port $tport transport tlsmux
		tls self-signed "$T/tls.crt" key "$T/tls.key"
		service "x" {
			listen on 127.0.0.1 port $uport
			user timeout 20
			token "a token of more than sixteen"
		}
	}
	client {
		connect to localhost port $tport transport tlsmux
		tls verify no-i-accept-any-server
		service "x" {
			forward to localhost port $port
			token "a token of more than sixteen"
			pool 1
			retry interval 1
			retry max 1
		}
	}
END
channels() { perl regress/live/channels.pl "$@"; }
# Channels made anew, and processes; nothing while control is away.
mended() {
	ctl both -j show summary 2>/dev/null |
	    grep -oE '"(channels_mended|restarts)":[0-9]+' |
	    awk -F: '{ n += $2 } END { if (NR == 2) print n }'
}
sessions() {
	ctl both show sessions service x 2>/dev/null |
	    awk '$1 ~ /^[0-9]+\.[0-9]+\.[0-9]+$/ { print $1 }'
}

# The tunnel there is goes, so that the next user needs all that makes one.
served() {	# served: milliseconds until a user is served on a new tunnel
	for s in $(sessions); do
		ctl both session close "$s" >/dev/null 2>&1
	done
	# it was young: that is no failure of the server's
	ctl both retry x >/dev/null 2>&1
	"$TRAFFIC" wait "$uport" 10000
}

end_of() {	# end_of ROLE PID FD PEER
	until_true 'before=$(mended) && [ -n "$before" ]'
	channels shut "$2" "$3" || return 1
	ms=$(served)
	_st=$?
	[ $_st -eq 0 ] && [ "$ms" -gt "$worst" ] && worst=$ms
	[ $_st -eq 0 ] && [ "$ms" -le $LONGEST ]
	ok $? "from $1 to $4: ended there; a user is served after $ms ms"
	until_true '[ "$(mended)" -gt $before ] 2>/dev/null'
	ok $? "from $1 to $4: there is another"
}

daemon both
"$TRAFFIC" wait "$uport" 20000 >/dev/null
ok $? "a user is served"
worst=0
# Each kind once, at both ends: numbers of descriptors are looked up anew.
channels list "$both_pid" | awk '{ print $1, $4 }' | sort -u >"$T/kinds"
[ "$(grep -vc parent "$T/kinds")" -ge 30 ]
ok $? "$(wc -l <"$T/kinds") ends of channels are found"
while read -r one two; do
	line=$(channels list "$both_pid" |
	    awk -v a="$one" -v b="$two" '$1 == a && $4 == b' | head -1)
	[ -n "$line" ] || { ok 1 "from $one to $two: found again"; continue; }
	end_of $line
done <"$T/kinds"

for who in client server; do
	kill -9 "$(channels list "$both_pid" |
	    awk -v r="tls-($who)" '$1 == r { print $2; exit }')"
	ms=$("$TRAFFIC" wait "$uport" 10000)
	_st=$?
	[ $_st -eq 0 ] && [ "$ms" -gt "$worst" ] && worst=$ms
	[ $_st -eq 0 ] && [ "$ms" -le $LONGEST ]
	ok $? "tls of the $who killed: a user is served after $ms ms"
	until_true '[ "$(channels list "$both_pid" |
	    grep -c "^tls-($who)")" -ge 4 ]'
	ok $? "tls of the $who killed: there is another"
done
echo "# the longest was $worst ms"
stop "$both_pid"
is "$status" 0 "the daemon ends cleanly"
done_testing
