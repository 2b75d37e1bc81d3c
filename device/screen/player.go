package screen

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/ocphone/ocphone/device"
	"github.com/ocphone/ocphone/device/screen/view"
)

// playerPage plays one voice mail: it fetches the recording when it is asked to.
type playerPage struct {
	dials
	s    *Screen
	id   string // of the message at Exchange
	last mail   // as of the last view

	doing   deed
	run     int                // counts what was begun: what an older errand tells is dropped
	stop    context.CancelFunc // of what is under way; nil: nothing is
	ended   chan struct{}      // closed when the last errand has let go of the loudspeaker
	record  int                // which of the recordings
	records int                // how many there are; 0: not known yet
	sound   []byte             // nil: not fetched
	audio   string             // its format, by its first bytes
	got     int                // bytes, while it is fetched
	at      time.Duration      // how far it was played
	problem []string           // sentences
	marked  bool               // it was made read from here
}

// deed is what the page is doing.
type deed string

const (
	resting  deed = ""
	fetching deed = "fetching"
	playing  deed = "playing"
	deleting deed = "deleting"
)

// IDs of the player.
const (
	playID   = "play"
	pauseID  = "pause"
	deleteID = "delete"
	markID   = "mark-read"
	backID   = "call-back"
	nextID   = "next-recording"
)

func newPlayerPage(s *Screen, id string) page { return &playerPage{s: s, id: id} }

func (p *playerPage) view(d draw) view.Page {
	v := view.Page{ID: "player", Layout: view.Detail, Title: d.say("player.title")}
	m, there := p.find(d)
	p.last = m
	if !there {
		v.Controls = append(d.boxLines(), view.Control{ID: "gone", Role: view.Text, Text: d.say("player.gone"), Icon: view.IconInfo})
		return v
	}
	v.Controls = append(v.Controls, view.Control{ID: "caller", Role: view.Heading, Text: m.caller(d.texts), Icon: view.IconVoicemail})
	if m.number != "" && m.who != "" {
		v.Controls = append(v.Controls, view.Control{ID: "from", Role: view.Label, Text: d.say("player.number"), Value: d.readable(m.number)})
	}
	v.Controls = append(v.Controls, view.Control{ID: "when", Role: view.Label, Text: d.say("player.when"), Value: d.when(m.at)})
	if m.length > 0 {
		v.Controls = append(v.Controls, view.Control{ID: "length", Role: view.Label, Text: d.say("player.length"), Value: minutes(m.length)})
	}
	if p.records > 1 {
		v.Controls = append(v.Controls, view.Control{ID: "recording", Role: view.Label, Text: d.say("player.recording"), Value: d.say("player.which", "Number", p.record+1, "Total", p.records)})
	}
	if p.audio != "" {
		v.Controls = append(v.Controls, view.Control{ID: "format", Role: view.Label, Text: d.say("player.format"),
			Value: joined(d.codec(p.audio), d.kilobytes(len(p.sound)))})
	}
	v.Controls = append(v.Controls, p.state(d, m)...)
	v.Nav = p.keys(d, m)
	return v
}

// find is the message as the mailbox has it now.
func (p *playerPage) find(d draw) (mail, bool) {
	all := d.people().mails(d)
	i := slices.IndexFunc(all, func(m mail) bool { return m.id == p.id })
	if i < 0 {
		return mail{}, false
	}
	return all[i], true
}

