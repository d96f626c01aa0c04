# What clients of other servers sent and got, against ours: tests/protocols.
#   make check-protocols                     all that is recorded in ../shared/protocols
#   make check-protocols ONLY=triton/http    some of it
#   make check-clients                       real clients, from the Python registry into the build folder
ONLY ?= *

.PHONY: check-protocols check-clients
check-protocols: $(BUILD)/infer $(BUILD)/tests/serve_test $(BUILD)/tests/grpc_send
	@BUILD=$(BUILD) python3 tests/protocols/check.py --only '$(ONLY)'

check-clients: $(BUILD)/infer $(BUILD)/tests/serve_test
	@BUILD=$(BUILD) sh tests/protocols/clients.sh

# Models that sleep, fail or work on text have operators that only this program knows.
$(BUILD)/tests/serve_test: $(BUILD)/obj/tests/protocols/serve_test.o $(TOOL_OBJ) $(BUILD)/libinfer.a
	@mkdir -p $(@D)
	$(call SHOW,LD)$(CC) $(CFLAGS) $(LINK) -pie -o $@ $^ $(TOOL_LIBS) $(LDLIBS)

$(BUILD)/tests/grpc_send: $(BUILD)/obj/tests/protocols/grpc_send.o $(TOOL_OBJ) $(BUILD)/libinfer.a
	@mkdir -p $(@D)
	$(call SHOW,LD)$(CC) $(CFLAGS) $(LINK) -pie -o $@ $^ $(TOOL_LIBS) $(LDLIBS) -lcmocka

#   make soak SECONDS=3600                   a server under a mixed load: memory and descriptors stay flat
.PHONY: soak
soak: $(BUILD)/infer
	@BUILD=$(BUILD) SOAK_SECONDS=$(or $(SECONDS),3600) sh tests/check_soak.sh
