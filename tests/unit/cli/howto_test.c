// SPDX-License-Identifier: Apache-2.0
/*
 * cli/howto.c: what a user copies into a shell, a script, a file of options. A name with quotes in
 * it stays a name there; a shell is asked what it makes of the lines that are for one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "aaa/offer.h"
#include "base/clock.h"
#include "cli/cmd.h"
#include "cli/howto.h"
#include "config/config.h"
#include "tls/cert.h"
#include "unit/cli/run.h"
#include "unit/store/state.h"

static struct howto h;

static int setup(void **state)
{
	h = (struct howto){.user = "alice",
		.server = "vpn.example",
		.port = 443,
		.self_signed = true,
		.pin = "sha256//cGlu",
		.leaf = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
		.bundle = "bundle\n"};
	return state_setup(state);
}

/* The words for one kind of client, until the next call. */
static json_t *how;

static const char *words(const char *kind)
{
	json_decref(how);
	how = howto_json(&h);
	return json_string_value(json_object_get(json_object_get(how, "how"), kind));
}

static int teardown(void **state)
{
	json_decref(how);
	how = NULL;
	return state_teardown(state);
}

static void has(const char *kind, const char *text)
{
	if (!strstr(words(kind), text))
		fail_msg("%s lacks \"%s\":\n%s", kind, text, words(kind));
}

static void lacks(const char *kind, const char *text)
{
	if (strstr(words(kind), text))
		fail_msg("%s has \"%s\":\n%s", kind, text, words(kind));
}

static void every_client_gets_server_and_user(void **state)
{
	static const char *const with_user[] = {
		"windows", "networkmanager", "sstpc", "culvert", "routeros", "android"};

	for (size_t i = 0; i < sizeof(with_user) / sizeof(*with_user); i++) {
		has(with_user[i], "vpn.example");
		has(with_user[i], "alice");
	}
	has("phonebook", "PhoneNumber=vpn.example\n");
	assert_string_equal(words("certificate"), "bundle\n");
}

static void another_port_is_named_where_it_must_be(void **state)
{
	h.port = 8443;
	has("windows", "'vpn.example:8443'");
	has("phonebook", "PhoneNumber=vpn.example:8443\n");
	has("culvert", " vpn.example:8443 ");
	has("routeros", " port=8443 ");
	has("networkmanager", "gateway=vpn.example:8443\n");
	h.port = 443;
	lacks("culvert", ":443");
}

/* Only a certificate that no authority signed must be carried there. */
static void a_trusted_certificate_is_not_imported(void **state)
{
	has("windows", "Import-Certificate");
	has("culvert", "--pin sha256//cGlu");
	has("networkmanager", "ca-cert=");
	has("sstpc", "--ca-cert");
	has("routeros", "/certificate import");
	h.self_signed = false;
	lacks("windows", "Import-Certificate");
	lacks("culvert", "--pin");
	lacks("networkmanager", "ca-cert=");
	lacks("sstpc", "--ca-cert");
	lacks("routeros", "/certificate import");
}

static void routes_take_the_place_of_the_default_route(void **state)
{
	struct prefixes_seen seen;

	assert_int_equal(prefixes_parse("10.0.0.0/8,192.168.4.0/24", &h.routes, &seen), 0);
	has("windows", "-SplitTunneling");
	has("windows", "-DestinationPrefix '192.168.4.0/24'");
	has("phonebook", "IpPrioritizeRemote=0\n");
	has("networkmanager", "route2=192.168.4.0/24\nnever-default=true");
	has("sstpc", " nodefaultroute ");
	has("culvert", " --no-default-route --route 10.0.0.0/8 --route 192.168.4.0/24\n");
	has("routeros", "add-default-route=no");
	h.routes.n = 0;
	lacks("windows", "-SplitTunneling");
	lacks("culvert", "--no-default-route");
	has("phonebook", "IpPrioritizeRemote=1\n");
}

