// SPDX-License-Identifier: ISC

/*
 * First packets of QUIC by the thousand: each a whole ClientHello with an id
 * of its own, sealed as RFC 9001 5.2 has it, from our own address or, by a raw
 * socket, from addresses that are nobody's.  And connections that stop in each
 * state.
 */

package main

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand"
	"net"
	"os"
	"syscall"
	"time"

	"github.com/lucas-clemente/quic-go"
	"golang.org/x/crypto/hkdf"
)

var initialSalt = []byte{0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d,
	0x17, 0x9a, 0xe6, 0xa4, 0xc8, 0x0c, 0xad, 0xcc, 0xbb, 0x7f, 0x0a}

// first makes first packets, all with one ClientHello.
type first struct {
	crypto []byte // octets of the CRYPTO frame, its head too
	source []byte // the client's id, which is in there
	random *rand.Rand
}

// newFirst has quic-go say a ClientHello into nothing, and opens its packet.
func newFirst(alpn []string) (*first, error) {
	catch := &catcher{got: make(chan []byte, 1), stop: make(chan struct{})}
	t := clientTLS()
	t.NextProtos = alpn
	c := config(nil)
	go quic.Dial(catch, &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 9},
		opts.name, t, c)
	defer close(catch.stop)
	var b []byte
	select {
	case b = <-catch.got:
	case <-time.After(opts.patience):
		return nil, fmt.Errorf("no first packet of our own")
	}
	f := &first{random: rand.New(rand.NewSource(time.Now().UnixNano()))}
	return f, f.open(b)
}

func expand(secret []byte, label string, n int) []byte {
	info := []byte{0, byte(n), byte(6 + len(label))}
	info = append(append(info, "tls13 "...), label...)
	b := make([]byte, n)
	_, _ = io.ReadFull(hkdf.Expand(sha256.New, secret, append(info, 0)), b)
	return b
}

// keysOf are those of a client's first packets: packets, header protection.
func keysOf(dcid []byte) (cipher.AEAD, []byte, cipher.Block) {
	secret := expand(hkdf.Extract(sha256.New, dcid, initialSalt),
		"client in", 32)
	block, _ := aes.NewCipher(expand(secret, "quic key", 16))
	aead, _ := cipher.NewGCM(block)
	hp, _ := aes.NewCipher(expand(secret, "quic hp", 16))
	return aead, expand(secret, "quic iv", 12), hp
}

// open takes the CRYPTO frame out of a first packet, and the client's id.
func (f *first) open(b []byte) error {
	if len(b) < 100 || b[0]&0xf0 != 0xc0 {
		return fmt.Errorf("no first packet: %x", b)
	}
	dcid := b[6 : 6+int(b[5])]
	at := 6 + len(dcid)
	f.source = append(f.source, b[at+1:at+1+int(b[at])]...)
	at += 1 + len(f.source)
	if b[at] != 0 {
		return fmt.Errorf("it has a token")
	}
	length := int(binary.BigEndian.Uint16(b[at+1:]) & 0x3fff)
	at += 3
	aead, nonce, hp := keysOf(dcid)
	var mask [16]byte
	hp.Encrypt(mask[:], b[at+4:at+20])
	b[0] ^= mask[0] & 0x0f
	pnlen := int(b[0]&3) + 1
	for i := 0; i < pnlen; i++ {
		b[at+i] ^= mask[1+i]
		nonce[12-pnlen+i] ^= b[at+i]
	}
	plain, err := aead.Open(nil, nonce, b[at+pnlen:at+length], b[:at+pnlen])
	if err != nil {
		return err
	}
	for len(plain) > 0 && plain[0] == 0 {
		plain = plain[1:]
	}
	if len(plain) < 8 || plain[0] != 6 || plain[1] != 0 {
		return fmt.Errorf("no CRYPTO frame: %.8x", plain)
	}
	n := int(plain[2])
	frame := 3
	if n >= 0x40 {
		n = int(binary.BigEndian.Uint16(plain[2:]) & 0x3fff)
		frame = 4
	}
	f.crypto = append(f.crypto, plain[:frame+n]...)
	return nil
}

// build makes one of so many octets, for a server's id that is new.
func (f *first) build(size int) []byte {
	b := make([]byte, 0, size)
	id := make([]byte, 8)
	f.random.Read(id)
	b = append(b, 0xc3, 0, 0, 0, 1, 8)
	b = append(b, id...)
	b = append(append(b, byte(len(f.source))), f.source...)
	b = append(b, 0)
	n := size - len(b) - 2
	b = append(b, 0x40|byte(n>>8), byte(n), 0, 0, 0, 0)
	pn := len(b) - 4
	aead, nonce, hp := keysOf(id)
	plain := make([]byte, n-4-16)
	copy(plain, f.crypto)
	b = aead.Seal(b, nonce, plain, b)
	var mask [16]byte
	hp.Encrypt(mask[:], b[pn+4:pn+20])
	b[0] ^= mask[0] & 0x0f
	for i := 0; i < 4; i++ {
		b[pn+i] ^= mask[1+i]
	}
	return b
}

// A catcher keeps the first packet that is sent by it; nothing comes.
type catcher struct {
	got  chan []byte
	stop chan struct{}
}

func (c *catcher) ReadFrom([]byte) (int, net.Addr, error) {
	<-c.stop
	return 0, nil, net.ErrClosed
}

