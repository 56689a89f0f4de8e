#!/bin/sh
# Dialect mytunnel between two rocketd, each with a file of MyTunnel's: users by
# SOCKS, by HTTP and by a fixed port, connections and datagrams, what the server's
# rules keep from them, how many streams there are, and who may come.

. regress/live/lib.sh
. regress/live/certs.sh
. regress/live/udp.sh
grep -q '^#define HAVE_QUIC' "$TOP/config.h" ||
    skip_all "rocketd was built without QUIC"
command -v openssl >/dev/null || skip_all "no openssl"
umask 077

echoes echoes
eport=$port
target target
direct=$("$TRAFFIC" ask "$port" sum 1000000 | sed -n 's/^answer //p')
authority ca
key srv ecdsa
cert srv ca 30 "subjectAltName=DNS:localhost"
nport=$(run 1)
set -- $(ports 6)
tport=$1 sport=$2 hport=$3 uport=$4 dport=$5 other=$6

cat >"$T/server.toml" <<-END
	[server]
	bind_addr = "127.0.0.1:$tport"
	targets = ["block to 127.0.0.1 port $dport", "pass to 127.0.0.1",
	    "pass to localhost"]
	[quic]
	max_streams_per_conn = 12
	[tls]
	cert_path = "srv.crt"
	key_path = "srv.key"
	[logging]
	level = "debug"
END
cat >"$T/client.toml" <<-END
	[server]
	address = "localhost:$tport"
	insecure = true
	[proxy]
	socks5_bind = "127.0.0.1:$sport"
	http_bind = "127.0.0.1:$hport"
	[quic]
	max_streams = 1000
	[logging]
	level = "debug"
END
answer() { "$TRAFFIC" ask "$1" "$2" "$3" | sed -n 's/^answer //p'; }
socks() { perl regress/live/socks.pl early "$sport" "$@" 2>&1; }

daemon server toml; server_pid=$pid
like "$(cat "$T/server.log")" \
    'warning: service "mytunnel": whoever can connect may use it' \
    "a server where all may come warns of that"
daemon client toml; client_pid=$pid
like "$(cat "$T/client.log")" "warning: any server's certificate" \
    "and a client that believes any server"
logged client 'tunnel open to mytunnel'
ok $? "a tunnel opens"

# ---- connections ----
like "$(socks localhost "$port" sum)" '^[0-9a-f]{16}$' "by SOCKS, to a name"
like "$(socks 127.0.0.1 "$port" sum)" '^[0-9a-f]{16}$' "and to an address"
is "$(socks 127.0.0.1 "$other" sum)" "code 5" \
    "nobody there: that is what SOCKS says"
is "$(socks 127.0.0.1 "$dport" sum)" "code 5" "what is blocked is refused, too"
logged server "do not allow 127.0.0.1:$dport"
ok $? "and the log says why"
is "$(socks 10.0.0.1 "$port" sum)" "code 5" "so is what no rule lets pass"
is "$(socks nowhere.invalid "$port" sum)" "code 5" "and a name that is none"
like "$(perl -MIO::Socket::INET -e '
	my $s = IO::Socket::INET->new("127.0.0.1:$ARGV[0]") or exit 1;
	syswrite $s, "CONNECT localhost:$ARGV[1] HTTP/1.1\r\n" .
	    "Host: localhost\r\n\r\n";
	print scalar <$s>' "$hport" "$other")" '^HTTP/1.1 502 ' \
    "by HTTP it is 502"

# ---- a client of rocketd.conf, which knows its server ----
cat >"$T/fixed.conf" <<-END
	log debug
	client {
		dialect mytunnel
		connect to localhost port $tport transport quic
		tls ca "$T/ca.crt"
		pool 1
		pool max 1
		service "fixed" {
			listen on 127.0.0.1 port $uport to "127.0.0.1:$port"
			listen on 127.0.0.1 port $nport protocol udp to "127.0.0.1:$eport"
		}
	}
