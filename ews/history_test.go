package ews

import (
	"strings"
	"testing"
)

// TestCallLogLooksForItsFolderOnceMore: a folder that was found in an earlier call may
// have been deleted since. One that was found just now and is gone is an error.
func TestCallLogLooksForItsFolderOnceMore(t *testing.T) {
	folder := answer{body: success("FindFolder", `<m:RootFolder TotalItemsInView="1" IncludesLastItemInRange="true"><t:Folders><t:Folder>`+
		`<t:FolderId Id="h"/><t:DisplayName>Conversation History</t:DisplayName></t:Folder></t:Folders></m:RootFolder>`)}
	gone := answer{body: refusal("FindItem", "ErrorFolderNotFound")}
	denied := answer{body: refusal("FindItem", "ErrorAccessDenied")}
	empty := answer{body: success("FindItem", `<m:RootFolder IndexedPagingOffset="0" TotalItemsInView="0" IncludesLastItemInRange="true"><t:Items/></m:RootFolder>`)}
	for _, row := range []struct {
		name     string
		known    bool // the folder is known from an earlier call
		list     []answer
		requests string // F: FindFolder, I: FindItem
		code     string // of the error; "": none
	}{
		{"found and gone", false, []answer{folder, gone}, "FI", "ErrorFolderNotFound"},
		{"known and gone, then found", true, []answer{gone, folder, empty}, "IFI", ""},
		{"known and gone, then found and gone", true, []answer{gone, folder, gone}, "IFI", "ErrorFolderNotFound"},
		{"known and refused", true, []answer{denied}, "I", "ErrorAccessDenied"},
	} {
		t.Run(row.name, func(t *testing.T) {
			d := &answers{list: row.list}
			if row.known {
				d.list = append([]answer{folder, empty}, row.list...)
			}
			c := client(d)
			before := 0
			if row.known {
				if _, _, err := c.CallLog(ctx); err != nil {
					t.Fatal(err)
				}
				before = 2
			}
			_, _, err := c.CallLog(ctx)
			if (err == nil) != (row.code == "") || err != nil && !strings.Contains(string(errorIn(err).Code), row.code) {
				t.Errorf("error %v, want %q", err, row.code)
			}
			got := ""
			for _, request := range d.requests[before:] {
				kind := "I"
				if strings.Contains(request, "FindFolder") {
					kind = "F"
				}
				got += kind
			}
			if got != row.requests {
				t.Errorf("requests %s, want %s", got, row.requests)
			}
		})
	}
}
