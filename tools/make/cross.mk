# make test-aarch64: the unit tests for 64-bit Arm, under emulation. Another architecture has the
# plain C kernels. What needs the tools (protobuf-c), oneDNN or JPEG is left out, and so are tests
# of instructions that only x86-64 has.
.PHONY: test-aarch64 run-cross-units
test-aarch64:
	@$(INSTALL_PACKAGES) build test aarch64
	@if tools/make/foreign-packages.sh arm64 $(BUILD)-aarch64/root libcmocka-dev libcmocka0; then \
	    $(MAKE) --no-print-directory $(JOBS) BUILD=$(BUILD)-aarch64 CC=aarch64-linux-gnu-gcc \
	        OPT=-O1 ONEDNN=0 JPEG=0 FOREIGN=$(BUILD)-aarch64/root run-cross-units; \
	else echo "skipped: units for 64-bit Arm"; fi

# Headers and libraries of the other architecture, beside the compiler's own.
ifneq ($(FOREIGN),)
CPPFLAGS += -isystem $(FOREIGN)/usr/include
LDLIBS   += -L$(FOREIGN)/usr/lib/aarch64-linux-gnu
endif
# These do so much that an emulator takes many minutes, or hold vector kernels to the plain ones,
# which is for CPUs that have them.
CROSS_SLOW  := test_empty test_file_damage test_file_limits test_kernel_resize test_kernel_simd \
               test_kernel_simd_math test_kernel_softmax test_kernel_unary test_kernel_winograd%
CROSS_UNITS := $(filter-out $(addprefix $(BUILD)/tests/,test_tool_% test_vision_% \
                   test_fuzz_seeds $(CROSS_SLOW)) \
                 $(addprefix $(BUILD)/tests/,$(basename $(notdir $(filter $(ISA_SRC),$(UNIT_SRC))))), \
                 $(UNIT_SRC:tests/%.c=$(BUILD)/tests/%))
run-cross-units: $(BUILD)/libinfer.so $(CROSS_UNITS)
	@RUN="qemu-aarch64 -L /usr/aarch64-linux-gnu \
	    -E LD_LIBRARY_PATH=$(FOREIGN)/usr/lib/aarch64-linux-gnu" tests/run_units.sh $(CROSS_UNITS)
