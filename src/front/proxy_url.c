// SPDX-License-Identifier: Apache-2.0
#include "front/proxy_url.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/addr.h"
#include "base/auto.h"
#include "base/host_name.h"

static int hex_digit(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
				      : -1;
}

/* RFC 3986 2.1, of n characters. */
static int decode(const char *text, size_t n, char *ret, size_t cap)
{
	size_t used = 0;

	for (size_t i = 0; i < n; i++) {
		char c = text[i];

		if (c == '%') {
			if (i + 2 >= n || hex_digit(text[i + 1]) < 0 || hex_digit(text[i + 2]) < 0)
				return -EINVAL;
			c = (char)(hex_digit(text[i + 1]) * 16 + hex_digit(text[i + 2]));
			i += 2;
		}
		if (!c || used + 1 >= cap)
			return -EINVAL;
		ret[used++] = c;
	}
	ret[used] = '\0';
	return 0;
}

static int parse_login(const char *text, size_t n, struct proxy *ret)
{
	const char *colon = memchr(text, ':', n);
	size_t user = colon ? (size_t)(colon - text) : n;
	int r = decode(text, user, ret->user, sizeof(ret->user));

	if (!r && colon)
		r = decode(colon + 1, n - user - 1, ret->password, sizeof(ret->password));
	return r;
}

int proxy_parse(const char *url, struct proxy *ret)
{
	const char *p = url, *at, *end, *host_end;
	char host[1024];
	size_t n;

	*ret = (struct proxy){.port = 8080};
	if (!strncasecmp(p, "http://", 7)) {
		p += 7;
	} else if (!strncasecmp(p, "https://", 8)) {
		p += 8;
		*ret = (struct proxy){.port = 443, .tls = true};
	} else if (strstr(p, "://")) {
		return -EINVAL; /* socks:// is another thing */
	}
	end = p + strcspn(p, "/?#");
	at = memrchr(p, '@', (size_t)(end - p));
	if (at) {
		if (parse_login(p, (size_t)(at - p), ret) < 0)
			return -EINVAL;
		p = at + 1;
	}
	if (*p == '[') {
		p++;
		host_end = memchr(p, ']', (size_t)(end - p));
		if (!host_end)
			return -EINVAL;
		n = (size_t)(host_end++ - p);
	} else {
		host_end = p + strcspn(p, ":/?#");
		n = (size_t)(host_end - p);
	}
	if (!n || n >= sizeof(host))
		return -EINVAL;
	memcpy(host, p, n);
	host[n] = '\0';
	if (host_to_ascii(host, ret->host, sizeof(ret->host), NULL) < 0)
		return -EINVAL;
	if (host_end == end)
		return 0;
	return *host_end == ':' ? port_parse(host_end + 1, (size_t)(end - host_end - 1), &ret->port)
				: -EINVAL;
}

/* A name that is compared: A-labels, and no dot at its end. */
static void plain_name(const char *text, size_t n, char *ret, size_t cap)
{
	char name[300];
	size_t len;

	snprintf(name, sizeof(name), "%.*s", (int)n, text);
	if (host_to_ascii(name, ret, cap, NULL) < 0)
		snprintf(ret, cap, "%s", name);
	len = strlen(ret);
	if (len && ret[len - 1] == '.')
		ret[len - 1] = '\0';
}

/* "example" and ".example" stand for it and for all names below it. */
static bool word_has_name(const char *word, size_t n, const char *host)
{
	char name[300];
	size_t len = strlen(host), w;

	while (n && *word == '.') {
		word++;
		n--;
	}
	plain_name(word, n, name, sizeof(name));
	w = strlen(name);
	return w && w <= len && !strcasecmp(host + len - w, name) &&
	       (w == len || host[len - w - 1] == '.');
}

/* An address, with or without brackets, or a network ("10.0.0.0/8"); not a part of another address. */
static bool word_has_address(const char *word, size_t n, const struct addr *host)
{
	struct prefix p;
	char text[ADDR_TEXT_LEN + 6], *slash, *end;
	unsigned long len = 8 * addr_len(host);

	snprintf(text, sizeof(text), "%.*s", (int)n, word);
	slash = strchr(text, '/');
	if (slash) {
		*slash++ = '\0';
		len = strtoul(slash, &end, 10);
		if (*slash < '0' || *slash > '9' || *end || len > 8 * addr_len(host))
			return false;
	}
	end = text + strlen(text);
	if (*text == '[' && end[-1] == ']')
		*--end = '\0';
	p.len = (uint8_t)len;
	return !addr_parse(*text == '[' ? text + 1 : text, &p.addr) && prefix_contains(&p, host);
}

/* As curl reads no_proxy: words between commas or blanks, and "*" for all hosts. */
static bool excluded(const char *list, const char *host)
{
	static const char between[] = ", \t";
	char name[300];
	struct addr a;

	plain_name(host, strlen(host), name, sizeof(name));
	for (const char *p = list; p && *p; p += strspn(p, between)) {
		size_t n = strcspn(p, between);

		if ((n == 1 && *p == '*') ||
			(addr_parse(name, &a) < 0 ? word_has_name(p, n, name)
						  : word_has_address(p, n, &a)))
			return true;
		p += n;
	}
	return false;
}

int proxy_from_environment(const char *host, struct proxy *ret)
{
	static const char *const names[] = {"https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"};
	const char *value = NULL;
	size_t i = 0;
	int r;

	for (; i < ARRAY_SIZE(names) && !(value && *value); i++)
		value = getenv(names[i]);
	if (!value || !*value || excluded(getenv("no_proxy"), host) ||
		excluded(getenv("NO_PROXY"), host))
		return 0;
	r = proxy_parse(value, ret);
	snprintf(ret->source, sizeof(ret->source), "$%s", names[i - 1]);
	return r < 0 ? r : 1;
}
