// Package adroots downloads root certificates from Active Directory. The phone
// trusts no server of the company until it has read the published roots from a
// domain controller (R1.1).
//
// It follows R1.1, R1.2 and R1.5, docs/protocol/trust.md#root-download,
// docs/decisions.md#no-root-over-an-unauthenticated-channel and
// docs/decisions.md#do-no-harm.
// The phone cannot verify the DC's certificate yet. So it reads everything under
// SASL GSS-SPNEGO NTLM with sign and seal on a plain LDAP connection (RFC 4511,
// RFC 4422, MS-NLMP): an answer is accepted only if its sender has the session
// key, which depends on the user's password. A DC has that key. It also gives it
// to any computer of the domain that passes a log-on through to it (MS-NRPC
// 3.5.4.5.1); NTLM cannot distinguish these two.
//
//  1. Fill a Config; the caller decides on domain and account.
//  2. result, err := Download(ctx, config): finds a DC, binds, and reads all
//     published roots.
//  3. Add result.Roots to the certstore.Store; Download does not change it.
//
// Each decision on the way is a step of Config.Record. A failure that ends the
// download is returned and not recorded: the caller records it as the last step.
package adroots

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/go-ldap/ldap/v3"

	"github.com/ocphone/ocphone/certstore"
	"github.com/ocphone/ocphone/device/journal"
)

// Config is the domain, the account and the network of a download.
type Config struct {
	Domain        string // DNS name of the AD domain: DHCP option 15 or --domain, else the UPN suffix, else the SIP domain
	DomainFrom    string // which of these it is, for the step; may be empty
	NetBIOSDomain string // for NetBIOS name queries: from DOMAIN\user, else the first label of Domain

	User       string // a UPN is not split: it is here, with an empty UserDomain
	UserDomain string // DOMAIN of DOMAIN\user
	// Tried once (docs/decisions.md#do-no-harm); an empty one is refused, because its session
	// key is known
	Password string

	Resolver Resolver // required
	Dialer   Dialer   // required
	NetBIOS  NetBIOS  // nil: no NetBIOS queries
	HTTP     bool     // web enrolment as the second method

	Store  certstore.Store  // the present store; its roots are counted as duplicates
	Now    func() time.Time // the phone's clock; nil is time.Now
	Record journal.Recorder // nil drops the steps

	// Timeout is the limit of the whole download, in real time; 0 is DefaultTimeout.
	// What is left of it is divided among the controllers that are left.
	Timeout  time.Duration
	MaxRoots int   // accepted roots at most; 0 is DefaultMaxRoots
	MaxBytes int64 // octets read from one DC at most; 0 is DefaultMaxBytes
}

const (
	// DefaultTimeout is far above what 1500 roots took a Samba DC (0.5 s,
	// docs/peers.md#samba-as-a-domain-controller). A phone gives less if the time
	// limit of its sign-in is short.
	DefaultTimeout = 15 * time.Second
	// DefaultMaxRoots is twice the largest container in the tests.
	DefaultMaxRoots = 4096
	// DefaultMaxBytes holds a thousand values of the largest size that the schema allows.
	DefaultMaxBytes = 32 << 20

	maxControllers = 8    // tried one after the other
	maxRejected    = 1000 // values listed in Result.Rejected
	maxDetails     = 50   // lines of a step about rejected values, referrals
)

// Resolver answers DNS queries. It returns the records in the order of RFC 2782,
// and the server that answered.
type Resolver interface {
	LookupSRV(ctx context.Context, name string) (records []SRV, by string, err error)
}

// SRV is a record of RFC 2782.
type SRV struct {
	Target                 string
	Port, Priority, Weight uint16
}

// Dialer connects to host:port and resolves names itself.
type Dialer interface {
	DialContext(ctx context.Context, network, hostport string) (net.Conn, error)
}

// NetBIOS answers name queries (RFC 1002).
type NetBIOS interface {
	Query(ctx context.Context, name string, suffix byte) (addrs []netip.Addr, by string, err error)
}

// Result is the result of a download.
type Result struct {
	Roots      []certstore.Root // to install, in the directory's order, without duplicates
	Server     string           // the DC that answered, host:port
	Domain     string           // the domain that was asked
	Duplicates int              // values that Config.Store or an earlier value holds
	Rejected   []Rejected       // values that are not root certificates, at most 1000
}

