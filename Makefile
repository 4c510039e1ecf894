# Two doors: make run, make test. Everything here calls CMake or a program in tools/.
PREFIX ?= /usr/local
DESTDIR ?=

.PHONY: help run test deps build install deb clean format check fuzz coverage bench

help:
	@echo 'make run       install what is missing, build, and serve the example site'
	@echo 'make test      build with warnings as errors and run every test'
	@echo 'make deps      install what building and testing need'
	@echo 'make build     build/release/tercet'
	@echo 'make install   into PREFIX=$(PREFIX), below DESTDIR if that is given'
	@echo 'make deb       a Debian package, into build/deb'
	@echo 'make check     who may include whom, banned calls, form'
	@echo 'make format    lay out the sources with clang-format 14'
	@echo 'make fuzz      every fuzzer for SECONDS=60 each'
	@echo 'make coverage  build/coverage/index.html'
	@echo 'make bench     the HTTP/1 table of doc/performance.md, as root, about 20 minutes'
	@echo 'make clean     remove build/'

run: build
	@exec tools/run

test:
	@tools/deps build test
	@exec tools/test

deps:
	@tools/deps build test

build:
	@tools/deps build
	@tools/build release

install: build
	DESTDIR='$(DESTDIR)' cmake --install build/release --prefix '$(PREFIX)'

deb:
	@tools/deps build deb
	@exec tools/package

clean:
	rm -rf build

format:
	@tools/check-format --fix

check:
	@tools/check

fuzz:
	@tools/deps build test
	@tools/fuzz --seconds $(or $(SECONDS),60)

coverage:
	@tools/deps build test
	@tools/coverage

bench: build
	@tools/deps bench
	@exec bench/h1