/* What the server offers to the user makes the split tunnel: routes of both families, names inside. */
static void what_is_offered_makes_a_split_tunnel(void **state)
{
	static struct offer offer;
	struct prefixes_seen seen;

	offer = (struct offer){.n_dns = 1, .n_dns6 = 1, .domain = "corp.example"};
	assert_int_equal(addr_parse("10.9.0.53", &offer.dns[0]), 0);
	assert_int_equal(addr_parse("2001:db8:9::53", &offer.dns6[0]), 0);
	assert_int_equal(prefixes_parse("10.9.0.0/16,2001:db8:9::/48", &offer.routes, &seen), 0);
	howto_take_offer(&h, &offer);
	has("windows", "Set-VpnConnection -Name 'vpn.example' -SplitTunneling $true\n");
	has("windows", "-DestinationPrefix '2001:db8:9::/48'\n");
	has("windows", "Add-DnsClientNrptRule -Namespace '.corp.example' -NameServers "
		       "'10.9.0.53','2001:db8:9::53'\n");
	has("profilexml", "<RoutingPolicyType>SplitTunnel</RoutingPolicyType>");
	has("profilexml", "<Address>10.9.0.0</Address>\n    <PrefixSize>16</PrefixSize>");
	has("profilexml", "<DomainName>.corp.example</DomainName>\n    "
			  "<DnsServers>10.9.0.53,2001:db8:9::53</DnsServers>");
	has("networkmanager", "[ipv4]\nmethod=auto\nroute1=10.9.0.0/16\nnever-default=true");
	has("networkmanager", "[ipv6]\nmethod=auto\nroute1=2001:db8:9::/48\nnever-default=true");
	has("routeros", "/ipv6 route add dst-address=2001:db8:9::/48");
	h.routes.n = h.n_dns = h.n_domains = 0;
	has("profilexml", "<RoutingPolicyType>ForceTunnel</RoutingPolicyType>");
	lacks("profilexml", "<Route>");
	lacks("networkmanager", "[ipv6]");
}

/* What a shell makes of the arguments of `line`. */
static void shell_reads(const char *line, char *ret, size_t cap)
{
	char path[] = "/tmp/culvert-howto-XXXXXX", command[64];
	int fd = mkstemp(path);
	FILE *f;

	dprintf(fd, "for_each() { for a; do printf '<%%s>' \"$a\"; done; }\n%s", line);
	close(fd);
	snprintf(command, sizeof(command), "/bin/sh %s 2>&1", path);
	f = popen(command, "re");
	ret[fread(ret, 1, cap - 1, f)] = '\0';
	pclose(f);
	unlink(path);
}

static void a_shell_sees_the_name_and_nothing_else(void **state)
{
	static const char *const names[] = {
		"o'brien", "a b", "$(touch /tmp/x)", "`id`", "a\"b", "a\\", "'; id; '", "--pin"};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		char line[600], shown[800], wanted[64];
		const char *command;

		h.user = names[i];
		command = strstr(words("culvert"), "culvert connect");
		assert_non_null(command);
		snprintf(line, sizeof(line), "for_each%s", command + strlen("culvert"));
		shell_reads(line, shown, sizeof(shown));
		snprintf(wanted, sizeof(wanted), "<connect><--user><%s><vpn.example>", names[i]);
		if (!strstr(shown, wanted))
			fail_msg("%s: %s", names[i], shown);
		command = strstr(words("sstpc"), "sstpc --log");
		snprintf(line, sizeof(line), "for_each%s", command + strlen("sstpc"));
		shell_reads(line, shown, sizeof(shown));
		snprintf(wanted, sizeof(wanted), "<user><%s>", names[i]);
		if (!strstr(shown, wanted))
			fail_msg("%s: %s", names[i], shown);
	}
}

static void each_script_has_the_quoting_of_its_reader(void **state)
{
	h.user = "o'brien";
	has("windows", "'o''brien'");
	h.user = "a\"$b\\";
	has("routeros", "user=\"a\\\"\\$b\\\\\"");
	h.user = "CORP\\bob";
	has("networkmanager", "user=CORP\\\\bob\n");
}

