/* SPDX-License-Identifier: ISC */

/* A worker of the client's side, among targets and peers who do anything. */

#include "servicerig.h"

int	 LLVMFuzzerInitialize(int *, char ***);
int	 LLVMFuzzerTestOneInput(const uint8_t *, size_t);

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	servicerig_start(SIDE_CLIENT);
	return (0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	servicerig_play(p, n);
	return (0);
}
