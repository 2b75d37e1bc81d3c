package main

import (
	"os"

	"golang.org/x/sys/windows"
)

// obeys makes the console interpret control sequences, which that of Windows does for
// a program that requests it. Consoles from before Windows 10 refuse.
func obeys(console *os.File) bool {
	var mode uint32
	h := windows.Handle(console.Fd())
	return windows.GetConsoleMode(h, &mode) == nil &&
		windows.SetConsoleMode(h, mode|windows.ENABLE_VIRTUAL_TERMINAL_PROCESSING) == nil
}
