// SPDX-License-Identifier: Apache-2.0
#include "cli/profile_keys.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "cli/nm_settings.h"

void foreign_note(struct foreign *f, unsigned line, const char *fmt, ...)
{
	char text[300];
	va_list ap;

	va_start(ap, fmt);
	text_vformat(text, sizeof(text), fmt, ap);
	va_end(ap);
	f->note(f->arg, line, text);
}

int foreign_fail(struct foreign *f, unsigned line, const char *want)
{
	f->fault.line = line;
	text_format(f->fault.text, sizeof(f->fault.text), "expected %s", want);
	return -EINVAL;
}

int foreign_put(struct foreign *f, int id, const char *value, unsigned line)
{
	int r;

	if (text_fault(value, strlen(value)) || strlen(value) > CONFIG_LINE_MAX / 4)
		return foreign_fail(f, line, "a value of text, a thousand octets at most");
	r = profile_put(f->profile, id, value, line);
	return r == -E2BIG ? foreign_fail(f, line, "256 values at most") : r;
}

int foreign_server(struct foreign *f, char *text, unsigned line)
{
	char *scheme = strstr(text, "://");

	text = scheme ? scheme + 3 : text;
	text[strcspn(text, "/")] = '\0';
	return *text ? foreign_put(f, PROFILE_SERVER, text, line)
		     : foreign_fail(f, line, "a server");
}

/* ---- lines of key=value ---------------------------------------------------------- */

struct ini {
	char *p;
	unsigned line;
	const char *section, *key;
	char *value;
};

/* The next one; a section alone has key "". False at the end. */
static bool ini_next(struct ini *i)
{
	while (i->p && *i->p) {
		char *line = strsep(&i->p, "\n"), *equals;

		i->line++;
		line += strspn(line, " \t");
		line[strcspn(line, "\r")] = '\0';
		if (!*line || *line == '#' || *line == ';' || *line == '=')
			continue;
		if (*line == '[') {
			i->section = line + 1;
			line[strlen(line) - (line[strlen(line) - 1] == ']')] = '\0';
			i->key = i->value = line + strlen(line);
			return true;
		}
		equals = strchr(line, '=');
		i->key = line;
		i->value = equals ? equals + 1 : line + strlen(line);
		if (equals)
			*equals = '\0';
		return true;
	}
	return false;
}

/* ---- a phonebook ---------------------------------------------------------- */

/* Windows' own affairs: dialling, windows, credentials, metrics, other protocols. */
static const char *const pbk_quiet[] = {"Encoding", "PBVersion", "Type", "AutoLogon",
	"UseRasCredentials", "LowDateTime", "HighDateTime", "DialParamsUID", "Guid", "BaseProtocol",
	"ExcludedProtocols", "LcpExtensions", "DataEncryption", "SwCompression",
	"NegotiateMultilinkAlways", "SkipDoubleDialDialog", "DialMode", "OverridePref",
	"RedialAttempts", "RedialSeconds", "IdleDisconnectSeconds", "RedialOnLinkFailure",
	"CallbackMode", "CustomDialDll", "CustomDialFunc", "CustomRasDialDll",
	"ForceSecureCompartment", "DisableIKENameEkuCheck", "AuthenticateServer",
	"ShareMsFilePrint", "BindMsNetClient", "SharedPhoneNumbers", "GlobalDeviceSettings",
	"PrerequisiteEntry", "PrerequisitePbk", "PreferredPort", "PreferredDevice", "PreferredBps",
	"PreferredHwFlow", "PreferredProtocol", "PreferredCompression", "PreferredSpeaker",
	"PreferredMdmProtocol", "PreviewUserPw", "PreviewDomain", "PreviewPhoneNumber",
	"ShowDialingProgress", "ShowMonitorIconInTaskBar", "IpInterfaceMetric",
	"Ipv6InterfaceMetric", "IpAssign", "Ipv6Assign", "IpNameAssign", "Ipv6NameAssign",
	"IpHeaderCompression", "IpDnsFlags", "IpNBTFlags", "TcpWindowSize", "UseFlags",
	"IpSecFlags", "IpCachedDnsSuffix", "NETCOMPONENTS", "ms_msclient", "ms_server", "MEDIA",
	"Port", "Device", "DEVICE", "AreaCode", "CountryCode", "CountryID", "UseDialingRules",
	"Comment", "FriendlyName", "LastSelectedPhone", "PromoteAlternates",
	"TryNextAlternateOnFail", "CacheCredentials", "UseDnsSuffixForRegistration",
	"AutoTiggerCapable", "NumServers", "NumDNSSuffix", "NumNRPTRules", "NumAppIds",
	"NumClassicAppIds", "SecurityDescriptor", "ApnInfoProviderId", "NetworkOutageTime",
	"IKEv2DisableMobility", "NumCustomPolicy", "DisableMobility", "ms_psched",
	"PlumbIKEv2TSAsRoutes", "DeviceComplianceEnabled", "DeviceComplianceSsoEnabled",
	"DisableClassBasedDefaultRoute", "Ipv6PrioritizeRemote", "ProxyEnabled", "VpnType",
	"CustomAuthData", "EdpModeId", "FlushMacAddresses"};

