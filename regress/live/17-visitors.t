#!/bin/sh
# What strangers find on a listener for WebSocket: a small web server, and not a
# word of tunnels, whatever they ask for and however they do it.

. regress/live/lib.sh
V="perl regress/live/visitors.pl"
KEY='Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n'
ASKS="Host: a\\r\\nUpgrade: websocket\\r\\nConnection: Upgrade\\r\\n$KEY"
ASKS="${ASKS}Sec-WebSocket-Version: 13\\r\\n\\r\\n"
TOKEN='token "a token of more than sixteen"'

# ask PORT REQUEST [HOW]
ask() { printf "$2" | $V "$1" "${3:-}"; }
# the gate's counter of that name
counter() {
	ctl server -j show summary | sed 's/.*"counters"//' |
	    sed -n "s/.*\"gate\":{[^}]*\"$1\":\([0-9]*\).*/\1/p"
}

mkdir -p "$T/www/sub" "$T/www/ours" "$T/out"
chmod 755 "$T" "$T/www" "$T/www/sub"
chmod 700 "$T/www/ours"
echo '<p>front</p>' >"$T/www/index.html"
echo '<p>below</p>' >"$T/www/sub/index.html"
echo 'body { }' >"$T/www/style.css"
echo 'dot' >"$T/www/.hidden"
echo 'mine' >"$T/www/private.txt"
echo 'ours' >"$T/www/ours/plan.txt"
echo 'elsewhere' >"$T/out/secret.txt"
ln -s ../out/secret.txt "$T/www/link.txt"
ln -s ../out "$T/www/out"
perl -e 'print chr(33 + $_ % 90) x 1000 for 1 .. 3000' >"$T/www/big.bin"
chmod 644 "$T"/www/*.* "$T"/www/*/* "$T/out/secret.txt" 2>/dev/null
chmod 600 "$T/www/private.txt"
sum=$(cksum <"$T/www/big.bin")

set -- $(ports 6)
plain=$1 moved=$2 files=$3
cat >"$T/server.conf" <<-END
	log debug
	handshake timeout 3
	unproven per source 1000
	server {
		listen on 127.0.0.1 port $plain transport wsmux
		decoy server "nginx"
		service "x" {
			listen on 127.0.0.1 port $4
			path "/known"
			$TOKEN
		}
	}
	server {
		listen on 127.0.0.1 port $moved transport wsmux
		decoy redirect "https://www.example.com/"
		service "y" { listen on 127.0.0.1 port $5
			$TOKEN
		}
	}
	server {
		listen on 127.0.0.1 port $files transport wsmux
		decoy directory "$T/www"
		service "z" { listen on 127.0.0.1 port $6
			$TOKEN
		}
	}
END
daemon server

# ---- one answer to everything ----
want=$(ask "$plain" 'GET / HTTP/1.1\r\nHost: a\r\n\r\n')
like "$(printf '%s' "$want" | tr '\n' '|')" \
    '^HTTP/1.1 404 Not Found\|Server: nginx\|Date: now\|Content-Type: text/html\|Content-Length: [0-9]+\|Connection: close\|\|<html>.*closed$' \
    "a visitor finds a web server"
same() {	# same NAME REQUEST [HOW]
	is "$(ask "$plain" "$2" "${3:-}")" "$want" "$1: the same answer"
}
same "another path" 'GET /index.html HTTP/1.1\r\nHost: a\r\n\r\n'
same "HTTP/1.0" 'GET / HTTP/1.0\r\n\r\n'
same "POST with a body" \
    'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello'
same "the known path" 'GET /known HTTP/1.1\r\nHost: a\r\n\r\n'
same "POST to the known path" "POST /known HTTP/1.1\\r\\n$ASKS"
same "an upgrade of an unknown path" "GET /unknown HTTP/1.1\\r\\n$ASKS"
same "an upgrade of an unknown identity" \
    "GET /00112233445566778899aabbccddeeff HTTP/1.1\\r\\n$ASKS"
same "half an upgrade of the known path" \
    'GET /known HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\r\n'
same "an upgrade of the known path without a key" \
    'GET /known HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\r\n'
same "one who types" 'GET / HTTP/1.1\r\nHost: a\r\n\r\n' slow
is "$(ask "$plain" 'HEAD / HTTP/1.1\r\nHost: a\r\n\r\n')" \
    "$(ask "$plain" 'GET / HTTP/1.1\r\nHost: a\r\n\r\n' header)" \
    "HEAD: the same without a body"
n=0
for wrong in 'nonsense\r\n\r\n' 'GET / HTTP/1.1\r\n\r\n' \
    'GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n' '\026\003\001\001\000' \
    'GET / HTTP/2.0\r\nHost: a\r\n\r\n'; do
	like "$(ask "$plain" "$wrong" | head -2 | tr '\n' '|')" \
	    '^HTTP/1.1 400 Bad Request\|Server: nginx\|' \
	    "400 for what is wrong, $((n += 1))"
done
long=$(perl -e 'print "x" x 9000')
like "$(ask "$plain" "GET / HTTP/1.1\\r\\nX: $long" | head -1)" \
    '^HTTP/1.1 431 ' "a head that is too long"
