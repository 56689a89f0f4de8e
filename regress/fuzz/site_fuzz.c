/* SPDX-License-Identifier: ISC */

/*
 * What must hold for a stranger's request: whole and cut it leads to the same
 * place, to a service only by its path; and what is answered is one answer of
 * HTTP, whose body is as long as it says.
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "worker/gate/answer.h"
#include "worker/gate/path.h"
#include "worker/gate/site.h"
#include "worker/net/http.h"
#include "rolerig.h"

#define PATH		"/the/way"
#define FILE_TEXT	"<p>a file\n"

int	 LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
configure(uint32_t type, int fd, const void *data, size_t len)
{
	must(rig_configure(PROC_GATE, type, fd, data, len,
	    type == IMSG_CONF_PATH ? path_configure : site_configure) == 0);
}

static void
add_file(uint32_t decoy, const char *name)
{
	struct msg_file	 msg;
	FILE		*f;

	memset(&msg, 0, sizeof(msg));
	msg.decoy = decoy;
	msg.size = strlen(FILE_TEXT);
	msg.changed = 1700000000;
	strlcpy(msg.name, name, sizeof(msg.name));
	must((f = tmpfile()) != NULL && fputs(FILE_TEXT, f) != EOF &&
	    fflush(f) == 0);
	configure(IMSG_CONF_FILE, dup(fileno(f)), &msg, sizeof(msg));
	fclose(f);
}

/* A block that redirects, one with files, one that is always busy, and none. */
static void
set_up(void)
{
	static const struct msg_decoy	 decoys[] = {
		{ 0, 302, "https://www.example.com/", "" },
		{ 1, 200, "", "nginx" },
		{ 2, 503, "", "busy/1" }
	};
	struct msg_path			 path;
	size_t				 i;

	path_begin();
	site_begin();
	for (i = 0; i < sizeof(decoys) / sizeof(decoys[0]); i++)
		configure(IMSG_CONF_DECOY, -1, &decoys[i], sizeof(decoys[i]));
	memset(&path, 0, sizeof(path));
	path.service = 7;
	strlcpy(path.path, PATH, sizeof(path.path));
	configure(IMSG_CONF_PATH, -1, &path, sizeof(path));
	add_file(1, "/index.html");
	add_file(1, "/sub/index.html");
	add_file(1, "/a b.css");
	path_commit();
	site_commit();
}

/* All that a visitor is sent; one turn is enough for such files. */
static size_t
read_answer(void *v, char *buf, size_t size)
{
	ssize_t	 n;
	int	 sp[2];

	must(socketpair(AF_UNIX, SOCK_STREAM, 0, sp) == 0);
	must(answer_site.send(v, sp[0]) == 1);
	close(sp[0]);
	n = read(sp[1], buf, size);
	must(n > 0 && (size_t)n < size);
	close(sp[1]);
	return ((size_t)n);
}

static void
check_answer(uint32_t decoy, const uint8_t *p, size_t n)
{
	static const struct addr	 peer;
	struct http_head		 asked, h;
	const struct http_text		*length;
	void				*v;
	char				 buf[8192], number[32];
	size_t				 len;
	ssize_t				 head;

	must((v = answer_site.make(decoy, &peer, p, n)) != NULL);
	len = read_answer(v, buf, sizeof(buf));
	answer_site.free(v);
	must((head = http_answer(&h, buf, len)) > 0);
	must((length = http_field(&h, "Content-Length")) != NULL);
	must(h.status >= 200 && http_has_token(&h, "Connection", "close"));
	if (http_request(&asked, p, n) > 0 && http_is(&asked.method, "HEAD")) {
		must(len == (size_t)head);
		return;
	}
	snprintf(number, sizeof(number), "%zu", len - (size_t)head);
	must(http_is(length, number));
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct routed		 way, cut;
	struct http_head	 h;
	enum route_to		 to, cut_to;
	uint32_t		 decoy;

	if (rig_start(NULL, p, n))
		set_up();
	if (n < 2 || n > HTTP_HEAD_MAX)
		return (0);
	decoy = *p++ % 4;
	n--;
	memset(&way, 0, sizeof(way));
	memset(&cut, 0, sizeof(cut));
	to = path_look(p, n, &way);
	cut_to = path_look(p, n - 1, &cut);
	/* an octet more never makes a good one wait, or a bad one good */
	must(cut_to == ROUTE_MORE || (cut_to == to &&
	    cut.service == way.service));
	must(to != ROUTE_MORE || (way.need > n && way.need <= HTTP_HEAD_MAX));
	if (to == ROUTE_SERVICE)
		must(way.service == 7 && http_request(&h, p, n) > 0 &&
		    http_is(&h.target, PATH));
	else if (to != ROUTE_MORE)
		check_answer(decoy, p, n);
	return (0);
}
