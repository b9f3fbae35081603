// SPDX-License-Identifier: Apache-2.0
/*
 * culvert networkmanager — the service of a VPN connection that NetworkManager starts, on sd-bus
 * (org.freedesktop.NetworkManager.VPN.Plugin), and its auth-dialog
 * (cli/nm_auth.c, NM_AUTH_OPTIONS).
 *
 * Theory of operation. Two processes:
 *
 *     NetworkManager ⇄ service (this one: the bus, no network) ─── client: `culvert connect`
 *                             ◀── facts, when they change
 *
 * The client makes the interface and the tunnel and leaves addresses, routes and name servers to
 * NetworkManager, which gets the facts as Config, Ip4Config and Ip6Config. The order is Connect (answered
 * at once, state STARTING), facts, STARTED. A client that ends is a Failure, by its exit code, and STOPPED.
 * ConnectInteractive may ask: after a refused login SecretsRequired asks for the password once more, and
 * NewSecrets begins again.
 *
 * IPv6 comes a moment after IPv4, by advertisement: the facts wait for it IPV6_WAIT_MS; later ones are sent
 * as a change.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/text.h"
#include "cli/cmd.h"
#include "cli/connect.h"
#include "cli/nm_auth.h"
#include "cli/nm_settings.h"
#include "cli/password.h"
#include "client/options.h"

static const char usage_text[] =
	"usage: culvert networkmanager [--bus-name NAME]\n"
	"       culvert networkmanager --auth-dialog [OPTION]...\n"
	"\n"
	"The VPN service that NetworkManager starts for a connection of type culvert or sstp, and the program by\n"
	"which it asks for passwords. Not for people: use `nmcli connection up NAME`.\n";

#ifdef HAVE_SYSTEMD
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#define BUS_NAME "org.freedesktop.NetworkManager.culvert"
#define OBJECT "/org/freedesktop/NetworkManager/VPN/Plugin"
#define INTERFACE "org.freedesktop.NetworkManager.VPN.Plugin"
#define ERROR_ARGUMENTS "org.freedesktop.NetworkManager.VPN.Error.BadArguments"
#define ERROR_BUSY "org.freedesktop.NetworkManager.VPN.Error.StartingInProgress"
#define IDLE_US 60000000ULL /* without a connection the service ends */
#define IPV6_WAIT_US 1500000ULL

DEFINE_AUTO(message, sd_bus_message *, sd_bus_message_unref)

enum state { INIT = 1, STARTING = 3, STARTED = 4, STOPPING = 5, STOPPED = 6 };
enum failure { LOGIN_FAILED = 0, CONNECT_FAILED = 1, BAD_IP_CONFIG = 2 };

struct service {
	sd_bus *bus;
	sd_event *loop;
	uint32_t state;
	struct nm_settings settings;
	bool interactive, has_asked;
	pid_t client;
	int facts_fd;
	sd_event_source *facts_source, *end_source, *timer;
	struct client_facts facts;
};

/* ---- what NetworkManager hears ---------------------------------------------------------- */

static void set_state(struct service *s, enum state state)
{
	if (s->state == (uint32_t)state)
		return;
	s->state = (uint32_t)state;
	sd_bus_emit_signal(s->bus, OBJECT, INTERFACE, "StateChanged", "u", s->state);
}

static uint32_t value4(const struct addr *a)
{
	uint32_t v4;

	memcpy(&v4, a->octets, sizeof(v4)); /* in network order, as it is */
	return v4;
}

static void put_address(sd_bus_message *m, const char *key, const struct addr *a)
{
	if (a->family == AF_INET) {
		sd_bus_message_append(m, "{sv}", key, "u", value4(a));
	} else if (a->family == AF_INET6) {
		sd_bus_message_open_container(m, 'e', "sv");
		sd_bus_message_append(m, "s", key);
		sd_bus_message_open_container(m, 'v', "ay");
		sd_bus_message_append_array(m, 'y', a->octets, 16);
		sd_bus_message_close_container(m);
		sd_bus_message_close_container(m);
	}
}

