#!/bin/sh
# Dialect muxpro between two rocketd: each transport, users by a fixed port and
# by SOCKS, connections and datagrams, what rules keep from them, who may come,
# reloads, and a server that never answers.

. regress/live/lib.sh
. regress/live/certs.sh
. regress/live/udp.sh
command -v openssl >/dev/null || skip_all "no openssl"
umask 077

echoes echoes
eport=$port
target target
target_pid=$pid
direct=$("$TRAFFIC" ask "$port" sum 1000000 | sed -n 's/^answer //p')
authority ca
key server ecdsa
cert server ca 30 "subjectAltName=DNS:localhost"
key user ecdsa
cert user ca 30 "extendedKeyUsage=clientAuth"
nport=$(run 1)
set -- $(ports 7)
tport=$1 tls=$2 ws=$3 wss=$4 uport=$5 sport=$6 dport=$7

cat >"$T/server.conf" <<-END
	log debug
	server {
		dialect muxpro
		listen on 127.0.0.1 port $tport
		listen on 127.0.0.1 port $tls transport tlsmux
		listen on 127.0.0.1 port $ws transport wsmux
		listen on 127.0.0.1 port $wss transport wssmux
		tls certificate "$T/server.crt" key "$T/server.key"
		tls client ca "$T/ca.crt"
		service "out" {
			forward to any protocol tcp udp {
				block to 127.0.0.1 port $dport
				pass to 127.0.0.1
				pass to localhost
			}
			path "/a/mux"
		}
	}
END
# client TRANSPORT PORT [LINES]: one with users of all kinds
client() {
	cat >"$T/client.conf" <<-END
		log debug
		client {
			dialect muxpro
			connect to localhost port $2 transport $1
			tls ca "$T/ca.crt"
			tls client certificate "$T/user.crt" key "$T/user.key"
			pool 2
			retry interval 1
			service "out" {
				path "/a/mux"
				listen on 127.0.0.1 port $uport to "127.0.0.1:$port"
				listen on 127.0.0.1 port $sport protocol socks udp
				listen on 127.0.0.1 port $nport protocol udp to "127.0.0.1:$eport"
				${3:-}
			}
		}
	END
	case $1 in
	*tls*|wss*)	;;
	*)	sed -i '/tls /d' "$T/client.conf" ;;
	esac
	daemon client; client_pid=$pid
}
answer() { "$TRAFFIC" ask "$1" "$2" "$3" | sed -n 's/^answer //p'; }
socks() { perl regress/live/socks.pl early "$sport" "$@" 2>&1; }

daemon server; server_pid=$pid
like "$(cat "$T/server.log")" \
    'warning: service "out": whoever can connect may use it' \
    "a server where all may come warns of that"
for t in "tcpmux $tport" "tlsmux $tls" "wsmux $ws" "wssmux $wss"; do
	set -- $t
	client "$1" "$2"
	"$TRAFFIC" wait "$uport" 10000 >/dev/null
	ok $? "$1: a user is served"
	is "$(answer "$uport" sum 1000000)" "$direct" \
	    "$1: the target's answer to the user's end arrives"
	like "$("$TRAFFIC" users "$uport" 40 300000)" \
	    '^done 40 failed 0 reset 0 refused 0 ' \
	    "$1: 40 users at once, every octet"
	like "$("$TRAFFIC" ask "$uport" "give 5000000")" \
	    '^end 5000000 pattern ' "$1: a target's end is a clean end"
	like "$("$TRAFFIC" ask "$uport" "reset 500000")" '^reset ' \
	    "$1: a target's reset is a reset"
	like "$(socks localhost "$port" sum)" '^[0-9a-f]{16}$' \
	    "$1: by SOCKS, to a name"
	like "$($DATAGRAMS sizes 127.0.0.1 "$nport" 1 2 1000 2047 2048)" \
	    '^done 5 again [0-9]+ wrong 0$' "$1: datagrams of each length"
	is "$(perl regress/live/socksudp.pl user 127.0.0.1 "$sport" \
	    echo,127.0.0.1,$eport,1,2048 echo,localhost,$eport,1,1500 |
	    tr '\n' ' ')" "same same same same " "$1: and by SOCKS"
	like "$(ctl client show sessions; ctl server show sessions)" \
	    "muxpro +$1 +muxpro " "$1: show sessions says so"
	like "$(ctl server show streams; ctl client show services)" \
	    '127.0.0.1' "$1: and the streams and services are shown"
	stop "$client_pid"
	is "$status" 0 "$1: the client ends cleanly"
done

# ---- what is refused ----
client tcpmux "$tport"
"$TRAFFIC" wait "$uport" 10000 >/dev/null
is "$(socks 127.0.0.1 "$dport" sum)" "code 0" \
    "a target that is blocked gives nothing"
