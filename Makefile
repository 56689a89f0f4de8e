# For GNU make and bmake alike.  config.mk is made by ./configure, which `make'
# runs when it has not been run, or when it has changed.  What is compiled is
# what lies in the folders; what may include what is told by regress/style.sh.

-include config.mk
-include depend.mk

.SUFFIXES:
.SUFFIXES: .c .o .fo

CPP_ALL =	-I. ${C_LIBS} -DLIBEXECDIR=\"${LIBEXECDIR}\" \
		-DSYSCONFDIR=\"${SYSCONFDIR}\" ${CPPFLAGS}
COMPILE =	${CC} ${C_ALL} ${CPP_ALL} ${CFLAGS} ${C_DEPEND}
LINK =		${CC} ${C_ALL} ${CFLAGS} ${L_ALL} ${LDFLAGS}

# The objects of a folder; those with main() are not in its archive.
SHARED_OBJS !=	ls shared/*.c | sed 's/c$$/o/'
CONF_OBJS !=	ls rocketd/conf/*.[cy] | sed 's/[cy]$$/o/' | sort -u
ROCKETD_OBJS !=	ls rocketd/*.c | sed 's/c$$/o/' | grep -v /rocketd.o
WORKER_OBJS !=	ls worker/*.c worker/*/*.c worker/*/*/*.c | sed 's/c$$/o/' | \
		grep -v /worker.o