static sd_bus_message *begin(struct service *s, const char *signal)
{
	sd_bus_message *m = NULL;

	if (sd_bus_message_new_signal(s->bus, &m, OBJECT, INTERFACE, signal) < 0)
		return NULL;
	sd_bus_message_open_container(m, 'a', "{sv}");
	return m;
}

static void end(struct service *s, sd_bus_message *m)
{
	sd_bus_message_close_container(m);
	sd_bus_send(s->bus, m, NULL);
	sd_bus_message_unref(m);
}

static void send_config(struct service *s)
{
	const struct client_facts *f = &s->facts;
	sd_bus_message *m = begin(s, "Config");

	if (!m)
		return;
	sd_bus_message_append(m, "{sv}", "tundev", "s", f->tun);
	put_address(m, "gateway", &f->server.addr);
	sd_bus_message_append(m, "{sv}{sv}{sv}{sv}", "mtu", "u", (uint32_t)f->mtu, "has-ip4", "b",
		1, "has-ip6", "b", f->own6.family != 0, "can-persist", "b", 1);
	end(s, m);
}

/* A container of key and variant, whose array the caller fills. */
static void open_list(sd_bus_message *m, const char *key, const char *variant, const char *of)
{
	sd_bus_message_open_container(m, 'e', "sv");
	sd_bus_message_append(m, "s", key);
	sd_bus_message_open_container(m, 'v', variant);
	sd_bus_message_open_container(m, 'a', of);
}

static void close_list(sd_bus_message *m)
{
	for (int i = 0; i < 3; i++)
		sd_bus_message_close_container(m);
}

static void put_domains(sd_bus_message *m, const struct client_facts *f)
{
	open_list(m, "domains", "as", "s");
	for (size_t i = 0; i < f->n_domains; i++)
		sd_bus_message_append(m, "s", f->domains[i]);
	close_list(m);
}

/* Each network, prefix, next hop (none) and metric (NetworkManager's). */
static void put_routes4(sd_bus_message *m, const struct client_facts *f)
{
	open_list(m, "routes", "aau", "au");
	for (size_t i = 0; i < f->n_routes; i++) {
		const struct prefix *p = &f->routes[i];

		if (p->addr.family == AF_INET)
			sd_bus_message_append(
				m, "au", 4, value4(&p->addr), (uint32_t)p->len, 0u, 0u);
	}
	close_list(m);
}

static void put_routes6(sd_bus_message *m, const struct client_facts *f)
{
	static const uint8_t none[16];

	open_list(m, "routes", "a(ayuayu)", "(ayuayu)");
	for (size_t i = 0; i < f->n_routes; i++) {
		const struct prefix *p = &f->routes[i];

		if (p->addr.family != AF_INET6)
			continue;
		sd_bus_message_open_container(m, 'r', "ayuayu");
		sd_bus_message_append_array(m, 'y', p->addr.octets, 16);
		sd_bus_message_append(m, "u", (uint32_t)p->len);
		sd_bus_message_append_array(m, 'y', none, 16);
		sd_bus_message_append(m, "u", 0u);
		sd_bus_message_close_container(m);
	}
	close_list(m);
}

static void send_ip4(struct service *s)
{
	const struct client_facts *f = &s->facts;
	sd_bus_message *m = begin(s, "Ip4Config");

	if (!m)
		return;
	put_address(m, "address", &f->own4);
	put_address(m, "internal-gateway", &f->peer4);
	put_address(m, "ptp", &f->peer4);
	sd_bus_message_append(m, "{sv}{sv}", "prefix", "u", 32u, "never-default", "b", f->split);
	open_list(m, "dns", "au", "u");
	for (size_t i = 0; i < ARRAY_SIZE(f->dns); i++)
		if (f->dns[i].family == AF_INET)
			sd_bus_message_append(m, "u", value4(&f->dns[i]));
	close_list(m);
	put_domains(m, f);
	put_routes4(m, f);
	end(s, m);
}

