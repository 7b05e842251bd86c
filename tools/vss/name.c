// SPDX-License-Identifier: GPL-2.0
/*
 * How names are written.  A name is any bytes; what is written is one word of
 * UTF-8 that stands for these bytes and no others:
 *
 *   an abstract name begins with @ (and a path with @ begins with \x40)
 *   bytes that are not UTF-8, or would not show or do worse on a terminal, are
 *   \xNN, and a backslash is \\
 *   in columns, a space is \x20 and a name * is \x2a (* is: no name)
 */
#include <stdlib.h>
#include <string.h>

#include "vss.h"

/* Code points that move the cursor or turn the text around. */
static bool is_harmful(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) ||
	       (c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
	       (c >= 0x2060 && c <= 0x206f) || c == 0xfeff;
}

/*
 * The character at @p, which has @len bytes, to *c.  Returns its length; 0: it
 * is none.
 */
static size_t utf8_char(const unsigned char *p, size_t len, uint32_t *c)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t n, i;

	if (p[0] < 0x80) {
		*c = p[0];
		return 1;
	}
	n = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
	if (p[0] < 0xc2 || p[0] > 0xf4 || n > len)
		return 0;
	*c = p[0] & (0xff >> (n + 1));
	for (i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		*c = *c << 6 | (p[i] & 0x3f);
	}
	if (*c < least[n] || *c > 0x10ffff || (*c >= 0xd800 && *c < 0xe000))
		return 0;
	return n;
}

static char *put_hex(char *to, unsigned char c)
{
	static const char digits[] = "0123456789abcdef";

	*to++ = '\\';
	*to++ = 'x';
	*to++ = digits[c >> 4];
	*to++ = digits[c & 15];
	return to;
}

/*
 * Writes the text for the @len bytes of @name, with a terminator: at most
 * 4 * @len + 1 bytes.  Returns its length.  @column: for people and awk.
 */
size_t name_escape(char *to, const char *name, size_t len, bool column)
{
	const unsigned char *p = (const unsigned char *)name;
	const unsigned char *end = p + len;
	char *begin = to;
	uint32_t c;
	size_t n;

	if (len && !*p) {
		*to++ = '@';
		p++;
	} else if (len && (*p == '@' || (column && len == 1 && *p == '*'))) {
		to = put_hex(to, *p++);
	}
	while (p < end) {
		n = utf8_char(p, end - p, &c);
		if (n && c == '\\') {
			*to++ = '\\';
			*to++ = '\\';
			p++;
		} else if (n && !is_harmful(c) && !(column && c == ' ')) {
			memcpy(to, p, n);
			to += n;
			p += n;
		} else {
			/* Of a character that does harm every byte. */
			for (n += !n; n; n--)
				to = put_hex(to, *p++);
		}
	}
	*to = '\0';
	return to - begin;
}

/* For the longest attribute there can be; only one is printed at a time. */
static char escaped[4 * 65536 + 1];

static int columns_of(const char *text)
{
	int n = 0;

	for (; *text; text++)
		n += (*text & 0xc0) != 0x80;
	return n;
}

/* Prints a name, NULL for none, and returns how many columns it takes. */
int name_print(const char *name, size_t len)
{
	if (!name) {
		putchar('*');
		return 1;
	}
	name_escape(escaped, name, len, true);
	fputs(escaped, stdout);
	return columns_of(escaped);
}

/* The same for what a process calls itself, with quotes around. */
int text_print(const char *text)
{
	int n = 2;

	putchar('"');
	for (; *text; text++) {
		/* Quotes and commas are what such lists are taken apart by. */
		if (strchr("\"\\,() ", *text) || (unsigned char)*text < 0x20 ||
		    (unsigned char)*text >= 0x7f) {
			n += printf("\\x%02x", (unsigned char)*text);
		} else {
			putchar(*text);
			n++;
		}
	}
	putchar('"');
	return n;
}

static void json_string(const char *text)
{
	putchar('"');
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			putchar('\\');
		putchar(*text);
	}
	putchar('"');
}

/* A JSON string of any bytes, escaped as names are. */
void json_text(const char *text)
{
	size_t len = strlen(text);

	/* An @ in front would be taken for an abstract name's. */
	if (*text == '@') {
		name_escape(escaped + 1, text + 1, len - 1, false);
		escaped[0] = '@';
	} else {
		name_escape(escaped, text, len, false);
	}
	json_string(escaped);
}

/* A name as JSON has it, NULL for none. */
void json_name(const char *name, size_t len)
{
	if (!name) {
		fputs("null", stdout);
		return;
	}
	name_escape(escaped, name, len, false);
	json_string(escaped);
}
