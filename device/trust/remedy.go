package trust

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ocphone/ocphone/certstore"
	"github.com/ocphone/ocphone/device/journal"
)

// Remedy says what an administrator changes so that the phone trusts the server;
// empty for a good verdict. Each cause among the findings of the deciding policy
// has its sentence. An unknown root is left out beside other causes: Active
// Directory, which may hold it, is asked when they are gone (R1.2).
func (c Case) Remedy() string {
	findings := c.Verdict.Answers[c.Verdict.Policy].Findings
	var all []string
	for _, f := range findings {
		if f.Code == journal.CertSelfSigned { // R1.6: no change of this certificate helps
			return f.Code.Page().Change
		}
		if f.Code == journal.CertUntrusted && len(findings) > 1 {
			continue
		}
		if r := c.remedyOf(f); !slices.Contains(all, r) {
			all = append(all, r)
		}
	}
	if v := c.Verdict; v.NeedsRoot() && !v.NeedsOnlyRoot() { // of a path without that flaw
		all = append(all, fmt.Sprintf("If %s is a root CA of its own, it also helps to %s%s.", v.MissingRoot(),
			c.publish("its self-signed certificate"), c.then()))
	}
	return strings.Join(all, " ")
}

func (c Case) remedyOf(f certstore.Finding) string {
	switch f.Code {
	case journal.CertName:
		return c.nameRemedy()
	case journal.CertExpired, journal.CertNotYetValid:
		return c.timeRemedy(f)
	case journal.CertUntrusted:
		return c.rootRemedy()
	}
	return f.Code.Page().Change
}

// nameRemedy is for a certificate that does not bear the name of the server.
func (c Case) nameRemedy() string {
	path := c.Verdict.Answers[c.Verdict.Policy].Path
	if len(path) == 0 { // no name was asked for
		return journal.CertName.Page().Change
	}
	leaf, name := path[0], journal.Printable(c.Verdict.Name, maxText)
	names := slices.Clone(leaf.DNSNames)
	for i := range names {
		names[i] = journal.Printable(names[i], maxText)
	}
	switch noName := len(names)+len(leaf.IPAddresses) == 0; {
	case noName && c.Verdict.Policy == certstore.Policy2007 && leaf.Subject.CommonName != "":
		names = []string{journal.Printable(leaf.Subject.CommonName, maxText)}
	case noName:
		return fmt.Sprintf("Issue the certificate again with a subject alternative name, the DNS name %s. Clients of today "+
			"do not look at the common name.", name)
	}
	other := "bears"
	if len(names) > 0 {
		other += " (" + journal.List(maxNamed, ", ", names) + ")"
	}
	switch c.Name {
	case Registrar:
		return fmt.Sprintf("Issue the certificate for %s too, or give --registrar a name that it %s.", name, other)
	case Fixed:
		return fmt.Sprintf("Issue the certificate for %s too.", name)
	}
	return fmt.Sprintf("Issue the certificate for %s too, or let the SRV record lead to a host whose name it %s.",
		name, other)
}

// timeRemedy is for a certificate outside its validity. After a large jump of the
// clock the time server comes first.
func (c Case) timeRemedy(f certstore.Finding) string {
	a := c.Verdict.Answers[c.Verdict.Policy]
	change := "Renew the certificate of " + journal.Printable(c.Verdict.Name, maxText)
	switch {
	case a.Anchor != nil && f.Subject == a.Anchor.Subject():
		change = fmt.Sprintf("Renew the root %s and publish the new certificate (%s)%s", f.Subject, publish, c.then())
	case len(a.Path) > 0 && f.Subject != certstore.DistinguishedName(a.Path[0].RawSubject):
		change = fmt.Sprintf("Renew the CA certificate %s, and let the server send the new one", f.Subject)
	}
	if f.Code == journal.CertNotYetValid {
		change = "Wait until it is valid, or issue it again with an earlier start"
	}
	now := c.Verdict.At.UTC().Format("2006-01-02 15:04 UTC")
	switch {
	case c.Clock.Server == "":
		return fmt.Sprintf("%s. If %s is not the time, correct the phone's clock first: no time server has set it.",
			change, now)
	case c.Clock.Offset.Abs() >= LargeJump:
		return fmt.Sprintf("Correct the time server %s, which moved the phone's clock by %+d days, to %s. If that is the "+
			"time: %s%s.", c.Clock.Server, c.Clock.Days(), now, strings.ToLower(change[:1]), change[1:])
	}
	return fmt.Sprintf("%s. If %s is not the time, correct the time server %s first.", change, now, c.Clock.Server)
}

