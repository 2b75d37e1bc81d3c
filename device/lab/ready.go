package lab

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/ocphone/ocphone/device/boundedfile"
	"github.com/ocphone/ocphone/device/network"
)

// Ready describes a running lab for another process: the content of the file
// written by `ocphone lab --ready FILE`.
type Ready struct {
	Inside  ReadyPlace     `json:"inside"`
	Outside ReadyPlace     `json:"outside"`
	Users   []ReadyUser    `json:"users"`
	Roots   []Root         `json:"roots"` // the inside pool's root first
	Control ControlAddress `json:"control"`
	Today   bool           `json:"today,omitempty"` // see Deployment.Today
}

// ReadyPlace is a network place of the lab.
type ReadyPlace struct {
	DNS    string             `json:"dns"`              // host:port
	WINS   string             `json:"wins,omitempty"`   // host:port
	Suffix string             `json:"suffix,omitempty"` // DHCP option 15
	Patch  network.AddressMap `json:"patch,omitempty"`  // "host:port" of the deployment to the address of its listener
}

// ReadyUser is an account, with its public password.
type ReadyUser struct {
	SignIn   string `json:"signIn"`
	User     string `json:"user"` // DOMAIN\user
	UPN      string `json:"upn"`
	Password string `json:"password"`
}

// ControlAddress is the URL and the bearer token of a lab's control server.
type ControlAddress struct {
	URL   string `json:"url"`
	Token string `json:"token"`
}

// Ready describes the running lab.
func (l *Lab) Ready() Ready {
	in, out := l.Inside().Place, l.Outside().Place
	r := Ready{Inside: readyPlace(in), Outside: readyPlace(out), Roots: l.Roots(), Today: l.Deployment.Today}
	for _, u := range l.Directory.Users() {
		r.Users = append(r.Users, ReadyUser{
			SignIn:   u.SIP,
			User:     l.Deployment.NetBIOS + `\` + u.SAM,
			UPN:      u.UPN,
			Password: u.Password,
		})
	}
	if l.control != nil {
		r.Control = l.control.address
	}
	return r
}

func readyPlace(p network.Place) ReadyPlace {
	return ReadyPlace{DNS: p.DNS[0], WINS: p.WINS, Suffix: p.Suffix, Patch: p.Patch}
}

// Place returns p as a place for a phone.
func (p ReadyPlace) Place(name string) network.Place {
	return network.Place{Name: name, DNS: []string{p.DNS}, WINS: p.WINS, Suffix: p.Suffix, Patch: p.Patch}
}

// WriteReady writes Ready to file (mode 0600, replaced atomically), and the roots
// as PEM files into the folder FILE.roots beside it.
func (l *Lab) WriteReady(file string) error {
	if err := l.WriteRoots(file + ".roots"); err != nil {
		return err
	}
	b, err := json.MarshalIndent(l.Ready(), "", "  ")
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(file), ".ready-*") // 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(append(b, '\n'))
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), file)
}

// RemoveReady removes the files that WriteReady has written. Other files in the
// folder of roots stay.
func (l *Lab) RemoveReady(file string) {
	os.Remove(file)
	for _, r := range l.Roots() {
		if r.File != "" {
			os.Remove(r.File)
		}
	}
	os.Remove(file + ".roots")
}

// maxReady bounds a ready file and an answer of the control server, in bytes.
const maxReady = 4 << 20

var readyFile = boundedfile.Kind{Name: "the ready file of a lab", Limit: maxReady}

// ReadReady reads a file written by WriteReady.
func ReadReady(ctx context.Context, file string) (Ready, error) {
	var r Ready
	b, err := readyFile.Read(ctx, file)
	if err != nil {
		return r, err
	}
	if err := json.Unmarshal(b, &r); err != nil || r.Inside.DNS == "" {
		return r, fmt.Errorf("%s is no ready file of `ocphone lab --ready FILE` (%v)", file,
			cmp.Or(err, errors.New("no DNS server inside")))
	}
	return r, nil
}
