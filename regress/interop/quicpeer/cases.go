// SPDX-License-Identifier: ISC

/*
 * QUIC itself, against a server: what the quic-interop-runner asks of one, by
 * its names, as far as quic-go can ask it as a client.
 */

package main

import (
	"crypto/tls"
	"fmt"
	"net"
	"time"

	"github.com/lucas-clemente/quic-go"
)

const fileSize = 2 << 20

// download is one stream whose octets come from the target.
func download(conn quic.Connection, octets int) error {
	return exchange(conn, modeDuplex, 1000, octets)
}

func caseHandshake(addr string) (string, error) {
	conn, t, err := dial(addr)
	if err != nil {
		return "", err
	}
	defer bye(conn)
	state := conn.ConnectionState()
	p := t.figures().params
	if state.TLS.Version != tls.VersionTLS13 || p == nil {
		return "", fmt.Errorf("TLS %#x", state.TLS.Version)
	}
	if !state.SupportsDatagrams || p.MaxDatagramFrameSize != 65535 {
		return "", fmt.Errorf("datagrams of %d", p.MaxDatagramFrameSize)
	}
	if p.MaxBidiStreamNum < 100 || p.MaxIdleTimeout != 30*time.Second ||
		p.DisableActiveMigration || p.ActiveConnectionIDLimit < 2 {
		return "", fmt.Errorf("streams %d, idle %v, migration off %v, ids %d",
			p.MaxBidiStreamNum, p.MaxIdleTimeout,
			p.DisableActiveMigration, p.ActiveConnectionIDLimit)
	}
	if p.InitialMaxData < 1<<20 || p.InitialMaxStreamDataBidiRemote < 256<<10 {
		return "", fmt.Errorf("windows of %d and %d octets",
			p.InitialMaxData, p.InitialMaxStreamDataBidiRemote)
	}
	return fmt.Sprintf("%s, %s, windows %d and %d, %d streams",
		state.TLS.NegotiatedProtocol,
		tls.CipherSuiteName(state.TLS.CipherSuite), p.InitialMaxData,
		p.InitialMaxStreamDataBidiRemote, p.MaxBidiStreamNum), nil
}

func caseTransfer(addr string) (string, error) {
	conn, t, err := dial(addr)
	if err != nil {
		return "", err
	}
	defer bye(conn)
	if err := many(3, func() error {
		return exchange(conn, modeDuplex, fileSize, fileSize)
	}); err != nil {
		return "", err
	}
	return fmt.Sprintf("3 files each way, packets of up to %d octets",
		t.figures().sizes), nil
}

func caseMultiplexing(addr string) (string, error) {
	conn, _, err := dial(addr)
	if err != nil {
		return "", err
	}
	defer bye(conn)
	return "2000 streams of 32 octets", many(2000, func() error {
		return exchange(conn, modeDuplex, 32, 32)
	})
}

// caseRetry leaves handshakes half done until the server wants addresses
// proven, and then does a whole one.
func caseRetry(addr string) (string, error) {
	if opts.reference {
		return "", skipped("MyTunnel never asks")
	}
	var lines []*line
	stop := make(chan struct{})
	defer func() {
		close(stop)
		for _, l := range lines {
			l.Close()
		}
	}()
	for i := 0; i < opts.halfopen; i++ {
		l, err := newLine()
		if err != nil {
			return "", err
		}
		l.holdIn = true
		lines = append(lines, l)
		go dialled{line: l}.dial(addr)
	}
	for i := 0; i < 50; i++ {
		conn, t, err := dial(addr)
		if err != nil {
			return "", err
		}
		err = download(conn, 1000)
		bye(conn)
		if err != nil {
			return "", err
		}
		if n := t.figures().retries; n > 0 {
			return fmt.Sprintf("%d behind %d half open", n,
				opts.halfopen), nil
		}
		time.Sleep(20 * time.Millisecond)
	}
	return "", fmt.Errorf("none behind %d half open", opts.halfopen)
}

// caseResumption keeps whatever ticket comes; there must be none that counts.
func caseResumption(addr string) (string, error) {
	t := clientTLS()
	t.ClientSessionCache = tls.NewLRUClientSessionCache(10)
	for i := 0; i < 3; i++ {
		conn, _, err := dialled{tls: t}.dial(addr)
		if err != nil {
			return "", err
		}
		err = download(conn, 1000)
		resumed := conn.ConnectionState().TLS.DidResume
		bye(conn)
		if err != nil {
			return "", err
		}
		if resumed && !opts.reference {
			return "", fmt.Errorf("a session was resumed")
		}
	}
	return "three whole handshakes", nil
}

