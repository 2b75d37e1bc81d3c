package network

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"regexp"
	"strconv"
	"strings"

	"github.com/ocphone/ocphone/device/journal"
)

// HandshakeFailure explains err of a TLS handshake with hostport at remote, for
// errors that are not about a certificate. offered is the configuration of the
// phone. The code is tls.failed if the server refuses what the phone offers or
// speaks no TLS, which does not change by itself. It is net.failed if the server has
// an internal error or closes the connection, and sip.no-answer if it does not
// answer in time.
func HandshakeFailure(hostport, remote string, offered *tls.Config, err error) *journal.Failure {
	f := &journal.Failure{Code: journal.TLSFailed, Asked: "TLS handshake with " + hostport, By: remote, Err: err}
	host, port, _ := net.SplitHostPort(hostport)
	ours := TLSVersions(offered.MinVersion, offered.MaxVersion)
	var noTLS tls.RecordHeaderError
	var op *net.OpError
	switch {
	case errors.As(err, &noTLS):
		f.What = fmt.Sprintf("What listens at %s speaks no TLS: it answers %q", hostport,
			journal.Printable(string(noTLS.RecordHeader[:]), len(noTLS.RecordHeader)))
		f.Fix = fmt.Sprintf("Name a port of %s that speaks TLS, in the SRV record or in --registrar (5061 for SIP inside, "+
			"443 for an Edge), or let the server on port %s speak TLS.", host, port)
		f.Because = "RFC 5246 6.2.1"
	case selectedVersion(err) != 0:
		theirs := tls.VersionName(selectedVersion(err))
		f.What = fmt.Sprintf("%s speaks %s at most, and this firmware %s", hostport, theirs, ours)
		f.Fix = fmt.Sprintf("Enable %s on %s, or choose a firmware profile that speaks %s, if there is one (--firmware).",
			ours, host, theirs)
		f.Because = "RFC 5246 E.1"
	case errors.As(err, &op) && op.Op == "remote error": // crypto/tls's name for an alert of the server
		explainAlert(f, host, ours, offered.MaxVersion != 0, strings.TrimPrefix(op.Err.Error(), "tls: "))
	case isTimeout(err):
		f.Code, f.What = journal.SIPNoAnswer, hostport+" takes the connection and does not answer the TLS handshake"
		f.Fix = fmt.Sprintf("Check that a server with TLS listens at %s and is not overloaded.", hostport)
	case strings.HasPrefix(err.Error(), "tls: "): // what crypto/tls does not accept
		f.What = "The TLS handshake with " + hostport + " broke off"
		f.Fix = fmt.Sprintf("Enable %s on %s with a cipher suite of that version.", ours, host)
	default: // closed or reset
		f.Code, f.What = journal.ConnFailed, hostport+" closed the connection during the TLS handshake"
		f.Fix = fmt.Sprintf("Look in the log of %s for why it closed the connection; some servers do it in place of an "+
			"alert when they do not speak %s.", host, ours)
	}
	return f
}

// explainAlert explains an alert of the server (RFC 5246 7.2.2); limited says that
// the firmware speaks no newer versions than ours.
func explainAlert(f *journal.Failure, host, ours string, limited bool, alert string) {
	f.What = fmt.Sprintf("%s ended the TLS handshake with the alert %q", host, alert)
	f.Because = "RFC 5246 7.2.2"
	newer := ""
	if limited {
		newer = ", or choose a firmware profile that speaks newer versions (--firmware today)"
	}
	switch alert {
	case "protocol version not supported":
		f.Fix = fmt.Sprintf("Enable %s on %s%s.", ours, host, newer)
	case "handshake failure", "insufficient security level":
		f.Fix = fmt.Sprintf("Enable a cipher suite of %s on %s%s.", ours, host, newer)
	case "internal error": // not about what the phone offers: a later attempt may succeed
		f.Code = journal.ConnFailed
		fallthrough
	default:
		f.Fix = fmt.Sprintf("Look in the log of %s for the cause of the alert.", host)
	}
}

var unsupportedVersion = regexp.MustCompile(`server selected unsupported protocol version ([0-9a-f]{1,4})$`)

// selectedVersion is the version that the server selected although the phone did
// not offer it; 0: err is about something else. crypto/tls has no error value for it.
func selectedVersion(err error) uint16 {
	m := unsupportedVersion.FindStringSubmatch(err.Error())
	if m == nil {
		return 0
	}
	v, _ := strconv.ParseUint(m[1], 16, 16)
	return uint16(v)
}

// TLSVersions words a range of TLS versions; to 0 is the newest.
func TLSVersions(from, to uint16) string {
	switch to {
	case from:
		return tls.VersionName(from)
	case 0:
		return tls.VersionName(from) + " or newer"
	}
	return tls.VersionName(from) + " to " + tls.VersionName(to)
}

func isTimeout(err error) bool {
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout() || errors.Is(err, context.DeadlineExceeded)
}
