package setup

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/ocphone/ocphone/device"
	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/lab"
)

// Default ports of name servers.
const (
	dnsPort  = "53"
	winsPort = "137"
)

// plug settles the place: inside or outside of the lab, or the host's network
// with the DNS server of the options.
func (o *Options) plug(ctx context.Context, s *Setup) (err error) {
	if o.Lab != "" {
		ready, err := ReadLab(ctx, o.Lab)
		if err != nil {
			return err
		}
		if !Runs(ready) {
			return namingVariable("lab", o.Lab,
				fmt.Errorf("the lab of %[1]s does not run any more: start one with `ocphone lab --ready %[1]s`", o.Lab))
		}
		s.Lab, s.Place, s.Config.NetBIOS = &ready, ready.Inside.Place("inside"), o.NetBIOS
		if o.Outside {
			s.Place = ready.Outside.Place("outside")
		}
		s.Credentials = o.labUser(ready)
	} else if s.Place.DNS, err = serverList("dns", o.DNS, dnsPort); err != nil {
		return err
	}
	servers, err := serverList("wins", o.WINS, winsPort)
	if err == nil && servers != nil {
		s.Place.WINS, s.Config.NetBIOS = servers[0], true
	}
	return err
}

// ReadLab reads the ready file of a lab. A file that is missing or of another
// form is a usage failure.
func ReadLab(ctx context.Context, file string) (lab.Ready, error) {
	r, err := lab.ReadReady(ctx, file)
	var refused *journal.Failure
	switch {
	case ctx.Err() != nil || errors.As(err, &refused) && !errors.Is(err, fs.ErrNotExist):
	case errors.Is(err, fs.ErrNotExist):
		err = journal.Usagef("there is no file %[1]s: start a lab first, with `ocphone lab --ready %[1]s`", file)
	case err != nil:
		err = journal.Usagef("%v", err)
	}
	return r, namingVariable("lab", file, err)
}

// knockTimeout bounds how long a lab on this machine may take to accept a
// connection.
const knockTimeout = 2 * time.Second

// Runs reports whether the lab of a ready file accepts connections. A lab
// without a control address lives in one process only and is taken to run.
func Runs(r lab.Ready) bool {
	at, err := url.Parse(r.Control.URL)
	if err != nil || at.Host == "" {
		return true
	}
	c, err := net.DialTimeout("tcp", at.Host, knockTimeout)
	if err == nil {
		c.Close()
	}
	return err == nil
}

// labUser is the user of the lab that the options name, else its first one. The
// passwords of a lab are public.
func (o *Options) labUser(ready lab.Ready) (c device.Credentials) {
	for i, u := range ready.Users {
		named := strings.EqualFold(o.SignIn, u.SignIn)
		switch {
		case o.SignIn == "" && o.User == "":
			named = i == 0
		case o.SignIn == "":
			named = strings.EqualFold(o.User, u.User) || strings.EqualFold(o.User, u.UPN)
		}
		if named {
			c = LabCredentials(u)
		}
	}
	return c
}

// LabCredentials are the credentials of a user of a lab.
func LabCredentials(u lab.ReadyUser) device.Credentials {
	return device.Credentials{Address: u.SignIn, User: u.User, Password: u.Password}
}

// signIns lists the sign-in addresses of a lab.
func signIns(ready lab.Ready) string {
	var all []string
	for _, u := range ready.Users {
		all = append(all, u.SignIn)
	}
	return strings.Join(all, ", ")
}

// Firmware profiles that fit a lab.
const (
	firmware2007  = "1.0.522.71"
	firmwareToday = "today"
)

// LabFirmware names the firmware profile that fits a lab of 2007 or of today.
func LabFirmware(today bool) string {
	if today {
		return firmwareToday
	}
	return firmware2007
}

// LabConfig is the Config of a phone that fits a lab: its firmware profile, and the
// time by NTP. Plug the phone into a place of that lab.
func LabConfig(l lab.Ready) device.Config {
	firmware, err := device.FirmwareNamed(LabFirmware(l.Today))
	if err != nil {
		panic(err) // both names are those of profiles
	}
	return device.Config{Firmware: firmware, NTP: true}
}

// Contoso is the deployment of a lab of 2007 or of today.
func Contoso(today bool) lab.Deployment {
	if today {
		return lab.ContosoToday()
	}
	return lab.Contoso()
}

// serverList reads ADDR[:PORT] of a flag; the empty string is an empty list.
func serverList(flag, addr, defaultPort string) ([]string, error) {
	if addr == "" {
		return nil, nil
	}
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		host, port = strings.Trim(addr, "[]"), defaultPort
	}
	if net.ParseIP(host) == nil {
		return nil, journal.Usagef("--%s %q is no IP address: a name server is given as ADDR or ADDR:PORT", flag, addr)
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return nil, journal.Usagef("--%s %q: there is no port %q", flag, addr, port)
	}
	return []string{net.JoinHostPort(host, port)}, nil
}
