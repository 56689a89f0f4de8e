#!/bin/sh
# Ranges of ports: the same on both sides, shifted, and one for all; a port
# that the client does not name is never dialled, whatever the server says.

. regress/live/lib.sh

# run N: the first of so many free ports in a row, below those that the system
# hands out itself
run() {
	perl -MIO::Socket::INET -e '
		my $n = shift;
		for (1 .. 200) {
			my $base = 10000 + int(rand(20000));
			my @s = grep { $_ } map { IO::Socket::INET->new(
			    LocalPort => $base + $_, Listen => 1) } 0 .. $n - 1;
			next if @s < $n;
			print "$base\n";
			exit;
		}
		exit 1' "$1"
}

# Where a user of a port arrives: its target answers with its own port.
answers() {	# answers NAME FIRST COUNT
	background "$1" perl -MIO::Socket::INET -MIO::Select -e '
		my ($first, $n) = @ARGV;
		my $s = IO::Select->new;
		for (0 .. $n - 1) {
			$s->add(IO::Socket::INET->new(Listen => 10,
			    LocalAddr => "127.0.0.1", ReuseAddr => 1,
			    LocalPort => $first + $_) || die);
		}
		$| = 1;
		print "ready\n";
		while (1) {
			for ($s->can_read) {
				my $c = $_->accept or next;
				print $c $_->sockport, "\n";
				print "user at ", $_->sockport, "\n";
				close($c);
			}
		}' "$2" "$3"
	logged "$1" ready
}
at() {		# at PORT: the target's port, or nothing
	perl -MIO::Socket::INET -e '
		my $s = IO::Socket::INET->new(PeerPort => shift, Timeout => 5,
		    PeerAddr => "127.0.0.1") or exit;
		my $l = <$s>;
		print $l if defined $l' "$1"
}
user_at() { echo $(for p; do at "$p"; done); }

users=$(run 65)
[ -n "$users" ] || skip_all "no ports in a row are free"
targets=$((users + 40)) tport=$((users + 64))
# ten ports of listeners each: as they are, one for all, shifted, and ten more
same=$users fixed=$((users + 10)) shifted=$((users + 20)) more=$((users + 30))
answers target "$targets" 24

client() {	# client TARGETS: lines of the service "shifted"
	cat >"$T/client.conf" <<-END
		log debug
		client {
			connect to 127.0.0.1 port $tport
			pool 2
			token "a token of more than sixteen"
			service "same" {
				forward to 127.0.0.1 port $same-$((same + 9))
			}
			service "shifted" { forward to 127.0.0.1 $1 }
			service "fixed" {
				forward to 127.0.0.1 port $((targets + 23))
			}
		}
	END
}
server() {	# server PORTS: of the service "shifted"
	cat >"$T/server.conf" <<-END
		log debug
		server {
			listen on 127.0.0.1 port $tport
			token "a token of more than sixteen"
			service "same" {
				listen on 127.0.0.2 port $same-$((same + 9))
			}
			service "shifted" { listen on 127.0.0.1 port $1 }
			service "fixed" {
				listen on 127.0.0.1 port $fixed-$((fixed + 9))
			}
		}
	END
}
range="port $targets-$((targets + 9)) for port $shifted-$((shifted + 9))"
server "$shifted-$((shifted + 9))"
client "$range"
answers same_target "$same" 10
daemon server
daemon client
logged client 'tunnel open' 10000

# 127.0.0.2 has the listeners, 127.0.0.1 the targets of the same number
got=$(perl -MIO::Socket::INET -e '
	for (0, 4, 9) {
		my $s = IO::Socket::INET->new(PeerAddr => "127.0.0.2",
		    PeerPort => $ARGV[0] + $_) or die;
		print $s->getline - $ARGV[0], " ";
	}' "$same")
is "$got" "0 4 9 " "the same ports"
is "$(user_at $shifted $((shifted + 1)) $((shifted + 9)))" \
    "$targets $((targets + 1)) $((targets + 9))" "shifted ports"
is "$(user_at $fixed $((fixed + 9)))" "$((targets + 23)) $((targets + 23))" \
    "one port for all"
like "$(ctl client show services)" "127.0.0.1:$targets-$((targets + 9))" \
    "rocketctl shows the range"
is "$(ss -Htln "sport >= :$shifted and sport <= :$((shifted + 9))" | wc -l)" \
    10 "each port has a listener"

# The server grows: the client's word stands.
server "$shifted-$((shifted + 9))
			listen on 127.0.0.1 port $more-$((more + 4))"
pid=$(child server service shifted)
ctl server reload
ok $? "a range is added by reload"
is "$(child server service shifted)" "$pid" "to the same process"
: >"$T/target.log"
is "$(user_at $more $((more + 4)))" "" "the client refuses its users"
logged client 'refused: no port is for users of 127.0.0.1:'"$more"
ok $? "and says whose"
is "$(cat "$T/target.log")" "" "no other port of the target was dialled"

# The client follows.
pid=$(child client service shifted)
sessions=$(ctl client show sessions service shifted)
client "port $targets-$((targets + 14)) for port $shifted-$((more + 4))"
ctl client reload
ok $? "the target's range is changed by reload"
is "$(user_at $shifted $((more + 3)))" "$targets $((targets + 13))" \
    "and in force for the next user"
is "$(child client service shifted) $(ctl client show sessions service shifted |
    awk '{ print $1 }' | sort | tr '\n' ' ')" \
    "$pid $(echo "$sessions" | awk '{ print $1 }' | sort | tr '\n' ' ')" \
    "in the same process and sessions"

# A port of the range that is taken: nothing changes, and why.
background taken perl -MIO::Socket::INET -e '
	my $s = IO::Socket::INET->new(Listen => 1, LocalAddr => "127.0.0.1",
	    LocalPort => shift) or die;
	$| = 1; print "ready\n"; <STDIN>; sleep' "$((more + 7))"
logged taken ready
server "$shifted-$((more + 9))"
out=$(ctl server reload 2>&1)
is $? 1 "a range with a port that is taken is refused"
like "$out" "server.conf:[0-9]+:[0-9]+: .*port $((more + 7)): " "and which"
is "$(user_at $shifted $((more + 3)))" "$targets $((targets + 13))" \
    "nothing has changed"
is "$(ss -Htln "sport = :$((more + 6))" | wc -l)" 0 "and no port is left behind"

# A smaller one gives ports back.
server "$shifted-$((shifted + 4))"
ctl server reload
ok $? "a smaller range is taken"
is "$(user_at $((shifted + 4)))" "$((targets + 4))" "what stayed serves"
until_true '[ -z "$(ss -Htln "sport >= :$((shifted + 5)) and \
    sport <= :$((shifted + 9))")" ]'
ok $? "what went is closed"
stop "$client_pid"
is "$status" 0 "the client ends cleanly"
stop "$server_pid"
is "$status" 0 "the server ends cleanly"
done_testing
