package adroots_test

import (
	"context"
	"fmt"
	"net"

	"github.com/ocphone/ocphone/certstore"
	"github.com/ocphone/ocphone/certstore/adroots"
	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/lab/ad"
	"github.com/ocphone/ocphone/device/lab/directory"
	"github.com/ocphone/ocphone/device/lab/pki"
)

// oneController is a network whose only server is the domain controller at addr.
type oneController struct{ addr string }

func (o oneController) LookupSRV(context.Context, string) ([]adroots.SRV, string, error) {
	return []adroots.SRV{{Target: "dc1.contoso.com", Port: 389}}, "DNS server", nil
}

func (o oneController) DialContext(ctx context.Context, network, _ string) (net.Conn, error) {
	return new(net.Dialer).DialContext(ctx, network, o.addr)
}

// The roots that a domain controller of the lab publishes are downloaded and
// installed. Each decision on the way is a step.
func ExampleDownload() {
	dir := directory.New("contoso.com", "CONTOSO")
	root, err := pki.NewRoot(pki.EnterpriseName, pki.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	dir.PublishRoot("Contoso Root CA", root.Certificate.Raw)
	if err := dir.AddUser(directory.User{SAM: "tu", Password: "Passw0rd!"}); err != nil {
		fmt.Println(err)
		return
	}
	dc := ad.New(dir)
	if err := dc.Start(); err != nil {
		fmt.Println(err)
		return
	}
	defer dc.Close()

	result, err := adroots.Download(context.Background(), adroots.Config{
		Domain:     "contoso.com",
		User:       "tu",
		UserDomain: "CONTOSO",
		Password:   "Passw0rd!",
		Resolver:   oneController{dc.Addr()},
		Dialer:     oneController{dc.Addr()},
		Record:     func(s journal.Step) { fmt.Println(s.State, s.Decided) },
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	store, _ := certstore.Store{}.Install(result.Roots)
	for _, r := range store.Roots() {
		fmt.Println(r.Subject(), "from", r.Source.Server)
	}
	// Output:
	// ok Ask dc1.contoso.com for the roots of contoso.com
	// ok Everything from here on is signed and sealed under the session key
	// ok The forest's configuration partition holds the published roots
	// ok Each certificate that is published there is examined
	// ok 1 root to install
	// CN=Contoso Root CA,DC=contoso,DC=com from dc1.contoso.com:389
}
