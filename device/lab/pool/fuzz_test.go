package pool_test

import (
	"testing"

	"github.com/ocphone/ocphone/provisioning/roaming"
)

// The user's other endpoints can read the notifications of every accepted change.
func FuzzChangesByEndpoints(f *testing.F) {
	kinds := []string{publishType, membersType, watcherType}
	const space = "http://schemas.microsoft.com/2006/09/sip/"
	for kind, bodies := range [][]string{
		{
			`<publish xmlns="` + space + `rich-presence" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><publications uri="sip:tu@contoso.com">` + machineState(0, 3500) + note(0, "in") + `</publications></publish>`,
			`<publish xmlns:a="b&quot;"><publications><publication categoryName="x" version="0" expireType="static"><a:y a:z="&lt;"/></publication></publications></publish>`,
			`<publish xmlns:a="b"><publications><publication categoryName="x" version="0" expireType="static"><y xmlns:a="c"/></publication></publications></publish>`,
			`<publish><publications><publication categoryName="x" version="0" expireType="time" expires="9">text<!-- > --><y/></publication></publications></publish>`,
			`<publish><publications><publication categoryName="X" expireType="static"><![CDATA[>]]></publication></publications></publish>`,
		},
		{`<setContainerMembers xmlns="` + space + `container-management"><container id="200" version="0"><member action="add" type="sameEnterprise"/></container></setContainerMembers>`},
		{`<setSubscribers xmlns="` + space + `presence-subscribers"><subscriber user="bob@contoso.com" acknowledged="true"/></setSubscribers>`},
	} {
		for _, b := range bodies {
			f.Add(byte(kind), []byte(b))
		}
	}
	w := newWorld(f, nil)
	f.Fuzz(func(t *testing.T, kind byte, body []byte) {
		answer, self, err := w.Change(kinds[int(kind)%len(kinds)], "tu@contoso.com", epid, body)
		for _, told := range [][]byte{answer, self} {
			if told == nil && (err != nil || kind%3 != 0) {
				continue
			}
			if _, err := (roaming.Self{}).Apply(told); err != nil {
				t.Fatalf("%v\n%s", err, told)
			}
		}
	})
}
