// SPDX-License-Identifier: ISC

/*
 * Users of a client of the tunnel: by SOCKS 5 and by HTTP's CONNECT, for
 * connections and for datagrams; and what is checked of any such client,
 * whoever's its server is.
 */

package main

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

type tcpUser struct {
	*net.TCPConn
	r io.Reader
}

func (u tcpUser) Read(b []byte) (int, error) { return u.r.Read(b) }

func (u tcpUser) Abort() {
	u.SetLinger(0)
	u.Close()
}

// A refusal is the reply of SOCKS or the status of HTTP that says no.
type refusal int

func (r refusal) Error() string { return fmt.Sprintf("refused with %d", int(r)) }

func toListener(addr string) (*net.TCPConn, error) {
	c, err := net.DialTimeout("tcp", addr, opts.patience)
	if err != nil {
		return nil, err
	}
	c.SetDeadline(time.Now().Add(3 * opts.patience))
	return c.(*net.TCPConn), nil
}

// request says so much SOCKS, and takes the reply; its address comes back.
func request(c net.Conn, command byte, host string, port int) (*net.UDPAddr, error) {
	b := []byte{5, 1, 0, 5, command, 0}
	if ip := net.ParseIP(host); ip == nil {
		b = append(append(b, 3, byte(len(host))), host...)
	} else if ip.To4() != nil {
		b = append(append(b, 1), ip.To4()...)
	} else {
		b = append(append(b, 4), ip...)
	}
	b = append(b, byte(port>>8), byte(port))
	if _, err := c.Write(b[:3]); err != nil {
		return nil, err
	}
	var reply [22]byte
	if _, err := io.ReadFull(c, reply[:2]); err != nil {
		return nil, err
	}
	if reply[0] != 5 || reply[1] != 0 {
		return nil, fmt.Errorf("method %x", reply[:2])
	}
	if _, err := c.Write(b[3:]); err != nil {
		return nil, err
	}
	if _, err := io.ReadFull(c, reply[:4]); err != nil {
		return nil, fmt.Errorf("no reply: %v", err)
	}
	n := map[byte]int{1: 4, 4: 16}[reply[3]]
	if reply[0] != 5 || n == 0 {
		return nil, fmt.Errorf("reply %x", reply[:4])
	}
	if _, err := io.ReadFull(c, reply[4:6+n]); err != nil {
		return nil, err
	}
	if reply[1] != 0 {
		return nil, refusal(reply[1])
	}
	return &net.UDPAddr{IP: reply[4 : 4+n],
		Port: int(binary.BigEndian.Uint16(reply[4+n:]))}, nil
}

func bySOCKS(host string, port int) (user, error) {
	c, err := toListener(opts.socks)
	if err != nil {
		return nil, err
	}
	if _, err := request(c, 1, host, port); err != nil {
		c.Close()
		return nil, err
	}
	return tcpUser{c, c}, nil
}

func byHTTP(host string, port int) (user, error) {
	c, err := toListener(opts.http)
	if err != nil {
		return nil, err
	}
	to := address(host, port)
	fmt.Fprintf(c, "CONNECT %s HTTP/1.1\r\nHost: %s\r\n\r\n", to, to)
	r := bufio.NewReader(c)
	response, err := http.ReadResponse(r, &http.Request{Method: "CONNECT"})
	if err != nil {
		c.Close()
		return nil, err
	}
	if response.StatusCode != 200 {
		c.Close()
		return nil, refusal(response.StatusCode)
	}
	return tcpUser{c, r}, nil
}

// ways are those that there are.
func ways() []func(string, int) (user, error) {
	var w []func(string, int) (user, error)
	if opts.socks != "" {
		w = append(w, bySOCKS)
	}
	if opts.http != "" {
		w = append(w, byHTTP)
	}
	return w
}

// visit is one user, to the end, each way there is.
func visit(mode, up, down int) error {
	for _, by := range ways() {
		u, err := by("127.0.0.1", theTarget().port)
		if err != nil {
			return err
		}
		if err := use(u, mode, theTarget().index(), up, down); err != nil {
			u.Abort()
			return err
		}
		u.Abort()
	}
	return nil
}

// served waits until a user is.
func served() (string, error) {
	var err error
	for end := time.Now().Add(2 * opts.patience); time.Now().Before(end); {
		if err = visit(modeDuplex, 10, 10); err == nil {
			return "a user is served", nil
		}
		time.Sleep(50 * time.Millisecond)
	}
	return "", err
}

func userChecks() []check {
	return []check{
		{"served", served},
		{"streams", userStreams},
		{"names", userNames},
		{"half-close", userHalfClose},
		{"half-close-target", userHalfCloseTarget},
		{"target-resets", userTargetResets},
		{"reset", userReset},
		{"many", userMany},
		{"udp", userUDP},
		{"udp-large", userLarge},
		{"dns", userDNS},
	}
}

func userStreams() (string, error) {
	return fmt.Sprintf("%d of %d octets each way", opts.streams, opts.size),
		many(opts.streams, func() error {
			return visit(modeDuplex, opts.size, opts.size)
		})
}

func userNames() (string, error) {
	for _, by := range ways() {
		for _, host := range []string{"localhost", "127.0.0.1"} {
			u, err := by(host, theTarget().port)
			if err != nil {
				return "", fmt.Errorf("%s: %v", host, err)
			}
			err = use(u, modeDuplex, theTarget().index(), 100, 100)
			u.Abort()
			if err != nil {
				return "", fmt.Errorf("%s: %v", host, err)
			}
		}
	}
	return "a name and an address", nil
}

