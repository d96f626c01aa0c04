# One program for machines that have nothing else, as an empty container: make static.
# Without oneDNN, whose library alone is larger than all of this, and without TLS: docs/deploy.md.
STATIC := $(BUILD)/static

.PHONY: static static-link
static: deps
	@$(MAKE) --no-print-directory $(JOBS) BUILD=$(STATIC) ONEDNN=0 JPEG=1 TLS=0 static-link
	@STATIC=$(STATIC) sh tests/static_check.sh

# The rest is of BUILD=build/static.
static-link: $(BUILD)/infer-static

$(BUILD)/microhttpd/libmicrohttpd.a: tools/make/build-microhttpd.sh
	@mkdir -p $(@D)
	$(call SHOW,SH)sh $< $(@D) > $(@D).log 2>&1 || { tail -n 20 $(@D).log; exit 1; }

# The linker warns that names of hosts need glibc's shared libraries; addresses do not.
$(BUILD)/infer-static: $(BUILD)/obj/$(TOOL_MAIN:.c=.o) $(TOOL_OBJ) $(BUILD)/libinfer.a \
                       $(BUILD)/microhttpd/libmicrohttpd.a
	$(call SHOW,LD)$(CC) $(CFLAGS) $(LINK) -static-pie -Wl,--no-warnings -o $@ $^ \
	    $(filter-out -lmicrohttpd,$(TOOL_LIBS)) $(LDLIBS)
	@$(STRIP) $@
