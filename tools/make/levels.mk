# Levels of instructions (kernels/levels.h), and the files that are compiled for some of them: their
# first line says so, as in
#   /* levels: c avx2 avx512 */
# x_f32.c is then compiled to x_f32.c.o, x_f32.avx2.o and x_f32.avx512.o, with LEVEL defined.
#   /* levels: avx2 vnni exact */
# is for integer kernels, whose bytes are defined to the last rounding (docs/quantization.md): there
# a product and a sum become one instruction only where the code says fma.
ALL_LEVELS := c avx2 avx2vnni avx512 vnni bf16 amx
LEVELS     := $(if $(filter x86_64,$(ARCH)),$(ALL_LEVELS),c)

AVX512 := -mavx512f -mavx512bw -mavx512dq -mavx512vl -mfma -mf16c -mprefer-vector-width=512
INSTRUCTIONS_avx2   := -mavx2 -mfma -mf16c
INSTRUCTIONS_avx2vnni := $(INSTRUCTIONS_avx2) -mavxvnni
INSTRUCTIONS_avx512 := $(AVX512)
INSTRUCTIONS_vnni   := $(AVX512) -mavx512vnni
INSTRUCTIONS_bf16   := $(AVX512) -mavx512vnni -mavx512bf16
INSTRUCTIONS_amx    := $(AVX512) -mavx512vnni -mavx512bf16 -mamx-tile -mamx-int8 -mamx-bf16

# Words file@level; "exact" is one of the levels.
LEVEL_LINES := $(shell awk 'FNR == 1 && $$2 == "levels:" { for (i = 3; i < NF; i++) \
                                print FILENAME "@" $$i }' kernels/*/*.c)
ifneq ($(ONEDNN),1)
LEVEL_LINES := $(filter-out kernels/onednn/%,$(LEVEL_LINES))
endif
LEVEL_SRC   := $(sort $(foreach w,$(LEVEL_LINES),$(firstword $(subst @, ,$(w)))))
LEVEL_EXACT := $(patsubst %@exact,%,$(filter %@exact,$(LEVEL_LINES)))
LEVEL_OBJ   := $(foreach l,$(LEVELS),$(patsubst %.c@$(l),%.$(l),$(filter %.c@$(l),$(LEVEL_LINES))))

# Programs of tests and benches for one level say it in their names.
ISA_SRC     := $(foreach l,$(filter-out c,$(ALL_LEVELS)),%_$(l).c)

# No file of src/ is one: src/plan/to_bf16.c is plain C.
PROGRAM_LEVELS := obj/bench/% obj/tests/test_kernel_% tidy/bench/% tidy/tests/test_kernel_%
# Of objects, and of programs of tests and benches that end in a level.
FMA = $(if $(filter $(LEVEL_EXACT),$<),,-ffp-contract=fast)
define level_rules
$(BUILD)/%.$(1).o $(BUILD)/%.$(1).tidy $(addprefix $(BUILD)/,$(addsuffix _$(1).o,$(PROGRAM_LEVELS))) \
$(addprefix $(BUILD)/,$(addsuffix _$(1).tidy,$(PROGRAM_LEVELS))): \
    LEVEL_FLAGS = $(INSTRUCTIONS_$(1)) $$(if $(filter-out c,$(1)),$$(FMA)) -DLEVEL=LEVEL_$(1)
$(BUILD)/obj/%.$(1).o: %.c $(BUILD)/flags
	@mkdir -p $$(@D)
	$$(COMPILE)
endef
