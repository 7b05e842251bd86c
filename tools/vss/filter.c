// SPDX-License-Identifier: GPL-2.0
/*
 * Which sockets are wanted: states, and an expression of names, as ss has them.
 *
 *   [state NAME | exclude NAME]... [EXPRESSION]
 *
 * A socket's own name comes with it, its peer's does not.  So where dst is
 * asked, all sockets are asked for their names first, and the inodes of those
 * that matter are kept: 4 bytes for each.
 */
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "vss.h"

enum op { OP_SRC, OP_DST, OP_AND, OP_OR, OP_NOT };

/**
 * struct filter - a part of the expression
 * @left: of OP_AND, OP_OR and OP_NOT
 * @right: of OP_AND and OP_OR
 * @pattern: of OP_SRC and OP_DST
 * @peers: of OP_DST, inodes that match, or
 * @inverse: inodes that do not, where no name at all matches
 */
struct filter {
	enum op op;
	struct filter *left;
	struct filter *right;
	const char *pattern;
	struct table peers;
	bool inverse;
};

/* --- states ----------------------------------------------------------------- */

#define BIT_OF(state)	(1u << (state))
#define CONNECTED	(~(BIT_OF(VSS_LISTEN) | BIT_OF(VSS_CLOSE)))

static const struct {
	const char *name;
	uint32_t states;
} state_words[] = {
	{ "all",		VSS_ALL_STATES },
	{ "connected",		CONNECTED },
	{ "established",	BIT_OF(VSS_ESTABLISHED) },
	{ "synchronized",	CONNECTED },
	{ "big",		VSS_ALL_STATES },
	{ "listening",		BIT_OF(VSS_LISTEN) },
	{ "listen",		BIT_OF(VSS_LISTEN) },
	{ "unconnected",	BIT_OF(VSS_CLOSE) },
	{ "closed",		BIT_OF(VSS_CLOSE) },
	{ "close",		BIT_OF(VSS_CLOSE) },
};

#define NR_WORDS	(sizeof(state_words) / sizeof(*state_words))

static uint32_t states_of(const char *word)
{
	for (size_t i = 0; i < NR_WORDS; i++) {
		if (!strcmp(word, state_words[i].name))
			return state_words[i].states;
	}
	return 0;
}

/* --- words ------------------------------------------------------------------ */

/* The words of all arguments; one argument may hold several. */
static char **words;
static size_t nr_words, next_word;

static bool split(int argc, char **argv)
{
	size_t room = 1;
	char *text, *save, *w;

	for (int i = 0; i < argc; i++)
		room += strlen(argv[i]) / 2 + 1;
	words = calloc(room, sizeof(*words));
	if (!words)
		return false;
	for (int i = 0; i < argc; i++) {
		text = strdup(argv[i]);
		if (!text)
			return false;
		for (w = strtok_r(text, " \t\n", &save); w;
		     w = strtok_r(NULL, " \t\n", &save))
			words[nr_words++] = w;
	}
	return true;
}

static const char *peek(void)
{
	return next_word < nr_words ? words[next_word] : NULL;
}

/* Goes on if the next word is one of those. */
static bool skip(const char *a, const char *b, const char *c)
{
	const char *w = peek();

	if (!w || (strcmp(w, a) && (!b || strcmp(w, b)) &&
		   (!c || strcmp(w, c))))
		return false;
	next_word++;
	return true;
}

static int complain(const char *what)
{
	const char *w = peek();

	if (w)
		fprintf(stderr, "vss: filter: %s, not \"%s\"\n", what, w);
	else
		fprintf(stderr, "vss: filter: %s at its end\n", what);
	return VSS_USAGE;
}

/* --- expressions ------------------------------------------------------------ */

static struct filter *parse_or(void);

static struct filter *make(enum op op, struct filter *left,
			   struct filter *right)
{
	struct filter *f = calloc(1, sizeof(*f));

	if (!f) {
		fputs("vss: no memory for the filter\n", stderr);
		exit(VSS_FAILED);
	}
	f->op = op;
	f->left = left;
	f->right = right;
	return f;
}

static struct filter *parse_name(enum op op)
{
	struct filter *f = make(op, NULL, NULL);
	const char *w;

	skip("=", "==", "eq");
	w = peek();
	if (!w) {
		complain("a name is expected");
		return NULL;
	}
	next_word++;
	if (!strncmp(w, "unix:", 5))
		w += 5;
	f->pattern = w;
	f->inverse = op == OP_DST && !fnmatch(w, "", FNM_NOESCAPE);
	return f;
}

static struct filter *parse_fact(void)
{
	struct filter *f;

