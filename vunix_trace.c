// SPDX-License-Identifier: GPL-2.0
/*
 * The tracepoints' own code, which include/vunix_trace.h unfolds into.
 */
#ifndef __CHECKER__
#define CREATE_TRACE_POINTS
#endif
#include "vunix_trace.h"
