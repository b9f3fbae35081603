// SPDX-License-Identifier: Apache-2.0
#include "base/host_name.h"

#include <ctype.h>
#include <errno.h>
#include <idn2.h>
#include <stdio.h>
#include <string.h>

#include "base/addr.h"
#include "base/text.h"

#define LABEL_MAX 63

static int refuse(const char **ret_why, const char *why)
{
	if (ret_why)
		*ret_why = why;
	return -EINVAL;
}

/* Letters, digits, hyphens (RFC 1123 2.1), and the underscore that some networks use. */
static const char *label_fault(const char *label, size_t n)
{
	if (!n)
		return "a part between its dots is empty";
	if (n > LABEL_MAX)
		return "a part between its dots is longer than 63 octets";
	if (label[0] == '-' || label[n - 1] == '-')
		return "a part of it begins or ends with a hyphen";
	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)label[i]) && label[i] != '-' && label[i] != '_')
			return "a character in it cannot stand in a host name";
	return NULL;
}

static const char *name_fault(const char *ascii)
{
	size_t n = strlen(ascii);
	const char *why = NULL;

	if (n && ascii[n - 1] == '.')
		n--;
	if (!n || n > HOST_NAME_MAX_LEN)
		return n ? "it is longer than 253 octets" : "it is empty";
	for (size_t at = 0; at <= n && !why;) {
		size_t len = strcspn(ascii + at, ".");

		if (len > n - at)
			len = n - at;
		why = label_fault(ascii + at, len);
		at += len + 1;
	}
	return why;
}

static bool is_ascii(const char *text)
{
	for (; *text; text++)
		if (*text & 0x80)
			return false;
	return true;
}

static bool has_a_label(const char *text)
{
	for (const char *p = text; p; p = strchr(p, '.')) {
		p += *p == '.';
		if (!strncasecmp(p, "xn--", 4))
			return true;
	}
	return false;
}

static bool is_address(const char *name)
{
	struct addr a;
	char text[ADDR_TEXT_LEN];
	size_t n = strcspn(name, "%"); /* a zone, as in fe80::1%eth0 */

	if (n >= sizeof(text))
		return false;
	memcpy(text, name, n);
	text[n] = '\0';
	return addr_parse(text, &a) == 0;
}

int host_to_ascii(const char *name, char *ret, size_t cap, const char **ret_why)
{
	const char *why = NULL;
	char *converted = NULL;
	int r = IDN2_OK;

	if (!is_address(name) && (!is_ascii(name) || has_a_label(name))) {
		r = text_is_utf8(name, strlen(name))
			    ? idn2_to_ascii_8z(name, &converted, IDN2_NONTRANSITIONAL)
			    : IDN2_ENCODING_ERROR;
		if (r != IDN2_OK)
			return refuse(ret_why, idn2_strerror(r));
		name = converted;
	}
	if (!is_address(name))
		why = name_fault(name);
	if (!why && strlen(name) >= cap)
		why = "it is too long";
	if (!why)
		strcpy(ret, name);
	idn2_free(converted);
	return why ? refuse(ret_why, why) : 0;
}

const char *host_unicode(const char *ascii, char *ret, size_t cap)
{
	char *unicode = NULL;

	if (has_a_label(ascii) && idn2_to_unicode_8z8z(ascii, &unicode, 0) == IDN2_OK)
		text_format(ret, cap, "%s", unicode);
	else
		text_format(ret, cap, "%s", ascii);
	idn2_free(unicode);
	return ret;
}

const char *host_shown(const char *ascii, char *ret, size_t cap)
{
	char unicode[HOST_UNICODE_LEN];

	host_unicode(ascii, unicode, sizeof(unicode));
	if (has_a_label(ascii) && strcmp(unicode, ascii))
		text_format(ret, cap, "%s (%s)", ascii, unicode);
	else
		text_format(ret, cap, "%s", ascii);
	return ret;
}
