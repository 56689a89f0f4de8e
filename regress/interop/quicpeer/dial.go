// SPDX-License-Identifier: ISC

/*
 * Against a server of MyTunnel: each thing that a client may say, and some that
 * none should.
 */

package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"time"

	"github.com/lucas-clemente/quic-go"
)

func dialChecks(addr string) []check {
	var all []check
	add := func(name string, f func(string) (string, error)) {
		all = append(all, check{name, func() (string, error) {
			return f(addr)
		}})
	}
	// one has a connection of its own, which must be of use afterwards.
	one := func(name string, f func(quic.Connection) (string, error)) {
		add(name, func(addr string) (string, error) {
			conn, _, err := dial(addr)
			if err != nil {
				return "", err
			}
			defer bye(conn)
			said, err := f(conn)
			if err == nil {
				if err = download(conn, 10000); err != nil {
					err = fmt.Errorf("afterwards: %v", err)
				}
			}
			return said, err
		})
	}
	add("handshake", caseHandshake)
	add("transfer", caseTransfer)
	add("multiplexing", caseMultiplexing)
	add("resumption", caseResumption)
	add("zerortt", caseZeroRTT)
	add("keyupdate", caseKeyUpdate)
	add("chacha20", caseChaCha)
	add("ecn", caseECN)
	add("rebind-port", caseRebindPort)
	add("rebind-addr", caseRebindAddr)
	add("longrtt", caseLongRTT)
	add("blackhole", caseBlackhole)
	add("handshakeloss", caseHandshakeLoss)
	add("transferloss", caseTransferLoss)
	add("handshakecorruption", caseHandshakeCorruption)
	add("transfercorruption", caseTransferCorruption)
	add("amplification", caseAmplification)
	add("versionnegotiation", caseVersions)
	add("unknown", caseUnknown)
	add("junk", caseJunk)
	add("retry", caseRetry)

	add("alpn-both", alpnBoth)
	add("alpn-h3", alpnH3)
	add("alpn-other", alpnOther)
	add("alpn-none", alpnNone)
	one("streams", dialStreams)
	one("split", dialSplit)
	one("early", dialEarly)
	one("names", dialNames)
	one("type", dialType)
	one("cut", dialCut)
	one("text", dialText)
	one("empty", dialEmpty)
	one("refused", dialRefused)
	one("blocked", dialBlocked)
	one("half-close", dialHalfClose)
	one("half-close-target", dialHalfCloseTarget)
	one("target-resets", dialTargetResets)
	one("stop-sending", dialStopSending)
	one("reset", dialReset)
	one("unidirectional", dialUnidirectional)
	one("limit", dialLimit)
	one("backpressure", dialBackpressure)
	add("close", dialClose)
	one("datagrams", dialDatagrams)
	one("datagram-names", dialDatagramNames)
	one("datagram-flow", dialDatagramFlow)
	one("datagram-bad", dialDatagramBad)
	one("datagram-blocked", dialDatagramBlocked)
	one("datagram-crowd", dialDatagramCrowd)
	return all
}

// withALPN is a connection that offers these, and what was chosen.
func withALPN(addr string, alpn ...string) (string, error) {
	t := clientTLS()
	t.NextProtos = alpn
	conn, _, err := dialled{tls: t}.dial(addr)
	if err != nil {
		return "", err
	}
	defer bye(conn)
	return conn.ConnectionState().TLS.NegotiatedProtocol,
		exchange(conn, modeDuplex, 10000, 10000)
}

func alpnBoth(addr string) (string, error) {
	got, err := withALPN(addr, "h3", "mytunnel")
	if err == nil && got != "mytunnel" {
		err = fmt.Errorf("chosen: %s", got)
	}
	return "the server's order counts", err
}

func alpnH3(addr string) (string, error) {
	got, err := withALPN(addr, "h3")
	if err == nil && got != "h3" {
		err = fmt.Errorf("chosen: %s", got)
	}
	return "h3 is the same", err
}

// refusedALPN wants the alert no_application_protocol.
func refusedALPN(addr string, alpn ...string) (string, error) {
	var te *quic.TransportError
	got, err := withALPN(addr, alpn...)
	if err == nil {
		return "", fmt.Errorf("taken, with %q", got)
	}
	if !errors.As(err, &te) || te.ErrorCode != 0x178 || !te.Remote {
		return "", fmt.Errorf("no 0x178 but %v", err)
	}
	return "0x178", nil
}

func alpnOther(addr string) (string, error) { return refusedALPN(addr, "h2", "rocket/1") }
func alpnNone(addr string) (string, error)  { return refusedALPN(addr) }

