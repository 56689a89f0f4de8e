/* SPDX-License-Identifier: ISC */

/* See fiber.h.  A sanitizer wants to be told of each change of the stack. */

#include <sys/types.h>
#include <sys/mman.h>

#include <stdint.h>
#include <stdlib.h>
#include <ucontext.h>
#include <unistd.h>

#include "shared/compat.h"
#include "fiber.h"

#if defined(__SANITIZE_ADDRESS__)
#define FIBER_ASAN
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define FIBER_ASAN
#endif
#endif

#ifdef FIBER_ASAN
#include <sanitizer/common_interface_defs.h>
/* A sanitizer's frames are several times as large. */
#define STACK_SIZE	(1024 * 1024)
#define LEAVES(keep, bottom, size) \
	__sanitizer_start_switch_fiber(keep, bottom, size)
#define COMES(kept, bottom, size) \
	__sanitizer_finish_switch_fiber(kept, bottom, size)
#else
/* A handshake with certificates of RSA takes some 20 KiB. */
#define STACK_SIZE	(256 * 1024)
#define LEAVES(keep, bottom, size)	((void)(keep))
#define COMES(kept, bottom, size)	((void)(kept))
#endif

struct fiber {
	struct fiber	*next;		/* while it is free */
	ucontext_t	 here;		/* where it waits */
	ucontext_t	 back;		/* who runs it */
	uint8_t		*stack;
	void		(*body)(void *);
	void		*arg;
	void		*fake;		/* the sanitizer's, of its stack */
	const void	*bottom;	/* of the stack of who runs it */
	size_t		 size;
	int		 over;
};

static struct fiber	*idle, *self;

static int
fiber_make(void)
{
	size_t		 page = (size_t)sysconf(_SC_PAGESIZE);
	struct fiber	*f;
	void		*p;

	if ((f = calloc(1, sizeof(*f))) == NULL)
		return (-1);
	p = mmap(NULL, page + STACK_SIZE, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANON, -1, 0);
	if (p == MAP_FAILED || mprotect(p, page, PROT_NONE) == -1) {
		if (p != MAP_FAILED)
			(void)munmap(p, page + STACK_SIZE);
		free(f);
		return (-1);
	}
	f->stack = (uint8_t *)p + page;
	f->next = idle;
	idle = f;
	return (0);
}

int
fibers_init(unsigned int n)
{
	while (n-- > 0)
		if (fiber_make() == -1)
			return (-1);
	return (0);
}

struct fiber *
fiber_get(void)
{
	struct fiber	*f = idle;

	if (f != NULL)
		idle = f->next;
	return (f);
}

struct fiber *
fiber_self(void)
{
	return (self);
}

/* What runs first on its stack. */
static void
fiber_main(void)
{
	struct fiber	*f = self;

	COMES(NULL, &f->bottom, &f->size);
	f->body(f->arg);
	f->over = 1;
	LEAVES(NULL, f->bottom, f->size);
	(void)setcontext(&f->back);
	abort();			/* a context that is ours */
}

int
fiber_resume(struct fiber *f)
{
	void	*fake = NULL;

	self = f;
	LEAVES(&fake, f->stack, STACK_SIZE);
	(void)swapcontext(&f->back, &f->here);
	COMES(fake, NULL, NULL);
	self = NULL;
	if (!f->over)
		return (0);
	f->next = idle;
	idle = f;
	return (1);
}

int
fiber_run(struct fiber *f, void (*body)(void *), void *arg)
{
	f->body = body;
	f->arg = arg;
	f->over = 0;
	(void)getcontext(&f->here);
	f->here.uc_stack.ss_sp = f->stack;
	f->here.uc_stack.ss_size = STACK_SIZE;
	f->here.uc_link = NULL;
	makecontext(&f->here, fiber_main, 0);
	return (fiber_resume(f));
}

void
fiber_wait(void)
{
	struct fiber	*f = self;

	LEAVES(&f->fake, f->bottom, f->size);
	(void)swapcontext(&f->here, &f->back);
	COMES(f->fake, &f->bottom, &f->size);
}
