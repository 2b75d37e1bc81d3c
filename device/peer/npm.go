//go:build realpeers && linux

package peer

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// npmPrefix marks a package of the npm registry in Row.
const npmPrefix = "npm:"

// Node returns a Command for the program node with the npm packages that .ci/peers
// has installed; pkg must be one of them.
func Node(t testing.TB, pkg string) Command {
	t.Helper()
	Need(t, "nodejs", "node")
	npmVersion(t, pkg)
	return Command{Env: []string{"NODE_PATH=" + npmModules(t)}}
}

// npmModules is the folder of these packages.
func npmModules(t testing.TB) string {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(cache, "ocphone-peers", "node_modules")
}

func npmVersion(t testing.TB, pkg string) string {
	t.Helper()
	pkg = strings.TrimPrefix(pkg, npmPrefix)
	b, err := os.ReadFile(filepath.Join(npmModules(t), pkg, "package.json"))
	if err != nil {
		t.Fatalf("%s of the npm registry is missing: run `bash .ci/peers` (%v)", pkg, err)
	}
	var about struct{ Version string }
	if err := json.Unmarshal(b, &about); err != nil {
		t.Fatal(err)
	}
	return about.Version
}
