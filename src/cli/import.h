// SPDX-License-Identifier: Apache-2.0
/* cli/import.h — `culvert user import` and `user export`. Each returns an exit code. */
#pragma once
#include <stdbool.h>

#include "cli/where.h"

struct import_args {
	struct where where;
	const char *file, *format; /* as typed */
	const char *passwords;     /* where new passwords go; NULL: none may be made */
	bool reversible;
};

int user_import(const struct import_args *a);
int user_export(const struct import_args *a);
