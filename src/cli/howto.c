// SPDX-License-Identifier: Apache-2.0
#include "cli/howto.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "aaa/offer.h"
#include "base/auto.h"
#include "base/host_name.h"
#include "base/json.h"
#include "base/text.h"
#include "cli/cmd.h"
#include "config/value.h"
#include "config/config.h"
#include "server/host/certificates.h"
#include "tls/cert.h"

/* ---- loading --------------------------------------------------------------------------------------- */

static size_t read_file(const char *path, char *ret, size_t cap)
{
	FILE *f = fopen(path, "re");
	size_t n = f ? fread(ret, 1, cap - 1, f) : 0;

	ret[n] = '\0';
	if (f)
		fclose(f);
	return n;
}

/* Only the first certificate of the file: what follows is its chain, which the server sends. */
static void read_leaf(const char *path, char *ret, size_t cap)
{
	static const char end[] = "-----END CERTIFICATE-----\n";
	static const char begin[] = "-----BEGIN CERTIFICATE-----";
	char *p;

	read_file(path, ret, cap);
	p = strstr(ret, begin); /* words before it would be part of the script */
	if (p)
		memmove(ret, p, strlen(p) + 1);
	p = strstr(ret, end);
	if (p)
		p[strlen(end)] = '\0';
}

/* What a shell, a script or a file of options would read as something else is no host. */
#define HOST_OCTETS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._:"

static int set_server(struct howto *h, const char *given, const struct cert_info *info)
{
	const char *colon = given ? strrchr(given, ':') : NULL, *name = given ? given : info->names;
	size_t n = given ? strlen(given) : strcspn(info->names, ",");
	char host[1024];

	if (colon && strchr(given, ':') == colon) {
		h->port = (uint16_t)strtoul(colon + 1, NULL, 10);
		n = (size_t)(colon - given);
	}
	snprintf(host, sizeof(host), "%.*s", n < sizeof(host) ? (int)n : 0, name);
	if (!h->port || host_to_ascii(host, h->server, sizeof(h->server), NULL) < 0 ||
		strspn(h->server, HOST_OCTETS) < strlen(h->server)) {
		fputs("culvert: --server: expected HOST or HOST:PORT\n", stderr);
		return CMD_USAGE;
	}
	return CMD_OK;
}

int howto_load(const struct config *cfg, const char *user, const char *server, struct howto *ret)
{
	struct certificate_files files;
	struct tls_failure why;
	struct cert_info info;
	size_t n = 0;

	*ret = (struct howto){.user = user, .port = cfg->server.listen.item[0].port};
	if (!server && cfg->server.name.n)
		server = cfg->server.name.item[0];
	certificates_list(cfg, &files);
	if (cert_info_load(files.item[0].cert, &info, &why) < 0)
		return cmd_fail(why.event, why.text);
	ret->self_signed = info.self_signed;
	snprintf(ret->pin, sizeof(ret->pin), "%s", info.pin);
	read_leaf(files.item[0].cert, ret->leaf, sizeof(ret->leaf));
	for (size_t i = 0; i < files.n && n + 1 < sizeof(ret->bundle); i++) {
		read_leaf(files.item[i].cert, ret->bundle + n, sizeof(ret->bundle) - n);
		n += strlen(ret->bundle + n);
	}
	return set_server(ret, server, &info);
}

void howto_take_offer(struct howto *h, const struct offer *offer)
{
	h->routes = offer->routes;
	for (size_t i = 0; i < offer->n_dns; i++)
		h->dns[h->n_dns++] = offer->dns[i];
	for (size_t i = 0; i < offer->n_dns6; i++)
		h->dns[h->n_dns++] = offer->dns6[i];
	for (size_t i = 0; i < offer_names(offer); i++)
		strcpy(h->domains[h->n_domains++], offer_name(offer, i));
}

/* ---- each kind of client --------------------------------------------------------------------------- */

