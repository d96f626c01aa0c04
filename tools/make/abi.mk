# Programs compiled against another header than the library was: against the saved one of tests/abi,
# against one that will come, and against one that may never come. tests/check_abi.sh runs them.
ABI := $(BUILD)/abi
ABI_PROGRAMS := $(addprefix $(ABI)/,first today newer broken)
ABI_LIBRARY := $(ABI)/newer-library/libinfer.so.$(SOVERSION)

.PHONY: abi-test
abi-test: $(ABI_PROGRAMS) $(ABI_LIBRARY) $(LIBRARIES) $(BUILD)/infer
	@BUILD=$(BUILD) tests/check_abi.sh

run-checks: $(ABI_PROGRAMS) $(ABI_LIBRARY)

# Headers in which the structs that grow have grown, or have changed as they must not.
$(ABI)/%-header/infer.h $(ABI)/%-header/infer_vision.h $(ABI)/%-header/infer_draw.h \
    $(ABI)/%-header/infer_text.h $(ABI)/%-header/infer_experimental.h &: \
        include/infer.h include/infer_vision.h include/infer_draw.h include/infer_text.h \
        include/infer_experimental.h tests/abi/doctor.awk
	@mkdir -p $(@D)
	@for header in infer infer_vision infer_draw infer_text infer_experimental; do \
	    awk -v how=$* -f tests/abi/doctor.awk include/$$header.h > $(@D)/$$header.h || exit 1; done
.PRECIOUS: $(ABI)/%-header/infer.h

$(ABI)/newer $(ABI)/broken: $(ABI)/%: tests/abi/program.c $(ABI)/%-header/infer.h $(BUILD)/libinfer.so
	$(call SHOW,CC)$(CC) -I$(ABI)/$*-header $(CFLAGS) $(if $(findstring newer,$*),-DINFER_ABI_NEWER) \
	    -o $@ $< -L$(BUILD) -linfer
$(ABI)/today: tests/abi/program.c include/infer.h include/infer_vision.h $(BUILD)/libinfer.so
	@mkdir -p $(@D)
	$(call SHOW,CC)$(CC) -Iinclude $(CFLAGS) -o $@ $< -L$(BUILD) -linfer
$(ABI)/first: tests/abi/program.c $(wildcard tests/abi/first/*) $(BUILD)/libinfer.so
	@mkdir -p $(@D)
	$(call SHOW,CC)$(CC) -Itests/abi/first $(CFLAGS) -o $@ $< -L$(BUILD) -linfer

# The library of tomorrow: its structs have a member more. Kernels know none of them.
$(ABI)/newer-obj/%.o: %.c $(ABI)/newer-header/infer.h $(BUILD)/flags
	@mkdir -p $(@D)
	$(call SHOW,CC)$(CC) -I$(ABI)/newer-header $(CPPFLAGS) $(CFLAGS) -MMD -MP -c $< -o $@
$(ABI)/newer-obj/src/file/packed_section.o: $(BUILD)/gen/packing.h
$(ABI_LIBRARY): $(patsubst %.c,$(ABI)/newer-obj/%.o,$(filter src/%,$(LIB_SRC))) \
                $(filter $(BUILD)/obj/kernels/%,$(LIB_OBJ))
	@mkdir -p $(@D)
	$(call SHOW,LD)$(CC) $(CFLAGS) $(LINK) -shared -Wl,-soname,$(@F) -Wl,-z,defs -o $@ $^ $(LDLIBS)

-include $(shell find $(ABI)/newer-obj -name '*.d' 2>/dev/null)
