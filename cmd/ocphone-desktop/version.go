//go:build cgo

package main

import (
	"runtime/debug"
	"strings"
)

// version is that of the module, as far as the build knows it. Between releases
// Go makes one up that nobody can read on a plate.
func version() string {
	if b, ok := debug.ReadBuildInfo(); ok && b.Main.Version != "" && !strings.HasPrefix(b.Main.Version, "v0.0.0-") && b.Main.Version != "(devel)" {
		return b.Main.Version
	}
	return "devel"
}
