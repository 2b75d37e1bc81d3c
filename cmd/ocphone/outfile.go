package main

import "github.com/ocphone/ocphone/device/boundedfile"

// toStdout is the file name that stands for the standard output.
const toStdout = "-"

// checkOutput reports in advance why --out could not be written.
func (e environment) checkOutput(out string, force bool) error {
	if out != toStdout {
		return boundedfile.CheckOutput(out, force)
	}
	if e.json {
		return usagef("--json and --out - exclude each other: give --out a file")
	}
	if _, ok := terminal(e.out); ok {
		return usagef("--out -: the standard output is a terminal; give a file")
	}
	return nil
}