END
daemon fixed; fixed_pid=$pid
"$TRAFFIC" wait "$uport" 10000 >/dev/null
ok $? "a user of a fixed port is served"
is "$(answer "$uport" sum 1000000)" "$direct" \
    "the target's answer to the user's end arrives"
like "$("$TRAFFIC" ask "$uport" "give 5000000")" '^end 5000000 pattern ' \
    "a target's end is a clean end"
like "$("$TRAFFIC" ask "$uport" "reset 500000")" '^reset ' \
    "a target's reset is a reset"
like "$("$TRAFFIC" users "$uport" 40 300000)" \
    '^done 40 failed 0 reset 0 refused 0 ' \
    "40 users of 12 streams, every octet"
like "$(ctl fixed show sessions; ctl server show sessions)" \
    'mytunnel +quic +quic +quic ' "show sessions says so"

# ---- datagrams ----
like "$($DATAGRAMS sizes 127.0.0.1 "$nport" 0 1 2 500 1100)" \
    '^done 5 again [0-9]+ wrong 0$' "datagrams of each length"
is "$(perl regress/live/socksudp.pl user 127.0.0.1 "$sport" \
    echo,127.0.0.1,$eport,1,1000 echo,localhost,$eport,1,1100 |
    tr '\n' ' ')" "same same same same " "and by SOCKS"
like "$(ctl server show streams)" ' udp .*127.0.0.1' "flows are shown"

# ---- a server that goes, and comes back as its file was converted ----
stop "$fixed_pid"
is "$status" 0 "a client ends cleanly"
stop "$server_pid"
is "$status" 0 "and so does the server"
"$ROCKETD" -W "$WORKER" -nv -f "$T/server.toml" 2>/dev/null |
    sed '/^control socket/d' >"$T/server.conf"
daemon server; server_pid=$pid
until_true 'socks localhost "$port" sum | grep -q "^[0-9a-f]*$"'
ok $? "a server that is back has its clients again"

# ---- reloads: rules at once, and another limit with another connection ----
serial() { ctl server -j show sessions | grep -o '"id":"[^"]*"'; }
was=$(serial)
like "$was" '"id":"1[.]' "a session has an id"
sed -i 's/pass to 127.0.0.1.*/pass to 127.0.0.2/' "$T/server.conf"
ctl server reload >/dev/null
ok $? "a reload with other rules"
is "$(socks 127.0.0.1 "$port" sum)" "code 5" "which hold from then on"
is "$(serial)" "$was" "on the same connection"
sed -i 's/pass to 127.0.0.2.*/pass to 127.0.0.1/
    s/mux max streams 12/mux max streams 40/' "$T/server.conf"
ctl server reload >/dev/null
ok $? "a reload with more streams"
until_true '[ -n "$(serial)" ] && [ "$(serial)" != "$was" ]'
ok $? "the client has another connection"
until_true 'socks 127.0.0.1 "$port" sum | grep -q "^[0-9a-f]*$"'
ok $? "and serves its users"

# ---- nobody said what may be reached: not this machine, nor its networks ----
sed -i '/targets = /,/\]/d' "$T/server.toml"
stop "$server_pid"
daemon server toml; server_pid=$pid
until_true 'socks 127.0.0.1 "$port" sum | grep -q "^code 5"'
logged server "127.0.0.1 is a loopback address, and no rule names it"
ok $? "without rules this machine is not reached"
is "$(socks 192.168.0.1 "$port" sum)" "code 5" "and no private network"
logged server "do not allow 192.168.0.1:$port"
ok $? "which a rule blocks"

# ---- who may come ----
sed -i '/service "mytunnel"/a block tunnels from 127.0.0.0/8' "$T/server.conf"
sed -i '/service "mytunnel"/a block tunnels from ::1' "$T/server.conf"
stop "$server_pid"
daemon server; server_pid=$pid
logged server 'blocked|not allowed|refused' 20000
ok $? "who is blocked does not get in"
is "$(ctl server -j show sessions | grep -c '"id"')" 0 "and has no session"
stop "$client_pid"
stop "$server_pid"
done_testing