logged server "do not allow 127.0.0.1:$dport"
ok $? "and the log says which"
stop "$client_pid"

# another path, and no certificate
sed 's,path "/a/mux",path "/b",' "$T/client.conf" |
    sed "s/port $tport transport tcpmux/port $ws transport wsmux/" \
    >"$T/other.conf"
daemon other; other_pid=$pid
logged other 'status 404|404'
ok $? "another path is not found"
stop "$other_pid"
sed "s/port $tport transport tcpmux/port $tls transport tlsmux/" \
    "$T/client.conf" | sed "/dialect/a tls ca \"$T/ca.crt\"" >"$T/bare.conf"
daemon bare; bare_pid=$pid
logged server 'client certificate|certificate'
ok $? "a client without a certificate is turned away"
is "$(ctl server -j show sessions | grep -c '"id"')" 0 "and has no session"
stop "$bare_pid"

# ---- what a peer's session counts, while it is there and after ----
cat >"$T/raw.pl" <<-'END'
	use IO::Socket::INET;
	$| = 1;
	my ($port, $to) = @ARGV;
	my $s = IO::Socket::INET->new(PeerAddr => "127.0.0.1",
	    PeerPort => $port) or die;
	my $new = pack("n n C C C C n C C4", 13, 1, 1, 1, 2, 0, $to, 1,
	    127, 0, 0, 1);
	my $keep = pack("n n C C", 4, 1, 2, 1);
	my ($in, $got) = ("", 0);
	$s->print(pack("H*", "000400000001000501" . "00000001")); $s->flush;
	sysread($s, $in, 13 - length($in), length($in)) or die
	    while length($in) < 13;
	$s->print($new, pack("n", 2049), "x" x 2049, ($keep . pack("n", 0)) x 3,
	    $keep, pack("n", 5), "hello"); $s->flush;
	$in = "";
	sysread($s, $in, 4096, length($in)) or die while $in !~ /hello/;
	print "ready\n";
	<STDIN>;
END
held raw perl "$T/raw.pl" "$tport" "$eport"
exec 9>"$T/raw.fifo"
logged raw ready 10000
ok $? "a peer of few words is served"
is "$(counter server service dropped_mux) $(
    counter server service frames_empty)" "1 3" \
    "a datagram that is too long, and frames without data, are counted"
exec 9>&-
until_true '[ "$(ctl server -j show sessions | grep -c "\"id\"")" = 0 ]'
ok $? "it goes"
is "$(counter server service dropped_mux) $(
    counter server service frames_empty)" "1 3" "and they stay counted"

# ---- who may come, and the end of a server ----
client tcpmux "$tport"
"$TRAFFIC" wait "$uport" 10000 >/dev/null
held users "$TRAFFIC" idle "$uport" 5
exec 9>"$T/users.fifo"
logged users ready 10000
sed -i 's/service "out" {/block tunnels from 127.0.0.0\/8\n&/' \
    "$T/server.conf"
ctl server reload >/dev/null
ok $? "a reload with a list of who may come"
exec 9>&-
logged users 'alive 5'
ok $? "keeps who is there"
sed -i 's/service "out" {/&\nmux stream buffer 1m/' "$T/server.conf"
ctl server reload >/dev/null
logged server 'tunnel [0-9]+: drained'
ok $? "what holds for new tunnels closes one that is empty"
n=$(grep -c 'whoever can connect' "$T/server.log")
is "$n" 1 "and does not warn"
stop "$client_pid"
daemon client; client_pid=$pid
logged server 'its network is blocked'
ok $? "and then turns others away"
stop "$client_pid"
stop "$server_pid"
is "$status" 0 "the server ends cleanly"

# a server that accepts and says nothing is no server
background silent perl -MIO::Socket::INET -e '
    my $l = IO::Socket::INET->new(LocalAddr => "127.0.0.1",
	LocalPort => $ARGV[0], Listen => 20, ReuseAddr => 1) or die;
    my @all;
    while (my $s = $l->accept) {
	push(@all, $s);
    }' "$tport"
silent_pid=$pid
sed -i 's/^client/handshake timeout 2\n&/; s/^log debug/&/' "$T/client.conf"
daemon client; client_pid=$pid
logged client 'not open in time'
ok $? "a server that does not answer has no tunnel"
like "$(ctl client show services)" 'no tunnel' "and is shown as none"
stop "$client_pid"
kill "$silent_pid"

is "$(grep -chE 'fatal|AddressSanitizer|runtime error' "$T/server.log" \
    "$T/client.log" | tr '\n' ' ')" "0 0 " "nothing went wrong"
done_testing
