package device

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ocphone/ocphone/certstore"
	"github.com/ocphone/ocphone/certstore/adroots"
	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/network"
	"github.com/ocphone/ocphone/device/sipua"
)

// When the phone asks Active Directory (R1.2): only for the SIP server's
// certificate, only when the one thing wrong with it is that no chain leads to
// a trusted root, and at most once per connection attempt.

// trusted is the step of a good verdict. It says that Active Directory is not
// asked, and whether a reset would change that.
func (c connecting) trusted(v certstore.Verdict) journal.Step {
	s := journal.Step{Name: journal.Trust, State: journal.OK, Asked: "the certificate of " + v.Name,
		Decided: v.Sentence + " Active Directory is not asked for roots.", Because: "R1.2", Details: v.Details()}
	switch {
	case v.Anchor == nil:
	case v.Anchor.Source.Kind == certstore.Import:
		s.Fix = "A reset makes the phone ask again: this server is trusted through a root that was imported by hand, which a reset takes away."
	case v.Anchor.Downloaded():
		s.Fix = "A root that is published from now on, say that of the Edge, does not arrive while a stored one satisfies the pool: push a paper clip into the reset hole, then sign in once inside (R1.3, R1.4)."
	default:
		s.Fix = "A reset cannot make the phone ask: this server is trusted through a factory root, which a reset leaves. A root that only others need, say that of the Edge, must be among the factory roots."
	}
	return s
}

// refusal is the failure of a certificate.
func refusal(v certstore.Verdict) *journal.Failure {
	f := &journal.Failure{Code: v.Code, Asked: "the certificate of " + v.Name, What: v.Sentence, Because: v.Rule, Details: v.Details()}
	if v.NeedsRoot() {
		f.Fix = fmt.Sprintf("Publish the root of %s (certutil -f -dspublish ROOT.cer RootCA). Then, if the phone trusts its pool already, push the paper clip; sign in once inside, where all published roots arrive (R1.3, R1.4).", v.Issuer())
	}
	return f
}

// considerSearch decides about a certificate that needs a root.
func (p *Phone) considerSearch(out outcome) {
	v := *out.verdict
	f := refusal(v)
	switch {
	case p.attempt.searched:
		f.Code = journal.ADNoMatch
		f.What = fmt.Sprintf("%s Active Directory was asked: it publishes %s, and none of these leads there.", v.Sentence, list(p.attempt.found))
		if p.cfg.Firmware.AnyDownloadedRootStops && downloaded(p.store) {
			f.Fix = fmt.Sprintf("Publish the root of %s (certutil -f -dspublish ROOT.cer RootCA), push a paper clip into the reset hole, since this firmware does not ask again while it holds any downloaded root, and sign in once inside (R1.3).", v.Issuer())
		}
		p.fail(f, journal.Trust)
	case p.cfg.Firmware.AnyDownloadedRootStops && downloaded(p.store):
		f.What = v.Sentence + " This firmware does not ask Active Directory while it holds any downloaded root."
		f.Fix = "Push a paper clip into the reset hole, then sign in once inside (R1.3)."
		p.fail(f, journal.Trust)
	default:
		s := f.Step(journal.Trust)
		s.State, s.Fix, s.Because = journal.Warned, "", "R1.2"
		s.Decided = v.Sentence + " The phone asks Active Directory for roots."
		p.step(s)
		p.search(out.at, v)
	}
}

// maxNamed bounds how many roots a sentence names.
const maxNamed = 5

func list(names []string) string {
	if more := len(names) - maxNamed; more > 0 {
		names = append(slices.Clone(names[:maxNamed]), fmt.Sprintf("%d more", more))
	}
	return strings.Join(names, "; ")
}

func downloaded(s certstore.Store) bool {
	for _, r := range s.Roots() {
		if r.Downloaded() {
			return true
		}
	}
	return false
}

// search is the errand that downloads roots and then dials again.
func (p *Phone) search(at sipua.Candidate, v certstore.Verdict) {
	p.attempt.searched, p.attempt.again = true, &at
	cfg := adConfig(p.creds.User, p.creds.Address, p.cfg.Domain, p.net)
	cfg.Password = p.creds.Password
	cfg.HTTP, cfg.Store, cfg.Now = p.cfg.Firmware.WebEnrolment, p.store, p.clock.Now
	if p.cfg.NetBIOS && p.net.Place().WINS != "" {
		cfg.NetBIOS = p.net
	}
	p.errand(func(ctx context.Context, rec journal.Recorder) (apply, drop func()) {
		cfg.Record = rec
		result, err := adroots.Download(ctx, cfg)
		return func() { p.searched(v, result, err) }, nil
	})
}

