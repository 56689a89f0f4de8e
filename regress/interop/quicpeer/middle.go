// SPDX-License-Identifier: ISC

/*
 * A man in the middle: ends a client's QUIC with a certificate of his own,
 * begins it anew to the server, and hands on every stream and datagram as it
 * is.  Says what he saw.
 */

package main

import (
	"context"
	"crypto/tls"
	"fmt"

	"github.com/lucas-clemente/quic-go"
)

func middle(addr, to string) {
	l, err := quic.ListenAddr(addr, &tls.Config{Certificates: certificate(),
		NextProtos: protocols(), MinVersion: tls.VersionTLS13}, config(nil))
	if err != nil {
		fail("%v", err)
	}
	fmt.Println("ready")
	for {
		conn, err := l.Accept(context.Background())
		if err != nil {
			fail("%v", err)
		}
		fmt.Println("a client is here")
		go between(conn, to)
	}
}

func between(conn quic.Connection, to string) {
	far, _, err := dial(to)
	if err != nil {
		fmt.Println("the server:", how(err))
		conn.CloseWithError(0, "")
		return
	}
	fmt.Println("a server is there")
	go onward(conn, far, "client")
	go onward(far, conn, "server")
	go messages(conn, far)
	go messages(far, conn)
}

// onward opens a stream for each that comes; and ends with the connection.
func onward(from, to quic.Connection, who string) {
	for {
		s, err := from.AcceptStream(context.Background())
		if err != nil {
			fmt.Printf("the %s ends: %s\n", who, how(err))
			to.CloseWithError(0, "")
			return
		}
		far, err := to.OpenStreamSync(context.Background())
		if err != nil {
			return
		}
		fmt.Printf("a stream of the %s's\n", who)
		go half(far, s)
		go half(s, far)
	}
}

func half(to, from quic.Stream) {
	buf := make([]byte, 65536)
	for {
		n, err := from.Read(buf)
		if n > 0 {
			if _, err := to.Write(buf[:n]); err != nil {
				from.CancelRead(0)
				return
			}
		}
		if _, ok := err.(*quic.StreamError); ok {
			to.CancelWrite(0)
			return
		}
		if err != nil {
			to.Close()
			return
		}
	}
}

func messages(from, to quic.Connection) {
	for {
		m, err := from.ReceiveMessage()
		if err != nil {
			return
		}
		to.SendMessage(m)
	}
}