static bool is_quiet(const char *key)
{
	for (size_t i = 0; i < ARRAY_SIZE(pbk_quiet); i++)
		if (!strcmp(pbk_quiet[i], key))
			return true;
	return false;
}

struct pbk {
	unsigned long methods; /* AuthRestrictions */
	unsigned long eap;     /* CustomAuthKey */
};

static int pbk_key(struct foreign *f, struct ini *i, struct pbk *b)
{
	unsigned long n = strtoul(i->value, NULL, 10);

	if (!strcmp(i->key, "PhoneNumber") && *i->value)
		return foreign_server(f, i->value, i->line);
	if (!strcmp(i->key, "AuthRestrictions")) {
		b->methods = n;
	} else if (!strcmp(i->key, "CustomAuthKey")) {
		b->eap = n;
	} else if (!strcmp(i->key, "IpDnsSuffix")) {
		return *i->value ? foreign_put(f, CONNECT_DNS_DOMAIN, i->value, i->line) : 0;
	} else if (!strcmp(i->key, "IpPrioritizeRemote")) {
		if (n)
			return 0;
		foreign_note(f, i->line,
			"a split tunnel: Windows keeps its routes elsewhere; add them with --route");
		return foreign_put(f, CONNECT_NO_DEFAULT_ROUTE, "", i->line);
	} else if (!strcmp(i->key, "VpnStrategy")) {
		if (n != 5 && n != 6)
			foreign_note(f, i->line,
				"%s=%s: Windows may use another protocol than SSTP", i->key,
				i->value);
	} else if (*i->value && strcmp(i->value, "0") && strcmp(i->value, "0.0.0.0") &&
		   !is_quiet(i->key)) {
		foreign_note(f, i->line, "%s=%s was left out", i->key, i->value);
	}
	return 0;
}

/* The bits of AuthRestrictions and the numbers of EAP methods, as Windows writes them. */
static int pbk_auth(struct foreign *f, const struct pbk *b)
{
	char list[80] = "";
	const char *eap = b->eap == 13 ? "eap-tls," : b->eap == 25 ? "peap," : "eap-mschapv2,";

	snprintf(list, sizeof(list), "%s%s%s%s", b->methods & 0x80 ? eap : "",
		b->methods & 0x200 ? "mschapv2," : "", b->methods & 0x20 ? "chap," : "",
		b->methods & 0x08 ? "pap," : "");
	if (!*list)
		return 0;
	list[strlen(list) - 1] = '\0';
	return foreign_put(f, CONNECT_AUTH, list, 0);
}

static void take_name(struct foreign *f, const char *name, unsigned line)
{
	if (profile_name_ok(name))
		strcpy(f->profile->name, name);
	else
		foreign_note(f, line, "\"%s\" is no name of a profile: give one with --name", name);
}

int foreign_pbk(char *text, struct foreign *f)
{
	struct ini i = {.p = text};
	const char *entry = NULL;
	struct pbk b = {0};
	int r = 0;

	while (!r && ini_next(&i)) {
		if (!*i.key && !entry)
			take_name(f, entry = i.section, i.line);
		else if (!*i.key)
			foreign_note(f, i.line, "[%s] was left out: give it in a file of its own",
				i.section);
		else if (entry && i.section == entry)
			r = pbk_key(f, &i, &b);
	}
	return r ? r : pbk_auth(f, &b);
}

/* ---- NetworkManager ---------------------------------------------------------- */

