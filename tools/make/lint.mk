ALL_C := $(wildcard $(shell git ls-files '*.c' '*.h' 2>/dev/null))
LINT_C := $(filter src/%.c kernels/%.c tools/%.c bench/%.c examples/%.c,$(ALL_C))
# canvas.c is stb's code as we instantiate it.
TIDY := $(patsubst %.c,$(BUILD)/tidy/%.tidy,$(filter-out tools/canvas.c,$(LINT_C)))

lint: check-layers
	@$(INSTALL_PACKAGES) build test lint
	@clang-format --dry-run --Werror $(ALL_C)
	@cppcheck --quiet --std=c11 --error-exitcode=1 --inline-suppr --enable=warning,portability \
	    --suppressions-list=tools/make/cppcheck.txt -Iinclude -Isrc -I. \
	    -DINFER_ONEDNN=$(ONEDNN) -D__x86_64__=1 -D__BYTE_ORDER__=1234 \
	    -D__ORDER_LITTLE_ENDIAN__=1234 $(LINT_C)
	@$(MAKE) --no-print-directory --keep-going $(JOBS) tidy

# Folders include only those before them in docs/architecture.md, and no file itself.
.PHONY: check-layers
check-layers:
	@tools/make/check-layers.sh

# One clang-tidy a file, so that -j shares them out; headers and .inc files are looked at wherever
# they are included, in vector files with their instruction set.
.PHONY: tidy
tidy: $(TIDY)

$(TIDY): $(BUILD)/tidy/%.tidy: %.c $(ONNX_GEN).h FORCE
	@clang-tidy --quiet --header-filter='(include|src|kernels|tools|bench)/' $< -- -std=c11 \
	    $(CPPFLAGS) $(ISA_FLAGS) -Xclang -analyzer-opt-analyze-headers

format:
	clang-format -i $(ALL_C)
