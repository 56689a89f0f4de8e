/* SPDX-License-Identifier: ISC */

/*
 * A test in a process of its own, for what has one state a process: see
 * frame.h.  Of one that failed all is told, with what was logged.
 */

#include <sys/types.h>
#include <sys/wait.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "shared/compat.h"
#include "frame.h"

/* What a test that has failed was told. */
static int
alone_lines(void)
{
	int	 i;

	for (i = 0; i < frame_nlines; i++)
		print_message("log: %s\n", frame_lines[i]);
	return (1);
}

static int
alone_child(const struct frame_alone *a, int fd)
{
	const struct CMUnitTest	 one[] = {
		{ a->name, a->body, NULL, NULL, NULL }
	};

	dup2(fd, STDOUT_FILENO);
	dup2(fd, STDERR_FILENO);
	close(fd);
	unsetenv("CMOCKA_MESSAGE_OUTPUT");
	cmocka_set_message_output(CM_OUTPUT_STDOUT);
	return (cmocka_run_group_tests(one, NULL, NULL) != 0 ?
	    alone_lines() : 0);
}

void
frame_alone(void **state)
{
	const struct frame_alone	*a = *state;
	char			 buf[8192];
	size_t			 len = 0;
	ssize_t			 n;
	pid_t			 pid;
	int			 p[2], status;

	assert_int_equal(pipe(p), 0);
	fflush(NULL);
	assert_int_not_equal(pid = fork(), -1);
	if (pid == 0) {
		close(p[0]);
		exit(alone_child(a, p[1]));
	}
	close(p[1]);
	while ((n = read(p[0], buf + len, sizeof(buf) - 1 - len)) > 0)
		len += n;
	buf[len] = '\0';
	close(p[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (status != 0)
		fail_msg("status %x: %s", status, buf);
}
