#!/bin/sh
# Tunnels through reverse proxies that know nothing of them: nginx, and haproxy,
# which says by the PROXY protocol who has come; with TLS that ends at the proxy,
# and TLS that it only passes on.

. regress/live/lib.sh
PATH=$PATH:/usr/sbin:/usr/local/sbin
TOKEN='token "a token of more than sixteen"'

# start_nginx FROM TO
start_nginx() {
	mkdir -p "$T/nginx"
	cat >"$T/nginx.conf" <<-END
		daemon off;
		master_process off;
		pid $T/nginx/pid;
		error_log stderr;
		events { worker_connections 512; }
		http {
			log_format asked '\$request|\$http_host|\$http_user_agent|\$http_x_test|\$status';
			access_log $T/nginx/asked.log asked;
			client_body_temp_path $T/nginx/body;
			proxy_temp_path $T/nginx/proxy;
			fastcgi_temp_path $T/nginx/fastcgi;
			uwsgi_temp_path $T/nginx/uwsgi;
			scgi_temp_path $T/nginx/scgi;
			server {
				listen 127.0.0.1:$1 ${TLS:+ssl};
				${TLS:+ssl_certificate $T/tls.crt;}
				${TLS:+ssl_certificate_key $T/tls.key;}
				location / {
					proxy_pass http://127.0.0.1:$2;
					proxy_http_version 1.1;
					proxy_set_header Upgrade \$http_upgrade;
					proxy_set_header Connection upgrade;
					proxy_set_header Host \$host;
				}
			}
		}
	END
	background nginx nginx -c "$T/nginx.conf" -e stderr -p "$T/nginx"
}

# start_haproxy FROM TO: with $MODE and $SEND
start_haproxy() {
	cat >"$T/haproxy.cfg" <<-END
		global
			log stderr format raw local0
		defaults
			mode $MODE
			timeout connect 5s
			timeout client 60s
			timeout server 60s
			timeout tunnel 60s
		frontend in
			bind 127.0.0.1:$1 ${TLS:+ssl crt $T/tls.pem}
			default_backend out
		backend out
			server a 127.0.0.1:$2 $SEND
	END
	background haproxy haproxy -db -f "$T/haproxy.cfg"
}

# through NAME [PROXIES [VISITOR]]
through() {
	what=$1 name=${1%% *}
	set -- "$1" "${2:-}" "${3:-127.0.0.1}" $(ports 3)
	target target
	target_pid=$pid
	sport=$4 fport=$5 uport=$6
	cat >"$T/server.conf" <<-END
		log debug
		server {
			listen on 127.0.0.1 port $sport transport ${BEHIND:-$TRANSPORT} $2
			${OURS:+tls certificate "$T/tls.crt" key "$T/tls.key"}
			service "x" {
				listen on 127.0.0.1 port $uport
				user timeout 30
				$TOKEN
				${SERVICE:-}
			}
		}
	END
	cat >"$T/client.conf" <<-END
		log debug
		client {
			connect to localhost port $fport transport $TRANSPORT edge 127.0.0.1 from $3
			host "www.example.com"
			user agent "Mozilla/5.0"
			header { "X-Test: 1" }
			${TLS:+tls ca "$T/tls.crt"}
			${OURS:+tls ca "$T/tls.crt"}
			service "x" {
				forward to 127.0.0.1 port $port
				$TOKEN
				pool 3
				retry interval 1
				${SERVICE:-}
			}
		}
	END
	daemon server; server_pid=$pid
	"start_$name" "$fport" "$sport"
	proxy_pid=$pid
	daemon client; client_pid=$pid

	"$TRAFFIC" wait "$uport" 10000 >/dev/null
	ok $? "$what: a user is served"
	like "$("$TRAFFIC" users "$uport" 50 4194304)" \
	    '^done 50 failed 0 reset 0 refused 0 ' \
	    "$what: 50 users, 4 MiB each way"
	is "$("$TRAFFIC" ask "$uport" sum 3000000 | sed -n 's/^answer //p')" \
	    "$("$TRAFFIC" ask "$port" sum 3000000 | sed -n 's/^answer //p')" \
	    "$what: half-close"
	like "$("$TRAFFIC" ask "$uport" "give 5000000")" \
	    '^end 5000000 pattern ' "$what: a clean end is a clean end"
	like "$("$TRAFFIC" ask "$uport" "reset 5000000")" '^reset ' \
	    "$what: a target's reset is a reset"
	"$TRAFFIC" abort "$uport" "give 100000000" &&
	    logged target '^target error (Connection reset|Broken)'
	ok $? "$what: a user's reset is a reset for the target"
	like "$(ctl server show sessions)" "$3:[0-9]+" \
	    "$what: the session shows who has come"
	[ "$TRANSPORT" != wsmux ] ||
	like "$(curl -s --max-time 10 -o /dev/null -w '%{http_code}' \
	    "http://127.0.0.1:$fport/")" '^404$' \
	    "$what: a stranger finds a web server"
	[ "$3" = 127.0.0.1 ] || logged server "client .* is here, from $3:"
	ok $? "$what: and so does the log"
	ends
}

