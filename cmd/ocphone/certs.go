package main

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/ocphone/ocphone/certstore"
	"github.com/ocphone/ocphone/device"
	"github.com/ocphone/ocphone/device/boundedfile"
	"github.com/ocphone/ocphone/device/check"
	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/setup"
)

// withPhone calls do with the phone of a --state folder, which stays off. With
// create a folder that does not exist is made.
func withPhone(state string, create bool, do func(*device.Phone) error) error {
	memory, err := setup.OpenState(state, create)
	if err != nil {
		return err
	}
	phone, err := device.New(device.Config{Flash: memory})
	if err != nil {
		return errors.Join(err, memory.Close())
	}
	return errors.Join(do(phone), phone.Close())
}

func (e environment) certs() *cobra.Command {
	return addCommands(&cobra.Command{Use: "certs", Short: "Look at and change what a phone trusts"},
		e.certsList(), e.certsVerify(), e.certsImport(), e.certsExport())
}

func (e environment) certsList() *cobra.Command {
	var state string
	var provenance bool
	c := &cobra.Command{
		Use: "list", Short: "List the roots that the phone trusts, with their source", Args: noArguments,
		Example: "  ocphone certs list --state phone1\n  ocphone certs list --state phone1 --json",
		RunE: func(*cobra.Command, []string) error {
			return withPhone(state, false, func(p *device.Phone) error {
				s := p.Snapshot()
				if e.json {
					d := rootsDocument{s.Firmware, s.Policy, s.RootSet, p.Store().HostTrusted(), nonNil(s.Roots), ""}
					if provenance {
						d.Provenance = certstore.Describe(s.RootSet)
					}
					return e.document(d)
				}
				e.printf("firmware %s, policy %s, factory root set %s\n\n", s.Firmware, s.Policy, s.RootSet)
				rows := [][]string{{"FINGERPRINT", "VALID UNTIL", "KEY", "SOURCE", "SUBJECT"}}
				for _, r := range s.Roots {
					until := r.Certificate.NotAfter.Format(time.DateOnly)
					rows = append(rows, []string{r.Fingerprint()[:16], until, r.Key(), r.Source.String(), r.Subject()})
				}
				writeTable(e.text(), rows)
				if p.Store().HostTrusted() {
					e.printf("and whatever this computer itself trusts, which only its own verifier knows\n")
				}
				if provenance {
					fmt.Fprintf(e.text(), "\n%s\n", journal.PrintableLines(certstore.Describe(s.RootSet)))
				}
				return nil
			})
		},
	}
	c.Flags().StringVar(&state, "state", "", "`FOLDER` of the phone")
	c.Flags().BoolVar(&provenance, "provenance", false, "also show where the factory root set was taken from, and what "+
		"is missing in it")
	return c
}

// rootsDocument is the JSON form of `ocphone certs list`.
type rootsDocument struct {
	Firmware    string               `json:"firmware"`
	Policy      certstore.PolicyName `json:"policy"`
	RootSet     string               `json:"rootSet"`
	HostTrusted bool                 `json:"hostTrusted"` // and whatever this computer trusts
	Roots       []certstore.Root     `json:"roots"`
	Provenance  string               `json:"provenance,omitempty"`
}

func (e environment) certsVerify() *cobra.Command {
	var state, name, at string
	c := &cobra.Command{
		Use: "verify CHAIN.pem", Short: "Give the phone's verdict on a certificate chain from a file",
		Example: "  ocphone certs verify pool-chain.pem --name pool.example.com --state phone1",
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) != 1 || name == "" {
				return usagef("it is called as `ocphone certs verify CHAIN.pem --name HOST --state FOLDER`")
			}
			chain, err := check.ReadFile(c.Context(), args[0])
			if err != nil {
				return err
			}
			when := time.Now()
			if at != "" {
				if when, err = setup.ParseTime(at); err != nil {
					return usagef("--at %s: %w", at, err)
				}
			}
			return withPhone(state, false, func(p *device.Phone) error {
				s := p.Snapshot()
				fw, err := device.FirmwareNamed(s.Firmware)
				if err != nil {
					return err
				}
				v := p.Store().Verify(certstore.Request{Chain: chain.Certificates, Name: name, At: when, Policy: s.Policy,
					NoSHA2: fw.NoSHA2})
				e.result.Code = v.Code
				if e.json {
					err = e.document(v)
				} else {
					e.printVerdict(v)
				}
				return verdict(v.OK, err, "%s", v.Sentence)
			})
		},
	}
	c.Flags().StringVar(&state, "state", "", "`FOLDER` of the phone")
	c.Flags().StringVar(&name, "name", "", "the `HOST` name that the certificate must bear")
	c.Flags().StringVar(&at, "at", "", "judge at this `TIME` instead of now")
	return c
}