/* "vpn.example", "vpn.example:8443" */
static const char *where(const struct howto *h, char ret[static 272])
{
	if (h->port == 443)
		snprintf(ret, 272, "%s", h->server);
	else
		snprintf(ret, 272, "%s:%u", h->server, h->port);
	return ret;
}

/* `text` with each of `special` led by `escape`. */
static void put_escaped(FILE *out, const char *text, const char *special, char escape)
{
	for (; *text; text++) {
		if (strchr(special, *text))
			fputc(escape, out);
		fputc(*text, out);
	}
}

static const char *route_text(const struct howto *h, size_t i)
{
	static char text[PREFIX_TEXT_LEN];

	return prefix_format(&h->routes.of[i], text);
}

static void put_servers(const struct howto *h, const char *form, const char *between, FILE *out)
{
	char text[ADDR_TEXT_LEN];

	for (size_t i = 0; i < h->n_dns; i++) {
		fputs(i ? between : "", out);
		fprintf(out, form, addr_format(&h->dns[i], text));
	}
}

/*
 * The server's answer to DHCPINFORM brings IPv4 routes by itself; those of IPv6, and the names that only
 * the name servers inside know, are the profile's.
 */
static void windows_split(const struct howto *h, FILE *out)
{
	fprintf(out,
		"# Only these networks go through the tunnel. For all traffic:\n"
		"#   Set-VpnConnection -Name '%s' -SplitTunneling $false\n"
		"Set-VpnConnection -Name '%s' -SplitTunneling $true\n",
		h->server, h->server);
	for (size_t i = 0; i < h->routes.n; i++)
		fprintf(out,
			"Add-VpnConnectionRoute -ConnectionName '%s' -DestinationPrefix '%s'\n",
			h->server, route_text(h, i));
	for (size_t i = 0; i < h->n_domains && h->n_dns; i++) {
		fprintf(out, "Add-DnsClientNrptRule -Namespace '.%s' -NameServers ", h->domains[i]);
		put_servers(h, "'%s'", ",", out);
		fputc('\n', out);
	}
}

static void windows(const struct howto *h, FILE *out)
{
	char to[272];

	fputs("# Windows 10 and 11: in PowerShell, opened as administrator.\n", out);
	if (h->self_signed)
		fprintf(out,
			"$certificate = @'\n%s'@\n"
			"$file = Join-Path $env:TEMP 'culvert.crt'\n"
			"Set-Content -Path $file -Value $certificate -Encoding Ascii\n"
			"Import-Certificate -FilePath $file -CertStoreLocation Cert:\\LocalMachine\\Root\n"
			"Remove-Item $file\n",
			h->leaf);
	fprintf(out,
		"Add-VpnConnection -Name '%s' -ServerAddress '%s' -TunnelType Sstp "
		"-AuthenticationMethod MSChapv2 -RememberCredential%s\n",
		h->server, where(h, to), h->routes.n ? " -SplitTunneling" : "");
	if (h->routes.n)
		windows_split(h, out);
	fprintf(out, "rasdial '%s' '", h->server);
	put_escaped(out, h->user, "'", '\'');
	fputs("' *  # asks for the password\n", out);
}

static void phonebook(const struct howto *h, FILE *out)
{
	char to[272];

	fprintf(out,
		"[%s]\nEncoding=1\nPBVersion=6\nType=2\nAutoLogon=0\nUseRasCredentials=1\n"
		"PreviewUserPw=1\nShowDialingProgress=1\nDataEncryption=256\nAuthRestrictions=512\n"
		"VpnStrategy=5\nExcludedProtocols=0\nLcpExtensions=1\nBaseProtocol=1\n"
		"IpPrioritizeRemote=%d\nIpNameAssign=1\nIpAssign=1\nIpInterfaceMetric=0\n"
		"Ipv6Assign=1\nIpv6PrioritizeRemote=%d\n\n"
		"NETCOMPONENTS=\nms_msclient=1\nms_server=0\n\n"
		"MEDIA=rastapi\nPort=VPN1-0\nDevice=WAN Miniport (SSTP)\n\n"
		"DEVICE=vpn\nPhoneNumber=%s\nAreaCode=\nCountryCode=0\nCountryID=0\n"
		"UseDialingRules=0\nComment=\nFriendlyName=\nLastSelectedPhone=0\n"
		"PromoteAlternates=0\nTryNextAlternateOnFail=1\n",
		h->server, !h->routes.n, !h->routes.n, where(h, to));
}

