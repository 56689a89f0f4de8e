# For GNU make and bmake alike.  config.mk is made by ./configure, which `make'
# runs when it has not been run, or when it has changed.  What is compiled is
# what lies in the folders; what may include what is told by regress/style.sh.

-include config.mk

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
		grep -v worker/main.o
CTL_OBJS !=	ls rocketctl/*.c | sed 's/c$$/o/' | grep -v /rocketctl.o
UNIT_TESTS !=	ls regress/unit/*_test.c | sed 's/.c$$//'
FUZZERS !=	ls regress/fuzz/*_fuzz.c | sed 's/.c$$//'
FUZZ_OBJS !=	ls regress/fuzz/*.c | grep -v _fuzz.c | sed 's/c$$/fo/'

# The first pass makes config.mk, the second has read it.
all: prepare
	@${MAKE} programs

-include depend.mk

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

worker/rocketd-worker: worker/main.o worker/worker.a shared/shared.a
	${LINK} -o $@ worker/main.o worker/worker.a shared/shared.a \
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

# ---- unit tests: each is linked with what it calls, and no more ----
RIG_OBJS !=	ls regress/unit/*.c | grep -v _test.c | sed 's/c$$/o/'
TEST_LIBS =	worker/worker.a rocketd/rocketd.a rocketd/conf/conf.a \
		rocketctl/rocketctl.a shared/shared.a
UNIT =		${COMPILE} ${L_ALL} ${LDFLAGS} -o $@ $^ $> ${L_CMOCKA} \
		${L_EVENT} ${L_SSL} ${L_LZ4} ${L_SECCOMP} ${L_BSD}

regress/unit/rig.a: ${RIG_OBJS} ; ${ARCHIVE} ${RIG_OBJS}
${UNIT_TESTS}: regress/unit/rig.a ${TEST_LIBS} regress/bench/hist.o
	${COMPILE} ${L_ALL} ${LDFLAGS} -o $@ $@.c regress/unit/rig.a \
	    regress/bench/hist.o ${TEST_LIBS} ${L_CMOCKA} ${L_EVENT} ${L_SSL} \
	    ${L_LZ4} ${L_SECCOMP} ${L_BSD}

unit: prepare
	@${MAKE} unit-tests

unit-tests: ${UNIT_TESTS}

# ---- what other tests run ----
LOAD_SRCS =	regress/bench/bulk.c regress/bench/hist.c regress/bench/hold.c \
		regress/bench/load.c regress/bench/loop.c regress/bench/net.c \
		regress/bench/ping.c regress/bench/rate.c \
		regress/bench/target.c

regress/bench/load: ${LOAD_SRCS} regress/bench/load.h ; ${COMPILE} ${L_ALL} ${LDFLAGS} -o $@ ${LOAD_SRCS} ${L_BSD}
regress/bench/smux_bench: regress/bench/smux_bench.c shared/log.o worker/session/session.o worker/session/smux.o worker/session/smuxout.o worker/session/smuxst.o ; ${UNIT}
regress/bench/wan: regress/bench/wan.c ; ${UNIT}
regress/interop/smuxpeer: regress/interop/smuxpeer.c shared/log.o worker/session/session.o worker/session/smux.o worker/session/smuxout.o worker/session/smuxst.o ; ${UNIT}
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