static int nm_words(struct foreign *f, struct nm_settings *s)
{
	struct nm_words w;
	const char *why;
	int r = nm_settings_words(s, "", &w, &why);

	if (r < 0)
		return foreign_fail(f, 0, why);
	for (int i = 1; !r && i < w.argc; i++) {
		char *value = strchr(w.argv[i], '=');
		const struct connect_option *row;

		if (strncmp(w.argv[i], "--", 2))
			return foreign_server(f, w.argv[i], 0);
		if (value)
			*value++ = '\0';
		row = connect_option_named(w.argv[i] + 2);
		if (row && row->id == CONNECT_INSECURE)
			foreign_note(
				f, 0, "ignore-cert-warn was left out: the certificate is checked");
		else if (row && row->kind != CONNECT_SECRET && row->id != CONNECT_NO_PROXY)
			r = foreign_put(f, (int)row->id, value ? value : "", 0);
	}
	return r;
}

/* "10.0.0.0/8,0.0.0.0,50" */
static int nm_ip(struct foreign *f, struct ini *i)
{
	if (!strncmp(i->key, "route", 5) && i->key[5] >= '0' && i->key[5] <= '9' &&
		!strchr(i->key, '_')) {
		i->value[strcspn(i->value, ",")] = '\0';
		return foreign_put(f, CONNECT_ROUTE, i->value, i->line);
	}
	if (!strcmp(i->key, "never-default") && !strcmp(i->value, "true")) {
		profile_drop(f->profile, CONNECT_NO_DEFAULT_ROUTE);
		return foreign_put(f, CONNECT_NO_DEFAULT_ROUTE, "", i->line);
	}
	if (!strcmp(i->key, "ignore-auto-dns") && !strcmp(i->value, "true"))
		return foreign_put(f, CONNECT_NO_DNS, "", i->line);
	if (!strcmp(i->key, "dns-search")) {
		int r = 0;

		for (char *word; !r && (word = strsep(&i->value, ";"));)
			r = *word ? foreign_put(f, CONNECT_DNS_DOMAIN, word, i->line) : 0;
		return r;
	}
	if (!strcmp(i->key, "method") || !strcmp(i->key, "addr-gen-mode"))
		return !strcmp(i->section, "ipv6") && (!strcmp(i->value, "ignore") ||
							      !strcmp(i->value, "disabled"))
			       ? foreign_put(f, CONNECT_NO_IPV6, "", i->line)
			       : 0;
	foreign_note(f, i->line, "[%s] %s=%s was left out", i->section, i->key, i->value);
	return 0;
}

/* \s \t \\ of a keyfile */
static void unescape(char *s)
{
	char *out = s;

	for (; *s; s++) {
		if (*s == '\\' && s[1])
			*out++ = *++s == 's' ? ' ' : *s == 't' ? '\t' : *s;
		else
			*out++ = *s;
	}
	*out = '\0';
}

static bool is_ours(const char *service)
{
	return !strcmp(service, "org.freedesktop.NetworkManager.sstp") ||
	       !strcmp(service, "org.freedesktop.NetworkManager.culvert");
}

static int nm_key(struct foreign *f, struct ini *i, struct nm_settings *s)
{
	bool vpn = !strcmp(i->section, "vpn") || !strcmp(i->section, "vpn-secrets");

	unescape(i->value);
	if (!strcmp(i->section, "connection")) {
		if (!strcmp(i->key, "id"))
			take_name(f, i->value, i->line);
		return 0;
	}
	if (vpn && !strcmp(i->key, "service-type"))
		return is_ours(i->value) ? 0
					 : foreign_fail(f, i->line, "a connection of type sstp");
	if (vpn && nm_settings_take(s, i->key, i->value) < 0)
		return foreign_fail(f, i->line, "a value that the key can have");
	if (vpn && !nm_settings_has(i->key))
		foreign_note(f, i->line, "%s was left out", i->key);
	if (!strcmp(i->section, "ipv4") || !strcmp(i->section, "ipv6"))
		return nm_ip(f, i);
	return 0;
}

int foreign_nm(char *text, struct foreign *f)
{
	struct nm_settings s = {0};
	struct ini i = {.p = text};
	int r = 0;

	while (!r && ini_next(&i))
		if (*i.key && i.section)
			r = nm_key(f, &i, &s);
	if (!r)
		r = nm_words(f, &s);
	if (!r && strlen(s.password) <= PASSWORD_MAX)
		strcpy(f->profile->secrets.value[profile_secret_at(CONNECT_PASSWORD_FILE)],
			s.password);
	if (!r && strlen(s.proxy_password) <= PASSWORD_MAX)
		strcpy(f->profile->secrets.value[profile_secret_at(CONNECT_PROXY_PASSWORD_FILE)],
			s.proxy_password);
	nm_settings_done(&s);
	return r;
}