func userHalfClose() (string, error) {
	if opts.reference {
		return "", skipped("MyTunnel does not tell the user's end")
	}
	return "the user's end is told", many(5, func() error {
		return visit(modeAfter, 100000, 100000)
	})
}

func userHalfCloseTarget() (string, error) {
	return "the target's end, and 1 MB after it", many(5, func() error {
		return visit(modeFirst, 1<<20, 1000)
	})
}

func userTargetResets() (string, error) {
	for _, by := range ways() {
		u, err := by("127.0.0.1", theTarget().port)
		if err != nil {
			return "", err
		}
		index := theTarget().index()
		u.Write(head(modeReset, index, 10, 50000))
		if err := receive(u, index, 50000); err != nil {
			return "", err
		}
		u.Write(octets(index, 0, 10))
		io.Copy(io.Discard, u) // an end or a reset, but one of them
		u.Abort()
	}
	return "ends the user", nil
}

func userReset() (string, error) {
	for _, by := range ways() {
		u, err := by("127.0.0.1", theTarget().port)
		if err != nil {
			return "", err
		}
		index := theTarget().index()
		u.Write(head(modeFirst, index, 1000000, 10))
		if err := receive(u, index, 10); err != nil {
			return "", err
		}
		u.Write(octets(index, 0, 1000))
		u.Abort()
		if opts.reference {
			continue
		}
		if err := theTarget().ended(index); err == nil {
			return "", fmt.Errorf("the target got all")
		}
	}
	return "ends the target's connection", nil
}

// userMany has more than the 100 streams that a server allows at once.
func userMany() (string, error) {
	return "300 at once", many(300, func() error {
		return visit(modeDuplex, 5000, 5000)
	})
}

// An associate is a user with datagrams.
type associate struct {
	tcp *net.TCPConn
	udp *net.UDPConn
}

func newAssociate() (*associate, error) {
	c, err := toListener(opts.socks)
	if err != nil {
		return nil, err
	}
	at, err := request(c, 3, "0.0.0.0", 0)
	if err != nil {
		c.Close()
		return nil, err
	}
	if at.IP.IsUnspecified() {
		at.IP = net.IPv4(127, 0, 0, 1)
	}
	u, err := net.DialUDP("udp", nil, at)
	if err != nil {
		c.Close()
		return nil, err
	}
	return &associate{c, u}, nil
}

func (a *associate) close() {
	a.udp.Close()
	a.tcp.Close()
}

// head of SOCKS before a datagram
func udpHead(host string, port int) []byte {
	b := []byte{0, 0, 0}
	if ip := net.ParseIP(host); ip != nil && ip.To4() != nil {
		b = append(append(b, 1), ip.To4()...)
	} else {
		b = append(append(b, 3, byte(len(host))), host...)
	}
	return append(b, byte(port>>8), byte(port))
}

// payload of what comes; nil: it is none.
func udpPayload(b []byte) []byte {
	if len(b) < 10 || b[2] != 0 {
		return nil
	}
	n := map[byte]int{1: 4, 4: 16}[b[3]]
	if b[3] == 3 {
		n = 1 + int(b[4])
	}
	if n == 0 || len(b) < 6+n {
		return nil
	}
	return b[6+n:]
}

// ask wants it back, and says it again while nothing comes.
func (a *associate) ask(host string, port int, payload, want []byte) error {
	buf := make([]byte, 65536)
	for try := 0; try < 10; try++ {
		a.udp.Write(append(udpHead(host, port), payload...))
		a.udp.SetReadDeadline(time.Now().Add(opts.patience / 10))
		for {
			n, err := a.udp.Read(buf)
			if err != nil {
				break
			}
			if got := udpPayload(buf[:n]); got != nil &&
				bytes.Equal(got, want) {
				return nil
			}
		}
	}
	return fmt.Errorf("no answer of %d octets", len(want))
}

func lengths(all []int) (string, error) {
	a, err := newAssociate()
	if err != nil {
		return "", err
	}
	defer a.close()
	for _, n := range all {
		p := octets(n, 0, n)
		if err := a.ask("127.0.0.1", theTarget().port, p, p); err != nil {
			return "", err
		}
	}
	return fmt.Sprintf("%d lengths, of up to %d octets", len(all),
		all[len(all)-1]), nil
}

func userUDP() (string, error) {
	return lengths(sizes())
}

// userLarge has what only fits when the path has been found to take 1452.
func userLarge() (string, error) {
	time.Sleep(2 * time.Second) // while it is probed
	return lengths([]int{1150, 1200, 1300, 1399, 1400})
}

// userDNS asks as a resolver does, by one socket, with ids that must match.
func userDNS() (string, error) {
	a, err := newAssociate()
	if err != nil {
		return "", err
	}
	defer a.close()
	for id := 0; id < 50; id++ {
		q := append([]byte{byte(id), 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0},
			"\x07example\x03com\x00\x00\x01\x00\x01"...)
		if err := a.ask("localhost", theTarget().port, q, q); err != nil {
			return "", fmt.Errorf("question %d: %v", id, err)
		}
	}
	return "50 questions", nil
}
