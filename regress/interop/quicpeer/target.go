// SPDX-License-Identifier: ISC

/*
 * Targets, which are told by a connection's first 16 octets what to do with it:
 * mode, three zeros, index, how many octets the user sends, how many the target;
 * all big-endian.  What it saw is told to who asks by the index.
 *
 * The one for datagrams sends each back; one that begins with "times" and a
 * digit so many times; "port" is answered with the port that it came from.
 */

package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"strconv"
	"sync"
	"time"
)

const (
	modeDuplex = iota // both send at once, then each ends
	modeAfter         // the target sends when the user has ended
	modeFirst         // the target sends and ends first, then reads on
	modeReset         // the target sends, then resets
	modeHold          // the target says nothing, and waits for the end
)

type target struct {
	tcp  net.Listener
	udp  *net.UDPConn
	port int
	mu   sync.Mutex
	saw  map[int]chan error // by index: nil is a clean end
	next int
}

// targets is the one of this process.
var targets struct {
	once sync.Once
	t    *target
}

func theTarget() *target {
	targets.once.Do(func() { targets.t = newTarget(opts.target) })
	return targets.t
}

// newTarget has the same port for both protocols.
func newTarget(port int) *target {
	t := &target{saw: make(map[int]chan error)}
	for try := 0; ; try++ {
		l, err := net.Listen("tcp", address("127.0.0.1", port))
		if err != nil {
			fail("%v", err)
		}
		t.tcp, t.port = l, l.Addr().(*net.TCPAddr).Port
		t.udp, err = net.ListenUDP("udp", &net.UDPAddr{
			IP: net.IPv4(127, 0, 0, 1), Port: t.port})
		if err == nil {
			break
		}
		l.Close()
		if try == 20 {
			fail("%v", err)
		}
	}
	_ = t.udp.SetReadBuffer(1 << 21)
	go t.accept()
	go t.answer()
	return t
}

// index is a new one, for a connection that is to come.
func (t *target) index() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.next++
	t.saw[t.next] = make(chan error, 1)
	return t.next
}

// ended waits until the connection of that index is over for the target.
func (t *target) ended(index int) error {
	t.mu.Lock()
	c := t.saw[index]
	t.mu.Unlock()
	select {
	case err := <-c:
		return err
	case <-time.After(opts.patience):
		return fmt.Errorf("the target's connection does not end")
	}
}

func (t *target) accept() {
	for {
		c, err := t.tcp.Accept()
		if err != nil {
			return
		}
		go t.serve(c.(*net.TCPConn))
	}
}

func head(mode, index, up, down int) []byte {
	b := make([]byte, 16)
	b[0] = byte(mode)
	binary.BigEndian.PutUint32(b[4:], uint32(index))
	binary.BigEndian.PutUint32(b[8:], uint32(up))
	binary.BigEndian.PutUint32(b[12:], uint32(down))
	return b
}

func (t *target) serve(c *net.TCPConn) {
	var b [16]byte
	if _, err := io.ReadFull(c, b[:]); err != nil {
		c.Close()
		return
	}
	index := int(binary.BigEndian.Uint32(b[4:]))
	up := int(binary.BigEndian.Uint32(b[8:]))
	down := int(binary.BigEndian.Uint32(b[12:]))
	err := t.do(c, int(b[0]), index, up, down)
	t.mu.Lock()
	saw := t.saw[index]
	t.mu.Unlock()
	if saw != nil {
		saw <- err
	}
}

func (t *target) do(c *net.TCPConn, mode, index, up, down int) error {
	defer c.Close()
	switch mode {
	case modeDuplex:
		sent := make(chan error, 1)
		go func() {
			err := send(c, index, down)
			c.CloseWrite()
			sent <- err
		}()
		if err := receive(c, index, up); err != nil {
			return err
		}
		if err := <-sent; err != nil {
			return err
		}
		if opts.reference {
			return nil // which does not tell the user's end
		}
		return ended(c)
	case modeAfter:
		if err := receive(c, index, up); err != nil {
			return err
		}
		if err := ended(c); err != nil {
			return err
		}
		return send(c, index, down)
	case modeFirst:
		if err := send(c, index, down); err != nil {
			return err
		}
		c.CloseWrite()
		return receive(c, index, up)
	case modeReset:
		err := send(c, index, down)
		if err == nil {
			err = receive(c, index, up)
		}
		c.SetLinger(0)
		return err
	case modeHold:
		return ended(c)
	}
	return fmt.Errorf("no mode is %d", mode)
}

func (t *target) answer() {
	buf := make([]byte, 65536)
	for {
		n, from, err := t.udp.ReadFromUDP(buf)
		if err != nil {
			return
		}
		b := buf[:n]
		times := 1
		if bytes.HasPrefix(b, []byte("times")) && n > 5 {
			times = int(b[5] - '0')
		}
		if string(b) == "port" {
			b = []byte(strconv.Itoa(from.Port))
		}
		for i := 0; i < times; i++ {
			t.udp.WriteToUDP(b, from)
		}
	}
}

// A user's connection: a stream of QUIC's, or TCP to a client of the tunnel.
type user interface {
	io.ReadWriter
	CloseWrite() error
	Abort() // as rude as it can be
}

// use does the user's part of a mode, and then asks the target.
func use(u user, mode, index, up, down int) error {
	if _, err := u.Write(head(mode, index, up, down)); err != nil {
		return err
	}
	sent := make(chan error, 1)
	go func() {
		err := send(u, index, up)
		if err == nil {
			err = u.CloseWrite()
		}
		sent <- err
	}()
	if err := receive(u, index, down); err != nil {
		return err
	}
	if err := ended(u); err != nil {
		return err
	}
	if err := <-sent; err != nil {
		return err
	}
	return theTarget().ended(index)
}