// publish is the command that publishes a root (R1.1).
const publish = "certutil -f -dspublish ROOT.cer RootCA"

// rootRemedy is for a chain that leads to no root of the phone.
func (c Case) rootRemedy() string {
	m, ok := c.Missing()
	switch {
	case c.Search() == Stopped:
		return "Push a paper clip into the reset hole, then sign in once inside (R1.3)."
	case !ok:
		return journal.CertUntrusted.Page().Change
	}
	from := ""
	if m.URL != "" {
		from = " (it comes from " + m.URL + ")"
	}
	send := fmt.Sprintf("let the server send the certificate of %s%s with its own", m.Name, from)
	switch {
	case m.Kind == Intermediate && m.AboveHeld:
		return capital(send) + fmt.Sprintf(": %s issued it, which is published or held. Then sign in again.", m.Above)
	case c.NoArrival:
		return fmt.Sprintf("A published root cannot help, since none arrives: issue the certificate from a CA whose root is "+
			"among the phone's factory roots, or change the certificate of the pool. If another CA issued %s%s, let the "+
			"server send it first.", m.Name, from)
	case m.Kind == Intermediate:
		return capital(send) + ", and " + c.publish("its root: "+m.Above+", which issued it, or the root above") +
			c.then() + "."
	case m.NewKey:
		return capital(c.publish(fmt.Sprintf("the present certificate of %s%s, which has another key than the one that the "+
			"phone holds or that is published", m.Name, from))) + c.then() + "."
	case m.Kind == Root:
		return capital(c.publish("the root "+m.Name+from)) + c.then() + "."
	case m.ToSend():
		return fmt.Sprintf("%s, and see that the root above it is published. If that certificate is self-signed, %s "+
			"instead%s.", capital(send), c.publish("it"), c.then())
	}
	return capital(c.publish("the root "+m.Name+from)) + c.then() +
		". If another CA issued that certificate, let the server send it too, and publish the root above instead."
}

// publish says how what reaches the phone, without a capital.
func (c Case) publish(what string) string {
	if c.Name == Registrar && c.Directory == nil {
		return fmt.Sprintf("give the phone %s (--roots file:ROOT.pem)", what)
	}
	return fmt.Sprintf("publish %s (%s)", what, publish)
}

// then is what follows a publication.
func (c Case) then() string {
	switch {
	case c.Name == Registrar && c.Directory == nil:
		return ""
	case c.Side == Outside && c.holdsDownloaded():
		return ". Then push a paper clip into the reset hole, since the phone asks no more while a stored root satisfies " +
			"the pool, and sign in once inside, where all published roots arrive (R1.3, R1.4)"
	case c.Side == Outside:
		return ". Then sign in once inside, where all published roots arrive, unless a factory root satisfies the pool " +
			"(R1.2, R1.4)"
	case c.DownloadedRootStops && c.Directory != nil && len(c.Directory.Roots) > 0:
		return ". Then push a paper clip into the reset hole, since this firmware does not ask again while it holds any " +
			"downloaded root, and sign in once inside (R1.3)"
	}
	return ". Then sign in again, inside"
}

func capital(s string) string { return strings.ToUpper(s[:1]) + s[1:] }