static void send_ip6(struct service *s)
{
	const struct client_facts *f = &s->facts;
	sd_bus_message *m = f->own6.family ? begin(s, "Ip6Config") : NULL;

	if (!m)
		return;
	put_address(m, "address", &f->own6);
	sd_bus_message_append(
		m, "{sv}{sv}", "prefix", "u", 128u, "never-default", "b", !f->onward6 || f->split);
	open_list(m, "dns", "aay", "ay");
	for (size_t i = 0; i < ARRAY_SIZE(f->dns); i++)
		if (f->dns[i].family == AF_INET6)
			sd_bus_message_append_array(m, 'y', f->dns[i].octets, 16);
	close_list(m);
	put_domains(m, f);
	put_routes6(m, f);
	end(s, m);
}

static int send_facts(sd_event_source *source UNUSED, uint64_t usec UNUSED, void *arg)
{
	struct service *s = arg;

	s->timer = sd_event_source_unref(s->timer);
	send_config(s);
	send_ip4(s);
	send_ip6(s);
	set_state(s, STARTED);
	return 0;
}

/* ---- the client ---------------------------------------------------------- */

/* In the client: one packet. */
static void on_up(void *arg, const struct client_facts *facts)
{
	struct service *s = arg;

	if (write(s->facts_fd, facts, sizeof(*facts)) < 0)
		raise(SIGTERM); /* the service is gone */
}

static int prepare(struct client_opts *o, void *arg)
{
	o->n_routes = 0;
	o->hands_off = true;
	o->on_up = on_up;
	o->arg = arg;
	return 0;
}

static void be_client(struct service *s, const struct nm_words *words, int facts_fd, int secrets)
{
	struct connect_hooks hooks = {.prepare = prepare, .arg = s};
	sigset_t none;

	prctl(PR_SET_PDEATHSIG, SIGTERM);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	dup2(secrets, STDIN_FILENO);
	s->facts_fd = facts_fd;
	optind = 0;
	exit(connect_with(words->argc, (char **)words->argv, &hooks));
}

static void forget_client(struct service *s)
{
	s->facts_source = sd_event_source_unref(s->facts_source);
	s->end_source = sd_event_source_unref(s->end_source);
	s->timer = sd_event_source_unref(s->timer);
	if (s->facts_fd >= 0)
		close(s->facts_fd);
	s->facts_fd = -1;
	s->client = 0;
}

static int on_idle(sd_event_source *source UNUSED, uint64_t usec UNUSED, void *arg)
{
	return sd_event_exit(((struct service *)arg)->loop, 0);
}

static void start_timer(struct service *s, uint64_t after_us, sd_event_time_handler_t then)
{
	s->timer = sd_event_source_unref(s->timer);
	sd_event_add_time_relative(s->loop, &s->timer, CLOCK_MONOTONIC, after_us, 10000, then, s);
}

static void be_stopped(struct service *s)
{
	nm_settings_done(&s->settings);
	set_state(s, STOPPED);
	start_timer(s, IDLE_US, on_idle);
}

static int on_facts(sd_event_source *source, int fd, uint32_t revents UNUSED, void *arg)
{
	struct service *s = arg;
	struct client_facts facts;

	if (read(fd, &facts, sizeof(facts)) != (ssize_t)sizeof(facts)) {
		sd_event_source_set_enabled(
			source, SD_EVENT_OFF); /* its end is reported by on_end() */
		return 0;
	}
	s->facts = facts;
	if (s->state == STARTED || facts.own6.family)
		return send_facts(NULL, 0, s);
	start_timer(s, IPV6_WAIT_US, send_facts);
	return 0;
}

static enum failure failure_of(int code)
{
	if (code == layer_exit_code(LAYER_AUTH))
		return LOGIN_FAILED;
	return code == layer_exit_code(LAYER_IP) ? BAD_IP_CONFIG : CONNECT_FAILED;
}

/* A refused login may be a mistyped password: ask, once. */
static bool ask_again(struct service *s, enum failure failure)
{
	static const char *const names[] = {"password", NULL};
	AUTO(message) sd_bus_message *m = NULL;

	if (failure != LOGIN_FAILED || !s->interactive || s->has_asked || s->state != STARTING)
		return false;
	s->has_asked = true;
	if (sd_bus_message_new_signal(s->bus, &m, OBJECT, INTERFACE, "SecretsRequired") < 0)
		return false;
	sd_bus_message_append(m, "s", "The server refused the login. Password:");
	sd_bus_message_append_strv(m, (char **)names);
	return sd_bus_send(s->bus, m, NULL) >= 0;
}