func (c *catcher) WriteTo(b []byte, _ net.Addr) (int, error) {
	select {
	case c.got <- append([]byte(nil), b...):
	default:
	}
	return len(b), nil
}

func (c *catcher) Close() error                     { return nil }
func (c *catcher) LocalAddr() net.Addr              { return &net.UDPAddr{IP: net.IPv4zero, Port: 9} }
func (c *catcher) SetDeadline(time.Time) error      { return nil }
func (c *catcher) SetReadDeadline(time.Time) error  { return nil }
func (c *catcher) SetWriteDeadline(time.Time) error { return nil }

// A raw socket, by which packets go from any address.
type raw int

func newRaw() (raw, error) {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_RAW,
		syscall.IPPROTO_RAW)
	return raw(fd), err
}

func (r raw) send(from net.IP, port int, to *net.UDPAddr, payload []byte) error {
	b := make([]byte, 28, 28+len(payload))
	b[0] = 0x45
	binary.BigEndian.PutUint16(b[2:], uint16(28+len(payload)))
	b[8], b[9] = 64, 17
	copy(b[12:], from.To4())
	copy(b[16:], to.IP.To4())
	binary.BigEndian.PutUint16(b[20:], uint16(port))
	binary.BigEndian.PutUint16(b[22:], uint16(to.Port))
	binary.BigEndian.PutUint16(b[24:], uint16(8+len(payload)))
	// No checksum: IPv4 lets UDP do without.
	var sa syscall.SockaddrInet4
	copy(sa.Addr[:], to.IP.To4())
	return syscall.Sendto(int(r), append(b, payload...), 0, &sa)
}

func flood(addr string) {
	if opts.states {
		states(addr)
		return
	}
	to, err := net.ResolveUDPAddr("udp4", addr)
	if err != nil {
		fail("%v", err)
	}
	first, err := newFirst(protocols())
	if err != nil {
		fail("%v", err)
	}
	put := func(b []byte) error { return nil }
	if opts.sources == "" {
		c, err := net.ListenUDP("udp4", nil)
		if err != nil {
			fail("%v", err)
		}
		put = func(b []byte) error {
			_, err := c.WriteTo(b, to)
			return err
		}
	} else {
		r, err := newRaw()
		if err != nil {
			fail("%v", err)
		}
		var x, y byte
		if n, _ := fmt.Sscanf(opts.sources, "%d.%d", &x, &y); n != 2 {
			fail("-sources takes two numbers")
		}
		put = func(b []byte) error {
			return r.send(net.IPv4(x, y, b[6], b[7]),
				1024+int(b[8])<<7+int(b[9]), to, b)
		}
	}
	fmt.Println("begins")
	os.Stdout.Sync()
	sent := 0
	began := time.Now()
	for time.Since(began) < time.Duration(opts.seconds)*time.Second {
		due := int(time.Since(began).Seconds() * float64(opts.rate))
		if sent >= due {
			time.Sleep(time.Millisecond)
		}
		for ; sent < due; sent++ {
			if err := put(first.build(1200)); err != nil && sent == 0 {
				fail("%v", err)
			}
		}
	}
	fmt.Printf("sent %d\n", sent)
}

// states leaves connections in each state that one can be in, then sees that a
// new one is served, and goes with the others still there.
func states(addr string) {
	said := func(what string, n int) { fmt.Printf("left %d %s\n", n, what) }
	var kept []interface{}
	for i := 0; i < 200; i++ { // no answer is ever seen
		l, err := newLine()
		if err != nil {
			fail("%v", err)
		}
		l.holdIn = true
		kept = append(kept, l)
		go dialled{line: l}.dial(addr)
	}
	said("behind their first packet", 200)
	for i := 0; i < 100; i++ { // the last flight is lost
		l, err := newLine()
		if err != nil {
			fail("%v", err)
		}
		kept = append(kept, l)
		c := &cutter{line: l, after: 1}
		go dialled{line: c}.dial(addr)
	}
	said("in the middle of the handshake", 100)
	conns := make(chan quic.Connection, 100)
	if err := many(100, func() error {
		conn, _, err := dial(addr)
		if err == nil {
			conns <- conn
		}
		return err
	}); err != nil {
		fail("%v", err)
	}
	said("open, half of them without a stream", 100)
	// Some may have lost their place to others meanwhile.
	streams := 0
	for i := 0; i < 50; i++ {
		conn := <-conns
		kept = append(kept, conn)
		for j := 0; j < 20; j++ {
			s, err := conn.OpenStream()
			if err != nil {
				break
			}
			if _, err := s.Write([]byte{1}); err == nil {
				streams++
			}
		}
	}
	said("streams with one octet", streams)
	conn, _, err := dial(addr)
	if err != nil {
		fail("an honest one: %v", err)
	}
	if len(protocols()) > 0 && protocols()[0] == "mytunnel" {
		if err := download(conn, 100000); err != nil {
			fail("an honest one: %v", err)
		}
	}
	fmt.Println("honest one served")
	_, _ = io.Copy(io.Discard, os.Stdin)
	_ = kept
}

// A cutter is a line on which, after so many packets, nothing goes out.
type cutter struct {
	*line
	after int
}

func (c *cutter) WriteTo(b []byte, to net.Addr) (int, error) {
	if c.after--; c.after < 0 {
		return len(b), nil
	}
	return c.line.WriteTo(b, to)
}
