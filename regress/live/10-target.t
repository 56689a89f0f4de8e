#!/bin/sh
# What the target sees: PROXY protocol, UNIX sockets, names.

. regress/live/lib.sh

proxied() {	# proxied VERSION: what a target got first
	CLIENT="proxy protocol $1" SERVER=
	pair
	stop "$target_pid"
	background sink perl -MIO::Socket::INET -e '
		my $l = IO::Socket::INET->new(LocalAddr => "127.0.0.1",
		    LocalPort => $ARGV[0], Listen => 5, ReuseAddr => 1) or die;
		$| = 1; print "ready\n";
		my $c = $l->accept;
		my $b = "";
		sysread($c, $b, 1000, length $b) or die while $b !~ /hello/;
		print unpack("H*", $b), "\n";
		syswrite($c, "x");' "$port"
	logged sink ready
	logged client 'tunnel open' 10000
	perl -MIO::Socket::INET -e '
		my $s = IO::Socket::INET->new(PeerAddr => "127.0.0.1",
		    PeerPort => $ARGV[0]) or die;
		print $s->sockport, "\n";
		syswrite($s, "hello");
		sysread($s, my $x, 1)' "$uport" >"$T/user"
	logged sink '^[0-9a-f]{10}' 10000
	got=$(grep -E '^[0-9a-f]+$' "$T/sink.log")
	stop "$client_pid"
	stop "$server_pid"
}

proxied v1
want=$(printf 'PROXY TCP4 127.0.0.1 127.0.0.1 %s %s\r\nhello' \
    "$(cat "$T/user")" "$uport" | od -An -tx1 | tr -d ' \n')
is "$got" "$want" "PROXY protocol v1 has the user and the listener"
proxied v2
want=0d0a0d0a000d0a515549540a2111000c7f0000017f000001$(printf '%04x%04x' \
    "$(cat "$T/user")" "$uport")68656c6c6f
is "$got" "$want" "PROXY protocol v2 likewise"

# a UNIX socket, also when its directory is made anew
mkdir "$T/run"
chmod 755 "$T" "$T/run"
CLIENT= SERVER=
pair
stop "$client_pid"
background unix "$TRAFFIC" serve "$T/run/sock" 0
unix_pid=$pid
logged unix port
chmod 666 "$T/run/sock"
sed -i "s,forward to .*,forward to unix \"$T/run/sock\"," "$T/client.conf"
daemon client; client_pid=$pid
ms=$("$TRAFFIC" wait "$uport" 10000)
ok $? "a target that is a UNIX socket ($ms ms)"
like "$("$TRAFFIC" users "$uport" 20 100000)" '^done 20 ' "serves users"
stop "$unix_pid"
rm -rf "$T/run"
like "$("$TRAFFIC" ask "$uport" echo)" '^reset' "when it is gone they are reset"
mkdir "$T/run"
chmod 755 "$T/run"
background unix2 "$TRAFFIC" serve "$T/run/sock" 0
logged unix2 port
chmod 666 "$T/run/sock"
ms=$("$TRAFFIC" wait "$uport" 10000)
ok $? "and served again when it is made anew ($ms ms)"
done_testing
