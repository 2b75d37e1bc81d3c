package setup

import (
	"regexp"
	"runtime/debug"
	"strings"
)

// Version is the version of this program: the module's, such as v1.2.3, or
// "devel" with the revision if it is built from a checkout or at no release.
func Version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return develVersion
	}
	return versionOf(info)
}

const develVersion = "devel"

// pseudoVersion finds the revision in the version that Go makes up for a commit
// between releases (https://go.dev/ref/mod#pseudo-versions).
var pseudoVersion = regexp.MustCompile(`[-.]\d{14}-([0-9a-f]{12})`)

// revisionLength is that of a revision in a pseudo-version.
const revisionLength = 12

func versionOf(info *debug.BuildInfo) string {
	version := info.Main.Version
	made := pseudoVersion.FindStringSubmatch(version)
	if strings.HasPrefix(version, "v") && made == nil && !strings.HasSuffix(version, "+dirty") {
		return version
	}
	revision, changed := "", false
	if made != nil {
		revision = made[1]
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			revision = s.Value[:min(len(s.Value), revisionLength)]
		case "vcs.modified":
			changed = s.Value == "true"
		}
	}
	switch {
	case revision == "":
		return develVersion
	case changed:
		return develVersion + " " + revision + " with changes"
	}
	return develVersion + " " + revision
}