// Rejected is a value that is not installed.
type Rejected struct {
	DN          string            // of the object that holds it
	Certificate *x509.Certificate // nil: the value is no certificate
	Why         string
}

// String names the value by the subject of the certificate, since the object may
// bear any name.
func (r Rejected) String() string {
	if r.Certificate == nil {
		return r.DN + ": " + r.Why
	}
	return fmt.Sprintf("%s, in %s: %s", certstore.DistinguishedName(r.Certificate.RawSubject), r.DN, r.Why)
}

// Download finds a domain controller and reads every published root.
//
// It tries the next DC if one cannot be reached, is busy, or does not offer a
// sealed session. Refused credentials end it: the password is tried once.
//
// The error wraps a *journal.Failure with an ad.* code. If the directory
// answered, Result is filled even with an error: with ad.no-roots it lists the
// rejected values.
func Download(ctx context.Context, c Config) (Result, error) {
	d := &download{Config: c, Result: Result{Domain: c.Domain}}
	d.Timeout = cmp.Or(c.Timeout, DefaultTimeout)
	d.MaxRoots = cmp.Or(c.MaxRoots, DefaultMaxRoots)
	d.MaxBytes = cmp.Or(c.MaxBytes, DefaultMaxBytes)
	if d.Now == nil {
		d.Now = time.Now
	}
	err := d.run(ctx)
	return d.Result, err
}

// download is one run.
type download struct {
	Config
	Result
	held         map[string]bool // DER of the roots accepted from this DC
	moreRejected int             // rejected values beyond maxRejected
}

func (d *download) run(ctx context.Context) error {
	if d.Config.Domain == "" {
		return &journal.Failure{Code: journal.ADNoDomain, Because: "R1.5"}
	}
	if d.Password == "" {
		return &journal.Failure{
			Code:    journal.ADCredentials,
			Asked:   "the roots of " + d.Config.Domain + " as " + d.account(),
			What:    "Without a password no domain controller was asked: everybody would know the session key",
			Because: bindRule,
			Fix:     "Sign in with a password.",
		}
	}
	ctx, cancel := context.WithTimeout(ctx, d.Timeout)
	defer cancel()
	controllers, err := d.findControllers(ctx)
	if err != nil {
		return err
	}
	var failure *journal.Failure
	for i, dc := range controllers {
		end, _ := ctx.Deadline()
		err := d.downloadFrom(ctx, dc, time.Until(end)/time.Duration(len(controllers)-i))
		if err == nil {
			return nil
		}
		f := journal.FailureOf(err)
		if ctx.Err() != nil || !tryNext(f.Code) {
			return f
		}
		if len(controllers) > 1 {
			s := f.Step(journal.Roots)
			s.State = journal.Warned
			d.Record.Record(s)
		}
		// A failure of a DC that answered is more useful than that of an unreachable one.
		if failure == nil || failure.Code == journal.ADUnreachable {
			failure = f
		}
	}
	return failure
}

// tryNext reports whether to try the next DC after a failure with code c. It is
// false after a rejected password (docs/decisions.md#do-no-harm) and after a forged or
// malformed answer, which an administrator must see.
func tryNext(c journal.Code) bool {
	return c == journal.ADUnreachable || c == journal.ADWeakBind
}

// downloadFrom does everything with one domain controller, within limit.
func (d *download) downloadFrom(ctx context.Context, dc controller, limit time.Duration) error {
	d.Result, d.held, d.moreRejected = Result{Domain: d.Config.Domain}, map[string]bool{}, 0
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	nc, err := d.Dialer.DialContext(ctx, "tcp", dc.address())
	if err != nil {
		return dc.unreachable(err)
	}
	defer nc.Close()
	defer context.AfterFunc(ctx, func() { nc.SetDeadline(time.Unix(1, 0)) })()
	c := newConn(nc, d.MaxBytes)
	if err := d.bind(c, dc); err != nil {
		return err
	}
	// From here on every answer is sealed under the session key.
	d.Server = dc.address()
	dir := &directory{conn: c, ldap: ldap.NewConn(c, false), dc: dc}
	dir.ldap.Start()
	defer dir.ldap.Close() // ends go-ldap's goroutines and the connection
	return d.read(ctx, dir)
}