static void put_xml(FILE *out, const char *text)
{
	for (; *text; text++) {
		const char *name = *text == '&'   ? "&amp;"
				   : *text == '<' ? "&lt;"
				   : *text == '>' ? "&gt;"
						  : NULL;

		if (name)
			fputs(name, out);
		else
			fputc(*text, out);
	}
}

/* For Intune, or MDM_VPNv2_01 by PowerShell. Automatic: Windows tries its protocols until SSTP answers. */
static void profile_xml(const struct howto *h, FILE *out)
{
	char to[272];

	fputs("<VPNProfile>\n", out);
	if (h->n_domains)
		fprintf(out, "  <DnsSuffix>%s</DnsSuffix>\n", h->domains[0]);
	fputs("  <NativeProfile>\n    <Servers>", out);
	put_xml(out, where(h, to));
	fprintf(out,
		"</Servers>\n"
		"    <NativeProtocolType>Automatic</NativeProtocolType>\n"
		"    <Authentication>\n      <UserMethod>MSChapv2</UserMethod>\n    </Authentication>\n"
		"    <RoutingPolicyType>%s</RoutingPolicyType>\n"
		"    <DisableClassBasedDefaultRoute>%s</DisableClassBasedDefaultRoute>\n"
		"  </NativeProfile>\n",
		h->routes.n ? "SplitTunnel" : "ForceTunnel", h->routes.n ? "true" : "false");
	for (size_t i = 0; i < h->routes.n; i++) {
		char a[ADDR_TEXT_LEN];

		fprintf(out,
			"  <Route>\n    <Address>%s</Address>\n    <PrefixSize>%u</PrefixSize>\n  </Route>\n",
			addr_format(&h->routes.of[i].addr, a), h->routes.of[i].len);
	}
	for (size_t i = 0; i < h->n_domains && h->n_dns && h->routes.n; i++) {
		fprintf(out,
			"  <DomainNameInformation>\n    <DomainName>.%s</DomainName>\n    <DnsServers>",
			h->domains[i]);
		put_servers(h, "%s", ",", out);
		fputs("</DnsServers>\n  </DomainNameInformation>\n", out);
	}
	fputs("  <RememberCredentials>true</RememberCredentials>\n</VPNProfile>\n", out);
}

static void put_nm_routes(const struct howto *h, uint8_t family, FILE *out)
{
	size_t n = 0;

	if (family == AF_INET6 && !h->routes.n)
		return;
	fprintf(out, "\n[%s]\nmethod=auto\n", family == AF_INET ? "ipv4" : "ipv6");
	for (size_t i = 0; i < h->routes.n; i++)
		if (h->routes.of[i].addr.family == family)
			fprintf(out, "route%zu=%s\n", ++n, route_text(h, i));
	if (h->routes.n)
		fputs("never-default=true\n", out);
}

static void network_manager(const struct howto *h, FILE *out)
{
	char to[272];

	fprintf(out,
		"# Linux with NetworkManager-sstp: as /etc/NetworkManager/system-connections/%s.nmconnection,\n"
		"# owner root, mode 0600, then: nmcli connection reload; nmcli --ask connection up '%s'\n"
		"[connection]\nid=%s\ntype=vpn\nautoconnect=false\n\n[vpn]\n"
		"service-type=org.freedesktop.NetworkManager.sstp\ngateway=%s\nuser=",
		h->server, h->server, h->server, where(h, to));
	put_escaped(out, h->user, "\\", '\\');
	fputs("\npassword-flags=2\nrefuse-eap=yes\nrefuse-pap=yes\nrefuse-chap=yes\nrefuse-mschap=yes\n"
	      "tls-ext=yes\n",
		out);
	if (h->self_signed)
		fprintf(out, "ca-cert=/etc/ssl/certs/%s.crt\n", h->server);
	put_nm_routes(h, AF_INET, out);
	put_nm_routes(h, AF_INET6, out);
}

