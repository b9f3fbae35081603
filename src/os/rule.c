// SPDX-License-Identifier: Apache-2.0
#include "os/rule.h"

#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <stdio.h>
#include <string.h>

#include "base/auto.h"
#include "os/netlink.h"

static void nlmsg_done(struct nl_msg *m)
{
	nlmsg_free(m);
}
DEFINE_AUTO(nlmsg, struct nl_msg *, nlmsg_done)
DEFINE_AUTO(nlsock, struct nl_sock *, nl_socket_free)

static int open_socket(struct nl_sock **ret)
{
	AUTO(nlsock) struct nl_sock *s = nl_socket_alloc();
	int r = s ? nl_connect(s, NETLINK_ROUTE) : -NLE_NOMEM;

	if (r < 0)
		return r;
	nl_socket_set_buffer_size(s, 256 * 1024, 0);
	*ret = TAKE(s);
	return 0;
}

/* libnl's own numbers, as far as they are needed here. */
static int errno_of(int nle)
{
	switch (nle < 0 ? -nle : 0) {
	case 0: return 0;
	case NLE_EXIST: return -EEXIST;
	case NLE_OBJ_NOTFOUND: return -ENOENT;
	case NLE_PERM: return -EPERM;
	case NLE_NOMEM: return -ENOMEM;
	case NLE_OPNOTSUPP:
	case NLE_AF_NOSUPPORT: return -EAFNOSUPPORT;
	case NLE_INVAL: return -EINVAL;
	}
	return -EIO;
}

static int put_port(struct nl_msg *msg, uint16_t port)
{
	struct fib_rule_port_range range = {port, port};

	return nla_put_u8(msg, FRA_IP_PROTO, IPPROTO_TCP) < 0
		       ? -NLE_NOMEM
		       : nla_put(msg, FRA_DPORT_RANGE, sizeof(range), &range);
}

static int put_rule(struct nl_msg *msg, const struct rule *rule)
{
	struct fib_rule_hdr head = {.family = (uint8_t)rule->family,
		.dst_len = rule->to.addr.family ? rule->to.len : 0,
		.action = rule->table ? FR_ACT_TO_TBL : FR_ACT_UNREACHABLE};

	if (nlmsg_append(msg, &head, sizeof(head), NLMSG_ALIGNTO) < 0 ||
		nla_put_u32(msg, FRA_PRIORITY, rule->priority) < 0 ||
		nla_put_u8(msg, FRA_PROTOCOL, RTPROT_CULVERT) < 0 ||
		(rule->table && nla_put_u32(msg, FRA_TABLE, rule->table) < 0) ||
		(rule->mark && (nla_put_u32(msg, FRA_FWMARK, rule->mark) < 0 ||
				       nla_put_u32(msg, FRA_FWMASK, UINT32_MAX) < 0)) ||
		(head.dst_len && nla_put(msg, FRA_DST, (int)addr_len(&rule->to.addr),
					 rule->to.addr.octets) < 0) ||
		(rule->longer_than &&
			nla_put_u32(msg, FRA_SUPPRESS_PREFIXLEN, rule->suppress_len) < 0) ||
		(rule->tcp_port && put_port(msg, rule->tcp_port) < 0))
		return -NLE_NOMEM;
	return 0;
}

static int change(const struct rule *rule, int type, int flags)
{
	AUTO(nlsock) struct nl_sock *s = NULL;
	AUTO(nlmsg) struct nl_msg *msg = nlmsg_alloc_simple(type, flags);
	int r = open_socket(&s);

	if (!r)
		r = msg ? put_rule(msg, rule) : -NLE_NOMEM;
	if (!r)
		r = nl_send_auto(s, msg);
	return r < 0 ? r : nl_wait_for_ack(s);
}

static int fail(const struct rule *rule, int nle, const char *verb, struct os_failure *why)
{
	return nle >= 0 ? 0
			: os_fail(why, EV_ROUTE_REFUSED, errno_of(nle), "%s the policy rule %u",
				  verb, rule->priority);
}

int rule_add(const struct rule *rule, struct os_failure *why)
{
	return fail(rule, change(rule, RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL), "add", why);
}

int rule_del(const struct rule *rule, struct os_failure *why)
{
	return fail(rule, change(rule, RTM_DELRULE, 0), "delete", why);
}

/* ---- the list ---------------------------------------------------------- */

struct listing {
	rule_fn *fn;
	void *arg;
	bool enough;
};

static void take_port(struct rule *rule, const struct nlattr *a)
{
	if (a && nla_len(a) >= (int)sizeof(struct fib_rule_port_range))
		rule->tcp_port = ((const struct fib_rule_port_range *)nla_data(a))->start;
}

static void take_to(struct rule *rule, const struct fib_rule_hdr *head, const struct nlattr *a)
{
	struct prefix to = {{(uint8_t)rule->family, {0}}, head->dst_len};

	if (!a || !head->dst_len || nla_len(a) != (int)addr_len(&to.addr))
		return;
	memcpy(to.addr.octets, nla_data(a), addr_len(&to.addr));
	rule->to = to;
}

static int on_rule(struct nl_msg *msg, void *arg)
{
	struct listing *l = arg;
	const struct fib_rule_hdr *head = nlmsg_data(nlmsg_hdr(msg));
	struct nlattr *a[FRA_MAX + 1];
	struct rule rule;

	if (l->enough || nlmsg_parse(nlmsg_hdr(msg), sizeof(*head), a, FRA_MAX, NULL) < 0 ||
		!a[FRA_PROTOCOL] || nla_get_u8(a[FRA_PROTOCOL]) != RTPROT_CULVERT)
		return NL_OK;
	rule = (struct rule){.family = head->family,
		.priority = a[FRA_PRIORITY] ? nla_get_u32(a[FRA_PRIORITY]) : 0,
		.mark = a[FRA_FWMARK] ? nla_get_u32(a[FRA_FWMARK]) : 0};
	if (head->action == FR_ACT_TO_TBL)
		rule.table = a[FRA_TABLE] ? nla_get_u32(a[FRA_TABLE]) : head->table;
	rule.longer_than =
		a[FRA_SUPPRESS_PREFIXLEN] && nla_get_u32(a[FRA_SUPPRESS_PREFIXLEN]) <= UINT8_MAX;
	if (rule.longer_than)
		rule.suppress_len = (uint8_t)nla_get_u32(a[FRA_SUPPRESS_PREFIXLEN]);
	take_to(&rule, head, a[FRA_DST]);
	take_port(&rule, a[FRA_DPORT_RANGE]);
	l->enough = !l->fn(&rule, l->arg);
	return NL_OK;
}

int rule_list(int family, rule_fn *fn, void *arg, struct os_failure *why)
{
	AUTO(nlsock) struct nl_sock *s = NULL;
	AUTO(nlmsg) struct nl_msg *msg = nlmsg_alloc_simple(RTM_GETRULE, NLM_F_DUMP);
	struct fib_rule_hdr head = {.family = (uint8_t)family};
	struct listing l = {fn, arg, false};
	int r = open_socket(&s);

	if (!r)
		r = msg ? nlmsg_append(msg, &head, sizeof(head), NLMSG_ALIGNTO) : -NLE_NOMEM;
	if (!r)
		r = nl_socket_modify_cb(s, NL_CB_VALID, NL_CB_CUSTOM, on_rule, &l);
	if (!r)
		r = nl_send_auto(s, msg);
	if (r >= 0)
		r = nl_recvmsgs_default(s);
	if (r < 0)
		return os_fail(why, EV_NETLINK_FAILED, errno_of(r), "list the policy rules");
	return 0;
}
