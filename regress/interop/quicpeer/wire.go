// SPDX-License-Identifier: ISC

/*
 * MyTunnel on the wire: the header of a stream, the prefix of a datagram; and
 * the octets that tests send, which both ends know.
 */

package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"strconv"
)

const (
	typeTCP  = 1
	statusOK = 0
	statusNo = 0xff
)

// header is what a stream begins with: type, port, length of the host, host.
func header(kind byte, host string, port int) []byte {
	b := []byte{kind, byte(port >> 8), byte(port), byte(len(host))}
	return append(b, host...)
}

// prefix is what a datagram begins with: the header without a type.
func prefix(host string, port int) []byte {
	return header(0, host, port)[1:]
}

func address(host string, port int) string {
	return net.JoinHostPort(host, strconv.Itoa(port))
}

// readHeader reads it octet for octet, as it comes.
func readHeader(r io.Reader) (kind byte, host string, port int, err error) {
	var b [259]byte
	if _, err = io.ReadFull(r, b[:4]); err != nil {
		return
	}
	n := int(b[3])
	if _, err = io.ReadFull(r, b[4:4+n]); err != nil {
		return
	}
	return b[0], string(b[4 : 4+n]), int(binary.BigEndian.Uint16(b[1:])), nil
}

// split takes a datagram apart; ok 0: it is none.
func split(b []byte) (pre, payload []byte, host string, port int, ok bool) {
	if len(b) < 4 || 3+int(b[2]) > len(b) {
		return
	}
	n := 3 + int(b[2])
	return b[:n], b[n:], string(b[3:n]), int(binary.BigEndian.Uint16(b)), true
}

func pattern(index, off int) byte {
	return byte(uint32(off)*7 + uint32(off>>8)*13 + uint32(index)*31)
}

func octets(index, off, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = pattern(index, off+i)
	}
	return b
}

func send(w io.Writer, index, n int) error {
	for off := 0; off < n; {
		k := n - off
		if k > 50000 {
			k = 50000
		}
		if _, err := w.Write(octets(index, off, k)); err != nil {
			return fmt.Errorf("sending %d of %d: %v", off, n, err)
		}
		off += k
	}
	return nil
}

// receive takes so many octets, and each must be as it was sent.
func receive(r io.Reader, index, n int) error {
	buf := make([]byte, 30000)
	for off := 0; off < n; {
		k := n - off
		if k > len(buf) {
			k = len(buf)
		}
		m, err := r.Read(buf[:k])
		if !bytes.Equal(buf[:m], octets(index, off, m)) {
			return fmt.Errorf("octets behind %d differ", off)
		}
		off += m
		if err != nil && off < n {
			return fmt.Errorf("%d of %d came: %v", off, n, err)
		}
	}
	return nil
}

// ended wants a clean end, and nothing before it.
func ended(r io.Reader) error {
	var b [1]byte
	if n, err := r.Read(b[:]); n != 0 || err != io.EOF {
		return fmt.Errorf("no clean end but %d octets, %v", n, err)
	}
	return nil
}
