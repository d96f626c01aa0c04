ALL_C := $(shell git ls-files '*.c' '*.h' 2>/dev/null)
LINT_C := $(filter src/%.c kernels/%.c tools/%.c bench/%.c examples/%.c,$(ALL_C))

lint:
	@$(INSTALL_PACKAGES) build test lint
	@$(MAKE) --no-print-directory $(ONNX_GEN).h
	@clang-format --dry-run --Werror $(ALL_C)
	@cppcheck --quiet --std=c11 --error-exitcode=1 --inline-suppr --enable=warning,portability \
	    --suppressions-list=tools/make/cppcheck.txt -Iinclude -Isrc -I. \
	    -DINFER_ONEDNN=$(ONEDNN) -D__BYTE_ORDER__=1234 \
	    -D__ORDER_LITTLE_ENDIAN__=1234 $(LINT_C)
	@clang-tidy --quiet $(filter-out %_avx2.c %_avx512.c tools/canvas.c,$(LINT_C)) -- -std=c11 $(CPPFLAGS)

format:
	clang-format -i $(ALL_C)
