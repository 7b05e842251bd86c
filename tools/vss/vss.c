// SPDX-License-Identifier: GPL-2.0
/*
 * vss - what ss -x is for AF_UNIX, for vunix: options, and the plain list.
 */
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "vss.h"

#define PARAMETER	"/sys/module/vunix/parameters/family"
#define CONNECTED	(~(1u << VSS_LISTEN | 1u << VSS_CLOSE))

struct vss_options opt = {
	.states = CONNECTED,
	.header = true,
	.rows = 20,
	.count = 1,
};

enum { OPT_FAMILY = 256, OPT_PEERS, OPT_TOP, OPT_ROWS, OPT_JSON };

static const struct option options[] = {
	{ "all",	no_argument,		NULL, 'a' },
	{ "listening",	no_argument,		NULL, 'l' },
	{ "extended",	no_argument,		NULL, 'e' },
	{ "memory",	no_argument,		NULL, 'm' },
	{ "info",	no_argument,		NULL, 'i' },
	{ "processes",	no_argument,		NULL, 'p' },
	{ "numeric",	no_argument,		NULL, 'n' },
	{ "no-header",	no_argument,		NULL, 'H' },
	{ "summary",	no_argument,		NULL, 's' },
	{ "unix",	no_argument,		NULL, 'x' },
	{ "family",	required_argument,	NULL, OPT_FAMILY },
	{ "peers",	no_argument,		NULL, OPT_PEERS },
	{ "top",	required_argument,	NULL, OPT_TOP },
	{ "rows",	required_argument,	NULL, OPT_ROWS },
	{ "json",	no_argument,		NULL, OPT_JSON },
	{ "help",	no_argument,		NULL, 'h' },
	{ "version",	no_argument,		NULL, 'V' },
	{ }
};

static void usage(FILE *to)
{
	fputs("Usage: vss [OPTION]... [state STATE|exclude STATE]... [FILTER]\n"
	      "Lists vunix sockets as ss -x does AF_UNIX's.\n"
	      "\n"
	      "  -a, --all         also those that listen or are not connected\n"
	      "  -l, --listening   only those\n"
	      "  -e, --extended    uid, id, file, what was shut down, who waits to be accepted\n"
	      "  -m, --memory      memory\n"
	      "  -i, --info        counters: bytes, messages, refused, blocked\n"
	      "  -p, --processes   who has it\n"
	      "  -n, --numeric     as always\n"
	      "  -H, --no-header   no first line\n"
	      "  -s, --summary     how many of which type in which state\n"
	      "      --peers       each connection once, processes at both ends\n"
	      "      --top SECONDS[,COUNT]   who sends and receives most\n"
	      "      --rows N      of --top (20; 0: all)\n"
	      "      --json        for programs\n"
	      "  -x, --unix        AF_UNIX sockets instead\n"
	      "      --family N    vunix has that number (the module knows, or 18)\n"
	      "  -h, --help        this\n"
	      "  -V, --version     which vss\n"
	      "\n"
	      "STATE: all connected established listening unconnected\n"
	      "FILTER: src GLOB, dst GLOB, with and, or, not, ( and )\n", to);
}

static unsigned int family_of_module(void)
{
	unsigned int family = AF_VUNIX;
	FILE *f = fopen(PARAMETER, "re");

	if (f) {
		if (fscanf(f, "%u", &family) != 1)
			family = AF_VUNIX;
		fclose(f);
	}
	return family;
}

/* A number up to @max, to *n. */
static bool parse_number(const char *text, unsigned long max, unsigned long *n)
{
	char *end;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	*n = strtoul(text, &end, 10);
	return !errno && !*end && *n <= max;
}

/* SECONDS[,COUNT] */
static bool parse_top(const char *text)
{
	char *end;

	if ((*text < '0' || *text > '9') && *text != '.')
		return false;
	opt.seconds = strtod(text, &end);
	if (!isfinite(opt.seconds) || opt.seconds < 0.001 ||
	    opt.seconds > 1e6)
		return false;
	if (*end == ',')
		return parse_number(end + 1, UINT32_MAX, &opt.count);
	return !*end;
}

/* What to do, of all there is: at most one but the list. */
enum mode { LIST, SUMMARY, PEERS, TOP };

static enum mode mode;
static bool has_mode;

static bool set_mode(enum mode m)
{
	if (has_mode && mode != m) {
		fputs("vss: one of -s, --peers and --top at a time\n", stderr);
		return false;
	}
	mode = m;
	has_mode = true;
	return true;
}

/* The options that have an argument.  False: it makes no sense. */
static bool parse_argument(int c, const char *text)
{
	unsigned long n = 0;
	bool good = false;

	switch (c) {
	case OPT_FAMILY:
		good = parse_number(text, 255, &n);
		opt.family = n;
		break;
	case OPT_ROWS:
		good = parse_number(text, UINT32_MAX, &n);
		opt.rows = n;
		break;
	case OPT_TOP:
		good = parse_top(text);
		break;
	}
	if (!good)
		fprintf(stderr, "vss: \"%s\" makes no sense there\n", text);
	return good;
}

