#!/bin/sh
# A target's UNIX socket: behind links that move, also while what they led to
# still answers; and one that only a group may use.

. regress/live/lib.sh

socket() {	# socket NAME DIRECTORY: says NAME to everybody; sets $pid
	mkdir -p "$T/$2"
	chmod 755 "$T" "$T/$2"
	background "$1" perl -MIO::Socket::UNIX -e '
		my $l = IO::Socket::UNIX->new(Local => $ARGV[0], Listen => 64)
		    or die;
		chmod 0666, $ARGV[0];
		$| = 1; print "ready\n";
		while (my $c = $l->accept) { syswrite($c, $ARGV[1]); }' \
	    "$T/$2/sock" "$1"
	logged "$1" ready
}
said_by() {	# who answers a user
	perl -MIO::Socket::INET -e '
		my $s = IO::Socket::INET->new(PeerAddr => "127.0.0.1",
		    PeerPort => $ARGV[0], Timeout => 5) or exit;
		my $x = "";
		sysread($s, $x, 99);
		print $x' "$uport"
}
forward() {	# forward PATH [MORE]: the client's target, from now on
	sed -i "s,forward to .*,forward to unix \"$T/$1\" ${2:-}," \
	    "$T/client.conf"
	ctl client reload >/dev/null
}
answers() { until_true "[ \"\$(said_by)\" = $1 ]"; }

CLIENT= SERVER=
pair
logged client 'tunnel open' 10000
socket one a
one_pid=$pid
socket two b
two_pid=$pid
ln -s "$T/a" "$T/run"
forward run/sock
answers one
ok $? "a directory that is a link"
ln -sfn "$T/b" "$T/run"
answers two
ok $? "the link moves, and the old one still answers: users follow"
stop "$two_pid"
ln -sfn "$T/a" "$T/run"
answers one
ok $? "the link moves back, and the other is down"

ln -s "$T/a/sock" "$T/direct"
forward direct
answers one
ok $? "a socket that is a link itself, to an absolute path"
socket three c
ln -sfn "$T/c/sock" "$T/direct"
answers three
ok $? "when it moves users follow"
ln -sfn "$T/none/sock" "$T/direct"
answers '""'
ok $? "when it leads nowhere they are turned away"
socket four none
answers four
ok $? "and served when it leads somewhere"

GROUP=61234
if is_root; then
	chown "0:$GROUP" "$T/a/sock"
	chmod 660 "$T/a/sock"
	forward run/sock
	answers '""'
	# dial has the directory for a while before it tells why
	until_true "said_by >/dev/null; grep -q 'access refused' \
	    '$T/client.log'"
	like "$(grep 'access refused' "$T/client.log")" \
	    "target $T/run/sock: .*dial \(uid [0-9]+\) may not write to it \(mode 0660, uid 0, group $GROUP\): needs 'group \"$GROUP\"' after the path" \
	    "a socket of another group: the log says which is needed"
	forward run/sock "group \"$GROUP\""
	answers one
	ok $? "and with the group users are served, after a reload"
	with=
	for p in $client_pid $(cat "/proc/$client_pid/task"/*/children); do
		grep -qE "^Groups:.*$GROUP" "/proc/$p/status" && with="$with $p"
	done
	is "$with" " $(child client dial)" "nobody but dial has it"
	chmod 750 "$T/a"
	chown "0:$GROUP" "$T/a"
	answers one
	ok $? "a directory of that group"
	chgrp 0 "$T/a"
	until_true "said_by >/dev/null; grep -q 'search $T/a' '$T/client.log'"
	like "$(grep "search $T/a" "$T/client.log")" \
	    "may not search $T/a \(mode 0750, .*not root's" \
	    "a directory of root's group is not entered, and the log says so"
	forward a/../c/sock
	answers three
	ok $? "without the group dial is replaced again"
	is "$(grep -cE "^Groups:.*$GROUP" "/proc/$(child client dial)/status")" \
	    0 "and has lost it"
else
	skip "a socket of another group" "not root"
fi
done_testing