static int on_end(sd_event_source *source UNUSED, const siginfo_t *info, void *arg)
{
	struct service *s = arg;
	int code = info->si_code == CLD_EXITED ? info->si_status : CMD_FAILED;
	bool stopping = s->state == STOPPING;

	forget_client(s);
	if (!stopping && code && ask_again(s, failure_of(code)))
		return 0;
	if (!stopping && code)
		sd_bus_emit_signal(
			s->bus, OBJECT, INTERFACE, "Failure", "u", (uint32_t)failure_of(code));
	be_stopped(s);
	return 0;
}

static int start_client(struct service *s, const char **ret_why)
{
	int facts[2], password = password_pipe(s->settings.password), proxy;
	struct nm_words words;
	char file[40];
	int r;

	proxy = password_pipe(s->settings.proxy_password);
	snprintf(file, sizeof(file), "/proc/self/fd/%d", proxy);
	r = nm_settings_words(&s->settings, file, &words, ret_why);
	if (!r && (password < 0 || proxy < 0 ||
			  socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, facts) < 0))
		r = -EMFILE;
	if (!r) {
		s->client = fork();
		if (s->client == 0)
			be_client(s, &words, facts[1], password);
		close(facts[1]);
		s->facts_fd = facts[0];
		r = s->client < 0 ? -errno : 0;
	}
	close(password);
	close(proxy);
	if (r < 0)
		return r;
	s->timer = sd_event_source_unref(s->timer);
	sd_event_add_child(s->loop, &s->end_source, s->client, WEXITED, on_end, s);
	return sd_event_add_io(s->loop, &s->facts_source, s->facts_fd, EPOLLIN, on_facts, s);
}

/* ---- what NetworkManager calls ---------------------------------------------------------- */

/* a{ss} of vpn.data or vpn.secrets. */
static int take_pairs(struct service *s, sd_bus_message *m)
{
	const char *key, *value;
	int r = sd_bus_message_enter_container(m, 'v', "a{ss}");

	if (r > 0)
		r = sd_bus_message_enter_container(m, 'a', "{ss}");
	while (r >= 0 && (r = sd_bus_message_read(m, "{ss}", &key, &value)) > 0)
		r = nm_settings_take(&s->settings, key, value);
	if (r >= 0)
		r = sd_bus_message_exit_container(m);
	return r < 0 ? r : sd_bus_message_exit_container(m);
}

