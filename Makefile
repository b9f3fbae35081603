# Forwards to Meson by way of ./dev, for those whose fingers type make.
PREFIX ?= /usr/local

all:
	./dev build
check:
	./dev test
install: all
	meson configure build --prefix $(PREFIX)
	meson install -C build
.PHONY: all check install
