// SPDX-License-Identifier: GPL-2.0
#include "fuzz.h"
void print_c(FILE *f, const struct program *p, const char *why)
{
}