static void no_password_is_part_of_it(void **state)
{
	has("routeros", "password=\"PASSWORD\"");
	has("networkmanager", "password-flags=2");
	has("windows", "* ");
}

/* ---- files ---- */

static void files_are_one_for_each_client(void **state)
{
	struct state *s = *state;
	char folder[96], path[128];
	static const char *const ends[] = {".ps1", ".pbk", ".nmconnection", ".sstpc.sh",
		".culvert.sh", ".culvert", ".rsc", ".android.txt", ".crt"};

	snprintf(folder, sizeof(folder), "%s/out", s->folder);
	assert_int_equal(howto_write(&h, folder), CMD_OK);
	for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++) {
		snprintf(path, sizeof(path), "%s/vpn.example%s", folder, ends[i]);
		if (access(path, F_OK))
			fail_msg("%s is not there", path);
	}
	unlink(path);
	h.self_signed = false; /* then nothing has to be imported */
	assert_int_equal(howto_write(&h, folder), CMD_OK);
	assert_int_equal(access(path, F_OK), -1);
	snprintf(folder, sizeof(folder), "%s/none/deeper", s->folder);
	assert_int_equal(howto_write(&h, folder), CMD_FAILED);
}

/* ---- loading ---- */

static struct config *configured(struct state *s)
{
	const char *name = "vpn.culvert.example";
	struct cert_opts made = {
		.key = CERT_P256, .names = &name, .n_names = 1, .now_s = clock_wall_s()};
	char cert[128], key[128];
	struct config_error err;
	struct config *cfg;

	snprintf(cert, sizeof(cert), "%s/a.crt", s->folder);
	snprintf(key, sizeof(key), "%s/a.key", s->folder);
	assert_int_equal(cert_create(&made, cert, key, NULL), 0);
	assert_int_equal(config_load(NULL, &cfg, &err), 0);
	assert_int_equal(config_set(cfg, "tls.certificate", cert, &err), 0);
	assert_int_equal(config_set(cfg, "tls.key", key, &err), 0);
	return cfg;
}

static void the_certificates_name_is_the_server(void **state)
{
	struct config *cfg = configured(*state);

	assert_int_equal(howto_load(cfg, "bob", NULL, &h), CMD_OK);
	assert_string_equal(h.server, "vpn.culvert.example");
	assert_int_equal(h.port, 443);
	assert_true(h.self_signed);
	assert_memory_equal(h.pin, "sha256//", 8);
	assert_memory_equal(h.leaf, "-----BEGIN CERTIFICATE-----\n", 28);
	config_free(cfg);
}

static void a_server_that_is_given_comes_first(void **state)
{
	static const struct {
		const char *given, *server;
		uint16_t port;
	} good[] = {{"a.example", "a.example", 443}, {"a.example:444", "a.example", 444},
		{"192.0.2.1:8443", "192.0.2.1", 8443}, {"2001:db8::1", "2001:db8::1", 443}};
	static const char *const bad[] = {
		"", "a b", "a.example:0", "x;id", "$(id)", "a\nb", "'", "a/b"};
	struct config *cfg = configured(*state);

	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		assert_int_equal(howto_load(cfg, "bob", good[i].given, &h), CMD_OK);
		assert_string_equal(h.server, good[i].server);
		assert_int_equal(h.port, good[i].port);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		if (howto_load(cfg, "bob", bad[i], &h) != CMD_USAGE)
			fail_msg("\"%s\" was taken", bad[i]);
	config_free(cfg);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(every_client_gets_server_and_user),
		CASE(another_port_is_named_where_it_must_be),
		CASE(a_trusted_certificate_is_not_imported),
		CASE(routes_take_the_place_of_the_default_route),
		CASE(what_is_offered_makes_a_split_tunnel),
		CASE(a_shell_sees_the_name_and_nothing_else),
		CASE(each_script_has_the_quoting_of_its_reader),
		CASE(no_password_is_part_of_it),
		CASE(files_are_one_for_each_client),
		CASE(the_certificates_name_is_the_server),
		CASE(a_server_that_is_given_comes_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