func dialStreams(conn quic.Connection) (string, error) {
	return fmt.Sprintf("%d of %d octets each way", opts.streams, opts.size),
		many(opts.streams, func() error {
			return exchange(conn, modeDuplex, opts.size, opts.size)
		})
}

func dialSplit(conn quic.Connection) (string, error) {
	s, err := openStream(conn)
	if err != nil {
		return "", err
	}
	for _, b := range header(typeTCP, "127.0.0.1", theTarget().port) {
		if _, err := s.Write([]byte{b}); err != nil {
			return "", err
		}
		time.Sleep(5 * time.Millisecond)
	}
	var b [1]byte
	if _, err := io.ReadFull(s, b[:]); err != nil || b[0] != statusOK {
		return "", fmt.Errorf("status %#x, %v", b[0], err)
	}
	return "a header of one octet at a time",
		use(s, modeDuplex, theTarget().index(), 1000, 1000)
}

// dialEarly sends all it has before it knows whether it may.
func dialEarly(conn quic.Connection) (string, error) {
	if opts.reference {
		return "", skipped("MyTunnel does not tell the user's end")
	}
	index, n := theTarget().index(), 100000
	b := header(typeTCP, "127.0.0.1", theTarget().port)
	b = append(b, head(modeAfter, index, n, n)...)
	s, err := openStream(conn)
	if err != nil {
		return "", err
	}
	if _, err := s.Write(append(b, octets(index, 0, n)...)); err != nil {
		return "", err
	}
	s.CloseWrite()
	var status [1]byte
	if _, err := io.ReadFull(s, status[:]); err != nil || status[0] != statusOK {
		return "", fmt.Errorf("status %#x, %v", status[0], err)
	}
	if err := receive(s, index, n); err != nil {
		return "", err
	}
	return "header, data and end at once", ended(s)
}

func dialNames(conn quic.Connection) (string, error) {
	for _, name := range []string{"localhost", "LocalHost", "127.0.0.1"} {
		s, status, err := begin(conn, header(typeTCP, name,
			theTarget().port))
		if err == nil && status != statusOK {
			err = fmt.Errorf("status %#x", status)
		}
		if err == nil {
			err = use(s, modeDuplex, theTarget().index(), 10, 10)
		}
		if err != nil {
			return "", fmt.Errorf("%s: %v", name, err)
		}
	}
	return "a name, its other spelling, an address", nil
}

// noGood wants ff and the end, and to be asked to send no more; or, where the
// reference says OK first, an end at once.
func noGood(conn quic.Connection, octets []byte, mayOK bool) error {
	s, status, err := begin(conn, octets)
	if err != nil {
		return err
	}
	if status != statusNo && !(mayOK && opts.reference) {
		return fmt.Errorf("status %#x", status)
	}
	if err := ended(s); err != nil {
		return err
	}
	return stopped(s)
}

// stopped wants the peer's STOP_SENDING with code 0, and soon.
func stopped(s stream) error {
	var se *quic.StreamError
	end := time.Now().Add(opts.patience / 5)
	for time.Now().Before(end) {
		if _, err := s.Write(make([]byte, 1000)); err == nil {
			time.Sleep(10 * time.Millisecond)
		} else if errors.As(err, &se) && se.ErrorCode == 0 {
			return nil
		} else {
			return fmt.Errorf("writing: %v", err)
		}
	}
	return fmt.Errorf("nobody stops us")
}

func dialType(conn quic.Connection) (string, error) {
	for _, kind := range []byte{0, 2, 3, 0x7f, 0xff} {
		err := noGood(conn, header(kind, "127.0.0.1",
			theTarget().port), false)
		if err != nil {
			return "", fmt.Errorf("type %d: %v", kind, err)
		}
	}
	return "other types than 1", nil
}

// dialCut ends inside the header, at each place.
func dialCut(conn quic.Connection) (string, error) {
	whole := header(typeTCP, "127.0.0.1", theTarget().port)
	for n := 0; n < len(whole); n++ {
		s, err := openStream(conn)
		if err != nil {
			return "", err
		}
		if n > 0 {
			if _, err := s.Write(whole[:n]); err != nil {
				return "", err
			}
		}
		s.CloseWrite()
		// MyTunnel ends it; a client takes a reset for the same.
		var se *quic.StreamError
		b, err := io.ReadAll(s)
		if errors.As(err, &se) && se.ErrorCode == 0 {
			err = nil
		}
		if err != nil || len(b) > 0 {
			return "", fmt.Errorf("behind %d octets: %x, %v", n, b,
				err)
		}
	}
	return "ends in a header are ends", nil
}

