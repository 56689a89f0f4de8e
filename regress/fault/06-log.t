#!/bin/sh
# A log that cannot be written: the disk is full, the reader of a pipe has gone,
# or it is there and does not read.  Users are served, nothing waits for it, and
# what was lost is counted.

. regress/live/lib.sh
[ -c /dev/full ] || skip_all "no /dev/full"

# spoilt NAME: the daemon of $T/NAME.conf, with standard error where $log is
spoilt() {
	chmod 600 "$T/$1.conf"
	"$ROCKETD" -d -f "$T/$1.conf" -s "$T/$1.sock" -W "$WORKER" \
	    </dev/null >/dev/null 2>"$log" 8>&- &
	pid=$!
	PIDS="$PIDS $pid"
}

figure() {	# figure SIDE NAME: of its control
	ctl "$1" -j show summary | sed 's/.*"counters"//' |
	    sed -n "s/.*\"control\":{[^}]*\"$2\":\([0-9]*\).*/\1/p"
}

daemon() { :; }		# pair only writes the configurations
pair
for side in server client; do
	sed 's/log debug/log trace/' "$T/$side.conf" >"$T/$side.new"
	mv "$T/$side.new" "$T/$side.conf"
done
mkfifo "$T/deaf" "$T/gone"

for what in full gone deaf; do
	case $what in
	full)	log=/dev/full;;
	gone)	log=$T/gone
		exec 8<>"$log"
		;;
	deaf)	log=$T/deaf
		exec 8<>"$log"
		# As much as it takes, before anybody comes.
		dd if=/dev/zero of="$log" bs=4096 oflag=nonblock \
		    2>/dev/null
		;;
	esac
	spoilt server; server_pid=$pid
	spoilt client; client_pid=$pid
	"$TRAFFIC" ready 10000 "$T/server.sock" "$T/client.sock"
	ok $? "$what: both daemons are up"
	[ $what = gone ] && exec 8>&-
	ms=$("$TRAFFIC" wait "$uport" 10000)
	ok $? "$what: a user is served ($ms ms)"
	like "$("$TRAFFIC" users "$uport" 50 100000)" '^done 50 ' \
	    "$what: 50 users are served"
	kill -9 "$(child server gate)" "$(child client service x)"
	ms=$("$TRAFFIC" wait "$uport" 10000)
	ok $? "$what: also after processes were replaced ($ms ms)"
	for side in server client; do
		ctl $side reload >/dev/null
		ok $? "$what: $side: a reload is taken"
		n=$(($(figure $side log_lost) + $(figure $side log_queued)))
		[ $n -gt 0 ]
		ok $? "$what: $side: what is not written is counted ($n)"
	done
	stop "$client_pid"
	is "$status" 0 "$what: the client ends cleanly"
	stop "$server_pid"
	is "$status" 0 "$what: the server ends cleanly"
	exec 8>&-
done
done_testing
