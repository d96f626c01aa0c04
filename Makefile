# libinfer. `make demo` and `make test` install what they need; `make help` lists the targets.

VERSION   := 0.1.0
SOVERSION := 0
PREFIX    ?= /usr/local
DESTDIR   ?=
BUILD     ?= build
# 0: no oneDNN, no JPEG; without both the library needs nothing beyond libc, libm and threads.
ONEDNN    ?= 1
JPEG      ?= 1
# 0: infer serve without GnuTLS (gRPC over TLS); what libmicrohttpd is built with is its own matter.
TLS       ?= 1
# 1: warnings are errors.
WERROR    ?= 0
# 1: AddressSanitizer and UndefinedBehaviorSanitizer; thread: ThreadSanitizer; fuzz: for libFuzzer,
# see tools/make/fuzz.mk (use another BUILD folder).
SANITIZE  ?= 0
# 1: lines that are run are counted (make coverage does it, in a folder of its own).
COVERAGE  ?= 0
# 1: whole command lines are shown.
V         ?= 0
CC        ?= cc
OPT       ?= -O2
# The architecture that the compiler builds for. Any but x86_64 gets the plain C kernels.
ARCH      := $(firstword $(subst -, ,$(shell $(CC) -dumpmachine)))
# Sanitizers and counts name lines, and no more: with all debug information the test programs, each
# with the whole library in it, would take some 10 GB.
DEBUG     := $(if $(filter 00,$(SANITIZE)$(COVERAGE)),-g,-g1)

WARNINGS := -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes \
            -Wundef -Wvla
CPPFLAGS := -D_GNU_SOURCE -Iinclude -Isrc -I. -I$(BUILD)/gen -DINFER_ONEDNN=$(ONEDNN) \
            -DINFER_JPEG=$(JPEG) -DINFER_TLS=$(TLS)
CFLAGS   := -std=c11 $(DEBUG) -fPIC -fvisibility=hidden -ffp-contract=off -fno-math-errno $(OPT) $(WARNINGS)
LDLIBS   := -lpthread -lm
ifeq ($(JPEG),1)
LDLIBS   := -ljpeg $(LDLIBS)
endif
ifeq ($(ONEDNN),1)
LDLIBS   := -ldnnl -lgomp $(LDLIBS)
endif
ifeq ($(findstring clang,$(CC)),clang)
CFLAGS   += -Wno-pass-failed # a loop that clang does not vectorise is no mistake
endif
ifeq ($(WERROR),1)
CFLAGS   += -Werror
endif
ifeq ($(SANITIZE),1)
CFLAGS   += -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
endif
ifeq ($(SANITIZE),thread)
CFLAGS   += -fsanitize=thread -fno-omit-frame-pointer
endif
ifeq ($(COVERAGE),1)
CFLAGS   += --coverage -fprofile-update=atomic
endif
ifeq ($(SANITIZE),fuzz)
CFLAGS   += -fsanitize=address,undefined -fno-sanitize-recover=undefined \
            -fno-omit-frame-pointer $(FUZZ_ENGINE)
endif

# Hardening: a defect should end the program, not hand it over. Library and programs have their
# symbols bound and made read-only at the start and no executable stack, programs any address.
# Outside kernels, which have buffers of a size known beforehand and the time to lose, returns and
# sizes that the compiler knows are guarded (sanitizers see to sizes themselves).
LINK     := -Wl,-z,relro,-z,now,-z,noexecstack
GUARD    := -fstack-protector-strong
ifeq ($(SANITIZE)$(filter -O0,$(OPT)),0)
GUARD    += -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2
endif

ifeq ($(V),0)
SHOW = @echo "  $(1)  $@";
endif

