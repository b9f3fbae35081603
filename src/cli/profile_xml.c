// SPDX-License-Identifier: Apache-2.0
/*
 * cli/profile_xml.c — a ProfileXML (VPNv2 CSP) or the VpnSettings.xml of an Azure point-to-site package.
 *
 * The reader takes elements, texts, the five named entities and numbers; a document with a DTD is refused,
 * since that could define entities without end. Elements are known by their names; prefixes of namespaces
 * are cut off.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "cli/profile_xml.h"

#define DEPTH_MAX 32
#define NAME_LEN 64
#define TEXT_LEN 8192

struct xml {
	const char *p;
	unsigned line;
	unsigned depth;
	char name[DEPTH_MAX][NAME_LEN];
	char text[TEXT_LEN]; /* of the element that is read now */
	size_t n;
	/* Of the profile: */
	bool has_method, eap, excluded;
	char address[64], size[8];
};

static bool is(const struct xml *x, const char *name)
{
	return !strcmp(x->name[x->depth - 1], name);
}

static bool is_in(const struct xml *x, const char *name)
{
	for (unsigned i = 0; i + 1 < x->depth; i++)
		if (!strcmp(x->name[i], name))
			return true;
	return false;
}

/* ---- what the elements mean ---------------------------------------------------------- */

static int take_each(struct foreign *f, struct xml *x, int id)
{
	char *list = x->text, *word;
	int r = 0;

	while (!r && (word = strsep(&list, ", \t\r\n")))
		r = *word ? foreign_put(f, id, word, x->line) : 0;
	return r;
}

/* "vpn1.example;A name,vpn2.example" */
static int take_servers(struct foreign *f, struct xml *x)
{
	char *list = x->text, *word;
	int r = 0;

	while (!r && (word = strsep(&list, ","))) {
		word[strcspn(word, ";")] = '\0';
		word += strspn(word, " \t\r\n");
		word[strcspn(word, " \t\r\n")] = '\0';
		r = *word ? foreign_server(f, word, x->line) : 0;
	}
	return r;
}

static int take_method(struct foreign *f, struct xml *x, const char *method)
{
	if (!method) {
		foreign_note(f, x->line, "the login method %s was left out", x->text);
		return 0;
	}
	if (x->has_method)
		return 0;
	x->has_method = true;
	return foreign_put(f, CONNECT_AUTH, method, x->line);
}

static const char *eap_method(const char *type)
{
	return !strcmp(type, "13")   ? "eap-tls"
	       : !strcmp(type, "25") ? "peap"
	       : !strcmp(type, "26") ? "eap-mschapv2"
				     : NULL;
}

/* Of Azure: EAPTLS, EAPMSCHAPv2, or a list of them. */
static const char *azure_method(const char *text)
{
	return strcasestr(text, "TLS")      ? "eap-tls"
	       : strcasestr(text, "MSCHAP") ? "eap-mschapv2"
					    : NULL;
}

static int take_route(struct foreign *f, struct xml *x)
{
	char route[80];

	snprintf(route, sizeof(route), "%s/%s", x->address, x->size);
	return foreign_put(f, x->excluded ? CONNECT_EXCLUDE : CONNECT_ROUTE, route, x->line);
}

static int take_policy(struct foreign *f, struct xml *x)
{
	return strcasecmp(x->text, "SplitTunnel")
		       ? 0
		       : foreign_put(f, CONNECT_NO_DEFAULT_ROUTE, "", x->line);
}

static int take_domain(struct foreign *f, struct xml *x)
{
	const char *domain = x->text + (*x->text == '.');

	return *domain ? foreign_put(f, CONNECT_DNS_DOMAIN, domain, x->line) : 0;
}

/* Base64 in lines, of a certificate. */
static int take_ca(struct foreign *f, struct xml *x)
{
	char *out = x->text;

	for (const char *s = x->text; *s; s++)
		if (!strchr(" \t\r\n", *s))
			*out++ = *s;
	*out = '\0';
	return profile_put_ca(f->profile, x->text) < 0
		       ? foreign_fail(f, x->line, "a certificate in CaCert")
		       : 0;
}

/* Elements that say nothing of the connection, or what this client does anyway. */
static const char *const quiet[] = {"AlwaysOn", "RememberCredentials", "ByPassForLocal",
	"EdpModeId", "NativeProtocolType", "DisableClassBasedDefaultRoute", "RegisterDNS",
	"VendorId", "VendorType", "AuthorId", "VpnType", "Version", "Metric", "PrefixSize",
	"Address", "ExclusionRoute", "DisableAdvancedOptionsEditButton", "DisableDisconnectButton",
	"NetworkOutageTime", "IPv4InterfaceMetric", "IPv6InterfaceMetric", "UseRasCredentials",
	"CertificateStore", "SimpleCertSelection", "DisableUserPromptForServerValidation",
	"DifferentUsername", "PerformServerValidation", "AcceptServerName", "FastReconnect",
	"InnerEapOptional", "EnableQuarantineChecks", "RequireCryptoBinding",
	"UseWinLogonCredentials", "TunnelType", "MachineMethod"};

static void say_left_out(struct foreign *f, const struct xml *x)
{
	for (size_t i = 0; i < ARRAY_SIZE(quiet); i++)
		if (is(x, quiet[i]))
			return;
	if (*x->text)
		foreign_note(f, x->line, "<%s> %.60s was left out", x->name[x->depth - 1], x->text);
}