// dialText has hosts that are no text, or no host.
func dialText(conn quic.Connection) (string, error) {
	long := string(bytes.Repeat([]byte("a"), 255))
	for _, host := range []string{"\xff\xfe", "a\x00b", "a b", "..", long} {
		s, err := openStream(conn)
		if err != nil {
			return "", err
		}
		if _, err := s.Write(header(typeTCP, host, 80)); err != nil {
			return "", err
		}
		b, err := io.ReadAll(s)
		if err != nil || len(b) > 1 || len(b) == 1 && b[0] != statusNo &&
			!opts.reference {
			return "", fmt.Errorf("%.10q: %x, %v", host, b, err)
		}
	}
	return "hosts that are none", nil
}

func dialEmpty(conn quic.Connection) (string, error) {
	return "a host of no octet", noGood(conn, header(typeTCP, "", 80), true)
}

func dialRefused(conn quic.Connection) (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	port := l.Addr().(*net.TCPAddr).Port
	l.Close()
	return "a target that is not there",
		noGood(conn, header(typeTCP, "127.0.0.1", port), true)
}

func dialBlocked(conn quic.Connection) (string, error) {
	if opts.blocked == 0 {
		return "", skipped("there are no rules")
	}
	return "what rules forbid",
		noGood(conn, header(typeTCP, "127.0.0.1", opts.blocked), false)
}

func dialHalfClose(conn quic.Connection) (string, error) {
	if opts.reference {
		return "", skipped("MyTunnel does not tell the user's end")
	}
	return "the user's end is told", many(10, func() error {
		return exchange(conn, modeAfter, 100000, 100000)
	})
}

func dialHalfCloseTarget(conn quic.Connection) (string, error) {
	return "the target's end, and 1 MB after it", many(5, func() error {
		return exchange(conn, modeFirst, 1<<20, 1000)
	})
}

func dialTargetResets(conn quic.Connection) (string, error) {
	s, err := reach(conn)
	if err != nil {
		return "", err
	}
	index := theTarget().index()
	s.Write(head(modeReset, index, 10, 50000))
	if err := receive(s, index, 50000); err != nil {
		return "", err
	}
	s.Write(octets(index, 0, 10))
	if _, err := io.ReadAll(s); err != nil {
		return "told: " + err.Error(), nil
	}
	return "told as an end", nil
}

// dialStopSending wants no more of the target, whose connection must end.
func dialStopSending(conn quic.Connection) (string, error) {
	s, err := reach(conn)
	if err != nil {
		return "", err
	}
	index := theTarget().index()
	s.Write(head(modeFirst, index, 10, 64<<20))
	if err := receive(s, index, 50000); err != nil {
		return "", err
	}
	s.CancelRead(0)
	s.CancelWrite(0)
	if err := theTarget().ended(index); err == nil {
		return "", fmt.Errorf("the target could send all")
	}
	return "the target is cut off", nil
}

func dialReset(conn quic.Connection) (string, error) {
	s, err := reach(conn)
	if err != nil {
		return "", err
	}
	index := theTarget().index()
	s.Write(head(modeFirst, index, 1000000, 10))
	if err := receive(s, index, 10); err != nil {
		return "", err
	}
	s.Write(octets(index, 0, 1000))
	s.CancelWrite(0)
	if err := theTarget().ended(index); err == nil {
		return "", fmt.Errorf("the target got all")
	}
	if _, err := io.ReadAll(s); err != nil && opts.reference {
		return "", err
	}
	return "a user's reset ends both", nil
}

// dialUnidirectional fills streams that nobody reads, if any are allowed.
func dialUnidirectional(conn quic.Connection) (string, error) {
	n := 0
	for ; n < 100; n++ {
		u, err := conn.OpenUniStream()
		if err != nil {
			break
		}
		u.SetWriteDeadline(time.Now().Add(50 * time.Millisecond))
		u.Write(make([]byte, 1000+n*500))
		if n%2 == 0 {
			u.Close()
		} else {
			u.CancelWrite(7)
		}
	}
	return fmt.Sprintf("%d are ignored", n), nil
}

