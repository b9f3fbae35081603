// SPDX-License-Identifier: Apache-2.0
/*
 * os/harden.h — makes the kernel ignore advertisements and redirects that come out of our TUN.
 *
 * A second line: ip/guard.h drops the packets themselves. Call before the interface goes up.
 */
#pragma once

/*
 * Sets the interface's switches under /proc/sys/net. 0, or the errno of the first that could not be
 * set (-EROFS in many containers); one that this kernel does not have is none of them.
 */
int harden_interface(const char *name);
