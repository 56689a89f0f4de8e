#!/bin/sh
# The disk that the log is written to is full: users are served, nothing waits
# for it, what is lost is counted; and when there is room again lines are
# written.

. regress/live/lib.sh

is_root || skip_all "only root can mount"
mkdir "$T/disk"
mount -t tmpfs -o size=64k,mode=700 tmpfs "$T/disk" 2>/dev/null ||
    skip_all "no tmpfs can be mounted"
end_disk() {
	for p in $PIDS; do kill "$p" 2>/dev/null; done
	cleanup
	umount -l "$T/disk"
	rm -rf "$T"
} 2>/dev/null
trap end_disk EXIT

# on_disk NAME: the daemon of $T/NAME.conf, its standard error on that disk
on_disk() {
	chmod 600 "$T/$1.conf"
	"$ROCKETD" -d -f "$T/$1.conf" -s "$T/$1.sock" -W "$WORKER" \
	    </dev/null >/dev/null 2>>"$T/disk/$1.log" &
	pid=$!
	PIDS="$PIDS $pid"
}

lost() {	# lost SIDE: lines that were not written
	ctl "$1" -j show summary | sed 's/.*"counters"//' |
	    sed -n 's/.*"control":{[^}]*"log_lost":\([0-9]*\).*/\1/p'
}

daemon() { :; }		# pair only writes the configurations
pair
on_disk server; server_pid=$pid
on_disk client; client_pid=$pid
"$TRAFFIC" ready 10000 "$T/server.sock" "$T/client.sock"
ok $? "both daemons are up"
"$TRAFFIC" wait "$uport" 10000 >/dev/null
ok $? "a user is served"
dd if=/dev/zero of="$T/disk/full" bs=1k 2>/dev/null
dd if=/dev/zero of="$T/disk/full2" bs=1 2>/dev/null
[ "$(lost server)" = 0 ]
ok $? "no line was lost so far"
was=$(wc -c <"$T/disk/server.log")
like "$("$TRAFFIC" users "$uport" 50 100000)" '^done 50 ' \
    "the disk is full: 50 users are served"
kill -9 "$(child server gate)" "$(child client service x)"
ms=$("$TRAFFIC" wait "$uport" 10000)
ok $? "also after processes were replaced ($ms ms)"
# what is left of the last page takes a few lines
until_true 'ctl server reload >/dev/null; ctl client reload >/dev/null
    [ "$(lost server)" -gt 0 ] && [ "$(lost client)" -gt 0 ]'
ok $? "what is not written is counted"
rm "$T/disk/full" "$T/disk/full2"
until_true 'ctl server reload >/dev/null
    [ "$(wc -c <"$T/disk/server.log")" -gt $((was + 8192)) ] ||
    tail -c 300 "$T/disk/server.log" | grep -q "reload: done"'
ok $? "there is room again: lines are written"
like "$("$TRAFFIC" users "$uport" 20 100000)" '^done 20 ' "users are served on"
stop "$client_pid"
is "$status" 0 "the client ends cleanly"
stop "$server_pid"
is "$status" 0 "the server ends cleanly"
done_testing