static void sstpc(const struct howto *h, FILE *out)
{
	char to[272];

	fputs("# Linux with sstp-client; the password stands in /etc/ppp/chap-secrets.\n"
	      "sstpc --log-stderr --tls-ext --save-server-route",
		out);
	if (h->self_signed)
		fprintf(out, " --ca-cert %s.crt", h->server);
	fprintf(out,
		" %s noauth %s usepeerdns refuse-pap refuse-chap refuse-mschap refuse-eap user '",
		where(h, to), h->routes.n ? "nodefaultroute" : "defaultroute replacedefaultroute");
	for (const char *p = h->user; *p; p++)
		fputs(*p == '\'' ? "'\\''" : (char[]){*p, '\0'}, out);
	fputs("'\n", out);
}

static void culvert(const struct howto *h, FILE *out)
{
	char to[272];

	fputs("# Linux with Culvert; asks for the password.\nculvert connect --user '", out);
	for (const char *p = h->user; *p; p++)
		fputs(*p == '\'' ? "'\\''" : (char[]){*p, '\0'}, out);
	fprintf(out, "' %s", where(h, to));
	if (h->self_signed)
		fprintf(out, " --pin %s", h->pin);
	if (h->routes.n)
		fputs(" --no-default-route", out);
	for (size_t i = 0; i < h->routes.n; i++)
		fprintf(out, " --route %s", route_text(h, i));
	fputc('\n', out);
}

/* One line of a profile, in its quotes where it needs them. */
static void put_key(FILE *out, const char *key, const char *value)
{
	fprintf(out, "%s = ", key);
	value_print(VALUE_TEXT, NULL, &value, out);
	fputs("\n", out);
}

void howto_invite(const struct howto *h, const char *password, FILE *out)
{
	bool is_ipv6 = strchr(h->server, ':');
	char to[280];

	fputs("# An invite to an SSTP server, for Culvert: culvert profile import FILE; culvert up NAME\n",
		out);
	if (!is_ipv6)
		put_key(out, "name", h->server);
	snprintf(to, sizeof(to), "%s%s%s:%u", is_ipv6 ? "[" : "", h->server, is_ipv6 ? "]" : "",
		h->port);
	put_key(out, "server", to);
	put_key(out, "user", h->user);
	if (password)
		put_key(out, "password", password);
	if (h->self_signed)
		put_key(out, "pin", h->pin);
	for (size_t i = 0; i < h->routes.n; i++)
		put_key(out, "route", route_text(h, i));
	for (size_t i = 0; h->routes.n && i < h->n_domains; i++)
		put_key(out, "dns-domain", h->domains[i]);
}

static void invite(const struct howto *h, FILE *out)
{
	howto_invite(h, NULL, out);
}

static void routeros(const struct howto *h, FILE *out)
{
	fputs("# MikroTik RouterOS 7: put the password in, upload the certificate, then /import this file.\n",
		out);
	if (h->self_signed)
		fprintf(out, "/certificate import file-name=%s.crt passphrase=\"\"\n", h->server);
	fprintf(out,
		"/interface sstp-client add name=\"%s\" connect-to=%s port=%u profile=default "
		"authentication=mschap2 verify-server-certificate=yes tls-version=only-1.2 "
		"add-default-route=%s disabled=no password=\"PASSWORD\" user=\"",
		h->server, h->server, h->port, h->routes.n ? "no" : "yes");
	put_escaped(out, h->user, "\"\\$", '\\');
	fputs("\"\n", out);
	for (size_t i = 0; i < h->routes.n; i++)
		fprintf(out, "/%s route add dst-address=%s gateway=\"%s\"\n",
			h->routes.of[i].addr.family == AF_INET ? "ip" : "ipv6", route_text(h, i),
			h->server);
}