func caseZeroRTT(addr string) (string, error) {
	t := clientTLS()
	t.ClientSessionCache = tls.NewLRUClientSessionCache(10)
	conn, _, err := dialled{tls: t}.dial(addr)
	if err != nil {
		return "", err
	}
	err = download(conn, 1000)
	bye(conn)
	if err != nil {
		return "", err
	}
	early, err := quic.DialAddrEarly(addr, t, config(nil))
	if err != nil {
		return "", err
	}
	defer bye(early)
	if err := download(early, 1000); err != nil {
		return "", err
	}
	if early.ConnectionState().TLS.Used0RTT {
		return "", fmt.Errorf("early data was taken")
	}
	return "no early data", nil
}

func caseKeyUpdate(addr string) (string, error) {
	restore := keysChange(100)
	conn, t, err := dial(addr)
	restore()
	if err != nil {
		return "", err
	}
	defer bye(conn)
	if err := exchange(conn, modeDuplex, fileSize, fileSize); err != nil {
		return "", err
	}
	if n := t.figures().keys; n >= 2 {
		return fmt.Sprintf("%d times", n), nil
	}
	return "", fmt.Errorf("%d times", t.figures().keys)
}

func caseChaCha(addr string) (string, error) {
	restore := onlyChaCha()
	conn, _, err := dial(addr)
	restore()
	if err != nil {
		return "", err
	}
	defer bye(conn)
	if s := conn.ConnectionState().TLS.CipherSuite; s != tls.TLS_CHACHA20_POLY1305_SHA256 {
		return "", fmt.Errorf("suite %#x", s)
	}
	return "with ChaCha20", download(conn, fileSize)
}

// caseECN asks for the marks on what the server sends, which quic-go tells in
// its ACKs; it marks nothing itself.
func caseECN(addr string) (string, error) {
	conn, t, err := dial(addr)
	if err != nil {
		return "", err
	}
	defer bye(conn)
	if err := download(conn, fileSize); err != nil {
		return "", err
	}
	n := t.figures().ect0
	if n == 0 {
		return "", fmt.Errorf("no packet is marked")
	}
	return fmt.Sprintf("%d packets with ECT(0)", n), nil
}