static int take_vpn(struct service *s, sd_bus_message *m)
{
	const char *name;
	int r = sd_bus_message_enter_container(m, 'a', "{sv}");

	while (r >= 0 && (r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
		r = sd_bus_message_read(m, "s", &name);
		if (r >= 0)
			r = !strcmp(name, "data") || !strcmp(name, "secrets")
				    ? take_pairs(s, m)
				    : sd_bus_message_skip(m, "v");
		if (r >= 0)
			r = sd_bus_message_exit_container(m);
	}
	return r < 0 ? r : sd_bus_message_exit_container(m);
}

/* The whole connection, a{sa{sv}}: what is in section vpn. */
static int take_settings(struct service *s, sd_bus_message *m)
{
	const char *section;
	int r = sd_bus_message_enter_container(m, 'a', "{sa{sv}}");

	while (r >= 0 && (r = sd_bus_message_enter_container(m, 'e', "sa{sv}")) > 0) {
		r = sd_bus_message_read(m, "s", &section);
		if (r >= 0)
			r = strcmp(section, "vpn") ? sd_bus_message_skip(m, "a{sv}")
						   : take_vpn(s, m);
		if (r >= 0)
			r = sd_bus_message_exit_container(m);
	}
	return r < 0 ? r : sd_bus_message_exit_container(m);
}

static int start(struct service *s, sd_bus_message *m, bool interactive, sd_bus_error *error)
{
	const char *why = "the connection cannot be read";
	int r;

	if (s->client)
		return sd_bus_error_set(error, ERROR_BUSY, "a connection is up or being made");
	nm_settings_done(&s->settings);
	s->interactive = interactive;
	s->has_asked = false;
	r = take_settings(s, m);
	if (r >= 0)
		r = start_client(s, &why);
	if (r < 0)
		return sd_bus_error_set(error, ERROR_ARGUMENTS, why ? why : strerror(-r));
	r = sd_bus_reply_method_return(m, "");
	set_state(s, STARTING);
	return r;
}

static int on_connect(sd_bus_message *m, void *arg, sd_bus_error *error)
{
	return start(arg, m, false, error);
}

static int on_connect_interactive(sd_bus_message *m, void *arg, sd_bus_error *error)
{
	return start(arg, m, true, error);
}

/* The name of the setting whose secrets are missing. */
static int on_need_secrets(sd_bus_message *m, void *arg, sd_bus_error *error)
{
	struct service asked = {0}, *s = arg;
	const char *missing[2];
	int r = take_settings(&asked, m);
	size_t n = r < 0 ? 0 : nm_settings_missing(&asked.settings, missing);

	nm_settings_done(&asked.settings);
	if (s->state == INIT && !s->client)
		start_timer(s, IDLE_US, on_idle);
	return r < 0 ? sd_bus_error_set(error, ERROR_ARGUMENTS, strerror(-r))
		     : sd_bus_reply_method_return(m, "s", n ? "vpn" : "");
}

static int on_new_secrets(sd_bus_message *m, void *arg, sd_bus_error *error)
{
	struct service *s = arg;
	const char *why = "the secrets cannot be read";
	int r = s->client ? -EBUSY : take_settings(s, m);

	if (r >= 0)
		r = start_client(s, &why);
	if (r < 0)
		return sd_bus_error_set(error, ERROR_ARGUMENTS, why ? why : strerror(-r));
	return sd_bus_reply_method_return(m, "");
}

static void stop(struct service *s)
{
	if (s->client) {
		set_state(s, STOPPING);
		kill(s->client, SIGTERM);
	} else {
		be_stopped(s);
	}
}

static int on_disconnect(sd_bus_message *m, void *arg, sd_bus_error *error UNUSED)
{
	int r = sd_bus_reply_method_return(m, "");

	stop(arg);
	return r;
}

/* SetConfig and the like are for helpers of pppd. */
static int on_nothing(sd_bus_message *m, void *arg UNUSED, sd_bus_error *error UNUSED)
{
	return sd_bus_reply_method_return(m, "");
}

/* NetworkManager left the bus: no one would end the tunnel. */
static int on_owner(sd_bus_message *m, void *arg, sd_bus_error *error UNUSED)
{
	const char *name, *before, *now;
	struct service *s = arg;

	if (sd_bus_message_read(m, "sss", &name, &before, &now) > 0 && !*now &&
		!strcmp(name, "org.freedesktop.NetworkManager")) {
		stop(s);
		if (!s->client)
			sd_event_exit(s->loop, 0);
	}
	return 0;
}

#define METHOD(name, in, out, call) SD_BUS_METHOD(name, in, out, call, SD_BUS_VTABLE_UNPRIVILEGED)

static const sd_bus_vtable vtable[] = {
	SD_BUS_VTABLE_START(0),
	METHOD("Connect", "a{sa{sv}}", "", on_connect),
	METHOD("ConnectInteractive", "a{sa{sv}}a{sv}", "", on_connect_interactive),
	METHOD("NeedSecrets", "a{sa{sv}}", "s", on_need_secrets),
	METHOD("NewSecrets", "a{sa{sv}}", "", on_new_secrets),
	METHOD("Disconnect", "", "", on_disconnect),
	METHOD("SetConfig", "a{sv}", "", on_nothing),
	METHOD("SetIp4Config", "a{sv}", "", on_nothing),
	METHOD("SetIp6Config", "a{sv}", "", on_nothing),
	METHOD("SetFailure", "s", "", on_nothing),
	SD_BUS_PROPERTY("State", "u", NULL, offsetof(struct service, state), 0),
	SD_BUS_SIGNAL("StateChanged", "u", 0),
	SD_BUS_SIGNAL("SecretsRequired", "sas", 0),
	SD_BUS_SIGNAL("Config", "a{sv}", 0),
	SD_BUS_SIGNAL("Ip4Config", "a{sv}", 0),
	SD_BUS_SIGNAL("Ip6Config", "a{sv}", 0),
	SD_BUS_SIGNAL("LoginBanner", "s", 0),
	SD_BUS_SIGNAL("Failure", "u", 0),
	SD_BUS_VTABLE_END,
};

static int on_signal(
	sd_event_source *source UNUSED, const struct signalfd_siginfo *info UNUSED, void *arg)
{
	return sd_event_exit(((struct service *)arg)->loop, 0);
}

static int open_service(struct service *s, const char *name)
{
	sigset_t set;
	int r;

	sigemptyset(&set);
	for (size_t i = 0; i < 3; i++)
		sigaddset(&set, (const int[]){SIGCHLD, SIGTERM, SIGINT}[i]);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	r = sd_event_default(&s->loop);
	if (r >= 0)
		r = sd_event_add_signal(s->loop, NULL, SIGTERM, on_signal, s);
	if (r >= 0)
		r = sd_event_add_signal(s->loop, NULL, SIGINT, on_signal, s);
	if (r >= 0)
		r = sd_bus_open_system(&s->bus);
	if (r >= 0)
		r = sd_bus_add_object_vtable(s->bus, NULL, OBJECT, INTERFACE, vtable, s);
	if (r >= 0)
		r = sd_bus_match_signal(s->bus, NULL, "org.freedesktop.DBus",
			"/org/freedesktop/DBus", "org.freedesktop.DBus", "NameOwnerChanged",
			on_owner, s);
	if (r >= 0)
		r = sd_bus_request_name(s->bus, name, 0);
	return r < 0 ? r : sd_bus_attach_event(s->bus, s->loop, 0);
}

/* The client ends first: its good-bye frees the session at the server. */
static void close_service(struct service *s)
{
	pid_t client = s->client;

	forget_client(s);
	if (client) {
		kill(client, SIGTERM);
		waitpid(client, NULL, 0);
	}
	nm_settings_done(&s->settings);
	sd_bus_flush_close_unref(s->bus);
	sd_event_unref(s->loop);
}

static int serve(const char *name)
{
	struct service s = {.state = INIT, .facts_fd = -1};
	int r = open_service(&s, name);

	if (r < 0) {
		text_fprintf(stderr, "culvert networkmanager: the system bus, as %s: %s\n", name,
			strerror(-r));
	} else {
		start_timer(&s, IDLE_US, on_idle);
		r = sd_event_loop(s.loop);
	}
	close_service(&s);
	return r < 0 ? CMD_FAILED : CMD_OK;
}

#else

#define BUS_NAME ""

static int serve(const char *name UNUSED)
{
	fputs("culvert networkmanager: this program was built without libsystemd\n", stderr);
	return CMD_FAILED;
}

#endif

/*
 * The word of the command when NetworkManager or its agents start it, by a link of this name; NULL:
 * another start.
 */
const char *networkmanager_word(const char *program)
{
	const char *name = strrchr(program, '/');

	name = name ? name + 1 : program;
	if (!strcmp(name, "nm-culvert-service") || !strcmp(name, "nm-sstp-service"))
		return "networkmanager";
	if (!strcmp(name, "nm-culvert-auth-dialog") || !strcmp(name, "nm-sstp-auth-dialog"))
		return "--auth-dialog";
	return NULL;
}

int cmd_networkmanager(int argc, char **argv)
{
	static const struct option options[] = {{"bus-name", required_argument, NULL, 'b'},
		{"auth-dialog", no_argument, NULL, 'a'}, {"help", no_argument, NULL, 'h'}, {0}};
	const char *name = BUS_NAME;
	int c;

	if (!strcmp(argv[0], "--auth-dialog"))
		return nm_auth_dialog(argc, argv);
	if (argc > 1 && !strcmp(argv[1], "--auth-dialog"))
		return nm_auth_dialog(argc - 1, argv + 1);
	while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (c == 'h') {
			fputs(usage_text, stdout);
			return CMD_OK;
		}
		if (c == '?')
			return CMD_USAGE;
		if (c == 'b')
			name = optarg;
	}
	return serve(name);
}
