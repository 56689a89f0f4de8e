// SPDX-License-Identifier: ISC

/*
 * What quic-go tells of a connection while it lasts: what the peer's packets
 * and parameters were like.
 */

package main

import (
	"context"
	"sync"

	"github.com/lucas-clemente/quic-go/logging"
)

type figures struct {
	retries int
	keys    int // changes of keys that both ends made
	lost    int
	ect0    uint64 // marked packets of the peer, as our ACKs say
	params  *logging.TransportParameters
	sizes   logging.ByteCount // of the longest packet that came
}

type trace struct {
	logging.NullConnectionTracer
	mu sync.Mutex
	f  figures
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

// forget has last and sum begin anew.
func (t *tracer) forget() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.all = nil
}

// sum is of all connections since; a client may have come twice.
func (t *tracer) sum() figures {
	t.mu.Lock()
	defer t.mu.Unlock()
	var all figures
	for _, one := range t.all {
		f := one.figures()
		all.keys += f.keys
		all.ect0 += f.ect0
		if f.params != nil {
			all.params = f.params
		}
	}
	return all
}

func (t *trace) ReceivedRetry(*logging.Header) {
	t.with(func() { t.f.retries++ })
}

func (t *trace) ReceivedTransportParameters(p *logging.TransportParameters) {
	t.with(func() { t.f.params = p })
}

func (t *trace) UpdatedKey(phase logging.KeyPhase, remote bool) {
	t.with(func() { t.f.keys++ })
}

func (t *trace) LostPacket(logging.EncryptionLevel, logging.PacketNumber, logging.PacketLossReason) {
	t.with(func() { t.f.lost++ })
}

func (t *trace) SentPacket(hdr *logging.ExtendedHeader, size logging.ByteCount, ack *logging.AckFrame, frames []logging.Frame) {
	if ack == nil || ack.ECT0 == 0 {
		return
	}
	t.with(func() {
		if ack.ECT0 > t.f.ect0 {
			t.f.ect0 = ack.ECT0
		}
	})
}

func (t *trace) ReceivedPacket(hdr *logging.ExtendedHeader, size logging.ByteCount, frames []logging.Frame) {
	t.with(func() {
		if size > t.f.sizes {
			t.f.sizes = size
		}
	})
}

func (t *trace) with(f func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	f()
}

// figures is a copy that does not change any more.
func (t *trace) figures() figures {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.f
}
