// SPDX-License-Identifier: Apache-2.0
/* cli/profile_sstpc.h — a command line of sstp-client (cli/profile_foreign.h). */
#pragma once
#include "cli/profile_keys.h"

int foreign_sstpc(char *text, struct foreign *f);
