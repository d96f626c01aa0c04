ALL_C := $(filter-out third_party/%,$(wildcard $(shell git ls-files '*.c' '*.h' 2>/dev/null)))
LINT_C := $(filter src/%.c kernels/%.c tools/%.c bench/%.c examples/%.c,$(ALL_C))
# png.c is stb's code as we instantiate it.
TIDY := $(patsubst %.c,$(BUILD)/tidy/%.tidy,$(filter-out tools/png.c $(LEVEL_SRC),$(LINT_C)))
LEVEL_TIDY := $(LEVEL_OBJ:%=$(BUILD)/tidy/%.tidy)

lint: check-layers
	@$(INSTALL_PACKAGES) build test lint
	@clang-format --dry-run --Werror $(ALL_C)
	@cppcheck --quiet --std=c11 --error-exitcode=1 --inline-suppr --enable=warning,portability \
	    --suppressions-list=tools/make/cppcheck.txt -Iinclude -Isrc -I. \
	    -DINFER_ONEDNN=$(ONEDNN) -D__x86_64__=1 -D__BYTE_ORDER__=1234 \
	    -D__ORDER_LITTLE_ENDIAN__=1234 -DLEVEL=LEVEL_avx512 $(LINT_C)
	@$(MAKE) --no-print-directory --keep-going $(JOBS) tidy

# Folders include only those before them in docs/architecture.md, and no file itself.
.PHONY: check-layers
check-layers:
	@tools/make/check-layers.sh

# One clang-tidy a file, so that -j shares them out, and for kernels one a level; headers are looked
# at wherever they are included.
.PHONY: tidy
tidy: $(TIDY) $(LEVEL_TIDY)

RUN_TIDY = clang-tidy --quiet --header-filter='(include|src|kernels|tools|bench)/' $< -- -std=c11 \
               $(CPPFLAGS) $(filter-out -ffp%,$(LEVEL_FLAGS)) -Xclang -analyzer-opt-analyze-headers

$(TIDY): $(BUILD)/tidy/%.tidy: %.c $(ONNX_GEN).h $(GRPC_GEN).h $(PAGE_GEN) $(BUILD)/gen/packing.h FORCE
	@$(RUN_TIDY)

define level_tidy
$(filter %.$(1).tidy,$(LEVEL_TIDY)): $(BUILD)/tidy/%.$(1).tidy: %.c FORCE
	@$$(RUN_TIDY)
endef
$(foreach l,$(LEVELS),$(eval $(call level_tidy,$(l))))

format:
	clang-format -i $(ALL_C)
