package dialplan

import (
	"fmt"
	"testing"
	"time"

	"github.com/dlclark/regexp2"

	"github.com/ocphone/ocphone/device/peer"
)

// fifty is a plan of 50 rules of usual shape; its last one takes 10 digits.
func fifty() (p Plan) {
	for i := range 49 {
		p.Rules = append(p.Rules, Rule{Pattern: fmt.Sprintf(`^%d(\d{4})$`, 100+i), Translation: "+1425555$1"})
	}
	p.Rules = append(p.Rules, Rule{Pattern: `^1?(\d{10})$`, Translation: "+1$1"})
	return p
}

// BenchmarkTranslate50 sets 50 rules beside the engine alone on the same rules, a
// thousand numbers a round.
func BenchmarkTranslate50(b *testing.B) {
	const times = 1000
	p := fifty()
	c := Compile(p, Options{MatchTimeout: time.Hour, Budget: time.Hour}) // a loaded machine may stop for longer than the defaults
	var bare []*regexp2.Regexp
	for _, r := range p.Rules {
		bare = append(bare, regexp2.MustCompile(r.Pattern, regexp2.None))
	}
	for _, row := range []struct {
		name, input string
		kind        Kind
	}{{"hit", "4255550100", E164}, {"miss", "42555501", PhoneContext}} {
		b.Run(row.name, func(b *testing.B) {
			peer.Compare(b,
				peer.Side{Name: "ocphone", Run: func() {
					for range times {
						if r := c.Translate(row.input); r.Kind != row.kind {
							b.Fatal(r)
						}
					}
				}},
				peer.Side{Name: "regexp2", Run: func() {
					for range times {
						if err := translateBare(bare, p, row.input); err != nil {
							b.Fatal(err)
						}
					}
				}})
		})
	}
}

// translateBare applies the first rule that matches, without the meaning of its
// result.
func translateBare(bare []*regexp2.Regexp, p Plan, input string) error {
	for i, re := range bare {
		ok, err := re.MatchString(input)
		if err == nil && ok {
			_, err = re.Replace(input, p.Rules[i].Translation, -1, -1)
			return err
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func BenchmarkCompile50(b *testing.B) {
	p := fifty()
	b.ReportAllocs()
	for b.Loop() {
		Compile(p, Options{})
	}
}

func BenchmarkLint50(b *testing.B) {
	p := fifty()
	for b.Loop() {
		Lint(p, Options{})
	}
}
