// SPDX-License-Identifier: Apache-2.0
/* cli/profile_xml.h — a ProfileXML, or VpnSettings.xml of Azure (cli/profile_foreign.h). */
#pragma once
#include "cli/profile_keys.h"

int foreign_xml(char *text, struct foreign *f);
