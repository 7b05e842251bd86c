// SPDX-License-Identifier: GPL-2.0
#include "fuzz.h"
int crash_main(int family, uint64_t seed, int threads, int seconds, int faults)
{
	return 2;
}