static int take_route_part(struct xml *x)
{
	if (is(x, "Address"))
		text_format(x->address, sizeof(x->address), "%s", x->text);
	else if (is(x, "PrefixSize"))
		text_format(x->size, sizeof(x->size), "%s", x->text);
	else if (is(x, "ExclusionRoute"))
		x->excluded = !strcasecmp(x->text, "true");
	return 0;
}

static int take_element(struct foreign *f, struct xml *x)
{
	if (is(x, "Servers"))
		return take_servers(f, x);
	if (is(x, "VpnServer"))
		return foreign_server(f, x->text, x->line);
	if (is(x, "Routes") && *x->text)
		return take_each(f, x, CONNECT_ROUTE);
	if (is(x, "CaCert") && *x->text)
		return take_ca(f, x);
	if (is(x, "Auth"))
		return take_method(f, x, azure_method(x->text));
	if (is(x, "UserMethod"))
		return strcasecmp(x->text, "Eap")
			       ? take_method(
					 f, x, strcasecmp(x->text, "MSChapv2") ? NULL : "mschapv2")
			       : 0;
	if (is(x, "Type") && is_in(x, "EapHostConfig"))
		return take_method(f, x, eap_method(x->text));
	if (is(x, "ServerNames") && *x->text)
		return foreign_put(f, CONNECT_EAP_NAME, x->text, x->line);
	if (is(x, "RoutingPolicyType"))
		return take_policy(f, x);
	if (is(x, "DnsSuffix"))
		return take_domain(f, x);
	if (is(x, "DomainName"))
		return take_domain(f, x);
	if (is_in(x, "Route"))
		return take_route_part(x);
	if (is(x, "Route"))
		return take_route(f, x);
	say_left_out(f, x);
	return 0;
}

/* ---- the reader ---------------------------------------------------------- */

static void add(struct xml *x, uint32_t c)
{
	char out[5] = {(char)c};

	if (c >= 0x80)
		snprintf(out, sizeof(out), "?"); /* a name in another script: a note, at most */
	if (x->n + 1 < sizeof(x->text) && c >= 0x09)
		x->text[x->n++] = out[0];
}

static const char *entity(struct xml *x, const char *p)
{
	static const struct {
		const char *name;
		char c;
	} names[] = {{"amp;", '&'}, {"lt;", '<'}, {"gt;", '>'}, {"quot;", '"'}, {"apos;", '\''}};
	char *end;
	unsigned long n;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (!strncmp(p, names[i].name, strlen(names[i].name))) {
			add(x, (uint8_t)names[i].c);
			return p + strlen(names[i].name);
		}
	if (*p != '#')
		return NULL;
	n = p[1] == 'x' ? strtoul(p + 2, &end, 16) : strtoul(p + 1, &end, 10);
	if (*end != ';' || n > 0x10ffff)
		return NULL;
	add(x, (uint32_t)n);
	return end + 1;
}

static int open_element(struct foreign *f, struct xml *x, const char *tag, size_t n)
{
	size_t len = strcspn(tag, " \t\r\n/>");
	const char *colon = memchr(tag, ':', len);

	if (x->depth == DEPTH_MAX)
		return foreign_fail(f, x->line, "fewer elements in each other");
	if (colon) {
		len -= (size_t)(colon + 1 - tag);
		tag = colon + 1;
	}
	snprintf(x->name[x->depth++], NAME_LEN, "%.*s", (int)(len < n ? len : n), tag);
	x->n = 0;
	return 0;
}

/* Blanks around a text are layout. */
static int close_element(struct foreign *f, struct xml *x)
{
	size_t lead;
	int r;

	if (!x->depth)
		return foreign_fail(f, x->line, "no end of an element that did not begin");
	while (x->n && strchr(" \t\r\n", x->text[x->n - 1]))
		x->n--;
	x->text[x->n] = '\0';
	lead = strspn(x->text, " \t\r\n");
	memmove(x->text, x->text + lead, x->n - lead + 1);
	r = take_element(f, x);
	x->depth--;
	x->n = 0;
	return r;
}

/* Behind "<". */
static int take_tag(struct foreign *f, struct xml *x)
{
	const char *p = x->p, *end;
	size_t n;
	int r;

	if (!strncmp(p, "!--", 3) || *p == '?') {
		end = strstr(p, *p == '?' ? "?>" : "-->");
		x->p = end ? end + (*p == '?' ? 2 : 3) : p + strlen(p);
		return 0;
	}
	end = strchr(p, '>');
	if (*p == '!' || !end || end == p)
		return foreign_fail(f, x->line, "an element; no DTD and no CDATA are read");
	n = (size_t)(end - p);
	x->p = end + 1;
	if (*p == '/')
		return close_element(f, x);
	r = open_element(f, x, p, n);
	return r || p[n - 1] != '/' ? r : close_element(f, x);
}

int foreign_xml(char *text, struct foreign *f)
{
	struct xml x = {.p = text, .line = 1};
	int r = 0;

	while (!r && *x.p) {
		char c = *x.p++;

		x.line += c == '\n';
		if (c == '<') {
			r = take_tag(f, &x);
		} else if (c == '&') {
			const char *p = entity(&x, x.p);

			r = p ? 0
			      : foreign_fail(
					f, x.line, "&amp; &lt; &gt; &quot; &apos; or a number");
			x.p = p;
		} else {
			add(&x, (uint8_t)c);
		}
	}
	return r ? r : x.depth ? foreign_fail(f, x.line, "the end of each element") : 0;
}
