// SPDX-License-Identifier: ISC

/*
 * The other end of smuxpeer.c: Go's smux, driven by the heads of the streams.
 * A stream begins with 16 octets of its opener: mode, three zeros, index, how
 * many octets the opener sends, how many the acceptor; all little-endian.
 */

package main

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/xtaci/smux"
)

const (
	modeDuplex   = 0 // both send at once; smuxpeer ends first
	modeAfterEOF = 1 // the acceptor answers the opener's end
	modeClose    = 2 // Go sends and closes without reading
	modeCut      = 3 // smuxpeer resets in the middle
	modeHeld     = 4 // as duplex, but Go reads only after modeRelease
	modeRelease  = 9
)

var release = make(chan struct{})

func fail(format string, args ...interface{}) {
	fmt.Fprintf(os.Stderr, "# gopeer: "+format+"\n", args...)
	os.Exit(1)
}

func pattern(index uint32, off int) byte {
	return byte(uint32(off)*7 + uint32(off>>8)*13 + index*31)
}

func send(s *smux.Stream, index uint32, n int) error {
	buf := make([]byte, 50000)
	for off := 0; off < n; {
		k := n - off
		if k > len(buf) {
			k = len(buf)
		}
		for i := 0; i < k; i++ {
			buf[i] = pattern(index, off+i)
		}
		if _, err := s.Write(buf[:k]); err != nil {
			return err
		}
		off += k
	}
	return nil
}

func receive(s *smux.Stream, index uint32, n int) error {
	buf := make([]byte, 30000)
	for off := 0; off < n; {
		k := n - off
		if k > len(buf) {
			k = len(buf)
		}
		m, err := s.Read(buf[:k])
		for i := 0; i < m; i++ {
			if buf[i] != pattern(index, off+i) {
				return fmt.Errorf("octet %d differs", off+i)
			}
		}
		off += m
		if err != nil && off < n {
			return fmt.Errorf("%d of %d: %v", off, n, err)
		}
	}
	return nil
}

func end(s *smux.Stream) error {
	var buf [1]byte
	if n, err := s.Read(buf[:]); n != 0 || err != io.EOF {
		return fmt.Errorf("no end but %d, %v", n, err)
	}
	return nil
}

func duplex(s *smux.Stream, index uint32, out, in int) error {
	sent := make(chan error, 1)
	go func() { sent <- send(s, index, out) }()
	if err := receive(s, index, in); err != nil {
		return fmt.Errorf("receive: %v", err)
	}
	if err := <-sent; err != nil {
		return fmt.Errorf("send: %v", err)
	}
	if err := end(s); err != nil {
		return err
	}
	s.Close()
	return nil
}

func accepted(s *smux.Stream) error {
	var head [16]byte
	if _, err := io.ReadFull(s, head[:]); err != nil {
		return fmt.Errorf("head: %v", err)
	}
	index := binary.LittleEndian.Uint32(head[4:])
	in := int(binary.LittleEndian.Uint32(head[8:]))
	out := int(binary.LittleEndian.Uint32(head[12:]))
	switch head[0] {
	case modeDuplex:
		return duplex(s, index, out, in)
	case modeHeld:
		<-release
		return duplex(s, index, out, in)
	case modeRelease:
		close(release)
		return duplex(s, index, out, in)
	case modeAfterEOF:
		if err := receive(s, index, in); err != nil {
			return err
		}
		if err := end(s); err != nil {
			return err
		}
		if err := send(s, index, out); err != nil {
			return err
		}
	case modeClose:
		if err := send(s, index, out); err != nil {
			return err
		}
	case modeCut:
		send(s, index, out) // it ends in an error, or into nothing
	}
	s.Close()
	return nil
}

func opened(sess *smux.Session, index uint32, up, down int) error {
	var head [16]byte
	s, err := sess.OpenStream()
	if err != nil {
		return fmt.Errorf("open: %v", err)
	}
	binary.LittleEndian.PutUint32(head[4:], index)
	binary.LittleEndian.PutUint32(head[8:], uint32(up))
	binary.LittleEndian.PutUint32(head[12:], uint32(down))
	if _, err := s.Write(head[:]); err != nil {
		return err
	}
	return duplex(s, index, up, down)
}

func number(i int) int {
	n, err := strconv.Atoi(os.Args[i])
	if err != nil {
		fail("argument %d: %v", i, err)
	}
	return n
}

// gopeer PORT ROLE VERSION OPEN UP DOWN INTERVAL TIMEOUT (milliseconds)
func main() {
	var sess *smux.Session
	if len(os.Args) != 9 {
		fail("nine words, not %d", len(os.Args))
	}
	conn, err := net.Dial("tcp", "127.0.0.1:"+os.Args[1])
	if err != nil {
		fail("%v", err)
	}
	config := smux.DefaultConfig()
	config.Version = number(3)
	config.KeepAliveInterval = time.Duration(number(7)) * time.Millisecond
	config.KeepAliveTimeout = time.Duration(number(8)) * time.Millisecond
	if os.Args[2] == "client" {
		sess, err = smux.Client(conn, config)
	} else {
		sess, err = smux.Server(conn, config)
	}
	if err != nil {
		fail("%v", err)
	}
	var wg sync.WaitGroup
	for i := 0; i < number(4); i++ {
		wg.Add(1)
		go func(i int) {
			defer wg.Done()
			if err := opened(sess, uint32(i), number(5),
				number(6)); err != nil {
				fail("stream %d: %v", i, err)
			}
		}(i)
	}
	for {
		s, err := sess.AcceptStream()
		if err != nil {
			break
		}
		wg.Add(1)
		go func() {
			defer wg.Done()
			if err := accepted(s); err != nil {
				fail("accepted stream %d: %v", s.ID(), err)
			}
		}()
	}
	wg.Wait()
}
