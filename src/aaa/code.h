// SPDX-License-Identifier: Apache-2.0
/*
 * aaa/code.h — a one-time code (base/totp.h) behind the password, in one word. Inside aaa/. Pure.
 *
 * A proof of MS-CHAPv2 hides the word: it is compared with the proofs that the password and each code of
 * the window would give, for which the password itself must be known. PAP shows the word: its last digits
 * are the code, and the hash of the rest is enough.
 */
#pragma once
#include "base/credentials.h"
#include "store/db.h"

typedef int code_check(const struct proof *proof, const struct db_login *login);

struct code_match {
	int64_t step; /* whose code was right; 0: none */
	bool password; /* what stands in front of the last digits is the password: PAP alone shows that */
	struct db_login login; /* `step`: as if password and code were the password */
};

/*
 * Which code of the window makes the proof right? All are tried, so that it takes the same time. Negative
 * errno: it cannot be checked. The caller wipes `ret`.
 */
int code_find(const struct proof *proof, const struct db_login *login, int64_t now_s,
	code_check *check, struct code_match *ret);
