// SPDX-License-Identifier: Apache-2.0
/* cli/user_offer.h — what a user's client learns on its link, and where each value comes from. */
#pragma once
#include <jansson.h>

#include "cli/values.h"
#include "config/config.h"

void user_offer_print(const struct values_found *f, const struct config *cfg);
/* {"routes": {"ipv4": [...], "ipv6": [...], "left_out": 0, "from": "user"}, "dns": {...}, ...} */
json_t *user_offer_json(const struct values_found *f, const struct config *cfg);
