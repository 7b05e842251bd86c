// SPDX-License-Identifier: GPL-2.0
/*
 * Programs as text, one operation a line: "name@actor argument...".
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

const struct op_info op_info[NOPS] = {
#define X(upper, lower, args) [OP_##upper] = { #lower, args },
	FUZZ_OPS(X)
#undef X
};

void program_write(FILE *f, const struct program *p)
{
	const struct op_info *info;
	unsigned int j;
	int i;

	for (i = 0; i < p->n; i++) {
		info = &op_info[p->op[i].code];
		fprintf(f, "%s", info->name);
		if (p->op[i].actor)
			fprintf(f, "@%d", p->op[i].actor);
		for (j = 0; j < strlen(info->args); j++)
			fprintf(f, " %d", p->op[i].a[j]);
		fputc('\n', f);
	}
}

static int read_op(char *text, struct op *op)
{
	char *word = strtok(text, " \n"), *at, *end;
	unsigned int i, n;

	memset(op, 0, sizeof(*op));
	at = strchr(word, '@');
	if (at) {
		*at = 0;
		op->actor = atoi(at + 1);
		if (op->actor >= NACTORS)
			return -1;
	}
	for (i = 0; i < NOPS; i++)
		if (!strcmp(word, op_info[i].name))
			break;
	if (i == NOPS)
		return -1;
	op->code = i;
	n = strlen(op_info[i].args);
	for (i = 0; i < n; i++) {
		word = strtok(NULL, " \n");
		if (!word)
			return -1;
		op->a[i] = strtol(word, &end, 0);
		if (*end)
			return -1;
		if (strchr("sd", op_info[op->code].args[i]) &&
		    (op->a[i] < 0 || op->a[i] >= NSLOTS))
			return -1;
	}
	return strtok(NULL, " \n") ? -1 : 0;
}

int program_read(FILE *f, struct program *p, int *line)
{
	char text[256];

	p->n = 0;
	*line = 0;
	while (fgets(text, sizeof(text), f)) {
		++*line;
		if (text[0] == '#' || text[strspn(text, " \n")] == 0)
			continue;
		if (p->n == MAX_OPS || read_op(text, &p->op[p->n]) < 0)
			return -1;
		p->n++;
	}
	return p->n ? 0 : -1;
}
