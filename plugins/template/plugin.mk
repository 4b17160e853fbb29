# make                builds my_plugin.so against the thaw that pkg-config finds (PKG_CONFIG_PATH=PREFIX/lib/pkgconfig)
# make check          does thaw take it? Then trains test.yaml with it: about a second
# make install        into your own plugin folder, where thaw finds it by its name; or: make install plugindir=FOLDER
# make clean
NAME = my_plugin
CFLAGS = -O2 -g -Wall -Wextra
# Libraries of your own: -lm
LIBS =

PKG_CONFIG = pkg-config
THAW_CFLAGS = $(shell $(PKG_CONFIG) --cflags thaw)
THAW = $(shell $(PKG_CONFIG) --variable=bindir thaw)/thaw
plugindir = $(or $(XDG_DATA_HOME),$(HOME)/.local/share)/thaw/plugins

all: $(NAME).so

# Not linked with libthaw: the program that loads the plugin has it.
$(NAME).so: $(NAME).c Makefile
	$(CC) -std=gnu11 $(CPPFLAGS) $(THAW_CFLAGS) $(CFLAGS) -fPIC -shared $(LDFLAGS) -o $@ $(NAME).c $(LIBS)

check: all
	$(THAW) plugin show ./$(NAME).so
	rm -rf test.h5 cache
	$(THAW) -q run test.yaml --plugin-path . --cache cache -o test.h5

install: all
	install -d "$(DESTDIR)$(plugindir)"
	install $(NAME).so "$(DESTDIR)$(plugindir)/"

clean:
	rm -rf $(NAME).so test.h5 cache

.PHONY: all check install clean
