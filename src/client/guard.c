// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation
 *
 * Output and forward drop by default. Out goes: what stays on the machine, what goes into the tunnel, the
 * tunnel's own connection and its look-up of the server's name (client/policy.h marks their sockets),
 * and what an address is got with: DHCP, neighbour discovery. What is forwarded for containers, virtual
 * machines and tethered phones goes by the tunnel or nowhere.
 *
 * Answers to connections from outside are dropped, too: also those of a remote login to this machine.
 */
#include "client/guard.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "client/policy.h"
#include "os/child.h"

#define RULES_MAX 4096

static bool is_plain(const char *name)
{
	static const char good[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";

	return *name && strspn(name, good) == strlen(name);
}

static const char lan_rules[] =
	"\t\tudp dport 53 drop\n"
	"\t\ttcp dport { 53, 853 } drop\n"
	"\t\tip daddr { 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, 169.254.0.0/16, 224.0.0.0/24 } accept\n"
	"\t\tip6 daddr { fc00::/7, fe80::/10, ff02::/16 } accept\n";

int guard_rules(const struct guard_lock *lock, char *ret, size_t cap)
{
	const char *lan = lock->lan ? lan_rules : "";
	int n;

	if (!is_plain(lock->tun))
		return -EINVAL;
	n = snprintf(ret, cap,
		"table inet " GUARD_TABLE "\n"
		"delete table inet " GUARD_TABLE "\n"
		"table inet " GUARD_TABLE " {\n"
		"\tchain output {\n"
		"\t\ttype filter hook output priority 0; policy drop;\n"
		"\t\toifname \"lo\" accept\n"
		"\t\toifname \"%s\" accept\n"
		"\t\tmeta mark & 0x%08x == 0x%08x counter accept\n"
		"\t\tudp sport 68 udp dport 67 accept\n"
		"\t\tip6 daddr { fe80::/10, ff02::1:2 } udp sport 546 udp dport 547 accept\n"
		"\t\ticmpv6 type { nd-router-solicit, nd-neighbor-solicit, nd-neighbor-advert } "
		"ip6 hoplimit 255 accept\n"
		"%s"
		"\t\tcounter drop\n"
		"\t}\n"
		"\tchain forward {\n"
		"\t\ttype filter hook forward priority 0; policy drop;\n"
		"\t\toifname \"%s\" accept\n"
		"\t\tiifname \"%s\" accept\n"
		"%s"
		"\t\tcounter drop\n"
		"\t}\n"
		"}\n",
		lock->tun, POLICY_MARK_MASK, POLICY_MARK, lan, lock->tun, lock->tun, lan);
	return n < 0 || (size_t)n >= cap ? -ENOSPC : n;
}

static int run_nft(const char *input, struct os_failure *why)
{
	char program[CHILD_PATH_LEN], output[300] = "";
	const char *const argv[] = {program, "-f", "-", NULL};
	int r = child_find("", "nft", program);

	if (r < 0)
		return os_fail(why, EV_CLIENT_LOCK_FAILED, r, "find the program nft");
	r = child_run(argv, input, output, sizeof(output));
	if (r)
		return os_fail(why, EV_CLIENT_LOCK_FAILED, r < 0 ? r : -EIO, "nft: %s", output);
	return 0;
}

/* For the next boot. Replaced whole: a file that was cut short would not be loaded. */
static int keep_file(const char *rules, size_t n, struct os_failure *why)
{
	static const char fresh[] = GUARD_FILE ".new";
	int fd, r = 0;

	mkdir("/etc/culvert", 0755); /* there already, or open() says why not */
	fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0)
		return os_fail(why, EV_CLIENT_LOCK_FAILED, -errno, "write %s", fresh);
	if (write(fd, rules, n) != (ssize_t)n || fsync(fd) < 0 || rename(fresh, GUARD_FILE) < 0)
		r = os_fail(why, EV_CLIENT_LOCK_FAILED, -errno, "write %s", GUARD_FILE);
	close(fd);
	return r;
}

int guard_lock(const struct guard_lock *lock, struct os_failure *why)
{
	char rules[RULES_MAX];
	int n = guard_rules(lock, rules, sizeof(rules)), r;

	if (n < 0)
		return os_fail(why, EV_CLIENT_LOCK_FAILED, n, "name the interface %s", lock->tun);
	r = run_nft(rules, why);
	return r ? r : keep_file(rules, (size_t)n, why);
}

int guard_unlock(struct os_failure *why)
{
	char program[CHILD_PATH_LEN];
	const char *const list[] = {program, "list", "table", "inet", GUARD_TABLE, NULL};
	bool kept = unlink(GUARD_FILE) == 0;
	char output[300];
	int r = child_find("", "nft", program);

	if (r < 0)
		return os_fail(why, EV_CLIENT_LOCK_FAILED, r, "find the program nft");
	if (child_run(list, NULL, output, sizeof(output)))
		return kept;
	r = run_nft("delete table inet " GUARD_TABLE "\n", why);
	return r ? r : 1;
}
