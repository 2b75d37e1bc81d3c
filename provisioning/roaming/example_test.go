package roaming_test

import (
	"fmt"

	"github.com/ocphone/ocphone/provisioning/roaming"
)

// A pool sends the user's own entry, and later a changed note.
func Example() {
	kept := roaming.Self{Address: "kerry@contoso.com", Email: "kerry@contoso.com", Note: "Back at two",
		Lines: []roaming.Line{{Number: "tel:+4544890101;ext=200", Kind: roaming.Uc}}}
	first, err := kept.XML()
	if err != nil {
		fmt.Println(err)
		return
	}
	kept.Note = ""
	later, err := kept.Change("note")
	if err != nil {
		fmt.Println(err)
		return
	}

	var phone roaming.Self
	for _, body := range [][]byte{first, later} {
		if phone, err = phone.Apply(body); err != nil {
			fmt.Println(err)
			return
		}
		line, _ := phone.Line()
		fmt.Printf("%s %q\n", line.Number, phone.Note)
	}
	// Output:
	// tel:+4544890101;ext=200 "Back at two"
	// tel:+4544890101;ext=200 ""
}
