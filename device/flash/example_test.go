package flash_test

import (
	"errors"
	"fmt"
	"os"

	"github.com/ocphone/ocphone/device/flash"
)

// Changes that belong together go into one Update: all of them are stored, or
// none if it returns an error.
func ExampleFile() {
	dir, err := os.MkdirTemp("", "phone")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	f, err := flash.Open(dir)
	if err != nil {
		fmt.Println(err)
		return
	}
	err = f.Update(func(put func(key string, value []byte), del func(key string)) error {
		put("user", []byte("tu@contoso.com"))
		put("language", []byte("en-US"))
		return nil
	})
	fmt.Println(err)
	err = f.Update(func(put func(key string, value []byte), del func(key string)) error {
		del("user")
		return errors.New("cancelled")
	})
	fmt.Println(err)
	f.Close()

	f, err = flash.Open(dir) // after the next power on
	if err != nil {
		fmt.Println(err)
		return
	}
	defer f.Close()
	user, _ := f.Get("user")
	fmt.Printf("%s\n", user)
	// Output:
	// <nil>
	// cancelled
	// tu@contoso.com
}
