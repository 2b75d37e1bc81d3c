package lab

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/subtle"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/ocphone/ocphone/certstore"
	"github.com/ocphone/ocphone/device/lab/directory"
	"github.com/ocphone/ocphone/device/lab/pki"
)

// Control is the server by which another process changes a running lab: HTTP and
// JSON on loopback, with a bearer token. Client is its client.
//
//	GET   /v1/roots                    []Root
//	POST  /v1/roots/NAME/publish       and /withdraw
//	POST  /v1/certificates/SERVER      CertificateChange; answers the names of the new roots
//	GET   /v1/users                    []ReadyUser
//	PATCH /v1/users/NAME               UserChange
//	POST  /v1/clock/advance            {"by":"8h"}; answers {"now":…}
//	GET   /v1/profiles                 []Profile
//	PUT   /v1/profiles/NAME            Profile without name; adds or replaces it
//	PUT   /v1/profiles/NAME/rules/N    Rule; N from 1, or "end"; answers the Profile
//	DELETE /v1/profiles/NAME/rules/N   answers the Profile
//	POST  /v1/mailboxes/NAME/KIND      Delivery of that kind
type Control struct {
	lab     *Lab
	address ControlAddress
	server  *http.Server
	done    chan struct{}
}

// CertificateChange describes the new certificate of a server: by a defect, by
// the shape of a chain, or by files. The zero value makes a good certificate.
type CertificateChange struct {
	Defect pki.Defect `json:"defect,omitempty"`
	Like   string     `json:"like,omitempty"`  // PEM chain whose shape is copied
	Chain  string     `json:"chain,omitempty"` // PEM chain, with Key
	Key    string     `json:"key,omitempty"`   // PEM
}

// UserChange changes the fields of a user that are not nil.
type UserChange struct {
	Password *string `json:"password,omitempty"`
	UPN      *string `json:"upn,omitempty"`
	Locked   *bool   `json:"locked,omitempty"`
	Disabled *bool   `json:"disabled,omitempty"`
	NoSIP    *bool   `json:"noSIP,omitempty"`
	Display  *string `json:"display,omitempty"`
	Mail     *string `json:"mail,omitempty"`
	Line     *string `json:"line,omitempty"`
	EUM      *string `json:"eum,omitempty"`
	Profile  *string `json:"profile,omitempty"` // name of the dial plan; "": the pool's
}

// Bounds of the control server.
const (
	maxControlBody = 1 << 20 // bytes
	controlTimeout = 10 * time.Second
)

// Serve starts the control server on a free loopback port.
func (l *Lab) Serve() (ControlAddress, error) {
	ln, err := net.Listen("tcp", net.JoinHostPort(loopback, "0"))
	if err != nil {
		return ControlAddress{}, err
	}
	c := &Control{
		lab:     l,
		address: ControlAddress{URL: "http://" + ln.Addr().String(), Token: rand.Text()},
		done:    make(chan struct{}),
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/roots", get(func() any { return l.Roots() }))
	mux.HandleFunc("POST /v1/roots/{name}/{verb}", c.changeRoot)
	mux.HandleFunc("POST /v1/certificates/{server}", change(c.changeCertificate))
	mux.HandleFunc("GET /v1/users", get(func() any { return l.Ready().Users }))
	mux.HandleFunc("PATCH /v1/users/{name}", change(c.changeUser))
	mux.HandleFunc("POST /v1/clock/advance", change(c.advance))
	mux.HandleFunc("GET /v1/profiles", get(func() any { return l.Profiles() }))
	mux.HandleFunc("PUT /v1/profiles/{name}", change(c.changeProfile))
	mux.HandleFunc("PUT /v1/profiles/{name}/rules/{n}", c.changeRule)
	mux.HandleFunc("DELETE /v1/profiles/{name}/rules/{n}", c.changeRule)
	mux.HandleFunc("POST /v1/mailboxes/{name}/{kind}", change(c.deliver))
	c.server = &http.Server{
		Handler:      c.authorized(mux),
		ReadTimeout:  controlTimeout,
		WriteTimeout: controlTimeout,
		IdleTimeout:  controlTimeout,
	}
	go func() {
		defer close(c.done)
		c.server.Serve(ln)
	}()
	l.control = c
	l.closers = append(l.closers, c)
	return c.address, nil
}

// Close stops the control server and waits for it.
func (c *Control) Close() error {
	err := c.server.Close()
	<-c.done
	return err
}

func (c *Control) authorized(next http.Handler) http.Handler {
	want := "Bearer " + c.address.Token
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if subtle.ConstantTimeCompare([]byte(r.Header.Get("Authorization")), []byte(want)) != 1 {
			reply(w, http.StatusUnauthorized, errorBody{"the token of the ready file is needed"})
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxControlBody)
		next.ServeHTTP(w, r)
	})
}

type errorBody struct {
	Error string `json:"error"`
}

func reply(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(v)
}

// replyResult answers v, or err as a bad request.
func replyResult(w http.ResponseWriter, v any, err error) {
	if err != nil {
		reply(w, http.StatusBadRequest, errorBody{err.Error()})
		return
	}
	reply(w, http.StatusOK, v)
}

// get handles a request for a state of the lab.
func get(state func() any) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { replyResult(w, state(), nil) }
}

// change handles a request whose body describes a change of type T. do makes the
// change and returns the answer.
func change[T any](do func(r *http.Request, c T) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var c T
		var answer any
		err := json.NewDecoder(r.Body).Decode(&c)
		if err == nil {
			answer, err = do(r, c)
		}
		replyResult(w, answer, err)
	}
}

