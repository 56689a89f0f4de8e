#!/bin/sh
# Every transport with every seal, with and without compression, with both
# versions of smux where there is a mux: users at once with every octet checked,
# half-close, and reset; with LONG=1 more of them and larger.

. regress/live/lib.sh

users=8 size=262144
[ -z "${LONG:-}" ] || users=50 size=4194304
TOKEN="a token of more than sixteen"
umask 077

try() {		# try TRANSPORT LINE: what is said of such a service
	cat >"$T/try.conf" <<-END
		server {
			listen on 127.0.0.1 port 1 transport $1
			service "x" {
				listen on 127.0.0.1 port 2
				token "$TOKEN"
				$2
			}
		}
	END
	"$ROCKETD" -n -f "$T/try.conf" 2>&1
}

# What outer TLS wants on each side, in $server_tls and $client_tls.
certificate() {
	server_tls= client_tls=
	case $1 in tls*|wss*) ;; *) return ;; esac
	[ -f "$T/tls.key" ] || openssl req -x509 -newkey ec \
	    -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$T/tls.key" \
	    -out "$T/tls.crt" -days 30 -subj /CN=matrix.test \
	    -addext subjectAltName=DNS:matrix.test 2>/dev/null
	server_tls="tls certificate \"$T/tls.crt\" key \"$T/tls.key\""
	client_tls="tls ca \"$T/tls.crt\"
	tls name \"matrix.test\""
}

# The services of one transport, a line each: SEAL VERSION COMPRESSION
services() {
	case $1 in *mux) versions="1 2" ;; *) versions=2 ;; esac
	for _s in tls xor none; do
		for _v in $versions; do
			for _c in $compressions; do
				echo "$_s $_v $_c"
			done
		done
	done
}

answer() { "$TRAFFIC" ask "$1" "$2" "$3" | sed -n 's/^answer //p'; }

# is_so TRANSPORT SERVICE SEAL VERSION LZ4 NAME: do its sessions say so?
is_so() {
	case $1 in *mux) _v=$4 ;; *) _v=0 ;; esac
	[ "$5" = yes ] && _lz=true || _lz=false
	is "$(ctl client -j show sessions service "$2" | tr '{' '\n' | sed -n \
	    's/.*"transport":"\([a-z]*\)","mux_version":\(.\),"seal":"\([a-z]*\)".*"lz4":\([a-z]*\),.*/\1 \2 \3 \4/p' |
	    sort -u)" "$1 $_v $3 $_lz" "$6: and is that"
}

served() {	# served PORT NAME
	"$TRAFFIC" wait "$1" 20000 >/dev/null
	is "$(answer "$1" sum 1000000)" "$direct" "$2: half-close"
	like "$("$TRAFFIC" users "$1" $users $size)" \
	    "^done $users failed 0 reset 0 refused 0 " \
	    "$2: $users users, $size octets each way"
	like "$("$TRAFFIC" ask "$1" "reset 500000")" '^reset ' "$2: reset"
}

# block SIDE TRANSPORT PORT...: the tunnels' port and those of the services
block() {
	echo "$1 {"
	if [ "$1" = server ]; then
		echo "listen on 127.0.0.1 port $3 transport $2"
		echo "$server_tls"
	else
		echo "connect to 127.0.0.1 port $3 transport $2"
		echo "$client_tls"
		echo "pool 2"
	fi
	while read -r seal version compression; do
		echo "service \"$seal-$version-$compression\" {"
		echo "token \"$TOKEN\""
		echo "seal $seal"
		echo "mux version $version"
		[ "$compression" = no ] || echo "compression lz4"
		if [ "$1" = server ]; then
			echo "listen on 127.0.0.1 port $4"
			echo "user timeout 30"
		else
			echo "forward to 127.0.0.1 port $port"
		fi
		echo "}"
		_side=$1 _t=$2 _p=$3
		shift 4
		set -- $_side $_t $_p "$@"
	done <"$T/list"
	echo "}"
}

transport() {
	certificate "$1"
	services "$1" >"$T/list"
	set -- "$1" $(ports $(($(wc -l <"$T/list") + 1)))
	tr=$1
	block server "$@" >"$T/server.conf"
	block client "$@" >"$T/client.conf"
	shift 2
	daemon server
	daemon client
	while read -r seal version compression <&3; do
		what="$tr, seal $seal, smux $version, lz4 $compression"
		served "$1" "$what"
		is_so "$tr" "$seal-$version-$compression" "$seal" "$version" \
		    "$compression" "$what"
		shift
	done 3<"$T/list"
	stop "$client_pid"
	stop "$server_pid"
	is "$(grep -chE 'fatal|AddressSanitizer|runtime error' \
	    "$T/server.log" "$T/client.log" | tr '\n' ' ')" "0 0 " \
	    "$tr: nothing went wrong"
}

target target
direct=$(answer "$port" sum 1000000)
compressions="no yes"
try tcpmux "compression lz4" >/dev/null || compressions=no
for t in tcp tcpmux ws wsmux tls tlsmux wss wssmux; do
	if try $t "" | grep -q 'there is no transport'; then
		skip "$t" "there is no such transport"
	else
		transport $t
	fi
done
done_testing