is "$(ask "$plain" 'GET / HTTP/1.1\r\nHost:')" closed \
    "a head that never ends is closed in time, without a word"
is "$(counter handed)" 0 "none of them came to a worker"

# The test is worth something: one who knows is no visitor.
(printf "GET /known HTTP/1.1\\r\\n$ASKS" | timeout 5 $V "$plain" >"$T/known") &
pid=$!
PIDS="$PIDS $pid"
logged server 'worker x .*tunnel 1 from'
ok $? "one who knows comes to the worker"
is "$(counter handed)" 1 "and is counted"
wait $pid
[ "$(cat "$T/known")" != "$want" ]
ok $? "and hears something else"

# Nor is a worker's log a stranger's to fill: five lines, then one in 10 s.
for i in 1 2 3 4 5 6 7 8 9 10 11 12; do
	printf "GET /known HTTP/1.1\\r\\n${ASKS}no frame" | $V "$plain" >/dev/null
done
logged server 'worker x .*tunnel 5 from .*: protocol error'
ok $? "who comes to the worker with nonsense is told of"
is "$(counter handed)" 13 "each of them came"
like "$(grep -c 'worker x .*tunnel [0-9]* from' "$T/server.log")" '^[5-6]$' \
    "but not each of them is worth a line"

# ---- elsewhere ----
like "$(ask "$moved" 'GET /a HTTP/1.1\r\nHost: a\r\n\r\n' header |
    tr '\n' '|')" '^HTTP/1.1 302 Found\|Date: now\|Location: https://www.example.com/\|' \
    "a redirect"
curl="curl -s --max-time 20"
# A reload is done when the parent has told gate, which then takes the new set.
again="$curl -f --retry 10 --retry-delay 1 --retry-all-errors"
is "$($curl "http://127.0.0.1:$files/")" '<p>front</p>' "a directory's index"
is "$($curl "http://127.0.0.1:$files/sub/")" '<p>below</p>' "another one's"
is "$($curl -L "http://127.0.0.1:$files/sub")" '<p>below</p>' \
    "a directory without its slash"
is "$($curl -o /dev/null -w '%{content_type}' \
    "http://127.0.0.1:$files/style.css?a=b")" text/css "the type of a file"
is "$($curl "http://127.0.0.1:$files/big.bin" | cksum)" "$sum" "a big file"
is "$($curl --limit-rate 2m "http://127.0.0.1:$files/big.bin" | cksum)" \
    "$sum" "a big file, over a slow line"
for f in none.html .hidden private.txt ours/plan.txt link.txt out/secret.txt \
    ../out/secret.txt %2e%2e/out/secret.txt; do
	is "$($curl --path-as-is -o /dev/null -w '%{http_code}' \
	    "http://127.0.0.1:$files/$f")" 404 "not to be seen: $f"
done
is "$($curl -X POST -o /dev/null -w '%{http_code}' \
    "http://127.0.0.1:$files/")" 405 "nobody posts to files"
head -c 900000 "$T/www/big.bin" >"$T/upload"
is "$($curl -H Expect: --data-binary "@$T/upload" -w '%{http_code} %{errormsg}' \
    -o /dev/null "http://127.0.0.1:$plain/upload")" '404 ' \
    "one who uploads hears the answer"
echo 'new' >"$T/www/new.txt"
chmod 644 "$T/www/new.txt"
ctl server reload >/dev/null
is "$($again "http://127.0.0.1:$files/new.txt")" new \
    "a new file, after a reload"
mkdir "$T/www/many"
perl -e 'for (1 .. 251) { open(my $f, ">", "$ARGV[0]/$_.txt"); print $f $_ }' \
    "$T/www/many"
chmod -R a+rX "$T/www/many"
ctl server reload >/dev/null
$again -o /dev/null "http://127.0.0.1:$files/many/1.txt"
is "$($curl "http://127.0.0.1:$files/many/[1-251].txt" | cksum)" \
    "$(perl -e 'print 1 .. 251' | cksum)" "as many files as there may be"
echo more >"$T/www/more.txt"
chmod 644 "$T/www/more.txt"
like "$(ctl server reload 2>&1)" 'decoy directory ".*": more than 256 files' \
    "one more is refused"
rm -r "$T/www/many" "$T/www/more.txt"
mv "$T/www" "$T/gone"
ctl server reload >"$T/reload" 2>&1
like "$(cat "$T/reload")" 'decoy directory ".*": No such file' \
    "a reload without the directory is refused"
is "$($curl "http://127.0.0.1:$files/")" '<p>front</p>' \
    "and nothing has changed"
mv "$T/gone" "$T/www"
kill -9 "$(child server gate)"
logged server 'gate.*signal 9'
ok $? "the gate dies"
is "$($curl "http://127.0.0.1:$files/new.txt")" new "a new gate has the files"

stop "$server_pid"
is "$status" 0 "the server ends cleanly"
is "$(grep -cE 'fatal|AddressSanitizer|runtime error' "$T/server.log")" 0 \
    "nothing went wrong"
done_testing
