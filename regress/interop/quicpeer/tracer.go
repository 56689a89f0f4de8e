// SPDX-License-Identifier: ISC

/*
 * What quic-go tells of a connection while it lasts: what the peer's packets
 * and parameters were like.
 */

package main

import (
	"context"
	"net"
	"sync"

	"github.com/lucas-clemente/quic-go/logging"
)

type trace struct {
	logging.NullConnectionTracer
	mu      sync.Mutex
	retries int
	keys    int // changes of keys that both ends made
	lost    int
	ect0    uint64 // marked packets of the peer, as our ACKs say
	params  *logging.TransportParameters
	peer    net.Addr
	closed  error
	sizes   logging.ByteCount // of the longest packet that came
}

type tracer struct {
	logging.NullTracer
	mu  sync.Mutex
	all []*trace
}

func (t *tracer) TracerForConnection(context.Context, logging.Perspective, logging.ConnectionID) logging.ConnectionTracer {
	one := &trace{}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.all = append(t.all, one)
	return one
}

// last is the one of the newest connection; there must have been one.
func (t *tracer) last() *trace {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.all[len(t.all)-1]
}

func (t *trace) StartedConnection(local, remote net.Addr, src, dst logging.ConnectionID) {
	t.with(func() { t.peer = remote })
}

func (t *trace) ReceivedRetry(*logging.Header) {
	t.with(func() { t.retries++ })
}

func (t *trace) ReceivedTransportParameters(p *logging.TransportParameters) {
	t.with(func() { t.params = p })
}

func (t *trace) UpdatedKey(phase logging.KeyPhase, remote bool) {
	t.with(func() { t.keys++ })
}

func (t *trace) LostPacket(logging.EncryptionLevel, logging.PacketNumber, logging.PacketLossReason) {
	t.with(func() { t.lost++ })
}

func (t *trace) ClosedConnection(err error) {
	t.with(func() { t.closed = err })
}

func (t *trace) SentPacket(hdr *logging.ExtendedHeader, size logging.ByteCount, ack *logging.AckFrame, frames []logging.Frame) {
	if ack == nil || ack.ECT0 == 0 {
		return
	}
	t.with(func() {
		if ack.ECT0 > t.ect0 {
			t.ect0 = ack.ECT0
		}
	})
}

func (t *trace) ReceivedPacket(hdr *logging.ExtendedHeader, size logging.ByteCount, frames []logging.Frame) {
	t.with(func() {
		if size > t.sizes {
			t.sizes = size
		}
	})
}

func (t *trace) with(f func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	f()
}

// figures is a copy that does not change any more.
func (t *trace) figures() trace {
	t.mu.Lock()
	defer t.mu.Unlock()
	return trace{retries: t.retries, keys: t.keys, lost: t.lost,
		ect0: t.ect0, params: t.params, peer: t.peer, closed: t.closed,
		sizes: t.sizes}
}
