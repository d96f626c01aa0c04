# Both libraries stand in one folder, where -linfer means the shared one, whatever pkg-config is
# told. So each has a file of its own: libinfer links the archive, libinfer-shared the other.
LIBDIR ?= $(PREFIX)/lib
STRIP  ?= strip

install: all
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/include $(DESTDIR)$(LIBDIR)/pkgconfig
	install -m 755 $(PROGRAMS) $(DESTDIR)$(PREFIX)/bin
	install -m 644 include/infer.h include/infer_vision.h include/infer_draw.h \
	        include/infer_text.h include/infer_experimental.h $(DESTDIR)$(PREFIX)/include
	install -m 644 $(BUILD)/libinfer.a $(DESTDIR)$(LIBDIR)
	install -m 755 $(BUILD)/libinfer.so.$(VERSION) $(DESTDIR)$(LIBDIR)
	$(STRIP) --strip-debug $(DESTDIR)$(LIBDIR)/libinfer.a \
	    $(DESTDIR)$(LIBDIR)/libinfer.so.$(VERSION) \
	    $(addprefix $(DESTDIR)$(PREFIX)/bin/,$(notdir $(PROGRAMS)))
	ln -sf libinfer.so.$(VERSION) $(DESTDIR)$(LIBDIR)/libinfer.so.$(SOVERSION)
	ln -sf libinfer.so.$(SOVERSION) $(DESTDIR)$(LIBDIR)/libinfer.so
	for pc in libinfer libinfer-shared; do \
	    sed -e 's|@PREFIX@|$(PREFIX)|; s|@LIBDIR@|$(LIBDIR)|; s|@VERSION@|$(VERSION)|' \
	        -e 's|@LIBS@|$(LDLIBS)|' \
	        tools/$$pc.pc.in > $(DESTDIR)$(LIBDIR)/pkgconfig/$$pc.pc || exit 1; done

uninstall:
	rm -f $(addprefix $(DESTDIR)$(PREFIX)/bin/,$(notdir $(PROGRAMS)))
	rm -f $(addprefix $(DESTDIR)$(PREFIX)/include/,infer.h infer_vision.h infer_draw.h infer_text.h \
	    infer_experimental.h)
	rm -f $(addprefix $(DESTDIR)$(LIBDIR)/,libinfer.a libinfer.so libinfer.so.$(SOVERSION) \
	    libinfer.so.$(VERSION) pkgconfig/libinfer.pc pkgconfig/libinfer-shared.pc)
