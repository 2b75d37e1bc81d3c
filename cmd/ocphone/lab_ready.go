package main

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/ocphone/ocphone/device/lab"
)

// readyPath is where the ready file goes, absolute, so that the files that it
// names are found from everywhere. What is there already and is no ready file
// is not written over, for it would be gone at the end.
func readyPath(file string) (string, error) {
	if info, err := os.Stat(filepath.Dir(file)); err != nil || !info.IsDir() {
		return "", usagef("--ready %s: there is no folder %s", file, filepath.Dir(file))
	}
	if info, err := os.Stat(file); err == nil && (info.IsDir() || info.Size() > 0) {
		r, err := lab.ReadReady(file)
		if err != nil {
			return "", usagef("--ready %s: it is there already and is not written over: %w", file, err)
		}
		if r.Control.URL != "" && runs(r) {
			return "", usagef("--ready %s: a lab runs already that is found by this file; use that one, end it, or give another --ready", file)
		}
	}
	return filepath.Abs(file)
}

// readReady reads the ready file of a lab that a person has named.
func readReady(file string) (lab.Ready, error) {
	r, err := lab.ReadReady(file)
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("there is no file %[1]s: start a lab first, with `ocphone lab --ready %[1]s`", file)
	}
	if err != nil {
		err = exit{exitUsage, err}
	}
	return r, err
}

// knock bounds how long a lab on this machine may take to accept a connection.
const knock = 2 * time.Second

// runs reports whether the lab of a ready file can be reached; one that is not
// controlled from outside its process is believed.
func runs(r lab.Ready) bool {
	at, err := url.Parse(r.Control.URL)
	if err != nil || at.Host == "" {
		return true
	}
	c, err := net.DialTimeout("tcp", at.Host, knock)
	if err == nil {
		c.Close()
	}
	return err == nil
}

// signIns are the sign-in addresses of a lab.
func signIns(ready lab.Ready) string {
	var all []string
	for _, u := range ready.Users {
		all = append(all, u.SignIn)
	}
	return strings.Join(all, ", ")
}