static void android(const struct howto *h, FILE *out)
{
	fprintf(out,
		"Android, with the app Open SSTP Client:\n  Host      %s\n  Username  %s\n"
		"  Port      %u\n  PPP       MS-CHAPv2 on, PAP off\n",
		h->server, h->user, h->port);
	if (h->self_signed)
		fprintf(out,
			"  SSL       \"Add trusted certificates\": a folder with the file %s.crt\n",
			h->server);
}

static void certificate(const struct howto *h, FILE *out)
{
	fputs(h->bundle, out);
}

// clang-format off
static const struct kind {
	const char *key, *title, *file; /* what comes after the server's name */
	void (*write)(const struct howto *h, FILE *out);
} kinds[] = {
	{"windows",        "Windows",                  ".ps1",          windows},
	{"phonebook",      NULL,                       ".pbk",          phonebook},
	{"profilexml",     NULL,                       ".profilexml.txt",         profile_xml},
	{"networkmanager", "Linux, NetworkManager",    ".nmconnection", network_manager},
	{"sstpc",          "Linux, sstp-client",       ".sstpc.sh",     sstpc},
	{"culvert",        "Linux, Culvert",           ".culvert.sh",   culvert},
	{"invite",         NULL,                       ".culvert",      invite},
	{"routeros",       "RouterOS",                 ".rsc",          routeros},
	{"android",        "Android",                  ".android.txt",  android},
	{"certificate",    NULL,                       ".crt",          certificate},
};
// clang-format on

/* ---- out -------------------------------------------------------------------------------------------- */

/* The caller frees it; NULL without memory. */
static char *text_of(const struct kind *k, const struct howto *h)
{
	char *text = NULL;
	size_t n;
	FILE *f = open_memstream(&text, &n);

	if (f) {
		k->write(h, f);
		fclose(f);
	}
	return text;
}

/* On the terminal no name moves the cursor; a file has the text as it is. */
static void print_lines(const struct kind *k, const struct howto *h)
{
	AUTO_MEM char *text = text_of(k, h);

	for (char *save = NULL, *line = text ? strtok_r(text, "\n", &save) : NULL; line;
		line = strtok_r(NULL, "\n", &save))
		text_fprintf(stdout, "%s\n", line);
}

void howto_print(const struct howto *h)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (!kinds[i].title)
			continue;
		text_fprintf(stdout, "\n---- %s\n", kinds[i].title);
		print_lines(&kinds[i], h);
	}
	if (h->self_signed)
		puts("\nThe certificate for the others is server.crt in the server's state folder;\n"
		     "--out DIR writes it and all of this as files.");
}

json_t *howto_json(const struct howto *h)
{
	json_t *how = json_object();

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		AUTO_MEM char *text = text_of(&kinds[i], h);

		json_object_set_new(how, kinds[i].key, json_text(text));
	}
	return json_pack("{s:o, s:s, s:i, s:b, s:s, s:o}", "user", json_text(h->user), "server",
		h->server, "port", (int)h->port, "self_signed", h->self_signed, "pin", h->pin,
		"how", how);
}

int howto_write(const struct howto *h, const char *folder)
{
	char path[1024];

	if (mkdir(folder, 0755) < 0 && errno != EEXIST) {
		text_fprintf(stderr, "culvert: %s: %s\n", folder, strerror(errno));
		return CMD_FAILED;
	}
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		FILE *f;

		if (kinds[i].write == certificate && !h->self_signed)
			continue;
		snprintf(path, sizeof(path), "%s/%s%s", folder, h->server, kinds[i].file);
		f = fopen(path, "we");
		if (f)
			kinds[i].write(h, f);
		if (!f || fclose(f)) {
			text_fprintf(stderr, "culvert: %s: %s\n", path, strerror(errno));
			return CMD_FAILED;
		}
		text_fprintf(stdout, "%s\n", path);
	}
	return CMD_OK;
}