// state says what is going on, or what stands in the way.
func (p *playerPage) state(d draw, m mail) []view.Control {
	line := func(id, text string, tone view.Tone) view.Control {
		return view.Control{ID: id, Role: view.Text, Text: text, Tone: tone}
	}
	switch {
	case p.doing == deleting:
		return []view.Control{{ID: "progress", Role: view.Progress, Text: d.say("player.deleting"), Fraction: -1}}
	case p.doing == fetching:
		return []view.Control{{ID: "progress", Role: view.Progress, Text: d.say("player.fetching"), Value: d.kilobytes(p.got), Fraction: -1}}
	case m.protected:
		return []view.Control{line("cannot", d.say("player.protected"), view.ToneWarn)}
	case len(p.problem) > 0:
		c := line("problem", p.problem[0], view.ToneBad)
		c.Icon = view.IconError
		if len(p.problem) > 1 {
			c.Second = p.problem[1]
		}
		return []view.Control{c}
	case p.sound != nil && !playable(p.audio):
		return []view.Control{line("cannot", d.say("player.unplayable", "Format", d.codec(p.audio)), view.ToneWarn)}
	case p.s.opt.Player == nil:
		return []view.Control{line("silent", d.say("player.silent"), view.ToneDim)}
	case p.doing == playing || p.at > 0:
		c := view.Control{ID: "progress", Role: view.Progress, Text: d.say("player.playing"), Value: minutes(p.at), Fraction: -1}
		if p.doing != playing {
			c.Text = d.say("player.paused")
		}
		if p.records < 2 && m.length > 0 { // the length is that of all recordings otherwise
			c.Value, c.Fraction = minutes(p.at)+" / "+minutes(m.length), min(1, p.at.Seconds()/m.length.Seconds())
		}
		return []view.Control{c}
	}
	return nil
}

// keys are the soft keys.
func (p *playerPage) keys(d draw, m mail) (nav []view.Control) {
	busy := p.doing == deleting
	key := func(id, text string, icon view.Icon) {
		nav = append(nav, view.Control{ID: id, Role: view.Button, Text: text, Icon: icon, Off: busy})
	}
	switch {
	case p.doing == fetching:
		key(pauseID, d.say("player.stop"), view.IconPause)
	case p.doing == playing:
		key(pauseID, d.say("player.pause"), view.IconPause)
	case m.protected || p.sound != nil && (!playable(p.audio) || p.s.opt.Player == nil):
	case p.s.opt.Player == nil:
		key(playID, d.say("player.check"), view.IconInfo)
	default:
		key(playID, d.say("player.play"), view.IconPlay)
	}
	if p.records > 1 {
		key(nextID, d.say("player.next"), view.IconVoicemail)
	}
	if !m.read && !p.marked {
		key(markID, d.say("player.mark"), view.IconOK)
	}
	if m.number != "" {
		key(backID, d.say("player.callBack"), view.IconDial)
	}
	key(deleteID, d.say("player.delete"), view.IconDelete)
	return nav
}

func (p *playerPage) tap(s *Screen, id string) {
	switch id {
	case playID:
		p.play(s)
	case pauseID:
		p.halt()
	case troubleID:
		s.openTrouble()
	case nextID:
		p.halt()
		p.record, p.sound, p.audio, p.at, p.problem = (p.record+1)%p.records, nil, "", 0, nil
	case markID:
		p.mark(s)
	case backID:
		p.halt()
		s.open(newDialPage(s, p.last.number))
	case deleteID:
		p.halt()
		t := s.texts
		s.confirm("voicemail-delete", t.say("player.deleteTitle"), []string{t.say("player.deleteAsk", "Name", p.last.caller(t))}, t.say("player.delete"),
			func(s *Screen) { p.remove(s) })
	}
}

// halt ends what is under way; how far the recording was played stays.
func (p *playerPage) halt() {
	if p.stop != nil {
		p.stop()
	}
	p.stop, p.doing = nil, resting
	p.run++
}

