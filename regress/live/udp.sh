# What the live tests of datagrams share: sourced after lib.sh.

DATAGRAMS="perl $TOP/regress/live/datagrams.pl"

# run N: the first of so many ports in a row that are free for datagrams, below
# those that the system hands out itself
run() {
	perl -MIO::Socket::INET -e '
		my $n = shift;
		for (1 .. 200) {
			my $base = 10000 + int(rand(20000));
			my @s = grep { $_ } map { IO::Socket::INET->new(
			    LocalPort => $base + $_, Proto => "udp") }
			    0 .. $n - 1;
			next if @s < $n;
			print "$base\n";
			exit;
		}
		exit 1' "$1"
}

# echoes NAME [ADDR [PORT [proxy]]]: a target; sets $pid and $port
echoes() {
	_n=$1; shift
	background "$_n" $DATAGRAMS serve "${1:-127.0.0.1}" "${2:-0}" ${3:-}
	logged "$_n" '^port ' || exit 1
	port=$(sed -n 's/^port //p' "$T/$_n.log")
}

# flows: a server and a client of one service "x".  $LISTEN are the lines of the
# side with the users, $FORWARD those of the other; TRANSPORT, SERVER and
# CLIENT are as in pair, SERVER_TLS and CLIENT_TLS go before the service, STOP is
# the stop timeout, or 0.  With SWAP the users are on the
# client's side.  Sets users_side and far_side.
flows() {
	users_side=server far_side=client
	on_server=$LISTEN on_client=$FORWARD
	if [ -n "${SWAP:-}" ]; then
		users_side=client far_side=server
		on_server=$FORWARD on_client=$LISTEN
	fi
	cat >"$T/server.conf" <<-END
		log debug
		stop timeout ${STOP:-0}
		server {
			listen on 127.0.0.1 port $tport transport ${TRANSPORT:-tcpmux}
			${SERVER_TLS:-}
			service "x" {
				token "a token of more than sixteen"
				$on_server
				${SERVER:-}
			}
		}
	END
	cat >"$T/client.conf" <<-END
		log debug
		stop timeout ${STOP:-0}
		client {
			connect to 127.0.0.1 port $tport transport ${TRANSPORT:-tcpmux}
			${CLIENT_TLS:-}
			service "x" {
				token "a token of more than sixteen"
				$on_client
				${CLIENT:-}
			}
		}
	END
	daemon server; server_pid=$pid
	daemon client; client_pid=$pid
	logged server 'client .* is here' 20000
	logged client 'tunnel open' 20000
}

# counter SIDE ROLE NAME: the sum of all processes of a role
counter() {
	ctl "$1" -j show summary | sed 's/.*"counters"://' |
	    sed -n 's/.*"'"$2"'":{\([^}]*\)}.*/,\1/p' |
	    sed -n 's/.*,"'"$3"'":\([0-9]*\).*/\1/p'
}

# user NAME ADDR PORT [FROM]: a user that stays, with one address
user() {
	_n=$1; shift
	held "$_n" $DATAGRAMS user "$@"
}

# says NAME FD LINE: what the user says that came of it
says() {
	_l=$(wc -l <"$T/$1.log")
	echo "$3" >&"$2"
	"$TRAFFIC" grep 30000 "$T/$1.log" "^$_l: " | sed 's/^[0-9]*: //'
}
