# make run and make test are all the set-up there is; both need Go alone.
GO ?= go
export CGO_ENABLED ?= 0

.PHONY: run desktop desktop-deps desktop-test windows-test screenshots test race test-real bench fuzz cross release man

run: ## the paper-clip story on the embedded lab
	$(GO) run ./cmd/ocphone demo

# With these tags a first build takes half a minute instead of three; the
# default of Fyne adds Wayland and desktop OpenGL.
DESKTOP_TAGS ?= $(if $(filter Linux,$(shell uname -s)),gles$(comma)x11$(comma))migrated_fynedo
comma := ,

desktop: export CGO_ENABLED = 1
desktop: ## the handset in a window, with the lab beside it; names the packages that are missing
	@bash .ci/desktop build
	$(GO) build -tags $(DESKTOP_TAGS) -o ocphone-desktop ./cmd/ocphone-desktop
	./ocphone-desktop $(ARGS)

desktop-deps: ## installs what desktop and desktop-test need, as root on Debian
	@bash .ci/desktop install test

desktop-test: ## a window in Xvfb, used by mouse and keyboard; the metadata of the package
	@bash .ci/desktop test
	desktop-file-validate cmd/ocphone-desktop/*.desktop
	appstreamcli validate --no-net cmd/ocphone-desktop/*.metainfo.xml
	CGO_ENABLED=1 $(GO) vet -tags $(DESKTOP_TAGS) ./cmd/ocphone-desktop
	CGO_ENABLED=1 $(GO) tool staticcheck -tags $(DESKTOP_TAGS) ./cmd/ocphone-desktop
	CGO_ENABLED=1 $(GO) test -tags $(DESKTOP_TAGS) -count=1 ./cmd/ocphone-desktop
	$(GO) vet -tags desktoptest ./cmd/ocphone-desktop
	$(GO) tool staticcheck -tags desktoptest ./cmd/ocphone-desktop
	$(GO) test -tags desktoptest -count=1 -timeout 5m ./cmd/ocphone-desktop

windows-test: ## the handset's program for Windows, in wine and Xvfb; its first build takes minutes (OpenGL by cgo)
	@bash .ci/desktop windows
	OCPHONE_DESKTOP=none $(GO) test -tags desktoptest,realpeers -count=1 -run TestWindows -timeout 60m ./cmd/ocphone-desktop

PICTURES = cmd/ocphone-desktop/pictures
screenshots: ## the pictures of the documents, taken from the window
	@bash .ci/desktop test
	@dir=$$(mktemp -d) && trap 'rm -rf '$$dir EXIT && mkdir -p $(PICTURES) && \
	OCPHONE_PICTURES=$$dir $(GO) test -tags desktoptest -count=1 -run TestNewcomerPlaysTheStory -timeout 5m ./cmd/ocphone-desktop && \
	for p in home failure paperclip reset; do \
	  convert $$dir/$$p.png -strip -dither FloydSteinberg -colors 255 PNG8:$(PICTURES)/$$p.png || exit 1; done

test: ## vet, staticcheck and every test, in random order
	$(GO) vet ./...
	$(GO) tool staticcheck ./...
	$(GO) test -shuffle=on -timeout 4m ./...

race: export CGO_ENABLED = 1
race: ## the same tests under the race detector, which needs a C compiler; tag ci: Fyne without OpenGL
	@command -v gcc >/dev/null || { \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    apt-get update -qq && apt-get install -y -qq --no-install-recommends gcc libc6-dev >/dev/null; \
	  else echo "make race needs gcc (Debian: apt-get install gcc libc6-dev)" >&2; exit 1; fi; }
	$(GO) test -race -shuffle=on -tags ci -timeout 15m ./...

test-real: ## against real servers and clients; as root on Debian it installs them
	bash .ci/peers
	$(GO) vet -tags realpeers ./...
	@rows=$$(mktemp) && trap 'rm -f '$$rows EXIT && \
	OCPHONE_PEERS=$$rows $(GO) test -tags realpeers -count=1 -run '^TestPeer' -timeout 25m ./... && \
	bash .ci/peers-table $$rows docs/peers.md

bench: ## the figures of docs/figures.md
	$(GO) test -run '^$$' -bench . -benchmem ./...
	@if /usr/bin/python3 -c 'import exchangelib' 2>/dev/null; then \
	  $(GO) test -tags realpeers -run '^$$' -bench Beside ./device/lab/exchange; \
	else echo "exchangelib's figures are left out: make test-real installs it"; fi

FUZZTIME ?= 30s
fuzz: ## every fuzz target for FUZZTIME
	@GUIDED=1 bash .ci/fuzz $(FUZZTIME)

cross: ## build and vet the binary for every system it is made for
	for os in linux darwin windows; do \
	  GOOS=$$os $(GO) build -o /dev/null ./cmd/ocphone && GOOS=$$os $(GO) build -o /dev/null ./cmd/ocphone-screenshot && \
	  GOOS=$$os $(GO) vet ./... || exit 1; done

RELEASES ?= linux/amd64 linux/arm64 darwin/arm64 windows/amd64
release: ## stripped binaries for packagers, in dist/; for macOS, ocphone-screenshot is built there, with cgo
	for to in $(RELEASES); do \
	  export GOOS=$${to%/*} GOARCH=$${to#*/}; programs=./cmd/ocphone; \
	  test $$GOOS = darwin || programs="$$programs ./cmd/ocphone-screenshot"; \
	  $(GO) build -trimpath -ldflags '-s -w' -o dist/$$GOOS-$$GOARCH/ $$programs || exit 1; done

man: ## the manual pages, in dist/man
	mkdir -p dist/man
	OCPHONE_MAN=$(CURDIR)/dist/man $(GO) test -count=1 -run TestEachCommandHasAManualPage ./cmd/ocphone