// read reads the roots from the directory.
func (d *download) read(ctx context.Context, dir *directory) error {
	config, err := d.configuration(dir)
	if err != nil {
		return err
	}
	objects, err := d.search(dir, "CN=Certification Authorities,CN=Public Key Services,CN=Services,"+config,
		"certificationAuthority", "R1.1; TechNet dd572460, Root CA Certificate for Communicator Phone Edition")
	if err != nil {
		return err
	}
	var values []value
	for _, o := range objects {
		for _, der := range o.certificates {
			values = append(values, value{dn: o.dn, der: der})
		}
	}
	if !d.parse(ctx, values) {
		return &journal.Failure{
			Code:    journal.ADProtocol,
			Asked:   "the published values of " + d.Config.Domain,
			By:      d.Server,
			What:    "The published values could not be checked in the time allowed",
			Because: "limit of ocphone",
			Err:     ctx.Err(),
		}
	}
	for _, v := range values {
		d.accept(v, certstore.Source{Kind: certstore.AD, DN: v.dn, Server: d.Server})
	}
	if d.HTTP && len(d.Roots)+d.Duplicates == 0 {
		err = d.enrol(ctx, dir, config)
	}
	d.report()
	if err != nil || len(d.Roots)+d.Duplicates > 0 {
		return err
	}
	return &journal.Failure{Code: journal.ADNoRoots, By: d.Server, Because: "R1.1",
		Asked:    "certificationAuthority objects of " + d.Config.Domain,
		Answered: journal.Count(len(objects), "object", "objects") + " without a usable root certificate",
		What:     "No root certificate is published in the Active Directory of " + d.Config.Domain}
}

// account is the user name in the form that a person types.
func (d *download) account() string {
	if d.UserDomain != "" {
		return d.UserDomain + `\` + d.User
	}
	return d.User
}

// report records the result as two steps at most.
func (d *download) report() {
	if n := len(d.Roots); n > 0 || d.Duplicates > 0 {
		s := journal.Step{
			Name:    journal.Roots,
			State:   journal.OK,
			By:      d.Server,
			Decided: fmt.Sprintf("%s to install", journal.Count(n, "root", "roots")),
			Because: "R1.1: every root that is found is installed",
		}
		if d.Duplicates > 0 {
			s.Decided += fmt.Sprintf(", %s held already", journal.Count(d.Duplicates, "value", "values"))
		}
		for i, r := range d.Roots {
			if i == maxDetails {
				s.Details = append(s.Details, fmt.Sprintf("and %d more", n-maxDetails))
				break
			}
			line := fmt.Sprintf("%s, %s, SHA-256 %s", r.Subject(), r.Key(), r.Fingerprint())
			if note := validityNote(r.Certificate, d.Now()); note != "" {
				line += ", " + note // it is installed; the verdict refuses it later
			}
			s.Details = append(s.Details, line)
		}
		d.Record.Record(s)
	}
	if n := len(d.Rejected) + d.moreRejected; n > 0 {
		s := journal.Step{Name: journal.Roots, State: journal.Warned, By: d.Server,
			Decided: fmt.Sprintf("%s not installed", journal.Count(n, "value", "values")), Because: "R1.1: roots only",
			Fix: "Publish self-signed CA certificates only, and remove these values from " +
				"CN=Certification Authorities (adsiedit.msc)."}
		for _, r := range d.Rejected[:min(len(d.Rejected), maxDetails)] {
			s.Details = append(s.Details, r.String())
		}
		if n > maxDetails {
			s.Details = append(s.Details, fmt.Sprintf("and %d more", n-maxDetails))
		}
		d.Record.Record(s)
	}
}

func validityNote(c *x509.Certificate, now time.Time) string {
	switch {
	case now.After(c.NotAfter):
		return "expired on " + c.NotAfter.UTC().Format(time.DateOnly)
	case now.Before(c.NotBefore):
		return "not valid before " + c.NotBefore.UTC().Format(time.DateOnly)
	}
	return ""
}

// errText is the text of err; of a Failure it is only the sentence.
func errText(err error) string {
	var f *journal.Failure
	if errors.As(err, &f) && f.What != "" {
		return f.What
	}
	return err.Error()
}
