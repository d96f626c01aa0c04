# Reliability: what docs/reliability.md promises, one check a requirement (tests/reliability).
#   make check-reliability                       all of it, some 25 minutes on 2 cores
#   make check-reliability CHECKS="R7 R18"      some requirements
#   make check-reliability INFER_SCALE=part      what .ci/run does
#
# Checks want builds of their own, each in a folder beside BUILD: BUILD-sanitize, BUILD-thread,
# BUILD-fuzz.
CHECK_BUILD_plain    :=
CHECK_BUILD_sanitize := SANITIZE=1 OPT=-O1
CHECK_MORE_sanitize  := fuzz-programs $(BUILD)-sanitize/tests/make_seeds
CHECK_BUILD_thread   := SANITIZE=thread OPT=-O1
INFER_SCALE ?= ci
# The programs of one build of checks.txt.
checks_of = $(shell awk '$$1 !~ /^\#/ && $$3 == "$1" && $$2 !~ /\.sh$$/ {print "$2/tests/reliability/" $$2}' \
              tests/reliability/checks.txt)

.PHONY: check-reliability check-programs-plain check-programs-sanitize check-programs-thread
check-reliability:
	@$(INSTALL_PACKAGES) build test
	@for b in $$(INFER_SCALE=$(INFER_SCALE) tests/reliability/run.sh --builds $(CHECKS)); do \
	    $(MAKE) --no-print-directory $(JOBS) check-programs-$$b || exit 1; done
	@BUILD=$(BUILD) INFER_SCALE=$(INFER_SCALE) tests/reliability/run.sh $(CHECKS)

check-programs-plain: all $(call checks_of,plain,$(BUILD))
check-programs-sanitize check-programs-thread: check-programs-%:
	@programs="$(call checks_of,$*,$(BUILD)-$*)"; [ -z "$$programs" ] || \
	    $(MAKE) --no-print-directory $(JOBS) BUILD=$(BUILD)-$* $(CHECK_BUILD_$*) all $$programs \
	        $(CHECK_MORE_$*)

$(BUILD)/tests/reliability/%: $(BUILD)/obj/tests/reliability/%.o $(TOOL_OBJ) $(BUILD)/libinfer.a
	@mkdir -p $(@D)
	$(call SHOW,LD)$(CC) $(CFLAGS) $(LINK) -pie -o $@ $^ $(TOOL_LIBS) $(LDLIBS) -lcmocka

# What looks at every kernel shares how it makes tasks.
EVERY_KERNEL := $(patsubst %.c,$(BUILD)/obj/%.o,$(wildcard tests/reliability/every_kernel*.c) \
                  bench/kernel_shape.c)
$(addprefix $(BUILD)/tests/reliability/,r19_guard_pages r21_special_values): $(EVERY_KERNEL)

# F4 replays seeds of the fuzz target of decoders.
$(BUILD)/tests/reliability/f04_decoders: $(BUILD)/obj/tests/fuzz/fuzz_decoder.o

# R6: a file of rows for each header's functions, or for a part of them.
$(BUILD)/tests/reliability/r06_arguments: $(patsubst %.c,$(BUILD)/obj/%.o,$(wildcard tests/reliability/arguments*.c))
