// SPDX-License-Identifier: Apache-2.0
#include "cli/profile_foreign.h"

#include <string.h>

#include "cli/profile_sstpc.h"
#include "cli/profile_xml.h"

enum foreign_format foreign_format_of(const char *text)
{
	text += strspn(text, " \t\r\n");
	if (*text == '<')
		return FOREIGN_XML;
	if (strstr(text, "service-type=") && strstr(text, "[vpn]"))
		return FOREIGN_NM;
	if (strstr(text, "PhoneNumber=") || strstr(text, "VpnStrategy="))
		return FOREIGN_PBK;
	/* The program's name before any line of a profile. */
	for (; *text == '#'; text += strspn(text, " \t\r\n"))
		text += strcspn(text, "\n");
	if (!strncmp(text, "sudo ", 5))
		text += 5;
	text += !strncmp(text, "/usr/sbin/", 10) ? 10 : 0;
	return !strncmp(text, "sstpc ", 6) ? FOREIGN_SSTPC : FOREIGN_NONE;
}

int foreign_read(enum foreign_format format, char *text, struct foreign *f)
{
	switch (format) {
	case FOREIGN_PBK: return foreign_pbk(text, f);
	case FOREIGN_XML: return foreign_xml(text, f);
	case FOREIGN_NM: return foreign_nm(text, f);
	case FOREIGN_SSTPC: return foreign_sstpc(text, f);
	case FOREIGN_NONE: break;
	} /* no default */
	return foreign_fail(f, 0, "a format that is known");
}