# ---- what is built from what -----------------------------------------------------------------
LIB_SRC  := $(wildcard src/*/*.c kernels/*.c $(filter-out kernels/onednn/%,$(wildcard kernels/*/*.c)))
ifeq ($(ONEDNN),1)
LIB_SRC  += $(wildcard kernels/onednn/*.c)
endif
include tools/make/levels.mk
LIB_SRC  := $(filter-out $(LEVEL_SRC),$(LIB_SRC))
ifneq ($(JPEG),1)
LIB_SRC  := $(filter-out src/vision/decode_jpeg.c,$(LIB_SRC))
endif
TOOL_SRC := $(wildcard tools/*.c tools/onnx/*.c tools/quantize/*.c tools/eval/*.c tools/decoders/*.c \
            tools/serve/*.c tools/serve/*/*.c tools/monitor/*.c tools/hammer/*.c)
THIRD_PARTY := third_party/yyjson/yyjson.c
TOOL_MAIN := tools/infer.c
BENCH_SRC := $(addprefix bench/,infer_bench.c bench_arguments.c bench_report.c bench_serve.c bench_sessions.c bench_streams.c \
             plan_scaling.c scaling_machine.c scaling_model.c scaling_report.c machine.c machine_c.c \
             machine_avx2.c machine_avx512.c machine_int8_avx2.c machine_int8_avx512.c \
             machine_int8_vnni.c machine_bf16.c machine_amx.c)
UNIT_SRC := $(wildcard tests/test_*.c)
CHECK_SRC := $(wildcard tests/reliability/[rf][0-9]*.c)
LIB_OBJ  := $(LIB_SRC:%.c=$(BUILD)/obj/%.o) $(LEVEL_OBJ:%=$(BUILD)/obj/%.o)
ONNX_GEN := $(BUILD)/gen/onnx/onnx.pb-c
GRPC_GEN := $(BUILD)/gen/serve/kserve.pb-c
PAGE_GEN := $(BUILD)/gen/serve/page_files.h
TOOL_OBJ := $(patsubst %.c,$(BUILD)/obj/%.o,$(filter-out $(TOOL_MAIN),$(TOOL_SRC))) $(ONNX_GEN).o $(GRPC_GEN).o \
            $(THIRD_PARTY:%.c=$(BUILD)/obj/%.o)
UNITS    := $(UNIT_SRC:tests/%.c=$(BUILD)/tests/%)
TOOL_LIBS := -lprotobuf-c -lmicrohttpd -lnghttp2 -lz
ifeq ($(TLS),1)
TOOL_LIBS += -lgnutls
endif

PROGRAMS := $(BUILD)/infer $(BUILD)/infer-bench
LIBRARIES := $(BUILD)/libinfer.a $(BUILD)/libinfer.so

.PHONY: all deps demo test unit models-test onnx-test install uninstall lint format clean help FORCE
.DELETE_ON_ERROR:

all: $(PROGRAMS) $(LIBRARIES)

help:
	@echo "make            $(BUILD)/infer, $(BUILD)/infer-bench, libinfer.a, libinfer.so"
	@echo "make deps       install the packages that the build needs (Debian; sudo when not root)"
	@echo "make demo       install, build, show classes, boxes and masks in the bundled pictures"
	@echo "make test       install what tests need, build, run every test"
	@echo "make static     one program that needs no other file, for empty containers: docs/deploy.md"
	@echo "make examples   the small programs of examples/ into $(BUILD)/examples"
	@echo "make bench-zoo bench-compare bench-precisions bench-neighbour bench-kernels bench-sessions bench-ready"
	@echo "                bench-peers bench-scaling bench-against bench-serve-peers   see docs/benchmarks.md, docs/hammer.md"
	@echo "make check-accuracy   how far f32 answers are from float64's, beside ONNX Runtime's"
	@echo "make check-zoo  networks that PyTorch exports, beside ONNX Runtime; writes docs/zoo.md"
	@echo "make gallery    real networks of the shared folder on its pictures: $(BUILD)/gallery/index.html"
	@echo "make install    PREFIX=$(PREFIX) DESTDIR=$(DESTDIR)"
	@echo "make check-reliability   what docs/reliability.md promises, a line for each requirement"
	@echo "make check-protocols   recorded requests of other servers' clients, and what they were answered"
	@echo "make check-clients     tritonclient against infer serve (fetches it)"
	@echo "make soak SECONDS=3600 infer serve under a mixed load, with reloads and killed clients"
	@echo "make check-cluster     examples/cluster with Ray and Dask on this machine (fetches them)"
	@echo "make abi-test   programs compiled against other headers than the library"
	@echo "make coverage   lines of src/ and kernels/ that the unit tests run, by file"
	@echo "make test-aarch64   unit tests for 64-bit Arm, in plain C, under emulation"
	@echo "make fuzz       feeds hostile input to the library until it is stopped (tools/make/fuzz.mk)"
	@echo "make lint       clang-format, clang-tidy, cppcheck, check-layers (which folder includes which)"
	@echo "make clean"
	@echo "Variables: V=1  ONEDNN=0|1  JPEG=0|1  TLS=0|1  WERROR=0|1  SANITIZE=0|1|thread|fuzz  BUILD=folder  CC=gcc|clang"

# Objects are made anew when the flags change.
FLAGS_NOW := $(CC) $(CPPFLAGS) $(CFLAGS) $(GUARD)
$(BUILD)/flags: FORCE
	@mkdir -p $(BUILD)
	@echo '$(FLAGS_NOW)' | cmp -s - $@ || echo '$(FLAGS_NOW)' > $@

# Nobody reads floating-point exception flags: loops with conditions may become vector code.
# Kernels are compiled for speed, but not under sanitizers, where that takes minutes, nor where
# lines are counted.
ifeq ($(SANITIZE)$(COVERAGE),00)
$(BUILD)/obj/kernels/%.o: OPT_KERNEL := -O3 -fno-trapping-math
endif
$(BUILD)/obj/kernels/%.o: GUARD :=
# For fuzzing those of levels are not optimised, with the coverage that it adds. Comparisons within
# what computes are not watched: that took a third of the time and leads nowhere.
ifeq ($(SANITIZE),fuzz)
$(foreach l,$(ALL_LEVELS),$(BUILD)/obj/kernels/%.$(l).o): OPT_KERNEL := -O0
UNWATCHED := kernels/% src/base/% src/graph/% src/plan/% src/run/% src/file/checksum src/file/write% \
             src/vision/resize% src/vision/preprocess% tests/%
$(UNWATCHED:%=$(BUILD)/obj/%.o): WATCH := -fno-sanitize-coverage=trace-cmp
endif
# A pattern rule without a recipe would add nothing: the objects are named.
$(patsubst %.c,$(BUILD)/obj/%.o,$(TOOL_SRC) $(UNIT_SRC) $(CHECK_SRC)): | $(ONNX_GEN).h $(GRPC_GEN).h

# What packed weights look like follows from these sources: a library reads those in a file only if
# they were packed by the same (src/file/packed_section.h).
PACKING_SRC := $(sort $(wildcard kernels/*.[ch] kernels/*.def kernels/*/*.[ch] kernels/*/*.inc) \
               src/graph/params.h src/graph/ops.def src/plan/pack_key.c src/base/digest.c)
$(BUILD)/gen/packing.h: $(PACKING_SRC)
	@mkdir -p $(@D)
	@echo "#define INFER_PACKING_SOURCES UINT64_C(0x$$(cat $^ | sha256sum | cut -c 1-16))" > $@
$(BUILD)/obj/src/file/packed_section.o: $(BUILD)/gen/packing.h

COMPILE = $(call SHOW,CC)$(CC) $(CPPFLAGS) $(CFLAGS) $(GUARD) $(OPT_KERNEL) $(WATCH) $(LEVEL_FLAGS) -MMD -MP -c $< -o $@

$(BUILD)/obj/%.o: %.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(COMPILE)

$(foreach l,$(ALL_LEVELS),$(eval $(call level_rules,$(l))))

$(ONNX_GEN).h $(ONNX_GEN).c &: /usr/include/onnx/onnx.proto
	@mkdir -p $(BUILD)/gen
	$(call SHOW,PB)protoc-c --c_out=$(BUILD)/gen -I /usr/include $<

$(BUILD)/obj/third_party/%.o: third_party/%.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(call SHOW,CC)$(CC) $(CPPFLAGS) $(CFLAGS) $(GUARD) -w -MMD -MP -c $< -o $@

$(GRPC_GEN).h $(GRPC_GEN).c &: tools/serve/kserve/kserve.proto
	@mkdir -p $(BUILD)/gen/serve
	$(call SHOW,PB)protoc-c --c_out=$(BUILD)/gen/serve -I tools/serve/kserve $<

# The page of infer serve, within the program.
PAGE_SRC := $(filter-out %.c %.h,$(wildcard tools/serve/page/*))
$(PAGE_GEN): $(PAGE_SRC) tools/make/embed.sh
	@mkdir -p $(@D)
	$(call SHOW,EMBED)tools/make/embed.sh page $(PAGE_SRC) > $@
$(BUILD)/obj/tools/serve/page/page.o: $(PAGE_GEN)

$(ONNX_GEN).o $(GRPC_GEN).o: %.o: %.c $(BUILD)/flags
	$(call SHOW,CC)$(CC) $(CPPFLAGS) $(CFLAGS) $(GUARD) -w -c $< -o $@

$(BUILD)/libinfer.a: $(LIB_OBJ)
	@rm -f $@
	$(call SHOW,AR)ar rcs $@ $^

$(BUILD)/libinfer.so.$(VERSION): $(LIB_OBJ)
	$(call SHOW,LD)$(CC) $(CFLAGS) $(LINK) -shared -Wl,-soname,libinfer.so.$(SOVERSION) -Wl,-z,defs -o $@ $^ $(LDLIBS)

$(BUILD)/libinfer.so: $(BUILD)/libinfer.so.$(VERSION)
	ln -sf $(<F) $(BUILD)/libinfer.so.$(SOVERSION)
	ln -sf libinfer.so.$(SOVERSION) $@

$(BUILD)/infer: $(BUILD)/obj/$(TOOL_MAIN:.c=.o) $(TOOL_OBJ) $(BUILD)/libinfer.a
	$(call SHOW,LD)$(CC) $(CFLAGS) $(LINK) -pie -o $@ $^ $(TOOL_LIBS) $(LDLIBS)

$(BUILD)/infer-bench: $(BENCH_SRC:%.c=$(BUILD)/obj/%.o) $(BUILD)/libinfer.a
	$(call SHOW,LD)$(CC) $(CFLAGS) $(LINK) -pie -o $@ $^ $(LDLIBS)

$(BUILD)/tests/test_tool_%: $(BUILD)/obj/tests/test_tool_%.o $(TOOL_OBJ) $(BUILD)/libinfer.a
	@mkdir -p $(@D)
	$(call SHOW,LD)$(CC) $(CFLAGS) $(LINK) -pie -o $@ $^ $(TOOL_LIBS) $(LDLIBS) -lcmocka

$(BUILD)/tests/test_bench_%: $(BUILD)/obj/tests/test_bench_%.o $(BUILD)/obj/bench/%_model.o $(BUILD)/libinfer.a
	@mkdir -p $(@D)
	$(call SHOW,LD)$(CC) $(CFLAGS) $(LINK) -pie -o $@ $^ $(LDLIBS) -lcmocka

$(BUILD)/tests/%: $(BUILD)/obj/tests/%.o $(BUILD)/libinfer.a
	@mkdir -p $(@D)
	$(call SHOW,LD)$(CC) $(CFLAGS) $(LINK) -pie -o $@ $^ $(LDLIBS) -lcmocka

clean:
	rm -rf $(BUILD)

include tools/make/deps.mk tools/make/demo.mk tools/make/test.mk tools/make/install.mk \
        tools/make/reliability.mk tools/make/coverage.mk tools/make/fuzz.mk tools/make/lint.mk \
        tools/make/examples.mk tools/make/abi.mk tools/make/bench.mk tools/make/cross.mk tools/make/zoo.mk \
        tools/make/protocols.mk tools/make/static.mk

-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)
