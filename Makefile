# For GNU make and bmake alike.  config.mk is made by ./configure, which `make'
# runs when it has not been run, or when it has changed.

-include config.mk

.SUFFIXES:
.SUFFIXES: .c .o

SHARED_HDRS =	config.h shared/*.h

SHARED_OBJS =	shared/addr.o shared/channel.o shared/ibuf.o shared/imsg.o \
		shared/log.o shared/msg.o

ROCKETD_OBJS =	rocketd/chans.o rocketd/check.o rocketd/config.o \
		rocketd/crew.o rocketd/ctl.o rocketd/ctlsock.o rocketd/decoy.o \
		rocketd/detach.o rocketd/lex.o rocketd/listen.o \
		rocketd/options.o rocketd/optval.o rocketd/parse.o rocketd/plog.o \
		rocketd/printconf.o rocketd/procs.o rocketd/reader.o \
		rocketd/reload.o rocketd/rocketd.o rocketd/send.o \
		rocketd/spawn.o rocketd/stmt.o rocketd/svc.o \
		rocketd/tlsconf.o rocketd/tlslook.o rocketd/tlsmake.o \
		rocketd/tokenv.o \
		rocketd/toml.o rocketd/tomlconf.o rocketd/tomlval.o \
		rocketd/valid.o rocketd/wordval.o

WORKER_OBJS =	worker/arrival.o worker/asker.o worker/childlog.o \
		worker/connect.o worker/control.o worker/ctlstream.o \
		worker/dial.o worker/dialler.o worker/dialogue.o \
		worker/gate.o worker/hello.o worker/http.o worker/inquiry.o \
		worker/keys.o worker/listener.o worker/logout.o worker/look.o \
		worker/lz.o worker/meter.o worker/opening.o worker/outq.o \
		worker/peek.o worker/pipes.o worker/pool.o worker/proxyhdr.o \
		worker/psk.o worker/relay.o worker/relaylz.o worker/report.o \
		worker/resolve.o \
		worker/rocket.o worker/sandbox.o worker/seal.o \
		worker/sealctx.o worker/selfsign.o worker/service.o \
		worker/signkey.o worker/smux.o \
		worker/smuxout.o worker/smuxst.o worker/solo.o \
		worker/source.o worker/tls.o worker/tlsconn.o worker/tlsctx.o \
		worker/tlskey.o worker/tunnel.o worker/upgrade.o \
		worker/user.o worker/visitor.o worker/wire.o worker/worker.o \
		worker/ws.o worker/xor.o

ROCKETCTL_OBJS = rocketctl/answers.o rocketctl/ctlparse.o rocketctl/json.o \
		rocketctl/monitor.o rocketctl/rocketctl.o rocketctl/table.o \
		rocketctl/text.o rocketctl/words.o

# What rocketctl has of shared/: no event loop.
CTL_SHARED =	shared/addr.o shared/ibuf.o shared/imsg.o shared/log.o \
		shared/msg.o

CPP_ALL =	${C_LIBS} -DLIBEXECDIR=\"${LIBEXECDIR}\" \
		-DSYSCONFDIR=\"${SYSCONFDIR}\" ${CPPFLAGS}
COMPILE =	${CC} ${C_ALL} ${CPP_ALL} ${CFLAGS}
LINK =		${CC} ${C_ALL} ${CFLAGS} ${L_ALL} ${LDFLAGS}

# The first pass makes config.mk, the second has read it.
all: config.mk
	@${MAKE} programs

programs: rocketd/rocketd worker/rocketd-worker rocketctl/rocketctl

config.mk: configure
	./configure ${CONFIGURE_ARGS}

config.h: config.mk
	@test -f config.h || ./configure ${CONFIGURE_ARGS}

# The parent links neither OpenSSL nor libseccomp, and rocketctl no libevent.
rocketd/rocketd: ${ROCKETD_OBJS} ${SHARED_OBJS}
	${LINK} -o $@ ${ROCKETD_OBJS} ${SHARED_OBJS} ${L_EVENT} ${L_BSD}

worker/rocketd-worker: ${WORKER_OBJS} ${SHARED_OBJS}
	${LINK} -o $@ ${WORKER_OBJS} ${SHARED_OBJS} ${L_EVENT} ${L_SSL} \
	    ${L_LZ4} ${L_SECCOMP} ${L_BSD}

rocketctl/rocketctl: ${ROCKETCTL_OBJS} ${CTL_SHARED}
	${LINK} -o $@ ${ROCKETCTL_OBJS} ${CTL_SHARED} ${L_BSD}

.c.o:
	${COMPILE} -c -o $@ $<

rocketd/parse.c: rocketd/parse.y
	${YACC} -o $@ rocketd/parse.y

${SHARED_OBJS}: ${SHARED_HDRS}
${ROCKETD_OBJS}: ${SHARED_HDRS} rocketd/*.h
${WORKER_OBJS}: ${SHARED_HDRS} worker/*.h
${ROCKETCTL_OBJS}: ${SHARED_HDRS} rocketctl/*.h

# ---- unit tests: one line each ----
# `$^' is what GNU make calls the prerequisites, `$>' what bmake does; each
# finds the other's empty.
UNIT =		${COMPILE} ${L_ALL} ${LDFLAGS} -o $@ $^ $> ${L_CMOCKA} \
		${L_EVENT} ${L_SSL} ${L_LZ4} ${L_SECCOMP} ${L_BSD}

# A service's worker but for its process.
FLOW_OBJS =	worker/ctlstream.o worker/dialler.o worker/dialogue.o \
		worker/hello.o worker/http.o worker/lz.o worker/meter.o \
		worker/opening.o worker/outq.o worker/pipes.o worker/pool.o \
		worker/proxyhdr.o worker/psk.o worker/relay.o \
		worker/relaylz.o worker/report.o worker/rocket.o \
		worker/seal.o worker/sealctx.o worker/service.o \
		worker/smux.o worker/smuxout.o worker/smuxst.o worker/solo.o \
		worker/source.o worker/tunnel.o worker/upgrade.o \
		worker/user.o worker/wire.o worker/ws.o worker/xor.o \
		shared/addr.o shared/ibuf.o shared/imsg.o shared/log.o \
		shared/msg.o
FLOW_SRCS =	regress/unit/flowpeer.c regress/unit/flowrig.c

regress/unit/addr_test: regress/unit/addr_test.c shared/addr.o ; ${UNIT}
regress/unit/channel_test: regress/unit/channel_test.c shared/channel.o shared/ibuf.o shared/imsg.o shared/log.o shared/msg.o ; ${UNIT}
regress/unit/chans_test: regress/unit/chans_test.c rocketd/chans.o rocketd/svc.o shared/ibuf.o shared/imsg.o shared/log.o shared/msg.o ; ${UNIT}
regress/unit/childlog_test: regress/unit/childlog_test.c worker/childlog.o ; ${UNIT}
regress/unit/conf_test: regress/unit/conf_test.c rocketd/check.o rocketd/config.o rocketd/lex.o rocketd/options.o rocketd/optval.o rocketd/parse.o rocketd/reader.o rocketd/stmt.o rocketd/svc.o rocketd/toml.o rocketd/tomlconf.o rocketd/tomlval.o rocketd/tokenv.o rocketd/tlsconf.o rocketd/valid.o rocketd/wordval.o shared/addr.o shared/channel.o shared/ibuf.o shared/imsg.o shared/log.o shared/msg.o ; ${UNIT}
regress/unit/connect_test: regress/unit/connect_test.c shared/addr.o shared/ibuf.o shared/imsg.o shared/log.o shared/msg.o worker/connect.o ; ${UNIT}
regress/unit/crew_test: regress/unit/crew_test.c rocketd/crew.o rocketd/svc.o shared/ibuf.o shared/imsg.o shared/log.o shared/msg.o ; ${UNIT}
regress/unit/dial_test: regress/unit/dial_test.c shared/addr.o shared/channel.o shared/ibuf.o shared/imsg.o shared/log.o shared/msg.o worker/connect.o worker/dial.o ; ${UNIT}
regress/unit/dialler_test: regress/unit/dialler_test.c shared/addr.o worker/dialler.o ; ${UNIT}
regress/unit/ctlstream_test: regress/unit/ctlstream_test.c shared/log.o worker/ctlstream.o worker/rocket.o worker/smux.o worker/smuxout.o worker/smuxst.o ; ${UNIT}
regress/unit/decoy_test: regress/unit/decoy_test.c rocketd/decoy.o shared/log.o ; ${UNIT}
regress/unit/dialogue_test: regress/unit/dialogue_test.c shared/log.o worker/dialogue.o worker/rocket.o ; ${UNIT}
regress/unit/gate_test: regress/unit/gate_test.c shared/addr.o shared/channel.o shared/ibuf.o shared/imsg.o shared/log.o shared/msg.o worker/arrival.c worker/gate.o worker/listener.o worker/hello.o worker/http.o worker/peek.o worker/proxyhdr.o worker/source.o worker/visitor.o ; ${UNIT} -DHAND_QUEUED=1024
regress/unit/visitor_test: regress/unit/visitor_test.c shared/addr.o shared/channel.o shared/ibuf.o shared/imsg.o shared/log.o shared/msg.o worker/arrival.o worker/gate.o worker/listener.o worker/hello.o worker/http.o worker/peek.o worker/proxyhdr.o worker/source.o worker/visitor.o ; ${UNIT}
regress/unit/hello_test: regress/unit/hello_test.c worker/hello.o ; ${UNIT}
regress/unit/hist_test: regress/unit/hist_test.c regress/bench/hist.c ; ${UNIT}
regress/unit/http_test: regress/unit/http_test.c worker/http.o ; ${UNIT}
regress/unit/imsg_test: regress/unit/imsg_test.c shared/ibuf.o shared/imsg.o ; ${UNIT}
regress/unit/keys_test: regress/unit/keys_test.c shared/channel.o shared/ibuf.o shared/imsg.o shared/log.o shared/msg.o worker/keys.o worker/look.o worker/psk.o worker/signkey.o worker/tlsctx.o worker/tlskey.o ; ${UNIT}
regress/unit/look_test: regress/unit/look_test.c shared/log.o worker/look.o worker/psk.o worker/signkey.o worker/tlsctx.o worker/tlskey.o ; ${UNIT}
regress/unit/listener_test: regress/unit/listener_test.c shared/addr.o shared/ibuf.o shared/imsg.o shared/log.o worker/listener.o ; ${UNIT}
regress/unit/lz_test: regress/unit/lz_test.c worker/lz.o ; ${UNIT}
regress/unit/log_test: regress/unit/log_test.c shared/log.o ; ${UNIT}
regress/unit/msg_test: regress/unit/msg_test.c shared/ibuf.o shared/imsg.o shared/msg.o ; ${UNIT}
regress/unit/options_test: regress/unit/options_test.c rocketd/options.o rocketd/optval.o rocketd/valid.o shared/addr.o shared/log.o ; ${UNIT}
regress/unit/outq_test: regress/unit/outq_test.c shared/log.o worker/outq.o worker/pipes.o ; ${UNIT}
regress/unit/pool_test: regress/unit/pool_test.c shared/addr.o shared/log.o worker/pool.o ; ${UNIT}
regress/unit/proxyhdr_test: regress/unit/proxyhdr_test.c shared/addr.o worker/proxyhdr.o ; ${UNIT}
regress/unit/psk_test: regress/unit/psk_test.c shared/log.o worker/psk.o ; ${UNIT}
regress/unit/report_test: regress/unit/report_test.c shared/log.o worker/report.o ; ${UNIT}
regress/unit/reload_test: regress/unit/reload_test.c rocketd/check.o rocketd/config.o rocketd/lex.o rocketd/options.o rocketd/optval.o rocketd/parse.o rocketd/reader.o rocketd/reload.o rocketd/stmt.o rocketd/svc.o rocketd/tlsconf.o rocketd/tokenv.o rocketd/toml.o rocketd/tomlconf.o rocketd/tomlval.o rocketd/valid.o rocketd/wordval.o shared/addr.o shared/ibuf.o shared/imsg.o shared/log.o shared/msg.o ; ${UNIT}
regress/unit/resolve_test: regress/unit/resolve_test.c shared/addr.o shared/channel.o shared/ibuf.o shared/imsg.o shared/log.o shared/msg.o worker/resolve.o ; ${UNIT}
regress/unit/relay_test: regress/unit/relay_test.c ${FLOW_SRCS} ${FLOW_OBJS} ; ${UNIT}
regress/unit/relaymem_test: regress/unit/relaymem_test.c ${FLOW_SRCS} ${FLOW_OBJS} ; ${UNIT}
regress/unit/rocket_test: regress/unit/rocket_test.c worker/rocket.o ; ${UNIT}
regress/unit/sandbox_test: regress/unit/sandbox_test.c shared/ibuf.o shared/imsg.o shared/log.o shared/msg.o worker/sandbox.o ; ${UNIT}
regress/unit/seal_test: regress/unit/seal_test.c regress/unit/sealrig.c worker/seal.c worker/sealctx.c shared/log.o worker/hello.o worker/psk.o worker/xor.o ; ${UNIT} -DSEAL_UPDATE_RECORDS=64 -DSEAL_UPDATES_RECORDS=16
regress/unit/smux_test: regress/unit/smux_test.c regress/unit/smuxrig.c shared/log.o worker/smux.o worker/smuxout.o worker/smuxst.o ; ${UNIT}
regress/unit/pipes_test: regress/unit/pipes_test.c shared/log.o worker/pipes.o ; ${UNIT}
regress/unit/smuxbulk_test: regress/unit/smuxbulk_test.c regress/unit/smuxrig.c shared/log.o worker/smux.o worker/smuxout.o worker/smuxst.o ; ${UNIT}
regress/unit/smuxflow_test: regress/unit/smuxflow_test.c regress/unit/smuxrig.c shared/log.o worker/smux.o worker/smuxout.o worker/smuxst.o ; ${UNIT}
regress/unit/smuxpair_test: regress/unit/smuxpair_test.c regress/unit/smuxrig.c shared/log.o worker/smux.o worker/smuxout.o worker/smuxst.o ; ${UNIT}
regress/unit/smuxway_test: regress/unit/smuxway_test.c regress/unit/smuxrig.c shared/log.o worker/smux.o worker/smuxout.o worker/smuxst.o ; ${UNIT}
regress/unit/service_test: regress/unit/service_test.c ${FLOW_OBJS} shared/channel.o ; ${UNIT}
regress/unit/service2_test: regress/unit/service2_test.c ${FLOW_OBJS} shared/channel.o ; ${UNIT}
regress/unit/signkey_test: regress/unit/signkey_test.c shared/log.o worker/psk.o worker/signkey.o worker/tlskey.o ; ${UNIT}
regress/unit/solo_test: regress/unit/solo_test.c shared/log.o worker/solo.o ; ${UNIT}
regress/unit/source_test: regress/unit/source_test.c shared/addr.o shared/log.o worker/source.o ; ${UNIT}
regress/unit/svc_test: regress/unit/svc_test.c rocketd/svc.o shared/ibuf.o shared/imsg.o shared/log.o shared/msg.o ; ${UNIT}
regress/unit/tlsconn_test: regress/unit/tlsconn_test.c shared/log.o worker/tlsconn.o worker/tlsctx.o worker/tlskey.o ; ${UNIT}
regress/unit/tlslook_test: regress/unit/tlslook_test.c rocketd/tlslook.c rocketd/svc.o shared/channel.o shared/ibuf.o shared/imsg.o shared/log.o shared/msg.o ; ${UNIT} -DTLSLOOK_PATIENCE=1
regress/unit/toml_test: regress/unit/toml_test.c rocketd/toml.o rocketd/tomlval.o shared/log.o ; ${UNIT}
regress/unit/meter_test: regress/unit/meter_test.c shared/log.o worker/meter.o ; ${UNIT}
regress/unit/tunnel_test: regress/unit/tunnel_test.c ${FLOW_SRCS} ${FLOW_OBJS} ; ${UNIT}
regress/unit/user_test: regress/unit/user_test.c ${FLOW_SRCS} ${FLOW_OBJS} ; ${UNIT}
regress/unit/xor_test: regress/unit/xor_test.c shared/log.o worker/xor.o ; ${UNIT}
regress/unit/answers_test: regress/unit/answers_test.c rocketctl/answers.o rocketctl/json.o rocketctl/table.o rocketctl/text.o rocketctl/words.o ${CTL_SHARED} ; ${UNIT}
regress/unit/control_test: regress/unit/control_test.c regress/unit/controlrig.c worker/asker.o worker/control.o worker/inquiry.o worker/logout.o ${SHARED_OBJS} ; ${UNIT}
regress/unit/ctlparse_test: regress/unit/ctlparse_test.c rocketctl/ctlparse.o ; ${UNIT}
regress/unit/logout_test: regress/unit/logout_test.c worker/logout.o ${CTL_SHARED} ; ${UNIT}
regress/unit/upgrade_test: regress/unit/upgrade_test.c shared/log.o worker/http.o worker/pipes.o worker/upgrade.o worker/wire.o worker/ws.o ; ${UNIT}
regress/unit/wire_test: regress/unit/wire_test.c shared/log.o worker/pipes.o worker/wire.o worker/ws.o ; ${UNIT}
regress/unit/worker_test: regress/unit/worker_test.c worker/worker.c ${SHARED_OBJS} worker/childlog.o ; ${UNIT} -Dmain=worker_main -Wno-missing-prototypes
regress/unit/ws_test: regress/unit/ws_test.c worker/ws.o ; ${UNIT}

unit: config.mk
	@${MAKE} $$(ls regress/unit/*_test.c | sed 's/\.c$$//')

# ---- what other tests run ----
LOAD_SRCS =	regress/bench/bulk.c regress/bench/hist.c regress/bench/hold.c \
		regress/bench/load.c regress/bench/loop.c regress/bench/net.c \
		regress/bench/ping.c regress/bench/rate.c \
		regress/bench/target.c

regress/bench/load: ${LOAD_SRCS} regress/bench/load.h ; ${COMPILE} ${L_ALL} ${LDFLAGS} -o $@ ${LOAD_SRCS} ${L_BSD}
regress/bench/smux_bench: regress/bench/smux_bench.c shared/log.o worker/smux.o worker/smuxout.o worker/smuxst.o ; ${UNIT}
regress/bench/wan: regress/bench/wan.c ; ${UNIT}
regress/interop/smuxpeer: regress/interop/smuxpeer.c shared/log.o worker/smux.o worker/smuxout.o worker/smuxst.o ; ${UNIT}
regress/interop/wspeer: regress/interop/wspeer.c worker/http.o worker/ws.o ; ${UNIT}
regress/live/traffic: regress/live/traffic.c ; ${UNIT}

helpers: config.mk
	@${MAKE} regress/bench/load regress/bench/smux_bench \
	    regress/bench/wan \
	    regress/interop/smuxpeer regress/interop/wspeer \
	    regress/live/traffic

# ---- fuzzing: one line each; clang, with sources in place of objects ----
FUZZ =		clang ${FUZZ_FLAGS} ${CPP_ALL} -o $@ $^ $> ${L_EVENT} ${L_LZ4} ${L_SSL} ${L_BSD}
FUZZ_FLAGS =	-std=c11 -D_GNU_SOURCE -g -O1 \
		-fsanitize=fuzzer,address,undefined

FUZZ_CONF =	regress/fuzz/confrig.c rocketd/check.c rocketd/config.c \
		rocketd/lex.c rocketd/options.c rocketd/optval.c \
		rocketd/parse.c rocketd/printconf.c rocketd/reader.c \
		rocketd/stmt.c rocketd/svc.c rocketd/tlsconf.c rocketd/toml.c \
		rocketd/tomlconf.c rocketd/tomlval.c rocketd/tokenv.c \
		rocketd/valid.c rocketd/wordval.c shared/addr.c \
		shared/channel.c shared/ibuf.c shared/imsg.c shared/log.c \
		shared/msg.c

FUZZ_ROLE =	regress/fuzz/rolerig.c regress/fuzz/script.c shared/addr.c \
		shared/channel.c shared/ibuf.c shared/imsg.c shared/log.c \
		shared/msg.c

FUZZ_SESS =	regress/fuzz/script.c regress/fuzz/sessrig.c shared/log.c

regress/fuzz/conf_fuzz: regress/fuzz/conf_fuzz.c ${FUZZ_CONF} ; ${FUZZ}
regress/fuzz/control_fuzz: regress/fuzz/control_fuzz.c ${FUZZ_ROLE} worker/asker.c worker/control.c worker/inquiry.c worker/logout.c ; ${FUZZ}
regress/fuzz/dial_fuzz: regress/fuzz/dial_fuzz.c ${FUZZ_ROLE} worker/dial.c ; ${FUZZ}
regress/fuzz/gate_fuzz: regress/fuzz/gate_fuzz.c ${FUZZ_ROLE} worker/arrival.c worker/gate.c worker/hello.c worker/http.c worker/listener.c worker/peek.c worker/proxyhdr.c worker/source.c worker/visitor.c ; ${FUZZ}
regress/fuzz/hello_fuzz: regress/fuzz/hello_fuzz.c worker/hello.c ; ${FUZZ}
regress/fuzz/http_fuzz: regress/fuzz/http_fuzz.c worker/http.c ; ${FUZZ}
regress/fuzz/imsg_fuzz: regress/fuzz/imsg_fuzz.c shared/ibuf.c shared/imsg.c shared/msg.c ; ${FUZZ}
regress/fuzz/keys_fuzz: regress/fuzz/keys_fuzz.c ${FUZZ_ROLE} worker/keys.c worker/look.c worker/psk.c worker/signkey.c worker/tlsctx.c worker/tlskey.c ; ${FUZZ}
regress/fuzz/proxyhdr_fuzz: regress/fuzz/proxyhdr_fuzz.c worker/proxyhdr.c shared/addr.c ; ${FUZZ}
regress/fuzz/lz_fuzz: regress/fuzz/lz_fuzz.c worker/lz.c ; ${FUZZ}
regress/fuzz/rocket_fuzz: regress/fuzz/rocket_fuzz.c worker/rocket.c shared/addr.c ; ${FUZZ}
regress/fuzz/smux_fuzz: regress/fuzz/smux_fuzz.c ${FUZZ_SESS} worker/smux.c worker/smuxout.c worker/smuxst.c ; ${FUZZ}
regress/fuzz/solo_fuzz: regress/fuzz/solo_fuzz.c ${FUZZ_SESS} worker/solo.c ; ${FUZZ}
regress/fuzz/toml_fuzz: regress/fuzz/toml_fuzz.c ${FUZZ_CONF} ; ${FUZZ}
regress/fuzz/visitor_fuzz: regress/fuzz/visitor_fuzz.c ${FUZZ_ROLE} worker/http.c worker/visitor.c ; ${FUZZ}
regress/fuzz/ws_fuzz: regress/fuzz/ws_fuzz.c worker/ws.c ; ${FUZZ}

fuzz: config.mk
	@${MAKE} $$(ls regress/fuzz/*_fuzz.c | sed 's/\.c$$//')

# ---- checks ----
lint:
	@sh regress/style.sh
	@mandoc -T lint -W warning man/*.[1-9]

check:
	@sh regress/check.sh

check-long:
	@LONG=1 sh regress/check.sh

demo:
	@sh regress/demo.sh

# Half an hour; regress/bench/README.md says what it can be told.
bench:
	-@sh regress/setup.sh bench
	@${MAKE} all
	@${MAKE} helpers
	@regress/bench/bench

# ---- installing ----
SBIN =		${DESTDIR}${PREFIX}/sbin
SHARE =		${DESTDIR}${PREFIX}/share
EXAMPLES =	${SHARE}/examples/rocketd

install: all
	@${MAKE} install-files
	@test -n "${DESTDIR}" || sh etc/adduser.sh

install-files:
	mkdir -p ${SBIN} ${DESTDIR}${LIBEXECDIR} ${EXAMPLES} \
	    ${DESTDIR}${MANDIR}/man5 ${DESTDIR}${MANDIR}/man7 \
	    ${DESTDIR}${MANDIR}/man8 \
	    ${SHARE}/bash-completion/completions \
	    ${SHARE}/zsh/site-functions ${SHARE}/fish/vendor_completions.d \
	    ${DESTDIR}${PREFIX}/lib/systemd/system \
	    ${DESTDIR}${PREFIX}/lib/sysusers.d
	install -m 555 rocketd/rocketd rocketctl/rocketctl ${SBIN}
	install -m 555 worker/rocketd-worker ${DESTDIR}${LIBEXECDIR}
	install -m 444 man/rocketd.conf.5 ${DESTDIR}${MANDIR}/man5
	install -m 444 man/rocket-protocol.7 ${DESTDIR}${MANDIR}/man7
	install -m 444 man/rocketd.8 man/rocketctl.8 ${DESTDIR}${MANDIR}/man8
	install -m 444 etc/rocketd.conf etc/rocketd-server.conf \
	    etc/rocketd-client.conf etc/rocketd.rc ${EXAMPLES}
	install -m 444 etc/completions/rocketctl.bash \
	    ${SHARE}/bash-completion/completions/rocketctl
	install -m 444 etc/completions/_rocketctl ${SHARE}/zsh/site-functions
	install -m 444 etc/completions/rocketctl.fish \
	    ${SHARE}/fish/vendor_completions.d
	sed 's,/usr/local/sbin,${PREFIX}/sbin,g' etc/rocketd.service \
	    >${DESTDIR}${PREFIX}/lib/systemd/system/rocketd.service
	install -m 444 etc/rocketd.sysusers \
	    ${DESTDIR}${PREFIX}/lib/sysusers.d/rocketd.conf

# The configuration and the system user stay.
uninstall:
	rm -f ${SBIN}/rocketd ${SBIN}/rocketctl \
	    ${DESTDIR}${LIBEXECDIR}/rocketd-worker \
	    ${DESTDIR}${MANDIR}/man5/rocketd.conf.5 \
	    ${DESTDIR}${MANDIR}/man7/rocket-protocol.7 \
	    ${DESTDIR}${MANDIR}/man8/rocketd.8 \
	    ${DESTDIR}${MANDIR}/man8/rocketctl.8 \
	    ${SHARE}/bash-completion/completions/rocketctl \
	    ${SHARE}/zsh/site-functions/_rocketctl \
	    ${SHARE}/fish/vendor_completions.d/rocketctl.fish \
	    ${DESTDIR}${PREFIX}/lib/systemd/system/rocketd.service \
	    ${DESTDIR}${PREFIX}/lib/sysusers.d/rocketd.conf
	rm -rf ${EXAMPLES}

clean:
	rm -f */*.o rocketd/rocketd worker/rocketd-worker rocketctl/rocketctl \
	    rocketd/parse.c rocketd/y.tab.h regress/unit/*_test \
	    regress/fuzz/*_fuzz regress/bench/load \
	    regress/bench/smux_bench regress/bench/wan \
	    regress/interop/smuxpeer regress/interop/wspeer \
	    regress/live/traffic regress/*/*.o
	find . -name '*.gcno' -o -name '*.gcda' | xargs rm -f
	rm -rf regress/tmp

distclean: clean
	rm -f config.mk config.h config.log

.PHONY: all programs unit helpers fuzz lint bench check check-long demo \
	install install-files uninstall clean distclean