func (c *Control) changeRoot(w http.ResponseWriter, r *http.Request) {
	change := c.lab.PublishRoot
	switch r.PathValue("verb") {
	case "publish":
	case "withdraw":
		change = c.lab.WithdrawRoot
	default:
		http.NotFound(w, r)
		return
	}
	err := change(r.PathValue("name"))
	replyResult(w, c.lab.Roots(), err)
}

func (c *Control) changeCertificate(r *http.Request, change CertificateChange) (roots any, err error) {
	roots = []string{}
	server := r.PathValue("server")
	switch {
	case c.lab.serverName(server) == "":
		err = unknownServer(server)
	case change.Like != "":
		var chain []*x509.Certificate
		if chain, err = certstore.ParseCertificates([]byte(change.Like)); err == nil {
			roots, err = c.lab.SetCertificateLike(server, chain)
		}
	case change.Chain != "":
		err = c.lab.SetCertificateFiles(server, []byte(change.Chain), []byte(change.Key))
	default:
		err = c.lab.SetDefect(server, change.Defect)
	}
	return roots, err
}

func (c *Control) changeUser(r *http.Request, change UserChange) (any, error) {
	return struct{}{}, c.lab.SetUser(r.PathValue("name"), change)
}

// SetUser changes the account with the sAMAccountName name. After an error, such as
// for an account or a dial plan that does not exist, nothing has changed.
func (l *Lab) SetUser(name string, change UserChange) error {
	if p := change.Profile; p != nil && *p != "" {
		if _, err := l.profile(*p); err != nil {
			return err
		}
	}
	return l.Directory.SetUser(name, func(u *directory.User) {
		setIfGiven(&u.Password, change.Password)
		setIfGiven(&u.UPN, change.UPN)
		setIfGiven(&u.Locked, change.Locked)
		setIfGiven(&u.Disabled, change.Disabled)
		setIfGiven(&u.SIPDisabled, change.NoSIP)
		setIfGiven(&u.DisplayName, change.Display)
		setIfGiven(&u.Mail, change.Mail)
		setIfGiven(&u.LineURI, change.Line)
		setIfGiven(&u.EUM, change.EUM)
		setIfGiven(&u.LocationProfile, change.Profile)
	})
}

func setIfGiven[T any](field *T, v *T) {
	if v != nil {
		*field = *v
	}
}

type clockChange struct {
	By  string    `json:"by,omitempty"`
	Now time.Time `json:"now,omitzero"`
}

// maxAdvance bounds one advance of the clock, so that a typing error does not
// expire every certificate.
const maxAdvance = 10 * 365 * 24 * time.Hour

func (c *Control) advance(_ *http.Request, a clockChange) (any, error) {
	d, err := time.ParseDuration(a.By)
	if err == nil && (d < 0 || d > maxAdvance) {
		err = fmt.Errorf("a clock is advanced by 0 to %s", maxAdvance)
	}
	if err == nil {
		c.lab.Clock.Advance(d)
	}
	return clockChange{Now: c.lab.Clock.Now()}, err
}

// Client changes a lab that runs in another process.
type Client struct {
	Address ControlAddress
	HTTP    *http.Client // nil: a client with a time-out of ten seconds
}

// Roots lists the lab's roots.
func (c Client) Roots(ctx context.Context) (roots []Root, err error) {
	return roots, c.call(ctx, http.MethodGet, "/v1/roots", nil, &roots)
}

// PublishRoot publishes a root in Active Directory and returns the roots after
// the change.
func (c Client) PublishRoot(ctx context.Context, name string) (roots []Root, err error) {
	return roots, c.call(ctx, http.MethodPost, "/v1/roots/"+url.PathEscape(name)+"/publish", nil, &roots)
}

// WithdrawRoot removes a root from Active Directory and returns the roots after
// the change.
func (c Client) WithdrawRoot(ctx context.Context, name string) (roots []Root, err error) {
	return roots, c.call(ctx, http.MethodPost, "/v1/roots/"+url.PathEscape(name)+"/withdraw", nil, &roots)
}

// SetCertificate changes the certificate of a server and returns the names of
// the new roots.
func (c Client) SetCertificate(
	ctx context.Context, server string, change CertificateChange,
) (roots []string, err error) {
	return roots, c.call(ctx, http.MethodPost, "/v1/certificates/"+url.PathEscape(server), change, &roots)
}

// SetUser changes the account with the sAMAccountName name.
func (c Client) SetUser(ctx context.Context, name string, change UserChange) error {
	return c.call(ctx, http.MethodPatch, "/v1/users/"+url.PathEscape(name), change, nil)
}

// Advance advances the clock of the lab by d and returns its new time.
func (c Client) Advance(ctx context.Context, d time.Duration) (time.Time, error) {
	var a clockChange
	err := c.call(ctx, http.MethodPost, "/v1/clock/advance", clockChange{By: d.String()}, &a)
	return a.Now, err
}

func (c Client) call(ctx context.Context, method, path string, in, out any) error {
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(c.Address.URL, "/")+path, body)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+c.Address.Token)
	client := c.HTTP
	if client == nil {
		client = &http.Client{Timeout: controlTimeout, Transport: &http.Transport{DisableKeepAlives: true}}
	}
	res, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("the lab does not answer; does `ocphone lab` still run? %w", err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(io.LimitReader(res.Body, maxReady))
	if err != nil {
		return err
	}
	if res.StatusCode != http.StatusOK {
		var e errorBody
		json.Unmarshal(b, &e)
		return fmt.Errorf("the lab refused: %s", e.Error)
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(b, out)
}
