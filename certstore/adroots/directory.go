package adroots

import (
	"errors"
	"fmt"
	"strings"

	"github.com/go-ldap/ldap/v3"

	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/ntlm"
)

// pageSize is under AD's MaxPageSize of 1000 (MS-ADTS 3.1.1.3.4.6).
const pageSize = 500

// directory is the sealed LDAP session.
type directory struct {
	conn *conn
	ldap *ldap.Conn
	dc   controller
}

// object is a directory object that holds certificates.
type object struct {
	dn           string
	host         string   // dNSHostName of an enrolment service
	certificates [][]byte // values of cACertificate, each once
}

// configuration reads from the rootDSE where the configuration of the forest is.
func (d *download) configuration(dir *directory) (string, error) {
	const attribute = "configurationNamingContext" // MS-ADTS 3.1.1.3.2.2
	asked := "rootDSE " + attribute
	r, err := dir.ldap.Search(ldap.NewSearchRequest("", ldap.ScopeBaseObject, ldap.NeverDerefAliases, 1, 0, false,
		"(objectClass=*)", []string{attribute}, nil))
	if err != nil {
		return "", dir.conn.failureOf(err, dir.dc, asked)
	}
	var config string
	if len(r.Entries) > 0 {
		config = r.Entries[0].GetEqualFoldAttributeValue(attribute)
	}
	if config == "" || len(config) > 1024 {
		return "", &journal.Failure{
			Code:    journal.ADProtocol,
			Asked:   asked,
			By:      dir.dc.address(),
			What:    "The server has no configuration naming context: it is not an Active Directory",
			Because: "MS-ADTS 3.1.1.3.2.2",
		}
	}
	d.Record.Record(journal.Step{Name: journal.Roots, State: journal.OK, Asked: asked, Answered: printable(config),
		By: dir.dc.address(), Decided: "The forest's configuration partition holds the published roots", Because: "R1.1"})
	return config, nil
}

// search returns the objects of a category below base; none if base does not
// exist. Referrals are recorded but not followed: the password is not sent to
// another server.
func (d *download) search(dir *directory, base, category, because string) ([]object, error) {
	filter := "(objectCategory=" + category + ")"
	// AD returns cACertificate;binary; Samba does not know that name
	// (docs/peers.md#samba-as-a-domain-controller).
	attributes := []string{"cACertificate;binary", "cACertificate", "dNSHostName"}
	s := journal.Step{Name: journal.Roots, State: journal.OK, By: dir.dc.address(), Because: because,
		Asked: fmt.Sprintf("base %s, filter %s", printable(base), filter)}
	request := ldap.NewSearchRequest(base, ldap.ScopeWholeSubtree, ldap.NeverDerefAliases, 0, 0, false,
		filter, attributes, nil)
	r, err := dir.ldap.SearchWithPaging(request, pageSize)
	var entries []*ldap.Entry
	if r != nil {
		entries = r.Entries
		for _, u := range r.Referrals[:min(len(r.Referrals), maxDetails)] {
			s.State, s.Details = journal.Warned, append(s.Details, "referral not followed: "+printable(u))
		}
	}
	switch {
	case err == nil:
	case ldap.IsErrorWithCode(err, ldap.LDAPResultNoSuchObject):
		s.State, s.Details = journal.Warned, append(s.Details, "the base does not exist")
	case len(entries) > 0 && ldap.IsErrorAnyOf(err, ldap.LDAPResultTimeLimitExceeded, ldap.LDAPResultSizeLimitExceeded,
		ldap.LDAPResultAdminLimitExceeded):
		s.State, s.Details = journal.Warned, append(s.Details, "the server returned only a part: "+printable(err.Error()))
	default:
		return nil, dir.conn.failureOf(err, dir.dc, s.Asked)
	}
	var values int
	objects := make([]object, len(entries))
	for i, e := range entries {
		objects[i] = object{dn: printable(e.DN), host: printable(e.GetEqualFoldAttributeValue("dNSHostName"))}
		seen := map[string]bool{} // a server may return the same values under both names
		for _, a := range e.Attributes {
			name, _, _ := strings.Cut(a.Name, ";") // options: binary, range
			if !strings.EqualFold(name, "cACertificate") {
				continue
			}
			for _, v := range a.ByteValues {
				if !seen[string(v)] {
					seen[string(v)] = true
					objects[i].certificates = append(objects[i].certificates, v)
				}
			}
		}
		values += len(objects[i].certificates)
	}
	s.Answered = fmt.Sprintf("%s, %s of cACertificate",
		journal.Count(len(objects), "object", "objects"), journal.Count(values, "value", "values"))
	s.Decided = "Each certificate that is published there is examined"
	if values == 0 {
		s.Decided = "No certificate is published there"
	}
	d.Record.Record(s)
	return objects, nil
}

// failureOf turns an error of the connection or of go-ldap into a Failure.
func (c *conn) failureOf(err error, dc controller, asked string) *journal.Failure {
	f := &journal.Failure{Asked: asked, By: dc.address(), Because: bindRule, Err: err}
	var refused *ldap.Error
	if errors.As(err, &refused) && refused.ResultCode < ldap.ErrorNetwork { // an LDAP result code of the server
		f.Code, f.Because, f.Err = journal.ADProtocol, "RFC 4511 4.5.2", nil
		f.Answered = resultText(int64(refused.ResultCode), printable(fmt.Sprint(refused.Err)))
		f.What = "The domain controller refused the search"
		if refused.ResultCode == ldap.LDAPResultReferral {
			f.What = "The domain controller refers to another server, which is not followed"
		}
		return f
	}
	cause := c.firstCause()
	if cause != nil {
		f.Err = cause
	}
	switch {
	case errors.Is(cause, ntlm.ErrSignature), errors.Is(cause, errUnsealed):
		f.Code = journal.ADUnverified
		f.What = "The domain controller's answer is not sealed under the session key; it was not used"
	case cause == nil, errors.Is(cause, errTooLarge), errors.Is(cause, errNotBER):
		f.Code, f.What = journal.ADProtocol, "The domain controller's answer is malformed or too large"
	default: // closed, timed out
		f.Code, f.Because = journal.ADUnreachable, "R1.5"
		f.What = "The domain controller closed the connection or did not answer in time"
	}
	return f
}
