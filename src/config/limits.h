// SPDX-License-Identifier: Apache-2.0
/* config/limits.h — bounds on a configuration file, so that a wrong file is an error and no more. */
#pragma once

#define CONFIG_FILE_MAX (1024 * 1024) /* octets; a device or a database given by mistake */
#define CONFIG_LINE_MAX 4096
#define CONFIG_ITEMS_MAX 32 /* words of one value */
#define CONFIG_SET_MAX 8
#define CONFIG_WHY_LEN 384  /* one error's words, with the zero */
#define CONFIG_QUOTE_MAX 60 /* octets of a wrong value that an error repeats */
