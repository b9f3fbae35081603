// SPDX-License-Identifier: Apache-2.0
/* os/keylog.h — appends TLS secrets to a file in the NSS key log format, for Wireshark. */
#pragma once

/* For tls_keylog_fn: `path` is a char * that outlives the context. The file is made 0600. */
void keylog_write(void *path, const char *line);
