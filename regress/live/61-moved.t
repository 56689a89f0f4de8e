#!/bin/sh
# A user who has neither sent nor received anything when his session is lost is
# given the next one; who has is reset.

. regress/live/lib.sh

# one NAME: a user, who says something when he is told to
one() {
	held "$1" perl -MIO::Socket::INET -e '
	    $| = 1;
	    my $s = IO::Socket::INET->new("127.0.0.1:$ARGV[0]") or die;
	    print "here\n";
	    while (<STDIN>) {
		    print $s "echo\n" if $said++ == 0;
		    print $s $_;
		    $_ = <$s>;
		    print defined($_) ? "got $_" : "lost\n";
	    }' "$uport"
}
figure() {	# figure NAME: a counter of the users' side
	ctl "$users" -j show summary | sed 's/.*"counters"://' | grep -o "\"$1\":[0-9]*" | sed 's/.*://'
}

for how in tcpmux ws tcp "tcpmux forward"; do
	TRANSPORT=${how% *} FORWARD= users=server far=client
	[ "$TRANSPORT" = "$how" ] || FORWARD=1 users=client far=server
	pair
	one silent; silent_pid=$pid
	exec 8>"$T/silent.fifo"
	logged silent '^here'
	one speaks; speaks_pid=$pid
	exec 9>"$T/speaks.fifo"
	logged speaks '^here'
	until_true '[ "$(figure streams)" = 2 ]'
	echo first >&9
	logged speaks '^got first'
	ok $? "$how: two users, one of whom has said something"
	kill -9 "$(child "$far" service x)"
	until_true '[ "$(figure users_moved)" = 1 ]'
	ok $? "$how: their session is lost, and one waits for another"
	echo second >&9
	logged speaks '^lost'
	ok $? "$how: the other was reset"
	echo hello >&8
	logged silent '^got hello' 15000
	ok $? "$how: who waited is served in the next one"
	is "$(figure users_refused)" 0 "$how: nobody was refused"
	exec 8>&- 9>&-
	kill "$silent_pid" "$speaks_pid" 2>/dev/null
	stop "$client_pid"
	stop "$server_pid"
	stop "$target_pid"
done
done_testing