CTL_OBJS !=	ls rocketctl/*.c | sed 's/c$$/o/' | grep -v /rocketctl.o
UNIT_TESTS !=	ls regress/unit/*_test.c | sed 's/.c$$//'
FUZZERS !=	ls regress/fuzz/*_fuzz.c | sed 's/.c$$//'
FUZZ_OBJS !=	ls regress/fuzz/*.c | grep -v _fuzz.c | sed 's/c$$/fo/'

# The first pass makes config.mk, the second has read it.
all: prepare
	@${MAKE} programs

programs: rocketd/rocketd worker/rocketd-worker rocketctl/rocketctl

# What the objects were made of is in their .d.
prepare: config.mk
	@find shared rocketd worker rocketctl regress -name '*.d' \
	    -exec cat {} + >depend.mk

config.mk: configure
	./configure ${CONFIGURE_ARGS}

config.h: config.mk
	@test -f config.h || ./configure ${CONFIGURE_ARGS}

# The parent links neither OpenSSL nor libseccomp, and rocketctl no libevent.
rocketd/rocketd: rocketd/rocketd.o rocketd/rocketd.a rocketd/conf/conf.a \
    shared/shared.a
	${LINK} -o $@ rocketd/rocketd.o rocketd/rocketd.a \
	    rocketd/conf/conf.a shared/shared.a ${L_EVENT} ${L_BSD}

worker/rocketd-worker: worker/worker.o worker/worker.a shared/shared.a
	${LINK} -o $@ worker/worker.o worker/worker.a shared/shared.a \
	    ${L_EVENT} ${L_SSL} ${L_LZ4} ${L_SECCOMP} ${L_BSD}

rocketctl/rocketctl: rocketctl/rocketctl.o rocketctl/rocketctl.a \
    shared/shared.a
	${LINK} -o $@ rocketctl/rocketctl.o rocketctl/rocketctl.a \
	    shared/shared.a ${L_BSD}

shared/shared.a: ${SHARED_OBJS} ; ${ARCHIVE} ${SHARED_OBJS}
rocketd/conf/conf.a: ${CONF_OBJS} ; ${ARCHIVE} ${CONF_OBJS}
rocketd/rocketd.a: ${ROCKETD_OBJS} ; ${ARCHIVE} ${ROCKETD_OBJS}
worker/worker.a: ${WORKER_OBJS} ; ${ARCHIVE} ${WORKER_OBJS}
rocketctl/rocketctl.a: ${CTL_OBJS} ; ${ARCHIVE} ${CTL_OBJS}
ARCHIVE =	@rm -f $@; echo ar cr $@; ar cr $@

.c.o:
	${COMPILE} -c -o $@ $<

rocketd/conf/parse.c: rocketd/conf/parse.y
	${YACC} -o $@ rocketd/conf/parse.y

# ---- unit tests: one line each ----
# `$^' is what GNU make calls the prerequisites, `$>' what bmake does; each
# finds the other's empty.
UNIT =		${COMPILE} ${L_ALL} ${LDFLAGS} -o $@ $^ $> ${L_CMOCKA} \
		${L_EVENT} ${L_SSL} ${L_LZ4} ${L_SECCOMP} ${L_BSD}

# A service's worker but for its process.
FLOW_OBJS =	worker/dialect/rocket/ctlstream.o worker/service/dialler.o worker/dialect/rocket/dialogue.o \
		worker/net/hello.o worker/net/http.o worker/relay/lz.o worker/tunnel/meter.o \
		worker/dialect/rocket/opening.o worker/relay/outq.o worker/relay/pipes.o worker/service/pool.o \
		worker/net/proxyhdr.o worker/keys/psk.o worker/relay/relay.o \
		worker/relay/relaylz.o worker/service/report.o worker/dialect/rocket/rocket.o \
		worker/tunnel/seal.o worker/tunnel/sealctx.o worker/service/service.o \
		worker/session/smux.o worker/session/smuxout.o worker/session/smuxst.o worker/session/solo.o \
		worker/net/source.o worker/tunnel/tunnel.o worker/tunnel/upgrade.o \
		worker/service/user.o worker/tunnel/wire.o worker/tunnel/ws.o worker/tunnel/xor.o \
		shared/addr.o shared/ibuf.o shared/imsg.o shared/log.o \
		shared/channel.o shared/msg.o
FLOW_SRCS =	regress/unit/flowpeer.c regress/unit/flowrig.c \
		regress/unit/frame.c regress/unit/framerole.c

regress/unit/addr_test: regress/unit/addr_test.c shared/addr.o ; ${UNIT}
regress/unit/channel_test: regress/unit/channel_test.c shared/channel.o shared/ibuf.o shared/imsg.o shared/log.o shared/msg.o ; ${UNIT}
regress/unit/chans_test: regress/unit/chans_test.c rocketd/chans.o rocketd/svc.o shared/ibuf.o shared/imsg.o shared/log.o shared/msg.o ; ${UNIT}
regress/unit/childlog_test: regress/unit/childlog_test.c regress/unit/frame.c worker/childlog.o ; ${UNIT}
regress/unit/conf_test: regress/unit/conf_test.c rocketd/conf/check.o rocketd/conf/config.o rocketd/conf/lex.o rocketd/conf/options.o rocketd/conf/optval.o rocketd/conf/parse.o rocketd/conf/reader.o rocketd/conf/stmt.o rocketd/svc.o rocketd/conf/toml.o rocketd/conf/tomlconf.o rocketd/conf/tomlval.o rocketd/conf/tokenv.o rocketd/tlsconf.o rocketd/conf/valid.o rocketd/conf/wordval.o shared/addr.o shared/channel.o shared/ibuf.o shared/imsg.o shared/log.o shared/msg.o ; ${UNIT}
regress/unit/connect_test: regress/unit/connect_test.c shared/addr.o shared/ibuf.o shared/imsg.o shared/log.o shared/msg.o worker/dial/connect.o ; ${UNIT}
regress/unit/crew_test: regress/unit/crew_test.c rocketd/crew.o rocketd/svc.o shared/ibuf.o shared/imsg.o shared/log.o shared/msg.o ; ${UNIT}
regress/unit/dial_test: regress/unit/dial_test.c regress/unit/frame.c regress/unit/framerole.c shared/addr.o shared/channel.o shared/ibuf.o shared/imsg.o shared/log.o shared/msg.o worker/dial/connect.o worker/dial/dial.o ; ${UNIT}
regress/unit/dialler_test: regress/unit/dialler_test.c regress/unit/frame.c shared/addr.o worker/service/dialler.o ; ${UNIT}
regress/unit/ctlstream_test: regress/unit/ctlstream_test.c regress/unit/frame.c shared/log.o worker/dialect/rocket/ctlstream.o worker/dialect/rocket/rocket.o worker/session/smux.o worker/session/smuxout.o worker/session/smuxst.o ; ${UNIT}
regress/unit/decoy_test: regress/unit/decoy_test.c rocketd/decoy.o shared/log.o ; ${UNIT}
regress/unit/dialogue_test: regress/unit/dialogue_test.c regress/unit/frame.c shared/log.o worker/dialect/rocket/dialogue.o worker/dialect/rocket/rocket.o ; ${UNIT}
regress/unit/gate_test: regress/unit/gate_test.c regress/unit/frame.c regress/unit/framerole.c shared/addr.o shared/channel.o shared/ibuf.o shared/imsg.o shared/log.o shared/msg.o worker/gate/gate.o worker/net/listener.o worker/net/hello.o worker/net/http.o worker/gate/peek.o worker/net/proxyhdr.o worker/net/source.o worker/gate/visitor.o ; ${UNIT}
regress/unit/visitor_test: regress/unit/visitor_test.c regress/unit/frame.c regress/unit/framerole.c shared/addr.o shared/channel.o shared/ibuf.o shared/imsg.o shared/log.o shared/msg.o worker/gate/arrival.o worker/gate/gate.o worker/net/listener.o worker/net/hello.o worker/net/http.o worker/gate/peek.o worker/net/proxyhdr.o worker/net/source.o worker/gate/visitor.o ; ${UNIT}
regress/unit/hello_test: regress/unit/hello_test.c worker/net/hello.o ; ${UNIT}
regress/unit/hist_test: regress/unit/hist_test.c regress/bench/hist.c ; ${UNIT}
regress/unit/http_test: regress/unit/http_test.c worker/net/http.o ; ${UNIT}
regress/unit/imsg_test: regress/unit/imsg_test.c shared/ibuf.o shared/imsg.o ; ${UNIT}
regress/unit/keys_test: regress/unit/keys_test.c regress/unit/frame.c regress/unit/framerole.c shared/channel.o shared/ibuf.o shared/imsg.o shared/log.o shared/msg.o worker/keys/keys.o worker/keys/look.o worker/keys/psk.o worker/keys/signkey.o worker/tls/tlsctx.o worker/tls/tlskey.o ; ${UNIT}
regress/unit/look_test: regress/unit/look_test.c shared/log.o worker/keys/look.o worker/keys/psk.o worker/keys/signkey.o worker/tls/tlsctx.o worker/tls/tlskey.o ; ${UNIT}
regress/unit/listener_test: regress/unit/listener_test.c regress/unit/frame.c shared/addr.o shared/ibuf.o shared/imsg.o shared/log.o worker/net/listener.o ; ${UNIT}
regress/unit/lz_test: regress/unit/lz_test.c worker/relay/lz.o ; ${UNIT}
regress/unit/log_test: regress/unit/log_test.c shared/log.o ; ${UNIT}
regress/unit/msg_test: regress/unit/msg_test.c shared/ibuf.o shared/imsg.o shared/msg.o ; ${UNIT}
regress/unit/options_test: regress/unit/options_test.c rocketd/conf/options.o rocketd/conf/optval.o rocketd/conf/valid.o shared/addr.o shared/log.o ; ${UNIT}
regress/unit/outq_test: regress/unit/outq_test.c shared/log.o worker/relay/outq.o worker/relay/pipes.o ; ${UNIT}
regress/unit/pool_test: regress/unit/pool_test.c regress/unit/frame.c shared/addr.o shared/log.o worker/service/pool.o ; ${UNIT}
regress/unit/proxyhdr_test: regress/unit/proxyhdr_test.c shared/addr.o worker/net/proxyhdr.o ; ${UNIT}
regress/unit/psk_test: regress/unit/psk_test.c shared/log.o worker/keys/psk.o ; ${UNIT}
regress/unit/report_test: regress/unit/report_test.c regress/unit/frame.c shared/log.o worker/service/report.o ; ${UNIT}
regress/unit/reload_test: regress/unit/reload_test.c rocketd/conf/check.o rocketd/conf/config.o rocketd/conf/lex.o rocketd/conf/options.o rocketd/conf/optval.o rocketd/conf/parse.o rocketd/conf/reader.o rocketd/reload.o rocketd/conf/stmt.o rocketd/svc.o rocketd/tlsconf.o rocketd/conf/tokenv.o rocketd/conf/toml.o rocketd/conf/tomlconf.o rocketd/conf/tomlval.o rocketd/conf/valid.o rocketd/conf/wordval.o shared/addr.o shared/ibuf.o shared/imsg.o shared/log.o shared/msg.o ; ${UNIT}
regress/unit/resolve_test: regress/unit/resolve_test.c regress/unit/frame.c regress/unit/framerole.c shared/addr.o shared/channel.o shared/ibuf.o shared/imsg.o shared/log.o shared/msg.o worker/dial/resolve.o ; ${UNIT}
regress/unit/relay_test: regress/unit/relay_test.c ${FLOW_SRCS} ${FLOW_OBJS} ; ${UNIT}
regress/unit/relaymem_test: regress/unit/relaymem_test.c ${FLOW_SRCS} ${FLOW_OBJS} ; ${UNIT}
regress/unit/rocket_test: regress/unit/rocket_test.c worker/dialect/rocket/rocket.o ; ${UNIT}
regress/unit/sandbox_test: regress/unit/sandbox_test.c regress/unit/tries.c shared/ibuf.o shared/imsg.o shared/log.o shared/msg.o worker/sandbox.o ; ${UNIT}
regress/unit/seal_test: regress/unit/seal_test.c regress/unit/sealrig.c worker/tunnel/seal.o worker/tunnel/sealctx.o shared/log.o worker/net/hello.o worker/keys/psk.o worker/tunnel/xor.o ; ${UNIT}
regress/unit/smux_test: regress/unit/smux_test.c regress/unit/smuxrig.c shared/log.o worker/session/smux.o worker/session/smuxout.o worker/session/smuxst.o ; ${UNIT}
regress/unit/pipes_test: regress/unit/pipes_test.c shared/log.o worker/relay/pipes.o ; ${UNIT}
regress/unit/smuxbulk_test: regress/unit/smuxbulk_test.c regress/unit/smuxrig.c shared/log.o worker/session/smux.o worker/session/smuxout.o worker/session/smuxst.o ; ${UNIT}
regress/unit/smuxflow_test: regress/unit/smuxflow_test.c regress/unit/smuxrig.c shared/log.o worker/session/smux.o worker/session/smuxout.o worker/session/smuxst.o ; ${UNIT}
regress/unit/smuxpair_test: regress/unit/smuxpair_test.c regress/unit/smuxrig.c shared/log.o worker/session/smux.o worker/session/smuxout.o worker/session/smuxst.o ; ${UNIT}
regress/unit/smuxway_test: regress/unit/smuxway_test.c regress/unit/smuxrig.c shared/log.o worker/session/smux.o worker/session/smuxout.o worker/session/smuxst.o ; ${UNIT}
regress/unit/service_test: regress/unit/service_test.c regress/unit/frame.c regress/unit/framerole.c ${FLOW_OBJS} ; ${UNIT}
regress/unit/service2_test: regress/unit/service2_test.c regress/unit/frame.c regress/unit/framerole.c ${FLOW_OBJS} ; ${UNIT}
regress/unit/signkey_test: regress/unit/signkey_test.c shared/log.o worker/keys/psk.o worker/keys/signkey.o worker/tls/tlskey.o ; ${UNIT}
regress/unit/solo_test: regress/unit/solo_test.c shared/log.o worker/session/solo.o ; ${UNIT}
regress/unit/source_test: regress/unit/source_test.c shared/addr.o shared/log.o worker/net/source.o ; ${UNIT}
regress/unit/svc_test: regress/unit/svc_test.c rocketd/svc.o shared/ibuf.o shared/imsg.o shared/log.o shared/msg.o ; ${UNIT}
regress/unit/tlsconn_test: regress/unit/tlsconn_test.c regress/unit/frame.c shared/log.o worker/tls/tlsconn.o worker/tls/tlsctx.o worker/tls/tlskey.o ; ${UNIT}
regress/unit/tlslook_test: regress/unit/tlslook_test.c rocketd/tlslook.c rocketd/svc.o shared/channel.o shared/ibuf.o shared/imsg.o shared/log.o shared/msg.o ; ${UNIT} -DTLSLOOK_PATIENCE=1
regress/unit/toml_test: regress/unit/toml_test.c rocketd/conf/toml.o rocketd/conf/tomlval.o shared/log.o ; ${UNIT}
regress/unit/meter_test: regress/unit/meter_test.c shared/log.o worker/tunnel/meter.o ; ${UNIT}
regress/unit/tunnel_test: regress/unit/tunnel_test.c ${FLOW_SRCS} ${FLOW_OBJS} ; ${UNIT}
regress/unit/user_test: regress/unit/user_test.c ${FLOW_SRCS} ${FLOW_OBJS} ; ${UNIT}
regress/unit/xor_test: regress/unit/xor_test.c shared/log.o worker/tunnel/xor.o ; ${UNIT}
regress/unit/answers_test: regress/unit/answers_test.c rocketctl/answers.o rocketctl/json.o rocketctl/table.o rocketctl/text.o rocketctl/words.o ${CTL_SHARED} ; ${UNIT}
regress/unit/control_test: regress/unit/control_test.c regress/unit/controlrig.c regress/unit/frame.c regress/unit/framerole.c worker/control/asker.o worker/control/control.o worker/control/inquiry.o worker/control/logout.o ${SHARED_OBJS} ; ${UNIT}
regress/unit/ctlparse_test: regress/unit/ctlparse_test.c rocketctl/ctlparse.o ; ${UNIT}
regress/unit/logout_test: regress/unit/logout_test.c worker/control/logout.o ${CTL_SHARED} ; ${UNIT}
regress/unit/upgrade_test: regress/unit/upgrade_test.c shared/log.o worker/net/http.o worker/relay/pipes.o worker/tunnel/upgrade.o worker/tunnel/wire.o worker/tunnel/ws.o ; ${UNIT}
regress/unit/wire_test: regress/unit/wire_test.c shared/log.o worker/relay/pipes.o worker/tunnel/wire.o worker/tunnel/ws.o ; ${UNIT}
regress/unit/worker_test: regress/unit/worker_test.c regress/unit/forked.c ${SHARED_OBJS} worker/childlog.o ; ${UNIT}
regress/unit/ws_test: regress/unit/ws_test.c worker/tunnel/ws.o ; ${UNIT}

unit: prepare
	@${MAKE} unit-tests

unit-tests: ${UNIT_TESTS}

# ---- what other tests run ----
LOAD_SRCS =	regress/bench/bulk.c regress/bench/hist.c regress/bench/hold.c \
		regress/bench/load.c regress/bench/loop.c regress/bench/net.c \
		regress/bench/ping.c regress/bench/rate.c \
		regress/bench/target.c

regress/bench/load: ${LOAD_SRCS} regress/bench/load.h ; ${COMPILE} ${L_ALL} ${LDFLAGS} -o $@ ${LOAD_SRCS} ${L_BSD}
regress/bench/smux_bench: regress/bench/smux_bench.c shared/log.o worker/session/smux.o worker/session/smuxout.o worker/session/smuxst.o ; ${UNIT}
regress/bench/wan: regress/bench/wan.c ; ${UNIT}
regress/interop/smuxpeer: regress/interop/smuxpeer.c shared/log.o worker/session/smux.o worker/session/smuxout.o worker/session/smuxst.o ; ${UNIT}
regress/interop/wspeer: regress/interop/wspeer.c worker/net/http.o worker/tunnel/ws.o ; ${UNIT}
regress/live/traffic: regress/live/traffic.c ; ${UNIT}

helpers: prepare
	@${MAKE} regress/bench/load regress/bench/smux_bench \
	    regress/bench/wan \
	    regress/interop/smuxpeer regress/interop/wspeer \
	    regress/live/traffic

# ---- fuzzing: clang, and archives of its own ----
FUZZ =		clang -std=c11 -D_GNU_SOURCE -g -O1 ${CPP_ALL} ${C_DEPEND}
FUZZ_LIBS =	worker/worker.fa rocketd/rocketd.fa rocketd/conf/conf.fa \
		shared/shared.fa

.c.fo:
	${FUZZ} -fsanitize=fuzzer-no-link,address,undefined -c -o $@ $<

shared/shared.fa: ${SHARED_OBJS:.o=.fo} ; ${ARCHIVE} ${SHARED_OBJS:.o=.fo}
rocketd/conf/conf.fa: ${CONF_OBJS:.o=.fo} ; ${ARCHIVE} ${CONF_OBJS:.o=.fo}
rocketd/rocketd.fa: ${ROCKETD_OBJS:.o=.fo} ; ${ARCHIVE} ${ROCKETD_OBJS:.o=.fo}
worker/worker.fa: ${WORKER_OBJS:.o=.fo} ; ${ARCHIVE} ${WORKER_OBJS:.o=.fo}
regress/fuzz/rig.fa: ${FUZZ_OBJS} ; ${ARCHIVE} ${FUZZ_OBJS}

${FUZZERS}: regress/fuzz/rig.fa ${FUZZ_LIBS}
	${FUZZ} -fsanitize=fuzzer,address,undefined -o $@ $@.c \
	    regress/fuzz/rig.fa ${FUZZ_LIBS} ${L_EVENT} ${L_LZ4} ${L_SSL} \
	    ${L_SECCOMP} ${L_BSD}

fuzz: prepare
	@${MAKE} fuzzers

fuzzers: ${FUZZERS}

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
	rm -f rocketd/rocketd worker/rocketd-worker rocketctl/rocketctl \
	    rocketd/conf/parse.c ${UNIT_TESTS} ${FUZZERS} regress/bench/smux_bench \
	    regress/bench/wan regress/interop/smuxpeer \
	    regress/interop/wspeer regress/live/traffic \
	    regress/bench/load depend.mk
	find . -name '*.[oad]' -o -name '*.f[oa]' -o -name '*.gcno' \
	    -o -name '*.gcda' | xargs rm -f
	rm -rf regress/tmp

distclean: clean
	rm -f config.mk config.h config.log

.PHONY: all prepare programs unit unit-tests helpers fuzz fuzzers lint bench check check-long demo \
	install install-files uninstall clean distclean
