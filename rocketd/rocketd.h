/* SPDX-License-Identifier: ISC */

/*
 * The parent's one environment, which its modules share.  main() makes it;
 * each module keeps to the members under its name.
 */

#ifndef ROCKETD_ROCKETD_H
#define ROCKETD_ROCKETD_H

#include <sys/types.h>
#include <sys/queue.h>

#include <stdint.h>

#include "rocketd/conf/conf.h"
#include "child.h"
#include "unixsock.h"

struct event;
struct event_base;
struct listener;
TAILQ_HEAD(listeners, listener);
struct drained;
TAILQ_HEAD(draineds, drained);
struct again;
TAILQ_HEAD(agains, again);
struct errand;
struct sore;
SLIST_HEAD(sores, sore);
struct keymake;
struct mend;
TAILQ_HEAD(mends, mend);
struct procs_ops;
struct reload;
struct tlslook;
struct tlsmake;

enum phase {
	PHASE_STARTING,		/* not every process has been READY yet */
	PHASE_RUNNING,
	PHASE_STOPPING
};

#define ROCKETD_SIGNALS	4	/* that we wait for */

struct conf_stamp {		/* other ones: the file has changed */
	uint64_t	 dev;
	uint64_t	 ino;
	int64_t		 size;
	int64_t		 sec;		/* of its last change */
	int64_t		 nsec;
};

struct rocketd {
	struct event_base	*base;
	enum phase		 phase;
	int			 status;	/* of exit(3) */

	/* from the command line */
	const char		*conf_path;
	const char		*control_override;	/* -s, or NULL */
	const char		*worker_path;	/* absolute */
	int			 worker_fd;	/* spawn_open's, -1 none */
	const char		*quic_path;	/* beside the worker */
	int			 quic_fd;	/* likewise, -1 not yet */
	int			 foreground;	/* -d */
	int			 verbose;	/* how many -v */
	int			 root;		/* full separation */

	/* rocketd.c */
	uint8_t			 start_id[START_ID_LEN];
	uint8_t			 quic_secret[HASH_LEN];	/* see send.c */
	uint64_t		 started;	/* seconds since the epoch */
	struct event		*sigev[ROCKETD_SIGNALS];

	/* apply.c */
	struct rocketd_conf	*conf;		/* what is in force */
	uint64_t		 configured;	/* seconds since the epoch */

	/* reload.c */
	struct reload		*reload;	/* under way, or NULL */
	char			 conf_error[HOST_MAX];
	int			 reload_later;	/* again, after this */

	/* confwatch.c */
	struct conf_stamp	 conf_stamp;	/* of the file, when read */
	struct event		*conf_timer;	/* NULL: it is not watched */

	/* errand.c */
	struct errand		*errand;	/* under way, or NULL */

	/* tlslook.c */
	struct tlslook		*look;		/* likewise */

	/* tlsmake.c */
	struct tlsmake		*make;		/* likewise */

	/* keymake.c */
	struct keymake		*keymake;	/* NULL: not yet */
	void			(*key_made)(struct rocketd *,
				    const char *name, const uint8_t *token,
				    size_t len, const uint8_t *key);

	/* procs.c */
	const struct procs_ops	*procs_ops;
	struct children		 children;
	uint32_t		 generation;	/* the last one given */
	uint32_t		 stage;		/* of the start */
	struct event		*stop_timer;
	int			 advancing;	/* procs_advance is at work */
	int			 aborted;	/* ends at once */
	uint32_t		 log_level;	/* of all processes */

	/* spawn.c */
	int			 netns;		/* spawn_netns's */

	/* hear.c */
	uint32_t		 lack;		/* SANDBOX_: was told */

	/* chans.c */
	uint32_t		 pair;		/* the last one made */

	/* mend.c */
	struct mends		 mends;		/* channels lost of late */
	uint64_t		 mended;

	/* listen.c */
	struct listeners	 listeners;
	uint32_t		 listen_number;	/* the last one given */
	uint64_t		 listen_hung;	/* shut down by a borrower */

	/* send.c */
	struct draineds		 drained;	/* removed services' targets */
	struct agains		 agains;	/* directories just sent */

	/* sockdir.c */
	struct sores		 sores;		/* complaints */

	/* ctlsock.c */
	int			 ctl_fd;	/* -1 none */
	char			*ctl_path;	/* where it is bound */
	struct unixsock		 ctl_file;	/* what is there */

	/* detach.c */
	int			 pidfd;
	char			*pidfile;	/* as written */
};

#endif /* ROCKETD_ROCKETD_H */
