// SPDX-License-Identifier: ISC

/*
 * Against a client of MyTunnel: a server that it has to bear, and users that
 * look what comes of it.
 */

package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"time"

	"github.com/lucas-clemente/quic-go"
)

func serveChecks(addr string) []check {
	s := newServer(addr)
	if err := s.start(); err != nil {
		fail("%v", err)
	}
	all := userChecks()[:1]
	// with starts it anew with something else, has users served, and
	// looks at the client's connection then.
	with := func(name string, change func() func(),
		look func(quic.Connection, *tracer) (string, error)) {
		all = append(all, check{name, func() (string, error) {
			s.usual()
			undo := change()
			conn, err := s.again()
			undo()
			if err != nil {
				return "", err
			}
			if _, err := served(); err != nil {
				return "", err
			}
			return look(conn, s.tracer)
		}})
	}
	add := func(name string, f func(*server) (string, error)) {
		all = append(all, check{name, func() (string, error) {
			said, err := f(s)
			if err == nil {
				_, err = served()
				if err != nil {
					err = fmt.Errorf("afterwards: %v", err)
				}
			}
			return said, err
		}})
	}
	nothing := func() func() { return func() {} }

	with("handshake", nothing, serveHandshake)
	with("retry", func() func() {
		s.config.RequireAddressValidation = func(net.Addr) bool { return true }
		return func() {}
	}, serveTransfer)
	with("chacha20", onlyChaCha, serveChaCha)
	with("keyupdate", func() func() { return keysChange(100) },
		serveKeyUpdate)
	with("ecn", nothing, serveECN)
	with("resumption", nothing, serveResumption)
	with("unidirectional", nothing, serveStreams)
	all = append(all, userChecks()[1:9]...)
	add("refused", serveRefused)
	add("together", serveTogether)
	add("stopped", serveStopped)
	add("silent", serveSilent)
	add("datagram-bad", serveDatagramBad)
	add("capacity", serveCapacity)
	add("alpn", serveALPN)
	add("certificate", serveCertificate)
	add("shutdown", serveShutdown)
	return all
}

func serveHandshake(conn quic.Connection, t *tracer) (string, error) {
	p := t.sum().params
	state := conn.ConnectionState()
	if p == nil || state.TLS.NegotiatedProtocol != "mytunnel" {
		return "", fmt.Errorf("protocol %s", state.TLS.NegotiatedProtocol)
	}
	if p.MaxDatagramFrameSize != 65535 || p.MaxIdleTimeout != 30*time.Second {
		return "", fmt.Errorf("datagrams of %d, idle %v",
			p.MaxDatagramFrameSize, p.MaxIdleTimeout)
	}
	if p.InitialMaxStreamDataBidiLocal < 256<<10 {
		return "", fmt.Errorf("a window of %d",
			p.InitialMaxStreamDataBidiLocal)
	}
	return fmt.Sprintf("for %q, window %d", state.TLS.ServerName,
		p.InitialMaxStreamDataBidiLocal), nil
}

func serveTransfer(quic.Connection, *tracer) (string, error) {
	return "3 files each way", many(3, func() error {
		return visit(modeDuplex, fileSize, fileSize)
	})
}

func serveChaCha(conn quic.Connection, t *tracer) (string, error) {
	if s := conn.ConnectionState().TLS.CipherSuite; s != tls.TLS_CHACHA20_POLY1305_SHA256 {
		return "", fmt.Errorf("suite %#x", s)
	}
	return serveTransfer(conn, t)
}

func serveKeyUpdate(conn quic.Connection, t *tracer) (string, error) {
	if _, err := serveTransfer(conn, t); err != nil {
		return "", err
	}
	if n := t.sum().keys; n >= 1 {
		return fmt.Sprintf("%d times", n), nil
	}
	return "", fmt.Errorf("%d times", t.sum().keys)
}

func serveECN(conn quic.Connection, t *tracer) (string, error) {
	if _, err := serveTransfer(conn, t); err != nil {
		return "", err
	}
	if t.sum().ect0 == 0 {
		return "", fmt.Errorf("no packet is marked")
	}
	return fmt.Sprintf("%d packets with ECT(0)", t.sum().ect0), nil
}

// serveResumption sent tickets before; the client must have kept none.
func serveResumption(conn quic.Connection, t *tracer) (string, error) {
	if conn.ConnectionState().TLS.DidResume {
		return "", fmt.Errorf("a session was resumed")
	}
	return "a whole handshake, tickets or not", nil
}

// serveStreams opens streams that no server of MyTunnel opens.
func serveStreams(conn quic.Connection, t *tracer) (string, error) {
	uni, both := 0, 0
	for ; uni < 100; uni++ {
		u, err := conn.OpenUniStream()
		if err != nil {
			break
		}
		u.SetWriteDeadline(time.Now().Add(20 * time.Millisecond))
		u.Write(make([]byte, 1000*uni))
		u.Close()
	}
	for ; both < 100; both++ {
		b, err := conn.OpenStream()
		if err != nil {
			break
		}
		b.SetWriteDeadline(time.Now().Add(20 * time.Millisecond))
		b.Write(header(typeTCP, "127.0.0.1", theTarget().port))
		if both%2 == 0 {
			b.Close()
		}
	}
	_, err := served()
	if err == nil && conn.Context().Err() != nil {
		err = fmt.Errorf("the connection is over")
	}
	return fmt.Sprintf("%d of one direction, %d of both", uni, both), err
}

// refusedWith is what users of each way hear of a port.
func refusedWith(port int) error {
	for _, by := range ways() {
		u, err := by("127.0.0.1", port)
		var no refusal
		if err == nil {
			u.Abort()
			return fmt.Errorf("port %d: taken", port)
		}
		if !errors.As(err, &no) {
			return fmt.Errorf("port %d: %v", port, err)
		}
	}
	return nil
}