// dialLimit holds as many as are allowed; then one can be opened for each that
// ends.
func dialLimit(conn quic.Connection) (string, error) {
	if opts.reference {
		return "", skipped("MyTunnel keeps the targets' connections")
	}
	var held []stream
	for len(held) < 10000 {
		s, err := conn.OpenStream()
		if err != nil {
			break
		}
		u := stream{s}
		index := theTarget().index()
		b := append(header(typeTCP, "127.0.0.1", theTarget().port),
			head(modeHold, index, 0, 0)...)
		if _, err := u.Write(b); err != nil {
			return "", err
		}
		held = append(held, u)
	}
	if len(held) < 90 || len(held) == 10000 {
		return "", fmt.Errorf("%d are allowed", len(held))
	}
	for i := range held {
		var b [1]byte
		held[i].SetReadDeadline(time.Now().Add(opts.patience))
		if _, err := io.ReadFull(held[i], b[:]); err != nil || b[0] != statusOK {
			return "", fmt.Errorf("number %d: %#x, %v", i, b[0], err)
		}
	}
	for i := 0; i < 20; i++ {
		held[i].Abort()
		s, err := reach(conn)
		if err != nil {
			return "", fmt.Errorf("for one that has ended: %v", err)
		}
		held[i] = s
	}
	for _, u := range held {
		u.Abort()
	}
	return fmt.Sprintf("%d at once, and one for each that ends",
		len(held)), nil
}

// dialBackpressure does not read; the target must not be rid of much.
func dialBackpressure(conn quic.Connection) (string, error) {
	s, err := reach(conn)
	if err != nil {
		return "", err
	}
	index := theTarget().index()
	s.Write(head(modeFirst, index, 0, 64<<20))
	theTarget().mu.Lock()
	saw := theTarget().saw[index]
	theTarget().mu.Unlock()
	select {
	case err := <-saw:
		return "", fmt.Errorf("64 MiB are somewhere: %v", err)
	case <-time.After(3 * time.Second):
	}
	if err := many(10, func() error { return download(conn, 100000) }); err != nil {
		return "", fmt.Errorf("others beside it: %v", err)
	}
	if err := receive(s, index, 64<<20); err != nil {
		return "", err
	}
	s.CloseWrite()
	return "64 MiB wait for a user, others do not", ended(s)
}

// dialClose leaves with streams open; the targets must hear of it.
func dialClose(addr string) (string, error) {
	conn, _, err := dial(addr)
	if err != nil {
		return "", err
	}
	var indices []int
	for i := 0; i < 10; i++ {
		s, err := reach(conn)
		if err != nil {
			return "", err
		}
		index := theTarget().index()
		s.Write(head(modeHold, index, 0, 0))
		indices = append(indices, index)
	}
	if err := download(conn, 1000); err != nil {
		return "", err
	}
	bye(conn)
	if opts.reference {
		return "", skipped("MyTunnel keeps the targets' connections")
	}
	for _, index := range indices {
		err := theTarget().ended(index)
		if err != nil && err.Error() == "the target's connection does not end" {
			return "", err
		}
	}
	return "targets go with the connection", nil
}

// A box takes what datagrams come, all the time.
type box struct{ in chan []byte }

func newBox(conn quic.Connection) *box {
	b := &box{make(chan []byte, 10000)}
	go func() {
		for {
			m, err := conn.ReceiveMessage()
			if err != nil {
				close(b.in)
				return
			}
			b.in <- m
		}
	}()
	return b
}

// ask sends a datagram, again while nothing comes, and wants it back.
func (b *box) ask(conn quic.Connection, pre, payload, want []byte) error {
	for try := 0; try < 10; try++ {
		if err := conn.SendMessage(append(append([]byte(nil), pre...),
			payload...)); err != nil {
			return err
		}
		timer := time.After(opts.patience / 10)
		for waiting := true; waiting; {
			select {
			case m, ok := <-b.in:
				if !ok {
					return fmt.Errorf("the connection is over")
				}
				p, got, _, _, ok := split(m)
				if !ok || !bytes.Equal(got, want) {
					continue // of an earlier one
				}
				if !bytes.Equal(p, pre) {
					return fmt.Errorf("prefix %q, not %q", p, pre)
				}
				return nil
			case <-timer:
				waiting = false
			}
		}
	}
	return fmt.Errorf("no answer of %d octets", len(want))
}

func (b *box) none(d time.Duration) error {
	select {
	case m, ok := <-b.in:
		if ok {
			return fmt.Errorf("an answer: %.40q", m)
		}
		return fmt.Errorf("the connection is over")
	case <-time.After(d):
		return nil
	}
}

// sizes of datagrams that quic-go 0.29 can send: one frame in 1200 octets.
func sizes() []int {
	return []int{0, 1, 2, 3, 4, 5, 17, 63, 64, 100, 500, 1000, 1100, 1140}
}

func dialDatagrams(conn quic.Connection) (string, error) {
	b := newBox(conn)
	pre := prefix("127.0.0.1", theTarget().port)
	for _, n := range sizes() {
		p := octets(n, 0, n)
		if err := b.ask(conn, pre, p, p); err != nil {
			return "", err
		}
	}
	return fmt.Sprintf("%d sizes, of up to %d octets", len(sizes()),
		sizes()[len(sizes())-1]), nil
}

