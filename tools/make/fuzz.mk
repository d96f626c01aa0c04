# Fuzzing: tests/fuzz has one target a file; each states the property that it tests.
#   make fuzz                                    all targets in turn, until Ctrl-C
#   make fuzz FUZZ_SECONDS=600 FUZZ_JOBS=2       each for so long, on so many processes
#   make fuzz TARGETS="session picture"          some of them
#   make fuzz-afl TARGETS=load                   the same with AFL++, one process
# Corpora grow in build-fuzz/corpus; what fails goes to build-fuzz/findings, with the command that
# repeats it. Without an engine, `make test` replays the seeds and findings of tests/fuzz.
#
# The build is one of its own: clang, every file with AddressSanitizer, UndefinedBehaviorSanitizer
# and libFuzzer's coverage. Without oneDNN: its code is not instrumented, so it would hide what its
# callers do and take most of the time.
FUZZ_TARGETS := load session packed onnx picture answer decoder npy args multipart kserve predict grpc http2
FUZZ_BUILD   := SANITIZE=fuzz OPT=-O1 ONEDNN=0
FUZZ_SECONDS ?= 0
FUZZ_JOBS    ?= 1
TARGETS      ?= $(FUZZ_TARGETS)
FUZZ_PROGRAMS := $(FUZZ_TARGETS:%=$(BUILD)/tests/fuzz_%)

# Without an engine they are units: they replay what is in tests/fuzz.
UNITS += $(FUZZ_PROGRAMS)
run-units: $(FUZZ_PROGRAMS)

.PHONY: fuzz fuzz-afl fuzz-programs fuzz-seeds
fuzz:
	@$(INSTALL_PACKAGES) build fuzz
	@$(MAKE) --no-print-directory $(JOBS) BUILD=$(BUILD)-fuzz CC=clang $(FUZZ_BUILD) \
	    FUZZ_ENGINE=-fsanitize=fuzzer-no-link fuzz-programs
	@BUILD=$(BUILD)-fuzz FUZZ_SECONDS=$(FUZZ_SECONDS) FUZZ_JOBS=$(FUZZ_JOBS) \
	    tests/fuzz/run.sh $(TARGETS)

fuzz-afl:
	@$(INSTALL_PACKAGES) build fuzz
	@$(MAKE) --no-print-directory $(JOBS) BUILD=$(BUILD)-afl CC=afl-clang-fast $(FUZZ_BUILD) \
	    $(TARGETS:%=$(BUILD)-afl/tests/fuzz_%)
	@BUILD=$(BUILD)-afl FUZZ_SECONDS=$(FUZZ_SECONDS) tests/fuzz/run_afl.sh $(TARGETS)

fuzz-programs: $(FUZZ_PROGRAMS)

# The engine; without one, a main that feeds files. libFuzzer alone calls mutators.
ifeq ($(SANITIZE),fuzz)
FUZZ_LINK    := -fsanitize=fuzzer
ifneq ($(FUZZ_ENGINE),)
$(BUILD)/tests/fuzz_session $(BUILD)/tests/fuzz_packed: $(patsubst %.c,$(BUILD)/obj/%.o,$(wildcard tests/fuzz/mutate_*.c))
endif
else
$(FUZZ_PROGRAMS): $(BUILD)/obj/tests/fuzz/replay.o
endif
# A target holds what it calls and no more: the engine looks at every counter after every execution.
$(BUILD)/libtools.a: $(TOOL_OBJ)
	@rm -f $@
	$(call SHOW,AR)ar rcs $@ $^
$(FUZZ_PROGRAMS): $(BUILD)/tests/%: $(BUILD)/obj/tests/fuzz/%.o $(BUILD)/libtools.a $(BUILD)/libinfer.a
	@mkdir -p $(@D)
	$(call SHOW,LD)$(CC) $(CFLAGS) $(LINK) -pie $(FUZZ_LINK) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(TOOL_LIBS) $(LDLIBS)

# Which seeds there are is tested by what they do in fuzz_session.
$(BUILD)/tests/test_fuzz_seeds: $(BUILD)/obj/tests/test_fuzz_seeds.o \
        $(BUILD)/obj/tests/fuzz/fuzz_session.o $(BUILD)/libinfer.a
	@mkdir -p $(@D)
	$(call SHOW,LD)$(CC) $(CFLAGS) $(LINK) -pie -o $@ $^ $(LDLIBS) -lcmocka

# Whether every family of decoders has one that comes as far as an answer.
$(BUILD)/tests/test_tool_fuzz_decoders: $(BUILD)/obj/tests/fuzz/fuzz_decoder.o

# Writes seeds and findings anew, after a change of tests/fuzz/graphs.txt or findings.txt.
fuzz-seeds: $(BUILD)/tests/make_seeds
	$< tests/fuzz
$(BUILD)/tests/make_seeds: $(patsubst %.c,$(BUILD)/obj/%.o,$(wildcard tests/fuzz/make_seeds*.c)) \
                           $(TOOL_OBJ) $(BUILD)/libinfer.a
	@mkdir -p $(@D)
	$(call SHOW,LD)$(CC) $(CFLAGS) $(LINK) -pie -o $@ $^ $(TOOL_LIBS) $(LDLIBS)