func serveRefused(*server) (string, error) {
	for _, port := range []int{portRefuse, portJunk, portEnd, portReset} {
		if err := refusedWith(port); err != nil {
			return "", err
		}
	}
	return "ff, another status, an end, a reset: each is a refusal", nil
}

func serveTogether(*server) (string, error) {
	for _, by := range ways() {
		u, err := by("127.0.0.1", portTogether)
		if err != nil {
			return "", err
		}
		b, err := io.ReadAll(u)
		u.Abort()
		if err != nil || string(b) != "hello" {
			return "", fmt.Errorf("%q, %v", b, err)
		}
	}
	return "status, data and end in one", nil
}

func serveStopped(*server) (string, error) {
	for _, by := range ways() {
		u, err := by("127.0.0.1", portStop)
		if err != nil {
			return "", err
		}
		end := time.Now().Add(opts.patience)
		for err == nil {
			if time.Now().After(end) {
				return "", fmt.Errorf("a user may go on for ever")
			}
			_, err = u.Write(make([]byte, 1000))
			time.Sleep(10 * time.Millisecond)
		}
		u.Abort()
	}
	return "STOP_SENDING ends the user", nil
}

// serveSilent has a status that never comes; the user goes first, and then
// others are served.
func serveSilent(*server) (string, error) {
	c, err := toListener(opts.socks)
	if err != nil {
		return "", err
	}
	go request(c, 1, "127.0.0.1", portSilent)
	time.Sleep(300 * time.Millisecond)
	c.Close()
	return "a status that never comes", nil
}

func serveDatagramBad(s *server) (string, error) {
	a, err := newAssociate()
	if err != nil {
		return "", err
	}
	defer a.close()
	p := []byte("a good one")
	if err := a.ask("127.0.0.1", theTarget().port, p, p); err != nil {
		return "", err
	}
	s.mu.Lock()
	conn, pre := s.current, s.got
	s.mu.Unlock()
	if !bytes.Equal(pre, prefix("127.0.0.1", theTarget().port)) {
		return "", fmt.Errorf("prefix %q", pre)
	}
	for _, m := range [][]byte{{}, {0}, {0, 53, 0}, {0, 53, 9, 'a'},
		append(prefix("\xff\xfe", 53), "x"...),
		append(prefix("127.0.0.2", theTarget().port), "x"...),
		append(prefix("127.0.0.1", 9), "x"...),
	} {
		if err := conn.SendMessage(m); err != nil {
			return "", err
		}
	}
	a.udp.SetReadDeadline(time.Now().Add(500 * time.Millisecond))
	if n, err := a.udp.Read(make([]byte, 100)); err == nil {
		return "", fmt.Errorf("%d octets came of what was never asked", n)
	}
	return "what nobody asked for is dropped",
		a.ask("127.0.0.1", theTarget().port, p, p)
}

// serveCapacity turns it away, twice, and then does not.
func serveCapacity(s *server) (string, error) {
	s.mu.Lock()
	conn := s.current
	s.mu.Unlock()
	for i := 0; i < 2; i++ {
		for len(s.conns) > 0 {
			<-s.conns
		}
		conn.CloseWithError(1, "server at capacity")
		var err error
		if conn, err = s.client(); err != nil {
			return "", err
		}
	}
	return "it comes again", nil
}

// serveALPN has another protocol alone, and then the right one.
func serveALPN(s *server) (string, error) {
	s.stop(0, "server shutdown")
	s.usual()
	s.tls.NextProtos = []string{"h2"}
	if err := s.start(); err != nil {
		return "", err
	}
	select {
	case <-s.conns:
		return "", fmt.Errorf("a client without a common protocol")
	case <-time.After(opts.patience / 4):
	}
	s.usual()
	_, err := s.again()
	return "no common protocol, no tunnel", err
}

// serveCertificate has one that nobody signed.
func serveCertificate(s *server) (string, error) {
	if opts.ca == "" {
		return "", skipped("the client takes all")
	}
	s.stop(0, "server shutdown")
	s.usual()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return "", err
	}
	of := &x509.Certificate{SerialNumber: big.NewInt(1),
		Subject:  pkix.Name{CommonName: "localhost"},
		DNSNames: []string{"localhost"}, NotAfter: time.Now().AddDate(1, 0, 0)}
	der, err := x509.CreateCertificate(rand.Reader, of, of, &key.PublicKey, key)
	if err != nil {
		return "", err
	}
	s.tls.Certificates = []tls.Certificate{{Certificate: [][]byte{der},
		PrivateKey: key}}
	if err := s.start(); err != nil {
		return "", err
	}
	select {
	case <-s.conns:
		// quic-go is done before the client has judged.
		if _, err := bySOCKS("127.0.0.1", theTarget().port); err == nil {
			return "", fmt.Errorf("a certificate that nobody signed")
		}
	case <-time.After(opts.patience / 4):
	}
	s.usual()
	_, err = s.again()
	return "a certificate that nobody signed is none", err
}

// serveShutdown ends it under users, who must hear of it.
func serveShutdown(s *server) (string, error) {
	u, err := bySOCKS("127.0.0.1", theTarget().port)
	if err != nil {
		return "", err
	}
	defer u.Abort()
	index := theTarget().index()
	u.Write(head(modeHold, index, 0, 0))
	s.stop(0, "server shutdown")
	if _, err := io.ReadAll(u); err != nil {
		var te net.Error
		if errors.As(err, &te) && te.Timeout() {
			return "", fmt.Errorf("the user is left alone")
		}
	}
	return "users end, and it comes again", s.start()
}