ends() {
	stop "$client_pid"
	is "$status" 0 "$what: the client ends cleanly"
	stop "$server_pid"
	is "$status" 0 "$what: the server ends cleanly"
	stop "$proxy_pid"
	stop "$target_pid"
	is "$(grep -cE 'fatal|AddressSanitizer|runtime error' \
	    "$T/server.log" "$T/client.log" | tr '\n' ' ')" \
	    "$T/server.log:0 $T/client.log:0 " "$what: nothing went wrong"
}

# The last that may come is let in whoever its proxy speaks for.
limited() {
	set -- $(ports 2)
	cat >"$T/server.conf" <<-END
		log debug
		unproven max 1
		server {
			listen on 127.0.0.1 port $1 transport tlsmux proxies 127.0.0.1
			tls certificate "$T/tls.crt" key "$T/tls.key"
			service "x" {
				listen on 127.0.0.1 port $2
				$TOKEN
			}
		}
	END
	daemon server; server_pid=$pid
	perl -MIO::Socket::INET -e '
		my $s = IO::Socket::INET->new(PeerAddr => "127.0.0.1",
		    PeerPort => shift, Proto => "tcp") or die;
		print $s "PROXY TCP4 192.0.2.7 192.0.2.8 7 8\r\nno TLS\r\n";
		$s->flush;
		sysread($s, my $octet, 100);' "$1"
	logged server 'tls from 192.0.2.7:7: no handshake: not TLS'
	ok $? "the one that fills the limit shakes hands as its proxy says"
	stop "$server_pid"
}

umask 077
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
    -keyout "$T/tls.key" -out "$T/tls.crt" -days 30 -subj /CN=localhost \
    -addext subjectAltName=DNS:localhost 2>/dev/null
cat "$T/tls.crt" "$T/tls.key" >"$T/tls.pem"
TLS= BEHIND= OURS=

limited
if command -v nginx >/dev/null; then
	TRANSPORT=wsmux SERVICE='path "/news/live"' through nginx
	is "$(grep -v '^GET / ' "$T/nginx/asked.log" | sort -u)" \
	    'GET /news/live HTTP/1.1|www.example.com|Mozilla/5.0|1|101' \
	    "nginx: the requests are as configured"
	TRANSPORT=wssmux BEHIND=wsmux TLS=1
	through "nginx wssmux"
else
	skip "nginx" "it is not installed"
fi
if command -v haproxy >/dev/null; then
	SERVICE= TLS= BEHIND=
	TRANSPORT=wsmux MODE=http SEND=send-proxy-v2
	through haproxy "proxies 127.0.0.1" 127.0.0.2
	TRANSPORT=tcpmux MODE=tcp SEND=send-proxy
	through "haproxy tcp" "proxies { 127.0.0.0/8 }" 127.0.0.3
	TRANSPORT=wssmux OURS=1 SEND=send-proxy-v2
	through "haproxy passes wssmux on" "proxies 127.0.0.1" 127.0.0.4
	TRANSPORT=wss BEHIND=ws OURS= TLS=1 MODE=http
	through "haproxy wss" "proxies 127.0.0.1" 127.0.0.5
else
	skip "haproxy" "it is not installed"
fi
done_testing
