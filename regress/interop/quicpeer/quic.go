// SPDX-License-Identifier: ISC

/*
 * Connections of QUIC: how they are dialled and accepted, and a stream of one
 * as a user's connection.
 */

package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/lucas-clemente/quic-go"
)

func config(t *tracer) *quic.Config {
	c := &quic.Config{
		Versions:             []quic.VersionNumber{quic.Version1},
		ConnectionIDLength:   8,
		HandshakeIdleTimeout: opts.patience,
		MaxIdleTimeout:       30 * time.Second,
		KeepAlivePeriod:      10 * time.Second,
		EnableDatagrams:      true,
	}
	if t != nil {
		c.Tracer = t
	}
	return c
}

func clientTLS() *tls.Config {
	pool := trusted()
	return &tls.Config{RootCAs: pool, InsecureSkipVerify: pool == nil,
		ServerName: opts.name, NextProtos: protocols(),
		MinVersion: tls.VersionTLS13}
}

func within() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), opts.patience)
}

// How one is dialled: what nobody sets is as usual.
type dialled struct {
	tls    *tls.Config
	config *quic.Config
	line   net.PacketConn
	tracer *tracer
}

func (d dialled) dial(addr string) (quic.Connection, *trace, error) {
	if d.tracer == nil {
		d.tracer = &tracer{}
	}
	if d.tls == nil {
		d.tls = clientTLS()
	}
	if d.config == nil {
		d.config = config(nil)
	}
	if d.config.Tracer == nil {
		d.config.Tracer = d.tracer
	}
	ctx, cancel := within()
	defer cancel()
	to, err := net.ResolveUDPAddr("udp", addr)
	if err != nil {
		return nil, nil, err
	}
	if d.line == nil {
		// Its own socket, which tells the marks of congestion.
		if d.line, err = net.ListenUDP("udp", nil); err != nil {
			return nil, nil, err
		}
	}
	conn, err := quic.DialContext(ctx, d.line, to, opts.name, d.tls, d.config)
	if err != nil {
		d.line.Close()
		return nil, nil, err
	}
	go func() {
		<-conn.Context().Done()
		// Its last packet is sent behind that.
		time.Sleep(100 * time.Millisecond)
		d.line.Close()
	}()
	return conn, d.tracer.last(), nil
}

func dial(addr string) (quic.Connection, *trace, error) {
	return dialled{}.dial(addr)
}

func bye(conn quic.Connection) {
	conn.CloseWithError(0, "client shutdown")
}

type stream struct{ quic.Stream }

func (s stream) CloseWrite() error { return s.Close() }

func (s stream) Abort() {
	s.CancelWrite(0)
	s.CancelRead(0)
}

func openStream(conn quic.Connection) (stream, error) {
	ctx, cancel := within()
	defer cancel()
	s, err := conn.OpenStreamSync(ctx)
	if err != nil {
		return stream{}, err
	}
	s.SetDeadline(time.Now().Add(3 * opts.patience))
	return stream{s}, nil
}

// begin opens a stream, sends these octets, and takes the status.
func begin(conn quic.Connection, octets []byte) (stream, byte, error) {
	var b [1]byte
	s, err := openStream(conn)
	if err != nil {
		return s, 0, err
	}
	if _, err := s.Write(octets); err != nil {
		return s, 0, err
	}
	if _, err := io.ReadFull(s, b[:]); err != nil {
		return s, 0, fmt.Errorf("no status: %v", err)
	}
	return s, b[0], nil
}

// reach is a stream to the target.
func reach(conn quic.Connection) (stream, error) {
	s, status, err := begin(conn, header(typeTCP, "127.0.0.1",
		theTarget().port))
	if err == nil && status != statusOK {
		err = fmt.Errorf("status %#x", status)
	}
	return s, err
}

// exchange is one stream to the target in a mode, to its end.
func exchange(conn quic.Connection, mode, up, down int) error {
	s, err := reach(conn)
	if err != nil {
		return err
	}
	return use(s, mode, theTarget().index(), up, down)
}

// many runs so many at once; the first error counts.
func many(n int, f func() error) error {
	errs := make(chan error, n)
	for i := 0; i < n; i++ {
		go func() { errs <- f() }()
	}
	var first error
	for i := 0; i < n; i++ {
		if err := <-errs; err != nil && first == nil {
			first = fmt.Errorf("one of %d: %v", n, err)
		}
	}
	return first
}

// hold keeps a connection until the other side ends it, and says how.
func hold(addr string) {
	conn, _, err := dial(addr)
	if err != nil {
		fail("%v", err)
	}
	fmt.Println("open")
	<-conn.Context().Done()
	_, err = conn.AcceptStream(context.Background())
	fmt.Println("ended:", how(err))
}

// how says of an error what it was on the wire.
func how(err error) string {
	switch e := err.(type) {
	case *quic.ApplicationError:
		return fmt.Sprintf("application %d \"%s\" remote %v",
			uint64(e.ErrorCode), e.ErrorMessage, e.Remote)
	case *quic.TransportError:
		return fmt.Sprintf("transport %#x \"%s\" remote %v",
			uint64(e.ErrorCode), e.ErrorMessage, e.Remote)
	case *quic.IdleTimeoutError:
		return "idle"
	case *quic.StatelessResetError:
		return "stateless reset"
	case nil:
		return "nothing"
	}
	return fmt.Sprintf("%T %v", err, err)
}
