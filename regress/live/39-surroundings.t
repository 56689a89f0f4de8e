#!/bin/sh
# What a daemon finds when it starts: descriptors, signals, limits, names, ports
# and system calls that are missing.  It starts with what there is,
# serves a user, says once what it lacks, and ends when it is told.

. regress/live/lib.sh

. regress/live/surroundings.sh

# ---- descriptors 0 to 2, in every combination ----
for closed in "" 0 1 2 "0 1" "0 2" "1 2" "0 1 2"; do
	set --
	for fd in $closed; do set -- "$@" -c "$fd"; done
	"$ODD" "$@" "$ROCKETD" -f "$T/a.conf" -s "$T/a.sock" -W "$WORKER" \
	    >"$T/a.log" 2>&1 </dev/null
	is "$?" 0 "closed: ${closed:-none}: exit status 0"
	PIDS="$PIDS $(cat "$T/a.pid")"
	like "$(ctl a show summary 2>&1)" "up " "closed: ${closed:-none}: it is up"
	p=$(cat "$T/a.pid")
	# in the foreground as well, where standard error may be none
	kill "$p"
	"$TRAFFIC" gone 10000 "$p"
	ok $? "closed: ${closed:-none}: it ends"
	case $closed in
	*2*)	continue ;;
	esac
	up - -- "$ODD" "$@"
	serves "closed: ${closed:-none}, in the foreground"
done

# ---- signals ----
set --
for sig in 1 2 3 10 12 13 14 15 17 20 21 22 25; do
	set -- "$@" -b $sig
done
up - -- "$ODD" "$@"
serves "signals are blocked"
set --
for sig in 1 2 13 14 15 17 25; do set -- "$@" -i $sig; done
up - -- "$ODD" "$@"
serves "signals are ignored"
up - -- "$ODD" -i 17
kill -9 "$(child a keys)"
logged a 'keys: died: signal 9'
ok $? "SIGCHLD is ignored: deaths are noticed"
serves "SIGCHLD is ignored"

# ---- limits ----
up - -- "$ODD" -l nofile=20:512
serves "few descriptors at first"
up - -- "$ODD" -l core=0:0 -l fsize=0:1000000 -l nproc=64:64
serves "no core, no files at first, few processes"
if sanitized; then
	skip "a small stack and address space" "sanitizers reserve terabytes"
else
	up - -- "$ODD" -l stack=1048576:1048576 -l as=1073741824:1073741824
	serves "a small stack and address space"
fi
up - -- "$ODD" -l nofile=16:16
refused 'RLIMIT_NOFILE: 16 descriptors are too few' "16 descriptors"
if is_root; then	# root has no such limit
	chown -R 65530:65530 "$T"
	chmod 755 "$T"
	up - -- setpriv --reuid=65530 --regid=65530 --clear-groups \
	    "$ODD" -l nproc=3:3
else
	up - -- "$ODD" -l nproc=0:0
fi
refused 'cannot be started: the limit of processes is reached' "few processes"
! is_root || chown -R 0:0 "$T"

# ---- many services: they start in turns ----
{
	printf 'log debug\nserver {\nlisten on 127.0.0.1 port %s\n' \
	    "$(ports 1)"
	for i in $(ports 60); do
		printf 'service "s%s" {\nlisten on 127.0.0.1 port %s\n' $i $i
		printf 'token "a token of more than sixteen"\n}\n'
	done
	echo "}"
} >"$T/many.conf"
chmod 600 "$T/many.conf"
# at_once: how many processes there were at most that were not ready yet
at_once() {
	awk '/ parent: .*: started, pid/ { if (++n > max) max = n }
	    / parent: .*: ready$/ { n-- } END { print max }' "$T/a.log"
}
workers() { ctl a -j show processes | tr '{' '\n' |
    sed -n 's/^"process":"service".*"pid":\([0-9]*\).*/\1/p'; }
up - many --
[ "$(at_once)" -le 33 ]
ok $? "60 services: $(at_once) processes start at a time"
kill -9 $(workers)
until_true '[ "$(grep -c "worker s.*: ready" "$T/a.log")" -eq 120 ]'
ok $? "60 workers are killed at once: all are replaced"
[ "$(at_once)" -le 33 ]
ok $? "60 workers are killed at once: $(at_once) start at a time"
stop "$pid"
is "$status" 0 "60 services: it ends"

# ---- names ----
up - -- env -i
serves "no environment"
up - -- env -i TZ=:/no/such LANG=xx_YY.UTF-9 LC_ALL=xx COLUMNS=-1
serves "an odd environment"
umask 077
up - --
serves "umask 077"
umask 000
up - --
like "$(stat -c %a "$T/a.pid" "$T/a.sock" | tr '\n' ' ')" '^644 6[06]0 $' \
    "umask 000: files have their modes"
serves "umask 000"
umask 022
mkdir "$T/gone"
cd "$T/gone" && rmdir "$T/gone"
up - --
cd "$TOP"
serves "the directory is gone"
background a "$ODD" -z "$ROCKETD"
wait "$pid"
like "$(cat "$T/a.log")" 'worker .*: |rocketd.conf' "no arguments: it says something"


# ---- ports ----
background taken "$TRAFFIC" serve 127.0.0.1 0
"$TRAFFIC" grep 5000 "$T/taken.log" '^port ' >/dev/null
sed "s/port $uport/port $(sed -n 's/^port //p' "$T/taken.log")/" "$T/a.conf" \
    >"$T/taken.conf"
chmod 600 "$T/taken.conf"
up - taken --
refused ':[0-9]*:[0-9]*: listen on .*another program listens there' \
    "a port that is taken"
up - --
cp "$T/taken.conf" "$T/a.conf.new"
cp "$T/a.conf" "$T/kept.conf"
mv "$T/a.conf.new" "$T/a.conf"
like "$(ctl a reload 2>&1)" 'another program listens there' \
    "a reload with a port that is taken: refused, and why"
serves "a reload with a port that is taken"
mv "$T/kept.conf" "$T/a.conf"

# ---- system calls, as a kernel or a container refuses them ----
up - -- "$ODD" -r seccomp -r prctl=22
lacks seccomp 'no list of system calls' "no seccomp"
up - -- "$ODD" -r landlock_create_ruleset
lacks landlock 'no Landlock' "no Landlock"
up - -- "$ODD" -r prctl=38 -r seccomp -r prctl=22 -r landlock_create_ruleset
lacks no_new_privs 'programs with set-user-id' "none of these"
up - strict -- "$ODD" -r seccomp
refused 'sandbox strict: this system refuses seccomp \(Oper' "strict, no seccomp"

done_testing