func (e environment) printVerdict(v certstore.Verdict) {
	p := e.printer()
	sign, color := "✓", green
	if !v.OK {
		sign, color = "✗", red
	}
	p.wrap(p.paint(color, sign)+" ", v.Sentence, "")
	for _, line := range v.Details() {
		p.wrap("    ", line, dim)
	}
}

func (e environment) certsImport() *cobra.Command {
	var state string
	c := &cobra.Command{
		Use: "import FILE", Short: "Install roots by hand, which the real phone could not; a reset removes them",
		Example: "  ocphone certs import company-root.cer --state phone1",
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usagef("it is called as `ocphone certs import FILE --state FOLDER`")
			}
			b, err := certstore.CertificateFile.Read(c.Context(), args[0])
			if err != nil {
				return err
			}
			roots, err := certstore.ImportRoots(b, filepath.Base(args[0]), time.Now())
			if err != nil {
				return usagef("%w", err)
			}
			return withPhone(state, true, func(p *device.Phone) error {
				diff, err := p.Import(roots)
				if err != nil {
					return err
				}
				return e.showDiff(diff)
			})
		},
	}
	c.Flags().StringVar(&state, "state", "", "`FOLDER` of the phone")
	return c
}

func (e environment) certsExport() *cobra.Command {
	var state, out string
	var force bool
	c := &cobra.Command{
		Use: "export [FINGERPRINT…]", Short: "Write roots as PEM: all, or those whose fingerprint begins with FINGERPRINT",
		Example: "  ocphone certs export --state phone1 --out roots.pem\n  ocphone certs export 3f9a --state phone1",
		RunE: func(_ *cobra.Command, args []string) error {
			if out != "" {
				if err := e.checkOutput(out, force); err != nil {
					return err
				}
			}
			return withPhone(state, false, func(p *device.Phone) error {
				roots := slices.DeleteFunc(slices.Clone(p.Snapshot().Roots), func(r certstore.Root) bool {
					return !hasPrefixOf(r.Fingerprint(), args)
				})
				if len(roots) == 0 {
					return personf("the phone trusts no such root; `ocphone certs list` shows them")
				}
				text := certstore.ExportPEM(roots...)
				switch {
				case out != "" && out != toStdout:
					if err := boundedfile.Save(out, text, force); err != nil {
						return err
					}
				case !e.json:
					_, err := e.out.Write(text)
					return err
				}
				if e.json {
					return e.document(exportDocument{out, roots})
				}
				return nil
			})
		},
	}
	c.Flags().StringVar(&state, "state", "", "`FOLDER` of the phone")
	c.Flags().StringVar(&out, "out", "", "write to `FILE`, which only you may read, instead of standard output")
	c.Flags().BoolVar(&force, "force", false, "replace a file that exists")
	return c
}

// exportDocument is the JSON form of `ocphone certs export`.
type exportDocument struct {
	File  string           `json:"file,omitempty"` // "": the roots are in this document only
	Roots []certstore.Root `json:"roots"`
}

// showDiff prints what a reset or an import changed.
func (e environment) showDiff(d certstore.Diff) error {
	if e.json {
		return e.document(certstore.Diff{Added: nonNil(d.Added), Removed: nonNil(d.Removed), Kept: nonNil(d.Kept)})
	}
	_, err := io.WriteString(e.text(), journal.PrintableLines(d.String()))
	return err
}

func (e environment) reset() *cobra.Command {
	var state string
	var clip, user, factory bool
	c := &cobra.Command{
		Use: "reset", Short: "Reset a phone: the paper clip, the user, or everything", Args: noArguments,
		Long: `Reset --paper-clip does what the hole on the back does: the certificate store is
emptied down to the factory roots (R1.3). --user forgets who signed in and keeps
the roots. --factory makes the phone as new. What went and what stays is printed.`,
		Example: "  ocphone reset --paper-clip --state phone1",
		RunE: func(*cobra.Command, []string) error {
			if n := countTrue(clip, user, factory); n != 1 {
				return usagef("choose one of --paper-clip, --user and --factory")
			}
			return withPhone(state, false, func(p *device.Phone) error {
				var diff certstore.Diff
				var err error
				switch {
				case clip:
					diff, err = p.PressReset()
				case factory:
					diff, err = p.FactoryReset()
				default:
					err = p.ResetUser()
					diff.Kept = p.Snapshot().Roots
				}
				if err != nil {
					return err
				}
				return e.showDiff(diff)
			})
		},
	}
	c.Flags().StringVar(&state, "state", "", "`FOLDER` of the phone")
	c.Flags().BoolVar(&clip, "paper-clip", false, "empty the certificate store (R1.3)")
	c.Flags().BoolVar(&user, "user", false, "forget the user")
	c.Flags().BoolVar(&factory, "factory", false, "make the phone as new")
	return c
}

func countTrue(flags ...bool) (n int) {
	for _, f := range flags {
		if f {
			n++
		}
	}
	return n
}

func hasPrefixOf(fingerprint string, prefixes []string) bool {
	return len(prefixes) == 0 ||
		slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(fingerprint, p) })
}
