// SPDX-License-Identifier: Apache-2.0
/*
 * os/resolved.c — systemd-resolved by D-Bus: org.freedesktop.resolve1(5).
 *
 * Theory of operation. A domain that is "route only" directs the names below it to the interface;
 * "." directs all of them. One that is not route only is a search domain, too. An interface with
 * "default route" is asked for names that no interface has a domain for.
 *
 *     full tunnel         search domains, "." route only, default route
 *     split, domains      search domains, no default route: nothing else is asked there
 *     split, no domains   default route: asked for all names, beside the other interfaces
 *
 * Multicast DNS and LLMNR would send names of the local network into the tunnel: off.
 *
 * A bus has no network namespace: an interface's number that is sent from another namespace means
 * another interface of the service's. So the service has to be in ours, which its process shows. That
 * number is the bus daemon's; where it stands for another process here, that has another name.
 */
#include "os/resolved.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/auto.h"

#ifdef HAVE_SYSTEMD
#include <systemd/sd-bus.h>

#define SERVICE "org.freedesktop.resolve1"
#define SOCKET "/run/dbus/system_bus_socket"
#define OBJECT "/org/freedesktop/resolve1"
#define MANAGER "org.freedesktop.resolve1.Manager"
#define PROCESS "systemd-resolve" /* as /proc/PID/comm has it, cut to 15 characters */

DEFINE_AUTO(sd_bus, sd_bus *, sd_bus_close_unref)
DEFINE_AUTO(message, sd_bus_message *, sd_bus_message_unref)
DEFINE_AUTO(creds, sd_bus_creds *, sd_bus_creds_unref)

static int open_bus(const char *root, sd_bus **ret)
{
	AUTO(sd_bus) sd_bus *bus = NULL;
	char address[256];
	int r = sd_bus_new(&bus);

	snprintf(address, sizeof(address), "%s%s%s", "unix:path=", root, SOCKET);
	if (r >= 0)
		r = sd_bus_set_address(bus, address);
	if (r >= 0)
		r = sd_bus_set_bus_client(bus, true);
	if (r >= 0)
		r = sd_bus_set_method_call_timeout(bus, RESOLVED_TIMEOUT_S * 1000000ULL);
	if (r >= 0)
		r = sd_bus_start(bus);
	if (r < 0)
		return r;
	*ret = TAKE(bus);
	return 0;
}

/* Whether the process is resolved's, in our network. */
static bool is_ours(pid_t pid)
{
	char path[64], name[32] = "";
	struct stat own, its;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	f = fopen(path, "re");
	if (f) {
		if (!fgets(name, sizeof(name), f))
			*name = '\0';
		fclose(f);
	}
	name[strcspn(name, "\n")] = '\0';
	snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)pid);
	return !strcmp(name, PROCESS) && stat("/proc/self/ns/net", &own) == 0 &&
	       stat(path, &its) == 0 && own.st_dev == its.st_dev && own.st_ino == its.st_ino;
}

/* The call starts the service where the bus can; then it has a process. */
static int find_service(sd_bus *bus, struct os_failure *why)
{
	AUTO(creds) sd_bus_creds *creds = NULL;
	sd_bus_error error = SD_BUS_ERROR_NULL;
	pid_t pid = 0;
	int r = sd_bus_call_method(
		bus, SERVICE, OBJECT, "org.freedesktop.DBus.Peer", "Ping", &error, NULL, "");

	if (r < 0)
		os_fail(why, EV_DNS_NOT_SET, r, "call %s: %s", SERVICE,
			error.message ? error.message : "no answer");
	sd_bus_error_free(&error);
	if (r < 0)
		return r;
	r = sd_bus_get_name_creds(bus, SERVICE, SD_BUS_CREDS_PID, &creds);
	if (r >= 0)
		r = sd_bus_creds_get_pid(creds, &pid);
	if (r >= 0 && is_ours(pid))
		return 0;
	return os_fail(why, EV_DNS_NOT_SET, r < 0 ? r : -EXDEV,
		"find %s in this network namespace (its process: %d)", SERVICE, (int)pid);
}

static int call(sd_bus *bus, sd_bus_message *m, struct os_failure *why)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	int r = sd_bus_call(bus, m, 0, &error, NULL);

	if (r < 0)
		os_fail(why, EV_DNS_NOT_SET, r, "call %s: %s", sd_bus_message_get_member(m),
			error.message ? error.message : "no answer");
	sd_bus_error_free(&error);
	return r < 0 ? r : 0;
}

static int begin(sd_bus *bus, const char *method, int ifindex, sd_bus_message **ret)
{
	int r = sd_bus_message_new_method_call(bus, ret, SERVICE, OBJECT, MANAGER, method);

	return r < 0 ? r : sd_bus_message_append(*ret, "i", ifindex);
}

