package setup

import (
	"runtime/debug"
	"testing"
)

func TestVersionIsTheModulesOrDevel(t *testing.T) {
	const revision = "0123456789abcdef0123456789abcdef01234567"
	for _, c := range []struct {
		name, module, revision, modified, want string
	}{
		{"release", "v1.2.3", "", "", "v1.2.3"},
		{"candidate", "v1.2.3-rc.1", revision, "false", "v1.2.3-rc.1"},
		{"release that was changed", "v1.2.3+dirty", revision, "true", "devel 0123456789ab with changes"},
		{"no release yet", "v0.0.0-20261129234500-abcdef012345", "", "", "devel abcdef012345"},
		{"after a release", "v1.2.4-0.20261129234500-abcdef012345", revision, "false", "devel 0123456789ab"},
		{"checkout", "(devel)", revision, "false", "devel 0123456789ab"},
		{"changed checkout", "v0.0.0-20261129234500-0123456789ab+dirty", revision, "true", "devel 0123456789ab with changes"},
		{"test binary", "", "", "", "devel"},
	} {
		info := &debug.BuildInfo{Main: debug.Module{Version: c.module}}
		if c.revision != "" {
			info.Settings = []debug.BuildSetting{{Key: "vcs.revision", Value: c.revision}, {Key: "vcs.modified", Value: c.modified}}
		}
		if got := versionOf(info); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
	if Version() == "" {
		t.Error("the program has no version")
	}
}
