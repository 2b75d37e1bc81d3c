package device

import (
	"cmp"
	"context"
	"strings"
	"time"

	"github.com/ocphone/ocphone/certstore"
	"github.com/ocphone/ocphone/certstore/adroots"
	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/network"
	"github.com/ocphone/ocphone/device/sipua"
	"github.com/ocphone/ocphone/device/trust"
)

// The phone asks Active Directory about the SIP server's certificate only, and at
// most once in a connection attempt; package trust decides about the rest (R1.2).

// judged is the verdict on the certificate of server, with what the phone knows.
func (s *session) judged(v certstore.Verdict, server sipua.Candidate) trust.Case {
	c := trust.Case{
		Verdict:             v,
		Held:                s.store,
		DownloadedRootStops: s.cfg.Firmware.AnyDownloadedRootStops,
		Directory:           s.attempt.directory,
		Clock:               s.setBy,
	}
	switch from := server.From; { // docs/protocol/phone.md#finding-the-sip-server
	case s.cfg.Registrar != "":
		c.Name = trust.Registrar
	case strings.HasPrefix(from, "SRV _sipinternaltls."):
		c.Side = trust.Inside
	case strings.HasPrefix(from, "SRV "):
		c.Side = trust.Outside
	case strings.HasPrefix(from, "A sipinternal."):
		c.Side, c.Name = trust.Inside, trust.Fixed
	case strings.HasPrefix(from, "A sipexternal."), strings.HasPrefix(from, "A ") && server.Port == sipua.PortEdge:
		c.Side, c.Name = trust.Outside, trust.Fixed
	default:
		c.Name = trust.Fixed
	}
	return c
}

// directoryOf is what r says of Active Directory to package trust.
func directoryOf(r adroots.Result) *trust.Directory {
	d := &trust.Directory{Server: r.Server, Roots: rootNames(r)}
	for _, x := range r.Rejected {
		if x.Certificate == nil {
			continue
		}
		if _, err := adroots.ParseRoot(x.Certificate.Raw); err != nil { // else it is above the limit
			d.Other = append(d.Other, x.Certificate)
		}
	}
	return d
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

// noDirectory completes the remedy of a search that found no domain controller.
func noDirectory(f *journal.Failure, user string) {
	if f.Code == journal.ADNoController && strings.Contains(user, "@") { // R1.5
		f.Fix = cmp.Or(f.Fix, f.Code.Page().Change) + ` With a user name of the form user@suffix the domain is taken ` +
			`from the suffix, which need not be one of Active Directory: try DOMAIN\user.`
	}
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
