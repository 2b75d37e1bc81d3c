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
)

// When the phone asks Active Directory (R1.2): only for the SIP server's
// certificate, only when the one thing wrong with it is that no chain leads to
// a trusted root, and at most once per connection attempt.

// trusted is the step of a good verdict. It says that Active Directory is not
// asked, and whether a reset would change that.
func trusted(v certstore.Verdict) journal.Step {
	s := journal.Step{Name: journal.Trust, State: journal.OK, Asked: "the certificate of " + v.Name,
		Decided: v.Sentence + " Active Directory is not asked for roots.", Because: "R1.2", Details: v.Details()}
	switch {
	case v.Anchor == nil:
	case v.Anchor.Source.Kind == certstore.Import:
		s.Fix = "A reset makes the phone ask again: this server is trusted through a root that was imported by hand, " +
			"which a reset takes away."
	case v.Anchor.Downloaded():
		s.Fix = "A root that is published from now on, say that of the Edge, does not arrive while a stored one " +
			"satisfies the pool: push a paper clip into the reset hole, then sign in once inside (R1.3, R1.4)."
	default:
		s.Fix = "A reset cannot make the phone ask: this server is trusted through a factory root, which a reset leaves. " +
			"A root that only others need, say that of the Edge, must be among the factory roots."
	}
	return s
}

// refusal is the failure of a certificate.
func refusal(v certstore.Verdict) *journal.Failure {
	f := &journal.Failure{Code: v.Code, Asked: "the certificate of " + v.Name, What: v.Sentence, Because: v.Rule,
		Details: v.Details()}
	switch {
	case v.NeedsOnlyRoot():
		f.Fix = publish(v.Issuer()) + ". Then, if the phone trusts its pool already, push the paper clip; " +
			"sign in once inside, where all published roots arrive (R1.3, R1.4)."
	case v.NeedsRoot(): // the certificate of an issuer has a flaw
		f.Fix = fmt.Sprintf("%s If %s is a root CA of its own, it also helps to publish its self-signed certificate "+
			"(certutil -f -dspublish ROOT.cer RootCA).", f.Code.Page().Change, v.MissingRoot())
	}
	return f
}

// publish says how an administrator publishes a root.
func publish(root string) string {
	return fmt.Sprintf("Publish the root of %s (certutil -f -dspublish ROOT.cer RootCA)", root)
}

// searchBlocker is why the phone does not ask Active Directory for the root that
// v needs; nil: it does.
func (a attempt) searchBlocker(v certstore.Verdict, fw Firmware, held certstore.Store) *journal.Failure {
	f := refusal(v)
	stops := fw.AnyDownloadedRootStops && slices.ContainsFunc(held.Roots(), certstore.Root.Downloaded)
	switch {
	case a.searched && !v.NeedsOnlyRoot():
		f.What = v.Sentence + " Active Directory was asked: it publishes no root that makes up for it."
	case a.searched:
		f.Code = journal.ADNoMatch
		f.What = fmt.Sprintf("%s Active Directory was asked: it publishes %s, and none of these leads there.",
			v.Sentence, strings.Join(atMost(maxNamed, a.found), "; "))
		if stops {
			f.Fix = publish(v.Issuer()) + ", push a paper clip into the reset hole, since this firmware does not ask again " +
				"while it holds any downloaded root, and sign in once inside (R1.3)."
		}
	case stops:
		f.What = v.Sentence + " This firmware does not ask Active Directory while it holds any downloaded root."
		f.Fix = "Push a paper clip into the reset hole, then sign in once inside (R1.3)."
	default:
		return nil
	}
	return f
}

// maxNamed bounds how many roots a sentence names.
const maxNamed = 5

// atMost returns names; it replaces those after the first most by their number.
func atMost(most int, names []string) []string {
	if more := len(names) - most; more > 0 {
		return append(slices.Clone(names[:most]), fmt.Sprintf("%d more", more))
	}
	return names
}

func rootNames(r adroots.Result) (names []string) {
	for _, root := range r.Roots {
		names = append(names, root.Subject())
	}
	if r.Duplicates > 0 {
		names = append(names, journal.Count(r.Duplicates,
			"root that the phone holds already", "roots that the phone holds already"))
	}
	return names
}

// noDirectory is the step of a search that found no domain controller, as is
// always so outside.
func noDirectory(f *journal.Failure, user string) journal.Step {
	s := f.Step(journal.Roots)
	if strings.Contains(user, "@") { // R1.5
		s.Fix += ` With a user name of the form user@suffix the domain is taken from the suffix, ` +
			`which need not be one of Active Directory: try DOMAIN\user.`
	}
	s.Fix = "Outside this is as it should be: roots arrive inside only (R1.4). Inside: " + s.Fix
	return s
}

// adConfig decides which domain is asked: the one in a setting, else that of
// DHCP option 15, else the UPN suffix of the user, else the SIP domain (R1.5).
func adConfig(c Credentials, setting string, n *network.Network, netbios bool) adroots.Config {
	cfg := adroots.Config{Password: c.Password, Resolver: resolver[adroots.SRV]{n}, Dialer: n}
	cfg.UserDomain, cfg.User = c.account()
	if netbios && n.Place().WINS != "" {
		cfg.NetBIOS = n
	}
	_, upn, _ := strings.Cut(cfg.User, "@")
	_, sip, _ := strings.Cut(c.Address, "@")
	switch suffix := n.Place().Suffix; {
	case setting != "":
		cfg.Domain, cfg.DomainFrom = setting, "a setting"
	case suffix != "":
		cfg.Domain, cfg.DomainFrom = suffix, "DHCP option 15"
	case upn != "":
		cfg.Domain, cfg.DomainFrom = upn, "the suffix of the user name"
	default:
		cfg.Domain, cfg.DomainFrom = sip, "the SIP domain"
	}
	if cfg.NetBIOSDomain = cfg.UserDomain; cfg.NetBIOSDomain == "" {
		first, _, _ := strings.Cut(cfg.Domain, ".")
		cfg.NetBIOSDomain = strings.ToUpper(first)
	}
	return cfg
}

// DownloadRoots asks Active Directory once, as a phone of that firmware plugged
// into place would, and installs nothing: it is what `check trust` shows. The
// domain to ask is taken from c and place if it is empty; netbios allows
// queries to the place's WINS server.
func DownloadRoots(ctx context.Context, place network.Place, fw Firmware, c Credentials, domain string, netbios bool,
	record journal.Recorder) (adroots.Result, error) {
	n := network.New(place, network.Options{})
	defer n.Close()
	cfg := adConfig(c, domain, n, netbios)
	cfg.Record, cfg.Now, cfg.HTTP = record, time.Now, fw.WebEnrolment
	if cfg.Domain == "" {
		return adroots.Result{}, &journal.Failure{Code: journal.ADNoDomain}
	}
	return adroots.Download(ctx, cfg)
}
