// SPDX-License-Identifier: Apache-2.0
/* How a probe writes down what it saw. */
#include <stdarg.h>
#include <string.h>

#include "base/text.h"
#include "diagnose/private.h"

static const struct {
	const char *name, *title;
} names[PROBES] = {
	[PROBE_DNS] = {"dns", "name"},
	[PROBE_REACH] = {"tcp", "reachability"},
	[PROBE_PROXY] = {"proxy", "proxy"},
	[PROBE_TLS] = {"tls", "TLS, certificate"},
	[PROBE_HTTP] = {"http", "HTTPS request"},
	[PROBE_SSTP] = {"sstp", "SSTP call"},
	[PROBE_PPP] = {"ppp", "PPP, login"},
	[PROBE_INNER] = {"tunnel", "inside the tunnel"},
	[PROBE_LOCAL] = {"local", "this machine"},
};

const char *probe_name(enum probe_id id)
{
	return names[id].name;
}

const char *probe_title(enum probe_id id)
{
	return names[id].title;
}

const char *outcome_name(enum outcome o)
{
	static const char *const words[] = {[OUTCOME_NOT_MEASURED] = "not measured",
		[OUTCOME_OK] = "ok",
		[OUTCOME_WARNING] = "warning",
		[OUTCOME_FAILED] = "failed"};

	return words[o];
}

void probe_fact(struct probe *p, const char *name, const char *fmt, ...)
{
	struct fact *f;
	va_list ap;

	if (p->n_facts == PROBE_FACTS_MAX)
		return;
	f = &p->facts[p->n_facts++];
	snprintf(f->name, sizeof(f->name), "%s", name);
	va_start(ap, fmt);
	text_vformat(f->value, sizeof(f->value), fmt, ap);
	va_end(ap);
	if (p->outcome == OUTCOME_NOT_MEASURED)
		p->outcome = OUTCOME_OK;
}

void probe_find(struct probe *p, enum outcome weight, enum event ev, const char *fmt, ...)
{
	struct finding *f;
	va_list ap;

	if (weight > p->outcome)
		p->outcome = weight;
	if (p->n_findings == PROBE_FINDINGS_MAX || probe_has(p, ev))
		return;
	f = &p->findings[p->n_findings++];
	f->weight = weight;
	f->event = ev;
	va_start(ap, fmt);
	text_vformat(f->text, sizeof(f->text), fmt, ap);
	va_end(ap);
}

bool probe_has(const struct probe *p, enum event ev)
{
	for (size_t i = 0; i < p->n_findings; i++)
		if (p->findings[i].event == ev)
			return true;
	return false;
}

void probe_skip(struct probe *p, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	text_vformat(p->why, sizeof(p->why), fmt, ap);
	va_end(ap);
}

void probe_summary(struct probe *p, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	text_vformat(p->summary, sizeof(p->summary), fmt, ap);
	va_end(ap);
}
