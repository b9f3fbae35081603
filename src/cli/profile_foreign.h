// SPDX-License-Identifier: Apache-2.0
/*
 * cli/profile_foreign.h — connections of other clients as profiles. Pure: text in, a profile out; what has
 * no like here, or is not understood, is a note with its line.
 *
 *  PBK    a phonebook of Windows (rasphone.pbk): its first entry
 *  XML    a ProfileXML (VPNv2 CSP), or VpnSettings.xml of an Azure point-to-site package
 *  NM     a keyfile of NetworkManager, of network-manager-sstp or of Culvert's own service
 *  SSTPC  a command line of sstp-client with pppd's options behind it
 *
 * No check is weaker afterwards: what would be --insecure is a note. Threads: any.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "cli/profile_keys.h"

enum foreign_format { FOREIGN_NONE, FOREIGN_PBK, FOREIGN_XML, FOREIGN_NM, FOREIGN_SSTPC };

/* By what stands in it; FOREIGN_NONE: an invite, or nothing that is known. */
enum foreign_format foreign_format_of(const char *text);
/*
 * `text` is a string, and is changed. f->profile is the caller's, and new. -EINVAL with f->fault; -ENOMEM.
 */
int foreign_read(enum foreign_format format, char *text, struct foreign *f);
