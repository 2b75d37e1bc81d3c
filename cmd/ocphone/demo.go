package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/ocphone/ocphone/certstore"
	"github.com/ocphone/ocphone/device"
	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/lab"
)

func (e environment) demo() *cobra.Command {
	var asJSON, today, verbose bool
	c := &cobra.Command{
		Use: "demo", Short: "Tell the story of the paper clip (R1.4), phone and deployment in one process", Args: noArgs,
		Long: `Demo starts a whole deployment on loopback and tells, step by step, why a phone
that works inside is refused outside, why publishing the Edge's root is not
enough, and what the paper clip changes. Every claim at the end was checked.`,
		Example: "  ocphone demo\n  ocphone demo --json | jq -r 'select(.step==\"trust\") | .decided'",
		RunE: func(c *cobra.Command, _ []string) error {
			p := newPrinter(e.out, asJSON)
			p.brief = !verbose
			return runStory(c.Context(), p, today)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print the steps as JSON lines, each with its act")
	c.Flags().BoolVarP(&verbose, "verbose", "v", false, "show all evidence and the rule of each step")
	c.Flags().BoolVar(&today, "today", false, "use a deployment and firmware of today instead of 2007")
	return c
}

// story is the paper-clip story R1.4.
type story struct {
	*printer
	world  *lab.Lab
	phone  *device.Phone
	creds  device.Credentials
	cursor uint64
	asked  int // searches that the domain controller has seen at the start of the act
	proved []string
}

// storyTimeout bounds each act in real time; an act takes milliseconds.
const storyTimeout = 20 * time.Second

func runStory(ctx context.Context, p *printer, today bool) error {
	deployment, name := lab.Contoso(), "1.0.522.71"
	if today {
		deployment, name = lab.ContosoToday(), "today"
	}
	world, err := lab.New(deployment)
	if err != nil {
		return err
	}
	defer world.Close()
	fw, err := device.FirmwareNamed(name)
	if err != nil {
		return err
	}
	phone, err := device.New(device.Config{Firmware: fw, RootSet: "factory-2007", NTP: true})
	if err != nil {
		return err
	}
	defer phone.Close()
	user := world.Ready().Users[0]
	s := story{printer: p, world: world, phone: phone,
		creds: device.Credentials{Address: user.SignIn, User: user.User, Password: user.Password}}
	return s.tell(ctx)
}

// tell plays the acts; the first thing that is not as R1.4 says ends it.
func (s *story) tell(ctx context.Context) error {
	pool, edge := s.world.Deployment.Pool.Host, s.world.Deployment.Edge.Host
	factory := s.phone.Snapshot().Roots
	s.line(bold, "The story of the paper clip")
	s.line(dim, "One process: domain controller, DNS inside and outside, time server, OCS pool, Edge, and a phone of firmware %s. Nothing leaves this machine.", s.phone.Snapshot().Firmware)

	in, out := s.world.Inside().Place, s.world.Outside().Place
	acts := []struct {
		title, tale string
		do          func() error
		proves      func(device.Snapshot) (claim string, ok bool)
	}{
		{"Inside, a new phone", fmt.Sprintf("The pool's certificate comes from the company's own CA, which no phone knows. Active Directory holds that root. %s signs in.", s.creds.Address),
			func() error { s.phone.PowerOn(); s.phone.Plug(in); return s.phone.SignIn(s.creds) },
			func(now device.Snapshot) (string, bool) {
				return "Inside, one root came from Active Directory, and the phone signed in.", s.signedIn(now, pool) && downloaded(now) == 1 && s.searched()
			}},
		{"The administrator publishes the root of the Edge", "The Edge's certificate comes from a CA that the phone does not know either. Its root now stands in Active Directory: certutil -f -dspublish … RootCA. The phone is taken home.",
			func() error {
				if err := s.world.PublishRoot(lab.PublicRoot); err != nil {
					return err
				}
				s.phone.Plug(out)
				return nil
			},
			func(now device.Snapshot) (string, bool) {
				return "Outside, the phone refused the Edge and named its unknown issuer.", s.refused(now)
			}},
		{"Inside again", "So back to the office: is the published root not fetched now?",
			func() error { s.phone.Plug(in); return nil },
			func(now device.Snapshot) (string, bool) {
				return "Inside again, it signed in without asking Active Directory, since a stored root satisfied the pool: the new root did not arrive.", s.signedIn(now, pool) && downloaded(now) == 1 && !s.searched()
			}},
		{"Outside again", "Home once more.",
			func() error { s.phone.Plug(out); return nil },
			func(now device.Snapshot) (string, bool) { return "Outside it was still refused.", s.refused(now) }},
		{"The paper clip", "A paper clip goes into the small hole on the back, between the USB and the headset connector.",
			func() error { _, err := s.phone.PressReset(); return err },
			func(now device.Snapshot) (string, bool) {
				return "After the paper clip nothing that was downloaded is trusted; the factory roots stayed.", downloaded(now) == 0 && len(now.Roots) == len(factory)
			}},
		{"Inside, once", "The user signs in at the office, one time.",
			func() error { s.phone.Plug(in); return s.phone.SignIn(s.creds) },
			func(now device.Snapshot) (string, bool) {
				return "Inside, both roots arrived, though the pool needs only one.", s.signedIn(now, pool) && downloaded(now) == 2 && s.searched()
			}},
		{"Outside", "And home.",
			func() error { s.phone.Plug(out); return nil },
			func(now device.Snapshot) (string, bool) {
				return "Outside, the phone signed in through the Edge.", s.signedIn(now, edge) && now.Remote
			}},
	}
	for i, act := range acts {
		s.act = i + 1
		s.blank()
		s.line(bold+";"+cyan, "%d. %s", s.act, act.title)
		s.line("", "%s", act.tale)
		s.blank()
		s.asked = s.world.DC.Searches()
		if err := act.do(); err != nil {
			return err
		}
		now, err := s.settle(ctx)
		if err != nil {
			return err
		}
		claim, ok := act.proves(now)
		if !ok {
			return fmt.Errorf("act %d: this should have held and did not: %s", s.act, claim)
		}
		s.proved = append(s.proved, claim)
	}
	s.blank()
	s.line(bold, "What was proved")
	for _, claim := range s.proved {
		if !s.json {
			s.wrap(s.paint(green, "✓")+" ", claim, "")
		}
	}
	s.blank()
	s.line(dim, "The rule behind it (ocphone explain R1.2): the phone asks Active Directory only when no root that it holds leads to the pool's certificate. Try it by hand: ocphone lab --ready lab.json, then ocphone run --lab lab.json.")
	return nil
}

// settle waits until the phone has come to rest, and prints its steps.
func (s *story) settle(ctx context.Context) (device.Snapshot, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, storyTimeout, errors.New("the phone did not come to rest in time"))
	defer cancel()
	now, err := s.phone.Wait(ctx, func(now device.Snapshot) bool { return now.Done() || now.State == device.Waiting })
	var events []device.Event
	events, s.cursor, _ = s.phone.Events().Since(s.cursor)
	for _, e := range events {
		if e.Step != nil {
			s.step(*e.Step)
		}
	}
	return now, err
}

func (s *story) signedIn(now device.Snapshot, host string) bool {
	return now.State == device.IsReady && hostOf(now.Server) == host
}

// refused says that the sign-in failed for want of the Edge's root, by name.
func (s *story) refused(now device.Snapshot) bool {
	return now.State == device.Refused && now.Failure.Code == journal.CertUntrusted &&
		now.Verdict != nil && now.Verdict.Issuer() == certstore.Root{Certificate: s.world.PKI.Public.Certificate}.Subject()
}

// searched reports whether the domain controller was asked in this act.
func (s *story) searched() bool { return s.world.DC.Searches() > s.asked }

func downloaded(s device.Snapshot) (n int) {
	for _, r := range s.Roots {
		if r.Downloaded() {
			n++
		}
	}
	return n
}
