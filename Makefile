# The front door. CMake does the work; `make help` lists all there is to know.
.PHONY: all help setup release check check-long test test-release test-tsan test-clang fuzz demo \
        demo-network bench size install fmt fmt-check lint clean
PREFIX ?= /usr/local
CTEST = ctest --output-on-failure --no-tests=error -j 2

all: release ## build build/release/choir
	@echo built build/release/choir

help: ## this list
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/make \1@\2/p' Makefile | column -t -s @

setup: ## install what building and testing need (tools/setup)
	@tools/setup

release: ## build build/release/choir, optimised
	@tools/setup build
	cmake --preset release --log-level=WARNING -DCHOIR_TESTS=OFF && \
	cmake --build --preset release --target choir

demo: ## train a model federated over 100 writers, and write its report
	@tools/setup run
	@cmake --preset release --log-level=WARNING -DCHOIR_TESTS=OFF >/dev/null && \
	cmake --build --preset release --target choir
	build/release/choir sim experiments/demo.yaml

demo-network: ## a server and ten clients on this machine; their model is the simulation's
	@tools/setup run
	@$(MAKE) --no-print-directory release
	tools/demo_network.py

check: setup fmt-check test test-tsan test-clang fuzz test-release ## everything CI runs

test: ## build with address and undefined-behaviour sanitizers, run every test
	cmake --preset dev --log-level=WARNING && cmake --build --preset dev && $(CTEST) --test-dir build/dev

test-release: ## the same optimised, but for tests labelled once
	cmake --preset release --log-level=WARNING -DCHOIR_TESTS=ON && \
	cmake --build --preset release && $(CTEST) --test-dir build/release -LE once

test-tsan: ## what starts threads, under the thread sanitizer
	cmake --preset tsan --log-level=WARNING && cmake --build --preset tsan --target threads && \
	$(CTEST) --test-dir build/tsan -L threads

test-clang: ## optimised, by clang: what must not depend on the compiler
	cmake --preset release-clang --log-level=WARNING && cmake --build --preset release-clang && \
	$(CTEST) --test-dir build/release-clang -L 'unit|system'

fmt: ## rewrite sources in house format
	clang-format -i $$(git ls-files '*.c' '*.h')

fmt-check: ## fail when fmt would change something
	files=$$(git ls-files '*.c' '*.h') && [ -n "$$files" ] && clang-format --dry-run -Werror $$files

lint: fmt-check ## format, the rules of tools/tidy.py, and that the core asks nothing of the system
	cmake --preset dev --log-level=WARNING && cmake --build --preset dev --target core && \
	$(CTEST) --test-dir build/dev -L lint

fuzz: ## every decoder and reader under libFuzzer, 5 s each
	cmake --preset fuzz --log-level=WARNING -DCHOIR_FUZZ_SECONDS=5 && \
	cmake --build --preset fuzz --target fuzzers && \
	$(CTEST) --test-dir build/fuzz -L fuzz

check-long: setup ## what needs longer: fuzzing, kills, a first install, valgrind; tools/check_long.sh has its parts
	tools/check_long.sh $(PARTS)

bench: ## the benchmarks; bench/RESULTS.md keeps what they said; BENCH: options of bench/run.py
	@tools/setup
	cmake --preset release --log-level=WARNING -DCHOIR_TESTS=ON && cmake --build --preset release
	python3 bench/run.py build/release $(BENCH)

size: release ## what a device costs: memory for each model, bytes of the libraries and of a program with them
	cmake --build build/release --target installed device_sizes
	tools/size.sh build/release

install: release ## install binary, manual, libraries, headers, docs and experiments; PREFIX=/usr/local, DESTDIR
	cmake --build build/release --target installed
	cmake --install build/release --prefix "$(PREFIX)"

clean: ## remove everything built
	rm -rf build