static int set_servers(
	sd_bus *bus, int ifindex, const struct resolver_opts *o, struct os_failure *why)
{
	AUTO(message) sd_bus_message *m = NULL;
	int r = begin(bus, "SetLinkDNS", ifindex, &m);

	if (r >= 0)
		r = sd_bus_message_open_container(m, 'a', "(iay)");
	for (size_t i = 0; r >= 0 && i < o->n_servers; i++) {
		const struct addr *a = &o->servers[i];

		r = sd_bus_message_open_container(m, 'r', "iay");
		if (r >= 0)
			r = sd_bus_message_append(m, "i", a->family);
		if (r >= 0)
			r = sd_bus_message_append_array(m, 'y', a->octets, addr_len(a));
		if (r >= 0)
			r = sd_bus_message_close_container(m);
	}
	if (r >= 0)
		r = sd_bus_message_close_container(m);
	return r < 0 ? os_fail(why, EV_DNS_NOT_SET, r, "compose a message") : call(bus, m, why);
}

static int set_domains(
	sd_bus *bus, int ifindex, const struct resolver_opts *o, struct os_failure *why)
{
	AUTO(message) sd_bus_message *m = NULL;
	int r = begin(bus, "SetLinkDomains", ifindex, &m);

	if (r >= 0)
		r = sd_bus_message_open_container(m, 'a', "(sb)");
	for (size_t i = 0; r >= 0 && i < o->n_domains; i++)
		r = sd_bus_message_append(m, "(sb)", o->domains[i], false);
	if (r >= 0 && o->all_names)
		r = sd_bus_message_append(m, "(sb)", ".", true);
	if (r >= 0)
		r = sd_bus_message_close_container(m);
	return r < 0 ? os_fail(why, EV_DNS_NOT_SET, r, "compose a message") : call(bus, m, why);
}

static int set_default(
	sd_bus *bus, int ifindex, const struct resolver_opts *o, struct os_failure *why)
{
	AUTO(message) sd_bus_message *m = NULL;
	int r = begin(bus, "SetLinkDefaultRoute", ifindex, &m);

	if (r >= 0)
		r = sd_bus_message_append(m, "b", o->all_names || !o->n_domains);
	return r < 0 ? os_fail(why, EV_DNS_NOT_SET, r, "compose a message") : call(bus, m, why);
}

/* What asks the neighbours by name; a service that does not know the call does not ask either. */
static void silence(sd_bus *bus, int ifindex)
{
	static const char *const methods[] = {"SetLinkLLMNR", "SetLinkMulticastDNS"};

	for (size_t i = 0; i < ARRAY_SIZE(methods); i++) {
		AUTO(message) sd_bus_message *m = NULL;

		if (begin(bus, methods[i], ifindex, &m) >= 0 &&
			sd_bus_message_append(m, "s", "no") >= 0)
			call(bus, m, NULL);
	}
}

static void revert(sd_bus *bus, int ifindex)
{
	AUTO(message) sd_bus_message *m = NULL;

	if (begin(bus, "RevertLink", ifindex, &m) >= 0)
		call(bus, m, NULL);
}

int resolved_set(const struct resolver_opts *o, struct os_failure *why)
{
	AUTO(sd_bus) sd_bus *bus = NULL;
	int ifindex = (int)if_nametoindex(o->ifname);
	int r = ifindex ? open_bus(o->root, &bus) : -ENODEV;

	if (r < 0)
		return os_fail(why, EV_DNS_NOT_SET, r, "open the system bus");
	r = find_service(bus, why);
	if (r < 0)
		return r;
	r = set_servers(bus, ifindex, o, why);
	if (r == 0)
		r = set_domains(bus, ifindex, o, why);
	if (r == 0)
		r = set_default(bus, ifindex, o, why);
	if (r < 0)
		revert(bus, ifindex);
	else
		silence(bus, ifindex);
	return r;
}

void resolved_revert(const char *root, const char *ifname)
{
	AUTO(sd_bus) sd_bus *bus = NULL;
	int ifindex = (int)if_nametoindex(ifname);

	if (ifindex && open_bus(root, &bus) >= 0 && find_service(bus, NULL) >= 0)
		revert(bus, ifindex);
}

#else

int resolved_set(const struct resolver_opts *o UNUSED, struct os_failure *why)
{
	return os_fail(why, EV_DNS_NOT_SET, -ENOTSUP, "ask systemd-resolved without libsystemd");
}

void resolved_revert(const char *root UNUSED, const char *ifname UNUSED)
{
}

#endif
