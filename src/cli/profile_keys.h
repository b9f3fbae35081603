// SPDX-License-Identifier: Apache-2.0
/*
 * cli/profile_keys.h — what the readers of other clients' connections share (cli/profile_foreign.h), and
 * the two whose files are lines of key=value: a phonebook of Windows and a keyfile of NetworkManager.
 */
#pragma once
#include "cli/profile_text.h"

struct foreign {
	struct profile *profile; /* name, ca and secrets as in an invite */
	void (*note)(void *arg, unsigned line, const char *text);
	void *arg;
	struct profile_fault fault;
};

void foreign_note(struct foreign *f, unsigned line, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
int foreign_fail(struct foreign *f, unsigned line, const char *want);
int foreign_put(struct foreign *f, int id, const char *value, unsigned line);
/* "https://host:443/path" → host:443 */
int foreign_server(struct foreign *f, char *text, unsigned line);

/* `text` is a string, and is changed. -EINVAL with f->fault; -ENOMEM. */
int foreign_pbk(char *text, struct foreign *f);
int foreign_nm(char *text, struct foreign *f);
