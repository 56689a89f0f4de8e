# What tests of QUIC share: sourced after lib.sh.  Skips all where rocketd was
# built without QUIC.

grep -q '^#define HAVE_QUIC' "$TOP/config.h" ||
    skip_all "rocketd was built without QUIC"

# quicpeer: makes the peer of another library, $PEER, or sets $no_peer to why not
quicpeer() {
	no_peer=
	_go=/usr/lib/go-1.19/bin/go	# newer ones do not build Debian's library
	_src=/usr/share/gocode/src/github.com/lucas-clemente/quic-go
	[ -x $_go ] || { no_peer="there is no go 1.19 (golang-1.19)"; return 1; }
	[ -d $_src ] || {
		no_peer="there is no quic-go"
		no_peer="$no_peer (golang-github-lucas-clemente-quic-go-dev)"
		return 1
	}
	mkdir -p "$TOP/regress/tmp"
	PEER=$T/quicpeer
	QUIC_GO_DISABLE_RECEIVE_BUFFER_WARNING=true
	export QUIC_GO_DISABLE_RECEIVE_BUFFER_WARNING
	GOPATH=/usr/share/gocode GO111MODULE=off GOFLAGS='' \
	    GOCACHE=$TOP/regress/tmp/gocache \
	    $_go build -o "$PEER" ./regress/interop/quicpeer >&2 || {
		ok 1 "quicpeer builds"
		done_testing
	}
}

# told NAME FILE: each line of the peer's is a test, and it went to its end
told() {
	while read -r _line; do
		case $_line in
		"ok "*)		ok 0 "$1: ${_line#ok }" ;;
		"not ok "*)	ok 1 "$1: ${_line#not ok }" ;;
		"skip "*)	_line=${_line#skip }
				skip "$1: ${_line%%: *}" "${_line#*: }" ;;
		esac
	done <"$2"
	is "$(tail -n 1 "$2")" "done" "$1: the peer went to its end"
}

# keys: an authority and the certificate of a server, "localhost"
keys() {
	umask 077
	authority ca
	key srv ecdsa
	cert srv ca 30 "subjectAltName=DNS:localhost,IP:127.0.0.1"
}

# facts SIDE NAME: a figure of each session of a side
facts() {
	ctl "$1" -j show sessions | tr ',{}' '\n\n\n' |
	    sed -n 's/^"'"$2"'": *"\{0,1\}\([^"]*\)"\{0,1\}$/\1/p'
}

# kept SIDE IDS: all sessions of these ids are there
kept() {
	_now=" $(facts "$1" id | tr '\n' ' ')"
	for _id in $2; do
		case $_now in
		*" $_id "*)	;;
		*)		return 1 ;;
		esac
	done
}

# far LEVEL: on a line of two namespaces (netns.sh) a client by QUIC in $A, which
# has the target, and its server in $B, with users at port 7001
far() {
	background target "$T/traffic-a" serve 127.0.0.1 0
	logged target '^port '
	port=$(sed -n 's/^port //p' "$T/target.log")
	cat >"$T/server.conf" <<-END
		log $1
		server {
			listen on 10.77.0.2 port 7000 transport quic
			tls certificate "$T/srv.crt" key "$T/srv.key"
			service "x" {
				listen on 127.0.0.1 port 7001
				token "a token of more than sixteen"
			}
		}
	END
	cat >"$T/client.conf" <<-END
		log $1
		client {
			connect to 10.77.0.2 port 7000 transport quic
			tls ca "$T/ca.crt"
			tls name "localhost"
			service "x" {
				forward to 127.0.0.1 port $port
				token "a token of more than sixteen"
				pool 2
				retry interval 1
			}
		}
	END
	ROCKETD=$T/rocketd-b
	daemon server
	ROCKETD=$T/rocketd-a
	daemon client
	TRAFFIC=$T/traffic-b
	"$TRAFFIC" wait 7001 20000 >/dev/null
	ok $? "a user is served"
}