	if (skip("!", "not", NULL)) {
		f = parse_fact();
		return f ? make(OP_NOT, f, NULL) : NULL;
	}
	if (skip("(", NULL, NULL)) {
		f = parse_or();
		if (f && !skip(")", NULL, NULL)) {
			complain("a ) is expected");
			return NULL;
		}
		return f;
	}
	if (skip("src", NULL, NULL))
		return parse_name(OP_SRC);
	if (skip("dst", NULL, NULL))
		return parse_name(OP_DST);
	complain("src, dst, not or ( is expected");
	return NULL;
}

/* As in ss, a word between two conditions may be missing: and. */
static bool more_facts(void)
{
	const char *w = peek();

	return w && strcmp(w, ")") && strcmp(w, "or") && strcmp(w, "|") &&
	       strcmp(w, "||");
}

static struct filter *parse_and(void)
{
	struct filter *f = parse_fact();
	struct filter *g;

	while (f && more_facts()) {
		skip("and", "&", "&&");
		g = parse_fact();
		f = g ? make(OP_AND, f, g) : NULL;
	}
	return f;
}

static struct filter *parse_or(void)
{
	struct filter *f = parse_and();
	struct filter *g;

	while (f && skip("or", "|", "||")) {
		g = parse_and();
		f = g ? make(OP_OR, f, g) : NULL;
	}
	return f;
}

/**
 * filter_parse() - the arguments behind the options, to opt.states and .filter
 * @argc: their number
 * @argv: they
 *
 * Return: VSS_OK, VSS_USAGE or VSS_FAILED; the user has been told.
 */
int filter_parse(int argc, char **argv)
{
	uint32_t chosen = 0, states;
	bool excludes;

	if (!split(argc, argv)) {
		fputs("vss: no memory for the filter\n", stderr);
		return VSS_FAILED;
	}
	while ((excludes = skip("exclude", "excl", NULL)) ||
	       skip("state", NULL, NULL)) {
		states = peek() ? states_of(peek()) : 0;
		if (!states)
			return complain("a state is expected (see vss --help)");
		next_word++;
		if (excludes)
			chosen = (chosen ?: VSS_ALL_STATES) & ~states;
		else
			chosen |= states;
		opt.states = chosen;
	}
	if (!peek())
		return VSS_OK;
	opt.filter = parse_or();
	if (!opt.filter)
		return VSS_USAGE;
	return peek() ? complain("and, or are expected") : VSS_OK;
}

/* --- sockets ---------------------------------------------------------------- */

static char text[4 * 65536 + 1];

/* Patterns are for names as they are printed, with or without \x20. */
static bool name_matches(const struct filter *f, const char *name, size_t len)
{
	name_escape(text, name, len, false);
	if (!fnmatch(f->pattern, text, FNM_NOESCAPE))
		return true;
	name_escape(text, name, len, true);
	return !fnmatch(f->pattern, text, FNM_NOESCAPE);
}

static bool match(const struct filter *f, const struct vss_sock *s)
{
	switch (f->op) {
	case OP_AND:
		return match(f->left, s) && match(f->right, s);
	case OP_OR:
		return match(f->left, s) || match(f->right, s);
	case OP_NOT:
		return !match(f->left, s);
	case OP_SRC:
		return name_matches(f, s->name ?: "", s->name_len);
	case OP_DST:
		return !!table_find(&f->peers, &s->peer, compare_u32) !=
		       f->inverse;
	}
	return false;
}

/* Is @s wanted?  Its state is: the kernel has seen to that. */
bool filter_match(const struct vss_sock *s)
{
	return !opt.filter || match(opt.filter, s);
}

static bool asks_peers(const struct filter *f)
{
	return f && (f->op == OP_DST || asks_peers(f->left) ||
		     asks_peers(f->right));
}

static int collect(struct filter *f, const struct vss_sock *s)
{
	uint32_t *row;

	if (!f)
		return 0;
	if (f->op != OP_DST)
		return collect(f->left, s) ?: collect(f->right, s);
	if (name_matches(f, s->name ?: "", s->name_len) == f->inverse)
		return 0;
	row = table_add(&f->peers, sizeof(*row));
	if (!row) {
		fputs("vss: no memory for peers\n", stderr);
		return -1;
	}
	*row = s->ino;
	return 0;
}

static int collect_one(const struct vss_sock *s, void *arg)
{
	return collect(arg, s);
}

static void forget(void *arg)
{
	struct filter *f = arg;

	if (!f)
		return;
	table_free(&f->peers);
	forget(f->left);
	forget(f->right);
}

static void sort(struct filter *f)
{
	if (!f)
		return;
	table_sort(&f->peers, compare_u32);
	sort(f->left);
	sort(f->right);
}

/* Before each dump: who has the names that dst asks for, at this time? */
int filter_prepare(void)
{
	int ret;

	if (!asks_peers(opt.filter))
		return VSS_OK;
	forget(opt.filter);
	ret = diag_dump_again(VSS_ALL_STATES, UDIAG_SHOW_NAME, collect_one,
			      forget, opt.filter);
	sort(opt.filter);
	return ret;
}
