// SPDX-License-Identifier: ISC

/*
 * What quic-go 0.29 has, but shows only to its own tests: how soon keys are
 * changed, and which ciphers are wanted.  For connections that begin after.
 */

package main

import (
	"crypto/tls"
	_ "unsafe"

	_ "github.com/marten-seemann/qtls-go1-19"
)

//go:linkname keyUpdateInterval github.com/lucas-clemente/quic-go/internal/handshake.KeyUpdateInterval
var keyUpdateInterval uint64

//go:linkname suites github.com/marten-seemann/qtls-go1-19.defaultCipherSuitesTLS13
var suites []uint16

//go:linkname suitesNoAES github.com/marten-seemann/qtls-go1-19.defaultCipherSuitesTLS13NoAES
var suitesNoAES []uint16

// keysChange has each side's keys changed after so many packets; the result
// has it as before.
func keysChange(packets uint64) func() {
	old := keyUpdateInterval
	keyUpdateInterval = packets
	return func() { keyUpdateInterval = old }
}

// onlyChaCha leaves one cipher; the result has them as before.
func onlyChaCha() func() {
	old, oldNoAES := suites, suitesNoAES
	suites = []uint16{tls.TLS_CHACHA20_POLY1305_SHA256}
	suitesNoAES = suites
	return func() { suites, suitesNoAES = old, oldNoAES }
}
