// SPDX-License-Identifier: ISC

/*
 * The other end of QUIC and of dialect mytunnel, made of another library,
 * quic-go, from the protocol alone.  One line a check: "ok NAME: what", "not
 * ok NAME: why" or "skip NAME: reason", and at last "done".  The first word is what it does:
 *
 *	dial ADDR [CHECK...]	against a server of MyTunnel; dial.go
 *	serve ADDR [CHECK...]	against a client of it, which dials ADDR and
 *				has users at -socks and -http; serve.go
 *	users [CHECK...]	those of a client whose server is another's
 *	stand ADDR		a server of MyTunnel, until standard input ends
 *	hold ADDR		one connection; prints "open", then how it ended
 *	middle ADDR SERVER	ends QUIC at ADDR and begins it anew; middle.go
 *	flood ADDR		first packets from many sources; flood.go
 *
 * No CHECK: all that there are.
 */

package main

import (
	"crypto/tls"
	"crypto/x509"
	"flag"
	"fmt"
	"io/ioutil"
	"os"
	"strings"
	"time"
)

// What is given by flags, the same for all commands.
var opts struct {
	ca, cert, key, name, alpn, socks, http string
	blocked, target, streams, size         int
	halfopen, rate, seconds                int
	sources                                string
	reference, states                      bool
	patience                               time.Duration
}

var failed int

type check struct {
	name string
	run  func() (string, error)
}

// An error that says why something cannot be checked here.
type skipped string

func (s skipped) Error() string { return string(s) }

func fail(format string, args ...interface{}) {
	fmt.Fprintf(os.Stderr, "quicpeer: "+format+"\n", args...)
	os.Exit(1)
}

// run makes the checks that were asked for, all if none was.
func run(all []check, wanted []string) {
	known := make(map[string]bool)
	asked := make(map[string]bool)
	for _, c := range all {
		known[c.name] = true
	}
	for _, name := range wanted {
		if !known[name] {
			fail("no check is called %s", name)
		}
		asked[name] = true
	}
	for _, c := range all {
		if len(wanted) == 0 || asked[c.name] {
			one(c)
		}
	}
	fmt.Println("done")
	if failed > 0 {
		os.Exit(1)
	}
}

func one(c check) {
	type result struct {
		said string
		err  error
	}
	done := make(chan result, 1)
	began := time.Now()
	go func() {
		said, err := c.run()
		done <- result{said, err}
	}()
	var r result
	select {
	case r = <-done:
	case <-time.After(4 * opts.patience):
		r.err = fmt.Errorf("it is stuck")
	}
	if s, ok := r.err.(skipped); ok {
		fmt.Printf("skip %s: %s\n", c.name, string(s))
	} else if r.err != nil {
		failed++
		fmt.Printf("not ok %s: %s\n", c.name,
			strings.ReplaceAll(r.err.Error(), "\n", " "))
	} else {
		fmt.Printf("ok %s: %s (%.1f s)\n", c.name, r.said,
			time.Since(began).Seconds())
	}
}

// protocols are those of -alpn; none is "-".
func protocols() []string {
	if opts.alpn == "-" {
		return nil
	}
	return strings.Split(opts.alpn, ",")
}

// trusted are the certificates of -ca; nil: whatever comes is taken.
func trusted() *x509.CertPool {
	if opts.ca == "" {
		return nil
	}
	pem, err := ioutil.ReadFile(opts.ca)
	if err != nil {
		fail("%v", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		fail("%s: no certificate", opts.ca)
	}
	return pool
}

func certificate() []tls.Certificate {
	pair, err := tls.LoadX509KeyPair(opts.cert, opts.key)
	if err != nil {
		fail("%v", err)
	}
	return []tls.Certificate{pair}
}

func flags(args []string) []string {
	set := flag.NewFlagSet("quicpeer", flag.ExitOnError)
	set.StringVar(&opts.ca, "ca", "", "`file` of whom to trust, none: all")
	set.StringVar(&opts.cert, "cert", "", "certificate of a server, a `file`")
	set.StringVar(&opts.key, "key", "", "its key, a `file`")
	set.StringVar(&opts.name, "name", "localhost", "`name` of the server")
	set.StringVar(&opts.alpn, "alpn", "mytunnel", "`protocols`, - for none")
	set.StringVar(&opts.socks, "socks", "", "users' `address` for SOCKS")
	set.StringVar(&opts.http, "http", "", "users' `address` for CONNECT")
	set.IntVar(&opts.blocked, "blocked", 0, "a `port` that rules keep closed")
	set.IntVar(&opts.target, "target", 0, "`port` of the targets, 0: any")
	set.IntVar(&opts.streams, "streams", 50, "so many `streams` at once")
	set.IntVar(&opts.size, "size", 256<<10, "`octets` each way in each")
	set.IntVar(&opts.halfopen, "halfopen", 100, "`connections` left half open")
	set.IntVar(&opts.rate, "rate", 20000, "flood: `packets` a second")
	set.IntVar(&opts.seconds, "seconds", 5, "flood: for so `long`")
	set.StringVar(&opts.sources, "sources", "", "flood: forged, the first two `octets`")
	set.BoolVar(&opts.reference, "reference", false, "the other end is MyTunnel 0.1.0")
	set.BoolVar(&opts.states, "states", false, "flood: stop in each state instead")
	set.DurationVar(&opts.patience, "patience", 20*time.Second, "how `long` to wait")
	_ = set.Parse(args)
	return set.Args()
}

func main() {
	if len(os.Args) < 2 {
		fail("see the head of main.go for its usage")
	}
	args := flags(os.Args[2:])
	need := map[string]int{"dial": 1, "serve": 1, "stand": 1, "hold": 1,
		"middle": 2, "flood": 1}[os.Args[1]]
	if len(args) < need {
		fail("%s takes more words", os.Args[1])
	}
	switch os.Args[1] {
	case "dial":
		run(dialChecks(args[0]), args[1:])
	case "serve":
		run(serveChecks(args[0]), args[1:])
	case "users":
		run(userChecks(), args)
	case "stand":
		stand(args[0])
	case "hold":
		hold(args[0])
	case "middle":
		middle(args[0], args[1])
	case "flood":
		flood(args[0])
	default:
		fail("it cannot %s", os.Args[1])
	}
}
