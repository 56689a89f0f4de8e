// SPDX-License-Identifier: ISC

/*
 * A server of MyTunnel as 0.1.0 is one, which can be told to be another kind
 * of wrong at each stream.
 */

package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"time"

	"github.com/lucas-clemente/quic-go"
)

// What it does with streams, by the port that is asked for.
const (
	portRefuse   = 1 + iota // ff, FIN
	portJunk                // 7f
	portEnd                 // FIN without a status
	portReset               // RESET_STREAM without a status
	portStop                // STOP_SENDING, then 00
	portTogether            // 00 and "hello" in one frame, FIN
	portSilent              // nothing
	portLast
)

type server struct {
	addr     string
	tls      *tls.Config
	config   *quic.Config
	tracer   *tracer
	listener quic.Listener
	conns    chan quic.Connection // each, once it is there
	mu       sync.Mutex
	current  quic.Connection
	got      []byte // the newest datagram's prefix
	flows    map[string]*net.UDPConn
}

func newServer(addr string) *server {
	s := &server{addr: addr, tracer: &tracer{},
		conns: make(chan quic.Connection, 100),
		flows: make(map[string]*net.UDPConn)}
	s.usual()
	return s
}

// stand is one that does all as it should, for who tests the tests.
func stand(addr string) {
	s := newServer(addr)
	if err := s.start(); err != nil {
		fail("%v", err)
	}
	fmt.Println("ready")
	_, _ = io.Copy(io.Discard, os.Stdin)
	s.stop(0, "server shutdown")
}

// usual forgets what a check has changed, for the next start.
func (s *server) usual() {
	s.tls = &tls.Config{Certificates: certificate(),
		NextProtos: []string{"mytunnel", "h3"}, MinVersion: tls.VersionTLS13}
	s.config = config(s.tracer)
	s.config.KeepAlivePeriod = 15 * time.Second
	s.config.RequireAddressValidation = func(net.Addr) bool { return false }
	s.config.MaxIncomingStreams = 100
}

// start listens, as soon as the port is free.
func (s *server) start() error {
	var err error
	for try := 0; try < 100; try++ {
		s.listener, err = quic.ListenAddr(s.addr, s.tls, s.config)
		if err == nil {
			go s.accept(s.listener)
			return nil
		}
		time.Sleep(20 * time.Millisecond)
	}
	return err
}

// stop ends all connections with these words, and listens no more.
func (s *server) stop(code uint64, words string) {
	s.mu.Lock()
	if s.current != nil {
		s.current.CloseWithError(quic.ApplicationErrorCode(code), words)
		s.current = nil
	}
	s.mu.Unlock()
	time.Sleep(50 * time.Millisecond) // for its packet to leave
	s.listener.Close()
	for len(s.conns) > 0 {
		<-s.conns
	}
}

// again starts it anew, with what was changed, and waits for the client.
func (s *server) again() (quic.Connection, error) {
	s.stop(0, "server shutdown")
	s.tracer.forget()
	if err := s.start(); err != nil {
		return nil, err
	}
	return s.client()
}

// client waits for one whose handshake is done.
func (s *server) client() (quic.Connection, error) {
	select {
	case conn := <-s.conns:
		return conn, nil
	case <-time.After(2 * opts.patience):
		return nil, fmt.Errorf("no client comes")
	}
}

func (s *server) accept(l quic.Listener) {
	for {
		conn, err := l.Accept(context.Background())
		if err != nil {
			return
		}
		s.mu.Lock()
		s.current = conn
		s.mu.Unlock()
		select {
		case s.conns <- conn:
		default: // nobody waits for it
		}
		go s.datagrams(conn)
		go func() {
			for {
				st, err := conn.AcceptStream(context.Background())
				if err != nil {
					return
				}
				go s.serve(stream{st})
			}
		}()
	}
}

func (s *server) serve(st stream) {
	kind, host, port, err := readHeader(st)
	if err != nil || kind != typeTCP {
		if err == nil {
			st.Write([]byte{statusNo})
		}
		st.CloseWrite()
		st.CancelRead(0)
		return
	}
	if port < portLast {
		s.odd(st, port)
		return
	}
	st.Write([]byte{statusOK})
	c, err := net.Dial("tcp", address(host, port))
	if err != nil {
		st.CloseWrite()
		st.CancelRead(0)
		return
	}
	both(st, c.(*net.TCPConn))
}

// both relays until each direction is over.
func both(st stream, c *net.TCPConn) {
	down := make(chan bool)
	go func() {
		if _, err := io.Copy(st, c); err != nil {
			st.CancelWrite(0)
		} else {
			st.CloseWrite()
		}
		close(down)
	}()
	if _, err := io.Copy(c, st); err != nil {
		c.SetLinger(0)
		c.Close()
	} else {
		c.CloseWrite()
	}
	<-down
	c.Close()
}

func (s *server) odd(st stream, port int) {
	switch port {
	case portRefuse:
		st.Write([]byte{statusNo})
		st.CloseWrite()
		st.CancelRead(0)
	case portJunk:
		st.Write([]byte{0x7f})
		io.Copy(io.Discard, st)
		st.CloseWrite()
	case portEnd:
		st.CloseWrite()
		st.CancelRead(0)
	case portReset:
		st.CancelWrite(9)
		st.CancelRead(0)
	case portStop:
		st.CancelRead(5)
		st.Write([]byte{statusOK})
		st.CloseWrite()
	case portTogether:
		st.Write([]byte("\x00hello"))
		st.CloseWrite()
		io.Copy(io.Discard, st)
	case portSilent:
		io.Copy(io.Discard, st)
		st.CloseWrite()
	}
}

// datagrams relays each to its target, and all that comes from there back.
func (s *server) datagrams(conn quic.Connection) {
	for {
		m, err := conn.ReceiveMessage()
		if err != nil {
			return
		}
		pre, payload, host, port, ok := split(m)
		if !ok || host == "" {
			continue
		}
		s.mu.Lock()
		s.got = append([]byte(nil), pre...)
		s.mu.Unlock()
		s.flow(conn, pre, address(host, port)).Write(payload)
	}
}

func (s *server) flow(conn quic.Connection, pre []byte, to string) *net.UDPConn {
	key := fmt.Sprintf("%p %s", conn, pre)
	if c := s.flows[key]; c != nil {
		return c
	}
	any, err := net.Dial("udp", to)
	if err != nil {
		any, _ = net.Dial("udp", "127.0.0.1:9")
	}
	c := any.(*net.UDPConn)
	s.flows[key] = c
	pre = append([]byte(nil), pre...)
	go func() {
		buf := make([]byte, 65536)
		for conn.Context().Err() == nil {
			n, err := c.Read(buf)
			if err == nil {
				conn.SendMessage(append(pre[:len(pre):len(pre)],
					buf[:n]...))
			}
		}
	}()
	return c
}