// moved is a transfer while the line changes.
func moved(addr string, octets int, addrs []net.IP, set func(*line)) (string, error) {
	l, err := newLine(addrs...)
	if err != nil {
		return "", err
	}
	conn, t, err := dialled{line: l}.dial(addr)
	if err != nil {
		return "", err
	}
	defer l.bye(conn)
	// Nobody may move before the handshake is confirmed.
	if err := download(conn, 1000); err != nil {
		return "", err
	}
	l.set(func() { set(l) })
	if err := exchange(conn, modeDuplex, octets, octets); err != nil {
		return "", err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return fmt.Sprintf("%d ports, %d packets lost", l.moves,
		t.figures().lost), nil
}

func caseRebindPort(addr string) (string, error) {
	return moved(addr, fileSize, nil, func(l *line) { l.burst = 100 })
}

func caseRebindAddr(addr string) (string, error) {
	return moved(addr, fileSize, []net.IP{net.IPv4(127, 0, 0, 1),
		net.IPv4(127, 0, 0, 2), net.IPv4(127, 0, 0, 3)},
		func(l *line) { l.burst = 300 })
}

func caseTransferLoss(addr string) (string, error) {
	return moved(addr, 1<<20, nil, func(l *line) { l.loss = 0.02 })
}

func caseTransferCorruption(addr string) (string, error) {
	return moved(addr, 1<<20, nil, func(l *line) { l.damage = 0.02 })
}

func caseLongRTT(addr string) (string, error) {
	l, err := newLine()
	if err != nil {
		return "", err
	}
	l.delay = 375 * time.Millisecond
	conn, _, err := dialled{line: l}.dial(addr)
	if err != nil {
		return "", err
	}
	defer bye(conn)
	return "750 ms there and back", download(conn, 100000)
}

func caseBlackhole(addr string) (string, error) {
	l, err := newLine()
	if err != nil {
		return "", err
	}
	conn, _, err := dialled{line: l}.dial(addr)
	if err != nil {
		return "", err
	}
	defer bye(conn)
	time.AfterFunc(50*time.Millisecond, func() {
		l.set(func() { l.holdIn, l.holdOut = true, true })
	})
	time.AfterFunc(2050*time.Millisecond, func() {
		l.set(func() { l.holdIn, l.holdOut = false, false })
	})
	for i := 0; i < 50; i++ {
		if err := download(conn, 100000); err != nil {
			return "", err
		}
		time.Sleep(50 * time.Millisecond)
	}
	return "two seconds of nothing", nil
}

// handshakes are some over a line of this kind.
func handshakes(addr string, n int, set func(*line)) error {
	return many(n, func() error {
		l, err := newLine()
		if err != nil {
			return err
		}
		set(l)
		conn, _, err := dialled{line: l}.dial(addr)
		if err != nil {
			return err
		}
		defer l.bye(conn)
		return download(conn, 1000)
	})
}

func caseHandshakeLoss(addr string) (string, error) {
	return "20 with 20 % lost each way", handshakes(addr, 20, func(l *line) {
		l.loss = 0.2
		l.random.Seed(time.Now().UnixNano())
	})
}

func caseHandshakeCorruption(addr string) (string, error) {
	return "20 with 20 % damaged each way", handshakes(addr, 20, func(l *line) {
		l.damage = 0.2
		l.random.Seed(time.Now().UnixNano())
	})
}

// caseAmplification sends one packet, and counts what comes for it.
func caseAmplification(addr string) (string, error) {
	l, err := newLine()
	if err != nil {
		return "", err
	}
	defer l.Close()
	l.holdIn = true
	to, err := net.ResolveUDPAddr("udp", addr)
	if err != nil {
		return "", err
	}
	first, err := newFirst(protocols())
	if err != nil {
		return "", err
	}
	b := first.build(1200)
	if _, err := l.WriteTo(b, to); err != nil {
		return "", err
	}
	time.Sleep(3 * time.Second)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.received == 0 || l.received > 3*len(b) {
		return "", fmt.Errorf("%d octets for %d", l.received, len(b))
	}
	return fmt.Sprintf("%d octets for %d", l.received, len(b)), nil
}

// answer is what comes for one packet within a second, if anything.
func answer(addr string, b []byte) ([]byte, error) {
	c, err := net.Dial("udp", addr)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	if _, err := c.Write(b); err != nil {
		return nil, err
	}
	c.SetReadDeadline(time.Now().Add(time.Second))
	buf := make([]byte, 2048)
	n, err := c.Read(buf)
	if err != nil {
		return nil, nil
	}
	return buf[:n], nil
}

func caseVersions(addr string) (string, error) {
	b := make([]byte, 1200)
	copy(b, []byte{0xc0, 0x1a, 0x2a, 0x3a, 0x4a, 8, 1, 2, 3, 4, 5, 6, 7, 8,
		4, 9, 9, 9, 9})
	got, err := answer(addr, b)
	if err != nil {
		return "", err
	}
	if len(got) < 7+4+8+4 || got[0]&0x80 == 0 ||
		string(got[1:5]) != "\x00\x00\x00\x00" {
		return "", fmt.Errorf("no negotiation but %x", got)
	}
	// The ids are ours, the other way round.
	if string(got[5:10]) != "\x04\x09\x09\x09\x09" ||
		string(got[10:19]) != "\x08\x01\x02\x03\x04\x05\x06\x07\x08" {
		return "", fmt.Errorf("other ids: %x", got)
	}
	for at := 19; at+4 <= len(got); at += 4 {
		if string(got[at:at+4]) == "\x00\x00\x00\x01" {
			return "version 1 is offered", nil
		}
	}
	return "", fmt.Errorf("version 1 is not offered: %x", got)
}

// caseUnknown is a packet of no connection: a stateless reset that is shorter,
// or nothing; and a first packet that is too short, which nothing answers.
func caseUnknown(addr string) (string, error) {
	b := octets(1, 0, 100)
	b[0] = 0x43
	got, err := answer(addr, b)
	if err != nil || len(got) >= len(b) {
		return "", fmt.Errorf("%d octets for a packet of no connection, %v",
			len(got), err)
	}
	said := fmt.Sprintf("a reset of %d octets", len(got))
	first, err := newFirst(protocols())
	if err != nil {
		return "", err
	}
	if got, err = answer(addr, first.build(1199)); err != nil || len(got) > 0 {
		return "", fmt.Errorf("%d octets for a first packet of 1199, %v",
			len(got), err)
	}
	return said, nil
}

// caseJunk is noise, while an honest connection goes on.
func caseJunk(addr string) (string, error) {
	conn, _, err := dial(addr)
	if err != nil {
		return "", err
	}
	defer bye(conn)
	l, err := newLine()
	if err != nil {
		return "", err
	}
	defer l.Close()
	to, err := net.ResolveUDPAddr("udp", addr)
	if err != nil {
		return "", err
	}
	first, err := newFirst(protocols())
	if err != nil {
		return "", err
	}
	for n := 0; n <= 1500; n++ {
		b := make([]byte, n)
		l.random.Read(b)
		l.WriteTo(b, to)
		b = first.build(1200)
		for i := 0; i < 1+n%20; i++ {
			b[l.random.Intn(len(b))] ^= byte(1 + l.random.Intn(255))
		}
		l.WriteTo(b[:l.random.Intn(len(b)+1)], to)
	}
	return "3000 packets of noise", download(conn, 100000)
}
