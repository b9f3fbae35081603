// SPDX-License-Identifier: Apache-2.0
#include "hexlit.h"

#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/hot.h"

extern const char hot_begin[] __attribute__((weak)), hot_end[] __attribute__((weak));

static bool is_hot(const void *function)
{
	return (const char *)function >= hot_begin && (const char *)function < hot_end;
}

COLD static int seldom_called(int x)
{
	return x + 1;
}

static void what_is_hot_stands_together_and_nothing_else_there(void **state)
{
	(void)state;
	if (!hot_begin) {
		print_message("skipped: the linker did not take src/hot.ld\n");
		skip();
	}
	assert_true(is_hot((const void *)(uintptr_t)buf_reserve));
	assert_true(is_hot((const void *)(uintptr_t)clock_mono_us));
	assert_true(is_hot((const void *)(uintptr_t)prefetch_code));
	assert_false(is_hot((const void *)(uintptr_t)buf_init));
	assert_false(is_hot((const void *)(uintptr_t)seldom_called));
	assert_int_equal(seldom_called(1), 2);
}

static void asking_for_memory_that_is_not_there_does_no_harm(void **state)
{
	size_t n = 1 << 16;
	char *gone = mmap(NULL, n, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)state;
	prefetch_code();
	prefetch(NULL, 4096);
	assert_ptr_not_equal(gone, MAP_FAILED);
	prefetch(gone, n);
	munmap(gone, n);
	prefetch(gone, n);
	prefetch((const void *)UINTPTR_MAX, 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_hot_stands_together_and_nothing_else_there),
		cmocka_unit_test(asking_for_memory_that_is_not_there_does_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
