//go:build realpeers && linux

package peer

import (
	"crypto/sha1"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// Gateway is DavMail: it translates IMAP, CalDAV, CardDAV and LDAP into Exchange
// Web Services. The fields are its addresses, host:port.
type Gateway struct {
	IMAP, DAV, LDAP string
	*Process
}

// DavMail starts DavMail for the service at url, which has that certificate (DER).
func DavMail(t testing.TB, url string, certificate []byte) Gateway {
	t.Helper()
	Need(t, "davmail-server default-jre-headless", "java")
	const host = "127.21.6.11"
	g := Gateway{IMAP: host + ":1143", DAV: host + ":1080", LDAP: host + ":1389"}
	dir := Dir(t)
	var hash []string
	for _, b := range sha1.Sum(certificate) { // DavMail's own form of trust
		hash = append(hash, fmt.Sprintf("%02X", b))
	}
	settings := fmt.Sprintf(`davmail.server=true
davmail.mode=EWS
davmail.url=%s
davmail.bindAddress=%s
davmail.imapPort=1143
davmail.caldavPort=1080
davmail.ldapPort=1389
davmail.popPort=
davmail.smtpPort=
davmail.disableUpdateCheck=true
davmail.enableProxy=false
davmail.useSystemProxies=false
davmail.server.certificate.hash=%s
davmail.logFilePath=%s
log4j.rootLogger=ERROR
log4j.logger.davmail=ERROR
`, url, host, strings.Join(hash, ":"), filepath.Join(dir, "davmail.log"))
	command := Command{
		Dir: dir,
		Env: []string{"HOME=" + dir, "TZ=UTC", "JAVA_TOOL_OPTIONS=-Djava.awt.headless=true -Xmx256m -XX:TieredStopAtLevel=1"},
		Ready: func() error {
			for _, addr := range []string{g.IMAP, g.DAV, g.LDAP} {
				if err := Listening(addr)(); err != nil {
					return err
				}
			}
			return nil
		},
	}
	g.Process = command.Start(t, "java", "-jar", "/usr/share/davmail/davmail.jar",
		Write(t, dir, "davmail.properties", settings))
	return g
}