/* Returns VSS_OK, VSS_USAGE, or -1: all is done. */
static int parse_option(int c)
{
	switch (c) {
	case 'a':
		opt.states = VSS_ALL_STATES;
		break;
	case 'l':
		/* As ss has it: all that no connection has. */
		opt.states = ~CONNECTED;
		break;
	case 'e':
		opt.extended = true;
		break;
	case 'm':
		opt.memory = true;
		break;
	case 'i':
		opt.info = true;
		break;
	case 'p':
		opt.processes = true;
		break;
	case 'n':
		break;
	case 'H':
		opt.header = false;
		break;
	case 's':
		return set_mode(SUMMARY) ? VSS_OK : VSS_USAGE;
	case OPT_PEERS:
		return set_mode(PEERS) ? VSS_OK : VSS_USAGE;
	case OPT_TOP:
		return set_mode(TOP) && parse_argument(c, optarg) ? VSS_OK :
								    VSS_USAGE;
	case OPT_ROWS:
	case OPT_FAMILY:
		return parse_argument(c, optarg) ? VSS_OK : VSS_USAGE;
	case OPT_JSON:
		opt.json = true;
		break;
	case 'x':
		opt.is_unix = true;
		break;
	case 'h':
		usage(stdout);
		return -1;
	case 'V':
		puts("vss, of vunix " VERSION);
		return -1;
	default:
		fputs("Try vss --help\n", stderr);
		return VSS_USAGE;
	}
	return VSS_OK;
}

static int parse_options(int argc, char **argv)
{
	uint32_t states = opt.states;
	int ret, c;

	opt.family = -1;
	while ((c = getopt_long(argc, argv, "aelmipnHsxhV", options, NULL)) !=
	       -1) {
		ret = parse_option(c);
		if (ret)
			return ret;
	}
	if (opt.is_unix && opt.family >= 0 && opt.family != AF_UNIX) {
		fputs("vss: -x or --family, not both\n", stderr);
		return VSS_USAGE;
	}
	if (opt.family < 0)
		opt.family = opt.is_unix ? AF_UNIX : (int)family_of_module();
	opt.is_unix = opt.family == AF_UNIX;
	if (mode != LIST && (opt.extended || opt.memory || opt.info)) {
		fputs("vss: -e, -m and -i are for the list of sockets\n",
		      stderr);
		return VSS_USAGE;
	}
	/* A summary is one of all sockets unless something else was said. */
	if (mode == SUMMARY && opt.states == states)
		opt.states = VSS_ALL_STATES;
	return filter_parse(argc - optind, argv + optind);
}

/* What comes before the first socket, once the kernel has begun to answer. */
static void begin_list(void)
{
	static bool begun;

	if (!begun && opt.json)
		putchar('[');
	else if (!begun)
		print_header();
	begun = true;
}

static int list_one(const struct vss_sock *s, void *arg)
{
	(void)arg;
	if (!filter_match(s))
		return 0;
	begin_list();
	if (opt.json)
		json_sock(s);
	else
		print_sock(s);
	if (!ferror(stdout))
		return 0;
	fprintf(stderr, "vss: cannot write: %s\n", strerror(errno));
	return -1;
}

static int list(void)
{
	uint32_t show = UDIAG_SHOW_NAME | UDIAG_SHOW_PEER | UDIAG_SHOW_RQLEN;
	int ret;

	if (opt.extended)
		show |= UDIAG_SHOW_VFS | UDIAG_SHOW_ICONS | UDIAG_SHOW_UID;
	if (opt.memory)
		show |= UDIAG_SHOW_MEMINFO;
	if (opt.info)
		show |= VSS_SHOW_INFO;
	if (opt.processes && procs_scan())
		return VSS_FAILED;
	ret = diag_dump(opt.states, show, list_one, NULL);
	/* Whatever happened, what there is shall be JSON. */
	if (opt.json || ret != VSS_FAILED)
		begin_list();
	if (opt.json)
		fputs("\n]\n", stdout);
	if (opt.info)
		info_explain();
	return ret;
}

static int run(void)
{
	int first, ret;

	/* --top does it for each interval */
	first = mode == TOP ? VSS_OK : filter_prepare();
	if (first == VSS_FAILED)
		return first;
	switch (mode) {
	case SUMMARY:
		ret = summary();
		break;
	case PEERS:
		ret = peers();
		break;
	case TOP:
		ret = top();
		break;
	default:
		ret = list();
	}
	return ret ?: first;
}

int main(int argc, char **argv)
{
	int ret;

	ret = parse_options(argc, argv);
	if (ret > 0)
		return ret;
	/* Reads are of 32 KiB, so writes may as well be. */
	if (!isatty(STDOUT_FILENO))
		setvbuf(stdout, NULL, _IOFBF, 32768);
	if (!ret)
		ret = run();
	else
		ret = VSS_OK;
	if (fflush(stdout) || ferror(stdout)) {
		fprintf(stderr, "vss: cannot write: %s\n", strerror(errno));
		return VSS_FAILED;
	}
	return ret;
}
