#!/bin/sh
# Each process has a limit of memory.  One that reaches it drops what it cannot
# have, or ends and is replaced; the others live, and users are served again.

. regress/live/lib.sh
command -v prlimit >/dev/null || skip_all "no prlimit(1)"
sanitized && skip_all "sanitizers reserve terabytes"
grep -q ROCKETD_COVERAGE "$TOP/config.mk" && skip_all "coverage has no limits"

# limit PID OCTETS
limit() {
	set -- "$1" "$2" $(sed -n "s/^[UG]id:[[:space:]]*\([0-9]*\).*/\1/p" \
	    "/proc/$1/status")
	if is_root; then
		setpriv --reuid="$3" --regid="$4" --clear-groups \
		    prlimit --pid "$1" --data="$2:"
	else
		prlimit --pid "$1" --data="$2:"
	fi
}

# squeeze PID KIB: leaves a process what it has, and so much more
squeeze() {
	has=$(sed -n 's/^VmData:[[:space:]]*\([0-9]*\) kB/\1/p' "/proc/$1/status")
	limit "$1" $(((has + $2) * 1024))
}

two_services
"$TRAFFIC" wait "$uport" 10000 >/dev/null && "$TRAFFIC" wait "$vport" 10000 \
    >/dev/null
ok $? "both services are up"
for who in server/control server/keys server/gate server/service \
    client/control client/keys client/dial client/resolve client/service; do
	side=${who%/*} role=${who#*/} service=
	[ "$role" = service ] && service=x
	p=$(child "$side" "$role" $service)
	like "$(sed -n 's/^Max data size *//p' "/proc/$p/limits")" '^[0-9]+ ' \
	    "$who has a limit"
done

users() {	# users PORT: 150 at once, who move 30 KiB each way
	"$TRAFFIC" users "$1" 150 30000 >"$T/users.out" 2>&1
}

for who in server/service server/gate client/service client/dial; do
	side=${who%/*} role=${who#*/} service=
	[ "$role" = service ] && service=x
	p=$(child "$side" "$role" $service)
	for kib in 64 512; do
		squeeze "$p" $kib || break
		users "$uport"
		"$TRAFFIC" wait "$vport" 10000 >/dev/null
		ok $? "$who, $kib KiB more: the other service goes on"
		now=$(child "$side" "$role" $service)
		[ "$now" = "$p" ] || break
	done
	echo "# $who: $([ "$now" = "$p" ] && echo goes on || echo was replaced)"
	if [ "$now" = "$p" ]; then
		limit "$p" 500000000
	else
		logged "$side" 'died:'
		ok $? "$who: it ended, and the parent says so"
	fi
	until_true '"$TRAFFIC" wait "$uport" 1000 >/dev/null'
	ok $? "$who: users are served again"
done
ctl server show summary >/dev/null && ctl client show summary >/dev/null
ok $? "both daemons answer"
stop "$client_pid"
stop "$server_pid"
is "$status" 0 "the server ends cleanly"
done_testing