// searched takes the result of the search.
func (p *Phone) searched(v certstore.Verdict, result adroots.Result, err error) {
	if err != nil {
		f := journal.FailureOf(err)
		switch f.Code {
		case journal.ADNoDomain, journal.ADNoController:
			// There is nobody to ask, as always outside: the certificate is
			// what a person must act on.
			s := f.Step(journal.Roots)
			if strings.Contains(p.creds.User, "@") { // R1.5
				s.Fix += ` With a user name of the form user@suffix the domain is taken from the suffix, which need not be one of Active Directory: try DOMAIN\user.`
			}
			s.Fix = "Outside this is as it should be: roots arrive inside only (R1.4). Inside: " + s.Fix
			p.step(s)
			refused := refusal(v)
			refused.Details = nil // they are in the step that led to the search
			refused.What = v.Sentence + " Active Directory could not be asked from here."
			p.fail(refused, journal.Trust)
		default:
			f.Details = append(f.Details, "wanted: "+v.Issuer())
			p.fail(f, journal.Roots)
		}
		return
	}
	diff, err := p.install(result.Roots)
	if err != nil {
		p.fail(journal.FailureOf(err), journal.Roots)
		return
	}
	for _, r := range result.Roots {
		p.attempt.found = append(p.attempt.found, r.Subject())
	}
	if result.Duplicates > 0 {
		p.attempt.found = append(p.attempt.found, journal.Count(result.Duplicates, "root that the phone holds already", "roots that the phone holds already"))
	}
	p.step(journal.Step{Name: journal.Roots, State: journal.OK, By: result.Server, Because: "R1.1",
		Decided: fmt.Sprintf("All that was found is installed: %s, %d held before. The phone dials again.", journal.Count(len(diff.Came), "new root", "new roots"), result.Duplicates)})
	p.connect()
}

// adConfig settles whom to ask: the domain is the one told, else that of DHCP
// option 15, else the UPN suffix of the user, else the SIP domain (R1.5).
func adConfig(user, address, told string, n *network.Network) adroots.Config {
	c := adroots.Config{User: user, Resolver: adResolver{n}, Dialer: n}
	netbios, sam, down := strings.Cut(user, `\`)
	if down {
		c.UserDomain, c.User, c.NetBIOSDomain = netbios, sam, netbios
	}
	_, upn, _ := strings.Cut(c.User, "@")
	_, sip, _ := strings.Cut(address, "@")
	switch suffix := n.Place().Suffix; {
	case told != "":
		c.Domain, c.DomainFrom = told, "a setting"
	case suffix != "":
		c.Domain, c.DomainFrom = suffix, "DHCP option 15"
	case upn != "":
		c.Domain, c.DomainFrom = upn, "the suffix of the user name"
	default:
		c.Domain, c.DomainFrom = sip, "the SIP domain"
	}
	if c.NetBIOSDomain == "" {
		first, _, _ := strings.Cut(c.Domain, ".")
		c.NetBIOSDomain = strings.ToUpper(first)
	}
	return c
}

// adResolver shows the network to adroots.
type adResolver struct{ n *network.Network }

func (r adResolver) LookupSRV(ctx context.Context, name string) ([]adroots.SRV, string, error) {
	found, by, err := r.n.LookupSRV(ctx, name)
	records := make([]adroots.SRV, len(found))
	for i, s := range found {
		records[i] = adroots.SRV(s)
	}
	return records, by, err
}

// DownloadRoots asks Active Directory once, as a phone of that firmware plugged
// into place would, and installs nothing: it is what `check trust` shows.
func DownloadRoots(ctx context.Context, place network.Place, fw Firmware, c Credentials, domain string, netbios bool, record journal.Recorder) (adroots.Result, error) {
	n := network.New(place, network.Options{})
	defer n.Close()
	cfg := adConfig(c.User, c.Address, domain, n)
	cfg.Password, cfg.Record, cfg.Now, cfg.HTTP = c.Password, record, time.Now, fw.WebEnrolment
	if cfg.Domain == "" {
		return adroots.Result{}, &journal.Failure{Code: journal.ADNoDomain}
	}
	if netbios && place.WINS != "" {
		cfg.NetBIOS = n
	}
	return adroots.Download(ctx, cfg)
}
