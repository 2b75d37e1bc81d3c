package adroots

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"

	"github.com/ocphone/ocphone/device/journal"
)

// controller is a domain controller that DNS or NetBIOS named.
type controller struct {
	host string // DNS name, or an address that NetBIOS gave
	port uint16
}

func (c controller) address() string {
	return net.JoinHostPort(c.host, strconv.Itoa(int(c.port)))
}

// unreachable is the failure of a connection. If err holds a Failure, that says what
// to change at the host or in its records.
func (c controller) unreachable(err error) error {
	f := &journal.Failure{
		Code:    journal.ADUnreachable,
		Asked:   "LDAP connection to " + c.address(),
		By:      c.address(),
		What:    fmt.Sprintf("The domain controller %s cannot be reached", c.host),
		Because: "R1.5",
		Err:     err,
	}
	var cause *journal.Failure
	if errors.As(err, &cause) {
		f.Fix = cause.Step(journal.Roots).Fix + " From the Internet this must fail: roots arrive inside only (R1.4)."
	}
	return f
}

// ldapPort is the default port of LDAP, RFC 4516 2.
const ldapPort uint16 = 389

// findControllers looks up domain controllers by DNS, then by NetBIOS if that is
// configured (R1.5). The names are those of MS-ADTS 6.3.6; the second name is any
// LDAP server of the domain.
func (d *download) findControllers(ctx context.Context) ([]controller, error) {
	domain := strings.TrimSuffix(d.Config.Domain, ".")
	var tried []string
	var cause error
	for _, prefix := range []string{"_ldap._tcp.dc._msdcs.", "_ldap._tcp."} {
		name := prefix + domain
		records, by, err := d.Resolver.LookupSRV(ctx, name)
		var found []controller
		for _, r := range records {
			host := strings.TrimSuffix(r.Target, ".") // RFC 2782: the target "." means that there is no server
			if host != "" && len(found) < maxControllers {
				found = append(found, controller{host, cmp.Or(r.Port, ldapPort)})
			}
		}
		if err == nil && len(found) == 0 {
			err = fmt.Errorf("no usable record")
		}
		tried = append(tried, d.recordLookup("SRV "+name, by, found, err))
		if err == nil {
			return found, nil
		}
		cause = err
	}
	if d.NetBIOS != nil && d.NetBIOSDomain != "" {
		const group = 0x1c // the domain controllers of a domain, RFC 1001 and MS-BRWS
		addrs, by, err := d.NetBIOS.Query(ctx, d.NetBIOSDomain, group)
		var found []controller
		for _, a := range addrs[:min(len(addrs), maxControllers)] {
			found = append(found, controller{a.String(), ldapPort})
		}
		if err == nil && len(found) == 0 {
			err = fmt.Errorf("no address")
		}
		asked := fmt.Sprintf("NetBIOS %s<%02X>", strings.ToUpper(d.NetBIOSDomain), group)
		tried = append(tried, d.recordLookup(asked, by, found, err))
		if err == nil {
			return found, nil
		}
		cause = err
	}
	return nil, &journal.Failure{
		Code:    journal.ADNoController,
		Asked:   strings.Join(tried, ", "),
		What:    "No domain controller of " + domain + " was found" + d.domainSource(),
		Because: "R1.5",
		Fix: fmt.Sprintf(`Publish the SRV record _ldap._tcp.dc._msdcs.%[1]s, to port 389 of a domain controller, in the DNS `+
			`that the phone asks ("nltest /dsregdns" on the controller registers it again). If %[1]s is not the domain of `+
			`Active Directory, name that: DHCP option 15, --domain, or a user name of the form DOMAIN\user.`, domain),
		Err: cause,
	}
}

// recordLookup records one look-up and returns asked.
func (d *download) recordLookup(asked, by string, found []controller, err error) string {
	s := journal.Step{Name: journal.Roots, State: journal.OK, Asked: asked, By: by, Because: "R1.5"}
	if err != nil {
		s.State, s.Answered = journal.Warned, errText(err)
		s.Decided = "No domain controller by this name" + d.domainSource()
		s.Code = journal.ADNoController
	} else {
		names := make([]string, len(found))
		for i, c := range found {
			names[i] = c.address()
		}
		s.Answered = strings.Join(names, ", ")
		s.Decided = "Ask " + found[0].host + " for the roots of " + d.Config.Domain + d.domainSource()
	}
	d.Record.Record(s)
	return asked
}

func (d *download) domainSource() string {
	if d.DomainFrom == "" {
		return ""
	}
	return " (domain from " + d.DomainFrom + ")"
}
