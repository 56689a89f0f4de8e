# For GNU make and bmake alike.  All sources in the folders are compiled;
# regress/style.sh says what may include what.
#
# configure always runs first: it writes config.mk again if the compiler or a
# library has changed.  Objects depend on their headers (*.dep), on the command
# lines that make them (config.words), and on this file.  (An included file that
# is made only now needs the "./" for bmake to see it.)

CONFIGURED !=	sh configure --again ${MAKECMDGOALS} ${.TARGETS} >&2 && \
		echo config.words || echo unconfigured
-include ./config.mk

.SUFFIXES:
.SUFFIXES: .c .o .fo
.DELETE_ON_ERROR:

COMPILE =	${CC} ${C_ALL} -I. ${C_LIBS} ${CPPFLAGS} ${CFLAGS}
LINK =		${CC} ${C_ALL} ${CFLAGS} ${L_ALL} ${LDFLAGS}
LIBS =		${L_EVENT} ${L_SSL} ${L_LZ4} ${L_CRYPT} ${L_SECCOMP} ${L_BSD} ${L_MD}
TEST_L =	${LIBS} ${L_QUIC}

# The objects of a folder; those with main() are not in its archive, and yacc's
# output does not count.
SHARED !=	ls shared/*.c | sed 's/c$$/o/'
CONF !=		grep -L '^.line.*[.]y"' rocketd/conf/*.[cy] | sed 's/[cy]$$/o/'
ROCKETD !=	grep -L '^.line.*[.]y"' rocketd/*.c | sed 's/c$$/o/' | \
		grep -v /rocketd.o
WORKER !=	ls worker/*.c worker/*/*.c worker/*/*/*.c | sed 's/c$$/o/' | \
		grep -v -e worker/main.o -e worker/quic/
# without its libraries a part of it, for its tests
QUIC_OBJS !=	ls worker/quic/*.c | sed -n '/quic.${QUIC_PART}/s/c$$/o/p' | \
		sed /main.o/d
CTL !=		ls rocketctl/*.c | sed 's/c$$/o/' | grep -v /rocketctl.o
RIG !=		ls regress/unit/*.c | grep -v -e _test.c -e tinylist.c | \
		sed '${NO_QUIC} s/c$$/o/'
BENCH !=	ls regress/bench/*.c | grep -v -e /load.c -e /smux_bench.c \
		-e /wan.c | sed 's/c$$/o/'
FUZZ !=		ls regress/fuzz/*.c | grep -v _fuzz.c | sed 's/c$$/fo/'
OBJS =		rocketd/rocketd.o worker/main.o rocketctl/rocketctl.o \
		${SHARED} ${CONF} ${ROCKETD} ${WORKER} ${CTL} \
		worker/quic/main.o ${QUIC_OBJS}
TEST_OBJS !=	ls regress/*/*.c | sed 's/c$$/o/; /fuzz/s/o$$/fo/'

ARCHIVES =	worker/quic/quic.a worker/worker.a rocketd/rocketd.a rocketd/conf/conf.a \
		rocketctl/rocketctl.a shared/shared.a
