// SPDX-License-Identifier: Apache-2.0
/*
 * base/auto.h — ownership on the stack: AUTO(x) frees on every early return, TAKE(p) hands over.
 *
 *     AUTO(tun) struct tun *t = malloc(sizeof(*t));
 *     ...
 *     *ret_tun = TAKE(t);
 *
 * A module that wants AUTO(foo) writes DEFINE_AUTO(foo, struct foo *, foo_free) in its header.
 */
#pragma once
#include <stdlib.h>

#define AUTO(x) __attribute__((cleanup(x##_freep)))
#define TAKE(p)                                                                                    \
	__extension__({                                                                            \
		__typeof__(p) take_ = (p);                                                         \
		(p) = NULL;                                                                        \
		take_;                                                                             \
	})
#define DEFINE_AUTO(x, type, free_fn)                                                              \
	static inline void x##_freep(type *p)                                                      \
	{                                                                                          \
		if (*p)                                                                            \
			free_fn(*p);                                                               \
	}

static inline void mem_freep(void *p)
{
	free(*(void **)p);
}
#define AUTO_MEM __attribute__((cleanup(mem_freep)))

/* A parameter that a callback has and does not need. */
#define UNUSED __attribute__((unused))

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define container_of(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))