// begin starts an errand of the page, which ends when the page goes. What work
// tells, and done at its end, are dropped once something else was begun; an
// error is shown instead of done.
func (p *playerPage) begin(s *Screen, what deed, work func(ctx context.Context, tell func(func())) error, done func()) {
	p.halt()
	ctx, cancel := context.WithCancel(s.ctx)
	before, ended, run := p.ended, make(chan struct{}), p.run
	p.doing, p.stop, p.ended, p.problem, p.got = what, cancel, ended, nil, 0
	mine := func(f func()) func() {
		return func() {
			if p.run == run {
				f()
			}
		}
	}
	var err error
	s.errand(func(context.Context) {
		defer close(ended)
		defer cancel()
		defer s.Watch(func() {
			if !s.isOpen(p) {
				cancel()
			}
		})()
		if !s.isOpen(p) {
			return
		}
		if before != nil { // there is one loudspeaker
			<-before
		}
		if err = work(ctx, func(f func()) { s.change(mine(f)) }); ctx.Err() != nil {
			err = ctx.Err()
		}
	}, mine(func() {
		p.stop, p.doing = nil, resting
		switch {
		case errors.Is(err, context.Canceled):
		case err != nil:
			p.problem = describe(s.texts, err)
		default:
			done()
		}
	}))
}

// isOpen reports whether a page is among those that a person opened.
func (s *Screen) isOpen(p page) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Contains(s.stack, p)
}

// play fetches the recording if it is not there, and plays it from where it was
// left.
func (p *playerPage) play(s *Screen) {
	sound, audio, at, index := p.sound, p.audio, p.at, p.record
	what := playing
	if sound == nil {
		what = fetching
	}
	heard := false
	p.begin(s, what, func(ctx context.Context, tell func(func())) (err error) {
		if sound == nil {
			var records int
			sound, audio, records, err = fetch(ctx, s.phone, p.id, index, func(n int) { tell(func() { p.got = n }) })
			if err != nil {
				return err
			}
			tell(func() {
				p.sound, p.audio, p.records = sound, audio, records
				if s.opt.Player != nil && playable(audio) {
					p.doing = playing
				}
			})
		}
		if s.opt.Player == nil || !playable(audio) || ctx.Err() != nil {
			return nil
		}
		heard = true
		return s.opt.Player.Play(ctx, sound, at, func(at time.Duration) { tell(func() { p.at = at }) })
	}, func() {
		if !heard {
			return
		}
		if p.at = 0; !p.last.read && !p.marked {
			p.mark(s)
		}
	})
}

// mark makes the message read at Exchange, whatever the page does meanwhile.
func (p *playerPage) mark(s *Screen) {
	p.marked = true
	var err error
	s.errand(func(ctx context.Context) {
		now := s.phone.Snapshot()
		i := mailIndex(now, p.id)
		client, no := s.phone.Exchange()
		if err = no; err != nil || i < 0 {
			return
		}
		if _, err = client.MarkRead(ctx, now.Mailbox.VoiceMails[i].ID, true); err == nil {
			s.phone.RefreshMailbox()
		}
	}, func() {
		if err != nil {
			p.marked = false
			if p.doing == resting {
				p.problem = describe(s.texts, err)
			}
		}
	})
}

// remove deletes the message at Exchange, and leaves the page once it is gone
// from the mailbox as the phone shows it, or Exchange fails.
func (p *playerPage) remove(s *Screen) {
	p.begin(s, deleting, func(ctx context.Context, _ func(func())) error {
		now := s.phone.Snapshot()
		i := mailIndex(now, p.id)
		client, err := s.phone.Exchange()
		if err != nil || i < 0 {
			return err
		}
		if err := client.Delete(ctx, now.Mailbox.VoiceMails[i].ID); err != nil {
			return err
		}
		s.phone.RefreshMailbox()
		s.await(ctx, func(next device.Snapshot) bool {
			return mailIndex(next, p.id) < 0 || draw{now: next}.boxTrouble() != nil
		})
		return nil
	}, func() {
		if n := len(s.stack); n > 0 && s.stack[n-1] == page(p) {
			s.back()
		}
	})
}

// await waits until the Screen knows of a Snapshot that is good, or ctx ends.
func (s *Screen) await(ctx context.Context, good func(device.Snapshot) bool) {
	changed := make(chan struct{}, 1)
	defer s.Watch(func() {
		select {
		case changed <- struct{}{}:
		default:
		}
	})()
	for {
		s.mu.Lock()
		now := s.now
		s.mu.Unlock()
		if good(now) {
			return
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return
		}
	}
}