func dialDatagramNames(conn quic.Connection) (string, error) {
	b := newBox(conn)
	for _, host := range []string{"localhost", "LOCALHOST", "127.0.0.1"} {
		p := []byte("what " + host)
		if err := b.ask(conn, prefix(host, theTarget().port), p, p); err != nil {
			return "", fmt.Errorf("%s: %v", host, err)
		}
	}
	return "the prefix comes back as it was", nil
}

// dialDatagramFlow wants all of several answers, and one port for all that go
// to a target.
func dialDatagramFlow(conn quic.Connection) (string, error) {
	if opts.reference {
		return "", skipped("MyTunnel has a socket a datagram")
	}
	b := newBox(conn)
	pre := prefix("127.0.0.1", theTarget().port)
	want := []byte("times5")
	if err := b.ask(conn, pre, want, want); err != nil {
		return "", err
	}
	for i := 1; i < 5; i++ {
		select {
		case m := <-b.in:
			if !bytes.HasSuffix(m, want) {
				return "", fmt.Errorf("another answer: %q", m)
			}
		case <-time.After(opts.patience):
			return "", fmt.Errorf("%d of 5 answers", i)
		}
	}
	ports := make(map[string]bool)
	for i := 0; i < 5; i++ {
		if err := conn.SendMessage(append(pre, "port"...)); err != nil {
			return "", err
		}
		select {
		case m := <-b.in:
			ports[string(m[len(pre):])] = true
		case <-time.After(opts.patience):
			return "", fmt.Errorf("no answer")
		}
	}
	if len(ports) != 1 {
		return "", fmt.Errorf("%d ports", len(ports))
	}
	return "five answers, one port", nil
}

func dialDatagramBad(conn quic.Connection) (string, error) {
	b := newBox(conn)
	port := theTarget().port
	for _, m := range [][]byte{
		{}, {0}, {0, 53}, {0, 53, 0}, {0, 53, 9, 'a'}, {0xff, 0xff, 0xff, 0xff},
		append(prefix("\xff\xfe", port), "x"...),
		append(prefix("", port), "x"...),
		append(prefix("no such host", port), "x"...),
		prefix(string(make([]byte, 255)), port),
		append(prefix("127.0.0.1", 0), "x"...),
	} {
		if err := conn.SendMessage(m); err != nil {
			return "", err
		}
	}
	if err := b.none(500 * time.Millisecond); err != nil {
		return "", err
	}
	p := []byte("a good one")
	return "dropped quietly", b.ask(conn, prefix("127.0.0.1", port), p, p)
}

func dialDatagramBlocked(conn quic.Connection) (string, error) {
	if opts.blocked == 0 {
		return "", skipped("there are no rules")
	}
	c, err := net.ListenUDP("udp", &net.UDPAddr{
		IP: net.IPv4(127, 0, 0, 1), Port: opts.blocked})
	if err != nil {
		return "", err
	}
	defer c.Close()
	if err := conn.SendMessage(append(prefix("127.0.0.1", opts.blocked),
		"x"...)); err != nil {
		return "", err
	}
	c.SetReadDeadline(time.Now().Add(time.Second))
	if _, from, err := c.ReadFrom(make([]byte, 100)); err == nil {
		return "", fmt.Errorf("it came, from %v", from)
	}
	return "what rules forbid is not sent", nil
}

// dialDatagramCrowd has more flows than there may be at once: each is served.
func dialDatagramCrowd(conn quic.Connection) (string, error) {
	if opts.reference {
		return "", skipped("MyTunnel has no flows")
	}
	b := newBox(conn)
	for i := 0; i < 400; i++ {
		p := []byte("number " + strconv.Itoa(i))
		host := fmt.Sprintf("127.%d.%d.1", i/200, i%200)
		if i%200 == 0 {
			host = "127.0.0.1"
		}
		c, err := net.ListenUDP("udp", &net.UDPAddr{
			IP: net.ParseIP(host), Port: 0})
		if err != nil {
			return "", err
		}
		go func() {
			buf := make([]byte, 100)
			n, from, err := c.ReadFrom(buf)
			if err == nil {
				c.WriteTo(buf[:n], from)
			}
		}()
		err = b.ask(conn, prefix(host, c.LocalAddr().(*net.UDPAddr).Port),
			p, p)
		c.Close()
		if err != nil {
			return "", fmt.Errorf("flow %d: %v", i, err)
		}
	}
	return "400 flows, one after another", nil
}
