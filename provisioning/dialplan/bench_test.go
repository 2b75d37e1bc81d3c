package dialplan

import (
	"fmt"
	"testing"

	"github.com/dlclark/regexp2"
)

// fifty is a plan of 50 rules of usual shape; its last one takes 10 digits.
func fifty() (p Plan) {
	for i := range 49 {
		p.Rules = append(p.Rules, Rule{Pattern: fmt.Sprintf(`^%d(\d{4})$`, 100+i), Translation: "+1425555$1"})
	}
	p.Rules = append(p.Rules, Rule{Pattern: `^1?(\d{10})$`, Translation: "+1$1"})
	return p
}

// BenchmarkTranslate50 beside the engine alone on the same rules.
func BenchmarkTranslate50(b *testing.B) {
	p := fifty()
	c := Compile(p, Options{})
	var bare []*regexp2.Regexp
	for _, r := range p.Rules {
		bare = append(bare, regexp2.MustCompile(r.Pattern, regexp2.None))
	}
	for _, row := range []struct {
		name, input string
		kind        Kind
	}{{"hit", "4255550100", E164}, {"miss", "42555501", PhoneContext}} {
		b.Run(row.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if r := c.Translate(row.input); r.Kind != row.kind {
					b.Fatal(r)
				}
			}
		})
		b.Run(row.name+"/bare regexp2", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				for i, re := range bare {
					if ok, err := re.MatchString(row.input); err != nil {
						b.Fatal(err)
					} else if ok {
						if _, err := re.Replace(row.input, p.Rules[i].Translation, -1, -1); err != nil {
							b.Fatal(err)
						}
						break
					}
				}
			}
		})
	}
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