PARTS =		worker/rocketd-worker ${QUIC:rocketd-quic=worker/rocketd-quic}
PROGRAMS =	rocketd/rocketd ${PARTS} rocketctl/rocketctl
UNIT_TESTS !=	ls regress/unit/*_test.c | sed '${NO_QUIC} s/.c$$//'
FUZZERS !=	ls regress/fuzz/*_fuzz.c | sed '${NO_QUIC} s/.c$$//'
TEST_LIBS =	regress/bench/bench.a ${ARCHIVES}
FUZZ_LIBS =	regress/fuzz/rig.fa regress/fuzz/unit.fa ${ARCHIVES:.a=.fa}
# what fuzzers of a role use of the unit tests' rigs
FUZZ_UNIT =	regress/unit/workpeer.fo regress/unit/workrig.fo \
		regress/unit/workstart.fo regress/unit/frame.fo \
		regress/unit/framerole.fo
HELPERS =	regress/bench/load regress/bench/smux_bench regress/bench/wan \
		regress/fault/hostile \
		regress/interop/smuxpeer regress/interop/wspeer \
		regress/live/crowd regress/live/odd regress/live/traffic

# the programs with failures to order, and what is wrapped for that
FAULTY =	regress/fault/rocketd regress/fault/rocketd-worker \
		${QUIC:rocketd-quic=regress/fault/rocketd-quic}
WRAPPED !=	sed -n 's/^WRAP([^,]*, \([a-z0-9_]*\)[,)].*/-Wl,--wrap=\1/p; \
		s/^__wrap_\([a-z]*\)(.*/-Wl,--wrap=\1/p' regress/fault/inject.c

# Each is written only if its contents change.
WRITTEN !=	is() { cmp -s $$1.$$$$ $$1 && rm $$1.$$$$ || mv -f $$1.$$$$ $$1; }; \
		echo ${FOUND} ${COMPILE} ${LINK} ${TEST_L} ${YACC} \
		    >config.words.$$$$; is config.words; \
		echo ${OBJS} ${RIG} ${BENCH} ${FUZZ} >config.objs.$$$$; \
		is config.objs; \
		{ echo ${TEST_OBJS} | tr ' ' '\n' | sed 's/\(.*\)[.]/\1: &/'; \
		find shared rocketd worker rocketctl regress -name '*.dep' \
		    -exec cat {} +; } >config.deps.$$$$; is config.deps

all: ${PROGRAMS}
unit: ${UNIT_TESTS}
helpers: ${HELPERS} ${FAULTY}
fuzzers: ${FUZZERS}

-include ./config.deps

${OBJS} ${OBJS:.o=.fo} ${TEST_OBJS} ${FUZZ_UNIT}: ${CONFIGURED} Makefile ${HEADERS}
${TEST_OBJS}: config.mk
${RIG} ${UNIT_TESTS:=.o}: ${NO_CMOCKA}

unconfigured:
	@exit 1

no-cmocka:
	@echo "the unit tests want cmocka (Debian: libcmocka-dev)" >&2; exit 1

.c.o:
	${COMPILE} ${C_DEPEND} -c -o $@ $<

rocketd/conf/parse.c: rocketd/conf/parse.y ${CONFIGURED}
	${YACC} -o $@ rocketd/conf/parse.y

regress/unit/rig.a ${TEST_LIBS} ${FUZZ_LIBS}: config.objs
ARCHIVE =	@rm -f $@; echo ar cr $@; ar cr $@
worker/worker.a: ${WORKER} ; ${ARCHIVE} ${WORKER}
worker/quic/quic.a: ${QUIC_OBJS} ; ${ARCHIVE} ${QUIC_OBJS}
rocketd/rocketd.a: ${ROCKETD} ; ${ARCHIVE} ${ROCKETD}
rocketd/conf/conf.a: ${CONF} ; ${ARCHIVE} ${CONF}
rocketctl/rocketctl.a: ${CTL} ; ${ARCHIVE} ${CTL}
shared/shared.a: ${SHARED} ; ${ARCHIVE} ${SHARED}
regress/unit/rig.a: ${RIG} ; ${ARCHIVE} ${RIG}
regress/bench/bench.a: ${BENCH} ; ${ARCHIVE} ${BENCH}

# The parent links neither OpenSSL nor libseccomp; rocketctl links no libevent.
rocketd/rocketd: rocketd/rocketd.o rocketd/rocketd.a rocketd/conf/conf.a \
    shared/shared.a
	${LINK} -o $@ rocketd/rocketd.o rocketd/rocketd.a \
	    rocketd/conf/conf.a shared/shared.a ${L_EVENT} ${L_BSD} ${L_MD}

worker/rocketd-worker: worker/main.o worker/worker.a shared/shared.a
	${LINK} -o $@ worker/main.o worker/worker.a shared/shared.a ${LIBS}

# QUIC's libraries and OpenSSL never meet in a process.
QUIC_LIBS =	${L_QUIC} ${L_EVENT} ${L_SECCOMP} ${L_BSD} ${L_MD}
worker/rocketd-quic: worker/quic/main.o worker/quic/quic.a worker/worker.a \
    shared/shared.a
	${LINK} -o $@ worker/quic/main.o worker/quic/quic.a worker/worker.a \
	    shared/shared.a ${QUIC_LIBS}

rocketctl/rocketctl: rocketctl/rocketctl.o rocketctl/rocketctl.a \
    shared/shared.a
	${LINK} -o $@ rocketctl/rocketctl.o rocketctl/rocketctl.a \
	    shared/shared.a ${L_BSD} ${L_MD}

# ---- tests: each is linked with what it calls, and no more ----
${UNIT_TESTS}: regress/unit/rig.a ${TEST_LIBS}
	${LINK} -o $@ $@.o regress/unit/rig.a ${TEST_LIBS} ${L_CMOCKA} ${TEST_L}

${HELPERS}: ${TEST_LIBS}
	${LINK} -o $@ $@.o ${TEST_LIBS} ${TEST_L}

regress/fault/rocketd: rocketd/rocketd.o rocketd/rocketd.a \
    rocketd/conf/conf.a shared/shared.a regress/fault/inject.o
	${LINK} ${WRAPPED} -o $@ rocketd/rocketd.o regress/fault/inject.o \
	    rocketd/rocketd.a rocketd/conf/conf.a shared/shared.a \
	    ${L_EVENT} ${L_BSD} ${L_MD}

regress/fault/rocketd-worker: worker/main.o worker/worker.a shared/shared.a \
    regress/fault/inject.o
	${LINK} ${WRAPPED} -o $@ worker/main.o regress/fault/inject.o \
	    worker/worker.a shared/shared.a ${LIBS}

regress/fault/rocketd-quic: worker/quic/main.o worker/quic/quic.a \
    worker/worker.a shared/shared.a regress/fault/inject.o
	${LINK} ${WRAPPED} -o $@ worker/quic/main.o regress/fault/inject.o \
	    worker/quic/quic.a worker/worker.a shared/shared.a ${QUIC_LIBS}

# clang makes the fuzzers, from archives of its own.
CLANG =		clang -std=c11 -D_GNU_SOURCE -g -O1

.c.fo:
	${CLANG} -fsanitize=fuzzer-no-link,address,undefined -I. ${C_LIBS} \
	    ${CPPFLAGS} ${C_DEPEND} -c -o $@ $<

worker/worker.fa: ${WORKER:.o=.fo} ; ${ARCHIVE} ${WORKER:.o=.fo}
worker/quic/quic.fa: ${QUIC_OBJS:.o=.fo} ; ${ARCHIVE} ${QUIC_OBJS:.o=.fo}
rocketd/rocketd.fa: ${ROCKETD:.o=.fo} ; ${ARCHIVE} ${ROCKETD:.o=.fo}
rocketd/conf/conf.fa: ${CONF:.o=.fo} ; ${ARCHIVE} ${CONF:.o=.fo}
rocketctl/rocketctl.fa: ${CTL:.o=.fo} ; ${ARCHIVE} ${CTL:.o=.fo}
shared/shared.fa: ${SHARED:.o=.fo} ; ${ARCHIVE} ${SHARED:.o=.fo}
regress/fuzz/rig.fa: ${FUZZ} ; ${ARCHIVE} ${FUZZ}
regress/fuzz/unit.fa: ${FUZZ_UNIT} ; ${ARCHIVE} ${FUZZ_UNIT}

${FUZZERS}: ${FUZZ_LIBS}
	${CLANG} -fsanitize=fuzzer,address,undefined -o $@ $@.fo ${FUZZ_LIBS} \
	    ${L_CMOCKA} ${TEST_L}

# ---- checks ----
lint:
	@sh regress/style.sh
	@mandoc -T lint -W warning man/*.[1-9]

check:
	@sh regress/check.sh

check-long:
	@LONG=1 sh regress/check.sh

# Half a minute of each fuzzer, or FUZZ_SECONDS.
fuzz: fuzzers
	@sh regress/fuzz/run.sh

# A failure at each call site, ten minutes of processes killed, and more; an hour
# of load, or SOAK_SECONDS.  See regress/fault/README.md.
fault: all helpers
	@sh regress/fault/run.sh

soak: all helpers
	@perl regress/fault/soak

demo:
	@sh regress/demo.sh

# Which lines the suites run; see regress/coverage.sh.
coverage:
	@sh regress/coverage.sh

# Half an hour; see regress/bench/README.md for its settings.
bench:
	-@sh regress/setup.sh bench
	@${MAKE} all helpers
	@regress/bench/bench

# ---- installing ----
SBIN =		${DESTDIR}${PREFIX}/sbin
SHARE =		${DESTDIR}${PREFIX}/share
EXAMPLES =	${SHARE}/examples/rocketd

install: all
	mkdir -p ${SBIN} ${DESTDIR}${LIBEXECDIR} ${EXAMPLES} \
	    ${DESTDIR}${MANDIR}/man5 ${DESTDIR}${MANDIR}/man7 \
	    ${DESTDIR}${MANDIR}/man8 \
	    ${SHARE}/bash-completion/completions \
	    ${SHARE}/zsh/site-functions ${SHARE}/fish/vendor_completions.d \
	    ${DESTDIR}${PREFIX}/lib/systemd/system \
	    ${DESTDIR}${PREFIX}/lib/sysusers.d
	install -m 555 rocketd/rocketd rocketctl/rocketctl ${SBIN}
	install -m 555 ${PARTS} ${DESTDIR}${LIBEXECDIR}
	install -m 444 man/rocketd.conf.5 ${DESTDIR}${MANDIR}/man5
	install -m 444 man/rocket-protocol.7 ${DESTDIR}${MANDIR}/man7
	install -m 444 man/rocketd.8 man/rocketctl.8 ${DESTDIR}${MANDIR}/man8
	install -m 444 etc/rocketd.conf etc/rocketd-server.conf \
	    etc/rocketd-client.conf etc/rocketd-backhaul.conf \
	    etc/rocketd.rc ${EXAMPLES}
	install -m 444 etc/completions/rocketctl.bash \
	    ${SHARE}/bash-completion/completions/rocketctl
	install -m 444 etc/completions/_rocketctl ${SHARE}/zsh/site-functions
	install -m 444 etc/completions/rocketctl.fish \
	    ${SHARE}/fish/vendor_completions.d
	sed 's,/usr/local/sbin,${PREFIX}/sbin,g' etc/rocketd.service \
	    >${DESTDIR}${PREFIX}/lib/systemd/system/rocketd.service
	install -m 444 etc/rocketd.sysusers \
	    ${DESTDIR}${PREFIX}/lib/sysusers.d/rocketd.conf
	@test -n "${DESTDIR}" || sh etc/adduser.sh

# The configuration and the system user stay.
uninstall: ${CONFIGURED}
	rm -f ${SBIN}/rocketd ${SBIN}/rocketctl \
	    ${DESTDIR}${LIBEXECDIR}/rocketd-worker \
	    ${DESTDIR}${LIBEXECDIR}/rocketd-quic \
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
	rm -f ${PROGRAMS} rocketd/conf/parse.c ${UNIT_TESTS} ${FUZZERS} \
	    worker/rocketd-quic regress/fault/rocketd-quic \
	    ${HELPERS} ${FAULTY} config.words config.objs config.deps
	find . -name '*.[oad]' -o -name '*.dep' -o -name '*.f[oa]' \
	    -o -name '*.gcno' -o -name '*.gcda' | xargs rm -f
	rm -rf regress/tmp

distclean: clean
	rm -f config.mk config.h config.log

.PHONY: all unit helpers fuzzers fuzz fault soak unconfigured no-cmocka lint \
	check check-long coverage demo bench install uninstall clean distclean
