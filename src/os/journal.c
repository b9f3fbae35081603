// SPDX-License-Identifier: Apache-2.0
#include "os/journal.h"

#ifdef HAVE_SYSTEMD
#define SD_JOURNAL_SUPPRESS_LOCATION
#include <inttypes.h>
#include <systemd/sd-journal.h>

static void write_fields(
	const struct event_info *info, const struct log_scope *scope, const char *text)
{
	static const int priority[] = {3, 4, 6, 7};
	static const struct log_scope no_scope;
	char who[140];

	if (!scope)
		scope = &no_scope;
	sd_journal_send("MESSAGE=%d %s: %s%s%s%s", info->number, info->name, info->what,
		log_scope_text(scope, who, sizeof(who)), *text ? " " : "", text, "PRIORITY=%d",
		priority[info->level], "CULVERT_EVENT=%d", info->number, "CULVERT_NAME=%s",
		info->name, "CULVERT_LAYER=%s", layer_name(info->layer), "CULVERT_SESSION=%" PRIu64,
		scope->session, "CULVERT_PEER=%s", scope->peer, "CULVERT_CORRELATION=%s",
		scope->correlation, NULL);
}
#endif

log_writer_fn *journal_writer(void)
{
#ifdef HAVE_SYSTEMD
	return write_fields;
#else
	return NULL;
#endif
}
