# What clients of other servers sent and got, against ours: tests/protocols/check.py.
#   make check-protocols                     all that is recorded in ../shared/protocols
#   make check-protocols ONLY=triton/http    some of it
ONLY ?= *

.PHONY: check-protocols
check-protocols: $(BUILD)/infer $(BUILD)/tests/serve_test
	@BUILD=$(BUILD) python3 tests/protocols/check.py --only '$(ONLY)'

# Models that sleep, fail or work on text have operators that only this program knows.
$(BUILD)/tests/serve_test: $(BUILD)/obj/tests/protocols/serve_test.o $(TOOL_OBJ) $(BUILD)/libinfer.a
	@mkdir -p $(@D)
	$(call SHOW,LD)$(CC) $(CFLAGS) $(LINK) -pie -o $@ $^ $(TOOL_LIBS) $(LDLIBS)
