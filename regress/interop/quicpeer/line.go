// SPDX-License-Identifier: ISC

/*
 * A UDP socket with a bad line behind it: packets are lost, damaged, delayed
 * or held up, and where they come from changes, as behind a NAT that forgets.
 */

package main

import (
	"math/rand"
	"net"
	"sync"
	"time"

	"github.com/lucas-clemente/quic-go"
)

type packet struct {
	data []byte
	from net.Addr
	err  error
}

type line struct {
	mu       sync.Mutex
	out      *net.UDPConn   // what is sent through now
	all      []*net.UDPConn // all that were
	in       chan packet
	deadline time.Time
	random   *rand.Rand

	loss, damage float64       // of 1, each way
	delay        time.Duration // each way
	holdOut      bool          // nothing goes out, nothing comes in
	holdIn       bool
	burst        int // packets between two new ports, 0: never
	left         int
	addrs        []net.IP // of the sockets, in turns
	turn         int

	sent, received int // octets of UDP payloads
	moves          int
}

func newLine(addrs ...net.IP) (*line, error) {
	if len(addrs) == 0 {
		addrs = []net.IP{net.IPv4(127, 0, 0, 1)}
	}
	l := &line{in: make(chan packet, 4096), addrs: addrs,
		random: rand.New(rand.NewSource(1))}
	return l, l.rebind()
}

// rebind sends from another port from now on, and from the next address; what
// comes to an older one is lost, as behind a NAT that has forgotten it.
func (l *line) rebind() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.rebindLocked()
}

func (l *line) rebindLocked() error {
	c, err := net.ListenUDP("udp", &net.UDPAddr{
		IP: l.addrs[l.turn%len(l.addrs)]})
	if err != nil {
		return err
	}
	_ = c.SetReadBuffer(1 << 21)
	l.turn++
	l.moves++
	l.out = c
	l.all = append(l.all, c)
	if len(l.all) > 8 { // not at once, or the system would hand it out again
		l.all[0].Close()
		l.all = l.all[1:]
	}
	go l.receive(c)
	return nil
}

func (l *line) receive(c *net.UDPConn) {
	for {
		buf := make([]byte, 2048)
		n, from, err := c.ReadFrom(buf)
		if err != nil {
			return
		}
		l.mu.Lock()
		l.received += n
		lost := l.holdIn || c != l.out || l.spoil(buf[:n])
		delay := l.delay
		l.mu.Unlock()
		if !lost {
			l.arrive(packet{buf[:n], from, nil}, delay)
		}
	}
}

func (l *line) arrive(p packet, delay time.Duration) {
	put := func() {
		select {
		case l.in <- p:
		default: // as a full socket does
		}
	}
	if delay > 0 {
		time.AfterFunc(delay, put)
	} else {
		put()
	}
}

// spoil says whether it is lost, and may damage it.
func (l *line) spoil(b []byte) bool {
	if l.random.Float64() < l.loss {
		return true
	}
	if len(b) > 0 && l.random.Float64() < l.damage {
		b[l.random.Intn(len(b))] ^= 1 << uint(l.random.Intn(8))
	}
	return false
}

func (l *line) ReadFrom(b []byte) (int, net.Addr, error) {
	for {
		l.mu.Lock()
		deadline := l.deadline
		l.mu.Unlock()
		var timer <-chan time.Time
		if !deadline.IsZero() {
			timer = time.After(time.Until(deadline))
		}
		select {
		case p := <-l.in:
			if p.err == net.ErrClosed {
				return 0, nil, p.err
			}
			if p.err == nil {
				return copy(b, p.data), p.from, nil
			}
		case <-timer:
			return 0, nil, timeout{}
		}
	}
}

func (l *line) WriteTo(b []byte, to net.Addr) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.burst > 0 {
		if l.left--; l.left <= 0 {
			l.left = l.burst
			if err := l.rebindLocked(); err != nil {
				return 0, err
			}
		}
	}
	l.sent += len(b)
	data := append([]byte(nil), b...)
	if l.holdOut || l.spoil(data) {
		return len(b), nil
	}
	if l.delay > 0 {
		out := l.out
		time.AfterFunc(l.delay, func() { out.WriteTo(data, to) })
		return len(b), nil
	}
	_, err := l.out.WriteTo(data, to)
	return len(b), err
}

// SetReadDeadline has a reader look at it again, too.
func (l *line) SetReadDeadline(t time.Time) error {
	l.mu.Lock()
	l.deadline = t
	l.mu.Unlock()
	select {
	case l.in <- packet{err: timeout{}}:
	default:
	}
	return nil
}

func (l *line) SetDeadline(t time.Time) error      { return l.SetReadDeadline(t) }
func (l *line) SetWriteDeadline(t time.Time) error { return nil }

func (l *line) LocalAddr() net.Addr {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.out.LocalAddr()
}

func (l *line) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range l.all {
		c.Close()
	}
	select {
	case l.in <- packet{err: net.ErrClosed}:
	default:
	}
	return nil
}

// bye ends a connection on it, which is told once: it must get through.
func (l *line) bye(conn quic.Connection) {
	l.set(func() { l.loss, l.damage = 0, 0 })
	bye(conn)
}

func (l *line) set(f func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f()
}

type timeout struct{}

func (timeout) Error() string   { return "timed out" }
func (timeout) Timeout() bool   { return true }
func (timeout) Temporary() bool { return true }
